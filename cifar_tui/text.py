"""Values as a person reads them, the same in reports and on terminals. Standard library only."""

from __future__ import annotations

import math

UNKNOWN = "–"
"""What is shown for a value that is not known, or no number."""
MOST_IN_CELL = 80
"""Characters of a value in a table."""
STEPS = ((60, 5), (600, 10), (3600, 60), (36_000, 300), (math.inf, 3600))
"""A time to go that is below the first is rounded to the second, both in seconds."""


def printable(text: str) -> str:
    r"""`text` on one line in which nothing acts on a terminal: what does not print is shown as its escape.

    Control characters, line ends, format characters such as bidirectional overrides, unpaired surrogates and spaces
    other than the plain one become Python's escapes (`\n`, `\x1b`, `\u202e`); everything else is kept.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cell(value: object, most: int = MOST_IN_CELL) -> str:
    """A value of a file that anybody may have written, for a table: printable, and cut where it is far too long."""
    text = UNKNOWN if value is None else str(value)
    return printable(text if len(text) <= most else f"{text[: most - 1]}…")


def figure(value: object) -> float | None:
    """A finite number as it is; None for anything else, such as a damaged file may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with two decimals: `91.95 %`."""
    return UNKNOWN if fraction is None or not math.isfinite(fraction) else f"{100 * fraction:.2f} %"


def count(n: int) -> str:
    """A whole number with thousands separators: `45,000`."""
    return f"{n:,}"


def plural(n: int, noun: str) -> str:
    """A count and its noun, of those that take an s: `1 epoch`, `50 epochs`."""
    return f"{count(n)} {noun}" if n == 1 else f"{count(n)} {noun}s"


def duration(seconds: float | None) -> str:
    """A time in its two largest units: `4.2 s`, `37 s`, `3 min 05 s`, `2 h 03 min`, `1 d 04 h`."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(seconds / 3600)
    return f"{count(hours // 24)} d {hours % 24:02} h"


def time_left(seconds: float) -> str:
    """A time to go, so coarse that the text is calm: `< 10 s`, `35 s`, `3 min 10 s`, `24 min`, `2 h 05 min`."""
    if not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 10:
        return "< 10 s"
    step = next(step for limit, step in STEPS if seconds < limit)
    whole = round(seconds / step) * step
    minutes, hours = whole // 60, whole // 3600
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{minutes} min {whole % 60:02} s" if whole % 60 else f"{minutes} min"
    if whole < 36_000:
        return f"{hours} h {minutes % 60:02} min"
    return f"{hours} h" if hours < 48 else f"{count(hours // 24)} d {hours % 24:02} h"


def points(difference: float) -> str:
    """A difference between two accuracies in percentage points, with its sign: `+35.41`, `−0.20`."""
    return UNKNOWN if not math.isfinite(difference) else f"{100 * difference:+.2f}".replace("-", "−")


def probability(p: float) -> str:
    """A test's probability, with what it is: `p = 0.031`, `p < 0.0001`."""
    if not math.isfinite(p):
        return f"p {UNKNOWN}"
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
