"""The real `cifar-tui` within the tests' own process: its whole command line, without the seconds of a new one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from cifar_tui import models
from cifar_tui.cli import main
from cifar_tui.formatting import JOINERS, SIGNS
from cifar_tui.report import run_files
from cifar_tui.system import output, paths
from tests.support.images import write_folder

UNEXPECTED = "--debug shows where"
"""What the program says of an error that nobody has foreseen."""
TRAIN = ("--no-ui", "--data", "images", "--model", "mlp", "--batch-size", "4", "--threads", "1", "--device", "cpu")
"""A training that takes a moment, in a folder that was made ready by `prepared`; add the epochs."""


def call(arguments: Sequence[str], cwd: Path, *, removed: bool = False) -> subprocess.CompletedProcess[str]:
    """Run it in the folder `cwd` to its end; that is `removed` first, if so."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cifar-tui", *arguments])
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(output, "_own", None)
        patch.setattr(paths.Current, "gone", False)
        # Where daemon threads are left, it ends its process at once, which here is that of all tests.
        patch.setattr(os, "_exit", sys.exit)
        with contextlib.chdir(cwd):
            if removed:
                cwd.rmdir()
            with pytest.raises(SystemExit) as ended:
                main.main()
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(["cifar-tui", *arguments], int(ended.value.code or 0), *texts)


def printed(cwd: Path, *arguments: str) -> str:
    """What a command prints that succeeds."""
    result = call(arguments, cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


@contextlib.contextmanager
def memory_limit(bytes_more: int) -> Iterator[None]:
    """See that no more memory than this is taken meanwhile, at any moment, beyond what is there now."""
    status, references = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    try:
        references.write_text("5")  # The peak is what is there now.
    except OSError:
        yield  # Not on this system.
        return
    before = _kilobytes(status, "VmRSS")
    yield
    assert (_kilobytes(status, "VmHWM") - before) * 1024 <= bytes_more


def _kilobytes(status: Path, name: str) -> int:
    return int(status.read_text().partition(f"{name}:")[2].split()[0])


def linear_model(num_classes: int) -> torch.nn.Module:
    """A model so small that a hundred of its checkpoints are read in a second."""
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, num_classes))


def prepare_project(cwd: Path, patch: pytest.MonkeyPatch, classes: Sequence[str] = ("cat", "dog")) -> Path:
    """The folder `cwd` with a few images to train on, every model replaced by a small one, every picture by nothing."""
    write_folder(cwd / "images", {f"{split}/{name}": 8 for split in ("train", "test") for name in classes})
    patch.setenv("XDG_CACHE_HOME", str(cwd / "cache"))
    load = models.user_class.load
    patch.setattr(models, "load", lambda name, folder=None: load(name, folder) if ":" in name else linear_model)
    for name in ("draw_curves", "draw_confusion_matrix", "draw_calibration", "draw_examples"):
        patch.setattr(run_files, name, lambda *_: b"")
    return cwd


def control_characters(text: str) -> list[str]:
    """The characters of a text that act on a terminal, but for line ends."""
    kept = {"\n", *SIGNS, *JOINERS}
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in kept]


def invoke(*arguments: str | Path) -> int:
    """The exit status of a command in this process.

    Raises:
        CifarTuiError: It was refused, or failed; the message is the line that it would have printed.
    """
    status: int | None = main.app([str(argument) for argument in arguments], standalone_mode=False)
    return status or 0


def interrupted_run(cwd: Path, *options: str) -> Path:
    """The folder of a new run, as a process leaves it that was killed after its second epoch."""
    result = call([*TRAIN, "--epochs", "2", *options], cwd)
    assert result.returncode == 0, result.stderr
    folder = max((cwd / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    mark_unfinished(folder)
    return folder


def mark_unfinished(folder: Path) -> None:
    """Have a run not have come to its end."""
    lines = (folder / "events.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["type"] != "run_finished" and '"test"' not in line]
    (folder / "events.jsonl").write_text("".join(kept))


def replace_file(file: Path, content: bytes) -> None:
    """Give one of the names of a file that has several other content."""
    file.unlink(missing_ok=True)
    file.write_bytes(content)


def prepare_received_runs(cwd: Path, patch: pytest.MonkeyPatch) -> Path:
    """What is `prepared`, with two finished runs: `ours`, and `evil`, which somebody else has made."""
    prepare_project(cwd, patch)
    for name in ("ours", "evil"):
        result = call([*TRAIN, "--epochs", "1", "--name", name], cwd)
        assert result.returncode == 0, result.stderr
    return cwd


def received_run(cwd: Path) -> Path:
    """The folder of the run that somebody else has made."""
    (folder,) = (cwd / "runs").glob("*-evil")
    return folder
