"""Two models on the same images are told apart as statistics says, no more and no less."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.analysis.paired import Paired, difference_interval, mcnemar, pair

ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)
COUNTS = st.tuples(*[st.integers(0, 40)] * 4)


def of(answers: list[tuple[bool, bool]]) -> Paired:
    table = np.array(answers, bool).reshape(-1, 2)
    return pair(table[:, 0], table[:, 1])


@given(ANSWERS)
def test_every_image_is_counted_once_and_where_it_belongs(answers: list[tuple[bool, bool]]) -> None:
    found = of(answers)

    assert found.both == sum(a and b for a, b in answers)
    assert found.only_a == sum(a and not b for a, b in answers)
    assert found.only_b == sum(b and not a for a, b in answers)
    assert found.neither == sum(not (a or b) for a, b in answers)
    assert found.images == len(answers)
    if answers:
        assert found.accuracy_a == pytest.approx(sum(a for a, _ in answers) / len(answers))
        assert found.difference == pytest.approx(found.accuracy_a - found.accuracy_b)
        assert -1 - 1e-9 <= found.low <= found.difference + 1e-12
        assert found.difference - 1e-12 <= found.high <= 1 + 1e-9
    else:
        assert all(map(math.isnan, (found.difference, found.low, found.high, found.p_value)))


@given(ANSWERS.filter(bool))
def test_the_other_way_round_it_is_the_same_with_the_other_sign(answers: list[tuple[bool, bool]]) -> None:
    one, other = of(answers), of([(b, a) for a, b in answers])

    assert (one.only_a, one.only_b, one.p_value) == (other.only_b, other.only_a, other.p_value)
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low))


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_test_is_exact(only_a: int, only_b: int) -> None:
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, k) for k in range(min(only_a, only_b) + 1))

    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, 2 * tail / 2**tosses))


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


def test_of_many_images_the_interval_is_that_of_a_bootstrap() -> None:
    answers = np.random.default_rng(5).choice(4, size=10_000, p=[0.54, 0.37, 0.03, 0.06])
    found = pair(answers <= 1, (answers == 0) | (answers == 2))
    # To draw 10,000 of these images again is to draw that often from the four kinds that there are.
    again = np.random.default_rng(6).multinomial(10_000, np.bincount(answers, minlength=4) / 10_000, size=4000)
    differences = (again[:, 1] - again[:, 2]) / 10_000

    assert (found.low, found.high) == pytest.approx(np.percentile(differences, [2.5, 97.5]), abs=1.5e-3)
