"""Opening a run of many classes against the same run of ten: time and peak memory of each command.

The goals are CPU time, which other work on the machine does not change.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch

from benchmarks.dashboard import MIB, PROGRAM
from cifar_tui.events import AnyEvent, Batch, Epoch, Evaluated, RunFinished, RunStarted, SplitName
from cifar_tui.state.run_state import RunState
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.evaluation import confusion_matrix
from tests.support.terminal import Terminal

FEW = 10
MOST_SECONDS, MOST_MIB = 2.0, 150.0
"""The allowed extra cost of many classes."""


@dataclass
class Cost:
    """One way of opening a run, by round: seconds, CPU seconds, and peak memory in bytes."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)


def table(real: Path, classes: int, epochs: int, images: int, rounds: int) -> Iterator[str]:
    """The table, line by line.

    Args:
        real: The folder of a run, of whose files copies are made beside it.
        classes: Of the one run; the other has ten.
        epochs: Of both.
        images: Validation images of both, and test images.
        rounds: How often each is opened, in turn with the other.
    """
    folders = {k: _run(real, k, epochs, images) for k in (FEW, classes)}
    ways = {k: _ways(folder) for k, folder in folders.items()}
    costs = {k: {name: Cost() for name in ways[k]} for k in folders}
    for name in ways[FEW]:
        for number in range(rounds + 1):
            for k in folders:
                seconds, cpu, memory = ways[k][name]()
                if number:  # The first one fills the caches.
                    costs[k][name].seconds.append(seconds)
                    costs[k][name].cpu.append(cpu)
                    costs[k][name].memory.append(memory)
    sizes = {k: (f.events_file.stat().st_size, _size(f.state_file)) for k, f in folders.items()}
    yield f"| {epochs} epochs, {images:,} validation images | {FEW} classes | {classes:,} classes | more | ratio | |"
    yield "|---|---:|---:|---:|---:|---|"
    for name in ways[FEW]:
        few, many = costs[FEW][name], costs[classes][name]
        yield _line(name, statistics.median(few.seconds), statistics.median(many.seconds), " s", 2, None)
        yield _line(f"{name}: CPU", statistics.median(few.cpu), statistics.median(many.cpu), " s", 2, MOST_SECONDS)
        yield _line(f"{name}: peak memory", max(few.memory) / MIB, max(many.memory) / MIB, " MiB", 0, MOST_MIB)
    for n, name in enumerate(("events.jsonl", "state.json")):
        yield _line(name, sizes[FEW][n] / MIB, sizes[classes][n] / MIB, " MiB", 2, None)


def _line(what: str, few: float, many: float, unit: str, digits: int, goal: float | None) -> str:
    ratio = f"{many / few:.2f}" if few else "–"
    verdict = "" if goal is None else "✓" if many - few <= goal else f"> {goal:g}{unit}"
    values = (f"{value:,.{digits}f}{unit}" for value in (few, many, many - few))
    return f"| {what} | {' | '.join(values)} | {ratio} | {verdict} |"


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _ways(folder: RunFolder) -> dict[str, Callable[[], tuple[float, float, int]]]:
    """The ways of opening the run: functions that return seconds and peak memory."""
    cwd, run = folder.path.parents[1], folder.path.name

    def by_its_events() -> tuple[float, float, int]:
        kept = folder.state_file.rename(cwd / "kept") if folder.state_file.exists() else None
        try:
            return _command(cwd, ["report", run])
        finally:
            if kept is not None:
                kept.rename(folder.state_file)

    return {
        "`runs`": lambda: _command(cwd, ["runs"]),
        "`attach --no-ui --json`": lambda: _command(cwd, ["attach", run, "--no-ui", "--json"]),
        "`report`": lambda: _command(cwd, ["report", run]),
        "`report` without `state.json`": by_its_events,
        "`attach`, until its matrix stands": lambda: _dashboard(cwd, run),
        "in it, one epoch back": lambda: _epoch_back(cwd, run),
    }


def _command(cwd: Path, words: Sequence[str]) -> tuple[float, float, int]:
    start = time.perf_counter()
    process, peak = subprocess.Popen([PROGRAM, *words], cwd=cwd, stdout=subprocess.DEVNULL), 0
    # Not by what `wait4` says, which begins with the memory of the process that started it.
    while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
        peak = max(peak, _peak(process.pid))
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    assert process.returncode == 0, words
    return time.perf_counter() - start, ended[2].ru_utime + ended[2].ru_stime, peak


