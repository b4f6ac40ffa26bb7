"""A training that stands still or becomes slow is reported; pauses, validations and noise are not."""

import math
from dataclasses import replace
from random import Random

import pytest

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.analysis.health.silence import Silence
from cifar_tui.config import HealthOptions
from cifar_tui.events import AnyEvent, Paused, Resumed
from tests.support.others.health_streams import a_batch, an_epoch, between, check, topics, usage
from tests.support.others.script_runs import script_started
from tests.support.recorded import finished


def samples(start: int, end: int) -> list[AnyEvent]:
    """What the devices do, every two seconds: the clock of the check."""
    return [usage(float(t)) for t in range(start, end, 2)]


def test_no_progress_is_reported_by_the_clock_of_the_devices_and_is_over_with_the_next_batch() -> None:
    batches: list[AnyEvent] = [a_batch(n, 1.0) for n in range(1, 100)]
    epochs = [an_epoch(n, 1.0) for n in range(1, 5)]
    notes = check(between([*batches, *epochs, a_batch(100, 1.0, t=400.0)], samples(2, 410)))
    assert topics(notes) == ["no-progress", "-no-progress"]
    assert 129 < notes[0].t < 135, "after two minutes"
    assert "no batch for 2 min" in notes[0].message
    assert "after 6 min" in notes[1].message


@pytest.mark.parametrize("first", ["devices", "training"])
def test_the_time_in_which_the_whole_process_is_suspended_is_no_stall(first: str) -> None:
    before = between([*(a_batch(n, 1.0) for n in range(1, 100)), an_epoch(1, 1.0)], samples(2, 12))
    continued = 500.0 if first == "training" else 501.0
    after = between([a_batch(n, 1.0, t=continued + n / 10) for n in range(100, 200)], samples(501, 900))
    notes = check([*before, *after])
    assert topics(notes) == ["no-progress"], "what hangs later is none that is used to such times"
    assert 630 < notes[0].t < 645


def test_a_slow_training_has_ten_times_its_longest_batch() -> None:
    batches = [a_batch(n, 1.0, t=60.0 * n) for n in range(1, 10)]
    events: list[AnyEvent] = [*batches, an_epoch(1, 1.0)]
    assert check(between(events, samples(2, 1000))) == []
    assert topics(check(between(events, samples(2, 1300)))) == ["no-progress"]


def test_a_pause_the_first_validation_and_the_end_are_no_stalls() -> None:
    batches = [a_batch(n, 1.0) for n in range(1, 100)]
    epoch = an_epoch(1, 1.0)
    paused: list[AnyEvent] = [Paused(t=10.0, epoch=5, batch=19), Resumed(t=1000.0, epoch=5, batch=19, samples=990)]
    assert check(between([*batches, epoch, *paused], samples(2, 1100))) == []
    slow = [a_batch(n, 1.0, t=5.0 * n) for n in range(1, 100)]
    assert check(between(slow, samples(2, 900))) == [], "400 seconds of the first validation after 500 of training"
    ended = replace(finished("stopped"), t=11.0)
    assert check(between([*batches, epoch, ended], samples(12, 900))) == []


def test_a_reader_looks_with_its_own_clock_where_batches_have_times() -> None:
    found = HealthCheck()
    found.apply(script_started())
    for n in range(1, 100):
        found.apply(a_batch(n, 1.0))
    found.apply(an_epoch(1, 1.0))
    assert found.look(60.0) == []
    assert topics(found.look(200.0)) == ["no-progress"]
    assert found.look(300.0) == []
    # All rows were there when the reading began: nobody knows how long they took.
    whole = HealthCheck()
    whole.apply(script_started())
    for n in range(1, 100):
        whole.apply(a_batch(n, 1.0, t=0.0))
    assert whole.look(10_000.0) == []


def speeds(values: list[float]) -> list[AnyEvent]:
    """Batches, five a second, whose speeds are these for ten seconds each."""
    random = Random(0)
    return [
        a_batch(n, 1.0, t=n / 5, speed=values[n // 50] * random.uniform(0.7, 1.3)) for n in range(1, 50 * len(values))
    ]


def test_a_speed_that_has_fallen_for_good_is_reported_with_its_median() -> None:
    notes = check(speeds([*[1000.0] * 12, *[300.0] * 12]))
    assert topics(notes) == ["throughput"]
    assert notes[0].t < 120 + 90, "within a minute and a half"
    assert "below its median of " in notes[0].message
    assert topics(check(speeds([*[1000.0] * 12, *[300.0] * 12, *[1000.0] * 12]))) == ["throughput", "-throughput"]


def test_short_dips_and_a_slow_beginning_are_normal() -> None:
    assert check(speeds([*[1000.0] * 12, *[300.0] * 4, *[1000.0] * 6, *[200.0] * 4, *[1000.0] * 6])) == []
    assert check(speeds([100.0, *[1000.0] * 12])) == []
    assert check(speeds([*[1000.0] * 3, *[300.0] * 20])) == [], "what came first is no usual speed yet"


def test_the_option_says_how_much_is_lost() -> None:
    falls = speeds([*[1000.0] * 12, *[700.0] * 12])
    assert check(falls) == []
    assert topics(check(falls, options=HealthOptions(throughput_drop=0.2))) == ["throughput"]


def test_speeds_of_epochs_take_the_place_of_those_of_batches_that_have_none() -> None:
    epochs = [an_epoch(n, 1.0, speed=100.0 if n < 8 else 20.0) for n in range(1, 12)]
    assert topics(check(epochs, script_started(), options=HealthOptions(mute=("plateau",)))) == ["throughput"]
    assert math.isnan(an_epoch(1, 1.0).images_per_second)


def test_a_process_that_writes_nothing_more_is_reported_by_its_reader_until_it_writes_again() -> None:
    found = Silence()
    assert found.look(0.0, [a_batch(1, 1.0)], alive=True) == []
    assert found.look(500.0, [], alive=True) == [], "its version says nothing of its devices"
    assert found.look(501.0, [usage(50.0)], alive=True) == []
    assert found.look(600.0, [], alive=True) == []
    assert topics(found.look(622.0, [], alive=True)) == ["no-progress"]
    assert found.look(700.0, [], alive=True) == []
    assert topics(found.look(701.0, [usage(250.0)], alive=True)) == ["-no-progress"]
    assert found.look(900.0, [], alive=False) == [], "it has died, which is another matter"
    muted = Silence(HealthOptions(mute=("no-progress",)))
    muted.look(0.0, [usage(1.0)], alive=True)
    assert muted.look(500.0, [], alive=True) == []
