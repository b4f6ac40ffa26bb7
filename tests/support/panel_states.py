"""What panels show: runs in every state, predicted images; and what holds for whatever a panel draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from textual.strip import Strip

from cifar_tui.analysis.paired_predictions import PairedPredictions
from cifar_tui.analysis.predictions import Predictions
from cifar_tui.config import TrainingConfig
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Batch, Evaluated, Paused
from cifar_tui.records import Summary
from cifar_tui.runs.messages import Loading
from cifar_tui.runs.predicted_images import PairedImages, PredictedImages
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.untrusted import codec
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.images.panel import ImagesPanel
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_options import RunOptions
from cifar_tui.tui.runs.table.arrangement import TableSettings
from cifar_tui.tui.runs.table.columns import columns, run_cells
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import line
from tests.support.others.script_runs import USAGE, metric, script_events, script_started, script_state
from tests.support.others.script_runs import evaluated as script_evaluated
from tests.support.recorded import BATCHES, ID, MATRIX, recorded_state

LOOK = Look()
THREAD: Any = object()
"""Stands for a run's thread, of which panels want to know only whether there is one."""


def entry(state: RunState | None = None, *, under_way: bool = True, **given: Any) -> Entry:
    """A row of the runs table in this state."""
    folder = RunFolder(Path(ID)) if state is not None and state.started is not None else None
    options: dict[str, Any] = {"number": 0, "config": TrainingConfig(), "folder": folder}
    return Entry(state=state, run=THREAD if under_way else None, **options | given)


def begun(batches: int = 1, epoch: int = 1, **given: Any) -> RunState:
    """A run in an epoch of which so many batches are done; the epochs before it are whole and validated."""
    state = recorded_state([(0.5, 0.5)] * (epoch - 1), ending=None, test=None, **given)
    for number in range(1, epoch):
        state.apply(evaluated(number))
    for number in range(1, batches + 1):
        state.apply(a_batch(epoch, number))
    return state


def a_batch(epoch: int, number: int, loss: float = 1.5) -> Batch:
    """A batch of the recorded run, a second after the one before it."""
    done = (epoch - 1) * BATCHES + number
    return Batch(
        t=float(done) + epoch,
        epoch=epoch,
        batch=number,
        batches=BATCHES,
        samples=done * 250,
        loss=loss,
        accuracy=0.25,
        lr=0.00321,
        images_per_second=250.0,
    )


def evaluated(epoch: int, confusion: ConfusionMatrix = MATRIX) -> Evaluated:
    """An epoch's evaluation on the validation images."""
    right = sum(confusion.right) / max(1, confusion.images)
    return Evaluated(
        t=float(epoch), split="validation", epoch=epoch, loss=1.0, accuracy=right, confusion=confusion, seconds=0.5
    )


def diagonal(size: int, images: int = 90, wrong: int = 10) -> ConfusionMatrix:
    """So many classes, of each of which some images are taken for the next."""
    return ConfusionMatrix.of(
        [[images if j == i else wrong if j == (i + 1) % size else 0 for j in range(size)] for i in range(size)]
    )


def run_with_classes(size: int) -> RunState:
    """A run whose first epoch is validated, on that many classes."""
    names = tuple(f"class {k}" for k in range(size))
    state = recorded_state([(0.5, 0.5)], classes=names, ending=None, test=None)
    state.apply(evaluated(1, diagonal(size)))
    return state


def _paused() -> RunState:
    state = begun(2)
    state.apply(Paused(t=state.t, epoch=1, batch=2))
    return state


def _saving() -> RunState:
    """Its first epoch has just ended: its weights are not on the disk yet."""
    state = begun(0, 2)
    state.checkpoint = None
    return state


def _nan() -> RunState:
    state = begun(1)
    state.apply(replace(a_batch(1, 2, math.nan), lr=math.nan, images_per_second=math.nan, accuracy=math.inf))
    return state


def _strange() -> RunState:
    """Names that are too long, too wide, or would act on the terminal."""
    state = recorded_state([(0.5, 0.5)], classes=("鸟" * 40, "\x1b[2J", ""), ending=None, test=None)
    state.apply(evaluated(1))
    return state


ENTRIES: dict[str, Entry | None] = {
    "none": None,
    "ready": entry(under_way=False),
    "not read": entry(under_way=False, config=None),
    "starting": entry(RunState(), loading=Loading("loading PyTorch", 0, 0)),
    "fetching": entry(RunState(), loading=Loading("fetching cifar-10-python.tar.gz", 70_000_000, 170_498_071)),
    "counting": entry(RunState(), loading=Loading("looking for images", 1234, 0)),
    "resuming": entry(begun(2), loading=Loading("decoding images", 30, 120)),
    "begun": entry(begun(0)),
    "first epoch": entry(begun(2)),
    "validating": entry(begun(BATCHES)),
    "later": entry(begun(2, 3)),
    "testing": entry(begun(0, 4)),
    "pausing": entry(begun(2), asked="pausing"),
    "saving": entry(_saving()),
    "paused": entry(_paused()),
    "stopping": entry(begun(2, 2), asked="stopping"),
    "nan": entry(_nan()),
    "finished": entry(recorded_state(message="early stopping: no better validation accuracy"), under_way=False),
    "stopped": entry(recorded_state([(0.4, 0.5)], ending="stopped", test=None), under_way=False),
    "diverged": entry(recorded_state([], ending="diverged", message="the loss is NaN"), under_way=False),
    "failed": entry(under_way=False, error="out of memory at batch size 256: try --batch-size 128"),
    "earlier": entry(
        under_way=False, config=None, summary=Summary(id=ID, state="finished", epochs=3, planned_epochs=9)
    ),
    "damaged": entry(under_way=False, config=None, summary=Summary(id=ID, device="\x1b")),
    "interrupted": entry(begun(2), under_way=False, summary=Summary(id=ID, state="interrupted", message="no word")),
    "two processes": entry(begun(2, 2, processes=2), device_name="AMD EPYC 9654"),
    "two hosts": entry(begun(2, 2, processes=16, hosts=2, device="cuda:0"), device_name="NVIDIA H200"),
    "2 classes": entry(run_with_classes(2)),
    "100 classes": entry(run_with_classes(100)),
    "strange names": entry(_strange()),
    "script": entry(script_state(*script_events(), script_evaluated(MATRIX), USAGE), under_way=False, config=None),
    "live script": entry(script_state(*script_events()[:9], USAGE, ending=None), under_way=False, config=None),
    "script without epochs": entry(script_state(script_started(), metric(1, x=math.nan)), under_way=False, config=None),
}

