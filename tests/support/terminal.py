"""A program in a real pseudo-terminal, and what a person would see of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import pyte
from wcwidth import wcwidth

from tests.support.fork_server import ForkedProcess, can_fork
from tests.support.terminal_images import screenshot

ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
NOT_INHERITED = (
    *("NO_COLOR", "FORCE_COLOR", "COLORFGBG", "COLUMNS", "LINES", "LC_ALL"),
    *("TERM_PROGRAM", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY"),
)
"""They speak of the terminal in which the tests run, if there is one."""
ESCAPE_SECONDS = 0.15
"""A key that follows the escape key sooner would be taken for the rest of a sequence."""
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "delete": "\x1b[3~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    **{
        f"ctrl+{name}": f"\x1b[1;5{letter}"
        for name, letter in zip(("up", "down", "right", "left"), "ABCD", strict=True)
    },
    **{f"ctrl+{letter}": chr(ord(letter) & 0x1F) for letter in "abcdefghijklmnopqrstuvwxyz"},
}
"""What a terminal sends for the keys that are no characters."""
MODES = {
    1049: "the alternate screen",
    **dict.fromkeys((1000, 1002, 1003, 1005, 1006, 1015, 1016), "the mouse"),
    1004: "focus reports",
    2004: "bracketed paste",
    2048: "size reports",
}
"""Private modes that are off in a terminal in which nothing runs."""

_STRANGE = re.compile(rb"\x1b\[[<=>][0-?]*[ -/]*[@-~]|\x1b\[\?[0-?]*[ -/]*[mu]|\x1b[P_^X][^\x1b]*\x1b\\")
"""What pyte would print, or take for something else: keyboard protocols, messages to the terminal."""
_UNFINISHED = re.compile(rb"\x1b(\[[0-?]*[ -/]*|[P_^X][^\x1b]*\x1b?)?$")
_END = b"\0"
"""Written after what the command wrote, to see when that has been read: no terminal shows it, no command writes it."""
_KEYBOARD = re.compile(rb"\x1b\[([<>])[0-9;]*u")


class Screen(pyte.Screen):
    """pyte's screen, with the alternate screen that it lacks."""

    main: tuple[dict[int, Any], Any] | None = None
    """The lines and the cursor of the main screen while the alternate one is shown."""

    def draw(self, data: str) -> None:
        """Besides what pyte does: keep signs without width that are no marks by their class; it would stop at them."""
        begun = 0
        for at, character in enumerate(data):
            if not character.isascii() and not unicodedata.combining(character) and wcwidth(character) == 0:
                super().draw(data[begun:at])
                begun = at + 1
                x = max(0, self.cursor.x - 1)
                line = self.buffer[self.cursor.y]
                x -= line[x].data == "" and x > 0
                line[x] = line[x]._replace(data=line[x].data + character)
        super().draw(data[begun:])

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        """Besides what pyte does: go to the alternate screen."""
        super().set_mode(*modes, **kwargs)
        if kwargs.get("private") and 1049 in modes and self.main is None:
            self.main = (dict(self.buffer), self.cursor)
            self._show({}, pyte.screens.Cursor(0, 0))

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        """Besides what pyte does: go back to the main screen."""
        super().reset_mode(*modes, **kwargs)
        if kwargs.get("private") and 1049 in modes and self.main is not None:
            self._show(*self.main)
            self.main = None

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Lines go at the bottom, below the cursor, before they go at the top: the other way round than with pyte."""
        if lines is not None and lines < self.lines:
            above = max(0, self.cursor.y + 1 - lines)
            kept = {y - above: line for y, line in self.buffer.items() if 0 <= y - above < lines}
            self.cursor.y -= above
            self.lines = lines
            self._show(kept, self.cursor)
        super().resize(lines, columns)
        self.dirty.update(range(self.lines))

    def has(self, mode: int) -> bool:
        """Whether this private mode is set."""
        return mode << 5 in self.mode

    def _show(self, lines: dict[int, Any], cursor: Any) -> None:
        self.buffer.clear()
        self.buffer.update(lines)
        self.cursor = cursor
        self.dirty.update(range(self.lines))
        self.ensure_vbounds()
        self.ensure_hbounds()


class Terminal:
    """A command in a pseudo-terminal of its own.

    A thread takes what the command writes, so that the command never waits. The screen is drawn from it only when it
    is looked at, because that takes far more of the processor than the writing does.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 40,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        answers: Mapping[bytes, bytes] | None = None,
        fresh: bool = False,
    ) -> None:
        """Start it.

        Args:
            command: Its words.
            columns: The terminal's.
            rows: Its lines.
            cwd: The command's folder.
            env: More of its environment.
            answers: What the terminal answers to what the command writes.
            fresh: Whether a process that the fork server starts will not do, where there is one.
        """
        self._answers = answers or {}
        self._heard = b""
        self.chunks: list[tuple[float, bytes]] = []
        """What the command wrote, and when, by `time.perf_counter`."""
        self.held = False
        """Whether nothing more of what it writes is taken, as by a line that has broken down."""
        self._screen = Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._lines = [""] * rows
        self._drawn = 0
        self._unfinished = b""
        self._sizes: list[tuple[int, int, int]] = []
        self._keyboard = 0
        self._escaped = 0.0
        self._arrived = threading.Condition()
        self._ending, self._ended = threading.Event(), threading.Event()
        self._master, self._slave = pty.openpty()
        self._set_size(columns, rows)
        self._attributes = termios.tcgetattr(self._slave)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        environment = inherited | ENVIRONMENT | dict(env or {})
        self.started = time.perf_counter()
        if not fresh and can_fork(command, environment):
            self.process: subprocess.Popen[Any] = ForkedProcess(
                command,
                cwd=cwd,
                env=environment,
                stdin=self._slave,
                stdout=self._slave,
                stderr=self._slave,
                start_new_session=True,
            )
            return
        # The leader of a session gets the first terminal that it opens as its controlling one. A shell opens it,
        # because no code of ours may run between fork and exec in a process with threads.
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(self._slave), *command],
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the command where it still runs, and give the terminal back."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Take the terminal away, as a connection that breaks does."""
        self._ending.set()
        self._reader.join()
        for descriptor in {self._master, self._slave} - {-1}:
            os.close(descriptor)
        self._master = self._slave = -1

    def press(self, *keys: str) -> None:
        """Press keys: names of `KEYS`, or single characters.

        Raises:
            AssertionError: The command takes no keys.
        """
        for key in keys:
            assert key in KEYS or len(key) == 1, f"no key {key!r}"
            time.sleep(max(0.0, self._escaped + ESCAPE_SECONDS - time.perf_counter()))
            assert select.select([], [self._master], [], 10)[1], f"no keys are taken\n{self.text()}"
            self.send(KEYS.get(key, key))
            self._escaped = time.perf_counter() if key == "escape" else 0.0

    def click(self, x: int, y: int) -> None:
        """Click at a column and a line of the screen, from 0."""
        self.send(f"\x1b[<0;{x + 1};{y + 1}M\x1b[<0;{x + 1};{y + 1}m")

    def send(self, sequence: str) -> None:
        """Send what a terminal sends."""
        os.write(self._master, sequence.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal larger or smaller; the kernel tells the command."""
        with self._arrived:
            self._sizes.append((len(self.chunks), columns, rows))
            self._set_size(columns, rows)

    def signal(self, number: int) -> None:
        """Send the command a signal."""
        self.process.send_signal(number)

    @property
    def screen(self) -> Screen:
        """The screen as it is now."""
        self._draw(len(self.chunks))
        return self._screen

    def screen_at(self, time: float) -> Screen:
        """The screen as it was at a time of the clock of `chunks`, if no later one has been looked at."""
        self._draw(sum(at <= time for at, _ in list(self.chunks)))
        return self._screen

    def text(self) -> str:
        """The lines that the screen shows now."""
        self._draw(len(self.chunks))
        return "\n".join(self._lines)

    def screenshot(self, path: Path | str, *, dark: bool = True) -> None:
        """Draw the screen into an image file."""
        screenshot(self.screen, dark=dark).save(path)

    def wait_for(self, wanted: str | Callable[[Screen], object], timeout: float = 60.0) -> float:
        """Wait until the screen shows a text, or fulfils a condition.

        Returns:
            When the output came that made it so, as exactly as output is read; by the clock of `chunks`.

        Raises:
            AssertionError: It did not come; the message shows the screen.
        """
        deadline = time.perf_counter() + timeout
        self._draw(len(self.chunks))
        while not (wanted in "\n".join(self._lines) if isinstance(wanted, str) else wanted(self._screen)):
            if self._drawn < len(self.chunks):
                self._draw(self._drawn + 1)
                continue
            ended = self.process.poll() is not None
            with self._arrived:
                more = self._arrived.wait_for(lambda: self._drawn < len(self.chunks), 0.1)
            why = "the command ended before" if ended else f"not within {timeout:g} s"
            assert more or (not ended and time.perf_counter() < deadline), f"{why}: {wanted!r}\n{self.text()}"
        return self.chunks[self._drawn - 1][0] if self._drawn else self.started

    def wait_exit(self, timeout: float = 60.0) -> int:
        """Wait for the command's end: its exit status, or minus the signal that killed it.

        Raises:
            AssertionError: It goes on; the message shows the screen.
        """
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:g} s\n{self.text()}") from None
        self._read_to_end()
        return status

    def wait_stopped(self) -> None:
        """Wait until the command has been stopped, and waits to be continued: before that, it would not be.

        Raises:
            AssertionError: It goes on; the message shows the screen.
        """
        self.wait_for(lambda _: psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED)
        self._read_to_end()

    def written(self, since: float = 0.0, until: float = float("inf")) -> int:
        """The bytes that the command wrote in a time."""
        return sum(len(data) for at, data in list(self.chunks) if since <= at < until)

    @property
    def restored(self) -> bool:
        """Whether the terminal is as the command found it."""
        return not self.unrestored

    @property
    def unrestored(self) -> list[str]:
        """What the command left behind in the terminal that it did not find there."""
        screen = self.screen
        left = [name for mode, name in MODES.items() if screen.has(mode)]
        left += [] if screen.has(25) else ["a hidden cursor"]
        left += [] if screen.has(7) else ["no line wrap"]
        left += ["a keyboard protocol"] if self._keyboard else []
        left += ["terminal attributes"] if termios.tcgetattr(self._slave) != self._attributes else []
        return sorted(set(left))

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read_to_end(self) -> None:
        """Read all that the command has written so far: the kernel hands it on a while after it was written."""
        self._ended.clear()
        os.write(self._slave, _END)
        assert self._ended.wait(60), "what the command wrote never came"

    def _read(self) -> None:
        """The thread that takes what the command writes."""
        while not self._ending.is_set():
            if self.held or not select.select([self._master], [], [], 0.1)[0]:
                self._ending.wait(0.01)
                continue
            data = os.read(self._master, 1 << 16)
            ended, data = _END in data, data.replace(_END, b"")
            if data:
                with self._arrived:
                    self.chunks.append((time.perf_counter(), data))
                    self._arrived.notify_all()
                self._answer(data)
            if ended:
                self._ended.set()

    def _answer(self, data: bytes) -> None:
        for question, answer in self._answers.items():
            rest = self._heard[-len(question) + 1 :]  # It may come in pieces.
            os.write(self._master, answer * (rest + data).count(question))
        self._heard = (self._heard + data)[-100:]

    def _draw(self, until: int) -> None:
        """Bring the screen to where it stood after so many chunks."""
        while True:
            while self._sizes and self._sizes[0][0] <= self._drawn:
                _, columns, rows = self._sizes.pop(0)
                self._screen.resize(rows, columns)
            if self._drawn >= until:
                break
            data = self._unfinished + self.chunks[self._drawn][1]
            rest = _UNFINISHED.search(data)
            self._unfinished = rest[0] if rest else b""
            data = data[: rest.start()] if rest else data
            for direction in _KEYBOARD.findall(data):
                self._keyboard = max(0, self._keyboard + (1 if direction == b">" else -1))
            self._stream.feed(_STRANGE.sub(b"", data))
            self._drawn += 1
        self._lines = (self._lines + [""] * self._screen.lines)[: self._screen.lines]
        for y in self._screen.dirty:
            if y < self._screen.lines:
                line = self._screen.buffer[y]
                self._lines[y] = "".join(line[x].data for x in range(self._screen.columns)).rstrip()
        self._screen.dirty.clear()
