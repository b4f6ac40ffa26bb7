"""What a person says of a run is kept beside it, and what anybody may have written there is bounded."""

import json
from dataclasses import replace

import pytest

from cifar_tui.errors import InputError
from cifar_tui.records import MAX_TAG, MAX_TAGS, MAX_TEXT, Labels
from cifar_tui.store.lock import RunLock
from cifar_tui.store.order import labels
from cifar_tui.store.run_folder import LABELS, LABELS_BYTES, RunFolder


def test_labels_are_changed_one_by_one_also_while_the_run_trains(folder: RunFolder) -> None:
    assert folder.read_labels() == Labels()
    owner = RunLock(folder.path)
    labels.change(folder, lambda known: replace(known, note="warm-up doubled", pinned=True))
    labels.change(folder, lambda known: labels.with_tags(known, ["good", "läuft", "good"]))
    found = labels.change(folder, lambda known: labels.with_tags(known, ["new"], ["good", "unknown"]))
    owner.release()
    assert found == folder.read_labels() == Labels(note="warm-up doubled", tags=("läuft", "new"), pinned=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"note": 5, "tags": "x", "pinned": 1}',
        b"\xff",
        b"[" * LABELS_BYTES,
        b" " * LABELS_BYTES + b"{}",
    ],
)
def test_damaged_labels_are_none(folder: RunFolder, content: bytes) -> None:
    (folder.path / LABELS).write_bytes(content)
    assert folder.read_labels() == Labels()


def test_labels_of_anybody_are_short_and_on_one_line(folder: RunFolder) -> None:
    written = {"note": "\x1b[2J\n" + "x" * 5000, "tags": ["\u202egood", "y" * 500], "archived": True, "later": 1}
    (folder.path / LABELS).write_text(json.dumps(written))
    found = folder.read_labels()
    assert found.note.startswith(r"\x1b[2J\nxxx")
    assert len(found.note) < 2 * MAX_TEXT
    assert found.tags == (r"\u202egood", "y" * MAX_TAG)
    assert found.archived
    (folder.path / LABELS).write_text(json.dumps({"tags": ["x"] * 10_000}))
    assert folder.read_labels() == Labels()


def test_no_labels_are_read_or_written_through_a_link(
    folder: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    elsewhere.write_text('{"note": "secret"}')
    (folder.path / LABELS).symlink_to(elsewhere)
    assert folder.read_labels() == Labels()
    labels.change(folder, lambda known: replace(known, note="mine"))
    assert (elsewhere.read_text(), folder.read_labels().note) == ('{"note": "secret"}', "mine")
    link = folder.path.parent / "20260101-000000-link"
    link.symlink_to(folder.path)
    with pytest.raises(InputError, match="its folder is a link"):
        labels.change(RunFolder(link), lambda known: replace(known, note="by the link"))


@pytest.mark.parametrize("word", ["", " ", "a b", "a,b", "a\tb", "\x1b", "x" * (MAX_TAG + 1), "\udcff"])
def test_what_is_no_word_is_no_tag(word: str) -> None:
    with pytest.raises(InputError, match="a tag is a word"):
        labels.check_tag(word)


def test_a_note_is_a_line_of_bounded_length() -> None:
    assert labels.check_note("  two\n lines ") == "two lines"
    with pytest.raises(InputError, match="at most 1000 characters"):
        labels.check_note("x" * (MAX_TEXT + 1))
    with pytest.raises(InputError, match="printable"):
        labels.check_note("\x1b[2J")
    with pytest.raises(InputError, match=f"at most {MAX_TAGS} tags"):
        labels.with_tags(Labels(), map(str, range(MAX_TAGS + 1)))
