"""A folder that somebody else has made is looked at and written to: nothing leaks, swells or leads out of it."""

from __future__ import annotations

import base64
import contextlib
import csv
import json
import os
import shutil
import signal
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from cifar_tui.data import cifar10
from cifar_tui.errors import InputError
from cifar_tui.store.predictions import FILE as PREDICTIONS
from cifar_tui.store.predictions import read
from tests.cli.test_hostile_input import everything
from tests.models.test_classes_of_others import unfinished
from tests.runs.test_background_runs import eventually
from tests.support import command
from tests.support.command import refused
from tests.support.program import TRAIN, UNEXPECTED, at_most, call, prepared

LIMIT = 300_000_000
"""Bytes of memory that a command may take beyond what the process has."""
SECRET = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0IG9mIHRoZSB2aWN0aW0=\n"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images, a victim's folder, and two finished runs, of which one came from somebody else."""
    cwd = prepared(tmp_path, monkeypatch)
    for name in ("ours", "evil"):
        assert call([*TRAIN, "--epochs", "1", "--name", name], cwd).returncode == 0
    (cwd / "victim").mkdir()
    (cwd / "victim" / "key").write_bytes(SECRET)
    return cwd


def evil(cwd: Path) -> Path:
    (folder,) = (cwd / "runs").glob("*-evil")
    return folder


# What is written


@pytest.mark.parametrize("place", ["export", "tensorboard", "export/tensorboard"])
def test_no_folder_that_is_a_link_is_filled(cwd: Path, place: str) -> None:
    folder = evil(cwd)
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).symlink_to(cwd / "victim")
    (cwd / "victim" / "model.safetensors").write_bytes(b"precious")
    before = everything(cwd / "victim")
    for form in ("safetensors", "csv", "tensorboard"):
        result = call(["export", "evil", "--format", form], cwd)
        if place == "export" or (place, form) == ("export/tensorboard", "tensorboard"):
            assert "symbolic links are not followed" in refused(result)
        else:
            assert result.returncode == 0, result.stderr
    unfinished(folder)
    resumed = call(["resume", "evil"], cwd)
    assert resumed.returncode == 0, resumed.stderr
    assert ("nothing more is written for TensorBoard" in resumed.stdout) == (place == "tensorboard")
    assert everything(cwd / "victim") == before


def test_where_to_export_is_the_users_own_say_links_too(cwd: Path) -> None:
    (cwd / "link").symlink_to(cwd / "victim")
    assert call(["export", "ours", "--format", "csv", "--output", "link"], cwd).returncode == 0
    assert (cwd / "victim" / "metrics.csv").exists()


@pytest.mark.parametrize("kind", ["link", "hard link"])
@pytest.mark.parametrize("name", ["events.jsonl", "log.txt", "metrics.csv", "requests", "lock", "checkpoints/last.pt"])
def test_no_file_elsewhere_is_changed_by_a_second_name_for_it(cwd: Path, name: str, kind: str) -> None:
    folder = evil(cwd)
    unfinished(folder)
    content = (folder / name).read_bytes() if (folder / name).exists() else SECRET
    (cwd / "victim" / "file").write_bytes(content)
    (folder / name).unlink(missing_ok=True)
    if kind == "link":
        (folder / name).symlink_to(cwd / "victim" / "file")
    else:
        (folder / name).hardlink_to(cwd / "victim" / "file")
    before = everything(cwd / "victim")
    for arguments in (["resume", "evil"], ["report", "evil", "--html"], ["stop", "evil"], ["runs"]):
        assert UNEXPECTED not in call(arguments, cwd).stderr
    assert everything(cwd / "victim") == before


def test_a_log_has_no_second_name(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(SECRET)
    process = command.start([*command.TRAIN, "--epochs", "3000", "--patience", "3000", "--name", "it"], tmp_path)
    try:
        eventually(lambda: list((tmp_path / "runs").glob("*-it/checkpoints/last.pt")))
        (folder,) = (tmp_path / "runs").iterdir()
        (folder / "log.txt").hardlink_to(tmp_path / "victim")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "asked" in str(command.run(["stop", "it", "--json"], tmp_path).stdout))
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert (tmp_path / "victim").read_bytes() == SECRET


