"""The confusion matrix on the screen: what it says, how it moves, and that new epochs leave it where it is."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Evaluated
from cifar_tui.records import Summary
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.confusion.matrix import Frame, _heads, scrolled, sentence
from cifar_tui.tui.confusion.panel import ConfusionPanel, evaluations, why_no_matrix
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context
from tests.support.panel_states import (
    ENTRIES,
    begun,
    check_lines,
    diagonal,
    entry,
    evaluated,
    looks,
    names,
    run_with_classes,
    sizes,
    text,
)
from tests.support.recorded import ID, MATRIX, recorded_state

LOOK = Look()
NAMES = ("plane", "bird", "fish")


def panel(chosen: Entry | None, look: Look = LOOK) -> ConfusionPanel:
    made = ConfusionPanel()
    made.entry, made.look = chosen, look
    return made


def shown(made: ConfusionPanel, width: int = 80, height: int = 16) -> list[str]:
    return text(made.lines(width, height))


def cell(strips: list[Strip], words: str) -> Style:
    """The style of the first piece of text that says this and nothing else."""
    return next(s.style or Style() for strip in strips for s in strip if s.text.strip() == words)


@asynccontextmanager
async def screen(
    chosen: Entry | None, width: int = 80, height: int = 16
) -> AsyncIterator[tuple[ConfusionPanel, Pilot[None]]]:
    made = ConfusionPanel()

    class Host(App[None]):
        CSS = f"ConfusionPanel {{ width: {width}; height: {height}; }}"

        def compose(self) -> ComposeResult:
            yield made

    async with Host().run_test(size=(width, height)) as pilot:
        made.show(Context(chosen, look=LOOK))
        made.focus()
        await pilot.pause()
        yield made, pilot


@given(names, looks, sizes, st.lists(st.sampled_from(["up", "down", "left", "right", "page", "percent", "-", "+"])))
@settings(max_examples=300)
def test_every_state_fits_every_size_and_every_terminal_after_any_keys(
    name: str, look: Look, size: tuple[int, int], keys: list[str]
) -> None:
    made = panel(ENTRIES[name], look)
    actions: dict[str, Callable[[], object]] = {
        "up": lambda: made.action_move(-1, 0),
        "down": lambda: made.action_move(1, 0),
        "left": lambda: made.action_move(0, -1),
        "right": lambda: made.action_move(0, 1),
        "page": lambda: made.action_page(1),
        "percent": made.toggle_percent,
        "-": lambda: made.step(-1),
        "+": lambda: made.step(1),
    }
    check_lines(made.lines(*size), size, look)
    for key in keys:
        actions[key]()
        check_lines(made.lines(*size), size, look)


def test_the_newest_evaluation_is_shown_with_its_figures() -> None:
    assert shown(panel(entry(begun(2, 3)))) == [
        "validation after epoch 2 of 2 · accuracy 94.46 % · counts (v: %) · Enter: images",
        "27 of 1,000 'bird' images predicted as 'plane' (2.70 %)",
        "        plane    bird    fish     recall",
        "plane      90       4       6    90.00 %",
        "bird       27     950      23    95.00 %",
        "fish        ·       1       ·     0.00 %",
        "",
        "most confused",
        "bird → plane           27   2.70 %",
        "bird → fish            23   2.30 %",
        "plane → fish            6   6.00 %",
        "plane → bird            4   4.00 %",
        "fish → bird             1 100.00 %",
    ]


def test_with_room_precision_and_the_most_confused_pairs_stand_beside_it() -> None:
    lines = shown(panel(entry(begun(2, 3))), 120, 16)
    assert lines[2] == "        plane    bird    fish     recall precision   most confused"
    assert lines[3].split("   ")[-1].strip() == "2.70 %"
    assert lines[3].lstrip().startswith("bird → plane ")
    assert lines[4].startswith("plane      90       4       6    90.00 %   76.92 %"), "in the middle of three lines"
    assert lines[4].lstrip(" ").endswith("2.30 %")
    assert lines[7].startswith("bird       27     950      23    95.00 %   99.48 %")
    lines = shown(panel(entry(begun(2, 3))), 120, 11)
    assert lines[3].startswith("plane      90       4       6    90.00 %   76.92 %   bird → plane "), "there is no room"
    assert lines[4].startswith("bird       27     950      23    95.00 %   99.48 %   bird → fish ")


def test_percentages_are_of_the_row_and_columns_stay_where_they_are() -> None:
    made = panel(entry(begun(2, 3)))
    before = shown(made)
    made.toggle_percent()
    after = shown(made)
    assert after[0].endswith("% of rows (v: counts)")
    assert after[2] == before[2]
    assert after[3:6] == [
        "plane    90.0     4.0     6.0    90.00 %",
        "bird      2.7    95.0     2.3    95.00 %",
        "fish        ·     100       ·     0.00 %",
    ]
    made.toggle_percent()
    assert shown(made) == before


@pytest.mark.parametrize(
    ("true", "predicted", "words"),
    [
        (1, 0, "27 of 1,000 'bird' images predicted as 'plane' (2.70 %)"),
        (1, 1, "950 of 1,000 'bird' images recognised (95.00 %)"),
        (2, 1, "1 of 1 'fish' image predicted as 'bird' (100.00 %)"),
        (2, 0, "0 of 1 'fish' image predicted as 'plane' (0.00 %)"),
    ],
)
def test_a_cell_is_told_in_words(true: int, predicted: int, words: str) -> None:
    assert sentence(MATRIX, NAMES, true, predicted, 80) == words


def test_a_class_without_images_says_so_and_long_names_are_cut() -> None:
    assert sentence(ConfusionMatrix.of(((0, 0), (1, 2))), ("a", "b"), 0, 1, 80) == "no 'a' images here"
    long = sentence(ConfusionMatrix.of(((5, 5), (1, 2))), ("a" * 99, "b" * 99), 0, 1, 78)
    assert len(long) <= 78
    assert "aaaa…' images predicted as 'bbbb" in long


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "no run is selected"),
        ("ready", "press s to start: the matrix comes with the first epoch's validation"),
        ("fetching", "loading: there is no matrix yet"),
        ("first epoch", "the first matrix comes at the end of this epoch: batch 2 of 4 is done"),
        ("diverged", "it ended before its first validation: there is no matrix"),
        ("failed", "failed: there is no matrix"),
    ],
)
def test_without_an_evaluation_it_says_why(name: str, words: str) -> None:
    assert why_no_matrix(ENTRIES[name]) == words
    assert shown(panel(ENTRIES[name]), 100) == [words]


def test_of_an_ended_run_that_is_still_read_it_says_that() -> None:
    unread = entry(
        under_way=False, folder=RunFolder(Path("20260314-150926-cnn")), summary=Summary(id=ID, state="finished")
    )
    assert why_no_matrix(unread) == "reading its events…"
    assert "reading" not in why_no_matrix(dataclasses.replace(unread, error="its events are damaged"))


def three_epochs_and_a_test() -> RunState:
    state = begun(0, 4)
    state.apply(
        Evaluated(t=99.0, split="test", epoch=2, loss=1.0, accuracy=0.5, confusion=diagonal(3), seconds=1.0),
    )
    return state


def test_stepping_goes_through_the_epochs_to_the_test_and_stays_at_the_ends() -> None:
    made = panel(entry(three_epochs_and_a_test()))
    seen = []
    for delta in (0, -1, -1, -1, -1, 1, 1, 1, 1):
        made.step(delta)
        seen.append(shown(made)[0].split(" ·")[0].removeprefix("validation after "))
    back = ["test, epoch 2", "epoch 3 of 3", "epoch 2 of 3", "epoch 1 of 3", "epoch 1 of 3"]
    assert seen == [*back, "epoch 2 of 3", "epoch 3 of 3", "test, epoch 2", "test, epoch 2"]


def test_the_newest_is_followed_unless_an_earlier_one_was_chosen() -> None:
    state = begun(0, 3)
    made = panel(entry(state))
    state.apply(evaluated(3))
    assert "epoch 3 of 3" in shown(made)[0]
    made.step(-1)
    state.apply(evaluated(4))
    assert "epoch 2 of 4 · accuracy 94.46 % · Esc: the newest" in shown(made)[0]
    made.reload()
    assert "epoch 4 of 4" in shown(made)[0]


def test_an_evaluation_that_is_trained_again_makes_way_for_the_newest() -> None:
    made = panel(entry(three_epochs_and_a_test()))
    made.step(-1)
    shown(made)
    assert made.entry is not None
    assert made.entry.state is not None
    made.entry.state.test = None
    del made.entry.state.validations[1:]
    assert shown(made)[0].startswith("validation after epoch 1 of 1")


def test_the_cursor_begins_on_the_most_confused_pair_and_stays_where_it_is_put() -> None:
    state = begun(0, 2)
    made = panel(entry(state))
    assert "'bird' images predicted as 'plane'" in shown(made)[1]
    made.action_move(-1, 1)
    assert "'plane' images predicted as 'bird'" in shown(made)[1]
    state.apply(evaluated(2, diagonal(3)))
    assert shown(made)[1] == "10 of 100 'plane' images predicted as 'bird' (10.00 %)"
    made.action_move(-9, -9)
    assert shown(made)[1] == "90 of 100 'plane' images recognised (90.00 %)"


def test_m_goes_to_the_most_confused_pair_first_and_then_down_their_list() -> None:
    made = panel(entry(begun(0, 2)))
    seen = []
    for step in (1, 1, 1, -1, -1, -1):
        shown(made)
        made.go_to_confused(step)
        strips = made.lines(80, 16)
        seen.append(strips[1].text.split()[0])
        (listed,) = (s.text for strip in strips[8:] for s in strip if s.style and s.style.bold)
        assert listed.split()[3] == seen[-1], "it is marked in the list"
    assert seen == ["27", "23", "6", "23", "27", "1"]
    made.action_move(-9, -9)
    made.go_to_confused(1)
    assert shown(made)[1].startswith("27 of"), "from a cell that is no such pair"


def test_a_run_with_other_classes_begins_anew_and_one_with_the_same_keeps_the_cursor() -> None:
    made = panel(entry(begun(0, 2)))
    shown(made)
    made.action_move(1, 2)
    made.step(-1)
    made.show(Context(entry(begun(0, 3)), look=LOOK))
    assert shown(made)[1].startswith("0 of 1 'fish' image recognised")
    made.show(Context(entry(run_with_classes(2)), look=LOOK))
    assert shown(made)[1].startswith("10 of 100 'class 0' images predicted as 'class 1'")


def test_of_a_hundred_classes_a_part_is_shown_that_the_cursor_moves() -> None:
    made = panel(entry(run_with_classes(100)))
    assert "classes 1–13 × 1–12 of 100" in shown(made)[0]
    made.action_page(1)
    assert "classes 2–14 × 1–12 of 100" in shown(made)[0]
    made.action_edge(-1)
    lines = shown(made)
    assert "classes 2–14 × 89–100 of 100" in lines[0]
    assert lines[2].split()[-2:] == ["c…99", "recall"]
    assert lines[3].split()[:2] == ["class", "1"]
    made.action_edge(0)
    assert "× 1–12 of" in shown(made)[0]


@given(st.integers(1, 120), st.data())
def test_scrolling_keeps_the_cursor_in_sight_and_moves_no_further_than_it_must(size: int, data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, size))
    cursor = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(0, size - rows))
    moved = scrolled(first, cursor, rows, size)
    assert 0 <= moved <= size - rows
    assert moved <= cursor < moved + rows
    if first <= cursor < first + rows:
        assert moved == first


@given(st.integers(2, 100), st.integers(1, 210), st.integers(1, 60))
def test_what_fits_is_within_the_matrix_and_the_screen(size: int, width: int, height: int) -> None:
    frame = Frame.of(diagonal(size), [f"class {k}" for k in range(size)], width, height)
    assert 1 <= frame.rows <= size
    assert 1 <= frame.columns <= size
    assert frame.columns == 1 or frame.width <= width


def test_cells_are_shaded_by_their_share_of_the_row_in_a_hue_for_right_and_one_for_wrong() -> None:
    matrix = ConfusionMatrix.of(((901, 99, 3), (30, 970, 0), (0, 0, 17)))
    state = recorded_state([(0.5, 0.5)], ending=None, test=None)
    state.apply(evaluated(1, matrix))
    for look in (Look(), Look(dark=False)):
        strips = panel(entry(state), look).lines(80, 16)
        behind = [cell(strips, words).bgcolor for words in ("901", "17", "30", "3")]
        assert len(set(behind)) == 4
        assert behind[3] is None, "a third of a per cent is nothing to look at"


def test_without_colour_a_share_is_told_by_the_density_behind_it() -> None:
    lines = shown(panel(entry(begun(2, 3)), Look(colour=False)))
    assert lines[3:6] == [
        "plane      90█      4░      6░   90.00 %",
        "bird       27░    950█     23░   95.00 %",
        "fish        ·       1█      ·     0.00 %",
    ]
    assert "950#" in shown(panel(entry(begun(2, 3)), Look(colour=False, ascii=True)))[4]


def test_an_evaluation_that_does_not_fit_the_classes_is_left_out() -> None:
    state = begun(0, 2)
    for damaged in ((), ((1,),), ((1, 2), (3, 4))):
        state.apply(evaluated(2, ConfusionMatrix.of(damaged)))
    assert len(evaluations(state)) == 1
    assert evaluations(None) == evaluations(RunState()) == []


async def test_keys_move_the_cursor_while_it_has_the_focus_and_its_cell_shows_that() -> None:
    async with screen(entry(begun(0, 2))) as (made, pilot):
        await pilot.press("right")
        assert "'bird' images recognised" in made.render_line(1).text
        assert cell([made.render_line(4)], "950").reverse
        await pilot.press("up")
        made.toggle_percent()
        assert "% of rows" in made.render_line(0).text
        assert "'plane' images predicted as 'bird'" in made.render_line(1).text
        made.blur()
        await pilot.pause()
        assert not cell([made.render_line(3)], "4.0").reverse
        assert cell([made.render_line(3)], "4.0").underline


async def test_a_click_puts_the_cursor_on_a_cell() -> None:
    async with screen(entry(begun(0, 2))) as (made, pilot):
        await pilot.click(made, offset=(27, 3))
        assert "'plane' images predicted as 'fish'" in made.render_line(1).text
        await pilot.click(made, offset=(79, 15))
        assert "'plane' images predicted as 'fish'" in made.render_line(1).text
        made.styles.padding = (0, 1)
        await pilot.pause()
        frame = made._frame
        assert frame is not None
        await pilot.click(made, offset=(1 + frame.label + 2 * frame.cell - 1, 3))
        assert "'plane' images predicted as 'bird'" in made.render_line(1).text
    async with screen(entry(begun(0, 2)), height=30) as (made, pilot):
        # On the second class's last line of three.
        await pilot.click(made, offset=(12, 3 + 3 + 2))
        assert "'bird' images predicted as 'plane'" in made.render_line(1).text


async def test_a_new_epoch_writes_only_the_cells_that_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    state = begun(0, 2)
    async with screen(entry(state)) as (made, _):
        written: list[int] = []
        monkeypatch.setattr(made, "refresh", lambda *regions: written.extend(region.area for region in regions))
        made.show(Context(made.entry, look=LOOK))
        assert written == []
        state.apply(evaluated(2))
        made.show(Context(made.entry, look=LOOK))
        assert 0 < sum(written) < 60


@pytest.mark.parametrize(
    ("names", "width", "heads"),
    [
        (["cat", "dog", "airplane"], 4, ["cat", "dog", "airp"]),
        ([f"class{n:03}_a" for n in range(300)], 4, [f"{n:03}_" for n in range(300)]),
        ([*(f"class{n:03}_a" for n in range(300)), "猫"], 4, [*(f"{n:03}_" for n in range(300)), "猫"]),
        (["a very long name 1", "a very long name 2"], 5, ["a…e 1", "a…e 2"]),
        (["big red", "big", "big red one"], 3, ["…ed", "big", "…ne"]),
        (["猫の種類甲", "猫の種類乙"], 2, ["猫", "猫"]),
    ],
)
def test_columns_are_told_apart_by_what_their_names_differ_in(names: list[str], width: int, heads: list[str]) -> None:
    assert _heads(tuple(names), width) == heads
