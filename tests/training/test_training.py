"""The training loop learns, can be repeated, left and gone on with, and says what it does as it does it."""

import dataclasses
import errno
import itertools
import math
import os
import pickle
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from cifar_tui.errors import DivergedError, InputError
from cifar_tui.events import AnyEvent, Batch, Checkpoint, Epoch, Evaluated, Note, Paused, Resumed, RunStarted
from cifar_tui.state import RunState
from cifar_tui.training import loop, reporting
from cifar_tui.training.checkpoints import storage
from cifar_tui.training.control import Control
from cifar_tui.training.evaluation import confusion_matrix, evaluate
from cifar_tui.training.optimizer import OptimizerLike, SchedulerLike, build_optimizer
from tests.support.hostile import Malicious
from tests.support.training_runs import MOST, Asking, at_batch, run, tiny_setup

TRAINED = 41
"""Images of the tiny source that are left for training."""


@pytest.fixture(autouse=True)
def every_batch_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "REPORT_SECONDS", 0.0)


def stop(control: Control) -> None:
    control.stop("stopped", "stopped by the test")


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


@pytest.mark.parametrize("place", [(1, 1), (1, 2), (1, 3), (2, 1), (2, 3), (3, 2), (3, 3)])
def test_a_run_that_was_left_anywhere_goes_on_to_the_same_end_bit_for_bit(
    tmp_path: Path, place: tuple[int, int]
) -> None:
    whole = run(tmp_path / "whole")
    left = run(tmp_path / "left", Asking(at_batch(*place), stop))
    assert left.outcome.state == "stopped"
    assert "stopped by the test in epoch" in left.outcome.message
    rest = run(tmp_path / "left", resume=True)
    assert isinstance(rest.events[0], Resumed)
    told = sorted([*left.learning(), *rest.learning()], key=len)
    assert told == sorted(whole.learning(), key=len), "no batch is missing, told twice, or other than it would be"
    assert rest.outcome.test is not None
    assert whole.outcome.test is not None
    assert rest.outcome.test.loss == whole.outcome.test.loss
    for name, tensor in whole.weights().items():
        assert torch.equal(rest.weights()[name], tensor), name


def test_a_run_that_was_left_during_its_test_is_tested_when_it_goes_on(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    last = lambda event: isinstance(event, Checkpoint) and event.epoch == 4  # noqa: E731
    left = run(tmp_path / "left", Asking(last, stop))
    assert left.outcome.message == "stopped by the test during the test"
    assert left.outcome.test is None
    rest = run(tmp_path / "left", resume=True)
    assert rest.of(Batch) == []
    assert rest.outcome.test is not None
    assert whole.outcome.test is not None
    assert rest.outcome.test.confusion == whole.outcome.test.confusion


def test_a_pause_changes_no_number_and_counts_in_no_speed(tmp_path: Path) -> None:
    def resume_later(control: Control) -> None:
        threading.Timer(0.3, control.resume).start()

    whole = run(tmp_path / "whole")
    paused = run(
        tmp_path / "paused",
        Asking(at_batch(2, 1), Control.pause),
        Asking(lambda event: isinstance(event, Paused), resume_later),
    )
    assert paused.learning() == whole.learning()
    (pause_event,), (resumed,) = paused.of(Paused), paused.of(Resumed)
    assert (pause_event.epoch, pause_event.batch) == (resumed.epoch, resumed.batch) == (2, 1)
    pause_seconds = resumed.t - pause_event.t
    assert pause_seconds > 0.1
    first, second = paused.of(Epoch)[:2]
    assert second.seconds < second.t - first.t - pause_seconds / 2
    state = RunState()
    for event in paused.events:
        state.apply(event)
    assert state.seconds == pytest.approx(state.t - pause_seconds)


def test_a_pause_is_saved_and_a_stop_ends_it(tmp_path: Path) -> None:
    def stop_later(control: Control) -> None:
        threading.Timer(0.1, stop, [control]).start()

    recorded = run(
        tmp_path,
        Asking(at_batch(1, 2), Control.pause),
        Asking(lambda event: isinstance(event, Paused), stop_later),
    )
    assert recorded.outcome.state == "stopped"
    kinds = [type(e) for e in recorded.events if isinstance(e, Paused | Checkpoint | Resumed)]
    assert kinds == [Checkpoint, Paused, Checkpoint]
    assert storage.load(recorded.folder / storage.LAST).progress.batch == 2


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


def test_the_best_weights_that_could_not_be_kept_are_kept_when_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "_save_safetensors", full)
        with pytest.raises(OSError, match="No space left"):
            run(tmp_path, epochs=1)
    assert list((tmp_path / "checkpoints").iterdir()) == []
    run(tmp_path, epochs=1, resume=True)
    assert (tmp_path / storage.WEIGHTS).exists()
    assert (tmp_path / "checkpoints" / storage.BEST).exists()


