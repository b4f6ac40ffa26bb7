"""Trainings of scripts and logs in the dashboard: shown as what they are, and one line for what they cannot do."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cifar_tui import Recording, record
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Batch
from cifar_tui.records import Summary
from cifar_tui.state.run_state import RunState
from cifar_tui.tui.compare.table import comparison
from cifar_tui.tui.confusion.panel import evaluations, why_no_matrix
from cifar_tui.tui.dialogs.questions import Question
from cifar_tui.tui.images.image_loader import why_no_images
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.sidebar import device, progress
from cifar_tui.tui.theme import Look
from tests.support.dashboard import DashboardPilot, dashboard, recorded_folder
from tests.support.others.script_runs import (
    ID,
    USAGE,
    evaluated,
    metric,
    script_events,
    script_folder,
    script_started,
    script_state,
)
from tests.support.panel_states import begun, entry, row, text
from tests.support.recorded import recorded_state

LOOK = Look()
MATRIX = ConfusionMatrix.of(((5, 1, 0), (2, 7, 0), (0, 0, 9)))


def script(state: RunState | None = None, *, under_way: bool = False, **given: object) -> Entry:
    return entry(state or script_state(), under_way=under_way, config=None, **given)


def in_progress(of: Entry, width: int = 36, height: int = 10) -> str:
    return "\n".join(text(progress.picture(of, LOOK, width, height)))


def on_device(of: Entry, width: int = 36, height: int = 20) -> str:
    return "\n".join(text(device.picture(of, None, LOOK, width, height)))


def test_the_table_shows_what_a_script_has_said() -> None:
    cells = row(script())
    assert (cells["epoch"], cells["best"], cells["test"], cells["data"]) == ("3", "loss .250", "–", "–")
    assert cells["speed"] == "10 st/s"


def test_the_table_shows_the_same_before_the_events_are_read() -> None:
    summary = Summary(
        id=ID,
        state="finished",
        source="script",
        unit="steps",
        epochs=3,
        best_val_loss=0.25,
        images_per_second=1234.0,
        data="",
    )
    cells = row(entry(under_way=False, config=None, summary=summary))
    assert (cells["epoch"], cells["best"], cells["speed"]) == ("3", "loss .250", "1.2k st/s")


def test_a_script_without_epochs_is_at_a_step() -> None:
    state = script_state(script_started(), *(metric(step, reward=1.0) for step in range(1, 9)), ending=None)
    assert row(script(state))["epoch"] == "at 8"
    assert "8 steps" in in_progress(script(state))
    assert "epoch" not in in_progress(script(state))
    summary = Summary(id=ID, state="finished", source="script", unit="steps", epochs=0, samples=29_900)
    assert row(entry(under_way=False, config=None, summary=summary))["epoch"] == "at 30k"


def test_progress_has_no_row_for_what_is_not_measured() -> None:
    shown = in_progress(script())
    assert "best   val loss 0.25 in epoch 2" in shown
    assert "speed  10 steps/s" in shown
    assert "val    loss 0.375" in shown
    assert "nan" not in shown
    assert "None" not in shown
    one_line = in_progress(script(), 100, 1)
    assert "best val loss 0.25" in one_line


def test_a_live_script_shows_its_batch_without_a_bar_that_never_moves() -> None:
    shown = in_progress(script(script_state(*script_events()[:9], ending=None), under_way=True))
    assert "epoch  batch 4" in shown
    assert "░" not in shown


def test_an_accuracy_is_the_best_where_there_is_one() -> None:
    state = script_state(*script_events(accuracies=(0.5, 0.75, 0.7)))
    assert row(script(state))["best"] == "75.00 %"
    assert "best   75.00 % in epoch 2" in in_progress(script(state))


def test_the_recorded_learning_rate_is_drawn_where_no_schedule_is_known() -> None:
    shown = on_device(script())
    assert "lr     3.33e-03, highest 1.00e-01" in shown
    assert "█" in shown
    assert "recorded by its script" in shown
    steady = script_state(*(replace(e, lr=0.5) if isinstance(e, Batch) else e for e in script_events()))
    assert "5.00e-01, constant" in on_device(script(steady))
    only_logged = script_state(script_started(), metric(1, lr=0.5), metric(2, lr=0.25))
    assert "2.50e-01, highest 5.00e-01" in on_device(script(only_logged))


def test_the_devices_of_a_run_of_another_process_are_shown_by_its_last_sample() -> None:
    state = script_state(*script_events(), USAGE, replace(USAGE, t=3.5, process_cpu=0.5), ending=None)
    shown = on_device(script(state))
    for words in ("cpu    50 %", "memory 2.0 GiB", "gpu 0 75 %", "host   gpu-box", "disk   3 MiB/s read"):
        assert words in shown
    assert "at the end" in on_device(script(script_state(*script_events(), USAGE)))


def test_the_devices_of_other_ranks_follow_those_of_the_first() -> None:
    state = script_state(*script_events(), USAGE, replace(USAGE, rank=1, host="other-box"), ending=None)
    shown = on_device(script(state), 80, 40)
    assert shown.index("gpu-box") < shown.index("other-box, rank 1")
    assert "other-box" not in on_device(script(state), 36, 12)


def test_matrices_of_classes_without_names_are_kept_and_those_of_others_are_not() -> None:
    unnamed = script_state(script_started(), evaluated(MATRIX), evaluated(MATRIX, "test"), evaluated())
    assert [len(each.confusion) for each in evaluations(unnamed)] == [3, 3]
    named = script_state(script_started(classes=("a", "b")), evaluated(MATRIX), evaluated(split="test"))
    assert evaluations(named) == []
    assert named.test is not None, "its loss is known without a matrix"
    own = recorded_state(test=MATRIX, classes=("a", "b"))
    assert own.test is None, "its rows are of other classes"


def test_what_is_not_to_be_had_is_said_in_one_line() -> None:
    of_script, of_logs = script(), script(script_state(*script_events(first=script_started(source="csv"))))
    assert "run.validated(…, confusion=matrix)" in why_no_matrix(of_script)
    assert why_no_matrix(of_logs) == "there is no confusion matrix in csv logs"
    assert "no images here: the run is recorded by its script" in why_no_images(of_script)
    assert "csv logs" in why_no_images(of_logs)


def test_runs_without_accuracies_are_compared_by_their_losses_and_speeds_in_their_units() -> None:
    rows = {figure.name: figure for figure in comparison([script(), entry(recorded_state(), under_way=False)])}
    assert rows["best val"].values == ("–", "70.00 %")
    assert rows["best val loss"].values[0] == "0.25"
    assert rows["best val loss"].best == 0
    assert rows["steps/s"].values == ("10", "–")
    assert rows["images/s"].values == ("–", "250")
    assert rows["best epoch"].values == ("2", "2")
    assert not any("None" in value or "nan" in value for figure in rows.values() for value in figure.values)
    assert "best val loss" not in {figure.name for figure in comparison([entry(begun(2)), entry(begun(3))])}


async def open_script(desk: DashboardPilot, name: str = "net") -> Entry:
    await desk.until(lambda: any(each.name == name for each in desk.app.runs))
    found = next(each for each in desk.app.runs if each.name == name)
    desk.app.main.table.select(found)
    await desk.until(lambda: found.state is not None and desk.app.main.views is not None)
    return found


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("s", "recorded by its script and cannot be started from here"),
        ("r", "recorded by its script and cannot be resumed from here"),
        ("p", "there is nothing to pause"),
        ("n", "has options of its own"),
        ("i", "its weights are not here"),
    ],
)
async def test_what_a_script_cannot_do_is_said(tmp_path: Path, key: str, words: str) -> None:
    script_folder(tmp_path, "net")
    async with dashboard(tmp_path) as desk:
        await open_script(desk)
        await desk.press(key)
        await desk.until(lambda: words in desk.screen() or any(words in m.text for m in desk.app.status_log.messages))


async def test_logs_of_others_are_neither_stopped_nor_paused(tmp_path: Path) -> None:
    script_folder(tmp_path, "net", *script_events(first=script_started(source="csv")), source="csv")
    async with dashboard(tmp_path) as desk:
        found = await open_script(desk)
        assert found.summary is not None
        found.summary = replace(found.summary, state="running")
        await desk.press("s", "p")
        said = [message.text for message in desk.app.status_log.messages]
        assert "net is read from csv logs and cannot be stopped from here" in said
        assert "net is read from csv logs and cannot be paused from here" in said
        assert desk.app.screen is desk.app.main


async def test_stopping_a_live_script_says_what_becomes_of_it(tmp_path: Path) -> None:
    script_folder(tmp_path, "net")
    async with dashboard(tmp_path) as desk:
        found = await open_script(desk)
        assert found.summary is not None
        found.summary = replace(found.summary, state="running")
        await desk.press("s")
        await desk.until(lambda: isinstance(desk.app.screen, Question))
        await desk.shows("Its script finishes its batch")


async def test_a_matrix_without_names_has_numbers_and_no_images(tmp_path: Path) -> None:
    script_folder(tmp_path, "net", script_started(), *script_events()[1:], evaluated(MATRIX))
    async with dashboard(tmp_path) as desk:
        await open_script(desk)
        await desk.press("2", "tab")
        await desk.shows("2 of 9 '1' images predicted as '0'")
        assert "Enter: images" not in desk.screen()
        await desk.press("f", "2")
        await desk.shows("class 1 of 1 with '2'")
        await desk.press("escape", "3")
        await desk.shows("there are no images here")


@pytest.mark.parametrize("size", [(60, 15), (120, 40)])
async def test_every_view_of_a_script_is_drawn_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    script_folder(tmp_path, "net", *script_events(), USAGE, evaluated(MATRIX, "test"))
    script_folder(tmp_path, "agent", script_started(), metric(1, reward=1.0), metric(2, reward=2.0))
    async with dashboard(tmp_path, size=size) as desk:
        for name in ("net", "agent"):
            await open_script(desk, name)
            for key in ("1", "2", "3", "k", "5", "6", "space", "4", "1", "x", "x", "x", "left", "y", "enter"):
                await desk.press(key)
                assert "nan" not in desk.screen()
                assert "None" not in desk.screen()


async def test_a_warning_that_begins_while_another_run_is_shown_is_logged_once_its_run_is_shown(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "other")
    with record("net", runs_dir=tmp_path, quiet=True) as run:
        learn(run, 1.0)
        async with dashboard(tmp_path) as desk:
            names = ("net", "other")
            await desk.shows(*names)
            net, other = (next(entry for entry in desk.app.runs if entry.name == name) for name in names)
            for entry in (net, other):
                desk.app.main.table.select(entry)
                await desk.until(partial(is_read, entry))
            learn(run, math.nan)
            await desk.until(lambda: net.summary is not None and net.summary.warnings)
            desk.app.main.table.select(net)
            await desk.press("5")
            await desk.until(lambda: re.search(r"\d net the loss is infinite or NaN", desk.screen()))


def is_read(entry: Entry) -> bool:
    return entry.state is not None


def learn(run: Recording, loss: float) -> None:
    """Six epochs."""
    for _ in range(6):
        for _ in range(10):
            run.log(loss=loss)
        run.validated(loss=1.0)
