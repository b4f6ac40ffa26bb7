"""Names of class folders: which of them mean the same class, and how a message names a few."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

MAX_NAMES = 3
"""How many files or classes a message names."""


def canonical(name: str) -> str:
    """A folder's name as its class is called, in NFC: a Mac writes `é` as two characters, other systems as one."""
    return unicodedata.normalize("NFC", name)


def group_by_class(folders: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The folders of each class, by its name and in the order of the names."""
    classes: dict[str, tuple[str, ...]] = {}
    for name in sorted(folders, key=lambda name: (canonical(name), name)):
        classes[canonical(name)] = (*classes.get(canonical(name), ()), name)
    return classes


def class_of(folder: str, classes: Sequence[str]) -> str | None:
    """The class that a folder of this name holds images of: the one called so, else the only one up to upper case.

    Runs may call their classes by names that are not canonical.
    """
    if folder in classes:
        return folder
    for form in (canonical, _caseless):
        if len(found := [name for name in classes if form(name) == form(folder)]) == 1:
            return found[0]
    return None


def _caseless(name: str) -> str:
    return canonical(canonical(name).casefold())


def quote_names(names: Sequence[str]) -> str:
    """The first of some names, quoted, and how many more there are."""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(repr(name) for name in names[:MAX_NAMES]) + more
