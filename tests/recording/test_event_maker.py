"""The figures of a recording: means and speeds of epochs, several validations of one, and what a pause leaves alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from cifar_tui.events import Batch, Epoch, Evaluated, Metric, Note
from cifar_tui.recording.event_maker import EventMaker
from cifar_tui.recording.items import EpochEnded, EpochStarted, Evaluation, Item, Logged, PauseChanged
from cifar_tui.recording.plan import Plan
from cifar_tui.recording.values import Fetcher
from cifar_tui.state.run_state import MAX_SERIES, RunState


def events(items: Iterable[Item], batch_size: int | None = None) -> list[Any]:
    plan = Plan.of("net", None, None, batch_size, None, "", (), None)
    maker = EventMaker(plan, "20260314-150926-net")
    # One by one: what is logged within a tick is one batch.
    return [event for item in items for event in maker.events([item], Fetcher())]


def of(kind: type[Any], found: list[Any]) -> list[Any]:
    return [event for event in found if isinstance(event, kind)]


def logged(t: float, step: int, **values: float) -> Logged:
    return Logged(t, step, 1, step, values)


def validated(t: float, **values: float) -> Evaluation:
    return Evaluation(t, "validation", 1, values, None)


def test_preparation_pauses_and_validation_are_no_training_time() -> None:
    found = events(
        [
            EpochStarted(10.0),
            logged(11.0, 10, loss=1.0),
            PauseChanged(11.0, 1, 10, paused=True),
            PauseChanged(111.0, 1, 10, paused=False),
            logged(112.0, 20, loss=1.0),
            validated(115.0, loss=1.0),
            EpochEnded(115.0, 1),
            EpochStarted(215.0),
            logged(216.0, 30, loss=1.0),
            EpochEnded(216.0, 2),
        ]
    )
    assert [batch.images_per_second for batch in of(Batch, found)] == [10.0, 10.0, 10.0]
    assert [(epoch.seconds, epoch.images_per_second) for epoch in of(Epoch, found)] == [(5.0, 10.0), (1.0, 10.0)]


def test_an_epochs_means_are_of_the_finite_values_or_those_that_are_given() -> None:
    found = events(
        [
            logged(1.0, 1, loss=math.inf),
            logged(2.0, 2, loss=1.0),
            logged(3.0, 3, loss=3.0),
            EpochEnded(3.0, 1),
            logged(4.0, 4, loss=9.0, accuracy=0.5),
            EpochEnded(4.0, 2, {"loss": 0.25}),
        ]
    )
    assert [(epoch.train_loss, epoch.train_accuracy) for epoch in of(Epoch, found)[1:]] == [(0.25, 0.5)]
    assert of(Epoch, found)[0].train_loss == 2.0
    (note,) = of(Note, found)
    assert (note.level, note.message) == ("warning", "the loss is inf from step 1 on")
    (note,) = of(Note, events([logged(1.0, 1, loss=2.0), logged(2.0, 2, loss=math.inf)]))
    assert note.level == "info", "the health check warns of this"


def test_the_last_validation_of_an_epoch_is_its_own_and_those_before_are_points_of_a_series() -> None:
    found = events(
        [
            EpochStarted(0.0),
            logged(1.0, 5, loss=1.0),
            validated(1.0, loss=4.0),
            logged(2.0, 10, loss=1.0),
            validated(2.0, loss=2.0),
            validated(2.0, accuracy=0.5),
            EpochEnded(2.0, 1),
        ]
    )
    (evaluated,), (epoch,) = of(Evaluated, found), of(Epoch, found)
    assert (evaluated.loss, evaluated.accuracy) == (epoch.val_loss, epoch.val_accuracy) == (2.0, 0.5)
    assert [metric.values for metric in of(Metric, found)] == [{"loss": 4.0}]
    assert found.index(evaluated) < found.index(epoch)


def test_a_pause_leaves_what_was_recorded_before_it() -> None:
    test = Evaluation(3.0, "test", 1, {"accuracy": 0.5}, None)
    found = events(
        [
            logged(1.0, 8, loss=1.0),
            logged(2.0, 1, other=1.0),
            validated(3.0, loss=1.0),
            EpochEnded(3.0, 1),
            test,
            PauseChanged(4.0, 1, 0, paused=True),
            PauseChanged(5.0, 1, 0, paused=False),
        ]
    )
    state = RunState()
    for event in found:
        state.apply(event)
    assert (len(state.epochs), len(state.batch_loss.points), list(state.metrics)) == (1, 1, ["other"])
    assert state.test is not None
    assert (state.status, len(state.resumptions), state.paused_seconds) == ("running", 1, 1.0)


def test_a_step_that_goes_back_stands_at_the_highest_one_and_is_noted_once() -> None:
    found = events([logged(1.0, 10, loss=1.0), logged(2.0, 3, loss=2.0), logged(3.0, 4, loss=2.0)])
    assert [batch.samples for batch in of(Batch, found)] == [10, 10, 10]
    (note,) = of(Note, found)
    assert "step 3 comes after step 10" in note.message


def test_metrics_that_are_too_many_are_noted_once() -> None:
    many = {f"m{number}": 1.0 for number in range(MAX_SERIES + 1)}
    (note,) = of(Note, events([logged(1.0, 1, **many), logged(2.0, 2, **many)]))
    assert str(MAX_SERIES) in note.message


def test_a_device_that_reports_an_error_makes_unknown_values() -> None:
    class Broken(Fetcher):
        def fetch(self, values: Any) -> list[float]:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    maker = EventMaker(Plan.of("net", None, None, None, None, "", (), None), "net")
    found = list(maker.events([logged(1.0, 1, loss=1.0)], Broken()))
    (batch,), (first, _) = of(Batch, found), of(Note, found)
    assert math.isnan(batch.loss)
    assert "CUDA error" in first.message


def test_the_plan_of_a_script_is_known_from_its_first_batch_on() -> None:
    plan = Plan.of("net", 2, None, 8, None, "", (), None)
    maker = EventMaker(plan, "net")
    state = RunState()
    state.apply(next(maker.begin(0.0)))
    plan.batches = 4
    for event in maker.events([logged(1.0, 2, loss=1.0)], Fetcher()):
        state.apply(event)
    assert (state.progress, state.planned_samples) == (0.25, 64)
