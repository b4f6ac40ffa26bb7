"""Sends notifications by Apprise and by a command of the user's, on a thread of its own that no run waits for."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from cifar_tui.errors import InputError
from cifar_tui.formatting import printable
from cifar_tui.runs.notifications.notification import Notification

URLS, COMMAND = "CIFAR_TUI_NOTIFY", "CIFAR_TUI_NOTIFY_COMMAND"
"""Environment variables for `--notify`, its URLs apart by spaces, and for `--notify-command`. Processes that train in
the background get them: a command line can be seen by everybody on the machine."""
HIDDEN = {"--notify": "URL", "--notify-command": "COMMAND"}
"""What takes the place of what these options are given."""
COMMAND_SECONDS = 20.0
"""How long a command may take."""
LAST_LINE_SECONDS = 5.0
"""How long what it has printed is waited for once it has ended: a child of it may hold the pipe."""
SEND_SECONDS = 30.0
"""How long the end of the process waits for what is not sent yet."""
MAX_WAITING = 100
"""Notifications that wait; beyond them, new ones are dropped."""


class Notifier:
    """Sends each notification to all URLs and to the command; what cannot be sent is one line, and nothing else."""

    def __init__(self, urls: Sequence[str] = (), command: str = "") -> None:
        """Check that there is something to send by.

        Args:
            urls: As Apprise takes them: they hold passwords, and are neither stored nor shown anywhere.
            command: A command line, split as a shell does, but run without one.

        Raises:
            InputError: A URL is none that Apprise knows, Apprise is not installed, or the command cannot be split.
        """
        self._apprise = _apprise(urls) if urls else None
        self._urls, self._command_line = tuple(urls), command
        self._command = _words(command)
        self._queue: SimpleQueue[tuple[Notification, Callable[[str], None]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it sends nothing anywhere."""
        return self._apprise is None and not self._command

    def export(self) -> None:
        """Have processes that this one starts notify likewise."""
        if self._urls:
            os.environ[URLS] = " ".join(self._urls)
        if self._command_line:
            os.environ[COMMAND] = self._command_line

    def send(self, notification: Notification, failed: Callable[[str], None]) -> None:
        """Send it soon, without waiting.

        Args:
            notification: What to send.
            failed: Called, on the thread that sends, with one line on what could not be sent.
        """
        if self.is_empty or self._queue.qsize() >= MAX_WAITING:
            return
        self._queue.put((notification, failed))
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, name="notifications", daemon=True)
            self._thread.start()

    def close(self, seconds: float = SEND_SECONDS) -> None:
        """Wait, so many seconds at most, until all is sent."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(seconds)
            self._thread = None

    def _main(self) -> None:
        while (item := self._queue.get()) is not None:
            notification, failed = item
            for send in (self._send_by_apprise, self._send_by_command):
                try:
                    problem = send(notification)
                except Exception as error:  # noqa: BLE001  (whatever it is, the training goes on)
                    # Its text may hold the URL.
                    problem = f"notification not sent: {type(error).__name__}"
                if problem:
                    failed(problem)

    def _send_by_apprise(self, notification: Notification) -> str:
        if self._apprise is None:
            return ""
        sent = self._apprise.notify(title=notification.title, body=notification.body, body_format="text")
        return "" if sent else "--notify: a notification was not delivered; try the URL with the program apprise"

    def _send_by_command(self, notification: Notification) -> str:
        if not self._command:
            return ""
        name = os.path.basename(self._command[0])  # noqa: PTH119  (a word of a command line)
        environment = {
            "CIFAR_TUI_TITLE": notification.title,
            "CIFAR_TUI_BODY": notification.body,
            "CIFAR_TUI_RUN": notification.run,
            "CIFAR_TUI_EVENT": notification.event,
        }
        try:
            process = subprocess.Popen(
                [*self._command, notification.title, notification.body],
                env=_without_secrets(os.environ) | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            return f"--notify-command {name}: {error.strerror}"
        reader = _Reader(process)
        try:
            status = process.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(process)
            return f"--notify-command {name}: killed after {COMMAND_SECONDS:g} s"
        why = reader.last_line()
        return f"--notify-command {name}: exit status {status}{why and f': {why}'}" if status else ""


class _Reader:
    """Reads what a command prints on standard error, so that it does not block, and keeps the end of it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._lines: SimpleQueue[str] = SimpleQueue()
        assert process.stderr is not None
        threading.Thread(target=self._read, args=(process.stderr,), name="notify-command", daemon=True).start()

    def _read(self, stream: Any) -> None:
        last = b""
        with contextlib.suppress(OSError, ValueError), stream:
            while part := os.read(stream.fileno(), 4096):
                last = (last + part)[-4096:]
        lines = last.decode(errors="replace").split("\n")
        self._lines.put(next((line for line in reversed(lines) if line.strip()), ""))

    def last_line(self) -> str:
        try:
            return printable(self._lines.get(timeout=LAST_LINE_SECONDS).strip())[:200]
        except Empty:
            return ""


def from_environment() -> tuple[list[str], str]:
    """The URLs and the command of the environment variables."""
    return os.environ.get(URLS, "").split(), os.environ.get(COMMAND, "")


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """A command line that can be stored: `--notify` and `--notify-command` may hold passwords."""
    kept: list[str] = []
    for word in arguments:
        option = word.partition("=")[0]
        if kept and kept[-1] in HIDDEN:
            kept.append(HIDDEN[kept[-1]])
        else:
            kept.append(f"{option}={HIDDEN[option]}" if "=" in word and option in HIDDEN else word)
    return kept


def _apprise(urls: Sequence[str]) -> Any:
    if importlib.util.find_spec("apprise") is None:
        raise InputError("--notify needs Apprise: pip install 'cifar-tui[notify]'")
    import apprise

    # What it logs of a failure may hold the URL; and this is not the place for it, with `--json` for one.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    sender = apprise.Apprise()
    for url in urls:
        # Never the URL itself: it holds passwords.
        scheme = printable(url.partition(":")[0][:30])
        if "://" not in url or not sender.add(url):
            raise InputError(f"--notify: the URL that begins with {scheme!r} is none that Apprise can send to")
    return sender


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"--notify-command: {str(error).lower()}; quote it as for a shell") from None
    return [os.path.expanduser(words[0]), *words[1:]] if words else []  # noqa: PTH111  (a word of a command line)


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in (URLS, COMMAND)}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and what it has started."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 1.0
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
