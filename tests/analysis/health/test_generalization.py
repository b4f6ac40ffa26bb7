"""Plateaus and overfitting are reported after several epochs, not where the schedule or noise explains them."""

from random import Random

from cifar_tui.config import HealthOptions
from cifar_tui.events import AnyEvent, Resumed
from cifar_tui.planned_lr import one_cycle
from tests.support.others.health_streams import accuracies, an_epoch, check, own, topics
from tests.support.others.script_runs import script_started

RISING = [0.4, 0.5, 0.55, 0.58, 0.6]


def one_cycle_rates(epochs: int) -> list[float]:
    return [one_cycle(20 * n - 1, 20 * epochs, 0.01) for n in range(1, epochs + 1)]


def test_a_plateau_is_reported_before_early_stopping_ends_the_run_and_is_over_with_a_better_epoch() -> None:
    rates = [0.004 - 0.0001 * n for n in range(14)]
    (note,) = check(accuracies([*RISING, *[0.599, 0.595] * 4], rates[:13]))
    assert note.t == 2.0 * 12, "seven epochs after the best, three before early stopping"
    assert note.message.startswith("plateau: 7 epochs without a better validation than accuracy 60.00 % in epoch 5")
    assert "early stopping ends the run after 10" in note.message
    assert topics(check(accuracies([*RISING, *[0.599, 0.595] * 4, 0.65], rates))) == ["plateau", "-plateau"]


def test_no_plateau_is_expected_to_end_while_the_learning_rate_is_high_or_has_run_out() -> None:
    flat = [*RISING[:3], *[0.549, 0.545] * 9]
    assert check(accuracies(flat, [0.009 - 0.0001 * n for n in range(21)])) == [], "the rate is still to fall"
    assert check(accuracies(flat, [0.004 - 0.0001 * n for n in range(21)])) != []
    late = [*[0.5 + 0.01 * n for n in range(40)], *[0.88] * 10]
    assert check(accuracies(late, one_cycle_rates(50))) == [], "the schedule has come to its end"


def test_constant_rates_of_a_script_excuse_no_plateau() -> None:
    flat = [*RISING, *[0.599, 0.595] * 6]
    notes = check(accuracies(flat), script_started(), patience=None)
    assert topics(notes) == ["plateau"]
    assert notes[0].message.startswith("plateau: 10 epochs")


def test_the_option_says_how_many_epochs_a_plateau_has() -> None:
    flat = [*RISING, *[0.599, 0.595] * 6]
    notes = check(accuracies(flat), script_started(), patience=None, options=HealthOptions(plateau_epochs=3))
    assert notes[0].message.startswith("plateau: 3 epochs")


def test_a_lucky_epoch_ahead_of_a_rising_trend_and_the_ceiling_are_no_plateaus() -> None:
    random = Random(2)
    rates = [0.004 - 0.0001 * n for n in range(22)]
    rising = [0.3 + 0.015 * n + random.gauss(0, 0.002) for n in range(22)]
    rising[8] = 0.62
    assert check(accuracies(rising, rates)) == []
    assert check(accuracies([*RISING, 0.9, 0.993, *[0.992, 0.991] * 6], rates[:19])) == []
    # Of 144 validation images, four are wrong.
    small = own(validation_samples=144)
    assert check(accuracies([*RISING, 0.9, 0.9722, *[0.965, 0.958] * 6], rates[:19]), small) == []


def test_a_loss_that_still_falls_is_no_plateau_of_an_accuracy_of_few_images() -> None:
    rates = [0.004 - 0.0001 * n for n in range(13)]
    values = [*RISING, *[0.599, 0.595] * 4]

    def epochs(fall: float) -> list[AnyEvent]:
        losses = [*[1.0 - 0.1 * n for n in range(1, 6)], *[0.5 - fall * n for n in range(1, 9)]]
        given = zip(losses, values, rates, strict=True)
        return [an_epoch(n, loss, accuracy=v, lr=lr) for n, (loss, v, lr) in enumerate(given, 1)]

    assert check(epochs(0.004)) == []
    assert topics(check(epochs(0.0))) == ["plateau"]
    assert topics(check(epochs(-0.004))) == ["plateau"]


