"""Numbers in the bytes of a text, many at once: most are plain decimals, which NumPy reads letter by letter."""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints

MAX_FIELD = 64
"""Bytes of a field that may be a number."""
MAX_PLAIN = 18
"""Letters of a plain decimal: its digits fit into 63 bits."""


def numbers_in(content: NDArray[np.uint8], starts: Ints, ends: Ints) -> Floats:
    """The numbers of fields.

    Args:
        content: The bytes, with `MAX_FIELD` more behind the last field.
        starts: Where each field starts, (n,).
        ends: Behind its end.

    Returns:
        (n,), NaN for a field that is no number; the last digit of more than fifteen may be rounded otherwise.
    """
    if not len(starts):
        return np.empty(0)
    lengths = ends - starts
    width = max(1, min(int(lengths.max()), MAX_FIELD))
    letters = sliding_window_view(content, width)[starts]
    mantissa = np.zeros(len(starts), np.int64)
    decimals = np.zeros(len(starts), np.int64)
    with_point = np.zeros(len(starts), bool)
    plain = lengths <= MAX_PLAIN
    for place in range(min(width, MAX_PLAIN)):
        inside = place < lengths
        digits = letters[:, place] - np.uint8(ord("0"))
        is_digit = (digits <= 9) & inside
        is_point = (letters[:, place] == ord(".")) & inside & ~with_point
        plain &= is_digit | is_point | ~inside
        mantissa = np.where(is_digit, mantissa * 10 + digits, mantissa)
        decimals += is_digit & with_point
        with_point |= is_point
    plain &= lengths > with_point
    found: Floats = mantissa / 10.0**decimals
    others = np.flatnonzero(~plain)
    if len(others):
        found[others] = _others(letters[others], lengths[others])
    return found


def _others(letters: NDArray[np.uint8], lengths: Ints) -> Floats:
    """Numbers with signs, powers or spaces, and what is none."""
    width = letters.shape[1]
    letters[np.arange(width) >= lengths[:, None]] = 0
    texts = np.ascontiguousarray(letters).view(f"S{width}")[:, 0]
    short = lengths <= MAX_FIELD
    try:
        return np.where(short, texts.astype(np.float64), np.nan)
    except ValueError:
        return np.array([number_of(text) if ok else math.nan for text, ok in zip(texts.tolist(), short, strict=True)])


def words_in(content: NDArray[np.uint8], starts: Ints, ends: Ints) -> NDArray[np.bool_]:
    """Which fields, (n,), hold a word, such as `NA` or `none`; `nan` and `inf` are numbers. As `numbers_in`."""
    first = content[starts] | np.uint8(0x20)
    found = (first >= ord("a")) & (first <= ord("z")) & (ends > starts)
    candidates = np.flatnonzero(found)
    for number in (b"nan", b"inf", b"infinity") if len(candidates) else ():
        letters = content[starts[candidates, None] + np.arange(len(number))] | np.uint8(0x20)
        same = (letters == np.frombuffer(number, np.uint8)).all(axis=1)
        found[candidates[same & (ends[candidates] - starts[candidates] == len(number))]] = False
    return found


def is_word(text: str) -> bool:
    """Whether a field holds a word rather than a number."""
    return text[:1].isalpha() and text.lower() not in ("nan", "inf", "infinity")


def number_of(text: str | bytes) -> float:
    """The number of a field; NaN where it is none."""
    try:
        return float(text) if len(text) <= MAX_FIELD else math.nan
    except ValueError:
        return math.nan
