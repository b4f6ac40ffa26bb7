"""What the dashboard costs and how fast it answers, in a pseudo-terminal of 120×40, beside the same runs headless.

Run it with `python -m benchmarks.dashboard` on quiet cores; it takes about twelve minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

import psutil

from benchmarks.hour import growth
from tests.images import write_folder
from tests.terminal import Screen, Terminal

PROGRAM = str(Path(sys.executable).with_name("cifar-tui"))
PATIENT = ("--patience", "1000000")
TWO = ("--data", "digits", "--batch-size", "64", "--epochs", "1000", *PATIENT, "--start")
"""Both models at once, for longer than anything here takes."""
IMAGES = {"mlp": 5000, "cnn": 560}
EPOCHS = {"mlp": 12, "cnn": 5}
"""With so many images, of which a tenth is for validation: 20 to 30 s on two cores after the first epoch."""
ANSWERS = (
    ("down", "model  mlp"),
    ("2", "most confused"),
    ("1", "x axis:"),
    ("up", "model  cnn"),
    ("5", r"\d\d:\d\d:\d\d(.*\n)*.*\d\d:\d\d:\d\d"),
    ("6", r"machine [\d.]+ of"),
)
"""Keys, and what of each one's answer nothing else shows: two lines with a time are the log."""
SPEED = {"mlp": 0.97, "cnn": 0.98}
PARTS = ("paint", "keys", "idle", "hour", "mlp", "cnn")
KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: float
    goal: float
    unit: str = ""
    digits: int = 0
    at_least: bool = False
    """Whether the goal is the least that is good, not the most."""
    spread: tuple[float, float] | None = None

    def __str__(self) -> str:
        spread = f" ({self._form(self.spread[0])}–{self._form(self.spread[1])})" if self.spread else ""
        met = self.measured >= self.goal if self.at_least else self.measured <= self.goal
        verdict = "√" if met else f"missed by {self._form(abs(self.measured - self.goal))}{self.unit}"
        goal = f"{'≥' if self.at_least else '≤'} {self._form(self.goal)}{self.unit}"
        return f"| {self.what} | {self._form(self.measured)}{self.unit}{spread} | {goal} | {verdict} |"

    def _form(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


@dataclass(frozen=True)
class Training:
    """What was seen of one run."""

    speed: float
    """Images per second of training: the median of its epochs after the first."""
    memory: float
    """Resident bytes of its process: the median over the same time."""
    written: float
    """Bytes per second on the terminal, over the same time."""


def first_paint(place: Path, rounds: int) -> Iterator[Row]:
    """From the start of the process until the table of the runs is on the screen."""
    seconds = []
    for _ in range(rounds + 1):
        with Terminal([PROGRAM], cwd=place) as terminal:
            seconds.append(terminal.wait_for("mlp") - terminal.started)
    warm = seconds[1:]
    yield Row("first paint, program files cached", statistics.median(warm), 0.5, " s", 2, spread=(min(warm), max(warm)))


def keys(place: Path, presses: int) -> Iterator[Row]:
    """From a key to the last of what it changes on the screen, while both models train."""
    moments = random.Random(0)
    milliseconds = []
    # Drawing what came must not keep the thread waiting that notes when it came.
    sys.setswitchinterval(0.0005)
    cwd = Path(tempfile.mkdtemp(dir=place))
    with Terminal([PROGRAM, *TWO], cwd=cwd) as terminal:
        _wait(lambda: len(_training(cwd)) == 2, terminal.process)
        for key, shown in islice(cycle(ANSWERS), presses):
            # In step neither with the trainers' batches nor with the screen's own drawings.
            time.sleep(moments.uniform(0.2, 0.7))
            terminal.text()  # What came before is not to be waited for.
            pressed = time.perf_counter()
            terminal.press(key)
            answered = terminal.wait_for(_showing(shown))
            milliseconds.append(1000 * (answered - pressed))
    median, late = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[-1]
    yield Row(f"key to repaint, both models training, {presses} keys", median, 50, " ms", spread=_ends(milliseconds))
    yield Row("the same, 95th percentile", late, 150, " ms")


def _showing(pattern: str) -> Callable[[Screen], object]:
    return lambda screen: re.search(pattern, "\n".join(screen.display))


def trainings(place: Path, pairs: int, models: list[str]) -> Iterator[Row]:
    """The same run with the dashboard and headless, in turn."""
    memory, written = [], []
    for model in models:
        data = _images(place, IMAGES[model])
        _train(place, data, model, 1, dashboard=False)  # It reads the images into the cache.
        ratios = []
        for number in range(pairs):
            # Each is the first of its pair as often as the second: a machine grows slower, or faster.
            order = (True, False) if number % 2 else (False, True)
            seen = {dashboard: _train(place, data, model, EPOCHS[model], dashboard=dashboard) for dashboard in order}
            ratios.append(seen[True].speed / seen[False].speed)
            memory.append((seen[True].memory - seen[False].memory) / MIB)
            written.append(seen[True].written / KIB)
            _say(f"  {seen[False].speed:,.0f} images/s headless, {seen[True].speed:,.0f} with the dashboard")
        what = f"images/s with the dashboard ÷ headless, {model}, {pairs} pairs of runs"
        yield Row(what, statistics.median(ratios), SPEED[model], digits=3, at_least=True, spread=_ends(ratios))
    yield Row("written per second, one run training", statistics.median(written), 6, " KiB", 1, spread=_ends(written))
    yield Row("memory over headless", statistics.median(memory), 60, " MiB", spread=_ends(memory))


def idle(place: Path) -> Iterator[Row]:
    """What is written while nothing runs, after a run has ended."""
    cwd = Path(tempfile.mkdtemp(dir=place))
    command = [PROGRAM, "--data", "digits", "--model", "mlp", "--epochs", "1", "--start"]
    with Terminal(command, cwd=cwd) as terminal:
        _wait(lambda: _state(cwd) == "finished", terminal.process)
        time.sleep(5)
        settled = time.perf_counter()
        time.sleep(10)
        yield Row("written in 10 s while nothing runs", terminal.written(settled), 0, " B")


def hour(minutes: int) -> Iterator[Row]:
    """What the process grows by over an hour's worth of events, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        grown = pool.submit(growth, minutes).result()
    yield Row(f"growth over {minutes * 600:,} batches, {minutes} minutes' worth", grown / MIB, 2, " MiB", 1)


def _train(place: Path, data: Path, model: str, epochs: int, *, dashboard: bool) -> Training:
    """Train once, in a new folder, until so many epochs are done."""
    cwd = Path(tempfile.mkdtemp(dir=place))
    command = [PROGRAM, "--data", str(data), "--model", model, "--epochs", str(epochs), *PATIENT]
    if dashboard:
        with Terminal([*command, "--start"], cwd=cwd) as terminal:
            seen = _watch(cwd, terminal.process, epochs, terminal)
            terminal.process.kill()
        return seen
    silent = subprocess.DEVNULL
    with subprocess.Popen([*command, "--no-ui"], cwd=cwd, stdin=silent, stdout=silent, stderr=silent) as process:
        try:
            return _watch(cwd, process, epochs, None)
        finally:
            process.kill()


def _watch(cwd: Path, process: subprocess.Popen[bytes], epochs: int, terminal: Terminal | None) -> Training:
    """Follow a run from its first epoch's end to its last's."""
    memory = []

    def done() -> bool:
        # Again and again: writing a checkpoint takes memory for a moment.
        memory.append(psutil.Process(process.pid).memory_info().rss)
        return len(_speeds(cwd)) >= epochs

    _wait(lambda: len(_speeds(cwd)) >= 1, process)
    begin = time.perf_counter()
    _wait(done, process)
    end = time.perf_counter()
    written = terminal.written(begin, end) / (end - begin) if terminal else 0.0
    return Training(statistics.median(_speeds(cwd)[1:] or _speeds(cwd)), statistics.median(memory), written)


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for what a process does to its run's folder.

    Raises:
        RuntimeError: The process ended before, or it took five minutes.
    """
    deadline = time.monotonic() + 300
    while not condition():
        ended = process.poll() is not None
        if (ended and not condition()) or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r}: {'ended' if ended else 'still waits'}")
        time.sleep(0.2)


