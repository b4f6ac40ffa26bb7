"""A batch's gradients are those of its mean loss, and the same whether a GPU replays them or starts each operation."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cifar_tui import models
from cifar_tui.config import TrainingConfig
from cifar_tui.events import Batch, Note
from cifar_tui.models.parts.dropout import own_dropout
from cifar_tui.training.devices import Placement, best_memory_format, resolve_device
from cifar_tui.training.gradients import WARM_UP, Gradients, ReplayedGradients
from cifar_tui.training.random_streams import RandomStreams
from tests.support.training_runs import ControlAction, at_batch, run, tiny_setup

CPU = Placement(torch.device("cpu"), "a processor", "fp32", 1)
SIZES = (32, 32, 32, 32, 32, 12, 32, 12, 32)
"""Of batches: enough of one size for a capture, others before and after it."""

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


class Plain(nn.Module):
    """A small model with dropout, which can be made to wait for the device in every forward pass."""

    def __init__(self, *, waits: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Dropout(0.25), nn.Linear(3072, 4))
        self.waits = waits

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        if self.waits:
            assert logits.sum().item() < 1e9
        return logits


def sent(values: Tensor, device: torch.device) -> Tensor:
    """On its way to the device, which is not waited for."""
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values


def batches(placement: Placement) -> list[tuple[Tensor, Tensor]]:
    """Some that are on their way to the device."""
    generator = torch.Generator().manual_seed(7)
    made = []
    for size in SIZES:
        images = torch.rand(size, 3, 32, 32, generator=generator) * 2 - 1
        labels = torch.randint(0, 4, (size,), generator=generator)
        made.append((sent(images, placement.device), sent(labels, placement.device)))
    return [(images.contiguous(memory_format=placement.memory_format), labels) for images, labels in made]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradients_are_those_of_the_batchs_mean_cross_entropy_alone(smoothing: float) -> None:
    model = Plain()
    own_dropout(model)
    gradients = Gradients(model.eval(), RandomStreams(model, CPU.device), CPU, smoothing)
    for images, labels in batches(CPU):
        loss, correct = gradients.compute(images, labels, 1)
        weight = model.layers[2].weight
        assert isinstance(weight, nn.Parameter)
        assert weight.grad is not None
        logits = model(images)
        expected = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        assert torch.equal(loss, expected.detach())
        assert torch.equal(weight.grad, torch.autograd.grad(expected, weight)[0])
        assert correct.item() == sum(logits.argmax(1) == labels)


def test_gradients_of_a_share_are_weighted_and_its_loss_is_not() -> None:
    model = Plain()
    gradients = Gradients(model.eval(), RandomStreams(model, CPU.device), CPU, 0.0)
    images, labels = batches(CPU)[0]
    weight = model.layers[2].weight
    assert isinstance(weight, nn.Parameter)
    found = []
    for share in (1.0, 0.25):
        loss, _ = gradients.compute(images, labels, 1, share)
        assert weight.grad is not None
        found.append((loss, weight.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1] / 4, found[1][1])


def test_what_a_model_draws_follows_from_the_seed_alone() -> None:
    model = Plain()
    own_dropout(model)
    gradients = Gradients(model, RandomStreams(model, CPU.device), CPU, 0.0)
    images, labels = batches(CPU)[0]
    losses = [gradients.compute(images, labels, seed)[0].item() for seed in (1, 2, 1)]
    assert losses[0] == losses[2] != losses[1]


def trained(
    model: nn.Module,
    gradients: Gradients,
    placement: Placement,
    rounds: int = 1,
    meet: Callable[[], object] = int,
    weight: float = 1.0,
) -> tuple[list[Tensor], list[float]]:
    """Every weight and buffer after a few steps, and the loss and right answers of each; `meet` before the fourth."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=True)
    told: list[Tensor] = []
    for step, (images, labels) in enumerate(itertools.chain(*[batches(placement)] * rounds)):
        if step == WARM_UP:
            meet()
        results = gradients.compute(images, labels, step, weight)
        optimizer.step()
        # Nothing is waited for: an order of streams that is wrong shows.
        told += [result.double() for result in results]
    return [value.clone() for value in model.state_dict().values()], torch.stack(told).tolist()


def on_gpu(model: nn.Module, precision: str) -> tuple[nn.Module, Placement, RandomStreams]:
    found = resolve_device(TrainingConfig(device="cuda", precision=precision))
    layout = best_memory_format(model)
    placement = Placement(found.device, found.name, found.precision, 1, layout)
    own_dropout(model)
    model = model.to(memory_format=layout).to(placement.device)
    return model, placement, RandomStreams(model, placement.device)


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return models.load(name)(4)


