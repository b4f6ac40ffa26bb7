"""A folder that somebody else has made takes bounded memory, and bounded room on the screen, whatever is in it."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cifar_tui.records import WEIGHTS
from cifar_tui.store.predictions import FILE as PREDICTIONS
from tests.support.program import UNEXPECTED, call, memory_limit, prepare_received_runs, received_run

LIMIT = 300_000_000
"""Bytes of memory that a command may take beyond what the process has."""


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepare_received_runs(tmp_path, monkeypatch)


BRACKETS = b"[" + b"[[]]," * 4_000_000 + b"1]"
TEXT = b'{"state": "' + b"x" * 80_000_000 + b'"}'
NOTE = b'{"type":"note","t":1,"level":"info","message":"' + b"x" * 80_000_000 + b'"}\n'
EPOCH = (
    b'{"type":"epoch","t":1,"epoch":1,"samples":1,"train_loss":0,"train_accuracy":0,"val_loss":0,"val_accuracy":0,'
    b'"lr":0,"seconds":1,"images_per_second":1,"best":true}\n'
)


def holes(size: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.touch()
        os.truncate(path, size)

    return make


def content(of: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(of)


def after_the_beginning(of: bytes) -> Callable[[Path], None]:
    """What stands in a stream that begins as a run's."""

    def make(path: Path) -> None:
        with path.with_name("begin").open("rb") as begin, path.open("wb") as file:
            shutil.copyfileobj(begin, file)
            file.write(of)

    return make


def tensors(path: Path) -> None:
    """Seven gigabytes of float32, of which the disk has none."""
    shape = [175_000_000, 10]
    header = json.dumps(
        {
            "__metadata__": {"epoch": "1", "fingerprint": "x"},
            "labels": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
            "probabilities": {"dtype": "F32", "shape": shape, "data_offsets": [8, 8 + 4 * shape[0] * shape[1]]},
        }
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + 8 + 4 * shape[0] * shape[1])


