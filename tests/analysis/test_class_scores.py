"""Precision and recall of classes are those of scikit-learn, to the last digit, also of many classes."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from cifar_tui.analysis.class_scores import class_scores
from cifar_tui.confusion_matrix import ConfusionMatrix

matrices = st.integers(1, 6).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 9), min_size=k, max_size=k), min_size=k, max_size=k)
)


def check(matrix: ConfusionMatrix) -> None:
    size = len(matrix)
    cells = np.array(list(matrix.cells()), np.int64).reshape(-1, 3)
    precision, recall, _, images = precision_recall_fscore_support(
        cells[:, 0], cells[:, 1], sample_weight=cells[:, 2], labels=range(size), zero_division=np.nan
    )
    scores = class_scores(matrix, [str(k) for k in range(size)])
    assert np.array_equal([score.precision for score in scores], precision, equal_nan=True)
    assert np.array_equal([score.recall for score in scores], recall, equal_nan=True)
    assert [score.images for score in scores] == images.tolist()


@given(matrices.filter(lambda rows: any(map(any, rows))))
def test_scores_are_those_of_scikit_learn(rows: Sequence[Sequence[int]]) -> None:
    check(ConfusionMatrix.of(rows))


def test_scores_of_many_classes_are_too() -> None:
    drawn = random.Random(0)
    rows = [sorted({drawn.randrange(2000) for _ in range(drawn.randrange(4))}) for _ in range(2000)]
    indptr = np.cumsum([0, *map(len, rows)]).tolist()
    columns = [column for row in rows for column in row]
    check(ConfusionMatrix.of_csr(indptr, columns, [drawn.randrange(1, 50) for _ in columns]))
