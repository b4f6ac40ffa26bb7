"""The fold of a run's events: bounded, the same for every reader, and right after a run went on from a checkpoint."""

import math
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.events import (
    AnyEvent,
    Batch,
    Checkpoint,
    Epoch,
    Evaluated,
    Note,
    Paused,
    Resumed,
)
from cifar_tui.state import curve as curve_module
from cifar_tui.state import run_state as state_module
from cifar_tui.state.curve import Curve
from cifar_tui.state.run_state import RunState
from tests.support.others.script_runs import USAGE, evaluated, script_events, script_started
from tests.support.recorded import BATCHES, SIZE, batch, finished, fold, metric, started, uninterrupted, whole_epoch


def learnt(state: RunState) -> tuple[Any, ...]:
    return (state.epochs, state.validations, state.batch_loss, state.batch_accuracy, state.samples, state.epoch)


@given(st.data())
def test_events_after_a_checkpoint_are_void_once_the_run_resumes_from_it(data: st.DataObject) -> None:
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


def test_the_best_weights_are_saved_with_the_first_checkpoint_after_their_epoch() -> None:
    def saved(epoch: int, number: int, *, best: bool = False) -> Checkpoint:
        return Checkpoint(t=50.0, epoch=epoch, batch=number, path="checkpoints/last.pt", best=best)

    one = [started(), *whole_epoch(1)]
    assert not fold([started(), saved(1, 2)]).best_saved
    assert not fold([started(), saved(1, 2), *whole_epoch(1)]).best_saved
    assert fold([*one, saved(2, 0, best=True)]).best_saved
    assert fold([*one, saved(2, 3)]).best_saved, "what could not be written at the end of the epoch is written before"
    assert not fold([*one, saved(2, 0, best=True), *whole_epoch(2, 0.6)]).best_saved
    assert fold([*one, saved(2, 0, best=True), Resumed(t=99.0, epoch=2, batch=0, samples=BATCHES * SIZE)]).best_saved
    assert not fold([*one, saved(2, 0, best=True), started()]).best_saved


def test_a_run_that_starts_over_keeps_only_its_notes() -> None:
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
    curve = Curve(most=points)
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
    broken = [point.first for point in curve.points if point.broken]
    assert broken == [p.first for p in curve.points if not all(map(math.isfinite, values[p.first - 1 : p.last]))]


def test_a_curve_of_a_million_values_stays_small_and_in_order() -> None:
    curve = Curve()
    for n in range(1, 100_001):
        curve.append(n, n / 10, n % 7)
    assert curve_module.CURVE_POINTS / 2 <= len(curve.points) <= curve_module.CURVE_POINTS
    assert sum(p.mean * p.count for p in curve.points) == pytest.approx(sum(n % 7 for n in range(1, 100_001)))


def test_the_first_of_equally_good_epochs_is_the_best() -> None:
    events = [*whole_epoch(1, 0.5), *whole_epoch(2, 0.7), *whole_epoch(3, 0.7)]
    best = fold([started(), *events]).best
    assert best is not None
    assert best.epoch == 2


def test_progress_follows_the_planned_training() -> None:
    assert fold([]).progress == 0.0
    assert fold([started(), batch(1, 1), batch(1, 2)]).progress == pytest.approx(2 / 20)
    assert fold(uninterrupted(2)).progress == pytest.approx(2 / 5)


def test_the_time_left_is_that_of_training_and_validation_at_their_current_speeds() -> None:
    assert math.isnan(fold([]).eta)
    assert math.isnan(fold([started()]).eta)
    first = fold([started(), batch(1, 1)])
    assert first.eta == pytest.approx(190 / 10.0 + 5 * 9 / 30.0), "by the speed that is reported, validation at a third"
    later = fold(uninterrupted(2))
    assert later.eta == pytest.approx(120 / 10.0 + 3 * 0.1), "by the batches, and by the validations"
    assert fold(uninterrupted(5)).eta == 0.0
    assert math.isnan(fold([*uninterrupted(2), finished()]).eta)


def at(t: float, event: AnyEvent) -> AnyEvent:
    """The event, at this time."""
    return replace(event, t=t)


LONG_EPOCHS, LONG_BATCHES, BATCH_SIZE, TRAIN_SAMPLES = 4, 200, 50, 10_000
RUN = replace(
    started(),
    epochs=LONG_EPOCHS,
    batches=LONG_BATCHES,
    batch_size=BATCH_SIZE,
    train_samples=TRAIN_SAMPLES,
    validation_samples=1_000,
)


