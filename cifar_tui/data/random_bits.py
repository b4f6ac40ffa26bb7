"""Random numbers by a counter: each follows from a key and an index alone, so that any part can be drawn anywhere.

Which images stand in a batch and how each is augmented is drawn this way: in whole numbers, which every device computes
alike, and whatever the number of processes that share the work.
"""

from __future__ import annotations

from torch import Tensor


def random_bits(key: int, indices: Tensor) -> Tensor:
    """Draw 64 random bits for each index: those of SplitMix64, seeded with the key, at that place of its sequence.

    Source: G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

    Args:
        key: From 0 to 2**63 - 1, as of `derive_seed`; other keys give independent numbers.
        indices: (n,) int64, on any device.

    Returns:
        (n,) int64 on that device, of which all bits are random, that of the sign too.
    """
    bits = (indices + 1).mul_(_signed(0x9E3779B97F4A7C15)).add_(key)
    bits ^= _shifted(bits, 30)
    bits *= _signed(0xBF58476D1CE4E5B9)
    bits ^= _shifted(bits, 27)
    bits *= _signed(0x94D049BB133111EB)
    bits ^= _shifted(bits, 31)
    return bits


def whole_number(bits: Tensor, first: int, count: int, low: int, high: int) -> Tensor:
    """Make of `count` bits of each draw, from bit `first` on, an int64 from `low` to `high` - 1, all as likely.

    That is up to one part in 2**count / (high - low); `count` is at most 32, and `high` - `low` below 2**31.
    """
    return _field(bits, first, count).mul_(high - low).bitwise_right_shift_(count).add_(low)


def uniform(bits: Tensor, first: int, low: float, high: float) -> Tensor:
    """Make of 24 bits of each draw, from bit `first` on, a float32 from `low` to `high`."""
    # One rounding a step: a fused multiply-add of some devices would round once for two.
    return _field(bits, first, 24).float().mul_(2**-24).mul_(high - low).add_(low)


def _field(bits: Tensor, first: int, count: int) -> Tensor:
    return (bits >> first) & ((1 << count) - 1)


def _shifted(bits: Tensor, places: int) -> Tensor:
    """The bits moved to the right, with zeros from the left."""
    return (bits >> places) & ((1 << (64 - places)) - 1)


def _signed(word: int) -> int:
    """The int64 of the same 64 bits."""
    return word - (word >> 63 << 64)
