"""From the cells of a comparison to their images: which ones, what both runs say of them, and by what keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cifar_tui.analysis.paired_predictions import CELLS, Cell
from cifar_tui.errors import InputError
from cifar_tui.events import Evaluated, to_json
from cifar_tui.runs.predicted_images import PairedImages
from cifar_tui.store.predictions import FILE, EvaluatedRun, to_bytes
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.compare.pair_images import PairCard, PairCardLine, PairImages, PairSelection
from cifar_tui.tui.images import album
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.images.panel import ImagesPanel
from cifar_tui.tui.theme import Look
from tests.support.dashboard import DashboardPilot, dashboard, recorded_folder
from tests.support.panel_states import check_lines, diagonal, entry, looks, paired_images, predicted_images, sizes, text
from tests.support.recorded import finished, recorded_state, uninterrupted

LOOK = Look()
RUNS = ("cnn", "mlp")
NAMES = ("plane", "bird", "fish")
PAIR = paired_images()
RUNS_ON_DISK = (
    EvaluatedRun(RunFolder(Path("20250101-000000-cnn")), 2),
    EvaluatedRun(RunFolder(Path("20250101-000000-mlp")), 1),
)

cells = st.sampled_from(CELLS)


class Instant:
    """In place of a job: its result is there when it is made."""

    def __init__(self, work: object, wording: object, sink: object, done: Callable[[PairedImages], None], *_: object):
        done(PAIR)

    def close(self) -> None:
        pass


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(album, "Job", Instant)


def panel(cell: Cell = "only_a", look: Look = LOOK) -> ImagesPanel:
    """A panel that shows the images of two runs."""

    def no_workspace() -> None:
        raise AssertionError("nothing is opened here")

    made = ImagesPanel(no_workspace, ImageLoader(no_workspace, no_workspace, no_workspace))  # type: ignore[arg-type]
    made.look = look
    entries = [entry(recorded_state(), under_way=False, number=k) for k in range(2)]
    made.open_album(PairImages(no_workspace, entries, RUNS_ON_DISK, cell, lambda: None))  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (PairSelection("both"), "both right"),
        (PairSelection("only_a"), "only cnn right"),
        (PairSelection("only_b", 1), "'bird', only mlp right"),
        (PairSelection("neither", 0), "'plane', neither right"),
    ],
)
def test_a_selection_is_described_in_words(selection: PairSelection, words: str) -> None:
    assert selection.description(RUNS, NAMES, 80, LOOK) == words


# How they are drawn


def test_a_card_has_the_true_class_and_the_predictions_of_both_runs() -> None:
    a = PairCardLine("a cnn", LOOK.run(0), "plane", 0.932, False)
    b = PairCardLine("b mlp-2", LOOK.run(1), "bird", 0.5, True)
    card = PairCard(PAIR.images[0], "bird", (a, b))

    def rows_at(width: int) -> list[str]:
        return ["".join(p if isinstance(p, str) else p[0] for p in row) for row in card.words(width, LOOK)]

    assert rows_at(32) == [
        "true      bird",
        "a cnn   → plane          93.20 %",
        "b mlp-2 → bird           50.00 %",
    ]
    assert rows_at(24)[2] == "b mlp-2 → bird   50.00 %"
    assert all(len(row) <= 12 for row in rows_at(12))
    _, first, second = card.words(32, LOOK)
    assert (first[2][1], second[2][1]) == (LOOK.bad, LOOK.good)


@pytest.mark.usefixtures("instant")
def test_the_headings_say_which_cell_it_is_by_whose_weights_and_the_keys_that_lead_on() -> None:
    made = panel()
    lines = text(made.lines(80, 21))
    assert lines[0] == "only run a right · 1–2 of 3", "both have one name"
    assert lines[1] == "weights of epochs 2 and 1 · Esc: compare · Tab: the cursor keys"
    made.action_page(1)
    assert text(made.lines(80, 21))[0] == "only run a right · 3–3 of 3"
    made.action_step(0, 1)
    assert text(made.lines(80, 21))[0] == "only run b right · 1–2 of 2"
    made.action_step(0, 2)
    made.action_step(-1, 0)
    assert text(made.lines(80, 21))[0].startswith("'fish', both right · ")


@pytest.mark.usefixtures("instant")
@given(cells, looks, sizes, st.lists(st.sampled_from(["up", "down", "left", "right", "page", "end"]), max_size=6))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_page_fits_every_size_and_every_terminal_after_any_keys(
    cell: Cell, look: Look, size: tuple[int, int], keys: list[str]
) -> None:
    made = panel(cell, look)
    for key in ["", *keys]:
        match key:
            case "up" | "down":
                made.action_step(1 if key == "down" else -1, 0)
            case "left" | "right":
                made.action_step(0, 1 if key == "right" else -1)
            case "page":
                made.action_page(1)
            case "end":
                made.action_edge(-1)
        check_lines(made.lines(*size), size, look)


# On the screen


def finished_folder(runs_dir: Path, name: str, predictions: bytes | None) -> None:
    """A run that was tested, with its recorded predictions."""
    folder = recorded_folder(runs_dir, name)
    test = Evaluated(t=9, split="test", epoch=1, loss=1.0, accuracy=0.5, confusion=diagonal(2, 1, 0), seconds=0.1)
    events = [*uninterrupted(2), test, finished()]
    folder.events_file.write_text("".join(f"{to_json(event)}\n" for event in events))
    folder.summary_file.write_text(folder.summary_file.read_text().replace("stopped", "finished"))
    if predictions is not None:
        (folder.path / FILE).write_bytes(predictions)


async def compared(desk: DashboardPilot) -> None:
    """Mark both earlier runs, and compare them."""
    await desk.shows("one", "two")
    await desk.press("down", "space", "down", "space")
    await desk.until(lambda: all(each.state for each in desk.app.runs.marked))
    await desk.press("4")


def two_folders(runs_dir: Path) -> None:
    """Two tested runs, `two` and `one` in the table's order."""
    for name, predictions in (("two", PAIR.paired.a), ("one", PAIR.paired.b)):
        finished_folder(runs_dir, name, to_bytes(replace(predictions, epoch=1)))


