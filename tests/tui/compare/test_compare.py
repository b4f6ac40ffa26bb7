"""Runs side by side: whose curve is whose, and how they differ."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.strip import Strip

from cifar_tui.analysis.predictions import Predictions
from cifar_tui.config import TrainingConfig
from cifar_tui.records import Summary
from cifar_tui.state.run_state import RunState
from cifar_tui.store.predictions import FILE, to_bytes
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.charts.deck import Deck
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.series import ACCURACY
from cifar_tui.tui.compare.panel import ComparePanel, figures, side_by_side
from cifar_tui.tui.compare.table import comparison
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context
from tests.support.recorded import recorded_state

LOOK = Look()
OPTIONS = ChartOptions()


def entry(number: int, name: str, state: RunState | None, **options: object) -> Entry:
    config = replace(TrainingConfig(epochs=3), **options)  # type: ignore[arg-type]
    return Entry(number=number, config=config, folder=RunFolder(Path(f"20260314-150926-{name}")), state=state)


def cnn() -> Entry:
    return entry(0, "cnn", recorded_state())


def mlp() -> Entry:
    state = recorded_state(((0.3, 0.35), (0.5, 0.45), (0.55, 0.52)), test=None, ending=None)
    assert state.started is not None
    state.started = replace(state.started, model="mlp", parameters=1_707_274, threads=1)
    return entry(1, "mlp", state, model="mlp", max_lr=0.05)


def picture_of(
    entries: Sequence[Entry], width: int, height: int, look: Look = LOOK, options: ChartOptions = OPTIONS
) -> Sequence[Strip]:
    deck = Deck(options, reads_below=False)
    deck.runs = drawn_runs(entries)
    return side_by_side(deck, figures(entries, width, height, look), width, height, look)


def values(*entries: Entry) -> dict[str, tuple[str, ...]]:
    return {figure.name: figure.values for figure in comparison(entries)}


def text(strips: Sequence[Strip]) -> str:
    return "\n".join(strip.text.rstrip() for strip in strips)


def test_the_table_has_the_figures_of_the_runs() -> None:
    found = values(cnn(), mlp())
    assert found["best val"] == ("70.00 %", "52.00 %")
    assert found["best epoch"] == ("2", "3")
    assert found["test"] == ("94.46 %", "–")
    assert found["train-val gap"] == ("−10.00 %", "+3.00 %")
    assert found["1st epoch"] == ("50.00 %", "35.00 %")
    assert found["images/s"] == ("250", "250")
    assert found["parameters"] == ("5,859,210", "1,707,274")
    assert found["state"] == ("finished 3/3", "running 3/3")


def test_only_the_options_that_differ_are_listed_as_they_were_resolved() -> None:
    found = values(cnn(), mlp())
    assert (found["model"], found["max-lr"], found["threads"]) == (("cnn", "mlp"), ("0.01", "0.05"), ("2", "1"))
    assert not {"epochs", "name", "device", "precision", "seed"} & set(found)


def test_unresolved_options_of_a_run_that_has_not_started_are_no_difference() -> None:
    found = values(cnn(), entry(1, "next", None))
    assert not {"device", "precision", "threads"} & set(found)


def test_folders_of_models_are_listed_where_two_models_have_one() -> None:
    one, other = (entry(k, "net", None, model="mine:Net", model_dir=f"/{k}") for k in (1, 2))
    assert "model-dir" not in values(cnn(), one)
    assert values(cnn(), one, other)["model-dir"] == ("–", "/1", "/2")


def test_a_run_whose_events_are_not_read_yet_says_so_and_its_figures_stay_open() -> None:
    found = values(cnn(), entry(1, "old", None), Entry(number=2))
    assert found["state"] == ("finished 3/3", "reading…", "ready")
    assert found["best val"] == ("70.00 %", "–", "–")
    picture = text(picture_of([cnn(), entry(1, "old", None)], 118, 36))
    assert "b old" in picture
    assert "reading…" in picture


def test_the_best_value_is_highlighted_where_several_runs_have_one() -> None:
    best = {figure.name: figure.best for figure in comparison([mlp(), cnn()])}
    assert best["best val"] == 1
    assert best["test"] is None
    assert best["time"] is None


def test_each_run_has_a_letter_on_its_curve_and_the_same_in_legend_and_table() -> None:
    picture = text(picture_of([cnn(), mlp()], 118, 36, Look(colour=False)))
    title, *rest = picture.splitlines()
    assert "validation loss  a cnn 1.320  b mlp 1.480" in title
    assert any(row.split() == ["a", "cnn", "b", "mlp"] for row in rest)
    charts = "\n".join(rest[:15])
    assert charts.count("a") >= 3
    assert charts.count("b") >= 3
    assert "[ ] page 1/2 · ·: train · x axis: epochs" in picture


def test_a_diverged_run_does_not_press_the_others_into_a_row_unless_all_values_are_asked_for() -> None:
    diverged = entry(1, "lost", recorded_state(losses=[(2.0, 2.0), (9e8, 8e12), (9e9, 9e12)], ending="diverged"))
    assert diverged.status == "diverged"
    assert "1e12" not in text(picture_of([cnn(), diverged], 118, 36))
    assert "1e12" in text(picture_of([cnn(), diverged], 118, 36, options=ChartOptions(outliers=True)))
    assert "1e12" in text(picture_of([diverged, diverged], 118, 36))


def test_in_ascii_curves_are_made_of_letters() -> None:
    picture = text(picture_of([cnn(), mlp()], 78, 36, Look(ascii=True)))
    assert picture.isascii()
    assert "| faint: train |" in picture
    assert "| .: train |" in text(picture_of([cnn(), mlp()], 78, 36, Look(ascii=True, colour=False)))
    assert "aaa" in picture
    assert "bbb" in picture


def test_two_runs_show_their_training_too_and_three_do_not() -> None:
    for width in (118, 58):
        assert "[ ] page 1/2 · faint: train · " in text(picture_of([cnn(), mlp()], width, 36))
    three = picture_of([cnn(), mlp(), entry(2, "other", recorded_state())], 118, 36)
    assert "faint" not in text(three)


def test_the_longest_run_sets_the_x_axis_of_all() -> None:
    short = entry(0, "short", recorded_state(((0.4, 0.5),)))
    rows = text(picture_of([short, cnn()], 78, 36)).splitlines()
    labels = next(row for row in rows if row.split()[:1] == ["0.0"])
    assert labels.split()[-1] == "3.0"


def test_a_legend_is_shortened_to_its_letters_before_one_is_lost() -> None:
    many = [entry(i, f"a-rather-long-name-{i}", recorded_state()) for i in range(8)]
    title = text(picture_of(many, 58, 40)).splitlines()[0]
    assert title.split("loss")[1].split() == list("abcdefgh")


def test_the_table_is_transposed_where_that_shows_more() -> None:
    many = [entry(i, f"run-{i}", recorded_state()) for i in range(8)]
    rows = text(picture_of(many, 78, 40)).splitlines()
    assert [row.split()[1] for row in rows if row.split()[1:2] and row.split()[1].startswith("run-")][-8:] == [
        f"run-{i}" for i in range(8)
    ]
    few = text(picture_of(many[:2], 78, 40))
    assert "\nbest val" in few


def test_runs_that_do_not_fit_are_counted() -> None:
    many = [entry(i, f"run-{i}", recorded_state()) for i in range(30)]
    assert "… and 25 more" in text(picture_of(many, 58, 7))


@given(
    st.integers(2, 9), st.integers(1, 200), st.integers(1, 50), st.sampled_from([LOOK, Look(ascii=True, colour=False)])
)
def test_every_size_is_filled_exactly(runs: int, width: int, height: int, look: Look) -> None:
    entries = [cnn(), mlp(), entry(2, "a-name-that-is-much-too-long", None), Entry(number=3, error="no")]
    entries = (entries * 3)[:runs]
    picture = picture_of(entries, width, height, look, ChartOptions("time", log=True))
    assert len(picture) <= height
    assert all(strip.cell_length == width for strip in picture)
    assert look.colour or all(not style or style.color is None for strip in picture for _, style, _ in strip)
    assert not look.ascii or text(picture).isascii()


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield ComparePanel(ChartOptions(), lambda: pytest.fail("nothing is opened"), id="compare")


def answered(path: Path, predicted: Sequence[int], fingerprint: str = "f", epoch: int = 2) -> Entry:
    """A run that was tested on four images of two classes."""
    path.mkdir()
    probabilities = np.eye(2, dtype=np.float32)[list(predicted)]
    predictions = Predictions(np.array([0, 0, 1, 1]), probabilities, epoch, fingerprint)
    (path / FILE).write_bytes(to_bytes(predictions))
    return Entry(number=0, config=TrainingConfig(epochs=3), folder=RunFolder(path), state=recorded_state())


async def known(panel: ComparePanel, *entries: Entry) -> str:
    """What the panel shows of these once it has read what there is."""
    panel.show(Context(marked=entries, look=LOOK))
    # Nothing else runs in the background here: what comes after the reading comes after its telling.
    done = asyncio.Event()
    for thread in [each for each in threading.enumerate() if each.name == "background"]:
        await asyncio.to_thread(thread.join)
    asyncio.get_running_loop().call_soon(done.set)
    await done.wait()
    return text(panel.lines(*panel.size))


async def test_where_two_tested_runs_disagree_is_shown_once_it_is_read(tmp_path: Path) -> None:
    one, other = answered(tmp_path / "a", [0, 0, 1, 0]), answered(tmp_path / "b", [0, 1, 0, 0])
    elsewhere = answered(tmp_path / "c", [0, 0, 0, 0], fingerprint="g")
    silent = answered(tmp_path / "d", [0, 0, 0, 0])
    older = answered(tmp_path / "e", [0, 0, 0, 0], epoch=1)
    (tmp_path / "d" / FILE).unlink()
    app = Shown()
    async with app.run_test(size=(118, 36)):
        panel = app.query_one(ComparePanel)
        app.set_focus(None)
        about, cells = (await known(panel, one, other)).splitlines()[-2:]
        assert about == "only a right: 2 of 4 test images (50.00 %) · Tab, Enter: images"
        assert cells.split() == ["both", "1", "only", "a", "2", "only", "b", "0", "neither", "1"]
        about = (await known(panel, other, one)).splitlines()[-2]
        assert about.startswith("only a right: 2 of 4"), "the cursor too"
        assert "a and c were not tested on the same images" in await known(panel, one, elsewhere)
        assert panel.cell is None
        assert f"d has no recorded predictions ({FILE})" in await known(panel, silent, other)
        assert "e was tested in epoch 2, but its recorded predictions are of epoch 1" in await known(
            panel, older, other
        )
        three = await known(panel, one, other, elsewhere)
        assert "only a" not in three
        assert "Mark exactly two runs" in three
        left = Entry(number=1, folder=RunFolder(tmp_path / "left"), state=recorded_state(test=None, ending="stopped"))
        assert "left has no test result." in await known(panel, one, left)
        killed = Entry(number=1, folder=RunFolder(tmp_path / "killed"), state=recorded_state(ending=None))
        killed.summary = Summary(id="killed", state="interrupted")
        assert "killed has no test result." in await known(panel, one, killed)
        assert panel.cell is None
        running = Entry(number=1, folder=RunFolder(tmp_path / "on"), state=recorded_state(test=None, ending=None))
        later = "Right and wrong by image: once on has its test result."
        assert (await known(panel, one, running)).endswith(later)
        ready = Entry(number=2, config=TrainingConfig(name="next"))
        assert "once on and next have their test result." in await known(panel, running, ready)
        assert "left has no test result." in await known(panel, left, running), "it will never have one"
        assert "by image" not in await known(panel, one, other, running)


async def test_the_cursor_keys_and_the_mouse_move_over_the_cells(tmp_path: Path) -> None:
    one, other = answered(tmp_path / "a", [0, 0, 1, 0]), answered(tmp_path / "b", [0, 1, 0, 0])
    app = Shown()
    async with app.run_test(size=(60, 12)) as pilot:
        panel = app.query_one(ComparePanel)
        await known(panel, one, other)
        panel.focus()
        seen = []
        for key in ("left", "left", "right", "right", "end", "right", "home", "down"):
            await pilot.press(key)
            seen.append(panel.cell)
        line = ["both", "both", "only_a", "only_b", "neither", "neither", "both", "both"]
        assert seen == line
        assert panel.render_line(11).text.rstrip() == "both 1       only a 2       only b 0       neither 1"
        assert "both right: 1 of 4 (25.00 %) · Enter: images · ←→ cells" in panel.render_line(10).text
        await pilot.click(panel, offset=(20, 11))
        assert panel.cell == "only_a"
        for nowhere in ((13, 11), (20, 10), (20, 0)):
            await pilot.click(panel, offset=nowhere)
            assert panel.cell == "only_a"
        await known(panel, one, entry(1, "next", None))
        assert "x-axis:axis" in panel.active_keys


async def test_cells_that_appear_when_a_run_ends_leave_the_keys_to_the_charts(tmp_path: Path) -> None:
    one, other = answered(tmp_path / "a", [0, 0, 1, 0]), answered(tmp_path / "b", [0, 1, 0, 0])
    other.state = recorded_state(test=None, ending=None)
    app = Shown()
    async with app.run_test(size=(118, 36)) as pilot:
        panel = app.query_one(ComparePanel)
        panel.focus()
        await known(panel, one, other)
        await pilot.press("left")
        other.state = recorded_state()
        assert "only a right: 2 of 4 test images (50.00 %) · ↓ cells" in await known(panel, one, other)
        await pilot.press("left")
        assert (panel.cell, panel.deck.cursor) == ("only_a", 2.0)
        await pilot.press("down", "down", "right")
        assert panel.cell == "only_b"
        assert "Enter: images · ←→ cells · ↑ charts" in panel.render_line(34).text
        assert "only b right" in await known(panel, one, other), "they keep the keys"
        assert panel.in_cells


async def test_the_cursor_of_the_charts_reads_both_runs_and_leaves_the_charts_where_they_are(tmp_path: Path) -> None:
    app = Shown()
    async with app.run_test(size=(118, 36)) as pilot:
        panel = app.query_one(ComparePanel)
        await known(panel, answered(tmp_path / "a", [0, 0, 1, 0]), answered(tmp_path / "b", [0, 1, 0, 0]))
        panel.focus()
        before = [panel.render_line(y).text for y in range(36)]
        await pilot.press("up", "left", "left")
        assert panel.deck.cursor == 2.0
        assert not panel.in_cells
        after = [panel.render_line(y).text for y in range(36)]
        axis = next(y for y, row in enumerate(before) if "└" in row)
        assert before[axis] == after[axis]
        rows = [row for row in after if "loss: train 1." in row]
        assert [row.split()[0] for row in rows] == ["a", "b"], after
        assert any(row.startswith("epoch 2 · faint: train · x axis: epochs") for row in after)
        assert panel.open_chart()
        assert panel.deck.opened == ACCURACY
        panel.leave()
        panel.leave()
        await pilot.press("down", "down", "right")
        assert panel.cell == "only_b"


def test_runs_on_other_data_are_not_comparable_and_their_curves_are_marked() -> None:
    other = mlp()
    assert other.state is not None
    assert other.state.started is not None
    other.state.started = replace(other.state.started, data="digits")
    assert values(cnn(), other)["comparable"] == ("", "no, other data: digits")
    assert "comparable" not in values(cnn(), mlp())
    assert "b≠ mlp 1.480" in text(picture_of([cnn(), other], 118, 36))


async def test_the_panel_draws_again_only_when_a_run_or_an_option_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    original = Deck._draw

    def counted(deck: Deck, *given: object, **more: object) -> list[Strip]:
        drawn.append(given)
        return original(deck, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Deck, "_draw", counted)
    app = Shown()
    async with app.run_test(size=(118, 36)):
        panel = app.query_one(ComparePanel)
        drawn.clear()
        runs = (cnn(), mlp())
        panel.show(Context(marked=runs, look=LOOK))
        panel.show(Context(marked=runs, look=LOOK))
        assert len(drawn) == 1
        panel.options.toggle_log()
        panel.draw()
        assert len(drawn) == 2
        assert "validation loss (log)  a cnn 1.320  b mlp 1.480" in panel.render_line(0).text
