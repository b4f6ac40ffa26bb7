"""Signs that a training diverges are reported early, once; what is normal is not."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from cifar_tui.analysis import health
from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.config import TOPICS, HealthOptions
from cifar_tui.events import Note
from tests.support.others.health_streams import (
    a_batch,
    an_epoch,
    between,
    check,
    falling,
    noisy,
    norms,
    own,
    topics,
)
from tests.support.others.script_runs import script_started

HEALTH = Path(health.__path__[0])


def test_a_loss_spike_is_reported_once_with_its_figures_and_again_after_it_was_over() -> None:
    losses = [*falling(200), *[2.0] * 30, *[0.2] * 60, *[2.0] * 30]
    notes = check(noisy(losses))
    assert topics(notes) == ["loss-spike", "-loss-spike", "loss-spike"]
    assert 20.0 < notes[0].t < 20.6, "within five batches"
    assert notes[0].message.startswith("loss spike: ")
    assert "deviations above it" in notes[0].message
    assert "lower peak learning rate" in notes[0].message


def test_a_spike_is_over_near_the_usual_loss_and_not_halfway_to_its_peak() -> None:
    usual = [0.36] * 200
    assert topics(check(noisy([*usual, *[8.0] * 30, *[3.0] * 100], share=0.02))) == ["loss-spike"]
    notes = check(noisy([*usual, *[8.0] * 30, *[3.0] * 30, *[0.38] * 40], share=0.02))
    assert topics(notes) == ["loss-spike", "-loss-spike"]


def test_single_bad_batches_and_noise_near_zero_are_no_spikes() -> None:
    random = Random(1)
    ordinary = falling(200)
    ordinary[150] = 9.0
    assert check(noisy(ordinary)) == []
    # Batches of 16 images of a model that has learned them nearly by heart: most losses are tiny, some are not.
    heavy = [math.exp(random.gauss(-5, 1.5)) for _ in range(2000)]
    assert check([a_batch(n, loss) for n, loss in enumerate([*falling(60, end=0.05), *heavy], 1)]) == []


def test_a_noisy_loss_that_rises_far_is_reported_though_no_spike_shows_among_its_noise() -> None:
    falls = [*falling(100, end=0.8), *[0.8 + 0.01 * n for n in range(150)]]
    notes = check(noisy(falls, share=0.5))
    assert topics(notes)[:1] == ["diverging"]
    assert "at its lowest; stop it" in notes[0].message
    never_fell = [*[2.3] * 40, *[2.3 + 0.02 * n for n in range(100)]]
    notes = check(noisy(never_fell, share=0.1))
    assert topics(notes)[:1] == ["diverging"]
    assert "2.303 by guessing" in notes[0].message, "among ten classes"


def test_a_loss_that_has_never_fallen_is_none_that_rises() -> None:
    assert check(noisy([2.3] * 400, share=0.3)) == []


NOISE: dict[str, Callable[[Random], float]] = {
    "lognormal 0.3": lambda random: random.lognormvariate(0, 0.3),
    "lognormal 0.5": lambda random: random.lognormvariate(0, 0.5),
    "lognormal 1": lambda random: random.lognormvariate(0, 1),
    "exponential": lambda random: random.expovariate(1),
}


@pytest.mark.parametrize("noise", NOISE)
def test_noise_around_a_loss_that_stays_the_same_is_no_divergence(noise: str) -> None:
    random = Random(0)
    losses = [NOISE[noise](random) for _ in range(8000)]
    assert check([a_batch(n, loss) for n, loss in enumerate(losses, 1)], script_started()) == []


def test_gradient_norms_that_grow_without_bound_are_reported_under_any_usual_name() -> None:
    steady = [1.0 + 0.3 * (n % 3) for n in range(30)]
    growing = [1.5**n for n in range(12)]
    for name in ("grad_norm", "train/grad_norm", "gradient-norm", "total_norm"):
        (note,) = check(norms([*steady, *growing], name))
        assert note.topic == "gradient-norm"
        assert name in note.message
    assert check(norms([*steady, *growing], "graduation_normal")) == []


def test_infinite_norms_of_loss_scaling_at_the_beginning_are_normal_and_later_ones_in_a_row_are_not() -> None:
    scaled = [math.inf, math.inf, *[1.0] * 20, math.inf, *[1.2] * 20]
    assert check(norms(scaled)) == []
    assert topics(check(norms([*scaled, *[math.nan] * 3]))) == ["gradient-norm"]


def test_gradient_norms_that_grow_as_a_training_converges_slowly_are_normal() -> None:
    assert check(norms([0.5 * 1.02**n for n in range(300)])) == []


def test_a_loss_that_is_no_number_any_more_is_reported_where_every_batch_had_one() -> None:
    before = noisy([1.0] * 30)
    lost = [a_batch(30 + n, math.nan) for n in range(1, 4)]
    assert topics(check([*before, *lost], script_started())) == ["not-finite"]
    # A script that logs its loss now and then, and its accuracy each time.
    sparse = [a_batch(n, 1.0 if n % 5 == 0 else math.nan) for n in range(1, 200)]
    assert check(sparse, script_started()) == []


def test_losses_that_are_numbers_now_and_then_leave_nan_reported_once() -> None:
    before = noisy([1.0] * 30)
    wild = [math.inf, math.nan, 3e36, 2.0, math.inf, 1e20] * 10
    after = [1.0] * 12
    lost = [a_batch(n, loss) for n, loss in enumerate([*wild, *after], 31)]
    epochs = [an_epoch(n, 1.0, 1.0 if n < 3 else 3e36) for n in range(1, 5)]
    mute = HealthOptions(mute=("loss-spike",))
    notes = check(between([*before, *lost], epochs), script_started(), options=mute)
    assert topics(notes) == ["not-finite", "-not-finite"]
    assert notes[1].t > 9.0, "once they have been numbers for a while"


def test_a_loss_above_that_of_untrained_weights_is_reported_unless_it_recovers() -> None:
    notes = check(noisy([2.3, *[7.0] * 100], share=0.3), own())
    assert topics(notes) == ["diverging"]
    assert notes[0].t < 8.0
    assert "over the last 48 batches, 2.303 by guessing; stop it" in notes[0].message, "it has no lowest of its own"
    recovers = [2.3, *(2.3 + 6 * 0.97**n for n in range(200))]
    assert check(noisy(recovers, share=0.1), own()) == []
    high_from_the_start = [9.0] * 200
    assert check(noisy(high_from_the_start, share=0.1), own()) == [], "its weights were drawn so"


def test_what_follows_from_a_loss_that_has_come_apart_is_not_reported_as_well() -> None:
    spike = noisy([*falling(200), *[2.0] * 30])
    epochs = [an_epoch(n, max(0.5, 0.1 * n), 1 / n) for n in range(12, 40)]
    assert topics(check([*spike, *epochs], script_started(), patience=None)) == ["loss-spike"]
    assert topics(check(epochs, script_started(), patience=None)) == ["overfitting"]
    lost = [*falling(100), *[0.2 + 0.05 * n for n in range(100)], *[2.3] * 100, *[3.0] * 30, *[2.3] * 60]
    mixed = between(noisy(lost, share=0.02), norms([*[1.0] * 20, *[50.0] * 10]))
    assert topics(check(mixed, script_started(), patience=None)) == ["diverging"]


def test_nan_is_found_in_a_log_of_epochs_too() -> None:
    epochs = [an_epoch(n, 1.0, 1.0 if n < 5 else math.nan) for n in range(1, 9)]
    assert topics(check(epochs, script_started(), options=HealthOptions(mute=("plateau",)))) == ["not-finite"]


@pytest.mark.parametrize("muted", ["loss-spike", "all"])
def test_topics_are_muted(muted: str) -> None:
    spike = noisy([*falling(200), *[2.0] * 30])
    assert topics(check(spike)) == ["loss-spike"]
    assert "loss-spike" not in topics(check(spike, options=HealthOptions(mute=(muted,))))


def test_a_higher_threshold_lets_spikes_pass() -> None:
    spike = noisy([*falling(200), *[2.0] * 30])
    assert "loss-spike" not in topics(check(spike, options=HealthOptions(spike_deviations=1e6)))


def test_a_run_that_starts_over_is_checked_again() -> None:
    spike = noisy([*falling(200), *[2.0] * 30])
    assert topics(check([*spike, own(), *spike])) == ["loss-spike", "loss-spike"]


def test_its_own_notes_pass_through_it_and_all_its_topics_can_be_muted() -> None:
    found = HealthCheck()
    assert found.apply(Note(t=1.0, level="warning", message="x", topic="loss-spike")) == []
    named = set(re.findall(r'Finding\(\s*"([a-z-]+)"', "".join(path.read_text() for path in HEALTH.glob("*.py"))))
    assert named == set(TOPICS)
