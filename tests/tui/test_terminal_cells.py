"""What is written to the terminal leaves the same picture there as if all of it were drawn anew, and is little."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pyte
import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.terminal_cells import TerminalCells
from tests.support.dashboard import DashboardPilot, FakeWorkspace, digits, recorded_folder, workspace_of
from tests.support.recorded import batch
from tests.support.screens.terminal_driver import ScreenDriver, SeenTerminal
from tests.support.terminal import Screen

STEPS = int(os.environ.get("CIFAR_TUI_RANDOM_KEYS", "3"))
SEED = int(os.environ.get("CIFAR_TUI_RANDOM_SEED", "0"))
KEYS = (*"1234566yn?xlt/+-zv", "up", "down", "tab", "enter", "escape", "escape", "space", "ctrl+p", "a", "é", "猫")
SIZES = ((120, 40), (80, 24), (60, 15), (59, 14), (100, 30), (3, 2))


@asynccontextmanager
async def seen(
    runs_dir: Path, *, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[DashboardPilot, SeenTerminal]]:
    """A dashboard on a terminal that is looked at."""
    workspace = FakeWorkspace(runs_dir)
    app = Dashboard(runs_dir, digits("cnn", "mlp", data="/data/猫と犬"), workspace_of(workspace))
    app.driver_class = ScreenDriver
    async with app.run_test(headless=False, size=size) as pilot:
        desk = DashboardPilot(app, pilot, workspace)
        await desk.until(lambda: app.main.views is not None)
        yield desk, SeenTerminal(app)


async def check(terminal: SeenTerminal, when: str = "") -> None:
    """See that the terminal shows what it is to show, as soon as nothing is about to be drawn."""
    for _ in range(100):
        terminal.read()
        differ = list(terminal.differences())
        if not differ:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{when}: {differ[:5]}")


async def test_random_keys_and_sizes_leave_the_picture_that_textual_would_draw(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old")
    drawn = random.Random(SEED)
    async with seen(tmp_path) as (desk, terminal):
        await desk.press("s")
        run = await desk.run()
        run.learn(1)
        for number in range(1, STEPS + 1):
            for _ in range(drawn.randint(1, 3)):
                await desk.press(drawn.choice(KEYS))
            if drawn.random() < 0.3:
                run.tell(batch(2, number))
            if drawn.random() < 0.3:
                desk.app.status_log.write(drawn.choice(("猫 は 犬", "e\u0301 猫", "as before")))
            if drawn.random() < 0.2:
                await desk.pilot.resize_terminal(*drawn.choice(SIZES))
            await desk.pilot.pause()
            await check(terminal, f"after step {number} of seed {SEED}")
        await desk.pilot.resize_terminal(120, 40)


async def test_a_terminal_that_lost_its_picture_gets_the_whole_of_it_again(tmp_path: Path) -> None:
    async with seen(tmp_path) as (desk, terminal):
        await desk.pilot.pause()
        terminal.read()
        terminal.garble()
        # It was larger for a moment, of which only the end was noticed; the same comes after a suspension.
        await desk.pilot.resize_terminal(120, 40)
        await desk.pilot.pause()
        await check(terminal)
        terminal.garble()
        await desk.press("ctrl+l")
        await desk.pilot.pause()
        await check(terminal)


async def test_what_looks_the_same_is_not_written(tmp_path: Path) -> None:
    async with seen(tmp_path) as (desk, terminal):
        await desk.pilot.pause()
        assert 5_000 < terminal.read() < 15_000
        desk.app.screen.refresh(layout=True)
        await desk.pilot.pause()
        assert terminal.read() == 0


def strip(*parts: tuple[str, str]) -> Strip:
    return Strip([Segment(text, Style.parse(style)) for text, style in parts])


def written(*pictures: Strip, colors: ColorSystem = ColorSystem.TRUECOLOR) -> list[str]:
    """What is written for pictures of one line, one after the other."""
    cells = TerminalCells()

    def change(picture: Strip) -> str:
        cells.put(Size(12, 1), [(0, 0, picture)], colors)
        return cells.changes()

    return [change(picture) for picture in pictures]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (strip(("loss 0.1234 ", "red")), strip(("loss 0.1334 ", "red")), "\x1b[1;9H\x1b[31m3\x1b[m"),
        (strip(("a b", "red"), (" " * 9, "bold")), strip(("a b", "red"), (" " * 9, "blue")), ""),
        (strip(("ab", "bold red")), strip(("ab", "red")), "\x1b[1H\x1b[31mab\x1b[m"),
        (strip(("a1234567b", "")), strip(("x1234567y", "")), "\x1b[1Hx\x1b[7Cy"),
        (strip(("a12b", "")), strip(("x12y", "")), "\x1b[1Hx12y"),
        (
            strip(("a", "red"), ("-", "blue"), ("b", "red")),
            strip(("x", "red"), ("-", "blue"), ("y", "red")),
            "\x1b[1H\x1b[31mx\x1b[Cy\x1b[m",
        ),
    ],
)
def test_only_what_differs_is_written(before: Strip, after: Strip, expected: str) -> None:
    assert written(before, after)[1] == expected


def test_characters_of_one_colour_are_written_together() -> None:
    (first,) = written(strip(("ab", "red"), (" ", "blue"), ("cd", "red"), ("e", "green"), ("f", "red")))
    assert first == "\x1b[1H\x1b[31mab cd\x1b[Cf\x1b[1;6H\x1b[32me\x1b[m"


def test_plain_characters_beside_those_of_an_ink_stay_plain() -> None:
    (first,) = written(strip(("ab", "bold"), (" ", ""), ("cd", "")))
    assert first == "\x1b[1;4Hcd\x1b[1H\x1b[1mab \x1b[m"
    (first,) = written(strip(("cd", ""), ("ab", "bold")))
    assert first == "\x1b[1Hcd\x1b[1mab\x1b[m"


def test_a_line_with_characters_of_disputed_width_is_written_as_a_whole() -> None:
    """Wherever a terminal thinks that they end, what follows stands in its place."""
    family = "\U0001f469\u200d\U0001f467"
    _, *changes = written(
        strip((f"a{family}bc", "")), strip((f"a{family}bd", "")), strip((f"a{family}bd", "")), strip(("a猫bd", ""))
    )
    assert changes == [f"\x1b[1Ha{family}\x1b[1;4Hbd", "", "\x1b[1Ha猫\x1b[1;4Hbd"]


@pytest.mark.parametrize(("colors", "sequence"), [(ColorSystem.EIGHT_BIT, "38;5;67"), (ColorSystem.STANDARD, "37")])
def test_colours_are_those_of_the_terminal(colors: ColorSystem, sequence: str) -> None:
    (first,) = written(strip(("x", "#5f87af")), colors=colors)
    assert first == f"\x1b[1H\x1b[{sequence}mx\x1b[m"


def test_any_pictures_one_after_another_are_what_each_is_alone() -> None:
    drawn, size = random.Random(SEED), Size(12, 3)
    texts, styles = ("a", "loss", "  ", " ", "猫", "é", "e\u0301", "━"), ("", "red", "bold", "reverse", "on blue")

    def line() -> Strip:
        made = strip(*((drawn.choice(texts), drawn.choice(styles)) for _ in range(drawn.randint(1, 6))))
        return made.adjust_cell_length(size.width)

    def shown(screen: Screen) -> list[object]:
        cells = (screen.buffer[y][x] for y in range(size.height) for x in range(size.width))
        return [(c.data, c.bg, c.reverse, None if c.data == " " else (c.fg, c.bold)) for c in cells]

    def feed(screen: Screen, cells: TerminalCells, changed: dict[int, Strip]) -> None:
        cells.put(size, [(y, 0, row) for y, row in changed.items()], ColorSystem.TRUECOLOR)
        pyte.Stream(screen).feed(cells.changes())

    picture = {y: line() for y in range(size.height)}
    kept, cells = Screen(*size), TerminalCells()
    feed(kept, cells, picture)
    for number in range(200):
        changed = {y: line() for y in drawn.sample(range(size.height), drawn.randint(1, size.height))}
        picture |= changed
        feed(kept, cells, changed)
        alone = Screen(*size)
        feed(alone, TerminalCells(), picture)
        assert shown(kept) == shown(alone), f"after picture {number} of seed {SEED}"
