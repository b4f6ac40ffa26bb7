"""A run's events in one line each: the same in a log, on a terminal and in the dashboard."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from cifar_tui.events import AnyEvent, Epoch, Note, Paused, Resumed, RunFinished, RunStarted
from cifar_tui.formatting import (
    UNKNOWN,
    count,
    devices,
    duration,
    four_digits,
    out_of,
    percent,
    plural,
    printable,
    rate,
    slowest_process,
)
from cifar_tui.state.run_state import RunState
from cifar_tui.store.command_lines import run_command, shell_line

MOST_NAME = 300
"""Characters of a name that are shown: an untrusted stream may hold any number."""


def event_line(event: AnyEvent, state: RunState, width: int | None = None) -> str | None:
    """An event in words; None for those that a log leaves out. The line of an epoch is shortened to fit `width`."""
    match event:
        case RunStarted():
            return printable(_start_line(event))
        case Epoch():
            line = _epoch_line(event, state)
            return line if width is None or len(line) <= width else _short_epoch_line(event, state)
        case Paused() if state.started:
            return f"{printable(state.started.id)}: paused {_place(event, state.started, 'before')}"
        case Resumed() if state.started:
            return f"{printable(state.started.id)}: resumed {_place(event, state.started, 'at')}{_together(event)}"
        case Note() if event.level != "debug":
            return f"{event.level}: {printable(event.message)}"
        case _:
            return None


def _start_line(event: RunStarted) -> str:
    line = f"{event.id[:MOST_NAME]}: {event.model[:MOST_NAME]}"
    if event.source:
        return f"{line}, {'recorded by its script' if event.source == 'script' else f'from {event.source[:MOST_NAME]}'}"
    return (
        f"{line} ({plural(event.parameters or 0, 'parameter')}) on"
        f" {event.data[:MOST_NAME]}, {plural(event.train_samples or 0, 'training image')} of"
        f" {len(event.classes)} classes; {devices(event.device, event.processes, event.hosts)},"
        f" {event.precision}, {plural(event.threads, 'thread')}{' each' if event.processes > 1 else ''},"
        f" batch {event.batch_size}"
    )


def _epoch_line(event: Epoch, state: RunState) -> str:
    if state.started is not None and state.started.source:
        return "  ".join([f"epoch {_number_of(event, state)}", *_known(event, state.started.unit)])
    speed = count(round(event.images_per_second)) if math.isfinite(event.images_per_second) else UNKNOWN
    slowest = slowest_process(event.slowest_images_per_second, event.slowest_rank)
    return (
        f"epoch {_number_of(event, state)}"
        f"  train loss {event.train_loss:.4f} accuracy {percent(event.train_accuracy)}"
        f"  validation loss {event.val_loss:.4f} accuracy {percent(event.val_accuracy)}"
        f"  lr {event.lr:.2e}  {speed} images/s{slowest and f', {slowest}'}"
        f"  {duration(event.seconds)}{'  best' if event.best else ''}"
    )


def _known(event: Epoch, unit: str) -> Iterator[str]:
    """What is known of an epoch of a training that is not this program's own: it need not have all."""
    for name, loss, accuracy in (
        ("train", event.train_loss, event.train_accuracy),
        ("validation", event.val_loss, event.val_accuracy),
    ):
        figures = [f"loss {four_digits(loss)}"] if math.isfinite(loss) else []
        figures += [f"accuracy {percent(accuracy)}"] if math.isfinite(accuracy) else []
        if figures:
            yield f"{name} {' '.join(figures)}"
    if math.isfinite(event.lr):
        yield f"lr {event.lr:.2e}"
    if math.isfinite(event.images_per_second):
        yield rate(event.images_per_second, unit)
    if math.isfinite(event.seconds):
        yield duration(event.seconds)
    if event.best:
        yield "best"


def _short_epoch_line(event: Epoch, state: RunState) -> str:
    if state.started is not None and state.started.source:
        shown = [part for part in _known(event, state.started.unit) if part.startswith(("train", "validation", "best"))]
        return "  ".join([f"epoch {_number_of(event, state)}", *shown])
    return (
        f"epoch {_number_of(event, state)}"
        f"  train {event.train_loss:.4f} {percent(event.train_accuracy)}"
        f"  val {event.val_loss:.4f} {percent(event.val_accuracy)}"
        f"  {duration(event.seconds)}{'  best' if event.best else ''}"
    )


def _number_of(event: Epoch, state: RunState) -> str:
    planned = state.started.epochs if state.started else event.epoch
    return f"{event.epoch:{len(str(planned))}}/{planned}" if planned else str(event.epoch)


def _place(event: Paused | Resumed, started: RunStarted, between: str) -> str:
    if event.batch:
        return f"in epoch {event.epoch}, after batch {event.batch}{out_of(started.batches)}"
    ends = started.epochs is not None and event.epoch > started.epochs
    return f"{between} the test" if ends else f"{between} epoch {event.epoch}"


def _together(event: Resumed) -> str:
    """The devices of several processes: there may be another number of them than before."""
    return printable(f", on {devices(event.device, event.processes, event.hosts)}") if event.processes > 1 else ""


def ending_line(finished: RunFinished) -> str:
    """How a run ended, and why."""
    if finished.message.startswith(finished.state):
        return finished.message
    return f"{finished.state}: {finished.message}"


def result_line(state: RunState, finished: RunFinished, folder: Path) -> str:
    """How a run ended, in one line."""
    model = state.started.model if state.started else "run"
    parts = [printable(f"{model} {ending_line(finished)}")]
    accuracy, loss = finished.test_accuracy, finished.test_loss
    if accuracy is not None and loss is not None:
        parts.append(f"test accuracy {percent(accuracy)}, loss {loss:.4f}")
    elif accuracy is not None:
        parts.append(f"test accuracy {percent(accuracy)}")
    elif loss is not None:
        parts.append(f"test loss {four_digits(loss)}")
    if (by_loss := state.best_by_loss) is not None:
        parts.append(f"best validation loss {four_digits(by_loss.val_loss)} in epoch {by_loss.epoch}")
    if finished.best_val_accuracy is not None:
        parts.append(f"best validation accuracy {percent(finished.best_val_accuracy)} in epoch {finished.best_epoch}")
    parts.append(duration(finished.seconds))
    parts.append(f"saved in {printable(str(folder))}")
    if finished.state in ("stopped", "interrupted", "failed") and state.checkpoint is not None:
        parts.append(f"resume with: {shell_line(run_command('resume', folder.name, str(folder.parent)))}")
    return "; ".join(parts)
