"""Intervals of accuracies and of their differences, and the exact test, are what their papers say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cifar_tui.analysis.significance import difference_interval, mcnemar_test, wilson_interval

COUNTS = st.tuples(*[st.integers(0, 40)] * 4)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_of_an_accuracy_is_wilsons(correct: int, wrong: int) -> None:
    images = correct + wrong
    low, high = wilson_interval(correct, images)
    if not images:
        assert math.isnan(low)
        assert math.isnan(high)
        return
    expected = binomtest(correct, images).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= correct / images <= high <= 1


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_test_is_exact(only_a: int, only_b: int) -> None:
    tosses = only_a + only_b
    assert mcnemar_test(only_a, only_b) == pytest.approx(binomtest(only_a, tosses).pvalue if tosses else 1.0)


@given(COUNTS)
def test_the_interval_is_newcombes(counts: tuple[int, int, int, int]) -> None:
    """Written out once more as in the paper, with its letters: e and h agree, f and g do not."""
    e, f, g, h = counts
    n = e + f + g + h
    if not n:
        return
    z = 1.959964

    def ends(p: float) -> tuple[float, float]:
        root = z * math.sqrt(z * z + 4 * n * p * (1 - p))
        return (2 * n * p + z * z - root) / (2 * (n + z * z)), (2 * n * p + z * z + root) / (2 * (n + z * z))

    p1, p2 = (e + f) / n, (e + g) / n
    (l1, u1), (l2, u2) = ends(p1), ends(p2)
    numerator: float = e * h - f * g
    numerator = max(numerator - n / 2, 0) if numerator > 0 else numerator
    denominator = math.sqrt((e + f) * (g + h) * (e + g) * (f + h))
    phi = numerator / denominator if denominator else 0
    delta = math.sqrt(max(0, (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2))
    epsilon = math.sqrt(max(0, (p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2))

    assert difference_interval(*counts) == pytest.approx((p1 - p2 - delta, p1 - p2 + epsilon), abs=1e-5)


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    shares = np.array([0.70, 0.18, 0.07, 0.05])
    held = 0
    for counts in np.random.default_rng(3).multinomial(120, shares, size=2000):
        low, high = difference_interval(*map(int, counts))
        held += low <= shares[1] - shares[2] <= high

    assert 0.935 <= held / 2000 <= 0.975
