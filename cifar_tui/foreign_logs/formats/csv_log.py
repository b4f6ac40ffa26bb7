"""CSV files with a header: those of Lightning's and Keras' CSVLogger, Ultralytics' `results.csv`, and any others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cifar_tui.errors import InputError
from cifar_tui.foreign_logs.formats.decimals import MAX_FIELD, is_word, number_of, numbers_in, words_in
from cifar_tui.foreign_logs.formats.line_log import LineLog
from cifar_tui.foreign_logs.formats.log_reader import MAX_NAME, MAX_NAMES, Piece
from cifar_tui.foreign_logs.formats.log_rows import Floats, Ints, Rows, rows_of_objects
from cifar_tui.foreign_logs.names import SPLIT_COLUMNS, of_split

DELIMITERS = ",;\t"
NEWLINE = ord("\n")


class CsvLog(LineLog):
    """A CSV file. A line's end ends a row, also within quotes, which no tool writes around numbers."""

    source = "CSV"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._names: list[str] = []
        self._delimiter = ","

    def read(self) -> Piece:
        """The next rows.

        Raises:
            InputError: It cannot be read, or has no header.
        """
        found = self._file.lines()
        data = found.data
        if found.restarted:
            self._names = []
        while data and not self._names:
            line, _, data = data.partition(b"\n")
            self._read_header(line)
        rows = self._rows(data) if data else None
        return Piece(rows, found.restarted, found.share)

    def _read_header(self, line: bytes) -> None:
        text = line.decode("utf-8-sig", errors="replace").strip()
        if not text or text.startswith("#"):
            return
        self._delimiter = max(DELIMITERS, key=text.count)
        names = header_names(text, self._delimiter)
        if names is None:
            raise InputError(f"{self._file.path}: its first line names no columns")
        self._names = names

    def _rows(self, data: bytes) -> Rows:
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not data.endswith(b"\n"):
            data += b"\n"
        if self._delimiter != ",":
            data = data.replace(b",", b".")  # Where a comma is no delimiter, it is the decimal one.
        split = next((name for name in self._names if name.lower() in SPLIT_COLUMNS), None)
        if split is not None:
            return _of_splits(_irregular(data, self._delimiter, self._names), split)
        table = None if b'"' in data else _regular(data, ord(self._delimiter), self._names)
        return table or _irregular(data, self._delimiter, self._names)


def header_names(line: str, delimiter: str) -> list[str] | None:
    """The names of the columns in a first line; None where it is none: its fields are numbers, or none has a letter."""
    try:
        fields = [field.strip()[:MAX_NAME] for field in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return None
    if not any(any(c.isalpha() for c in field) for field in fields) or any(map(_is_number, fields)):
        return None
    return fields


class _Table:
    """Rows of named columns; steps and times are among these."""

    columns: dict[str, int]
    """The place of each in a row."""
    steps: None = None
    times: None = None

    @property
    def names(self) -> Sequence[str]:
        """The names of its columns."""
        return list(self.columns)


@dataclass(frozen=True)
class RegularRows(_Table):
    """Rows with as many fields as the header, which are read where they are asked for: most of a long log are not.

    Attributes:
        content: The bytes of the lines, and some behind them, (n,).
        starts: Where each field of each row starts in them, (rows, columns).
        ends: Where it ends.
    """

    content: NDArray[np.uint8]
    starts: Ints
    ends: Ints
    columns: dict[str, int]
    _present: dict[str, Ints] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts)

    def present(self, name: str) -> Ints:
        """The rows that have a number in this column, or what may be one."""
        if name not in self._present:
            starts, ends = self.starts[:, self.columns[name]], self.ends[:, self.columns[name]]
            self._present[name] = np.flatnonzero((ends > starts) & ~words_in(self.content, starts, ends))
        return self._present[name]

    def numbers(self, name: str, rows: Ints) -> Floats:
        """The values of a column in these rows, NaN for what is no number."""
        column = self.columns[name]
        return numbers_in(self.content, self.starts[rows, column], self.ends[rows, column])


def _regular(data: bytes, delimiter: int, names: Sequence[str]) -> Rows | None:
    """The rows of lines that all have a field for each name; None where some have not."""
    content = np.frombuffer(data, np.uint8)
    marks = np.flatnonzero((content == delimiter) | (content == NEWLINE))
    width = len(names)
    if len(marks) % width or len(marks) // width != data.count(b"\n"):
        return None
    ends = marks.reshape(-1, width)
    if (content[ends[:, -1]] != NEWLINE).any():
        return None
    starts = np.concatenate(([0], marks[:-1] + 1)).reshape(-1, width)
    padded = np.concatenate((content, np.zeros(MAX_FIELD, np.uint8)))
    return RegularRows(padded, starts, ends, _columns(names))


def _irregular(data: bytes, delimiter: str, names: Sequence[str]) -> _ObjectRows:
    """The rows of any lines: what is missing at their ends is absent, what is too much is dropped."""
    columns = _columns(names)
    rows: list[list[str]] = []
    for line in data.decode(errors="replace").split("\n"):
        if line.strip():
            try:
                rows.append(next(csv.reader([line], delimiter=delimiter), []) if '"' in line else line.split(delimiter))
            except csv.Error:  # A field without end.
                continue
    return _ObjectRows(rows, columns)


@dataclass(frozen=True)
class _ObjectRows(_Table):
    rows: list[list[str]]
    columns: dict[str, int]

    def __len__(self) -> int:
        return len(self.rows)

    def present(self, name: str) -> Ints:
        column = self.columns[name]
        with_fields = (n for n, row in enumerate(self.rows) if column < len(row) and row[column])
        return np.array([n for n in with_fields if not is_word(self.rows[n][column])], dtype=np.int64)

    def numbers(self, name: str, rows: Ints) -> Floats:
        column = self.columns[name]
        return np.array([number_of(self.rows[n][column]) for n in rows.tolist()], dtype=np.float64)


def _of_splits(rows: _ObjectRows, split: str) -> Rows:
    """Rows of which each says on which part of the data it was measured: its names have that before them."""
    objects: list[dict[str, float]] = []
    for row in rows.rows:
        fields = {name: row[column] for name, column in rows.columns.items() if column < len(row) and row[column]}
        text = fields.pop(split, "")
        numbers = {name: number_of(field) for name, field in fields.items() if not is_word(field)}
        objects.append(of_split(numbers, text))
    return rows_of_objects(objects, MAX_NAMES)


def _columns(names: Sequence[str]) -> dict[str, int]:
    """The first columns with a name, by it; of two with the same one, the first."""
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        if name and len(found) < MAX_NAMES:
            found.setdefault(name, place)
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() not in ("nan", "inf", "infinity")