def noisy_run(random: Random, pauses: bool) -> list[tuple[AnyEvent, float]]:
    """A run's batches, each with the active time at which it was reported: three batches a report, at uneven speeds."""
    t, active = 0.0, 0.0
    out: list[tuple[AnyEvent, float]] = []

    def emit(event: AnyEvent) -> None:
        out.append((at(t, event), active))

    emit(RUN)
    slowness = random.uniform(0.5, 2.0) / 1000  # seconds an image
    for epoch in range(1, LONG_EPOCHS + 1):
        for report in range(LONG_BATCHES // 3 + 1):
            numbers = range(3 * report + 1, min(3 * report + 3, LONG_BATCHES) + 1)
            seconds = sum(BATCH_SIZE * slowness * random.lognormvariate(0, 0.2) for _ in numbers)
            speed = len(numbers) * BATCH_SIZE / seconds
            seconds += 3.0 if epoch == 1 and report == 0 else 0.0  # The device warms up.
            t, active = t + seconds, active + seconds
            for number in numbers:
                samples = ((epoch - 1) * LONG_BATCHES + number) * BATCH_SIZE
                emit(replace(batch(epoch, number), samples=samples, images_per_second=speed))
            if pauses and random.random() < 0.02:
                emit(Paused(t=t, epoch=epoch, batch=numbers[-1]))
                t += random.uniform(1, 1000)
                emit(Resumed(t=t, epoch=epoch, batch=numbers[-1], samples=samples))
        seconds = RUN.validation_samples * slowness * random.uniform(0.2, 0.5)
        t, active = t + seconds, active + seconds
        validation, ended = whole_epoch(epoch)[-2:]
        assert isinstance(validation, Evaluated)
        assert isinstance(ended, Epoch)
        emit(replace(validation, seconds=seconds))
        emit(replace(ended, samples=epoch * TRAIN_SAMPLES))
    return out


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_time_left_is_right_within_a_tenth_from_a_fifth_of_the_first_epoch_on(seed: int, pauses: bool) -> None:
    events = noisy_run(Random(seed), pauses)
    whole = events[-1][1]
    state = RunState()
    for event, active in events:
        state.apply(event)
        assert abs(state.seconds - active) < 1e-6
        if isinstance(event, Batch) and 0.2 * TRAIN_SAMPLES <= event.samples <= 3 * TRAIN_SAMPLES:
            assert abs(state.eta / (whole - active) - 1) < 0.1


def test_a_pause_changes_neither_the_time_left_nor_the_speed() -> None:
    before: list[AnyEvent] = [started(), batch(1, 1), batch(1, 2), batch(1, 3)]
    after: list[AnyEvent] = [batch(1, 4), *whole_epoch(2)]
    pause: list[AnyEvent] = [Paused(t=3.0, epoch=1, batch=3), Resumed(t=903.0, epoch=1, batch=3, samples=3 * SIZE)]
    paused = fold([*before, *pause, *(at(event.t + 900.0, event) for event in after)])
    without = fold([*before, *after])
    assert (paused.eta, paused.images_per_second) == pytest.approx((without.eta, without.images_per_second))
    assert paused.seconds == without.seconds
    assert fold([*before, pause[0]]).eta == fold(before).eta


def test_the_time_left_is_measured_again_in_a_new_process() -> None:
    slow: list[AnyEvent] = [at(100.0 * n, replace(batch(1, n), images_per_second=0.1)) for n in (1, 2, 3)]
    again = Resumed(t=300.0, epoch=1, batch=2, samples=2 * SIZE)
    fast: list[AnyEvent] = [at(400.0 + n, batch(1, n)) for n in (3, 4)]
    assert fold([started(), *slow, again, *fast]).eta == pytest.approx(160 / 10.0 + 5 * 9 / 30.0)


def test_the_displayed_speed_is_smooth_and_follows_a_change_within_seconds() -> None:
    events: list[AnyEvent] = [started(), batch(1, 1)]
    speeds = [10.0 + (-1) ** n for n in range(20)]
    events += [replace(batch(1, 2), t=1 + 0.1 * n, images_per_second=speed) for n, speed in enumerate(speeds, 1)]
    assert fold(events).images_per_second == pytest.approx(10.0, abs=0.2)
    events += [replace(batch(1, 2), t=3 + 0.1 * n, images_per_second=100.0) for n in range(1, 101)]
    assert fold(events).images_per_second == pytest.approx(100.0, rel=0.05)


def test_the_training_speed_is_all_images_over_all_training_seconds() -> None:
    events = uninterrupted(2)
    assert fold(events).training_speed == pytest.approx(20.0)
    assert fold(events[:1]).training_speed is None


def test_pauses_do_not_count_as_running_time() -> None:
    events: list[AnyEvent] = [started(), batch(1, 1), Paused(t=2.0, epoch=1, batch=1)]
    assert fold(events).status == "paused"
    assert fold(events).seconds == 2.0
    events += [Resumed(t=10.0, epoch=1, batch=1, samples=SIZE)]
    assert fold(events).status == "running"
    assert fold(events).t - fold(events).seconds == 8.0


@pytest.mark.parametrize("status", ["finished", "stopped", "interrupted", "diverged", "failed"])
def test_the_last_event_sets_the_status_and_resuming_resets_it(status: Any) -> None:
    ended = finished(status)
    events = [*uninterrupted(1), ended]
    assert fold(events).status == status
    assert fold(events).finished == ended
    again = fold([*events, Resumed(t=99.5, epoch=2, batch=0, samples=BATCHES * SIZE)])
    assert (again.status, again.finished) == ("running", None)
    assert len(again.epochs) == 1


def test_a_state_stays_bounded_whatever_its_stream_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "MAX_EPOCHS", 3)
    monkeypatch.setattr(state_module, "MAX_RESUMPTIONS", 3)
    monkeypatch.setattr(state_module, "MAX_MATRIX_CELLS", 12)
    state = RunState()
    state.apply(started())
    for event in uninterrupted(5)[1:]:
        state.apply(event)
    assert [epoch.epoch for epoch in state.epochs] == [1, 2, 3]
    assert [len(each.confusion) for each in state.validations] == [0, 2, 2], "of the oldest the figures alone"
    for _ in range(5):
        state.apply(Resumed(t=100.0, epoch=1, batch=0, samples=0))
    assert len(state.resumptions) == 3


