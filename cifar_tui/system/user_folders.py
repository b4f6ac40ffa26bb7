"""The folders of this user's cache, state and settings, also without a home: containers run under any user number.

A folder is looked for by its XDG variable, then in the home. A variable that is no absolute path counts for nothing,
as the XDG specification says. A home counts where it is there and the folder is in it or can be made in it. Otherwise
it is a folder of the user's own in the temporary folder; where somebody else has made one of its name, it is one that
this process removes at its end.
"""

from __future__ import annotations

import functools
import os
import pwd
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

NAME = "cifar-tui"
CACHES = ".cache" if sys.platform != "darwin" else "Library/Caches"
STATES = ".local/state" if sys.platform != "darwin" else "Library/Application Support"
LIBRARIES = {"MPLCONFIGDIR": "matplotlib", "TORCH_HOME": "torch", "TORCHINDUCTOR_CACHE_DIR": "torchinductor"}
"""The variables that name the folders of libraries, which they otherwise seek in the home, or by the user's name."""
_USER_NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")
"""The variables that Python takes a user's name from."""


def cache() -> Path:
    """The folder for what can be made again; it need not exist yet."""
    return lasting_cache() or _temporary() / "cache"


def lasting_cache() -> Path | None:
    """The folder of the cache, unless that is a temporary one; None then."""
    return _of_user("XDG_CACHE_HOME", CACHES)


def state() -> Path:
    """The folder for what the user has confirmed; it need not exist yet."""
    return _of_user("XDG_STATE_HOME", STATES) or _temporary() / "state"


def config() -> Path:
    """The folder for what the user has set; it need not exist yet."""
    return _of_user("XDG_CONFIG_HOME", ".config") or _temporary() / "config"


def prepare_libraries() -> None:
    """Point libraries to folders that this user can write, before the first of them is imported.

    What a variable says already stays as it is, and so does everything for a user with a home and a name.
    """
    home = _home()
    if home is None or not os.access(home, os.W_OK | os.X_OK):
        for variable, name in LIBRARIES.items():
            os.environ.setdefault(variable, str(cache() / name))
    elif not _has_name():
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache() / LIBRARIES["TORCHINDUCTOR_CACHE_DIR"]))


def _of_user(variable: str, below_home: str) -> Path | None:
    given = Path(os.environ.get(variable, ""))
    if given.is_absolute():
        return given / NAME
    home = _home()
    if home is None:
        return None
    place = home / below_home / NAME
    # What is there is read, even where it cannot be written.
    return place if os.access(place, os.R_OK | os.X_OK) or _can_be_made(place) else None


def _home() -> Path | None:
    """The user's home, where there is one."""
    home = Path(os.environ.get("HOME", ""))
    if not home.is_absolute():
        try:
            home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:
            return None
    return home if home.is_absolute() and _is_folder(home) else None


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  (Path.is_dir raises an error where it may not be looked at)


def _has_name() -> bool:
    if any(os.environ.get(name) for name in _USER_NAMES):
        return True
    try:
        return bool(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        return False


def _can_be_made(place: Path) -> bool:
    above = next(folder for folder in place.parents if os.path.lexists(folder))
    return _is_folder(above) and os.access(above, os.W_OK | os.X_OK)


def _temporary() -> Path:
    """A folder in the temporary folder that this user alone can read and write."""
    try:
        base = Path(tempfile.gettempdir())
    except FileNotFoundError:  # Nothing can be written anywhere; who tries will say so.
        base = Path("/tmp")
    place = base / f"{NAME}-{os.geteuid()}"
    with suppress(OSError):
        place.mkdir(mode=0o700)
    return place if _is_private(place) or not os.path.lexists(place) else _for_this_process(base)


def _is_private(folder: Path) -> bool:
    """Whether it is this user's, for nobody else, and cannot be replaced by somebody else."""
    try:
        own, above = folder.lstat(), folder.parent.stat()
    except OSError:
        return False
    is_kept = not above.st_mode & 0o022 or bool(above.st_mode & stat.S_ISVTX)
    return stat.S_ISDIR(own.st_mode) and own.st_uid == os.geteuid() and not own.st_mode & 0o077 and is_kept


@functools.cache
def _for_this_process(base: Path) -> Path:
    try:
        folder = tempfile.TemporaryDirectory(prefix=f"{NAME}-", dir=base)
    except OSError:
        # It cannot be written; this name nobody else can have foreseen.
        return base / f"{NAME}-{os.urandom(8).hex()}"
    _kept.append(folder)
    return Path(folder.name)


def remove_temporary() -> None:
    """Remove what is only there for this process, where the interpreter will not come to it."""
    for folder in _kept:
        folder.cleanup()


_kept: list[tempfile.TemporaryDirectory[str]] = []
"""Removed with this process."""
