"""The training loop: cross-entropy, an optimiser and a schedule by the recipe, early stopping."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cifar_tui.data.augmentation.augment import AugmentationPolicy
from cifar_tui.data.loader import TrainingBatches, on_device
from cifar_tui.data.seeds import derive_seed
from cifar_tui.events import RunStarted, RunStatus
from cifar_tui.formatting import plural
from cifar_tui.models.user_class import is_user_class
from cifar_tui.training.checkpoints.storage import Snapshot
from cifar_tui.training.clock import Clock
from cifar_tui.training.control import Control, StopTraining
from cifar_tui.training.evaluation import Evaluation, evaluate
from cifar_tui.training.gradients import Gradients, ReplayedGradients
from cifar_tui.training.journal import Emit, Journal
from cifar_tui.training.optimizer import build_optimizer
from cifar_tui.training.setup.prepare import Setup


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended.

    Attributes:
        state: The run's last state.
        message: Why, in words.
        test: The evaluation of the best weights on the test set, where training came to its end.
    """

    state: RunStatus
    message: str
    test: Evaluation | None = None


def train(
    setup: Setup,
    run_id: str,
    folder: Path,
    control: Control,
    emit: Emit,
    clock: Clock,
    saved: Snapshot | None = None,
) -> Outcome:
    """Train a run to its end, from the beginning or from `saved`, and evaluate its best weights on the test set.

    Args:
        setup: The images, the device, the model with its initial weights.
        run_id: What the run's first event calls it.
        folder: Where its checkpoints go.
        control: Requests of other threads, answered between two batches.
        emit: Takes each event, on this thread and in order.
        clock: The run's times; it is started when all is ready.
        saved: The checkpoint to go on from.

    Raises:
        DivergedError: The loss or a weight became infinite or NaN; the last good checkpoint is kept.
        InputError: `saved` does not fit the model.
        OSError: A checkpoint could not be written.
    """
    config, placement, dataset, model, recipe = setup.config, setup.placement, setup.dataset, setup.model, setup.recipe
    batches = TrainingBatches(
        dataset.train,
        batch_size=config.batch_size,
        seed=config.seed,
        device=placement.device,
        policy=AugmentationPolicy.of(recipe, flips=dataset.flips),
        memory_format=placement.memory_format,
    )
    validation = on_device(dataset.validation, placement.device)
    optimizer, schedule = build_optimizer(model, config, recipe, config.epochs * batches.batches)
    clock.start()
    journal = Journal(
        config, setup.identity, placement, folder, emit, (model, optimizer, schedule), batches.batches, clock
    )
    with contextlib.closing(journal):
        if saved:
            progress = journal.restore(saved)
        else:
            progress = journal.begin(_run_started(setup, run_id, batches.batches, clock.t), dataset.notes)
        for message in setup.notes:
            journal.note("info", message)
        for message in setup.warnings:
            journal.note("warning", message)
        gradients = _gradients(setup, lambda why: journal.note("info", why))
        try:
            while not journal.over:
                model.train()
                for images, labels in batches.epoch(progress.epoch, start=progress.batch):
                    seed = derive_seed(config.seed, progress.epoch, progress.batch, "dropout")
                    loss, correct = gradients.compute(images, labels, seed)
                    optimizer.step()
                    lr = float(schedule.get_last_lr()[0])
                    schedule.step()
                    journal.record(loss, correct, len(labels), lr)
                    journal.answer(control)
                journal.end_training()
                with setup.random_streams.for_evaluation():
                    found = evaluate(model, validation, len(dataset.classes), placement, control)
                journal.end_epoch(found)
        except StopTraining as stop:
            journal.save()
            where = f"in epoch {progress.epoch}, after batch {progress.batch} of {batches.batches}"
            return Outcome(stop.state, f"{stop.why} {where}")
        journal.finish_saving()

    assert journal.best_weights is not None
    assert progress.best_epoch is not None
    model.load_state_dict(journal.best_weights)
    try:
        with setup.random_streams.for_evaluation():
            test = evaluate(model, dataset.test, len(dataset.classes), placement, control)
    except StopTraining as stop:
        return Outcome(stop.state, f"{stop.why} during the test")
    emit(test.event("test", progress.best_epoch, clock.t))
    message = f"trained for {plural(config.epochs, 'epoch')}"
    if progress.stale_epochs >= config.patience and progress.epoch <= config.epochs:
        message = f"early stopping: no better validation accuracy in {plural(config.patience, 'epoch')}"
    return Outcome("finished", message, test)


def _gradients(setup: Setup, tell: Callable[[str], None]) -> Gradients:
    """What computes them on this device; told why where it is the slower way."""
    how = (setup.model, setup.random_streams, setup.placement, setup.recipe.smoothing)
    if setup.placement.device.type != "cuda":
        return Gradients(*how)
    if is_user_class(setup.config.model):
        tell("each operation is started on its own: a CUDA graph would repeat what a class of your own decided once")
        return Gradients(*how)
    return ReplayedGradients(*how, tell)


def _run_started(setup: Setup, run_id: str, batches: int, t: float) -> RunStarted:
    config, placement, dataset = setup.config, setup.placement, setup.dataset
    return RunStarted(
        t=t,
        id=run_id,
        model=config.model,
        data=dataset.name,
        classes=dataset.classes,
        epochs=config.epochs,
        batches=batches,
        batch_size=config.batch_size,
        train_samples=len(dataset.train),
        validation_samples=len(dataset.validation),
        test_samples=len(dataset.test),
        parameters=setup.parameters,
        device=str(placement.device),
        precision=placement.precision,
        threads=placement.threads,
        seed=config.seed,
        max_lr=config.max_lr,
        schedule=setup.recipe.schedule,
    )
