"""The private parts of Textual that the dashboard depends on, all of them, each with the public way that is missing.

`tests/tui/test_textual_compat.py` fails when a release of Textual changes one; `pyproject.toml` bounds its version.
"""

from __future__ import annotations

import os
import selectors
import shutil
from codecs import getincrementaldecoder
from io import TextIOWrapper
from typing import Any

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

KeyParser = XTermParser
"""Makes keys and mouse events of what the terminal sends. No public name: an answer of the terminal that Textual does
not know would be read as keys."""


class TerminalApp(App[None]):
    """An app on a terminal that it is given, that handles its own errors."""

    leaving = False
    """Whether `exit` was called, which Textual does not say: until the app has ended, messages still come."""

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


class TerminalDriver(LinuxDriver):
    """Draws on its app's `terminal`, and reads keys with a parser of its own.

    Textual draws on `sys.__stderr__`, takes the size of `sys.__stdout__` and names its parser within the loop that
    reads keys; a driver is told none of them.
    """

    def __init__(self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None):
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        if isinstance(app, TerminalApp) and app.terminal is not None:
            self._file = app.terminal

    def start_application_mode(self) -> None:
        """Begin to read and draw.

        SIGCONT starts it again, also where nothing was suspended: a terminal that hangs up sends one. Textual would
        start a second thread that reads, stop one of the two, and wait for the other when the process ends.
        """
        if self._key_thread is not None and self._key_thread.is_alive():
            self.disable_input()
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
