"""Two runs' predictions for the same images: which images are in which cell, and what statistics says of them."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.analysis.paired_predictions import CELLS, Cell, PairedCounts, count_cells, pair
from cifar_tui.analysis.predictions import Predictions
from tests.support.panel_states import paired_images

CORRECT = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


def of(correct: list[tuple[bool, bool]]) -> PairedCounts:
    table = np.array(correct, bool).reshape(-1, 2)
    return count_cells(table[:, 0], table[:, 1])


@given(CORRECT)
def test_every_image_is_counted_once_in_its_cell(correct: list[tuple[bool, bool]]) -> None:
    found = of(correct)

    assert found.both == sum(a and b for a, b in correct)
    assert found.only_a == sum(a and not b for a, b in correct)
    assert found.only_b == sum(b and not a for a, b in correct)
    assert found.neither == sum(not (a or b) for a, b in correct)
    assert found.images == len(correct)
    if correct:
        assert found.accuracy_a == pytest.approx(sum(a for a, _ in correct) / len(correct))
        assert found.difference == pytest.approx(found.accuracy_a - found.accuracy_b)
        assert -1 - 1e-9 <= found.low <= found.difference + 1e-12
        assert found.difference - 1e-12 <= found.high <= 1 + 1e-9
    else:
        assert all(map(math.isnan, (found.difference, found.low, found.high, found.p_value)))


@given(CORRECT.filter(bool))
def test_swapping_the_runs_changes_the_sign_alone(correct: list[tuple[bool, bool]]) -> None:
    one, other = of(correct), of([(b, a) for a, b in correct])

    assert (one.only_a, one.only_b, one.p_value) == (other.only_b, other.only_a, other.p_value)
    assert (one.difference, one.low, one.high) == pytest.approx((-other.difference, -other.high, -other.low))


def test_with_many_images_the_interval_is_that_of_a_bootstrap() -> None:
    correct = np.random.default_rng(5).choice(4, size=10_000, p=[0.54, 0.37, 0.03, 0.06])
    found = count_cells(correct <= 1, (correct == 0) | (correct == 2))
    # To draw 10,000 of these images again is to draw that often from the four kinds that there are.
    again = np.random.default_rng(6).multinomial(10_000, np.bincount(correct, minlength=4) / 10_000, size=4000)
    differences = (again[:, 1] - again[:, 2]) / 10_000

    assert (found.low, found.high) == pytest.approx(np.percentile(differences, [2.5, 97.5]), abs=1.5e-3)


def test_each_image_is_in_one_cell() -> None:
    assert get_args(Cell) == CELLS
    paired = paired_images().paired
    counts = paired.counts()
    for cell in CELLS:
        assert len(paired.images(cell)) == counts.cells[cell]
    found = np.concatenate([paired.images(cell) for cell in CELLS])
    assert sorted(found.tolist()) == list(range(counts.images))


@given(st.sampled_from(CELLS), st.sampled_from([None, 0, 1, 2]))
def test_the_most_confident_mistake_comes_first_or_what_both_are_surest_of(cell: Cell, true: int | None) -> None:
    paired = paired_images(40, 30, 20, 10).paired
    a, b = paired.a, paired.b
    indices = paired.images(cell, true)
    assert true is None or set(a.labels[indices].tolist()) == {true}
    confidence = {
        "both": np.minimum(a.confidence, b.confidence),
        "only_a": b.confidence,
        "only_b": a.confidence,
        "neither": np.maximum(a.confidence, b.confidence),
    }
    assert (np.diff(confidence[cell][indices]) <= 0).all()


def test_the_cells_of_the_classes_add_up_to_those_of_all_images() -> None:
    paired = paired_images(40, 30, 20, 10).paired
    by_class = paired.counts_by_class(3)
    for cell, images in paired.counts().cells.items():
        assert sum(each.cells[cell] for each in by_class) == images


@pytest.mark.parametrize(
    ("fingerprint", "labels", "classes", "same"),
    [
        ("ab", [0, 1], 2, True),
        ("ba", [0, 1], 2, False),
        ("ab", [1, 1], 2, False),
        ("ab", [0, 1, 1], 2, False),
        ("ab", [0, 1], 3, False),
    ],
)
def test_predictions_are_paired_only_for_the_same_images(
    fingerprint: str, labels: list[int], classes: int, same: bool
) -> None:
    def predictions(fingerprint: str, labels: list[int], classes: int) -> Predictions:
        probabilities = np.full((len(labels), classes), 1 / classes, np.float32)
        return Predictions(np.array(labels, np.int64), probabilities, 1, fingerprint)

    a, b = predictions("ab", [0, 1], 2), predictions(fingerprint, labels, classes)
    assert (pair(a, b) is not None) is (pair(b, a) is not None) is same
