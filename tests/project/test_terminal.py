"""The terminal that other tests look through shows what a person's terminal would show."""

import signal
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.terminal import Terminal

IN_RAW_MODE = "import sys, termios, tty; tty.setraw(0); print('ready', flush=True); "
ECHO_KEYS = IN_RAW_MODE + "print(ascii(b''.join(iter(lambda: sys.stdin.buffer.raw.read(1), b'\\r'))), flush=True)"
SAY_SIZES = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
print(os.get_terminal_size(), flush=True)
signal.sigwait([signal.SIGWINCH])
print(os.get_terminal_size(), flush=True)
"""


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def test_the_alternate_screen_covers_the_main_one_and_uncovers_it() -> None:
    with Terminal(
        shell(r"echo before; printf '\033[?1049hcovered'; read x; printf '\033[?1049l'; echo after")
    ) as terminal:
        terminal.wait_for("covered")
        assert "before" not in terminal.text()
        assert terminal.unrestored == ["the alternate screen"]
        terminal.press("enter")
        assert terminal.wait_exit() == 0
        assert terminal.text().split() == ["before", "after"]
        assert terminal.restored


@pytest.mark.parametrize("pause", ["", "sleep 0.02; "])
def test_messages_to_the_terminal_are_not_shown_even_in_pieces(pause: str) -> None:
    pieces = [r"a\033[>1", r"u\033[?202", r"6$p\033[<", r"u\033P+q544e\033", r"\134\033[>4;1", r"mb"]
    script = "; ".join(f"{pause}printf '{piece}'" for piece in pieces)
    with Terminal(shell(script)) as terminal:
        assert terminal.wait_exit() == 0
        assert terminal.text().strip() == "ab"
        assert not terminal.screen.buffer[0][1].underscore
        assert terminal.restored


def test_what_a_killed_program_leaves_behind_is_named() -> None:
    script = r"stty -echo; printf '\033[?1049h\033[?25l\033[?1003h\033[>1ushown'; kill -9 $$"
    with Terminal(shell(script)) as terminal:
        assert terminal.wait_exit() == -signal.SIGKILL
        assert terminal.unrestored == [
            "a hidden cursor",
            "a keyboard protocol",
            "terminal attributes",
            "the alternate screen",
            "the mouse",
        ]
        assert not terminal.restored


def test_keys_arrive_as_a_terminal_sends_them() -> None:
    with Terminal([sys.executable, "-c", ECHO_KEYS]) as terminal:
        terminal.wait_for("ready")
        terminal.press("up", "s", "space", "ctrl+c", "enter")
        terminal.wait_for(r"b'\x1b[As \x03'")


def test_a_program_learns_its_terminals_size_and_that_it_changed() -> None:
    with Terminal([sys.executable, "-c", SAY_SIZES], columns=80, rows=24) as terminal:
        terminal.wait_for("columns=80, lines=24")
        terminal.resize(60, 15)
        terminal.wait_for("columns=60, lines=15")
        assert "columns=80" in terminal.text(), "what fits stays"
        assert (terminal.screen.columns, terminal.screen.lines) == (60, 15)


def test_waiting_in_vain_shows_the_screen() -> None:
    with Terminal(shell("echo shown; read x")) as terminal:
        terminal.wait_for("shown")
        with pytest.raises(AssertionError, match=r"(?s)not within 0.1 s: 'else'.*shown"):
            terminal.wait_for("else", 0.1)
        with pytest.raises(AssertionError, match=r"(?s)still running.*shown"):
            terminal.wait_exit(0.1)
        terminal.press("enter")
        with pytest.raises(AssertionError, match="the command ended before: 'else'"):
            terminal.wait_for("else")


def test_a_program_is_ended_with_its_terminal() -> None:
    with Terminal(shell("trap 'exit 5' HUP; echo ready; while :; do sleep 0.01; done")) as terminal:
        terminal.wait_for("ready")
        terminal.hang_up()
        assert terminal.process.wait(5) == 5
    with Terminal(shell("sleep 60")) as terminal:
        pass
    assert terminal.process.returncode == -signal.SIGTERM


def test_a_picture_shows_colours_and_reversed_cells(tmp_path: Path) -> None:
    with Terminal(
        shell(r"printf '\033[38;2;255;0;0m\342\226\210\033[0;7m \033[0m'; read x"), columns=4, rows=1
    ) as terminal:
        terminal.wait_for("█")
        terminal.screenshot(tmp_path / "screen.png", dark=False)
    with Image.open(tmp_path / "screen.png") as image:
        first, second, third = (image.getpixel((x, 9)) for x in (4, 13, 33))
    assert first == (255, 0, 0)
    assert second == (0x24, 0x27, 0x2C)
    assert third == (255, 255, 255)
