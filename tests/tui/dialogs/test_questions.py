"""Questions before the panels: answered by letters or arrows, cancelled by Escape, readable on the smallest screen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from cifar_tui.data.sources import data_option_for
from cifar_tui.errors import InputError
from cifar_tui.tui.dialogs.path_completion import FolderSuggester
from cifar_tui.tui.dialogs.questions import Answer, MissingData, Question, quit_question, stop_question
from cifar_tui.tui.theme import Look
from tests.support.dashboard import ScreenHost

LOOK = Look()
NAMES = ["cnn", "mlp", "wide-cnn", "x", "y"]
SMALLEST = (60, 15)


def stop() -> Question[Any]:
    return stop_question("cnn", LOOK)


def quit_() -> Question[Any]:
    return quit_question(NAMES, LOOK)


def missing() -> Question[Any]:
    return MissingData("/home/me/.cache/cifar-tui", data_option_for, LOOK)


@pytest.mark.parametrize(
    ("screen", "answers"),
    [
        (stop, {"s": "stop", "enter": "stop", "down enter": None, "escape": None, "ctrl+c": None}),
        (quit_, {"s": "stop", "h": "headless", "down enter": "headless", "tab space": "headless"}),
        (quit_, {"up enter": None, "escape": None, "ctrl+c": "stop"}),
        (missing, {"f": ("fetch", ""), "d": ("digits", ""), "escape": None}),
    ],
)
async def test_an_answer_is_a_letter_or_the_arrow_keys_and_enter(
    screen: Callable[[], Question[Any]], answers: dict[str, Any]
) -> None:
    app = ScreenHost(screen)
    async with app.run_test(size=SMALLEST) as pilot:
        for keys in answers:
            await pilot.press(*keys.split())
            app.open(screen())
            await pilot.pause()
        assert app.answers == list(answers.values())


async def test_keys_that_mean_nothing_here_do_nothing() -> None:
    app = ScreenHost(quit_)
    async with app.run_test(size=SMALLEST) as pilot:
        await pilot.press("x", "1", "f5", "left")
        assert app.answers == []


async def test_only_the_first_answer_counts() -> None:
    app = ScreenHost(quit_)
    async with app.run_test(size=SMALLEST) as pilot:
        question = app.screen
        assert isinstance(question, Question)
        question.answer("headless")
        question.answer("stop")
        await pilot.pause()
        assert app.answers == ["headless"]
        assert len(app.screen_stack) == 1, "nothing else was closed"


async def test_a_click_answers() -> None:
    app = ScreenHost(quit_)
    async with app.run_test(size=SMALLEST) as pilot:
        await pilot.click(app.screen.query(Answer)[1])
        assert app.answers == ["headless"]


@pytest.mark.parametrize("screen", [stop, quit_, missing])
async def test_a_question_fits_every_screen_and_survives_those_that_are_too_small(
    screen: Callable[[], Question[Any]],
) -> None:
    app = ScreenHost(screen)
    async with app.run_test(size=SMALLEST) as pilot:
        for size in (SMALLEST, (80, 24), (200, 60)):
            await pilot.resize_terminal(*size)
            for shown in app.screen.query(Answer):
                assert app.screen.region.contains_region(shown.region)
                assert shown.region.width > 40
        for size in ((30, 6), (5, 3), (1, 1)):
            await pilot.resize_terminal(*size)
        await pilot.press("escape")
        assert app.answers == [None]


async def test_a_question_says_what_will_happen_and_to_whom() -> None:
    app = ScreenHost(quit_)
    async with app.run_test(size=(80, 24)):
        said = "\n".join(app.text())
        assert "Active: cnn, mlp, wide-cnn and 2 more." in said
        assert "writes a checkpoint" in said


async def test_names_are_shown_as_they_are_and_act_on_nothing() -> None:
    app = ScreenHost(lambda: stop_question("[red]\x1b[2J\u202e", LOOK))
    async with app.run_test(size=SMALLEST):
        assert "Stop [red]\\x1b[2J\\u202e?" in "\n".join(app.text())


async def test_everything_is_ascii_where_the_terminal_has_no_more() -> None:
    for screen in (
        lambda: quit_question(NAMES, Look(ascii=True)),
        lambda: MissingData("…", data_option_for, Look(ascii=True)),
    ):
        app = ScreenHost(screen)
        async with app.run_test(size=SMALLEST) as pilot:
            await pilot.press("o")
            assert "".join(app.text()).isascii()


async def type_folder(folder: str, *keys: str) -> tuple[list[Any], str]:
    """What the question about missing images gives for a folder that is typed, and what it says of it."""
    app = ScreenHost(missing)
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press("o")
        app.screen.query_one(Input).value = folder
        await pilot.pause()
        said = "\n".join(app.text())
        await pilot.press(*keys)
        return app.answers, said


async def test_a_folder_with_the_archive_is_for_cifar_10(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").touch()
    given, said = await type_folder(str(tmp_path), "enter")
    assert given == [("data_dir", str(tmp_path))]
    assert "It contains CIFAR-10" in said


async def test_a_folder_of_images_is_data_and_given_as_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / "train" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    given, said = await type_folder("pets", "enter")
    assert given == [("data", str(tmp_path / "pets"))]
    assert "It contains images by class" in said


async def test_a_folder_that_is_none_is_not_taken_and_why_is_said(tmp_path: Path) -> None:
    given, said = await type_folder("/no/such", "enter")
    assert given == []
    assert "there is no folder '/no/such'" in said
    given, said = await type_folder(str(tmp_path), "enter")
    assert given == []
    assert "neither cifar-10-python.tar.gz" in said


async def test_letters_of_a_path_are_no_answers_and_escape_goes_back_first() -> None:
    app = ScreenHost(missing)
    async with app.run_test(size=SMALLEST) as pilot:
        await pilot.press("o", "d", "f")
        assert app.screen.query_one(Input).value == "df"
        assert app.answers == []
        await pilot.press("escape")
        assert isinstance(app.focused, Answer)
        assert not app.screen.query_one(Input).display
        assert app.answers == []
        await pilot.press("escape")
        assert app.answers == [None]


@pytest.mark.parametrize("made", ["cifar-10-batches-py", "train", "Training"])
def test_what_a_folder_holds_says_which_option_takes_it(tmp_path: Path, made: str) -> None:
    with pytest.raises(InputError, match="neither"):
        data_option_for(str(tmp_path))
    for inner in (made, f"{made}/cat", f"{made}/dog"):
        (tmp_path / inner).mkdir()
    assert data_option_for(str(tmp_path)) == ("data_dir" if made.startswith("cifar") else "data")


@pytest.mark.parametrize("path", ["/no/such", "~nobody-here/x", "\0", __file__, "x" * 5000])
def test_what_is_no_folder_is_refused(path: str) -> None:
    with pytest.raises(InputError):
        data_option_for(path)


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("", None),
        ("ci", "cifar10"),
        ("pe", "pets/"),
        ("pets/tr", "pets/train/"),
        ("./p", "./pets/"),
        ("pets/", None),
        ("no/such", None),
        ("~nobody-here/x", None),
        ("\0/x", None),
        ("pic", None),
    ],
)
async def test_folders_are_completed_while_they_are_typed(
    typed: str, suggested: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pets" / "train").mkdir(parents=True)
    (tmp_path / "picture.png").touch()
    monkeypatch.chdir(tmp_path)
    assert await FolderSuggester(("cifar10", "digits")).get_suggestion(typed) == suggested
