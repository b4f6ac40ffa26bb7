"""Steps of the optimizer are measured now and then, right, and without any effect on what is learned."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from cifar_tui.events import Batch, Epoch, Metric
from cifar_tui.state.run_state import RunState
from cifar_tui.store.csv_files import metrics_csv
from cifar_tui.training import loop
from cifar_tui.training.control import Control
from cifar_tui.training.evaluation import FEW_CLASSES, evaluate
from cifar_tui.training.metrics import StepMeter, batches_between
from cifar_tui.training.setup.prepare import Setup, prepare
from tests.support.training_runs import (
    TINY,
    ControlAction,
    TinyImageCache,
    TrainedRun,
    at_batch,
    run,
    stop,
    tiny_setup,
    tiny_source,
)

pytestmark = pytest.mark.usefixtures("every_batch_reported")


@pytest.fixture
def every_second_step(monkeypatch: pytest.MonkeyPatch) -> None:
    measure_every(2, monkeypatch)


def measure_every(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "batches_between", lambda *_: number)


def steps(recorded: TrainedRun) -> list[Metric]:
    return [event for event in recorded.of(Metric) if event.split == "train"]


def test_a_step_is_measured_over_all_weights_that_have_a_gradient_whatever_their_type() -> None:
    kinds = (torch.float32, torch.float64, torch.complex64)
    weights = [nn.Parameter(torch.full((3,), 2.0, dtype=kind)) for kind in kinds]
    unused = nn.Parameter(torch.ones(9))
    for weight in weights:
        weight.grad = torch.full_like(weight, 0.5)
    optimizer = torch.optim.SGD([*weights, unused], lr=0.1)
    meter = StepMeter(nn.ParameterList([*weights, unused]), optimizer, 3)
    meter.before_step(6)
    optimizer.step()
    measured = meter.after_step()
    assert measured is not None
    assert measured.rates == (0.1,)
    assert measured.values.tolist() == pytest.approx([0.5 * math.sqrt(9), 0.1 * 0.5 / 2.0])
    meter.before_step(7)
    optimizer.step()
    assert meter.after_step() is None


def test_a_step_that_would_take_too_much_memory_to_measure_is_only_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise torch.OutOfMemoryError

    weight = nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    meter = StepMeter(nn.ParameterList([weight]), optimizer, 1)
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "clone", refuse)
        meter.before_step(0)
        optimizer.step()
        assert meter.after_step() is None
    assert weight.tolist() == [0.5] * 3
    meter.before_step(1)
    optimizer.step()
    assert meter.after_step() is not None


@pytest.mark.usefixtures("every_second_step")
def test_a_run_tells_of_every_second_step(tmp_path: Path) -> None:
    recorded = run(tmp_path)
    assert [event.samples for event in steps(recorded)] == [16, 41, 73, 98, 123]
    for event in steps(recorded):
        assert [*event.values] == ["grad_norm", "update_ratio"]
        assert 0 < event.values["grad_norm"] < 100
        assert 0 < event.values["update_ratio"] < 1


def test_what_is_learned_is_the_same_to_the_last_bit_however_much_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for recipe in ("protocol", "fast"):
        found = []
        for every in (1, 10**9):
            measure_every(every, monkeypatch)
            found.append(run(tmp_path / f"{recipe}{every}", model="cnn", recipe=recipe, epochs=2))
        measured, plain = found
        assert (len(steps(measured)), len(steps(plain))) == (6, 1)
        assert measured.learning() == plain.learning()
        weights = zip(measured.weights().values(), plain.weights().values(), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in weights)


@pytest.mark.usefixtures("every_second_step")
def test_several_groups_of_weights_have_their_learning_rates(tmp_path: Path) -> None:
    recorded = run(tmp_path, model="cnn", recipe="fast", epochs=1)
    rates = {event.samples: event.lr for event in recorded.of(Batch)}
    for event in steps(recorded):
        assert event.values["lr/0"] == rates[event.samples]
        assert event.values["lr/1"] > event.values["lr/0"]


@pytest.mark.usefixtures("every_second_step")
@pytest.mark.parametrize("left", [(2, 1), (2, 3)])
def test_a_resumed_run_measures_what_it_would_have(tmp_path: Path, left: tuple[int, int]) -> None:
    whole = run(tmp_path / "whole")
    begun = run(tmp_path / "left", ControlAction(at_batch(*left), stop))
    rest = run(tmp_path / "left", resume=True)
    states = [RunState(), RunState()]
    for state, events in zip(states, (whole.events, [*begun.events, *rest.events]), strict=True):
        for event in events:
            state.apply(event)
    expected, found = (list(csv.DictReader(metrics_csv(state).splitlines())) for state in states)
    assert len(expected) == 3
    for ours, theirs in zip(expected, found, strict=True):
        assert (ours["grad_norm"], ours["update_ratio"]) == (theirs["grad_norm"], theirs["update_ratio"])
        assert ours["grad_norm"]


def many_classes(classes: int) -> Setup:
    return prepare(TINY, TinyImageCache(tiny_source(240, classes)), lambda *_: None)  # type: ignore[arg-type]


def test_of_many_classes_an_evaluation_says_how_often_the_true_one_is_among_the_first_five(tmp_path: Path) -> None:
    setup = many_classes(FEW_CLASSES + 1)
    test = setup.dataset.test
    untrained = evaluate(setup.model, test, FEW_CLASSES + 1, setup.placement, Control())
    ranked = untrained.logits.argsort(dim=1, descending=True)[:, :5].tolist()
    right = sum(label in five for label, five in zip(test.labels.tolist(), ranked, strict=True))
    assert untrained.top5 == right / len(test)
    assert untrained.accuracy < untrained.top5 < 1
    recorded = run(tmp_path, setup=setup)
    told = [event for event in recorded.of(Metric) if event.split != "train"]
    epochs = recorded.of(Epoch)
    assert [event.split for event in told] == ["validation"] * 3 + ["test"]
    assert [event.samples for event in told] == [*(epoch.samples for epoch in epochs), epochs[-1].samples]
    assert recorded.outcome.test is not None
    assert told[-1].values == {"top5": recorded.outcome.test.top5}


def test_of_few_classes_it_does_not(tmp_path: Path) -> None:
    recorded = run(tmp_path, setup=many_classes(FEW_CLASSES), epochs=1)
    assert all(event.split == "train" for event in recorded.of(Metric))


@pytest.mark.parametrize(
    ("batch_size", "device", "every"), [(256, "cpu", 50), (255, "cpu", 100), (4, "cpu", 100), (4, "cuda", 50)]
)
def test_steps_of_small_batches_are_measured_more_seldom(batch_size: int, device: str, every: int) -> None:
    assert batches_between(batch_size, torch.device(device)) == every


def test_the_setup_of_these_tests_measures_its_first_step(tmp_path: Path) -> None:
    assert [event.samples for event in steps(run(tmp_path, setup=tiny_setup(epochs=1)))] == [16]
