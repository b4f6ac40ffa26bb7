"""The errors that a person can act on: one clear line each, with the exit status that the command line gives it."""

from __future__ import annotations

LONGEST_MESSAGE = 140
"""Of an error that is not ours, the characters that are shown."""


class CifarTuiError(Exception):
    """Something failed at run time; the message is one line that says what, and what to do (exit status 1)."""

    exit_status = 1


class InputError(CifarTuiError):
    """An option, a file or a folder that was given is unusable (exit status 2)."""

    exit_status = 2


class DivergedError(CifarTuiError):
    """The loss or a weight became infinite or NaN (exit status 3)."""

    exit_status = 3


def error_text(error: BaseException) -> str:
    """An error in one line: our own ones by their message, others with their type."""
    return str(error) if isinstance(error, CifarTuiError) else f"{type(error).__name__}: {error}"


def one_line(error: BaseException) -> str:
    """The type of an error that is not ours, and the line of its message that says what happened, cut if it is long."""
    name = type(error).__name__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    if "TorchScript interpreter" in text:
        # Its own traceback comes before what happened.
        text = lines[-1]
    elif text.endswith(":") and len(lines) > 1:
        text = f"{text} {lines[1]}"
    text = text.removeprefix(f"{name}: ")
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE - 1].rstrip()}…"
    return f"{name}: {text}" if text else name
