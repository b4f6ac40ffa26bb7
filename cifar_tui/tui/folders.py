"""Completion of folder names while a path is typed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from textual.suggester import Suggester


class FolderSuggester(Suggester):
    """Suggests one of some words, else the first folder that goes on as what is typed."""

    def __init__(self, words: Sequence[str] = ()) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        """The whole of what the input may hold; None where nothing fits."""
        if not value:
            return None
        return next((word for word in self._words if word.startswith(value)), None) or _folder(value)


def _folder(value: str) -> str | None:
    parent, slash, begun = value.rpartition("/")
    if not begun:
        return None
    try:
        with os.scandir(Path(parent + slash or ".").expanduser()) as entries:
            # What cannot be shown cannot be typed either.
            names = (e.name for e in entries if e.name.startswith(begun) and e.name.isprintable() and e.is_dir())
            name = min(names, default=None)
    except (
        OSError,
        RuntimeError,
        ValueError,
    ):  # RuntimeError: no such user as in `~user`; ValueError: a null character
        return None
    return None if name is None else f"{parent}{slash}{name}/"
