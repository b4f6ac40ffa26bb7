"""The planned learning rate is the one that PyTorch's scheduler sets."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from cifar_tui.planned_lr import one_cycle, planned, triangular


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5, 7, 10, 20, 33, 1000])
@pytest.mark.parametrize("peak", [0.01, 3.0])
def test_the_plan_equals_the_rates_of_torch_step_by_step(total: int, peak: float) -> None:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = OneCycleLR(optimizer, peak, total_steps=total)
    for step in range(total):
        assert one_cycle(step, total, peak) == pytest.approx(schedule.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        schedule.step()


def test_the_rate_begins_at_a_twenty_fifth_of_its_peak_and_ends_at_almost_nothing() -> None:
    rates = [one_cycle(step, 1000, 0.01) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01 / 25)
    assert rates.index(max(rates)) == 299
    assert max(rates) == pytest.approx(0.01)
    assert rates[-1] == pytest.approx(0.01 / 25 / 1e4)


def test_the_triangle_goes_straight_up_and_straight_down() -> None:
    rates = [triangular(step, 100, 2.0) for step in range(100)]
    assert rates[0] == pytest.approx(0.4)
    assert rates.index(max(rates)) == 20
    assert max(rates) == 2.0
    assert rates[-1] == pytest.approx(2.0 / 80)
    rises = [later - sooner for sooner, later in pairwise(rates)]
    assert rises == pytest.approx([0.08] * 20 + [-0.025] * 79)


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5, 7])
def test_the_shortest_trainings_have_a_triangle_too(total: int) -> None:
    assert all(0 < triangular(step, total, 1.0) <= 1 for step in range(total))


def test_a_plan_goes_by_its_schedules_name_and_an_unknown_one_is_the_protocols() -> None:
    assert planned("triangular", 3, 10, 1.0) == triangular(3, 10, 1.0)
    assert planned("one-cycle", 3, 10, 1.0) == planned("of the future", 3, 10, 1.0) == one_cycle(3, 10, 1.0)


@pytest.mark.parametrize("rate", [one_cycle, triangular])
@pytest.mark.parametrize(("step", "total"), [(-1, 10), (10, 10), (0, 0)])
def test_a_step_outside_of_the_training_has_no_rate(
    step: int, total: int, rate: Callable[[int, int, float], float]
) -> None:
    with pytest.raises(ValueError, match="step"):
        rate(step, total, 0.01)
