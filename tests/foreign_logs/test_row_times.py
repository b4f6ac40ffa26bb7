"""The times that logs have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cifar_tui.foreign_logs.row_times import RowTimes

WARMED_UP = [90, 30.5, 31, 30.4, 29, 30.1, 29.9, 30.2, 29.5]
DURATIONS = [30.1, 30.3, 29.8, 29.9, 30.0]


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ([1e9, 1e9 + 2, math.nan, 1e9 + 4], [0, 2, 2, 4]),
        ([1732888888000, 1732888890000, 1732888892000], [0, 2, 4]),
        ([1732888888000000000, 1732888890000000000], [0, 2]),
        ([5, 10, 15, 20, 5, 10, 15], [5, 10, 15, 20, 25, 30, 35]),
        ([7, 7, math.inf, 8, 8], [7, 7, 7, 8, 8]),
        ([10, 20, 30, 29.9, 40, 39.9, 50], [10, 20, 30, 30, 40, 40, 50]),
        (WARMED_UP, np.cumsum(WARMED_UP).tolist()),
        (DURATIONS, np.cumsum(DURATIONS).tolist()),
        ([-5, -10, 3], [0, 0, 3]),
    ],
)
@pytest.mark.parametrize("live", [True, False])
def test_times_of_every_kind_become_seconds_since_the_beginning(
    times: list[float], seconds: list[float], *, live: bool
) -> None:
    row_times = RowTimes()
    parts = [[each] for each in times] if live else [times]
    found = [t for part in parts for t in row_times.seconds(np.array(part, float), bulk=not live).tolist()]
    assert row_times.is_known
    # Live, the first durations may be those of a clock.
    assert found[-1] == pytest.approx(seconds[-1])
    assert live or found == pytest.approx(seconds)
    assert row_times.t == found[-1]


def test_rows_without_times_are_from_when_they_are_read() -> None:
    row_times = RowTimes()
    assert row_times.seconds(np.full(2, np.nan), bulk=True).tolist() == [0, 0]
    assert row_times.seconds(np.full(1, np.nan), bulk=False)[0] > 0
    assert not row_times.is_known
