"""Whether the terminal draws pixels where text stands for them, asked while the dashboard is on already.

The answer comes as if it were typed, whenever it comes, over a slow line seconds later, or never: nothing waits for it,
and it is taken out of what is typed before that is read as keys.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.drivers import linux_driver
from textual.message import Message

QUESTION = "\x1b[>0q"
"""XTVERSION: the terminal's name and version. tmux and screen answer for themselves, or not at all."""
ANSWER = re.compile(r"\x1bP>\|([^\x1b]*)\x1b\\")
BEGUN = re.compile(r"\x1bP>(\|[^\x1b]{0,200}\x1b?)?\Z")
"""The beginning of an answer; what is shorter may be a key."""
LEAST_KITTY = (0, 28)
"""The first version that knows placeholders. Konsole and WezTerm have Kitty's graphics, but not these."""


class TerminalNamed(Message):
    """The terminal has begun to be used, or is used again, and has this name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @property
    def draws_pixels(self) -> bool:
        """Whether it is known to draw images in the place of Kitty's placeholders."""
        if kitty := re.match(r"kitty\((\d+)\.(\d+)", self.name):
            return (int(kitty[1]), int(kitty[2])) >= LEAST_KITTY
        # Programs that are built with Ghostty's library have words behind its name, and do not draw them.
        return re.match(r"ghostty \d", self.name) is not None


class NameParser(XTermParser):
    """Textual's reader of keys, which would take the answer for keys that are typed."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._begun = ""
        self._named = False

    def feed(self, data: str) -> Iterable[Message]:
        """What `data` says, with the terminal's name where it is in it."""
        if self._named or not data:  # No data is the end of all.
            yield from super().feed(data)
            return
        data, self._begun = self._begun + data, ""
        if answer := ANSWER.search(data):
            self._named = True
            yield TerminalNamed(answer[1])
            data = data[: answer.start()] + data[answer.end() :]
        elif begun := BEGUN.search(data):
            data, self._begun = data[: begun.start()], begun[0]
        if data:
            yield from super().feed(data)


class AskingDriver(linux_driver.LinuxDriver):
    """Textual's, which asks the terminal its name each time it begins to read from it."""

    def run_input_thread(self) -> None:
        """Read what is typed, and the answer."""

        def parser(debug: bool) -> NameParser:
            # Here, so that nothing is asked unless the answer will be understood.
            self.write(QUESTION)
            return NameParser(debug)

        linux_driver.XTermParser = parser  # type: ignore[assignment,attr-defined]
        super().run_input_thread()


class KittyDriver(linux_driver.LinuxDriver):
    """Textual's, which takes the terminal for one that draws pixels."""

    def run_input_thread(self) -> None:
        """Read what is typed."""
        self.process_message(TerminalNamed("kitty({}.{})".format(*LEAST_KITTY)))
        super().run_input_thread()


def is_installed() -> bool:
    """Whether what draws pixels is there, without importing it."""
    return importlib.util.find_spec("textual_image") is not None


def driver(graphics: str, *, ascii_only: bool) -> type[Driver] | None:
    """What connects the dashboard to its terminal; None for Textual's own.

    Args:
        graphics: `auto`, `kitty` or `blocks`.
        ascii_only: Whether to draw in ASCII alone.
    """
    if graphics == "blocks" or ascii_only or "NO_COLOR" in os.environ or not is_installed():
        return None
    return KittyDriver if graphics == "kitty" else AskingDriver
