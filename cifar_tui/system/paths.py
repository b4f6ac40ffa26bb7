"""Paths as users write them: `~`, `~user`, `$VAR`, `${VAR}`, and relative to the folder that they are written in."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened

LONGEST_PATH = 4096
"""Bytes: no system takes a longer one."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))", re.ASCII)


def is_usable(value: str) -> bool:
    """Whether a string can be a name or a path, whether or not there is anything of that name."""
    try:
        return bool(value) and b"\0" not in (name := os.fsencode(value)) and len(name) <= LONGEST_PATH
    except UnicodeEncodeError:  # Half of a character: no file is called so.
        return False


def check_path(label: str, value: str) -> None:
    """See that a string `is_usable`.

    Raises:
        InputError: It is not.
    """
    if not is_usable(value):
        raise InputError(f"{label} takes a path, not {shortened(value)}")


def expand_path(label: str, text: str, base: Path | None = None) -> str:
    """A path with its `~` and its variables put in, as a shell would have done.

    A name with a `$` in it that is there is taken as it is written.

    Args:
        label: What takes it, for the message, such as `--output`.
        text: What was written.
        base: The folder that a relative path is relative to; None leaves it to the current one.

    Raises:
        InputError: It cannot be a path, or names a variable that is not set, or a user who is not there; or it is
            relative, and the current folder is gone.
    """
    check_path(label, text)
    path = text
    if "$" in text and not os.path.lexists(text):
        if unset := [name for name in _variables(text) if name not in os.environ]:
            raise InputError(f"{label}: the variable ${unset[0]} of {shortened(text)} is not set; set it first")
        path = os.path.expandvars(text)
    if path.startswith("~"):
        try:
            path = str(Path(path).expanduser())
        except RuntimeError:
            user = path.partition("/")[0]
            why = f"there is no user {user[1:]!r}" if user != "~" else "your home folder is not known: HOME is not set"
            raise InputError(f"{label}: {shortened(text)} leads nowhere, {why}") from None
    check_path(label, path)
    if base is not None:
        return str(base / path)
    check_reachable(path)
    return path


def expand_image_path(name: str) -> str:
    """The name of an image file, or a pattern, `expanded`; what leads nowhere is left for its reader to look for."""
    try:
        return expand_path("IMAGE", name)
    except InputError:
        return name


def absolute(path: str | Path) -> Path:
    """A path from the root on; links stay, and `..` goes where it can without leading elsewhere.

    Raises:
        InputError: It is relative, and the current folder is gone.
    """
    check_reachable(str(path))
    whole = Path(path).absolute()
    shorter = Path(os.path.normpath(whole))
    # `..` behind a link leads to the folder above what the link leads to.
    return shorter if os.path.realpath(shorter) == os.path.realpath(whole) else whole


def current_folder() -> Path | None:
    """The current folder; None where it is gone."""
    return None if Current.gone else Path.cwd()


class Current:
    """Whether the current folder was gone when the program began."""

    gone = False


def leave_deleted_folder() -> None:
    """Go to the root where the current folder was removed; from then on, relative paths are errors.

    Libraries are not made for that: oneMKL ends its process.
    """
    try:
        Path.cwd()
        Current.gone = False
    except OSError:
        Current.gone = True
        os.chdir("/")


def check_reachable(path: str) -> None:
    """See that a path does not start from a current folder that is gone.

    Raises:
        InputError: It does.
    """
    if Current.gone and not os.path.isabs(path):  # noqa: PTH117  (of any text)
        raise InputError(
            f"the current folder is gone, so that {shortened(path)} leads nowhere; `cd` to a folder that is there"
        )


def python_path() -> str:
    """This process's `PYTHONPATH`, without entries by which Python looks for modules in the current folder."""
    here = os.path.realpath(".")
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry and os.path.realpath(entry) != here)


def _variables(text: str) -> list[str]:
    return [found[1] or found[2] for found in _VARIABLE.finditer(text)]