def _dashboard(cwd: Path, run: str) -> tuple[float, float, int]:
    with Terminal([PROGRAM, "attach", run], cwd=cwd) as terminal:
        terminal.wait_for("x axis:", 60)
        terminal.press("2")
        drawn = terminal.wait_for("test, epoch", 60) - terminal.started
        cpu = _cpu(terminal.process.pid)
        return drawn, cpu, _peak(terminal.process.pid)


def _epoch_back(cwd: Path, run: str, epochs: int = 9) -> tuple[float, float, int]:
    """The mean of some epochs, one after the other."""
    with Terminal([PROGRAM, "attach", run], cwd=cwd) as terminal:
        terminal.wait_for("x axis:", 60)
        terminal.press("2")
        terminal.wait_for("test, epoch", 60)
        seconds, before = 0.0, _cpu(terminal.process.pid)
        for number in range(epochs):
            pressed = time.perf_counter()
            terminal.press(",")
            seconds += terminal.wait_for(f"validation after epoch {_epochs(cwd, run) - number} of") - pressed
        cpu = _cpu(terminal.process.pid) - before
        return seconds / epochs, cpu / epochs, _peak(terminal.process.pid)


def _cpu(process: int) -> float:
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


def _epochs(cwd: Path, run: str) -> int:
    return int(json.loads((cwd / "runs" / run / "summary.json").read_text())["epochs"])


def _peak(process: int) -> int:
    """The peak memory of a process so far; 0 if it has just ended."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int((text.partition("VmHWM:")[2].split() or ["0"])[0]) * 1024


def _run(real: Path, classes: int, epochs: int, images: int) -> RunFolder:
    """Create a run of this many classes in a folder of runs of its own."""
    run = RunFolder(real.parents[1] / f"{classes}-classes" / "runs" / f"20260314-150926-mlp{classes}")
    shutil.copytree(real, run.path)
    names = [f"class {k:04}" for k in range(classes)]
    config = json.loads(run.config_file.read_text()) | {"id": run.path.name}
    config["dataset"] |= {"classes": names, "validation": images, "test": images}
    config["options"] |= {"epochs": epochs}
    run.config_file.write_text(json.dumps(config))
    for name in ("events.jsonl", "state.json", "predictions.safetensors"):
        (run.path / name).unlink(missing_ok=True)
    recorder = Recorder(run, run.read_record(), RunState())
    for event in _events(run.path.name, names, epochs, images):
        recorder.record(event)
    recorder.close()
    return run


def _events(run: str, names: Sequence[str], epochs: int, images: int) -> Iterator[AnyEvent]:
    """The events of a training that improves from 5 % to 65 % accuracy."""
    yield RunStarted(
        t=0.0, id=run, model="mlp", data="digits", classes=tuple(names), epochs=epochs, batches=1, batch_size=256,
        train_samples=256, validation_samples=images, test_samples=images, parameters=5_859_210, device="cpu",
        precision="fp32", threads=2, seed=0, max_lr=0.01,
    )  # fmt: skip
    for epoch in range(1, epochs + 1):
        right = 0.05 + 0.6 * epoch / epochs
        yield Batch(
            t=epoch, epoch=epoch, batch=1, batches=1, samples=256 * epoch, loss=1 / epoch, accuracy=right, lr=0.01,
            images_per_second=256.0,
        )  # fmt: skip
        yield _evaluated("validation", epoch, right, len(names), images)
        yield Epoch(
            t=epoch, epoch=epoch, samples=256 * epoch, train_loss=1 / epoch, train_accuracy=right, val_loss=1 / epoch,
            val_accuracy=right, lr=0.01, seconds=1.0, images_per_second=256.0, best=True,
        )  # fmt: skip
    yield _evaluated("test", epochs, right, len(names), images)
    yield RunFinished(
        t=epochs, state="finished", message="trained", epochs=epochs, best_epoch=epochs, best_val_accuracy=right,
        test_loss=0.1, test_accuracy=right, seconds=epochs,
    )  # fmt: skip


def _evaluated(split: SplitName, epoch: int, right: float, classes: int, images: int) -> Evaluated:
    """Errors spread over all classes, which fills most cells of a matrix."""
    drawn = torch.Generator().manual_seed(epoch)
    true, other = torch.randint(classes, (2, images), generator=drawn)
    predicted = torch.where(torch.rand(images, generator=drawn) < right, true, other)
    matrix = confusion_matrix(true, predicted, classes)
    return Evaluated(t=epoch, split=split, epoch=epoch, loss=1 / epoch, accuracy=right, confusion=matrix, seconds=0.1)
