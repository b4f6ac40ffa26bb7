"""What the terminal can draw, by its name: pixels, 16 million colours. It is queried while the dashboard is running.

The reply arrives on standard input among what is typed, over a slow line seconds later, or never: nothing waits for it,
and it is removed before the rest is parsed as keys.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterable

from textual.message import Message

from cifar_tui.tui.textual_compat import KeyParser, TerminalDriver

QUERY = "\x1b[>0q"
"""XTVERSION: the terminal's name and version. tmux and screen reply for themselves, or not at all."""
REPLY = re.compile(r"\x1bP>\|([^\x1b]*)\x1b\\")
PARTIAL_REPLY = re.compile(r"\x1bP>(\|[^\x1b]{0,200}\x1b?)?\Z")
"""The beginning of a reply; what is shorter may be a key."""
KITTY_WITH_PLACEHOLDERS = (0, 28)
"""The first version with Unicode placeholders. Konsole and WezTerm have Kitty's graphics, but not these."""


class TerminalIdentified(Message):
    """The terminal is in use, for the first time or again, and has this name.

    Attributes:
        name: With its version.
        write: Writes to the terminal.
    """

    def __init__(self, name: str, write: Callable[[str], None]) -> None:
        super().__init__()
        self.name = name
        self.write = write

    @property
    def has_true_colour(self) -> bool:
        """Whether it is known to understand 16 million colours, which the environment need not say over SSH."""
        return TRUE_COLOUR.match(self.name) is not None

    @property
    def draws_pixels(self) -> bool:
        """Whether it is known to draw images in the place of Kitty's placeholders, and textual-image is there."""
        if not is_installed():
            return False
        if kitty := re.match(r"kitty\((\d+)\.(\d+)", self.name):
            return (int(kitty[1]), int(kitty[2])) >= KITTY_WITH_PLACEHOLDERS
        # Programs that are built with Ghostty's library have words behind its name, and do not draw them.
        return re.match(r"ghostty \d", self.name) is not None


TRUE_COLOUR = re.compile(r"(kitty|ghostty|WezTerm|foot|iTerm2|Konsole|VTE|contour|mintty|tmux|XTerm)\b")
"""Terminals that understand 16 million colours, by the beginning of their names. tmux translates for the terminal that
it is in, and XTerm, where it was built with fewer, by itself."""


class ReplyParser(KeyParser):
    """Textual's parser of keys, which would read the reply as keys that are typed."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write
        self._partial = ""
        self._identified = False

    def feed(self, data: str) -> Iterable[Message]:
        """Parse `data`, with the terminal's reply where it is in it."""
        if self._identified or not data:  # No data is the end of all.
            yield from super().feed(data)
            return
        data, self._partial = self._partial + data, ""
        if reply := REPLY.search(data):
            self._identified = True
            yield TerminalIdentified(reply[1], self._write)
            data = data[: reply.start()] + data[reply.end() :]
        elif partial := PARTIAL_REPLY.search(data):
            data, self._partial = data[: partial.start()], partial[0]
        if data:
            yield from super().feed(data)


class QueryingDriver(TerminalDriver):
    """Queries the terminal's name each time it begins to read from it."""

    def make_parser(self) -> KeyParser:
        """Send the query, now that its reply will be understood."""
        self.write(QUERY)
        return ReplyParser(self.write)


class KittyDriver(TerminalDriver):
    """Assumes that the terminal draws pixels."""

    def make_parser(self) -> KeyParser:
        """Report the terminal as kitty."""
        self.process_message(TerminalIdentified("kitty({}.{})".format(*KITTY_WITH_PLACEHOLDERS), self.write))
        return super().make_parser()


def is_installed() -> bool:
    """Whether textual-image is installed, without importing it."""
    return importlib.util.find_spec("textual_image") is not None


def driver_class(graphics: str, *, ascii_only: bool) -> type[TerminalDriver]:
    """What connects the dashboard to its terminal.

    Args:
        graphics: `auto`, `kitty` or `blocks`.
        ascii_only: Whether to draw in ASCII alone.
    """
    if graphics == "blocks" or ascii_only or "NO_COLOR" in os.environ:
        return TerminalDriver
    return KittyDriver if graphics == "kitty" else QueryingDriver