def bomb(path: Path) -> None:
    """A checkpoint of a few hundred kilobytes that unpacks to as many megabytes."""
    with zipfile.ZipFile(path) as packed:
        parts = {part.filename: packed.read(part) for part in packed.infolist()}
    largest = max(parts, key=lambda name: len(parts[name]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in parts.items():
            packed.writestr(name, bytes(400_000_000) if name == largest else part)


def opcodes(path: Path) -> None:
    """A checkpoint whose pickle is a dictionary for each of its bytes."""
    with zipfile.ZipFile(path) as packed:
        parts = {part.filename: packed.read(part) for part in packed.infolist()}
    with zipfile.ZipFile(path, "w") as packed:
        for name, part in parts.items():
            packed.writestr(name, b"\x80\x02" + b"}" * 15_000_000 + b"." if name.endswith(".pkl") else part)


def matrices(path: Path) -> None:
    """Evaluations of as many classes as a line can hold."""
    beginning = json.loads(path.with_name("begin").read_text().partition("\n")[0])
    size = 1500
    row = ",".join(["7"] * size)
    matrix = ",".join([f"[{row}]"] * size)
    with path.open("w") as file:
        file.write(json.dumps(beginning | {"classes": [str(number) for number in range(size)]}) + "\n")
        for split in ("validation", "validation", "validation", "test", "test"):
            file.write(
                f'{{"type":"evaluated","t":1,"split":"{split}","epoch":1,"loss":1,"accuracy":0.5,"seconds":1,'
                f'"confusion":[{matrix}]}}\n'
            )


def sparse_matrices(path: Path) -> None:
    """Evaluations of the most classes, each with as many cells as a line may hold, or nearly none."""
    beginning = json.loads(path.with_name("begin").read_text().partition("\n")[0])
    size, full = 10_000, 50
    indptr = [min(row, full) * size for row in range(size + 1)]
    numbers = (indptr, list(range(size)) * full, [1] * size * full)
    dense, bare = (json.dumps(dict(zip(("indptr", "indices", "data"), each, strict=True))) for each in (
        numbers, ([0] * (size + 1), [], [])
    ))  # fmt: skip
    with path.open("w") as file:
        file.write(json.dumps(beginning | {"classes": [str(number) for number in range(size)]}) + "\n")
        for split, matrix in [("validation", dense)] * 2 + [("validation", bare)] * 200 + [("test", dense)]:
            file.write(
                f'{{"type":"evaluated","t":1,"split":"{split}","epoch":1,"loss":1,"accuracy":0.5,"seconds":1,'
                f'"confusion":{matrix}}}\n'
            )


SIZES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "summary.json of holes": ("summary.json", holes(6_000_000_000)),
    "summary.json of brackets": ("summary.json", content(BRACKETS)),
    "summary.json of text": ("summary.json", content(TEXT)),
    "config.json of holes": ("config.json", holes(6_000_000_000)),
    "config.json of brackets": ("config.json", content(BRACKETS)),
    "labels.json of holes": ("labels.json", holes(6_000_000_000)),
    "labels.json of brackets": ("labels.json", content(BRACKETS)),
    "weights of holes": (WEIGHTS, holes(6_000_000_000)),
    "weights of a large header": (WEIGHTS, content((15_000_000).to_bytes(8, "little") + b"[" * 15_000_000)),
    "state.json of holes": ("state.json", holes(6_000_000_000)),
    "state.json of brackets": ("state.json", content(BRACKETS)),
    "events.jsonl of holes": ("events.jsonl", holes(400_000_000)),
    "events.jsonl of a line of brackets": ("events.jsonl", content(BRACKETS)),
    "events.jsonl of a long note": ("events.jsonl", after_the_beginning(NOTE)),
    "events.jsonl of many epochs": ("events.jsonl", after_the_beginning(EPOCH * 110_000)),
    "predictions of gigabytes": (PREDICTIONS, tensors),
    "a checkpoint that unpacks to much more": ("checkpoints/best.pt", bomb),
    "a checkpoint of a large pickle": ("checkpoints/best.pt", opcodes),
    "events.jsonl of large matrices": ("events.jsonl", matrices),
    "events.jsonl of sparse matrices": ("events.jsonl", sparse_matrices),
    "a checkpoint of holes": ("checkpoints/best.pt", holes(6_000_000_000)),
    "a report of holes": ("report.md", holes(6_000_000_000)),
    "a picture of holes": ("predictions.png", holes(6_000_000_000)),
}


COMMANDS = (
    ["runs"],
    ["attach", "evil", "--no-ui"],
    ["report", "evil", "--html"],
    ["compare", "ours", "evil"],
    ["evaluate", "evil"],
    ["export", "evil", "--format", "csv"],
    ["resume", "evil"],
)
LONG_TO_READ = ("events.jsonl of many epochs", "events.jsonl of sparse matrices")
"""These streams take each command seconds; the last four read them as the first three do."""


@pytest.mark.parametrize("what", SIZES)
def test_nothing_in_a_folder_takes_much_memory_or_ends_the_list(cwd: Path, what: str) -> None:
    name, make = SIZES[what]
    folder = received_run(cwd)
    shutil.copy(folder / "events.jsonl", folder / "begin")
    if name != "checkpoints/best.pt":
        (folder / name).unlink(missing_ok=True)
    make(folder / name)
    if name == WEIGHTS:  # They are read where they are all that there is.
        (folder / "checkpoints" / "best.pt").unlink()
    for arguments in COMMANDS[:3] if what in LONG_TO_READ else COMMANDS:
        with memory_limit(LIMIT):
            result = call(arguments, cwd)
        assert UNEXPECTED not in result.stderr, arguments
        if arguments == ["runs"]:
            assert "ours" in result.stdout
            assert "evil" in result.stdout


def test_what_has_thousands_of_characters_is_cut_where_it_is_shown(cwd: Path) -> None:
    summary = received_run(cwd) / "summary.json"
    figures = json.loads(summary.read_text())
    for key in figures:
        for value in ("x" * 5000, int("9" * 4000)):
            summary.write_text(json.dumps(figures | {key: value}))
            shown = call(["runs"], cwd)
            assert shown.returncode == 0
            assert max(map(len, shown.stdout.splitlines())) < 300, key
            assert "ours" in shown.stdout
