"""Image files in the dashboard: how they are asked for, and how they are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Input

from cifar_tui.data.images.input_files import InputFile
from cifar_tui.errors import InputError
from cifar_tui.runs.prediction import PredictedFiles, Prediction, Unreadable
from cifar_tui.tui.dialogs.image_files import ImageFiles, split
from cifar_tui.tui.dialogs.path_completion import PathSuggester
from cifar_tui.tui.images.file_images import FileImages, file_card, omitted
from cifar_tui.tui.images.thumbnails import Layout, page
from cifar_tui.tui.theme import Look
from tests.support.dashboard import ScreenHost, dashboard, recorded_folder
from tests.support.panel_states import check_lines, predicted_images

LOOK = Look()
TOP = (("plane", 0.75), ("bird", 0.2), ("fish", 0.05))
HOSTILE = "\x1b[2J\u202e.png"


def prediction(path: str, true: str = "") -> Prediction:
    pixels = np.random.default_rng(len(path)).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    return Prediction(InputFile(path, (true,), named=False), pixels, TOP, true)


def unreadable(path: str) -> Unreadable:
    return Unreadable(InputFile(path, (), named=True), "it is damaged")


FOUND = PredictedFiles(
    files=9,
    found=tuple(prediction(f"photos/{k}.jpg", "bird" if k == 1 else "") for k in range(7)),
    unreadable=(unreadable("photos/bad.png"),),
    epoch=2,
)


def told(each: Prediction, width: int, look: Look = LOOK) -> list[str]:
    rows = file_card(each, look).words(width, look)
    return ["".join(part if isinstance(part, str) else part[0] for part in row).rstrip() for row in rows]


def test_the_card_of_a_file_has_its_name_and_its_class_where_that_is_known() -> None:
    assert told(prediction("photos/a.jpg"), 32) == [
        "a.jpg → plane            75.00 %",
        "        bird             20.00 %",
        "        fish              5.00 %",
    ]
    assert told(prediction("test/bird/1.png", "bird"), 32) == [
        "1.png  → plane           75.00 %",
        "(bird)   bird            20.00 %",
        "         fish             5.00 %",
    ]
    assert told(prediction("IMG_20261124_1234.jpg"), 32)[0] == "…61124_1234.jpg → plane  75.00 %"
    assert told(prediction(HOSTILE), 60)[0].startswith(r"\x1b[2J\u202e.png → plane")
    two = replace(prediction("a.png", "bird"), top=TOP[:2])
    assert len(told(two, 32)) == 3


@pytest.mark.parametrize("look", [LOOK, Look(ascii=True), Look(colour=False)])
@pytest.mark.parametrize("size", [(78, 19), (116, 23), (58, 10), (20, 4), (9, 3)])
def test_any_name_of_a_file_is_text_that_fits(look: Look, size: tuple[int, int]) -> None:
    cards = [file_card(prediction(name, "bird"), look) for name in (HOSTILE, "鸟" * 80 + ".png", "e\u0301" * 99, "a")]
    for card in cards:
        check_lines(page([card], Layout.of(*size), size, look), size, look)


def test_files_that_are_not_shown_are_named_and_counted() -> None:
    assert list(omitted(FOUND)) == ["photos/bad.png: it is damaged", "only the first 8 of 9 files are shown"]
    many = replace(FOUND, files=14, unreadable=tuple(unreadable(str(k)) for k in range(7)))
    assert list(omitted(many)) == [*(f"{k}: it is damaged" for k in range(5)), "7 of 14 files could not be read"]


# How they are asked for


def test_names_are_split_as_a_shell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert split(r"a.png 'b c'/*.jpg d\ e ~/f ~nobody-here/g") == (
        *("a.png", "b c/*.jpg", "d e"),
        *("/home/me/f", "~nobody-here/g"),
    )
    assert split("  ") == ()


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("", None),
        ("x.png ph", "x.png photos/"),
        ("photos/a", r"photos/a\ b.jpg"),
        ("'photos/a", "'photos/a b.jpg'"),
        ('"my ', '"my pictures/'),
        (r"my\ p", r"my\ pictures/"),
        ("my\\", None),
        ("photos/n", None),
        ("photos/a\\ b.jpg", None),
        ("~nobody-here/x", None),
    ],
)
async def test_paths_are_completed_while_they_are_typed(
    typed: str, suggested: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("photos", "my pictures"):
        (tmp_path / folder).mkdir()
    for name in ("a b.jpg", "notes.txt"):
        (tmp_path / "photos" / name).touch()
    monkeypatch.chdir(tmp_path)
    assert await PathSuggester().get_suggestion(typed) == suggested


async def test_a_line_that_cannot_be_split_is_reported_and_an_empty_one_closes_the_dialog() -> None:
    app = ScreenHost(lambda: ImageFiles("cnn", LOOK))
    async with app.run_test(size=(60, 15)) as pilot:
        await pilot.press("enter", *"'a", "enter")
        assert "No closing quotation" in "\n".join(app.text())
        assert app.answers == []
        await pilot.press(*" b'", "enter")
        assert app.answers == [("a b",)]
        app.open(ImageFiles("\x1b[2J", LOOK, typed="c"))
        await pilot.pause()
        assert r"Classify image files with \x1b[2J" in "\n".join(app.text())
        await pilot.press("escape")
        assert app.answers == [("a b",), None]
        app.open(ImageFiles("cnn", LOOK, typed="before"))
        await pilot.pause()
        await pilot.press("x", "enter")
        assert app.answers[2:] == [("x",)], "it is typed over"


def test_a_path_with_spaces_need_not_be_quoted_where_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my cat photo.png").touch()
    assert split(" my cat photo.png") == ("my cat photo.png",)
    assert split("my dog photo.png") == ("my", "dog", "photo.png")
    assert split("'my cat photo.png' b.png") == ("my cat photo.png", "b.png")


# On the screen


async def test_named_files_are_shown_with_their_predictions(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "one")
    recorded_folder(tmp_path, "two")
    async with dashboard(tmp_path, "cnn", size=(80, 24)) as desk:
        desk.workspace.predictions = FOUND
        desk.workspace.images = {f"20250101-000000-{name}": predicted_images() for name in ("one", "two")}
        desk.workspace.gate.clear()
        await desk.shows("one", "two")
        await desk.press("i", *"s.png", "enter")
        await desk.shows("× cnn has no best weights yet: they come with the end of an epoch")
        assert desk.workspace.runs == [], "what is typed for the box does not act on the panels"
        await desk.press("escape", "down")
        await desk.until(lambda: desk.app.selected is not None and desk.app.selected.state is not None)
        await desk.press("i")
        await desk.shows("Classify image files with two")
        assert isinstance(desk.app.screen.focused, Input)
        desk.app.screen.focused.value = "photos 'b c.png'"
        await desk.press("enter")
        await desk.shows("predicting 7 of 1,234 …")
        desk.workspace.gate.set()
        await desk.shows("image files · 1–2 of 7 · 1 could not be read · the first 8 of 9", "0.jpg → plane", "1.jpg")
        await desk.shows(
            "(bird)", "weights of epoch 2 · i: others · 3: the run's images", "the first 8 of 9 files are shown"
        )
        await desk.press("pagedown", "v", "down")
        await desk.shows("image files · 3–4 of 7", "2.jpg → plane")
        await desk.press("3")
        await desk.shows("wrong predictions", "test images, weights of epoch 2")
        desk.workspace.predictions = InputError("'no' cannot be read: No such file or directory")
        await desk.press("i", *"no", "enter")
        await desk.shows("two 'no' cannot be read: No such file or directory")
        await desk.press("escape")
        await desk.until(lambda: desk.view == "charts")
        assert desk.workspace.named == [("20250101-000000-two", "photos", "b c.png"), ("20250101-000000-two", "no")]


async def test_the_files_of_a_run_are_closed_when_another_is_selected(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "one")
    recorded_folder(tmp_path, "two")
    async with dashboard(tmp_path, "cnn") as desk:
        desk.workspace.predictions = replace(FOUND, files=1, found=())
        desk.workspace.images = {f"20250101-000000-{name}": predicted_images() for name in ("one", "two")}
        await desk.shows("one", "two")
        await desk.press("down")
        await desk.until(lambda: desk.app.selected is not None and desk.app.selected.state is not None)
        await desk.press("i", *"bad.png", "enter")
        await desk.shows("none of the files could be read", "photos/bad.png: it is damaged")
        await desk.press("tab", "down")
        await desk.shows("wrong predictions", "test images, weights of epoch 2")
        assert desk.app.main.views is not None
        assert not isinstance(desk.app.main.views.images.album, FileImages)