def test_no_speed_counts_the_time_before_the_first_batch_or_leaves_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "REPORT_SECONDS", 0.1)
    setup = tiny_setup(epochs=1)

    def slow(*arguments: Any) -> tuple[OptimizerLike, SchedulerLike]:
        time.sleep(1)
        return build_optimizer(*arguments)

    monkeypatch.setattr(loop, "build_optimizer", slow)
    recorded = run(tmp_path, setup=setup)
    (epoch,) = recorded.of(Epoch)
    assert all(0.01 < e.images_per_second / epoch.images_per_second < 1000 for e in recorded.of(Batch))


def test_checkpoints_come_by_the_clock_within_an_epoch(tmp_path: Path) -> None:
    recorded = run(tmp_path, epochs=1, checkpoint_seconds=1e-6)
    places = [(e.epoch, e.batch) for e in recorded.of(Checkpoint)]
    assert places == [(1, 1), (1, 2), (1, 3), (2, 0)]


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    save = storage.save

    def slowly(*arguments: Any, **options: Any) -> Path:
        assert written.wait(60)
        return save(*arguments, **options)

    monkeypatch.setattr(storage, "save", slowly)
    recorded = run(tmp_path, Asking(at_batch(2, 3), lambda _: written.set()), epochs=2)
    kinds = [type(e) for e in recorded.events if isinstance(e, Epoch | Batch | Checkpoint)]
    assert kinds.index(Checkpoint) > kinds.index(Epoch) + 3, "the second epoch's batches did not wait"
    assert [(e.epoch, e.batch) for e in recorded.of(Checkpoint)] == [(2, 0), (3, 0)]


def test_every_checkpoint_is_the_run_as_it_stood_and_not_as_it_went_on(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    kept: dict[tuple[int, int], bytes] = {}

    def keep(event: AnyEvent) -> bool:
        if isinstance(event, Checkpoint):
            kept[event.epoch, event.batch] = (tmp_path / "kept" / "checkpoints" / storage.LAST).read_bytes()
        return False

    run(tmp_path / "kept", Asking(keep, Control.pause), checkpoint_seconds=1e-6)
    assert len(kept) > 6
    for place, content in list(kept.items())[:-1]:
        folder = tmp_path / f"from{place}" / "checkpoints"
        folder.mkdir(parents=True)
        (folder / storage.LAST).write_bytes(content)
        resumed = run(folder.parent, resume=True)
        assert set(resumed.learning()) <= set(whole.learning())
        assert all(torch.equal(a, b) for a, b in zip(resumed.weights().values(), whole.weights().values(), strict=True))


def failing_writes(monkeypatch: pytest.MonkeyPatch, number: int, calls: Callable[[int], bool]) -> None:
    """Have the writing of those checkpoints fail for which `calls`, given their number from 0, is true."""
    counted = itertools.count()
    write = storage._write

    def perhaps(*arguments: Any) -> None:
        if calls(next(counted)):
            raise OSError(number, os.strerror(number))
        write(*arguments)

    monkeypatch.setattr(storage, "_write", perhaps)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS])
def test_training_goes_on_while_the_disk_is_full_and_nothing_is_missing_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    whole = run(tmp_path / "whole", epochs=4)
    failing_writes(monkeypatch, number, lambda call: call < 3)
    kept = run(tmp_path / "kept", epochs=4)
    assert kept.outcome.state == "finished"
    assert kept.learning() == whole.learning()
    said = [note.message for note in kept.of(Note)]
    assert len(said) == 2, "once that it fails, once that it works again"
    assert os.strerror(number) in said[0]
    assert "there is no previous one" in said[0], "the first of all has failed"
    assert "can be written again" in said[1]
    for name in (storage.LAST, storage.BEST):
        a, b = (storage.load(of.folder / name) for of in (whole, kept))
        assert all(torch.equal(a.weights[key], b.weights[key]) for key in a.weights), name


def test_the_best_weights_are_written_as_they_were_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The third epoch is the best, and cannot be written; the fourth, which is not, can.
    accuracies = iter([0.2, 0.3, 0.9, 0.4, 0.5])
    monkeypatch.setattr(loop, "evaluate", lambda *a: dataclasses.replace(evaluate(*a), accuracy=next(accuracies, 0.5)))
    failing_writes(monkeypatch, errno.ENOSPC, lambda call: call == 2)
    recorded = run(tmp_path, epochs=4)
    assert "the previous one is kept" in recorded.of(Note)[0].message
    best = storage.load(recorded.folder / storage.BEST)
    last = storage.load(recorded.folder / storage.LAST)
    assert best.progress.best_epoch == 3
    assert best.progress.epoch == 4, "it stands before the fourth epoch"
    assert last.progress.epoch == 5
    assert last.best_weights is not None
    assert all(torch.equal(best.weights[key], last.best_weights[key]) for key in best.weights)


