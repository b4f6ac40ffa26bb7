"""The training loop: cross-entropy, an optimizer and a schedule by the recipe, early stopping."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from cifar_tui.data.augmentation.augment import AugmentationPolicy
from cifar_tui.data.loader import TrainingBatches, on_device
from cifar_tui.data.seeds import derive_seed
from cifar_tui.events import AnyEvent, Level, RunStarted, RunStatus
from cifar_tui.formatting import plural
from cifar_tui.models.user_class import is_user_class
from cifar_tui.training.checkpoints.manager import CheckpointManager
from cifar_tui.training.checkpoints.storage import Snapshot
from cifar_tui.training.checkpoints.writer import SavePredictions
from cifar_tui.training.clock import Clock
from cifar_tui.training.control import Control, LoopControl, StopTraining
from cifar_tui.training.emitter import Emit, EventEmitter
from cifar_tui.training.evaluation import Evaluation, evaluate
from cifar_tui.training.gradients import Gradients, ReplayedGradients
from cifar_tui.training.lr_scheduler import build_scheduler
from cifar_tui.training.metrics import StepMeter, batches_between
from cifar_tui.training.optimizer import build_optimizer
from cifar_tui.training.progress import Progress
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
    folder: Path | None,
    control: Control,
    emit: Emit,
    clock: Clock,
    saved: Snapshot | None = None,
    own_events: Callable[[], list[AnyEvent]] = list,
    save_predictions: SavePredictions | None = None,
) -> Outcome:
    """Train a run to its end, from the beginning or from `saved`, and evaluate its best weights on the test set.

    Args:
        setup: The images, the device, the model with its initial weights; and the processes that train it, each of
            which calls this.
        run_id: What the run's first event calls it.
        folder: Where its checkpoints go; None where another process writes them.
        control: Requests of other threads, handled between two batches, behind the same one in all processes.
        emit: Takes each event, on this thread and in order.
        clock: The run's times; it is started when all is ready.
        saved: The checkpoint to resume from, the same in all processes.
        own_events: Takes what only this process of several has to report, such as of its devices; rank 0 emits it at
            the end of the epoch.
        save_predictions: Writes what the best weights predict for the validation images, with each checkpoint of them.

    Raises:
        DivergedError: The loss or a weight became infinite or NaN; the last good checkpoint is kept.
        InputError: `saved` does not fit the model.
        OSError: A checkpoint could not be written.
        LostProcessError: Another process of the run is gone.
        ProcessFailedError: Another process of the run has failed.
    """
    config, placement, dataset, model, recipe = setup.config, setup.placement, setup.dataset, setup.model, setup.recipe
    group = setup.group
    replica, requests = group.share_model(model, placement), group.share_control(control)
    batches = TrainingBatches(
        dataset.train,
        batch_size=config.batch_size,
        seed=config.seed,
        device=placement.device,
        policy=AugmentationPolicy.of(recipe, flips=dataset.flips),
        memory_format=placement.memory_format,
        rank=group.rank,
        processes=group.processes,
    )
    validation = on_device(dataset.validation, placement.device)
    optimizer = build_optimizer(model, config, recipe)
    scheduler = build_scheduler(optimizer, config, recipe, config.epochs * batches.batches)
    clock.start()
    every = batches_between(config.batch_size // group.processes, placement.device)
    meter = StepMeter(model, optimizer, every)
    emitter = EventEmitter(emit, clock, placement, group, batches.batches)
    checkpoints = CheckpointManager(
        folder,
        setup.identity,
        model,
        optimizer,
        scheduler,
        clock,
        emitter,
        config.checkpoint_seconds,
        save_predictions,
    )
    with contextlib.closing(checkpoints):
        if saved:
            progress = checkpoints.restore(saved)
            emitter.restart_timing()
            emitter.resumed(progress)
        else:
            progress = Progress()
            emit(_run_started(setup, run_id, batches.batches, clock.t))
            _emit_notes(emitter, "info", dataset.notes)
        _emit_notes(emitter, "info", (*setup.notes, *replica.notes))
        _emit_notes(emitter, "warning", setup.warnings)
        gradients = _build_gradients(setup, lambda why: emitter.note("info", why))
        # Each process drops other activations of its images.
        dropout = f"dropout/{group.rank}" if group.rank else "dropout"
        try:
            while progress.epoch <= config.epochs and progress.stale_epochs < config.patience:
                model.train()
                for images, labels in batches.epoch(progress.epoch, start=progress.batch):
                    size, share = batches.size(progress.batch), batches.share(progress.batch)
                    seed = derive_seed(config.seed, progress.epoch, progress.batch, dropout)
                    replica.begin_batch()
                    computed = gradients.compute(images, labels, seed, share.weight)
                    losses, correct = replica.end_batch(*computed, share, size)
                    meter.before_step((progress.epoch - 1) * batches.batches + progress.batch)
                    optimizer.step()
                    step = meter.after_step()
                    lr = float(scheduler.get_last_lr()[0])
                    scheduler.step()
                    progress.finish_batch(size, lr)
                    # Before a GPU is waited for, which may wait for a process that is lost.
                    requests.synchronize()
                    emitter.record_batch(progress, size, losses, correct, step)
                    _handle_requests(requests, progress, emitter, checkpoints, clock)
                emitter.flush_batches(progress)
                progress.trained_seconds = clock.active - progress.epoch_began

                slowest = replica.take_slowest()
                for event in itertools.chain(*group.all_gather(own_events())):
                    emit(event)
                replica.begin_evaluation()
                with setup.random_streams.for_evaluation():
                    validated = evaluate(model, validation, len(dataset.classes), placement, requests, group)
                if not math.isfinite(validated.loss):
                    raise progress.diverged("the validation loss")
                emitter.epoch(progress, validated, slowest)
                if best := progress.is_best(validated.accuracy):
                    checkpoints.keep_best(validated, progress.epoch)
                progress.finish_epoch(validated.accuracy, clock.active)
                checkpoints.save(progress, best=best)
                emitter.restart_timing()
        except StopTraining as stop:
            emitter.flush_batches(progress)
            checkpoints.save(progress)
            checkpoints.finish()
            where = f"in epoch {progress.epoch}, after batch {progress.batch} of {batches.batches}"
            return Outcome(stop.state, f"{stop.why} {where}")
        checkpoints.finish()

    return _test(setup, requests, progress, emitter, checkpoints)


def _handle_requests(
    control: LoopControl, progress: Progress, emitter: EventEmitter, checkpoints: CheckpointManager, clock: Clock
) -> None:
    """Between two batches: pause, stop or save when another thread asks for it, and save when a checkpoint is due.

    Raises:
        StopTraining: A stop was asked for.
        DivergedError: A loss or a weight is not finite.
        OSError: A checkpoint could not be written, and that is not recoverable.
    """
    checkpoints.report_written()
    if control.pause_requested:
        emitter.flush_batches(progress)
        checkpoints.save(progress)
        checkpoints.report_written(wait=True)
        emitter.paused(progress)
        clock.pause()
        control.wait_while_paused()
        clock.resume()
        if not control.stop_requested:
            emitter.resumed(progress)
    control.check()
    if control.take_checkpoint_request() or checkpoints.is_due:
        emitter.flush_batches(progress)
        checkpoints.save(progress)


def _test(
    setup: Setup, control: LoopControl, progress: Progress, emitter: EventEmitter, checkpoints: CheckpointManager
) -> Outcome:
    """Evaluate the best weights on the test set, once training has come to its end."""
    config, dataset, model = setup.config, setup.dataset, setup.model
    assert checkpoints.best_weights is not None
    assert progress.best_epoch is not None
    model.load_state_dict(checkpoints.best_weights)
    try:
        with setup.random_streams.for_evaluation():
            test = evaluate(model, dataset.test, len(dataset.classes), setup.placement, control, setup.group)
    except StopTraining as stop:
        return Outcome(stop.state, f"{stop.why} during the test")
    emitter.test(test, progress.best_epoch, progress.samples)
    message = f"trained for {plural(config.epochs, 'epoch')}"
    if progress.stale_epochs >= config.patience and progress.epoch <= config.epochs:
        message = f"early stopping: no better validation accuracy in {plural(config.patience, 'epoch')}"
    return Outcome("finished", message, test)


def _emit_notes(emitter: EventEmitter, level: Level, messages: Iterable[str]) -> None:
    for message in messages:
        emitter.note(level, message)


def _build_gradients(setup: Setup, notify: Callable[[str], None]) -> Gradients:
    """The way to compute gradients on this device; `notify` is called with the reason where it is the slower one."""
    arguments = (setup.model, setup.random_streams, setup.placement, setup.recipe.smoothing)
    if setup.placement.device.type != "cuda":
        return Gradients(*arguments)
    if is_user_class(setup.config.model):
        notify("operations are launched one by one: a CUDA graph would repeat what your model class decided once")
        return Gradients(*arguments)
    if any(isinstance(module, nn.SyncBatchNorm) for module in setup.model.modules()):
        notify("operations are launched one by one: batch normalisation waits for the other processes within them")
        return Gradients(*arguments)
    return ReplayedGradients(*arguments, notify)


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
        processes=setup.group.processes,
        hosts=setup.group.hosts,
    )