def test_a_runs_files_are_the_groups_too_where_the_umask_says_so(cwd: Path) -> None:
    before = os.umask(0o002)
    try:
        assert call([*TRAIN, "--epochs", "1", "--name", "shared"], cwd).returncode == 0
        (folder,) = (cwd / "runs").glob("*-shared")
        unfinished(folder)
        assert call(["resume", "shared"], cwd).returncode == 0
    finally:
        os.umask(before)
    modes = {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert {name: oct(mode) for name, mode in modes.items() if mode not in (0o664, 0o775)} == {}
    assert {"events.jsonl", "lock"} <= modes.keys()


def test_what_a_received_run_says_of_cifar10_is_looked_at_and_not_written_to(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Path] = []

    def fetch(target: Path, *_: object) -> None:
        fetched.append(target)
        raise InputError("no network here")

    monkeypatch.setattr(cifar10, "_fetch", fetch)
    folder = evil(cwd)
    config = json.loads((folder / "config.json").read_text())
    config["options"] |= {"data": "cifar10", "data_dir": str(cwd / "victim" / "deep")}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / PREDICTIONS).unlink()
    assert "no network here" in refused(call(["evaluate", "evil"], cwd))
    assert call(["compare", "evil", "ours"], cwd).returncode == 0
    unfinished(folder)
    assert "no network here" in refused(call(["resume", "evil"], cwd))
    assert not (cwd / "victim" / "deep").exists()
    assert len(fetched) == 3
    assert all(target.is_relative_to(cwd / "cache") for target in fetched)


