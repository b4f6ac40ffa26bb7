"""The training loop learns, can be repeated, and reports what it does as it does it."""

import dataclasses
import math
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from cifar_tui.errors import DivergedError
from cifar_tui.events import Batch, Epoch, Evaluated, RunStarted
from cifar_tui.training import emitter, loop
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.evaluation import confusion_matrix, evaluate
from cifar_tui.training.optimizer import OptimizerLike, build_optimizer
from tests.support.training_runs import run, tiny_setup

pytestmark = pytest.mark.usefixtures("every_batch_reported")

TRAINED = 41
"""Images of the tiny source that are left for training."""


def test_a_run_tells_its_batches_and_epochs_in_order_and_ends_tested(tmp_path: Path) -> None:
    recorded = run(tmp_path)
    assert recorded.outcome.state == "finished"
    assert recorded.outcome.message == "trained for 3 epochs"
    assert isinstance(recorded.events[0], RunStarted)
    assert [(e.epoch, e.batch) for e in recorded.of(Batch)] == [(e, b) for e in (1, 2, 3) for b in (1, 2, 3)]
    assert [e.samples for e in recorded.of(Batch)] == [16, 32, 41, 57, 73, 82, 98, 114, 123]
    assert [e.epoch for e in recorded.of(Epoch)] == [1, 2, 3]
    assert [e.split for e in recorded.of(Evaluated)] == ["validation"] * 3 + ["test"]
    assert all(a.t <= b.t for a, b in pairwise(recorded.events))


def test_an_epochs_means_are_over_its_images(tmp_path: Path) -> None:
    recorded = run(tmp_path, epochs=1)
    sizes = [16, 16, 9]
    batches, (epoch,) = recorded.of(Batch), recorded.of(Epoch)
    assert epoch.train_loss == pytest.approx(sum(b.loss * n for b, n in zip(batches, sizes, strict=True)) / TRAINED)
    right = sum(round(b.accuracy * n) for b, n in zip(batches, sizes, strict=True))
    assert epoch.train_accuracy == pytest.approx(right / TRAINED)


def test_a_confusion_matrix_counts_every_image_once_by_its_true_class(tmp_path: Path) -> None:
    recorded = run(tmp_path, epochs=1)
    for event, labels in (
        (recorded.of(Evaluated)[0], recorded.setup.dataset.validation.labels),
        (recorded.of(Evaluated)[1], recorded.setup.dataset.test.labels),
    ):
        assert [sum(row) for row in event.confusion] == torch.bincount(labels, minlength=3).tolist()
        right = sum(event.confusion[k][k] for k in range(3))
        assert event.accuracy == pytest.approx(right / len(labels))


