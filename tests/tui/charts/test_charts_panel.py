"""The charts view: its keys and its mouse, the runs that it draws together, and how little it draws."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.strip import Strip

from cifar_tui.config import TrainingConfig
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.charts.deck import Deck
from cifar_tui.tui.charts.drawn_runs import drawn_runs
from cifar_tui.tui.charts.options import ChartOptions
from cifar_tui.tui.charts.panel import ChartsPanel
from cifar_tui.tui.charts.series import ACCURACY, LOSS
from cifar_tui.tui.main_screen import MOST_MARKED
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context
from tests.support.recorded import recorded_state

LOOK = Look()


def entry(number: int = 0, name: str = "cnn", state: RunState | None = None, **options: object) -> Entry:
    config = replace(TrainingConfig(epochs=3), **options)  # type: ignore[arg-type]
    folder = RunFolder(Path(f"20260314-15{number:02}26-{name}"))
    return Entry(number=number, config=config, folder=folder, state=state or recorded_state())


def on_digits() -> RunState:
    state = recorded_state()
    assert state.started is not None
    state.started = replace(state.started, data="digits")
    return state


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield ChartsPanel(ChartOptions(), id="charts")


def text(panel: ChartsPanel) -> str:
    return "\n".join(panel.render_line(y).text.rstrip() for y in range(panel.size.height))


async def test_the_panel_draws_what_changed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    original = Deck._draw

    def counted(deck: Deck, *given: object, **more: object) -> list[Strip]:
        drawn.append(given)
        return original(deck, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Deck, "_draw", counted)
    app = Shown()
    async with app.run_test(size=(118, 26)):
        panel = app.query_one(ChartsPanel)
        shown = entry()
        panel.show(Context(shown, look=LOOK))
        panel.show(Context(shown, look=LOOK))
        assert len(drawn) == 1
        assert shown.state is not None
        shown.state.t += 1
        panel.show(Context(shown, look=LOOK))
        assert len(drawn) == 2
        panel.step(-1)
        assert panel.deck.cursor == 3.0
        panel.step(-1)
        assert "epoch 2 ·" in panel.render_line(25).text
        assert panel.leave()
        panel.options.cycle_x_axis()
        panel.options.toggle_log()
        panel.options.smooth(1)
        panel.draw()
        assert "x axis: samples · y: log scale · smoothing 0.97 · all" in panel.render_line(25).text


async def test_the_cursor_does_not_stay_when_another_run_is_shown() -> None:
    app = Shown()
    async with app.run_test(size=(78, 20)):
        panel = app.query_one(ChartsPanel)
        first, second = entry(), entry(1)
        panel.show(Context(first, look=LOOK))
        panel.step(-1)
        panel.show(Context(first, look=LOOK))
        assert panel.deck.cursor is not None
        panel.show(Context(second, look=LOOK))
        assert panel.deck.cursor is None


async def test_marked_runs_are_drawn_with_the_selected_one_or_alone_or_not_at_all() -> None:
    app = Shown()
    async with app.run_test(size=(118, 26)):
        panel = app.query_one(ChartsPanel)
        selected, *marked = [entry(k, name) for k, name in enumerate(("cnn", "mlp", "net"))]
        panel.show(Context(selected, tuple(marked), look=LOOK))
        assert [run.text for run in panel.deck.runs] == ["a mlp", "b net", "c cnn"]
        assert "validation loss  a 1.320  b 1.320  c 1.320" in text(panel)
        panel.step(-1)
        rows = text(panel).splitlines()[-4:-1]
        assert [row.split("  ")[0] for row in rows] == ["a mlp", "b net", "c cnn"]
        assert all("  loss: train 1.350, validation 1.320 · accuracy: train 65.00 %, " in row for row in rows), rows
        assert text(panel).splitlines()[-1].startswith("epoch 3 · x axis: epochs")
        names = []
        for _ in range(3):
            panel.options.cycle_overlay()
            panel.draw()
            names.append([run.name for run in panel.deck.runs])
        assert names == [["mlp", "net"], ["cnn"], ["mlp", "net", "cnn"]]
        panel.show(Context(marked[0], tuple(marked), look=LOOK))
        assert [run.text for run in panel.deck.runs] == ["a mlp", "b net"], "none is drawn twice"


async def test_every_run_is_read_where_the_charts_leave_room() -> None:
    app = Shown()
    async with app.run_test(size=(80, 25)):
        panel = app.query_one(ChartsPanel)
        panel.show(Context(entry(), tuple(entry(k, f"net{k}") for k in range(1, 6)), look=LOOK))
        assert "more" not in text(panel)
        assert min(each.place.height for each in panel.deck.drawn) > 15


async def test_a_run_on_other_data_is_told_apart() -> None:
    app = Shown()
    async with app.run_test(size=(118, 26)):
        panel = app.query_one(ChartsPanel)
        panel.show(Context(entry(), (entry(1, "mlp"), entry(2, "net", on_digits())), look=LOOK))
        assert "b net  ≠ other data: digits" in text(panel)
        assert "a mlp  ≠" not in text(panel)


def test_the_runs_that_can_be_marked_and_the_selected_one_have_letters_of_their_own() -> None:
    runs = drawn_runs([entry(k) for k in range(MOST_MARKED + 1)])
    assert len({run.letter for run in runs}) == len(runs) == MOST_MARKED + 1


def test_runs_of_one_name_are_told_apart_by_their_labels_and_by_the_options_in_which_they_differ() -> None:
    def shown(*entries: Entry) -> list[tuple[str, str]]:
        return [(run.name, run.options) for run in drawn_runs(entries)]

    assert shown(entry(0), entry(1, "mlp")) == [("cnn", ""), ("mlp", "")]
    first, second = entry(0), entry(1, max_lr=0.05, seed=3)
    first.label, second.label = "03-14 15:00", "03-14 15:01"
    assert shown(first, second, entry(2, "mlp")) == [
        ("cnn 03-14 15:00", "max-lr=0.01 seed=0"), ("cnn 03-14 15:01", "max-lr=0.05 seed=3"), ("mlp", ""),
    ]  # fmt: skip
    assert shown(second) == [("cnn 03-14 15:01", "")], "a run is called the same, whichever are drawn with it"
    others = drawn_runs([entry(0), entry(1), entry(2, "net", on_digits())])
    assert [run.other for run in others] == ["", "", "other data: digits"]


async def test_the_mouse_reads_pins_zooms_and_pans() -> None:
    app = Shown()
    async with app.run_test(size=(118, 26)) as pilot:
        panel = app.query_one(ChartsPanel)
        panel.show(Context(entry(), look=LOOK))
        await pilot.hover(panel, offset=(32, 10))
        assert panel.deck.cursor is not None
        hovered = panel.deck.cursor
        await pilot.hover(panel, offset=(50, 10))
        assert panel.deck.cursor > hovered
        await pilot.click(panel, offset=(90, 10))
        pinned, place = panel.deck.cursor, panel.deck.place
        assert place == 1, "keys act on the chart that was clicked"
        await pilot.hover(panel, offset=(20, 10))
        assert panel.deck.cursor == pinned
        await scroll(panel, events.MouseScrollUp, 30, 10)
        assert panel.deck.drawn[0].x.high - panel.deck.drawn[0].x.low == pytest.approx(0.8 * 3)
        before = panel.deck.drawn[1].y
        await scroll(panel, events.MouseScrollUp, 90, 10, ctrl=True)
        assert panel.deck.drawn[1].y.high - panel.deck.drawn[1].y.low < before.high - before.low
        assert ACCURACY in panel.options.y_limits
        assert LOSS not in panel.options.y_limits
        low = panel.deck.drawn[0].x.low
        await pilot.mouse_down(panel, offset=(20, 10))
        await pilot.hover(panel, offset=(40, 10))
        await pilot.mouse_up(panel, offset=(40, 10))
        assert panel.deck.drawn[0].x.low < low
        panel.options.reset()
        panel.draw()
        await pilot.click(panel, offset=(20, 10), times=2)
        assert panel.deck.opened == LOSS


async def scroll(panel: ChartsPanel, kind: type[events.MouseScrollUp], x: int, y: int, *, ctrl: bool = False) -> None:
    """Turn the wheel, and wait until the panel has heard of it."""
    done = asyncio.Event()
    panel.post_message(
        kind(
            panel, x=x, y=y, delta_x=0, delta_y=0, button=0, shift=False, meta=False, ctrl=ctrl, screen_x=x, screen_y=y
        )
    )
    panel.call_later(done.set)
    await done.wait()