@pytest.fixture
def repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have convolutions compute the same every time."""
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.usefixtures("repeatable")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("weight", [1.0, 0.25])
@pytest.mark.parametrize("name", models.names())
def test_a_replayed_graph_trains_bit_for_bit_as_operations_one_by_one(name: str, precision: str, weight: float) -> None:
    told: list[str] = []
    model, placement, random_streams = on_gpu(built(name), precision)
    expected = trained(model, Gradients(model, random_streams, placement, 0.1), placement, weight=weight)
    model, placement, random_streams = on_gpu(built(name), precision)
    calls: list[int] = []
    model.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    replayed = ReplayedGradients(model, random_streams, placement, 0.1, told.append)
    weights, losses = trained(model, replayed, placement, weight=weight)
    assert told == []
    assert calls == [32, 32, 32, 32, 12, 12]  # The fourth is the capture.
    assert losses == expected[1]
    assert all(torch.equal(a, b) for a, b in zip(weights, expected[0], strict=True))


def failing() -> None:
    """A model that cannot be captured, beside one that has been, and one that comes after it."""
    told: list[str] = []
    earlier, placement, earlier_draws = on_gpu(built("mlp"), "fp32")
    replayed = ReplayedGradients(earlier, earlier_draws, placement, 0.0, told.append)
    trained(earlier, replayed, placement)
    assert told == []
    outcomes = []
    for waits in (False, True):
        torch.manual_seed(0)
        model, placement, random_streams = on_gpu(Plain(waits=waits), "fp32")
        kind = ReplayedGradients(model, random_streams, placement, 0.0, told.append) if waits else None
        outcomes.append(trained(model, kind or Gradients(model, random_streams, placement, 0.0), placement))
    assert len(told) == 1, told
    assert "there is no CUDA graph: " in told[0]
    assert outcomes[0][1] == outcomes[1][1]
    assert all(torch.equal(a, b) for a, b in zip(outcomes[0][0], outcomes[1][0], strict=True))
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    trained(earlier, replayed, placement)  # One by one, if need be.
    model, placement, random_streams = on_gpu(built("mlp"), "fp32")
    _, losses = trained(model, ReplayedGradients(model, random_streams, placement, 0.0, told.append), placement)
    model, placement, random_streams = on_gpu(built("mlp"), "fp32")
    assert losses == trained(model, Gradients(model, random_streams, placement, 0.0), placement)[1]


@pytest.mark.cuda
@needs_cuda
def test_a_model_that_cannot_be_captured_is_trained_one_by_one_and_no_other_suffers() -> None:
    # In a process of its own, which has failed to capture since.
    subprocess.run([sys.executable, "-c", "from tests.training.test_gradients import failing; failing()"], check=True)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.usefixtures("repeatable")
@pytest.mark.parametrize("names", [("cnn", "mlp"), ("mlp", "mlp")])
def test_models_in_two_threads_each_train_as_alone(names: tuple[str, str]) -> None:
    def train(model: nn.Module, meet: Callable[[], object] = int) -> list[float]:
        torch.cuda.set_device(0)
        model, placement, random_streams = on_gpu(model, "bf16")
        return trained(
            model, ReplayedGradients(model, random_streams, placement, 0.0, told.append), placement, 20, meet
        )[1]

    told: list[str] = []
    alone = [train(built(name)) for name in names]
    with ThreadPoolExecutor(2) as threads:
        for _ in range(3):
            both = threading.Barrier(2)
            assert list(threads.map(train, [built(name) for name in names], [both.wait] * 2)) == alone
    assert told == []


@pytest.mark.cuda
@needs_cuda
@pytest.mark.usefixtures("repeatable")
def test_a_run_on_a_gpu_that_was_left_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    options = {"device": "cuda", "precision": "bf16", "batch_size": 4, "model": "cnn"}
    whole = run(tmp_path / "whole", setup=tiny_setup(**options))
    leave = ControlAction(at_batch(2, 6), lambda control: control.stop("stopped", "by the test"))
    run(tmp_path / "left", leave, setup=tiny_setup(**options))
    rest = run(tmp_path / "left", resume=True, setup=tiny_setup(**options))
    assert rest.of(Batch)
    assert set(rest.learning()) <= set(whole.learning())
    assert all(torch.equal(a, b) for a, b in zip(rest.weights().values(), whole.weights().values(), strict=True))
    assert not whole.of(Note)


@pytest.mark.cuda
@needs_cuda
def test_a_class_of_ones_own_is_trained_one_by_one_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, num_classes):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(3072, num_classes))\n"
    )
    setup = tiny_setup(device="cuda", model="mine:Net", model_dir=str(tmp_path), epochs=1)
    (note,) = run(tmp_path, setup=setup).of(Note)
    assert "a class of your own" in note.message
