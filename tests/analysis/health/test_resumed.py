"""A process that resumes a run repeats nothing, and what it could not see the end of is over."""

from collections.abc import Iterable

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.config import TOPICS
from cifar_tui.events import AnyEvent, Note, Resumed
from tests.support.others.health_streams import a_batch, accuracies, an_epoch, check, falling, noisy, own, topics
from tests.support.recorded import fold

RESUMED = Resumed(t=100.0, epoch=20, batch=0, samples=4000, device="cpu")
SPIKE = noisy([*falling(200), *[2.0] * 30])


def resumed(earlier: Iterable[AnyEvent], *later: AnyEvent) -> list[Note]:
    """What the check of a process says that resumes a run with these earlier events."""
    found = HealthCheck(patience=10)
    found.resume(fold([own(), *earlier]))
    return [note for event in (RESUMED, *later) for note in found.apply(event)]


def test_what_batches_and_the_machine_showed_is_over_and_found_again() -> None:
    open_ = [Note(t=9.0, level="warning", message="x", topic=topic) for topic in TOPICS]
    assert sorted(topics(resumed(open_))) == sorted(f"-{topic}" for topic in TOPICS)
    notes = resumed([*SPIKE, *check(SPIKE)], *SPIKE)
    assert topics(notes) == ["-loss-spike", "loss-spike"]
    assert notes[0].t == RESUMED.t
    assert notes[0].message == "the run was resumed, and is checked again"


def test_what_epochs_show_is_neither_over_nor_repeated() -> None:
    rates = [0.004 - 0.0001 * n for n in range(15)]
    epochs = accuracies([0.4, 0.5, 0.55, 0.58, 0.6, *[0.599, 0.595] * 4, 0.594, 0.65], rates)
    plateau = check(epochs[:13])
    assert topics(plateau) == ["plateau"]
    assert topics(resumed([*epochs[:13], *plateau], *epochs[13:])) == ["-plateau"]


def test_what_a_spike_has_covered_is_reported_when_it_is_over() -> None:
    epochs = [an_epoch(n, max(0.5, 0.1 * n), 1 / n) for n in range(12, 40)]
    spike = check([*SPIKE, *epochs], patience=None)
    assert topics(spike) == ["loss-spike"]
    back = [a_batch(n, 0.2) for n in range(231, 280)]
    assert topics(check([*SPIKE, *epochs, *back], patience=None)) == ["loss-spike", "-loss-spike", "overfitting"]
    assert topics(resumed([*SPIKE, *epochs, *spike])) == ["-loss-spike", "overfitting"]


def test_a_slower_device_is_no_fallen_speed() -> None:
    epochs = [an_epoch(n, 1 / n, accuracy=0.5 + n / 100, speed=10_000.0) for n in range(1, 13)]
    slow = [a_batch(n, 0.1, t=100 + n / 2, speed=900.0) for n in range(241, 641)]
    assert resumed(epochs, *slow) == []
