"""The sparse confusion matrix: it says what all its counts say, costs what is in it, and takes no odd form."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.analysis.class_scores import largest_confusions
from cifar_tui.confusion_matrix import MAX_CLASSES, MAX_DENSE, ConfusionMatrix

square = st.integers(0, 6).flatmap(
    lambda k: st.lists(
        st.lists(st.sampled_from([0, 0, 0, 1, 7, 2**32 - 1]), min_size=k, max_size=k), min_size=k, max_size=k
    )
)
SPARSE: dict[str, Any] = {"indptr": [0, 2, 2, 3], "indices": [0, 2, 1], "data": [5, 1, 9]}
"""Of three classes: 5 and 1 in the first row, 9 in the last."""


@given(square)
def test_a_sparse_matrix_equals_its_dense_rows(rows: list[list[int]]) -> None:
    matrix, counts = ConfusionMatrix.of(rows), np.array(rows, dtype=np.int64).reshape(len(rows), len(rows))
    assert [list(row) for row in matrix] == rows
    assert len(matrix) == len(rows)
    assert matrix.true == counts.sum(axis=1).tolist()
    assert matrix.predicted == counts.sum(axis=0).tolist()
    assert matrix.right == counts.diagonal().tolist()
    assert matrix.images == counts.sum()
    assert matrix.highest == (counts.max() if rows else 0)
    assert list(matrix.cells()) == [(i, j, counts[i, j]) for i, j in np.argwhere(counts)]
    for i in range(len(rows)):
        assert dict(matrix.row(i)) == {j: n for j, n in enumerate(rows[i]) if n}
        assert [matrix.count(i, j) for j in range(len(rows))] == rows[i]
    wrong = sorted((-n, i, j) for i, j, n in matrix.cells() if i != j)
    assert largest_confusions(matrix, 3) == [(i, j, -n) for n, i, j in wrong[:3]]


@given(square)
def test_both_json_forms_are_read_and_equal(rows: list[list[int]]) -> None:
    matrix = ConfusionMatrix.of(rows)
    assert ConfusionMatrix.from_json(json.loads(json.dumps(matrix.to_json()))) == matrix
    cells = list(matrix.cells())
    indptr = [sum(i < row for i, _, _ in cells) for row in range(len(rows) + 1)]
    sparse = {"indptr": indptr, "indices": [j for _, j, _ in cells], "data": [n for _, _, n in cells]}
    assert ConfusionMatrix.from_json(sparse) == matrix
    assert hash(ConfusionMatrix.from_json(sparse)) == hash(matrix)


def test_json_holds_all_rows_of_few_classes_and_only_the_counts_of_many() -> None:
    few = ConfusionMatrix.of([[int(i == j) for j in range(MAX_DENSE)] for i in range(MAX_DENSE)])
    assert few.to_json() == [tuple(row) for row in few]
    k = 10_000
    many = ConfusionMatrix.of_csr(range(k + 1), range(k), [3] * k)
    form = many.to_json()
    assert isinstance(form, dict)
    assert form["indices"][:3] == [0, 1, 2]
    assert len(json.dumps(form)) < 200_000
    assert len(many.indptr) + len(many.indices) + len(many.data) < 110_000
    assert many.count(9_999, 9_999) == 3
    assert many.cost == 2 * k + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"indices": [2, 0, 1]},
        {"indices": [2, 2, 1]},
        {"indices": [0, 3, 1]},
        {"indices": [0, -1, 1]},
        {"indices": [0, 70_000, 1]},
        {"indices": [0, 1.0, 1]},
        {"indices": [0, True, 1]},
        {"indices": [0, 2]},
        {"indices": "021"},
        {"indices": None},
        {"data": [5, 0, 9]},
        {"data": [5, -1, 9]},
        {"data": [5, 2**32, 9]},
        {"data": [5, 10**400, 9]},
        {"data": [5, True, 9]},
        {"data": [5, [1], 9]},
        {"data": [5, 1, 9, 9]},
        {"data": {}},
        {"indptr": [0, 2, 1, 3]},
        {"indptr": [1, 2, 2, 3]},
        {"indptr": [0, 2, 2, 4]},
        {"indptr": [0, 5, 2, 3]},
        {"indptr": [0, 2, 2, 2**31]},
        {"indptr": []},
        {"indptr": [0] * (MAX_CLASSES + 2), "indices": [], "data": []},
    ],
    ids=str,
)
def test_an_invalid_sparse_form_is_refused(changed: dict[str, Any]) -> None:
    assert ConfusionMatrix.from_json(SPARSE).row(0) == [(0, 5), (2, 1)]
    with pytest.raises((TypeError, ValueError, OverflowError)):
        ConfusionMatrix.from_json(SPARSE | changed)


@pytest.mark.parametrize(
    "value", [None, 3, "x", [3], ["ab", "cd"], [[1, 2]], [[1], [2]], [[True]], [[1.0]], [[-1]], [[2**32]], [[None]], {}]
)
def test_invalid_rows_are_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        ConfusionMatrix.from_json(value)
