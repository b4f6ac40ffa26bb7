"""Control sequences that have a terminal ring its bell and show a notification on the desktop, also through SSH.

Each terminal has one of three: OSC 9 is iTerm2's, OSC 777 rxvt-unicode's, OSC 99 kitty's. Those that have none ignore
them, apart from the Linux console.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Literal

from cifar_tui.formatting import printable

Method = Literal["bell", "osc 9", "osc 777", "osc 99"]
BELL, ESCAPE, STRING_END = "\a", "\x1b", "\x1b\\"
LONGEST = 200
"""Characters of a text: GNU screen passes on no more than 768 bytes of a sequence."""
CHUNK = 512
"""Bytes of a text in one sequence of kitty's, whose limit is 2048."""
_BY_NAME: tuple[tuple[str, Method], ...] = (
    (r"xterm-kitty|kitty", "osc 99"),
    (r"iterm|ghostty|xterm-ghostty", "osc 9"),
    (r"foot|wezterm|warpterminal|contour|rxvt|vte|konsole|windows terminal", "osc 777"),
    (r"linux|dumb|apple_terminal|vscode", "bell"),
)
"""By how the names begin that terminals have for themselves."""


def method_of(environment: Mapping[str, str], name: str = "") -> Method:
    """How a terminal is notified.

    Args:
        environment: This process's. SSH passes on `TERM` and what iTerm2 sets, and little else.
        name: What the terminal answers when it is asked; empty where it has not been.
    """
    program = environment.get("TERM_PROGRAM", "")
    multiplexed = program in ("tmux", "screen") or "TMUX" in environment or "STY" in environment
    names = [name, *([] if program in ("tmux", "screen") else [program])]
    if not multiplexed:
        names.append(environment.get("TERM", ""))
    names.append(environment.get("LC_TERMINAL", ""))
    names += [
        found
        for variable, found in (
            ("KITTY_WINDOW_ID", "kitty"),
            ("WEZTERM_PANE", "wezterm"),
            ("GHOSTTY_RESOURCES_DIR", "ghostty"),
            ("VTE_VERSION", "vte"),
            ("KONSOLE_VERSION", "konsole"),
            ("WT_SESSION", "windows terminal"),
        )
        if environment.get(variable)
    ]
    for each in names:
        for pattern, method in _BY_NAME:
            if re.match(pattern, each, re.IGNORECASE):
                return method
    # The one that most of those know that say nothing of themselves through SSH; the others ignore it.
    return "osc 777"


def sequences(method: Method, title: str, body: str, environment: Mapping[str, str]) -> str:
    """What to write to the terminal: the bell, and a notification with plain text in it, through tmux and screen.

    In tmux, the notification needs `set -g allow-passthrough on`; the bell does not.
    """
    made = [_passed_through(each, environment) for each in _made(method, _plain(title), _plain(body))]
    return "".join([BELL, *made])


def _made(method: Method, title: str, body: str) -> list[str]:
    match method:
        case "osc 9":
            # A text that begins with a digit and a semicolon is a command of ConEmu's.
            return [f"{ESCAPE}]9;{title}: {body}{BELL}"]
        case "osc 777":
            return [f"{ESCAPE}]777;notify;{title.replace(';', ',')};{body.replace(';', ',')}{BELL}"]
        case "osc 99":
            # One with the number of an earlier one would take its place.
            number = zlib.crc32(f"{title}\n{body}".encode(errors="replace"))
            return [*_kitty(title, "title", number, last=not body), *_kitty(body, "body", number, last=True)]
        case "bell":
            return []


def _kitty(text: str, part: str, number: int, *, last: bool) -> list[str]:
    content = text.encode(errors="replace")
    chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
    return [
        f"{ESCAPE}]99;i=cifar-tui-{number}:d={int(last and at == len(chunks))}:p={part}:e=1;"
        f"{base64.b64encode(chunk).decode()}{STRING_END}"
        for at, chunk in enumerate(chunks, 1)
    ]


def _plain(text: str) -> str:
    """Text without anything that acts on a terminal; C1 controls are escaped too."""
    return printable(text)[:LONGEST]


def _passed_through(sequence: str, environment: Mapping[str, str]) -> str:
    if "TMUX" in environment or environment.get("TERM_PROGRAM") == "tmux":
        doubled = sequence.replace(ESCAPE, ESCAPE * 2)
        return f"{ESCAPE}Ptmux;{doubled}{STRING_END}"
    if "STY" in environment:
        # The end of a string within it would be taken for screen's own.
        return f"{ESCAPE}P{sequence.replace(STRING_END, BELL)}{STRING_END}"
    return sequence
