"""The private parts of Textual that the dashboard depends on, all of them, each with the public way that is missing.

`tests/tui/test_textual_compat.py` fails when a release of Textual changes one; `pyproject.toml` bounds its version.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import Any, TextIO

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from textual import events
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Offset, Size
from textual.screen import Screen

from cifar_tui.tui.terminal_cells import Piece, TerminalCells

KeyParser = XTermParser
"""Makes keys and mouse events of what the terminal sends. No public name: an answer of the terminal that Textual does
not know would be read as keys."""


def use_true_colour(console: Console) -> None:
    """Write 16 million colours from now on. Rich asks the environment once, and has no public way to say it later."""
    console._color_system = ColorSystem.TRUECOLOR


class TerminalApp(App[None]):
    """An app on a terminal that it is given, that handles its own errors."""

    leaving = False
    """Whether `exit` was called, which Textual does not say: until the app has ended, messages still come."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._cells = TerminalCells()
        self._cursor = Offset(-1, -1)
        self._waiting = False
        """Whether a picture waits for the line to take more."""

    @property
    def terminal(self) -> TextIOWrapper | None:
        """What `TerminalDriver` draws on; None for standard error."""
        return None

    def exit(self, *args: Any, **more: Any) -> None:
        """Leave the screen."""
        self.leaving = True
        super().exit(*args, **more)

    def write_sequence(self, sequence: str) -> None:
        """Send a control sequence to the terminal, behind what is drawn: of those, Textual has the bell alone."""
        if self._driver is not None:
            self._driver.write(sequence)

    def add_action_namespaces(self, *names: str) -> None:
        """Have bindings find actions such as `views.zoom` in what the app's attributes of these names are.

        Textual's own namespaces are the app, the screen and what has the focus; a binding can be given no others.
        """
        self._action_targets.update(names)

    def handle_exception(self, error: Exception) -> None:
        """Exit because of an error, without printing it.

        Textual's own hook is private, and what it prints after exit, a page with the locals of every frame, is kept in
        a private list.
        """
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def _handle_exception(self, error: Exception) -> None:
        self.handle_exception(error)

    def on_resize(self, event: events.Resize) -> None:
        """Draw everything again, or pass over a size that is the terminal's no more.

        The terminal may have lost what it showed, also where its size is what it was before: then it was another for a
        moment, or it is in use again after a suspension. Its first size comes before anything is drawn.
        """
        if isinstance(self._driver, TerminalDriver) and self._driver.has_other_size(event.size):
            event.prevent_default()
        elif self._size is not None:
            self.action_redraw()

    def action_redraw(self) -> None:
        """Draw everything again, whatever the terminal shows."""
        self._cells.forget()
        self.refresh()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write what differs from what the terminal shows.

        Textual has no hook between what it draws and the terminal, and writes all that it has drawn.
        """
        driver = self._driver
        is_drawn = self._running and not self._closed and not self._batch_count and not self.is_headless
        if driver is None or not is_drawn or not isinstance(renderable, ChopsUpdate | LayoutUpdate):
            super()._display(screen, renderable)
            return
        self._cells.put(_size(renderable), _pieces(renderable), self.console._color_system or ColorSystem.TRUECOLOR)
        self._waiting = isinstance(driver, TerminalDriver) and driver.is_busy
        if not self._waiting:
            self._write_changes(driver)
        self.post_display_hook()

    def line_is_free(self) -> None:
        """All that was written is on its way: now what is to be shown since.

        Over a slow line, what has been overtaken meanwhile is never sent.
        """
        if self._waiting and self._driver is not None and self._running and not self._closed and self._screen_stack:
            self._waiting = False
            self._write_changes(self._driver)

    def _write_changes(self, driver: Driver) -> None:
        changes = self._cells.changes()
        cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
        if changes or cursor != self._cursor:
            # Where it is, a terminal shows what is composed of several keys.
            self._cursor = cursor
            changes += f"\x1b[{cursor.y + 1};{cursor.x + 1}H"
            driver.write(f"{SYNC_START}{changes}{SYNC_END}" if self._sync_available else changes)
            driver.flush()


def _size(update: ChopsUpdate | LayoutUpdate) -> Size:
    """The screen's."""
    if isinstance(update, LayoutUpdate):
        return update.region.size
    return Size(update.chop_ends[0][-1], len(update.chops))


def _pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[Piece]:
    """What Textual would write."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips):
            x = 0
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, start, end in update.spans:
        for piece_end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=True):
            if piece is not None and x < end and piece_end > start:
                yield y, x, piece.crop(0, min(piece_end, end) - x)


class _Output:
    """The file that Textual's writing thread writes to; it counts, and calls back when all of it is written."""

    def __init__(self, file: TextIO, flushed: Callable[[], None]) -> None:
        self.texts = 0
        """How many have left this process."""
        self._file, self._flushed = file, flushed
        self._taken = 0

    def write(self, text: str) -> None:
        self._file.write(text)
        self._taken += 1

    def flush(self) -> None:
        self._file.flush()
        self.texts = self._taken
        self._flushed()

    def fileno(self) -> int:
        return self._file.fileno()


class TerminalDriver(LinuxDriver):
    """Draws on its app's `terminal`, and reads keys with a parser of its own.

    Textual draws on `sys.__stderr__`, takes the size of `sys.__stdout__`, names its parser within the loop that reads
    keys, and reports to nobody whether what it has queued is written; a driver can set none of them.
    """

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None):
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        file = (app.terminal if isinstance(app, TerminalApp) else None) or self._file
        assert file is not None
        self._output = _Output(file, self._notify_app)
        self._file = self._output  # type: ignore[assignment]
        self._written = 0

    @property
    def is_busy(self) -> bool:
        """Whether some of what was written has not left this process: the line takes no more."""
        return self._output.texts < self._written

    def write(self, data: str) -> None:
        """Queue this for the thread that writes."""
        super().write(data)
        self._written += 1

    def has_other_size(self, size: Size) -> bool:
        """Whether the terminal's size is known to be another one by now.

        Two signals that come at once may be handled in the wrong order: the handler of the second interrupts
        that of the first, which has read the size already. A terminal that reports its size itself may do so before the
        system knows it.
        """
        return not self._in_band_window_resize and size != self._get_terminal_size()

    def _notify_app(self) -> None:
        if isinstance(self._app, TerminalApp):
            with contextlib.suppress(RuntimeError):  # The loop has ended.
                self._loop.call_soon_threadsafe(self._app.line_is_free)

    def start_application_mode(self) -> None:
        """Begin to read and draw.

        SIGCONT starts it again, also where nothing was suspended: a terminal that hangs up sends one. Textual would
        start a second thread that reads, stop one of the two, and wait for the other when the process ends; and its
        `disable_input` throws away what is typed meanwhile.
        """
        if self._key_thread is not None and self._key_thread.is_alive():
            self.exit_event.set()
            self._key_thread.join()
            self.exit_event.clear()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def make_parser(self) -> KeyParser:
        """Make the parser of what is typed, each time the driver begins to read."""
        return KeyParser()

    def run_input_thread(self) -> None:
        """Read what is typed until the driver stops, as Textual does."""
        parser, decoder = self.make_parser(), getincrementaldecoder("utf-8")()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(0.1) and (typed := decoder.decode(os.read(self.fileno, 4096))):
                    for event in parser.feed(typed):
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)

    def _get_terminal_size(self) -> tuple[int, int]:
        assert self._file is not None
        try:
            size = os.get_terminal_size(self._file.fileno())
        except OSError:
            return super()._get_terminal_size()
        return shutil.get_terminal_size(size)
