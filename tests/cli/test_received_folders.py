"""A folder that somebody else has made is looked at and written to: nothing leaks or leads out of it."""

from __future__ import annotations

import base64
import contextlib
import csv
import json
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from cifar_tui.data import cifar10
from cifar_tui.errors import InputError
from cifar_tui.store.predictions import FILE as PREDICTIONS
from cifar_tui.store.predictions import read
from tests.support import command
from tests.support.command import error_line, eventually
from tests.support.hostile import snapshot
from tests.support.program import (
    TRAIN,
    UNEXPECTED,
    call,
    mark_unfinished,
    prepare_project,
    prepare_received_runs,
    received_run,
)

SECRET = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0IG9mIHRoZSB2aWN0aW0=\n"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a victim's folder in it, and two finished runs, of which one came from somebody else."""
    cwd = prepare_received_runs(tmp_path, monkeypatch)
    (cwd / "victim").mkdir()
    (cwd / "victim" / "key").write_bytes(SECRET)
    return cwd


# What is written


@pytest.mark.parametrize("place", ["export", "tensorboard", "export/tensorboard"])
def test_no_folder_that_is_a_link_is_filled(cwd: Path, place: str) -> None:
    folder = received_run(cwd)
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).symlink_to(cwd / "victim")
    (cwd / "victim" / "model.safetensors").write_bytes(b"precious")
    before = snapshot(cwd / "victim")
    for form in ("safetensors", "csv", "tensorboard"):
        result = call(["export", "evil", "--format", form], cwd)
        if place == "export" or (place, form) == ("export/tensorboard", "tensorboard"):
            assert "symbolic links are not followed" in error_line(result)
        else:
            assert result.returncode == 0, result.stderr
    mark_unfinished(folder)
    resumed = call(["resume", "evil"], cwd)
    assert resumed.returncode == 0, resumed.stderr
    assert ("nothing more is written for TensorBoard" in resumed.stdout) == (place == "tensorboard")
    assert snapshot(cwd / "victim") == before


def test_where_to_export_is_the_users_own_say_links_too(cwd: Path) -> None:
    (cwd / "link").symlink_to(cwd / "victim")
    assert call(["export", "ours", "--format", "csv", "--output", "link"], cwd).returncode == 0
    assert (cwd / "victim" / "metrics.csv").exists()


@pytest.mark.parametrize("kind", ["link", "hard link"])
@pytest.mark.parametrize("name", ["events.jsonl", "log.txt", "metrics.csv", "requests", "lock", "checkpoints/last.pt"])
def test_no_file_elsewhere_is_changed_by_a_second_name_for_it(cwd: Path, name: str, kind: str) -> None:
    folder = received_run(cwd)
    mark_unfinished(folder)
    content = (folder / name).read_bytes() if (folder / name).exists() else SECRET
    (cwd / "victim" / "file").write_bytes(content)
    (folder / name).unlink(missing_ok=True)
    if kind == "link":
        (folder / name).symlink_to(cwd / "victim" / "file")
    else:
        (folder / name).hardlink_to(cwd / "victim" / "file")
    before = snapshot(cwd / "victim")
    for arguments in (["resume", "evil"], ["report", "evil", "--html"], ["stop", "evil"], ["runs"]):
        assert UNEXPECTED not in call(arguments, cwd).stderr
    assert snapshot(cwd / "victim") == before


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
        mark_unfinished(folder)
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
    folder = received_run(cwd)
    config = json.loads((folder / "config.json").read_text())
    config["options"] |= {"data": "cifar10", "data_dir": str(cwd / "victim" / "deep")}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / PREDICTIONS).unlink()
    assert "no network here" in error_line(call(["evaluate", "evil"], cwd))
    assert call(["compare", "evil", "ours"], cwd).returncode == 0
    mark_unfinished(folder)
    assert "no network here" in error_line(call(["resume", "evil"], cwd))
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
    folder = received_run(cwd)
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
    cwd = prepare_project(tmp_path, monkeypatch, classes=("=cmd|'calc'!A0", "+plus", "-1"))
    assert call([*TRAIN, "--epochs", "1"], cwd).returncode == 0
    with (command.only_run(cwd) / "confusion_matrix.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=cmd|'calc'!A0" in cells


# What is read


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
    (received_run(cwd) / PREDICTIONS).write_bytes(bfloat(kinds))
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
    folder = received_run(cwd)
    mark_unfinished(folder)
    (folder / "checkpoints" / name).unlink(missing_ok=True)
    PLACES[kind](folder / "checkpoints" / name)
    before = snapshot(folder)
    line = error_line(call(["resume", "evil"], cwd))
    assert f"checkpoints/{name}: a folder, where checkpoints are to be written; move it elsewhere" in line
    after = snapshot(folder)
    assert {path for path in before if before[path] != after.get(path)} == set()


@pytest.mark.parametrize("kind", ["a pipe", "a link to a device", "a link to nothing"])
def test_what_is_no_file_in_a_checkpoints_place_is_passed_over_and_replaced(cwd: Path, kind: str) -> None:
    folder = received_run(cwd)
    mark_unfinished(folder)
    last = folder / "checkpoints" / "last.pt"
    shutil.copy(last, last.with_name("previous.pt"))
    last.unlink()
    with contextlib.suppress(OSError):
        os.mkfifo(last) if kind == "a pipe" else last.symlink_to("/dev/zero" if "device" in kind else "/nowhere")
    result = call(["resume", "evil"], cwd)
    assert result.returncode == 0, result.stderr
    assert "last.pt: cannot be read" in result.stdout
    assert "resuming from previous.pt" in result.stdout


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
    started = detached.DetachedProcess(job, modules / "runs")
    with pytest.raises(InputError, match="no data set or folder 'nowhere'"):
        started.wait(lambda _: None)
    assert not (modules / "acted").exists()