def test_all_devices_of_eight_hosts_are_kept_and_no_more_than_a_bound() -> None:
    state = RunState()
    gpus = tuple(replace(USAGE.gpus[0], index=index, temperature=50.0, power=400.0) for index in range(8))
    for tick in range(state_module.HISTORY_POINTS + 2):
        for rank in range(0, 96, 8) if tick == 0 else [0]:
            state.apply(replace(USAGE, t=2.0 * tick, rank=rank, gpus=gpus))
    assert len([name for name in state.history if name.endswith("power")]) >= 8 * 8
    assert len(state.history) == state_module.MAX_HISTORIES
    assert all(len(curve.points) <= state_module.HISTORY_POINTS for curve in state.history.values())


def test_the_lowest_validation_loss_is_the_best_where_there_are_no_accuracies() -> None:
    state = fold(script_events((0.5, 0.25, 0.25, math.nan)))
    assert state.best is None
    assert state.best_by_loss is state.epochs[1]
    assert state.ending("finished", "", 9.0).best_epoch == 2
    with_accuracies = fold(script_events((0.5, 0.25), accuracies=(0.9, 0.8)))
    assert with_accuracies.best is with_accuracies.epochs[0]
    assert with_accuracies.best_by_loss is None
    assert fold([script_started()]).best_by_loss is None


def test_the_learning_rates_of_batches_are_kept_and_those_after_a_checkpoint_are_void() -> None:
    state = fold([*uninterrupted(2), Resumed(t=99.0, epoch=2, batch=0, samples=BATCHES * SIZE)])
    assert [point.last for point in state.batch_lr.points] == [(n + 1) * SIZE for n in range(BATCHES)]
    assert not fold([started(), replace(batch(1, 1), lr=math.nan)]).batch_lr.points


def test_evaluations_that_took_an_unknown_time_leave_the_time_to_go_known() -> None:
    planned = script_started(epochs=4, batches=10, train_samples=10)
    state = fold([*script_events((0.5, 0.4), first=planned), evaluated()])
    assert state.validations
    assert math.isfinite(state.eta)


def test_only_a_script_that_says_nothing_of_epochs_counts_none() -> None:
    assert fold([script_started()]).counts_no_epochs
    assert not fold([script_started(epochs=3)]).counts_no_epochs
    assert not fold(script_events()).counts_no_epochs
    assert not fold([started()]).counts_no_epochs


def test_an_epoch_has_the_last_value_in_it_of_each_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (whole_epoch(number) for number in (1, 2, 3))
    end = BATCHES * SIZE
    events = [
        started(), metric(10, norm=1.0), metric(20, norm=2.0), metric(end, split="validation", top5=0.5), *first,
        *second, metric(2 * end + 10, norm=3.0), *third,
    ]  # fmt: skip
    expected = [{"norm": 2.0, "validation/top5": 0.5}, {}, {"norm": 3.0}]
    assert fold(events).epoch_metrics == expected
    resumed = Resumed(t=99.0, epoch=3, batch=2, samples=2 * end + 20)
    assert fold([*events, resumed]).epoch_metrics == expected[:2]
    assert fold([*events, resumed, third[-1]]).epoch_metrics == expected, "that was before the checkpoint"
    earlier = Resumed(t=99.0, epoch=3, batch=0, samples=2 * end)
    assert fold([*events, earlier, third[-1]]).epoch_metrics == [*expected[:2], {}]
    monkeypatch.setattr(state_module, "MAX_EPOCH_VALUES", 2)
    assert fold(events).epoch_metrics == [{}, {}, {"norm": 3.0}]
    assert len(fold([*events, started()]).epoch_metrics) == 0
