"""The fold of a run's events: bounded, the same for every reader, and right after a run went on from a checkpoint."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui import state as state_module
from cifar_tui.events import AnyEvent, Batch, Epoch, Evaluated, Note, Paused, Resumed, RunFinished, RunStarted
from cifar_tui.state import Curve, RunState

BATCHES, SIZE = 4, 10


def started() -> RunStarted:
    return RunStarted(
        t=0.0,
        id="20260101-000000-cnn",
        model="cnn",
        data="digits",
        classes=("a", "b"),
        epochs=5,
        batches=BATCHES,
        batch_size=SIZE,
        train_samples=BATCHES * SIZE,
        validation_samples=9,
        test_samples=9,
        parameters=7,
        device="cpu",
        precision="fp32",
        threads=1,
        seed=0,
        max_lr=0.01,
    )


def batch(epoch: int, number: int, loss: float = 1.0) -> Batch:
    done = (epoch - 1) * BATCHES + number
    return Batch(
        t=float(done),
        epoch=epoch,
        batch=number,
        batches=BATCHES,
        samples=done * SIZE,
        loss=loss,
        accuracy=0.5,
        lr=0.1,
        images_per_second=10.0,
    )


def whole_epoch(epoch: int, val_accuracy: float = 0.5) -> list[AnyEvent]:
    t = float(epoch * BATCHES)
    confusion = ((epoch, 0), (0, 1))
    return [
        *(batch(epoch, number) for number in range(1, BATCHES + 1)),
        Evaluated(t=t, split="validation", epoch=epoch, loss=1.0, accuracy=0.5, confusion=confusion, seconds=0.1),
        Epoch(
            t=t,
            epoch=epoch,
            samples=epoch * BATCHES * SIZE,
            train_loss=1.0 / epoch,
            train_accuracy=0.4,
            val_loss=1.1 / epoch,
            val_accuracy=val_accuracy,
            lr=0.1,
            seconds=4.0,
            images_per_second=20.0,
            best=True,
        ),
    ]


def finished(status: Any = "finished") -> RunFinished:
    return RunFinished(
        t=99.0,
        state=status,
        message="done",
        epochs=2,
        best_epoch=1,
        best_val_accuracy=0.5,
        test_loss=None,
        test_accuracy=None,
        seconds=9.0,
    )


def fold(events: list[AnyEvent]) -> RunState:
    state = RunState()
    for event in events:
        state.apply(event)
    return state


def uninterrupted(epochs: int) -> list[AnyEvent]:
    return [started(), *(event for epoch in range(1, epochs + 1) for event in whole_epoch(epoch))]


def learnt(state: RunState) -> tuple[Any, ...]:
    return (state.epochs, state.validations, state.batch_loss, state.batch_accuracy, state.samples, state.epoch)


@given(st.data())
def test_what_came_after_a_checkpoint_is_void_once_the_run_goes_on_from_it(data: st.DataObject) -> None:
    events = uninterrupted(3)
    crashed = data.draw(st.integers(1, len(events)), label="events before the crash")
    reached = [e for e in events[:crashed] if isinstance(e, Batch)]
    place = data.draw(st.integers(0, len(reached)), label="batches in the checkpoint")
    epoch, number = place // BATCHES + 1, place % BATCHES
    if number == 0 and place and not any(isinstance(e, Epoch) and e.epoch == epoch - 1 for e in events[:crashed]):
        epoch, number = epoch - 1, BATCHES  # Its batches are done, its validation is not.
    resumed = Resumed(t=99.0, epoch=epoch, batch=number, samples=place * SIZE)
    rest = [
        e
        for e in events
        if (isinstance(e, Batch) and e.samples > place * SIZE)
        or (isinstance(e, Evaluated | Epoch) and e.epoch >= epoch)
    ]
    assert learnt(fold([*events[:crashed], resumed, *rest])) == learnt(fold(events))


def test_a_run_that_begins_anew_keeps_nothing_of_its_first_beginning_but_its_notes() -> None:
    note = Note(t=5.0, level="warning", message="it has no checkpoint")
    again = replace(started(), t=9.0)
    state = fold([*uninterrupted(2), note, again, *whole_epoch(1)])
    assert learnt(state) == learnt(fold(uninterrupted(1)))
    assert (state.started, state.notes, state.t) == (again, [note], 9.0)


@given(
    st.lists(st.floats(width=32) | st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=400),
    st.integers(2, 16).map(lambda n: 2 * n),
)
def test_a_curve_stays_bounded_and_keeps_its_extremes_and_its_mean(values: list[float], points: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state_module, "CURVE_POINTS", points)
        curve = Curve()
        for n, value in enumerate(values, start=1):
            curve.append(n, float(n), value)
    finite = [value for value in values if math.isfinite(value)]
    assert len(curve.points) <= points
    assert sum(point.count for point in curve.points) == len(values)
    assert [p.first for p in curve.points] == [1, *(p.last + 1 for p in curve.points[:-1])]
    kept = [point for point in curve.points if math.isfinite(point.mean)]
    assert min((p.low for p in kept), default=None) == min(finite, default=None)
    assert max((p.high for p in kept), default=None) == max(finite, default=None)
    assert all(p.low <= p.high for p in kept)


def test_a_curve_of_a_million_values_stays_small_and_orderly() -> None:
    curve = Curve()
    for n in range(1, 100_001):
        curve.append(n, n / 10, n % 7)
    assert state_module.CURVE_POINTS / 2 <= len(curve.points) <= state_module.CURVE_POINTS
    assert sum(p.mean * p.count for p in curve.points) == pytest.approx(sum(n % 7 for n in range(1, 100_001)))


def test_the_first_of_equally_good_epochs_is_the_best() -> None:
    events = [*whole_epoch(1, 0.5), *whole_epoch(2, 0.7), *whole_epoch(3, 0.7)]
    best = fold([started(), *events]).best
    assert best is not None
    assert best.epoch == 2


def test_progress_and_eta_follow_the_planned_training() -> None:
    assert fold([]).progress == 0.0
    first = fold([started(), batch(1, 1), batch(1, 2)])
    assert first.progress == pytest.approx(2 / 20)
    assert first.eta == pytest.approx(180 / 10.0), "before the first whole epoch, by the training speed"
    later = fold(uninterrupted(2))
    assert later.progress == pytest.approx(2 / 5)
    assert later.eta == pytest.approx(3 * 4.0), "then by whole epochs, validation included"


def test_the_training_speed_is_all_images_over_all_training_seconds() -> None:
    events = uninterrupted(2)
    assert fold(events).training_speed == pytest.approx(20.0)
    assert fold(events[:1]).training_speed is None


def test_pauses_count_in_no_running_time() -> None:
    events: list[AnyEvent] = [started(), batch(1, 1), Paused(t=2.0, epoch=1, batch=1)]
    assert fold(events).status == "paused"
    assert fold(events).seconds == 2.0
    events += [Resumed(t=10.0, epoch=1, batch=1, samples=SIZE)]
    assert fold(events).status == "running"
    assert fold(events).t - fold(events).seconds == 8.0


@pytest.mark.parametrize("status", ["finished", "stopped", "interrupted", "diverged", "failed"])
def test_the_last_event_gives_the_state_and_going_on_takes_it_back(status: Any) -> None:
    ended = finished(status)
    events = [*uninterrupted(1), ended]
    assert fold(events).status == status
    assert fold(events).finished == ended
    again = fold([*events, Resumed(t=99.5, epoch=2, batch=0, samples=BATCHES * SIZE)])
    assert (again.status, again.finished) == ("running", None)
    assert len(again.epochs) == 1
