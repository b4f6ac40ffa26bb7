"""Completion of the names of folders and image files while a path is typed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from textual.suggester import Suggester

from cifar_tui.errors import InputError
from cifar_tui.system.paths import expand_path

_SPECIAL = re.compile(r"[^\w@%+=:,./-]")
"""What a shell would take for something else than itself."""


class FolderSuggester(Suggester):
    """Suggests one of some words, else the first folder that starts with what is typed."""

    def __init__(self, words: Sequence[str] = ()) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        """The whole of what the input may hold; None where nothing fits."""
        if not value:
            return None
        return next((word for word in self._words if word.startswith(value)), None) or _first(value, lambda _: False)


class PathSuggester(Suggester):
    """Completes the last word of a line as a shell takes it, to the first folder or image file that starts with it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line; None where nothing fits."""
        from cifar_tui.data.image_folder.files import is_image

        word, quote, ends_well = _last_word(value)
        path = _first(word, is_image) if ends_well else None
        if path is None or (rest := path[len(word) :]) == "" or (quote and set(rest) & {quote, "\\"}):
            return None
        closing = "" if path.endswith("/") else quote
        return value + (rest + closing if quote else _SPECIAL.sub(r"\\\g<0>", rest))


def _last_word(line: str) -> tuple[str, str, bool]:
    """What the last word of a line means, the quotation mark that is open in it, and that no backslash is."""
    word, quote, escaped = "", "", False
    for character in line:
        if escaped:
            word, escaped = word + character, False
        elif character == "\\" and quote != "'":
            escaped = True
        elif character == quote:
            quote = ""
        elif quote:
            word += character
        elif character in "'\"":
            quote = character
        else:
            word = "" if character.isspace() else word + character
    return word, quote, not escaped


def _first(value: str, is_wanted: Callable[[str], bool]) -> str | None:
    """The first folder, or file of a name that is wanted, whose path starts with this one."""
    parent, slash, start = value.rpartition("/")
    if not start:
        return None
    try:
        with os.scandir(expand_path("--data", parent + slash or ".")) as entries:
            # What cannot be shown cannot be typed either.
            fitting = [e for e in entries if e.name.startswith(start) and e.name.isprintable()]
            found = [e for e in fitting if e.is_dir() or is_wanted(e.name)]
            first = min(found, key=lambda e: e.name, default=None)
            return None if first is None else f"{parent}{slash}{first.name}{'/' if first.is_dir() else ''}"
    except (OSError, InputError):  # InputError: it leads nowhere, as one to an unknown user does
        return None