# What is given away

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
KINDS: dict[str, Callable[[Path, Path], object]] = {
    "a link": lambda path, secret: path.symlink_to(secret),
    "a hard link": lambda path, secret: path.hardlink_to(secret),
    "a copy": lambda path, secret: path.write_bytes(secret.read_bytes()),
    "a picture with more behind it": lambda path, secret: path.write_bytes(PNG + secret.read_bytes()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_holds_pictures_of_the_run_and_nothing_else(cwd: Path, kind: str) -> None:
    folder = evil(cwd)
    (folder / "predictions.png").unlink()
    KINDS[kind](folder / "predictions.png", cwd / "victim" / "key")
    for extra in (["--html"], ["--output", "page.html"]):
        assert call(["report", "evil", *extra], cwd).returncode == 0
    for page in (folder / "report.html", cwd / "page.html"):
        shown = page.read_bytes()
        assert base64.b64encode(SECRET)[8:-8] not in shown
        assert b"PRIVATE KEY" not in shown
    (folder / "predictions.png").unlink()
    (folder / "predictions.png").write_bytes(PNG)
    assert call(["report", "evil", "--html"], cwd).returncode == 0
    assert base64.b64encode(PNG) in (folder / "report.html").read_bytes(), "a picture stands in it"


def test_a_class_that_a_spreadsheet_would_run_is_text_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = prepared(tmp_path, monkeypatch, classes=("=cmd|'calc'!A0", "+plus", "-1"))
    assert call([*TRAIN, "--epochs", "1"], cwd).returncode == 0
    with (command.only_run(cwd) / "confusion_matrix.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=cmd|'calc'!A0" in cells


# What it takes

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


@pytest.mark.parametrize("what", SIZES)
def test_nothing_in_a_folder_takes_much_memory_or_ends_the_list(cwd: Path, what: str) -> None:
    name, make = SIZES[what]
    folder = evil(cwd)
    shutil.copy(folder / "events.jsonl", folder / "begin")
    if name != "checkpoints/best.pt":
        (folder / name).unlink(missing_ok=True)
    make(folder / name)
    for arguments in (
        ["runs"],
        ["attach", "evil", "--no-ui"],
        ["report", "evil", "--html"],
        ["compare", "ours", "evil"],
        ["evaluate", "evil"],
        ["export", "evil", "--format", "csv"],
        ["resume", "evil"],
    ):
        with at_most(LIMIT):
            result = call(arguments, cwd)
        assert UNEXPECTED not in result.stderr, arguments
        if arguments == ["runs"]:
            assert "ours" in result.stdout
            assert "evil" in result.stdout


def test_what_has_thousands_of_characters_is_cut_where_it_is_shown(cwd: Path) -> None:
    summary = evil(cwd) / "summary.json"
    figures = json.loads(summary.read_text())
    for key in figures:
        for value in ("x" * 5000, int("9" * 4000)):
            summary.write_text(json.dumps(figures | {key: value}))
            shown = call(["runs"], cwd)
            assert shown.returncode == 0
            assert max(map(len, shown.stdout.splitlines())) < 300, key
            assert "ours" in shown.stdout


def bfloat(tensors_of: dict[str, str]) -> bytes:
    """The predictions of four images, with these kinds of numbers."""
    sizes = {"BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F32": 4, "I64": 8, "F16": 2, "BOOL": 1}
    header: dict[str, dict[str, object]] = {"__metadata__": {"epoch": "1", "fingerprint": "x"}}
    at = 0
    for name, shape in (("labels", [4]), ("probabilities", [4, 2])):
        size = sizes[tensors_of[name]] * int(np.prod(shape))
        header[name] = {"dtype": tensors_of[name], "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(at)


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2", "F16", "BOOL"])
@pytest.mark.parametrize("which", ["labels", "probabilities"])
def test_predictions_of_another_kind_are_found_out_anew(cwd: Path, kind: str, which: str) -> None:
    kinds = {"labels": "I64", "probabilities": "F32"} | {which: kind}
    (evil(cwd) / PREDICTIONS).write_bytes(bfloat(kinds))
    for arguments in (["report", "evil"], ["compare", "ours", "evil"], ["evaluate", "evil"]):
        result = call(arguments, cwd)
        assert result.returncode == 0, result.stderr


def test_predictions_of_our_kind_are_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bfloat({"labels": "I64", "probabilities": "F32"}))
    assert read(tmp_path / "x").probabilities.shape == (4, 2)
    saved = save(
        {"labels": np.zeros(2, np.int64), "probabilities": np.ones((2, 3), np.float32)},
        {"epoch": "3", "fingerprint": "y"},
    )
    (tmp_path / "y").write_bytes(saved)
    found = read(tmp_path / "y")
    assert (found.epoch, found.fingerprint, found.labels.tolist()) == (3, "y", [0, 0])


# What stands in the way

PLACES: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a folder with something in it": lambda path: (path / "inner").mkdir(parents=True),
}


@pytest.mark.parametrize("name", ["last.pt", "previous.pt", "best.pt"])
@pytest.mark.parametrize("kind", PLACES)
def test_a_folder_in_a_checkpoints_place_is_named_before_anything_is_trained(cwd: Path, name: str, kind: str) -> None:
    folder = evil(cwd)
    unfinished(folder)
    (folder / "checkpoints" / name).unlink(missing_ok=True)
    PLACES[kind](folder / "checkpoints" / name)
    before = everything(folder)
    line = refused(call(["resume", "evil"], cwd))
    assert f"checkpoints/{name}: a folder, where checkpoints are to be written; move it elsewhere" in line
    after = everything(folder)
    assert {path for path in before if before[path] != after.get(path)} == set()


@pytest.mark.parametrize("kind", ["a pipe", "a link to a device", "a link to nothing"])
def test_what_is_no_file_in_a_checkpoints_place_is_passed_over_and_replaced(cwd: Path, kind: str) -> None:
    folder = evil(cwd)
    unfinished(folder)
    last = folder / "checkpoints" / "last.pt"
    shutil.copy(last, last.with_name("previous.pt"))
    last.unlink()
    with contextlib.suppress(OSError):
        os.mkfifo(last) if kind == "a pipe" else last.symlink_to("/dev/zero" if "device" in kind else "/nowhere")
    result = call(["resume", "evil"], cwd)
    assert result.returncode == 0, result.stderr
    assert "last.pt: cannot be read" in result.stdout
    assert "going on from previous.pt" in result.stdout


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A current folder with modules of well-known names in it, each of which leaves a trace."""
    for name in ("click", "random", "json", "torch", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'acted')!r}, 'a').write('{name} ')\nraise ImportError\n"
        )
    return tmp_path


@pytest.mark.parametrize("path", [None, "", ":/nonexistent", "/nonexistent:", "."])
def test_no_module_of_the_current_folder_is_imported_by_a_process_that_is_started(
    modules: Path, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    from cifar_tui.config import TrainingConfig
    from cifar_tui.runs import detached

    monkeypatch.chdir(modules)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if path is not None:
        monkeypatch.setenv("PYTHONPATH", path)
    # It ends before it trains: there are no such images.
    job = TrainingConfig(model="mlp", data="nowhere", epochs=1)
    started = detached.Detached(job, modules / "runs")
    with pytest.raises(InputError, match="no data set or folder 'nowhere'"):
        started.wait(lambda _: None)
    assert not (modules / "acted").exists()