def test_the_learning_rate_follows_torchs_one_cycle_batch_by_batch(tmp_path: Path) -> None:
    rates = [e.lr for e in run(tmp_path, max_lr=0.05).of(Batch)]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, epochs=3, steps_per_epoch=3)
    for rate in rates:
        assert rate == pytest.approx(schedule.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        schedule.step()


def test_it_learns_what_there_is_to_learn(tmp_path: Path) -> None:
    recorded = run(tmp_path, epochs=12, patience=12)
    assert recorded.outcome.test is not None
    assert recorded.outcome.test.accuracy > 0.9


def test_the_same_seed_gives_the_same_run_and_another_does_not(tmp_path: Path) -> None:
    first, second, other = run(tmp_path / "a"), run(tmp_path / "b"), run(tmp_path / "c", seed=1)
    assert first.learning() == second.learning()
    assert first.learning() != other.learning()


def test_torchs_global_generator_is_neither_used_nor_touched(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = run(tmp_path / "a")
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    second = run(tmp_path / "b")
    assert first.learning() == second.learning()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies = iter([0.5, 0.6, 0.6, 0.3, 0.9])

    def same_accuracy(*arguments: Any) -> Any:
        result = evaluate(*arguments)
        return dataclasses.replace(result, accuracy=next(accuracies))

    monkeypatch.setattr(loop, "evaluate", same_accuracy)
    recorded = run(tmp_path, epochs=50, patience=2)
    assert [e.best for e in recorded.of(Epoch)] == [True, True, False, False]
    assert recorded.outcome.state == "finished"
    assert recorded.outcome.message == "early stopping: no better validation accuracy in 2 epochs"
    assert recorded.of(Evaluated)[-1].epoch == 2


def test_the_best_weights_are_the_ones_that_are_tested_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracies = iter([0.2, 0.9, 0.1, 0.0])
    tested = []

    def same_accuracy(model: torch.nn.Module, *arguments: Any) -> Any:
        tested.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        result = evaluate(model, *arguments)
        return dataclasses.replace(result, accuracy=next(accuracies))

    monkeypatch.setattr(loop, "evaluate", same_accuracy)
    recorded = run(tmp_path)
    from safetensors.torch import load_file

    best = storage.load(recorded.folder / storage.BEST)
    assert best.progress.best_epoch == 2
    kept = load_file(tmp_path / storage.WEIGHTS)
    for name, tensor in tested[1].items():
        assert torch.equal(tested[3][name], tensor)
        assert torch.equal(best.weights[name], tensor)
        assert torch.equal(kept[name], tensor)


def test_a_learning_rate_that_is_far_too_high_ends_as_diverged(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"infinite or NaN in epoch \d+: try a lower --max-lr"):
        run(tmp_path, epochs=60, patience=60, max_lr=1e30)


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poisoned(torch.nn.Module):
        """Gives NaN in its fifth training batch."""

        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self.model, self.batches = model, 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.batches += self.training
            logits: torch.Tensor = self.model(images)
            return logits * math.nan if self.training and self.batches == 5 else logits

    setup = tiny_setup(checkpoint_seconds=1e-6)
    with pytest.raises(DivergedError, match="the loss of batch 2 became infinite or NaN in epoch 2"):
        run(tmp_path, setup=dataclasses.replace(setup, model=Poisoned(setup.model)))
    saved = storage.load(tmp_path / "checkpoints" / storage.LAST)
    assert (saved.progress.epoch, saved.progress.batch) == (2, 1)
    assert all(tensor.isfinite().all() for tensor in saved.weights.values())


def test_no_speed_counts_the_time_before_the_first_batch_or_leaves_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitter, "REPORT_SECONDS", 0.1)
    setup = tiny_setup(epochs=1)

    def slow(*arguments: Any) -> OptimizerLike:
        time.sleep(1)
        return build_optimizer(*arguments)

    monkeypatch.setattr(loop, "build_optimizer", slow)
    recorded = run(tmp_path, setup=setup)
    (epoch,) = recorded.of(Epoch)
    assert all(0.01 < e.images_per_second / epoch.images_per_second < 1000 for e in recorded.of(Batch))


def test_two_runs_at_once_equal_the_same_two_in_turn(tmp_path: Path) -> None:
    alone = [run(tmp_path / f"alone{seed}", seed=seed, epochs=4) for seed in (0, 1)]
    together: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda s=seed: together.update({s: run(tmp_path / f"both{s}", seed=s, epochs=4)}))
        for seed in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[seed].learning() for seed in (0, 1)] == [recorded.learning() for recorded in alone]


def test_no_run_parses_source_code_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object, **__: object) -> None:
        # As with Python 3.11, where another thread parses some at the same time.
        raise SystemError("AST constructor recursion depth mismatch")

    with monkeypatch.context() as patched:  # pytest parses some too, to show an error.
        patched.setattr("ast.parse", parse)
        tiny_setup()


def test_a_recipe_settles_the_dropout(tmp_path: Path) -> None:
    def probabilities(recipe: str) -> list[float]:
        model = tiny_setup(model="cnn", recipe=recipe).model
        return [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]

    assert probabilities("protocol") == [0.25, 0.25, 0.25, 0.5, 0.5]
    assert probabilities("fast") == [0.1, 0.1, 0.1, 0.3, 0.3]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_both_precisions_train_the_cnn_to_finite_numbers(tmp_path: Path, precision: str) -> None:
    recorded = run(tmp_path, model="cnn", epochs=1, precision=precision)
    assert all(math.isfinite(e.loss) for e in recorded.of(Batch))
    assert all(tensor.dtype != torch.bfloat16 for tensor in recorded.weights().values())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_an_epoch_on_a_gpu_never_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = tiny_setup(device="cuda", precision="bf16", epochs=1, batch_size=2)
    run(tmp_path / "warm", setup=setup)  # The first batch copies its tables to the device.
    run_started, flush = loop._run_started, emitter.EventEmitter.flush_batches

    def begin_strictly(*arguments: Any) -> RunStarted:
        torch.cuda.set_sync_debug_mode("error")
        return run_started(*arguments)

    def end_strictness(self: emitter.EventEmitter, *arguments: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")
        flush(self, *arguments)

    monkeypatch.setattr(loop, "_run_started", begin_strictly)
    monkeypatch.setattr(emitter.EventEmitter, "flush_batches", end_strictness)
    recorded = run(tmp_path, setup=tiny_setup(device="cuda", precision="bf16", epochs=1, batch_size=2))
    assert recorded.outcome.state == "finished"
    assert len(recorded.of(Batch)) == 20


@given(st.data())
def test_the_confusion_matrix_is_that_of_scikit_learn(data: st.DataObject) -> None:
    k = data.draw(st.integers(2, 5))
    pairs = data.draw(st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1))
    true, predicted = (torch.tensor(column) for column in zip(*pairs, strict=True))
    expected = sklearn_confusion_matrix(true.numpy(), predicted.numpy(), labels=range(k))
    assert np.array_equal(list(confusion_matrix(true, predicted, k)), expected)
