"""The logs under the paths that a person gives: files, folders of runs, and patterns."""

from __future__ import annotations

import glob
import itertools
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.foreign_logs.foreign_run import ForeignRun, Kind
from cifar_tui.foreign_logs.formats.csv_log import DELIMITERS, header_names
from cifar_tui.foreign_logs.formats.decimals import number_of
from cifar_tui.foreign_logs.formats.event_records import FRAME, HEADER, split_records
from cifar_tui.foreign_logs.formats.json_lines import numbers_of_line
from cifar_tui.foreign_logs.formats.tensorboard_log import MARK, SPLITS
from cifar_tui.foreign_logs.formats.trainer_state import FILE as TRAINER_STATE
from cifar_tui.foreign_logs.formats.trainer_state import checkpoint_states
from cifar_tui.foreign_logs.names import guesses
from cifar_tui.formatting import count, shortened
from cifar_tui.system.folders import Folder
from cifar_tui.system.paths import is_usable

MAX_RUNS = 1000
MAX_DEPTH = 8
MAX_FOLDERS = 20_000
"""That are looked through, and the depth of the deepest: a path may be that of a whole disk."""
FIRST_BYTES = 64 << 10
"""Of a file, by which its format is recognised."""
PATTERN = "*?["
OWN_RUN = {"config.json", "events.jsonl"}
"""Files of a run of this program, which is no log of others."""
LOG_NAMES = ("metrics.csv", "results.csv", "log.csv", "training.log", TRAINER_STATE, "metrics.jsonl", "log.jsonl")
"""Files that are called alike in every run: the run has the name of their folder."""
_ENDINGS: dict[str, Kind] = {".csv": "csv", ".tsv": "csv", ".jsonl": "json-lines", ".ndjson": "json-lines"}


class Finder:
    """Finds the runs under some paths, again and again: a run keeps its id, and only files that changed are read."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Look at nothing yet.

        Args:
            paths: Files, folders and patterns, expanded but for the patterns. What leads nowhere has no runs.
        """
        self._paths = paths
        self._ids: dict[Path, str] = {}
        self._kinds = KindCache()

    def find(self) -> list[ForeignRun]:
        """The runs, in the order of the paths, those of a folder by name."""
        found: dict[Path, tuple[Path, Kind]] = {}
        for text in self._paths:
            for given in _matching(text):
                for path, kind in _under(given, self._kinds):
                    if len(found) < MAX_RUNS:
                        found.setdefault(path, (given, kind))
        self._kinds.drop_unused()
        self._name([(path, given) for path, (given, _) in found.items() if path not in self._ids])
        return [ForeignRun(self._ids[path], path, kind) for path, (_, kind) in found.items()]

    def _name(self, runs: Sequence[tuple[Path, Path]]) -> None:
        """Name new runs: by their paths below what was given, or by the last parts of their whole paths."""
        names = [_name_of(path, given) for path, given in runs]
        several = {name for name, times in Counter(names).items() if times > 1}
        taken = set(self._ids.values())
        for name, (path, _) in zip(names, runs, strict=True):
            unused = name if name not in several | taken else "/".join(path.parts[-4:])
            numbered = (f"{unused} ({count(number)})" for number in itertools.count(2))
            self._ids[path] = unused if unused not in taken else next(each for each in numbered if each not in taken)
            taken.add(self._ids[path])


