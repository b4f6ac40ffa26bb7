"""Values as a person reads them, the same in reports and on terminals. Standard library only."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Mapping

UNKNOWN = "–"
"""What is shown for a value that is not known, or no number."""
ZWNJ, ZWJ = JOINERS = "\u200c", "\u200d"
"""They part and join the letters of Persian and of Indian scripts, and join emoji to one."""
SIGNS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u180e\U000110bd\U000110cd")
"""Format characters that are seen, such as the Arabic number sign, and one that Mongolian is written with."""
STEPS = ((60, 5), (600, 10), (3600, 60), (36_000, 300), (math.inf, 3600))
"""A time to go that is below the first is rounded to the second, both in seconds."""


LONGEST_VALUE = 100
"""Of a value that is refused, the characters that are shown."""


def printable(text: str) -> str:
    r"""`text` on one line in which nothing acts on a terminal, in any script; what does act is shown as its escape.

    Control characters, line ends, marks, overrides and isolates of the writing direction, format characters that are
    not seen and unpaired surrogates become Python's escapes (`\n`, `\x1b`, `\u202e`). Everything else is kept: letters
    and their marks, spaces of any width, emoji also of a later Unicode than Python's, and joiners where a script has
    them, which is not between letters of ASCII.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or _is_shown(c) or (c in JOINERS and _joins(text, at)) else escaped(c)
        for at, c in enumerate(text)
    )


def _is_shown(c: str) -> bool:
    """Whether a character that Python does not print is one that does no more than stand there."""
    if c in SIGNS:
        return True
    match unicodedata.category(c):
        case "Zs" | "Co":
            return True
        case "Cn":  # Not known to this Python. The last plane of letters is followed by one that holds none.
            return 0x10000 <= ord(c) < 0xE0000 and ord(c) & 0xFFFE != 0xFFFE
        case _:
            return False


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands where scripts and emoji have one: what is joined is neither ASCII nor a wide letter.

    A terminal may show what a joiner joins as one character, or not: between others, a name could hide its width.
    """
    before, after = text[max(0, at - 1) : at], text[at + 1 : at + 2]  # Nothing is ASCII too.
    joined = (before, after) if text[at] == ZWJ else (before,)
    return not any(c.isascii() or c in JOINERS or _is_wide_letter(c) for c in joined)


def _is_wide_letter(c: str) -> bool:
    return unicodedata.category(c)[0] == "L" and unicodedata.east_asian_width(c) in "WF"


def escaped(c: str) -> str:
    """A character as Python's escape for it."""
    return c.encode("unicode_escape").decode("ascii")


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with two decimals: `91.95 %`."""
    return UNKNOWN if fraction is None or not math.isfinite(fraction) else f"{100 * fraction:.2f} %"


def count(n: int) -> str:
    """A whole number with thousands separators: `45,000`."""
    return f"{n:,}"


def four_digits(value: float) -> str:
    """Any number in about four digits: `0.1234`, `12,345`, `1.23e-05`."""
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if 1e4 <= size < 1e9:
        return count(round(value))
    if size and not 1e-4 <= size < 1e9:
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{digits}e{int(power)}"
    return f"{value:.4g}"


def short(value: float) -> str:
    """A number in four characters and its sign: `.123`, `1.23`, `123`, `1.2k`, `1e-5`."""
    if not math.isfinite(value):
        return UNKNOWN
    rounded = float(f"{value:.3g}")
    size = abs(rounded)
    if size and not 1e-3 <= size < 1e12:
        digits, _, power = f"{value:.0e}".partition("e")
        return f"{digits}e{int(power)}"
    if 0 < size < 1:
        return f"{rounded:.3f}".replace("0.", ".", 1)
    scale, unit = next(((s, u) for s, u in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if size >= s), (1.0, ""))
    if not unit:
        return f"{rounded:.3g}"
    return f"{f'{rounded / scale:.{1 if size < 10 * scale else 0}f}'.removesuffix('.0')}{unit}"


BYTE_UNITS = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def byte_unit(most: float) -> tuple[float, str]:
    """The unit for sizes up to this one, in bytes, and its name."""
    return next(((size, name) for size, name in BYTE_UNITS if abs(most) >= size), (1.0, "B"))


def file_size(size: float) -> str:
    """A number of bytes in a unit that suits it: `93.7 MiB`."""
    unit, name = byte_unit(size)
    return f"{size / unit:.1f} {name}" if unit > 1 else f"{round(size)} B"


def rate(per_second: float | None, unit: str) -> str:
    """A speed in three digits with its unit: `1,230 images/s`, `2.5 steps/s`."""
    if per_second is None or not (math.isfinite(per_second) and per_second > 0):
        return f"{UNKNOWN} {unit}/s"
    rounded = round(per_second, 2 - math.floor(math.log10(per_second)))
    return f"{count(round(rounded)) if rounded >= 10 else f'{rounded:.3g}'} {unit}/s"


def speed(images_per_second: float | None) -> str:
    """Images per second, as a whole number."""
    return UNKNOWN if images_per_second is None else count(round(images_per_second))


def devices(device: str, processes: int, hosts: int = 1) -> str:
    """What a run computes on: `cuda:0`, or, of several processes with one device each, `8 × cuda on 2 hosts`."""
    if processes <= 1:
        return device
    return f"{count(processes)} × {device.partition(':')[0]}{f' on {count(hosts)} hosts' if hosts > 1 else ''}"


def slowest_process(images_per_second: float | None, rank: int | None) -> str:
    """The slowest of several processes: `slowest process 1,240 (rank 3)`; empty where that is not known."""
    if images_per_second is None or rank is None or not math.isfinite(images_per_second):
        return ""
    return f"slowest process {speed(images_per_second)} (rank {rank})"


def out_of(planned: int | None) -> str:
    """The end of a count of a plan: ` of 50`; empty where the plan is not known."""
    return "" if planned is None else f" of {planned}"


def of_planned(reached: int, planned: int | None) -> str:
    """How much of a plan is reached: `3/50`; the number alone where the plan is not known."""
    return str(reached) if planned is None else f"{reached}/{planned}"


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


def distance(difference: float) -> str:
    """The distance between two accuracies, without a sign: `35.41 points`."""
    return f"{100 * abs(difference):.2f} points"


def probability(p: float) -> str:
    """A test's probability, with what it is: `p = 0.031`, `p < 0.0001`."""
    if not math.isfinite(p):
        return f"p {UNKNOWN}"
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def shortened(value: object) -> str:
    """A value as Python writes it, for a message of one line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # A number of thousands of digits, or lists in lists in lists.
        return f"a {type(value).__name__} that is far too long"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def suggestion(word: str, known: Mapping[str, object] | tuple[str, ...] | list[str]) -> str:
    """` (did you mean X?)` where a known word is close to this one, else the known words in brackets."""
    close = difflib.get_close_matches(word[:LONGEST_VALUE], list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(known)})"