def test_overfitting_is_reported_once_with_both_losses() -> None:
    epochs = [an_epoch(n, max(1.2 - 0.1 * n, 0.5 + 0.04 * (n - 7)), 1.2 - 0.05 * n) for n in range(1, 22)]
    (note,) = check(epochs, script_started(), options=HealthOptions(mute=("plateau",)))
    assert note.topic == "overfitting"
    assert note.message.startswith("overfitting: validation loss 0.6")
    assert "0.5000 in epoch 7" in note.message
    assert "fell from 0.8500 to" in note.message
    assert note.t <= 2.0 * 14
    assert topics(check(epochs, script_started(), patience=None)) == ["overfitting"], "it is more than a plateau"


def test_noise_and_a_training_loss_with_augmentation_above_the_validation_are_no_overfitting() -> None:
    random = Random(3)
    mute = HealthOptions(mute=("plateau",))
    noisy = [an_epoch(n, 0.1 + abs(random.gauss(0, 0.02)), 0.3 / n) for n in range(1, 40)]
    assert check(noisy, script_started(), options=mute) == []
    # As K. Jordan's recipe on CIFAR-10: the validation is rough at high rates, the training smooths its labels.
    rough = [0.82, 0.80, 1.13, 0.87, 0.92, 1.18, 0.84, 0.86, 0.74, 0.75, 0.64, 0.70, 0.72, 0.58]
    assert check([an_epoch(n, loss, 1.4 - 0.02 * n) for n, loss in enumerate(rough, 1)], own(), options=mute) == []


def test_a_validation_that_only_varies_is_no_overfitting_and_one_that_grows_by_more_is() -> None:
    mute = HealthOptions(mute=("plateau",))
    # A small network on digits, at a constant rate: the next epoch was the best one.
    small = [1.06, 0.598, 0.453, 0.340, 0.358, 0.404, 0.451, 0.363, 0.323]
    train = [1.82, 0.57, 0.24, 0.162, 0.128, 0.124, 0.101, 0.07, 0.079]
    epochs = [an_epoch(n, *losses) for n, losses in enumerate(zip(small, train, strict=True), 1)]
    assert check(epochs, script_started(), options=mute) == []
    random = Random(4)
    varying = [0.5 * random.gauss(1, 0.05) for _ in range(60)]
    assert check([an_epoch(n, v, 0.4 / n) for n, v in enumerate(varying, 1)], script_started(), options=mute) == []
    growing = [0.5 * random.gauss(1, 0.05) + max(0.0, 0.05 * (n - 10)) for n in range(30)]
    (note,) = check([an_epoch(n, v, 0.4 / n) for n, v in enumerate(growing, 1)], script_started(), options=mute)
    assert note.t < 2.0 * 20


def test_a_loss_that_grows_while_the_accuracy_does_too_is_no_overfitting() -> None:
    mute = HealthOptions(mute=("plateau",))
    epochs = [an_epoch(n, 0.4 + 0.03 * n, 0.4 / n, accuracy=0.8 + 0.005 * n) for n in range(1, 20)]
    assert check(epochs, own(), options=mute) == []


def test_a_run_that_goes_back_to_a_checkpoint_counts_its_epochs_again() -> None:
    rates = [0.004] * 11
    flat = accuracies([*RISING, *[0.59] * 6], rates)
    back = Resumed(t=22.0, epoch=7, batch=0, samples=1200)
    assert check([*flat, back, *flat[6:]]) == []


def test_validations_that_vary_at_high_rates_are_no_overfitting() -> None:
    rates = one_cycle_rates(30)
    # A CNN on digits: batch normalisation's means lag behind the weights while the rate is high.
    losses = [1.2, 0.6, 0.40, 0.9, 4.0, 9.0, 10.0, 11.8, 0.9, 0.35, *[0.3] * 20]
    epochs = [an_epoch(n, loss, 1.0 / n, lr=rates[n - 1]) for n, loss in enumerate(losses, 1)]
    assert check(epochs, own(epochs=30), options=HealthOptions(mute=("plateau",))) == []
    overfits = [an_epoch(n, 0.4 + 0.05 * abs(n - 3), 1.0 / n, lr=rates[n - 1]) for n in range(1, 31)]
    (note,) = check(overfits, own(epochs=30), options=HealthOptions(mute=("plateau",)))
    assert 2.0 * 13 < note.t < 2.0 * 16
