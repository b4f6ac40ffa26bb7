"""The test images on the screen: which ones, how they are drawn, and how they are opened beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style

from cifar_tui.errors import InputError
from cifar_tui.tui.images.image_loader import why_no_images
from cifar_tui.tui.images.panel import ImagesPanel
from cifar_tui.tui.images.selection import KINDS, Selection
from cifar_tui.tui.images.thumbnails import Card, Layout, thumbnail
from cifar_tui.tui.theme import Look
from tests.support.dashboard import DashboardPilot, dashboard, recorded_folder
from tests.support.panel_states import (
    ENTRIES,
    LOADED,
    begun,
    check_lines,
    diagonal,
    entry,
    images_panel,
    looks,
    names,
    predicted_images,
    sizes,
    text,
)
from tests.support.recorded import MATRIX

LOOK = Look()
NAMES = ("plane", "bird", "fish")


def shown(made: ImagesPanel, width: int = 80, height: int = 21) -> list[str]:
    return text(made.lines(width, height))


def image(*colours: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Horizontal stripes of these colours, as high as each other."""
    rows = np.repeat(np.array(colours, np.uint8), 32 // len(colours), axis=0)
    return np.repeat(rows[:, None], 32, axis=1).transpose(2, 0, 1)


# Which ones


@pytest.mark.parametrize("true", range(3))
@pytest.mark.parametrize("predicted", range(3))
def test_a_cell_has_as_many_images_as_the_matrix_says(true: int, predicted: int) -> None:
    assert len(Selection(true, predicted, "all").indices(LOADED.predictions)) == MATRIX[true][predicted]


@given(st.sampled_from([None, 0, 1, 2]), st.sampled_from([None, 0, 1, 2]), st.sampled_from(KINDS))
def test_the_most_confident_predictions_come_first(true: int | None, predicted: int | None, kind: str) -> None:
    chosen = Selection(true, predicted, kind)  # type: ignore[arg-type]
    indices = chosen.indices(LOADED.predictions)
    confidence = LOADED.predictions.confidence[indices]
    assert (np.diff(confidence) <= 0).all()
    labels, predicted_as = LOADED.predictions.labels[indices], LOADED.predictions.predicted[indices]
    assert true is None or set(labels.tolist()) <= {true}
    assert predicted is None or set(predicted_as.tolist()) <= {predicted}
    if kind != "all" and not chosen.is_cell:
        assert ((labels == predicted_as) == (kind == "right")).all()


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(1, 0), "'bird' predicted as 'plane'"),
        (Selection(1, 1), "'bird' recognised"),
        (Selection(1), "'bird' predicted as another"),
        (Selection(None, 1), "any predicted as 'bird'"),
        (Selection(), "wrong predictions"),
        (Selection(1, None, "right"), "'bird' recognised"),
        (Selection(None, None, "right"), "all recognised"),
        (Selection(None, 1, "all"), "all images predicted as 'bird'"),
        (Selection(1, None, "all"), "all 'bird'"),
        (Selection(None, None, "all"), "all images"),
    ],
)
def test_a_selection_is_described_in_words(selection: Selection, said: str) -> None:
    assert selection.description(NAMES, 80, LOOK) == said


def test_steps_go_round_through_every_class_and_any() -> None:
    selection, seen = Selection(), []
    for _ in range(4):
        selection = selection.stepped(1, -1, 3)
        seen.append((selection.true, selection.predicted))
    assert seen == [(0, 2), (1, 1), (2, 0), (None, None)]
    assert [selection.kind, selection.next_kind().kind, selection.next_kind().next_kind().kind] == list(KINDS)


# How they are drawn


@given(names, looks, sizes, st.lists(st.sampled_from(["up", "down", "left", "right", "page", "back", "end", "kind"])))
@settings(max_examples=100)
def test_every_page_fits_every_size_and_every_terminal_after_any_keys(
    name: str, look: Look, size: tuple[int, int], keys: list[str]
) -> None:
    strange = predicted_images(diagonal(3), ("鸟" * 40, "\x1b[2J", ""))
    for made in (images_panel(None, ENTRIES[name], look), images_panel(strange, look=look)):
        for key in ["", *keys]:
            match key:
                case "up" | "down":
                    made.action_step(1 if key == "down" else -1, 0)
                case "left" | "right":
                    made.action_step(0, 1 if key == "right" else -1)
                case "page" | "back":
                    made.action_page(1 if key == "page" else -1)
                case "end":
                    made.action_edge(-1)
                case "kind":
                    made.next_kind()
            check_lines(made.lines(*size), size, look)


