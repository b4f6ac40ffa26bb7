"""Opening a thousand runs, one of them with a million events, and a run of a thousand classes against one of ten.

Run it with `python -m benchmarks.scale` on idle cores.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from benchmarks import classes, hour
from benchmarks.dashboard import MIB, PROGRAM, Row
from cifar_tui.events import RunFinished
from cifar_tui.state.run_state import RunState
from cifar_tui.store.recorder import Recorder
from cifar_tui.store.run_folder import RunFolder
from tests.support.terminal import Terminal

FIRST = datetime(2026, 1, 1)
LONG, PARAMETERS = "20260314-150926-cnn", 5_859_210
"""The long run's id, and a text that only its panels show."""


def train(place: Path) -> Path:
    """A real run in `place`/runs: its folder, without what would fill the disk, and no list reads."""
    command = [PROGRAM, "--no-ui", "--quiet", "--data", "digits", "--model", "mlp", "--epochs", "2"]
    subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
    (real,) = (place / "runs").iterdir()
    shutil.rmtree(real / "checkpoints")
    (real / "model.safetensors").unlink()
    return real


def make(real: Path, count: int, events: int) -> None:
    """Create this many runs next to a real one: copies of it, and a long one, the newest but for its own time."""
    runs = real.parent
    for number in range(count - 2):
        run_id = f"{FIRST + timedelta(minutes=number):%Y%m%d-%H%M%S}-mlp"
        _copy(real, runs / run_id)
    long = RunFolder(_copy(real, runs / LONG))
    long.events_file.unlink()
    recorder = Recorder(long, long.read_record(), RunState())
    for event in hour.events(1, events // hour.BATCHES):
        recorder.record(event)
    state = recorder.state
    ended = RunFinished(
        t=state.t, state="finished", message="trained", epochs=len(state.epochs), best_epoch=1, best_val_accuracy=0.9,
        test_loss=None, test_accuracy=None, seconds=state.seconds,
    )  # fmt: skip
    recorder.record(ended)
    recorder.close()


def _copy(run: Path, target: Path) -> Path:
    shutil.copytree(run, target)
    for name in ("config.json", "summary.json"):
        content = json.loads((target / name).read_text())
        (target / name).write_text(json.dumps(content | {"id": target.name}))
    return target


def listing(place: Path, rounds: int) -> Iterator[Row]:
    """`cifar-tui runs`, from the start of the process to its end."""
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run([PROGRAM, "runs"], cwd=place, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    yield _row("list of all runs", seconds[1:], 0.5)


def dashboard(place: Path, rounds: int) -> Iterator[Row]:
    """Seconds to the first screen, and from the key that selects the long run until its curves are drawn."""
    painted, drawn, memory = [], [], 0
    for _ in range(rounds + 1):
        with Terminal([PROGRAM], cwd=place) as terminal:
            painted.append(terminal.wait_for("mlp") - terminal.started)
            terminal.wait_for("digits")
            # Past the two that are ready and the newest; its events are read too, and are few.
            terminal.press("down", "down")
            terminal.wait_for("x axis:")
            pressed = time.perf_counter()
            terminal.press("down")
            drawn.append(terminal.wait_for(f"{PARAMETERS:,} parameters", 60) - pressed)
            memory = max(memory, psutil.Process(terminal.process.pid).memory_info().rss)
    yield _row("first paint", painted[1:], 0.5)
    yield _row("the long run, selected until drawn", drawn[1:], 1.0)
    yield Row("resident memory of the dashboard then", memory / MIB, None, " MiB")


def _row(what: str, seconds: list[float], goal: float) -> Row:
    return Row(what, statistics.median(seconds), goal, " s", 2, spread=(min(seconds), max(seconds)))


def main() -> None:
    """Make the runs, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="0 for only the table of many classes")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=100, help="of the run of many classes")
    parser.add_argument("--images", type=int, nargs="+", default=[5000, 50_000], help="its validation images")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, PyTorch {importlib.metadata.version('torch')}, {os.cpu_count()} cores\n"
    )
    for images in options.images:
        with tempfile.TemporaryDirectory() as temporary:
            real = train(Path(temporary))
            print(*classes.table(real, options.classes, options.epochs, images, options.rounds), "", sep="\n")
    if not options.runs:
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        make(train(place), options.runs, options.events)
        rows = [*listing(place, options.rounds), *dashboard(place, options.rounds)]
    print(f"{options.runs:,} runs, one of {options.events:,} events\n")
    print("| | median (min–max) | goal | |")
    print("|---|---:|---:|---|")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
