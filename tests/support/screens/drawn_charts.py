"""Charts as text, of runs that are made for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from textual.strip import Strip

from cifar_tui.config import TrainingConfig
from cifar_tui.events import Batch, Epoch
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.charts.deck import Deck
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from tests.support.recorded import ID, recorded_state

LOOK = Look()


def entry(state: RunState | None, **given: object) -> Entry:
    made = Entry(number=0, config=TrainingConfig(), folder=RunFolder(Path(ID)), state=state)
    for name, value in given.items():
        setattr(made, name, value)
    return made


def text(strips: Sequence[Strip]) -> str:
    return "\n".join(strip.text for strip in strips)


def deck(state: RunState, options: ChartOptions | None = None, *, cursor: float | None = None) -> Deck:
    made = Deck(options or ChartOptions())
    made.runs, made.cursor = drawn_runs([entry(state)]), cursor
    return made


def drawn(
    state: RunState, options: ChartOptions | None = None, size: tuple[int, int] = (118, 26), *, look: Look = LOOK
) -> str:
    return text(deck(state, options).lines(*size, look))


def read(state: RunState, cursor: float, options: ChartOptions, size: tuple[int, int] = (118, 26)) -> str:
    return text(deck(state, options, cursor=cursor).lines(*size, LOOK)).splitlines()[-1].rstrip()


def live(epochs: int, batches: int = 50, planned: int = 50) -> RunState:
    """A run under way whose loss falls and rises and falls."""
    state = recorded_state((), planned=planned, ending=None, test=None)
    for _ in range(epochs * batches):
        advance(state, batches)
    return state


def advance(state: RunState, batches: int = 50) -> None:
    done = state.samples * batches // 1000 + 1
    samples = done * 1000 // batches
    loss = 0.3 + 2 * math.exp(-done / 200) + 0.05 * math.sin(done)
    at, number = (done - 1) // batches + 1, (done - 1) % batches + 1
    accuracy = 1 - loss / 3
    state.apply(
        Batch(
            t=done / 10,
            epoch=at,
            batch=number,
            batches=batches,
            samples=samples,
            loss=loss,
            accuracy=accuracy,
            lr=0.001,
            images_per_second=200.0,
        )
    )
    if number == batches:
        state.apply(
            Epoch(
                t=done / 10 + 0.05,
                epoch=at,
                samples=samples,
                train_loss=loss,
                train_accuracy=accuracy,
                val_loss=loss + 0.1,
                val_accuracy=accuracy - 0.05,
                lr=0.001,
                seconds=5.0,
                images_per_second=200.0,
                best=True,
            )
        )