looks = st.builds(Look, dark=st.booleans(), colour=st.booleans(), ascii=st.booleans())
"""Every way in which a terminal can want to be drawn on."""
names = st.sampled_from(sorted(ENTRIES))
"""Of `ENTRIES`."""
sizes = st.tuples(st.integers(1, 210), st.integers(1, 60))
"""Columns and lines."""


def text(strips: Sequence[Strip]) -> list[str]:
    """What the lines say."""
    return [strip.text.rstrip() for strip in strips]


def check_lines(strips: Sequence[Strip], size: tuple[int, int], look: Look) -> None:
    """What holds of every picture: it fits, it prints, and it is drawn as the terminal can."""
    width, height = size
    assert len(strips) <= height
    for strip in strips:
        assert strip.cell_length == width
        assert strip.text.isprintable()
        assert not look.ascii or strip.text.isascii()
        for segment in strip:
            assert look.colour or segment.style is None or segment.style.color is segment.style.bgcolor is None


def predicted_images(
    matrix: ConfusionMatrix = MATRIX, classes: Sequence[str] = ("plane", "bird", "fish"), epoch: int = 2
) -> PredictedImages:
    """Images that are confused as in this matrix, in any order, with any confidence."""
    drawn = np.random.default_rng(0)
    size = len(classes)
    pairs = np.array([(i, j) for i in range(size) for j in range(size) for _ in range(matrix[i][j])]).reshape(-1, 2)
    drawn.shuffle(pairs)
    labels, predicted = pairs[:, 0], pairs[:, 1]
    probabilities = drawn.uniform(0.0, 1.0, (len(pairs), size)).astype(np.float32)
    probabilities[np.arange(len(pairs)), predicted] += 1.0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return PredictedImages(
        _patches(drawn, len(pairs)), Predictions(labels, probabilities, epoch, "5f" * 32).top(), tuple(classes)
    )


def _patches(drawn: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """(count, 3, 32, 32) uint8; images of 16 patches, which are drawn far faster than ones of many colours."""
    found: NDArray[np.uint8] = np.kron(
        drawn.integers(0, 256, (count, 3, 4, 4), dtype=np.uint8), np.ones((8, 8), np.uint8)
    )
    return found


def paired_images(both: int = 5, only_a: int = 3, only_b: int = 2, neither: int = 1) -> PairedImages:
    """Images that so many of two runs classify correctly, in any order, with any confidence."""
    drawn = np.random.default_rng(1)
    right = np.repeat(np.array([(1, 1), (1, 0), (0, 1), (0, 0)], bool), (both, only_a, only_b, neither), axis=0)
    drawn.shuffle(right)
    labels = drawn.integers(0, 3, len(right))

    def predictions(is_right: NDArray[np.bool_], epoch: int) -> Predictions:
        predicted = np.where(is_right, labels, (labels + 1) % 3)
        probabilities = drawn.uniform(0.0, 1.0, (len(right), 3)).astype(np.float32)
        probabilities[np.arange(len(right)), predicted] += 1.0
        return Predictions(labels, probabilities / probabilities.sum(axis=1, keepdims=True), epoch, "5f" * 32)

    paired = PairedPredictions(predictions(right[:, 0], 2), predictions(right[:, 1], 1))
    return PairedImages(_patches(drawn, len(right)), paired, ("plane", "bird", "fish"))


LOADED = predicted_images()
FINISHED = entry(recorded_state(), under_way=False)


def no_workspace() -> None:
    """In place of a session that is not to be asked for anything."""
    raise AssertionError("nothing is loaded here")


def images_panel(
    loaded: PredictedImages | None = LOADED, chosen: Entry | None = FINISHED, look: Look = LOOK
) -> ImagesPanel:
    """The images view of this run, with these test images loaded."""
    loader = ImageLoader(no_workspace, lambda: None, no_workspace)  # type: ignore[arg-type]
    made = ImagesPanel(no_workspace, loader)  # type: ignore[arg-type]
    made.entry, made.look = chosen, look
    loader.loaded = loaded
    loader._entry = chosen
    return made


def earlier(number: int = 3, run_id: str = ID, **summary: Any) -> Entry:
    """A run of the past with this in its summary, which may be damaged; `options` are those that have been read."""
    options = summary.pop("options", None)
    return Entry(
        number,
        folder=RunFolder(Path("runs") / run_id),
        summary=codec.decode_known(Summary, summary | {"id": run_id}),
        options=None if options is None else RunOptions(options),
    )


def row(entry: Entry, width: int = 200, look: Look | None = None, chosen: str = "") -> dict[str, str]:
    """What stands in each column of a run's row, by the column's field; `mark` is before them."""
    shown = columns(width, TableSettings(tuple(chosen.split())))
    text = line(run_cells(entry, shown, look or Look()), width).text
    cells = {column.field.name: text[column.x : column.x + column.width].strip() for column in shown}
    return {"mark": text[0]} | cells
