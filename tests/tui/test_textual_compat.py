"""What the dashboard takes of Textual's insides is what it was, on a terminal of its own."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from cifar_tui.tui.textual_compat import KeyParser, TerminalApp
from tests.support.command import eventually
from tests.support.terminal import Terminal

SCRIPT = """
import os, sys, threading
from textual import events
from textual.geometry import Size
from textual.widgets import Label
from cifar_tui.tui.textual_compat import TerminalApp, TerminalDriver

class Demo(TerminalApp):
    terminal = os.fdopen(os.dup(1), "w")

    def compose(self):
        yield Label("drawn")

    def on_key(self, event: events.Key) -> None:
        if event.key == "!" or event.character == "!":
            raise ValueError("a page of locals")
        if event.key == "o":
            self.post_message(events.Resize(Size(20, 5), Size(20, 5)))
        reading = sum(thread.name == "textual-input" for thread in threading.enumerate())
        self.query_one(Label).update(f"{event.key} in {self.size.width} columns, {reading} reading")

    def on_resize(self, event: events.Resize) -> None:
        self.query_one(Label).update(f"{event.size.width} by {event.size.height}")

    def handle_exception(self, error):
        self.failure = error
        super().handle_exception(error)

app = Demo(driver_class=TerminalDriver)
app.failure = None
read, write = os.pipe()
os.dup2(write, 1), os.dup2(write, 2)
app.run()
app.terminal.write(f"ended by {app.failure!r}, {app.return_code}\\r\\n")
app.terminal.flush()
os.set_blocking(read, False)
try:
    stray = os.read(read, 100)
except BlockingIOError:
    stray = b""
app.terminal.write(f"stray: {stray!r}\\r\\n")
app.terminal.flush()
"""


def test_an_app_draws_on_its_own_terminal_whatever_the_standard_streams_are() -> None:
    with Terminal([sys.executable, "-c", SCRIPT], rows=20, columns=70) as terminal:
        terminal.wait_for("70 by 20")
        terminal.press("x")
        terminal.wait_for("x in 70 columns")
        terminal.press("up")
        terminal.wait_for("up in 70 columns")
        terminal.press("escape")
        terminal.wait_for("escape in 70 columns")
        terminal.resize(90, 22)
        terminal.wait_for("90 by 22")
        # A size that comes too late.
        terminal.press("o")
        terminal.wait_for("20 by 5")
        terminal.press("x")
        terminal.wait_for("x in 90 columns")
        terminal.press("!")
        terminal.wait_for("ended by ValueError('a page of locals'), 1")
        terminal.wait_for("stray: b''")
        assert terminal.wait_exit() == 0
        assert "Traceback" not in terminal.text()
        assert terminal.restored, terminal.unrestored


PICTURES = """
import os
from textual.widgets import Label
from cifar_tui.tui.textual_compat import TerminalApp, TerminalDriver

class Demo(TerminalApp):
    terminal = os.fdopen(os.dup(1), "w")
    shown = 0

    def compose(self):
        yield Label("drawn")

    def on_key(self):
        self.set_interval(0.01, self.draw)

    def draw(self):
        self.shown += 1
        if self.shown <= 100:
            self.query_one(Label).update("\\n".join(f"{self.shown}. picture {self.shown} " * 3 for _ in range(15)))
        else:
            open("drawn", "w").close()

Demo(driver_class=TerminalDriver).run()
"""


def test_pictures_that_are_overtaken_on_a_slow_line_are_not_sent(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", PICTURES], rows=20, columns=70, cwd=tmp_path) as terminal:
        terminal.wait_for("drawn")
        terminal.held = True
        terminal.press("x")
        eventually((tmp_path / "drawn").exists)
        before = terminal.written()
        terminal.held = False
        terminal.wait_for("100. picture 100")
        assert terminal.written() - before < 20_000


def test_one_thread_reads_keys_however_often_the_process_is_continued() -> None:
    with Terminal([sys.executable, "-c", SCRIPT], rows=20, columns=70) as terminal:
        terminal.wait_for("70 by 20")
        for key in ("x", "y"):
            terminal.signal(signal.SIGCONT)
            terminal.press(key)
            terminal.wait_for(f"{key} in 70 columns, 1 reading")
        terminal.press("!")
        assert terminal.wait_exit() == 0


SLOW = SCRIPT.replace(
    "app = Demo(driver_class=TerminalDriver)",
    """
import select

class SlowDriver(TerminalDriver):
    def run_input_thread(self):
        super().run_input_thread()
        if not os.path.exists("stopped"):
            open("stopped", "w").close()
            select.select([self.fileno], [], [], 60)

app = Demo(driver_class=SlowDriver)
""",
)


def test_a_key_pressed_while_the_process_is_continued_is_read(tmp_path: Path) -> None:
    with Terminal([sys.executable, "-c", SLOW], rows=20, columns=70, cwd=tmp_path) as terminal:
        terminal.wait_for("70 by 20")
        terminal.signal(signal.SIGCONT)
        eventually((tmp_path / "stopped").exists)
        terminal.press("x")
        terminal.wait_for("x in 70 columns, 1 reading")
        terminal.press("!")
        assert terminal.wait_exit() == 0


def test_the_parser_makes_keys_of_what_is_typed_and_of_what_stays_unfinished() -> None:
    parser = KeyParser()
    assert [event.key for event in parser.feed("a\x1b[A") if isinstance(event, events.Key)] == ["a", "up"]
    assert list(parser.feed("\x1b")) == []
    ticks: list[str] = []
    while not ticks:
        ticks = [event.key for event in parser.tick() if isinstance(event, events.Key)]
    assert ticks == ["escape"]


class Part(DOMNode):
    """Has actions, and is no widget."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[int] = []

    def action_add(self, number: int) -> None:
        self.done.append(number)


class PartedApp(TerminalApp):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "part.add(1)")]

    def __init__(self) -> None:
        super().__init__()
        self.part = Part()
        self.add_action_namespaces("part")


async def test_a_binding_finds_its_action_in_a_part_of_the_app() -> None:
    app = PartedApp()
    async with app.run_test() as pilot:
        await pilot.press("x")
        assert app.part.done == [1]
        assert "x" in app.screen.active_bindings
        assert not app.leaving
        app.exit()
        assert app.leaving