def _speeds(cwd: Path) -> list[float]:
    """Images per second, by whole epochs, of the one run in a folder."""
    for path in cwd.glob("runs/*/metrics.csv"):
        with path.open(newline="") as file:
            return [float(row["images_per_second"]) for row in csv.DictReader(file)]
    return []


def _state(cwd: Path) -> str:
    for path in cwd.glob("runs/*/summary.json"):
        return str(json.loads(path.read_text())["state"])
    return ""


def _training(cwd: Path) -> list[Path]:
    """The runs that have batches behind them."""
    return [path for path in cwd.glob("runs/*/events.jsonl") if '"type":"batch"' in path.read_text()]


def _images(place: Path, count: int) -> Path:
    """A folder of so many noise images of ten classes."""
    splits = {"train": count, "test": 200}
    counts = {f"{split}/class{k}": number // 10 for split, number in splits.items() for k in range(10)}
    return write_folder(place / f"images-{count}", counts)


def _ends(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="measure only these")
    parser.add_argument("--paints", type=int, default=5)
    parser.add_argument("--presses", type=int, default=80)
    parser.add_argument("--pairs", type=int, default=4, help="of runs, with the dashboard and headless")
    parser.add_argument("--minutes", type=int, default=60, help="worth of events")
    options = parser.parse_args()
    models = [model for model in SPEED if model in options.only]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        os.environ["XDG_CACHE_HOME"] = str(place / "cache")
        parts: dict[str, Callable[[], Iterator[Row]]] = {
            "paint": lambda: first_paint(place, options.paints),
            "keys": lambda: keys(place, options.presses),
            "idle": lambda: idle(place),
            "hour": lambda: hour(options.minutes),
            models[0] if models else "": lambda: trainings(place, options.pairs, models),
        }
        for name, part in parts.items():
            if name in options.only:
                _say(f"{name} …")
                rows += part()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, terminal of 120×40\n")
    print("| | measured, median (min–max) | goal | |")
    print("|---|---:|---:|---|")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