@given(st.integers(1, 250), st.integers(1, 80))
def test_a_page_has_at_least_one_card_and_no_more_than_fit(width: int, height: int) -> None:
    layout = Layout.of(width, height)
    assert layout.cards >= 1
    if layout.picture:
        assert layout.across * (layout.width + 2) - 2 <= width
        assert layout.down * layout.height + (layout.down - 1) * layout.spare <= height


@pytest.mark.parametrize(
    ("size", "layout"),
    [
        ((78, 19), Layout(32, False, 38, 19, 2, 1, 1)),
        ((116, 23), Layout(36, False, 37, 21, 3, 1, 1)),
        ((140, 43), Layout(32, False, 33, 19, 4, 2, 1)),
        ((140, 38), Layout(32, False, 33, 19, 4, 2, 0)),
        ((66, 60), Layout(32, False, 32, 19, 2, 3, 1)),
        ((58, 24), Layout(28, False, 28, 17, 2, 1, 1)),
        ((36, 60), Layout(32, False, 36, 19, 1, 3, 1)),
        ((78, 16), Layout(32, True, 74, 16, 1, 1, 1)),
        ((58, 10), Layout(20, True, 58, 10, 1, 1, 1)),
        ((20, 4), Layout(0, False, 20, 3, 1, 1, 1)),
    ],
)
def test_pictures_fill_the_room_or_are_smaller_or_left_out(size: tuple[int, int], layout: Layout) -> None:
    assert Layout.of(*size) == layout


def test_each_half_block_shows_two_pixels() -> None:
    rows = thumbnail(image((255, 0, 0), (0, 0, 255), (9, 8, 7), (1, 2, 3)), 32, LOOK)
    assert len(rows) == 16
    red = Color.from_rgb(255, 0, 0)
    assert rows[0] == [("▀" * 32, Style(color=red, bgcolor=red))]
    checked = image((255, 255, 255), (0, 0, 0)).copy()
    checked[:, ::2], checked[:, 1::2] = 255, 0
    white, black = Color.from_rgb(255, 255, 255), Color.from_rgb(0, 0, 0)
    assert thumbnail(checked, 32, LOOK)[3] == [("▀" * 32, Style(color=white, bgcolor=black))]
    assert len(thumbnail(checked, 16, LOOK)) == 8


def test_without_colour_or_in_ascii_characters_show_brightness() -> None:
    stripes = image((255, 255, 255), (128, 128, 128), (64, 64, 64), (0, 0, 0))

    def ramp(look: Look) -> list[str]:
        return [str(row[0])[:1] for row in thumbnail(stripes, 32, look)[::4]]

    assert ramp(Look(colour=False)) == ["█", "▒", "░", " "]
    assert ramp(Look(colour=False, dark=False)) == [" ", "▒", "▓", "█"]
    assert ramp(Look(ascii=True)) == ["@", "+", ":", " "]


def test_a_card_has_the_true_class_and_the_three_likeliest() -> None:
    card = Card(image((0, 0, 0)), "bird", (("plane", 0.932), ("bird", 0.041), ("fish", 0.02)), right=False)

    def told(width: int) -> list[str]:
        return ["".join(p if isinstance(p, str) else p[0] for p in row) for row in card.words(width, LOOK)]

    assert told(32) == [
        "bird → plane             93.20 %",
        "       bird               4.10 %",
        "       fish               2.00 %",
    ]
    assert all(len(row) <= 12 for row in told(12))


def test_the_headings_say_what_is_shown_and_of_which_weights() -> None:
    made = images_panel()
    made.select(1, 0)
    made.run_name = "a-rather-long-name-for-a-run 11-29 18:30"
    assert shown(made)[1].startswith("a-rather…a-run 11-29 18:30 · test images, weights of epoch 2 · ")
    made.run_name = ""
    lines = shown(made)
    assert lines[0] == "'bird' predicted as 'plane' · 1–2 of 27"
    assert lines[1].startswith("test images, weights of epoch 2 · ")
    assert lines[2] == "▀" * 32 + " " * 9 + "▀" * 32
    assert lines[18].startswith("bird → plane")
    made.action_page(1)
    assert shown(made)[0].endswith("3–4 of 27")
    made.action_edge(-1)
    assert shown(made)[0].endswith("27–27 of 27")
    made.action_page(9)
    assert shown(made)[0].endswith("27–27 of 27")
    made.action_edge(0)
    assert shown(made)[0].endswith("1–2 of 27")
    made.select(2, 0)
    assert shown(made)[:3:2] == ["'fish' predicted as 'plane' · none", "there is no such test image"]


def test_a_selection_is_not_kept_for_other_classes() -> None:
    made = images_panel()
    made.select(1, 0)
    assert shown(made)[0].startswith("'bird' predicted as 'plane'")
    others = predicted_images(classes=("3", "4", "5"))
    made.loader.close()
    made.loader._finish(others)
    assert shown(made)[0].startswith("wrong predictions")
    made.loader.close()
    made.select(2, 1)
    made.loader._finish(LOADED)
    assert shown(made)[0].startswith("'fish' predicted as 'bird'"), "it was chosen for these"