class KindCache:
    """The formats of files, as they were when these were last written to."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, bool], tuple[tuple[int, int, int], Kind | None]] = {}
        self._used: set[tuple[Path, bool]] = set()

    def kind_of(self, path: Path, *, in_folder: bool) -> Kind | None:
        """The format of a file; None where it is no log. In a folder, there are tables of other things too."""
        try:
            status = path.lstat()
        except OSError:
            return None
        key, stamp = (path, in_folder), (status.st_ino, status.st_size, status.st_mtime_ns)
        self._used.add(key)
        if key not in self._known or self._known[key][0] != stamp:
            self._known[key] = stamp, _log_kind(path) if in_folder else _kind_or_none(path)
        return self._known[key][1]

    def drop_unused(self) -> None:
        """Drop what was not asked for since this was last called."""
        self._known = {key: known for key, known in self._known.items() if key in self._used}
        self._used.clear()


def check(paths: Sequence[str]) -> None:
    """Check that each of these paths leads to something, and that a file is a log.

    Raises:
        InputError: One does not; or there is no run under any of them that could be followed.
    """
    for text in paths:
        matching = list(_matching(text))
        if not matching:
            raise InputError(f"there is nothing at {shortened(text)}; give a file, a folder of logs, or a pattern")
        for path in matching:
            if not path.is_dir():
                kind_of(path)


def _matching(text: str) -> Iterator[Path]:
    if not is_usable(text):
        return
    if os.path.lexists(text) or not any(mark in text for mark in PATTERN):
        if os.path.exists(text):  # noqa: PTH110  (a path that is none would raise)
            # The link itself was given: what is behind it is meant.
            yield Path(os.path.realpath(text))
        return
    for name in sorted(itertools.islice(glob.iglob(text, recursive=True), MAX_FOLDERS)):  # noqa: PTH207  (of any root)
        yield Path(os.path.realpath(name))


def _under(path: Path, kinds: KindCache) -> Iterator[tuple[Path, Kind]]:
    """The runs at a path: their files or folders, and their formats."""
    if not path.is_dir():
        if (kind := kinds.kind_of(path, in_folder=False)) is not None:
            yield path, kind
        return
    folders = [(path, 0)]
    for looked in itertools.count():
        if not folders or looked >= MAX_FOLDERS:
            return
        folder, depth = folders.pop()
        names = _names(folder)
        if set(names) >= OWN_RUN:
            continue
        yield from _in_folder(folder, names, kinds)
        if depth < MAX_DEPTH:
            inner = [name for name in names if not name.startswith(".") and _is_run_folder(folder, name)]
            folders += [(folder / name, depth + 1) for name in sorted(inner, reverse=True)]


def _in_folder(folder: Path, names: Sequence[str], kinds: KindCache) -> Iterator[tuple[Path, Kind]]:
    """The runs whose logs are in a folder itself: of several formats of the same run, the simplest."""
    if TRAINER_STATE in names or (any(n.startswith("checkpoint-") for n in names) and checkpoint_states(folder)):
        if not folder.name.startswith("checkpoint-") or not _is_state_of(folder.parent):
            yield folder, "trainer-state"
        return
    files = [name for name in sorted(names) if Path(name).suffix.lower() in _ENDINGS]
    found = [(folder / name, kinds.kind_of(folder / name, in_folder=True)) for name in files]
    logs = [(path, kind) for path, kind in found if kind is not None]
    yield from logs
    if (not logs and any(MARK in name for name in names)) or (
        not logs and any(name in SPLITS and _has_events(folder / name) for name in names)
    ):
        yield folder, "tensorboard"


def _is_run_folder(folder: Path, name: str) -> bool:
    """Whether a folder's own runs are to be looked for: those of a split and a checkpoint belong to the one above."""
    path = folder / name
    if path.is_symlink() or not path.is_dir():
        return False
    return not (name in SPLITS and _has_events(path))


def _is_state_of(folder: Path) -> bool:
    return bool(checkpoint_states(folder))


def _has_events(folder: Path) -> bool:
    return any(MARK in name for name in _names(folder))


def _names(folder: Path) -> list[str]:
    try:
        return Folder(folder).names()
    except OSError:
        return []


def kind_of(path: Path) -> Kind:
    """The format of a file, by its name and what it begins with.

    Raises:
        InputError: It cannot be read, or is no log.
    """
    if path.name == TRAINER_STATE:
        return "trainer-state"
    first = _first_bytes(path)
    if MARK in path.name or _begins_with_record(first):
        return "tensorboard"
    known = _ENDINGS.get(path.suffix.lower())
    if known is not None and not first:
        return known
    line = next((line for line in first.split(b"\n") if line.strip()), b"")
    lines = first.split(b"\n") if known == "json-lines" else [line]
    if any(line.lstrip().startswith(b"{") and numbers_of_line(line) for line in lines):
        return "json-lines"
    if known == "csv" and _header(first):
        return "csv"
    if known is None and _is_table(first):
        return "csv"
    why = "it has no header" if known == "csv" else "it is no log of a training that is known here"
    raise InputError(f"{path}: {why}; CSV with a header, JSON lines, trainer_state.json and event files are")


def _kind_or_none(path: Path) -> Kind | None:
    try:
        return kind_of(path)
    except InputError:
        return None


def _log_kind(path: Path) -> Kind | None:
    """The format of a file in a folder, if it is a log."""
    kind = _kind_or_none(path)
    try:
        is_log = kind == "json-lines" or any(guesses(name) for name in _header(_first_bytes(path)) or ())
    except InputError:
        return None
    return kind if is_log else None


def _header(first: bytes) -> list[str] | None:
    for line in first.split(b"\n"):
        text = line.decode("utf-8-sig", errors="replace").strip()
        if text and not text.startswith("#"):
            return header_names(text, max(DELIMITERS, key=text.count)) if text.isprintable() or "\t" in text else None
    return None


def _is_table(first: bytes) -> bool:
    """Whether bytes of a file of any name are a log in CSV: its header has a name that is known, its rows numbers."""
    names, row = _header(first), (first.decode(errors="replace").splitlines() + [""] * 2)[1]
    fields = row.replace(";", ",").replace("\t", ",").split(",")
    numbers = any(not math.isnan(number_of(field)) for field in fields)
    return any(guesses(name) for name in names or ()) and (numbers or not row)


def _first_bytes(path: Path) -> bytes:
    try:
        with Folder(path.parent).open_to_read(path.name) as stream:
            return stream.read(FIRST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _begins_with_record(first: bytes) -> bool:
    if len(first) < HEADER:
        return False
    return not split_records(first[:HEADER] + bytes(FRAME), {}).damaged


def _name_of(path: Path, given: Path) -> str:
    """The path of a run below what was given; of what was given itself, its name."""
    named = path.parent if path.name in LOG_NAMES or MARK in path.name else path.with_suffix("")
    below = named.relative_to(given).as_posix() if named.is_relative_to(given) else "."
    return named.name if below == "." else below
