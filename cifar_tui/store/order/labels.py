"""Changing what a person says of a run: its note, its tags, whether it is pinned or archived."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened
from cifar_tui.records import MAX_TAG, MAX_TAGS, MAX_TEXT, Labels
from cifar_tui.store.run_folder import LABELS, RunFolder


def change(folder: RunFolder, edit: Callable[[Labels], Labels]) -> Labels:
    """Replace a run's labels by edited ones, also while it trains.

    Args:
        folder: The run.
        edit: Makes the new labels of those that are there.

    Returns:
        The new ones.

    Raises:
        InputError: `edit` refuses that, or they cannot be written.
    """
    before = folder.read_labels()
    labels = edit(before)
    if labels != before:
        try:
            folder.write_labels(labels)
        except OSError as error:
            raise InputError(f"{folder.path / LABELS}: cannot be written: {error.strerror or error}") from None
    return labels


def with_tags(labels: Labels, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Labels:
    """The labels with tags removed and others added behind those that stay.

    Raises:
        InputError: There would be too many.
    """
    removed = {*remove}
    tags = tuple(dict.fromkeys([*(tag for tag in labels.tags if tag not in removed), *add]))
    if len(tags) > MAX_TAGS:
        raise InputError(f"a run has at most {MAX_TAGS} tags; remove some first")
    return replace(labels, tags=tags)


def check_tag(word: str) -> str:
    """A word as a tag.

    Raises:
        InputError: It is none.
    """
    if not word or len(word) > MAX_TAG or not word.isprintable() or any(c.isspace() or c == "," for c in word):
        raise InputError(
            f"a tag is a word of up to {MAX_TAG} characters, without spaces and commas, not {shortened(word)}"
        )
    return word


def check_note(text: str) -> str:
    """A text as a note, on one line.

    Raises:
        InputError: It is too long, or no text.
    """
    line = " ".join(text.split())
    if len(line) > MAX_TEXT:
        raise InputError(f"a note has at most {MAX_TEXT} characters, not {len(line)}")
    if not line.isprintable():
        raise InputError(f"a note is printable text, not {shortened(line)}")
    return line