def test_better_weights_are_offered() -> None:
    made = images_panel(chosen=entry(begun(1, 4)))
    made.loader.loaded = predicted_images(epoch=1)
    newest = made.entry and made.entry.state and made.entry.state.best
    assert newest
    made.loader.loaded = predicted_images(epoch=newest.epoch + 1)
    assert f"epoch {newest.epoch} is better: press 3" in shown(made)[0]
    made.loader.loaded = predicted_images(epoch=newest.epoch)
    assert "is better" not in shown(made)[0]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none", "no run is selected"),
        ("ready", "press s to start: the images come with the first epoch's weights"),
        ("fetching", "loading: there are no images yet"),
        ("first epoch", "the images come at the end of this epoch: batch 2 of 4 is done"),
        ("saving", "the images come as soon as this epoch's weights are saved"),
        ("diverged", "it ended before its first epoch was complete: it has no weights to show images with"),
        ("finished", ""),
    ],
)
def test_without_weights_it_says_why(name: str, why: str) -> None:
    assert why_no_images(ENTRIES[name]) == why
    if why:
        assert shown(images_panel(None, ENTRIES[name]), 100) == [why]


# On the screen


async def shows_images(desk: DashboardPilot, *said: str) -> None:
    await desk.until(lambda: desk.view == "images")
    await desk.shows(*said)


async def test_enter_on_a_cell_opens_its_images_and_escape_goes_back_to_it(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "cnn", size=(80, 24)) as desk:
        run, started, test, epochs = await desk.started_run()
        run.tell(started, *epochs, test)
        run.end("finished")
        desk.workspace.images["20260101-000000-cnn"] = predicted_images(epoch=1)
        await desk.press("2")
        await desk.shows("27 of 1,000 'bird' images predicted as 'plane'", "Enter: images")
        await desk.press("enter")
        await shows_images(desk, "'bird' predicted as 'plane' · 1–2 of 27", "test images, weights of epoch 1")
        await desk.shows("bird → plane", "epoch 2 is better: press 3")
        await desk.press("pagedown")
        await desk.shows("3–4 of 27")
        await desk.press("v", "right")
        await desk.shows("'bird' recognised · 1–2 of 950")
        await desk.press("escape")
        await desk.shows("27 of 1,000 'bird' images predicted as 'plane'")
        assert desk.view == "confusion"
        desk.workspace.images["20260101-000000-cnn"] = predicted_images()
        await desk.press("down", "right", "enter")
        await shows_images(desk, "'fish' predicted as 'bird' · 1–1 of 1", "test images, weights of epoch 2")
        await desk.press("3", "enter")
        assert desk.workspace.opened == ["20260101-000000-cnn"] * 2


async def test_images_are_loaded_on_a_thread_and_replaced_by_those_of_another_run(tmp_path: Path) -> None:
    for name in ("one", "two"):
        recorded_folder(tmp_path, name)
    async with dashboard(tmp_path, "cnn") as desk:
        desk.workspace.images = {
            "20250101-000000-one": InputError("one was tested on other images than x has now"),
            "20250101-000000-two": predicted_images(),
        }
        desk.workspace.gate.clear()
        await desk.shows("one", "two")
        await desk.press("3")
        await shows_images(desk, "press s to start: the images come with the first epoch's weights")
        await desk.press("tab", "down")
        await shows_images(desk, "evaluating the test images 30 % …")
        desk.workspace.gate.set()
        await desk.shows("wrong predictions · 1–3 of 61")
        await desk.press("down")
        await desk.shows("one was tested on other images than x has now")
        assert desk.app.main.views is not None
        assert desk.app.main.views.images.loader.loaded is None
        desk.workspace.images["20250101-000000-one"] = predicted_images(epoch=1)
        await desk.press("3")
        await desk.shows("wrong predictions · 1–3 of 61")
        await desk.press("v", "down")
        await desk.shows("'plane' recognised · 1–3 of 90")
        assert desk.workspace.opened == [f"20250101-000000-{name}" for name in ("two", "one", "one")]


async def test_leaving_the_dashboard_ends_the_loading(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "one")
    async with dashboard(tmp_path, "cnn") as desk:
        desk.workspace.gate.clear()
        await desk.shows("■ stopped")
        await desk.press("down")
        await desk.until(lambda: desk.app.selected is not None and desk.app.selected.name == "one")
        await desk.press("3")
        await desk.shows("evaluating the test images 30 % …")
        assert desk.app.main.views is not None
        job = desk.app.main.views.images.loader._job
        assert job is not None
    assert job.closed.is_set()