def test_a_disk_that_stays_full_ends_the_run_when_it_is_to_be_saved_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_writes(monkeypatch, errno.ENOSPC, lambda _: True)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, epochs=3)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, Asking(at_batch(1, 2), stop), epochs=3)


def test_a_folder_that_is_gone_ends_the_run_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_writes(monkeypatch, errno.ENOENT, lambda _: True)
    last = Asking(lambda event: isinstance(event, Epoch) and event.epoch == 10, Control.pause)
    with pytest.raises(OSError, match="No such file"):
        run(tmp_path, last, epochs=100)
    assert not last.done


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-1000]),
    "empty": lambda file: file.write_bytes(b""),
    "no checkpoint": lambda file: file.write_bytes(b"hello"),
    "gone": lambda file: file.unlink(),
    "a pickle that acts": lambda file: file.write_bytes(pickle.dumps(Malicious(file.with_name("acted")))),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_run_whose_last_checkpoint_is_damaged_goes_on_from_the_one_before_to_the_same_end(
    tmp_path: Path, how: str
) -> None:
    whole = run(tmp_path / "whole")
    left = run(tmp_path / "left", Asking(at_batch(2, 2), stop))
    # A name of its own: as on a file system without hard links, the damage is to this file alone.
    last = left.folder / storage.LAST
    last.write_bytes(last.read_bytes())
    DAMAGES[how](last)
    saved, why = storage.load_last(left.folder, left.setup.identity, MOST)
    assert saved is not None
    assert (saved.progress.epoch, saved.progress.batch) == (2, 0)
    assert "resuming from previous.pt" in why
    resumed = run(tmp_path / "left", resume=True)
    assert set(resumed.learning()) <= set(whole.learning())
    assert all(torch.equal(a, b) for a, b in zip(resumed.weights().values(), whole.weights().values(), strict=True))
    assert not (left.folder / "acted").exists()


def test_a_run_without_any_whole_checkpoint_says_what_is_wrong_with_the_last(tmp_path: Path) -> None:
    left = run(tmp_path, epochs=2)
    for name in (storage.LAST, storage.PREVIOUS, storage.BEST):
        (left.folder / name).unlink()
        (left.folder / name).write_bytes(b"hello")
    with pytest.raises(InputError, match=r"last\.pt: not a checkpoint"):
        storage.load_last(left.folder, left.setup.identity, MOST)


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


@pytest.mark.parametrize("model", ["cnn", "mlp"])
def test_the_fast_recipe_learns_and_goes_on_to_the_same_end_bit_for_bit(tmp_path: Path, model: str) -> None:
    options: dict[str, Any] = {"recipe": "fast", "model": model, "epochs": 2, "batch_size": 16}
    whole = run(tmp_path / "whole", **options)
    left = run(tmp_path / "left", Asking(at_batch(2, 1), stop), **options)
    rest = run(tmp_path / "left", resume=True, **options)
    assert left.outcome.state == "stopped"
    assert sorted([*left.learning(), *rest.learning()], key=len) == sorted(whole.learning(), key=len)
    for name, tensor in whole.weights().items():
        assert torch.equal(rest.weights()[name], tensor), name
    assert whole.of(Epoch)[1].train_loss < whole.of(Epoch)[0].train_loss


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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": "cnn"}, "a checkpoint of the model 'mlp', but the run's is 'cnn'"),
        ({"seed": 3}, "a checkpoint of seed 0, but the run's is 3"),
    ],
)
def test_another_runs_checkpoint_is_refused(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    run(tmp_path, epochs=1)
    with pytest.raises(InputError, match=says):
        run(tmp_path, resume=True, **options)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_an_epoch_on_a_gpu_never_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = tiny_setup(device="cuda", precision="bf16", epochs=1, batch_size=2)
    run(tmp_path / "warm", setup=setup)  # The first batch copies its tables to the device.
    run_started, flush = loop._run_started, reporting.Reporter.flush_batches

    def begin_strictly(*arguments: Any) -> RunStarted:
        torch.cuda.set_sync_debug_mode("error")
        return run_started(*arguments)

    def end_strictness(self: reporting.Reporter, *arguments: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")
        flush(self, *arguments)

    monkeypatch.setattr(loop, "_run_started", begin_strictly)
    monkeypatch.setattr(reporting.Reporter, "flush_batches", end_strictness)
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
