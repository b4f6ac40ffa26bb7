"""A folder of TensorBoard's event files: one run, which may have been written by several processes in turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cifar_tui.foreign_logs.formats.event_records import split_records
from cifar_tui.foreign_logs.formats.event_scalars import ScalarReader
from cifar_tui.foreign_logs.formats.growing_file import GrowingFile
from cifar_tui.foreign_logs.formats.log_reader import MAX_NAME, MAX_NAMES, LogPlan, Piece
from cifar_tui.foreign_logs.formats.log_rows import rows_of_points
from cifar_tui.system.folders import Folder

MARK = ".tfevents."
"""In the names of event files."""
MAX_FILES = 1000
SPLITS = ("train", "validation", "val", "test", "eval")
"""Folders of a run in which Keras and others put what they measure on each part of the data, under the same tags."""


@dataclass(slots=True)
class _EventFile:
    prefix: str
    """Before the tags: of a split's folder, its name."""
    file: GrowingFile
    damaged: bool = False
    """Whether what comes next was no record at the last look."""


class TensorBoardLog:
    """The event files of a folder, and of those in it that are called like splits, in the order of their names."""

    source = "TensorBoard"
    plan = LogPlan()

    def __init__(self, path: Path) -> None:
        """Read this folder, or this one file."""
        self._path = path
        self._files: dict[Path, _EventFile] = {}
        self._scalars = ScalarReader(MAX_NAMES)
        self._headers: dict[bytes, int] = {}
        """Those of records that were checked."""
        self.has_more = False

    @property
    def modified(self) -> float:
        """When one of them was last written to."""
        return max((each.file.modified for each in self._files.values()), default=0.0)

    def restart(self) -> None:
        """Read all from their beginnings again."""
        for each in self._files.values():
            each.file.restart()
            each.damaged = False

    def read(self) -> Piece:
        """The next piece of the first file that has one; there may be no points in it.

        Raises:
            InputError: A file cannot be read.
        """
        if not self.has_more:
            self._find_files()
        size = sum(each.file.size for each in self._files.values())
        for path, each in sorted(self._files.items()):
            piece = self._read(path, each, size)
            if piece != _NOTHING or each.file.has_more:
                self.has_more = True
                return piece
        self.has_more = False
        return _NOTHING

    def _find_files(self) -> None:
        for path in event_files(self._path):
            if path not in self._files and len(self._files) < MAX_FILES:
                split = f"{path.parent.name}/" if path.parent.parent == self._path else ""
                self._files[path] = _EventFile(split, GrowingFile(path))

    def _read(self, path: Path, each: _EventFile, size: int) -> Piece:
        found = each.file.peek()
        if found.restarted:
            # What the others have was shown beside what is void now.
            self.restart()
            return Piece(restarted=True)
        if not found.data:
            return _NOTHING
        records = split_records(found.data, self._headers)
        each.file.advance(found.data, records.end)
        warnings: tuple[str, ...] = ()
        if records.damaged:
            # A file system may show a hole that is filled later: it is looked at again when the file has changed.
            each.file.has_more = False
            if not each.damaged or records.end:
                warnings = (f"{path.name} is damaged: the rest of it is left out",)
        elif records.large:
            each.file.skip(records.large)
        elif not records.end:
            each.file.has_more = False
        each.damaged = records.damaged
        points = self._scalars.read(found.data, records) if records.starts else None
        if points is None or not len(points.values):
            return Piece(warnings=warnings)
        names = [(each.prefix + tag)[:MAX_NAME] for tag in self._scalars.tags]
        rows = rows_of_points(names, points.series, points.steps, points.times, points.values)
        return Piece(rows, share=len(found.data) / max(size, len(found.data)), warnings=warnings)


_NOTHING = Piece()


def event_files(path: Path) -> list[Path]:
    """The event files of a run: the file itself, or those in a folder and its splits' folders, by their names."""
    if MARK in path.name and path.is_file():
        return [path]
    return sorted(_in_folder(path)) + [file for split in SPLITS for file in sorted(_in_folder(path / split))]


def _in_folder(path: Path) -> Iterable[Path]:
    try:
        return [path / name for name in Folder(path).names() if MARK in name]
    except OSError:
        return []