async def test_enter_on_a_cell_opens_its_images_and_escape_goes_back_to_it(tmp_path: Path) -> None:
    two_folders(tmp_path)
    async with dashboard(tmp_path, "cnn", size=(80, 24)) as desk:
        desk.workspace.pair = PAIR
        desk.workspace.gate.clear()
        await compared(desk)
        await desk.shows("only two right: 3 of 11 test images (27.27 %) · Enter: images · ←→ cells", "Enter open")
        for pointed, words in (("neither 1", "neither right: 1 of 11"), ("only two 3", "only two right: 3 of 11")):
            y, row = next((y, row) for y, row in enumerate(desk.screen().splitlines()) if pointed in row)
            await desk.pilot.click(offset=(row.index(pointed), y))
            await desk.shows(words)
        await desk.press("right", "enter")
        await desk.until(lambda: desk.view == "images")
        await desk.shows("reading images 75 % …", "Esc back")
        desk.workspace.gate.set()
        await desk.shows("only one right · 1–2 of 2", "weights of epochs 2 and 1 · ←→ cell · Esc: compare")
        await desk.shows("a two → ", "b one → ")
        await desk.press("left")
        await desk.shows("only two right · 1–2 of 3 · PgUp PgDn")
        await desk.press("pagedown")
        await desk.shows("3–3 of 3")
        await desk.press("home", "enter", "v", "end")
        await desk.shows("3–3 of 3")
        await desk.press("escape")
        await desk.shows("only one right: 2 of 11")
        assert desk.view == "compare"
        assert desk.workspace.opened == [f"20250101-000000-{name}" for name in ("two", "one")]


async def test_images_of_two_runs_stay_while_others_are_selected_until_another_view_is_shown(tmp_path: Path) -> None:
    two_folders(tmp_path)
    async with dashboard(tmp_path, "cnn") as desk:
        desk.workspace.pair = PAIR
        desk.workspace.images["20250101-000000-one"] = predicted_images(epoch=1)
        await compared(desk)
        await desk.press("enter")
        await desk.shows("only two right · 1–3 of 3", "Esc: compare")
        await desk.press("tab", "up")
        await desk.shows("only two right · 1–3 of 3", "Tab: the cursor keys")
        await desk.press("down", "3")
        await desk.shows("wrong predictions", "test images, weights of epoch 1", "Esc: back")
        await desk.press("escape")
        assert desk.view == "compare", "where it was opened"
        assert desk.app.main.views is not None
        assert not isinstance(desk.app.main.views.images.album, PairImages)
        await desk.press("1", "2", "k", "3", "4", "enter")
        await desk.shows("only two right · 1–3 of 3")
        await desk.press("escape")
        assert desk.view == "compare", "whatever was opened before"
        await desk.press("3", "k", "3", "escape")
        assert desk.view == "confidence"
        await desk.press("escape")
        assert desk.view == "compare", "each view is returned to once"


async def test_an_error_of_loading_two_runs_images_is_shown(tmp_path: Path) -> None:
    two_folders(tmp_path)
    async with dashboard(tmp_path, "cnn") as desk:
        why = "CIFAR-10 is not on this machine any more: put its archive into /data"
        desk.workspace.pair = InputError(why)
        await compared(desk)
        await desk.press("enter")
        await desk.shows(why)
        await desk.press("escape")
        await desk.shows("Enter: images")
        desk.workspace.pair = PAIR
        await desk.press("enter")
        await desk.shows("only two right · 1–3 of 3")


async def test_the_cursor_keys_act_on_the_charts_where_there_are_no_cells(tmp_path: Path) -> None:
    finished_folder(tmp_path, "two", to_bytes(replace(PAIR.paired.a, epoch=1)))
    finished_folder(tmp_path, "one", None)
    async with dashboard(tmp_path, "cnn") as desk:
        await compared(desk)
        await desk.shows(f"20250101-000000-one has no recorded predictions ({FILE})")
        before = desk.app.selected
        await desk.press("up", "left")
        await desk.shows("epoch 2 · faint: train · x axis: epochs")
        assert desk.app.selected is before
        await desk.press("tab", "up")
        assert desk.app.selected is not before


async def test_leaving_the_dashboard_ends_the_loading_of_two_runs_images(tmp_path: Path) -> None:
    two_folders(tmp_path)
    async with dashboard(tmp_path, "cnn") as desk:
        desk.workspace.gate.clear()
        await compared(desk)
        await desk.shows("Enter: images")
        await desk.press("enter")
        await desk.shows("reading images 75 % …")
        assert desk.app.main.views is not None
        opened = desk.app.main.views.images.album
        assert isinstance(opened, PairImages)
    assert opened._job.closed.is_set()
