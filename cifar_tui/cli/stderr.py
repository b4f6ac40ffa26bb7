"""Messages of the command line on standard error."""

from __future__ import annotations

import contextlib
import sys

from cifar_tui.formatting import printable

LONGEST_LINE = 4000


def print_message(message: str) -> None:
    """Print one line, cut where it quotes something that is far too long."""
    shown = message if len(message) <= LONGEST_LINE else f"{message[:LONGEST_LINE]}… ({len(message)} characters)"
    with contextlib.suppress(OSError):
        print(f"cifar-tui: {printable(shown)}", file=sys.stderr)
