"""Cost and latency of the dashboard, in a pseudo-terminal of 120×40, against the same runs headless.

Run it with `python -m benchmarks.dashboard` on idle cores; it takes about twelve minutes.
"""

from __future__ import annotations

import argparse
import contextlib
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
from typing import TextIO

import psutil

from benchmarks.hour import growth
from tests.support.images import write_folder
from tests.support.terminal import Screen, Terminal

PROGRAM = str(Path(sys.executable).with_name("cifar-tui"))
PATIENT = ("--patience", "1000000")
TWO = ("--data", "digits", "--batch-size", "64", "--epochs", "1000", *PATIENT, "--start")
"""Both models at once, for longer than any measurement."""
LONG = ("--epochs", "10000", *PATIENT)
IMAGES = {"mlp": 20_000, "cnn": 2_000}
"""With a tenth for validation, an epoch of 5 to 20 s on two cores."""
SECONDS = {"mlp": 6, "cnn": 12}
"""Seconds of one round."""
ANSWERS = (
    ("down", "model  mlp"),
    ("2", "most confused"),
    ("1", "x axis:"),
    ("tab", "Tab charts"),
    ("up", "model  cnn"),
    ("5", r"\d\d:\d\d:\d\d(.*\n)*.*\d\d:\d\d:\d\d"),
    ("6", "x span"),
    ("tab", "Tab device"),
)
"""Keys, and a text that only their result shows: two lines with a time are the log."""
SPEED = {"mlp": 0.97, "cnn": 0.98}
PARTS = ("paint", "keys", "idle", "hour", "mlp", "cnn")
KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: float
    goal: float | None
    """None if there is no goal."""
    unit: str = ""
    digits: int = 0
    at_least: bool = False
    """Whether the goal is a minimum, not a maximum."""
    spread: tuple[float, float] | None = None

    def __str__(self) -> str:
        spread = f" ({self._form(self.spread[0])}–{self._form(self.spread[1])})" if self.spread else ""
        return f"| {self.what} | {self._form(self.measured)}{self.unit}{spread} | {self._verdict()} |"

    def _verdict(self) -> str:
        if self.goal is None:
            return "|"
        met = self.measured >= self.goal if self.at_least else self.measured <= self.goal
        missed = f"missed by {self._form(abs(self.measured - self.goal))}{self.unit}"
        return f"{'≥' if self.at_least else '≤'} {self._form(self.goal)}{self.unit} | {'✓' if met else missed}"

    def _form(self, value: float) -> str:
        return f"{value:,.{self.digits}f}"


@dataclass(frozen=True)
class Turn:
    """What a training process did while it ran."""

    speed: float
    """Training images per second, including the time of validation and checkpoints."""
    written: float
    """Bytes per second on the terminal."""
    memory: float
    """Resident bytes at its end."""


class Training:
    """A training process that is suspended and continued from outside."""

    def __init__(self, cwd: Path, process: subprocess.Popen[bytes], terminal: Terminal | None = None) -> None:
        self.process = process
        self._cwd = cwd
        self._terminal = terminal
        self._lines: TextIO | None = None
        self._samples = 0

    def halt(self) -> None:
        """Suspend all of its threads."""
        psutil.Process(self.process.pid).suspend()

    def resume(self) -> None:
        """Continue them."""
        psutil.Process(self.process.pid).resume()

    def begin(self, images: int) -> None:
        """Wait until it has trained on this many images, and suspend it."""
        _wait(lambda: self.samples() >= images, self.process)
        self.halt()

    def samples(self) -> int:
        """Training images that it has reported."""
        if self._lines is None:
            files = list(self._cwd.glob("runs/*/events.jsonl"))
            if not files:
                return 0
            self._lines = files[0].open()
        for line in self._lines:
            found = re.search(r'"type":"batch".*"samples":(\d+)', line)
            self._samples = int(found[1]) if found else self._samples
        return self._samples

    def turn(self, seconds: float) -> Turn:
        """Continue it for this many seconds."""
        before, begin = self.samples(), time.perf_counter()
        self.resume()
        time.sleep(seconds)
        self.halt()
        lasted = time.perf_counter() - begin
        written = self._terminal.written(begin) if self._terminal else 0
        memory = psutil.Process(self.process.pid).memory_info().rss
        return Turn((self.samples() - before) / lasted, written / lasted, memory)


def first_paint(place: Path, rounds: int) -> Iterator[Row]:
    """From the start of the process until the table of runs is on the screen."""
    seconds, textual = [], []
    for _ in range(rounds + 1):
        with Terminal([PROGRAM], cwd=place) as terminal:
            seconds.append(terminal.wait_for("mlp") - terminal.started)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import textual.app, textual.widgets"], check=True)
        textual.append(time.perf_counter() - start)
    warm = seconds[1:]
    yield Row("first paint, program files cached", statistics.median(warm), 0.35, " s", 2, spread=_ends(warm))
    imports = statistics.median(textual[1:])
    yield Row("of which a process that imports Textual", imports, None, " s", 2, spread=_ends(textual[1:]))


def keys(place: Path, presses: int) -> Iterator[Row]:
    """From a key press to the end of the redraw it causes, while both models train."""
    moments = random.Random(0)
    milliseconds = []
    # Parsing the output must not delay the thread that records when it arrived.
    sys.setswitchinterval(0.0005)
    cwd = Path(tempfile.mkdtemp(dir=place))
    with Terminal([PROGRAM, *TWO], cwd=cwd) as terminal:
        _wait(lambda: len(_training(cwd)) == 2, terminal.process)
        for key, shown in islice(cycle(ANSWERS), presses):
            # Not in step with the training batches or with the screen's own redraws.
            time.sleep(moments.uniform(0.2, 0.7))
            terminal.text()  # Skip earlier output.
            pressed = time.perf_counter()
            terminal.press(key)
            answered = terminal.wait_for(_showing(shown))
            milliseconds.append(1000 * (answered - pressed))
    median, late = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[-1]
    yield Row(f"key to repaint, both models training, {presses} keys", median, 50, " ms", spread=_ends(milliseconds))
    yield Row("the same, 95th percentile", late, 150, " ms")


def _showing(pattern: str) -> Callable[[Screen], object]:
    return lambda screen: re.search(pattern, "\n".join(screen.display))


def trainings(place: Path, rounds: int, models: list[str]) -> Iterator[Row]:
    """The same training with the dashboard and headless, both started, one of the two suspended at any time.

    They take turns of some seconds, so that both have the same share of a machine that grows slower and faster.
    """
    memory, written = [], []
    for model in models:
        data = _images(place, IMAGES[model])
        seconds = SECONDS[model]
        with _headless(place, data, model) as plain:
            plain.begin(IMAGES[model])
            with _shown(place, data, model) as shown:
                shown.begin(IMAGES[model])
                turns = [(plain.turn(seconds), shown.turn(seconds)) for _ in range(rounds)]
        plain_speed, speed = ([turn[side].speed for turn in turns] for side in (0, 1))
        mean, plain_mean = statistics.mean(speed), statistics.mean(plain_speed)
        _say(f"  {plain_mean:,.0f} images/s headless, {mean:,.0f} with the dashboard")
        ratios = [b / a for a, b in zip(plain_speed, speed, strict=True)]
        what = f"images/s with the dashboard ÷ headless, {model}, {rounds} turns of {seconds} s each, of all"
        yield Row(what, mean / plain_mean, SPEED[model], digits=3, at_least=True, spread=_quartiles(ratios))
        written += [turn[1].written / KIB for turn in turns]
        # The median, because a checkpoint that is being written takes some for a moment.
        plain_memory, shown_memory = (statistics.median(turn[side].memory for turn in turns) for side in (0, 1))
        memory.append((shown_memory - plain_memory) / MIB)
    mean = statistics.mean(written)
    yield Row("written per second, one run training", mean, 3, " KiB", 1, spread=_quartiles(written))
    yield Row("memory over headless", statistics.mean(memory), 60, " MiB", spread=_ends(memory))


def idle(place: Path) -> Iterator[Row]:
    """Bytes written while nothing runs, after a run has ended."""
    cwd = Path(tempfile.mkdtemp(dir=place))
    command = [PROGRAM, "--data", "digits", "--model", "mlp", "--epochs", "1", "--start"]
    with Terminal(command, cwd=cwd) as terminal:
        _wait(lambda: _state(cwd) == "finished", terminal.process)
        time.sleep(5)
        settled = time.perf_counter()
        time.sleep(10)
        yield Row("written in 10 s while nothing runs", terminal.written(settled), 0, " B")


def hour(minutes: int) -> Iterator[Row]:
    """Growth of memory over an hour's events, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        grown = pool.submit(growth, minutes).result()
    yield Row(f"growth over {minutes * 600:,} batches, {minutes} minutes' worth", grown / MIB, 2, " MiB", 1)


@contextlib.contextmanager
def _headless(place: Path, data: Path, model: str) -> Iterator[Training]:
    """The training without the dashboard, suspended."""
    cwd = Path(tempfile.mkdtemp(dir=place))
    command = [PROGRAM, "--data", str(data), "--model", model, *LONG, "--no-ui"]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=cwd, stdin=silent, stdout=silent, stderr=silent) as process:
        yield Training(cwd, process)
        process.kill()


@contextlib.contextmanager
def _shown(place: Path, data: Path, model: str) -> Iterator[Training]:
    """The training with the dashboard."""
    cwd = Path(tempfile.mkdtemp(dir=place))
    with Terminal([PROGRAM, "--data", str(data), "--model", model, *LONG, "--start"], cwd=cwd) as terminal:
        yield Training(cwd, terminal.process, terminal)
        terminal.process.kill()


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for a change in the run's folder.

    Raises:
        RuntimeError: The process ended before, or it took five minutes.
    """
    deadline = time.monotonic() + 300
    while not condition():
        ended = process.poll() is not None
        if (ended and not condition()) or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r}: {'ended' if ended else 'still waits'}")
        time.sleep(0.2)


def _state(cwd: Path) -> str:
    for path in cwd.glob("runs/*/summary.json"):
        return str(json.loads(path.read_text())["state"])
    return ""


def _training(cwd: Path) -> list[Path]:
    """The runs that have trained batches."""
    return [path for path in cwd.glob("runs/*/events.jsonl") if '"type":"batch"' in path.read_text()]


def _images(place: Path, count: int) -> Path:
    """Create a folder of this many noise images in ten classes."""
    splits = {"train": count, "test": 200}
    counts = {f"{split}/class{k}": number // 10 for split, number in splits.items() for k in range(10)}
    return write_folder(place / f"images-{count}", counts)


def _ends(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _quartiles(values: list[float]) -> tuple[float, float]:
    first, _, third = statistics.quantiles(values, n=4)
    return first, third


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="measure only these")
    parser.add_argument("--paints", type=int, default=5)
    parser.add_argument("--presses", type=int, default=80)
    parser.add_argument("--turns", type=int, default=20, help="of a training, with the dashboard and headless")
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
            models[0] if models else "": lambda: trainings(place, options.turns, models),
        }
        for name, part in parts.items():
            if name in options.only:
                _say(f"{name} …")
                rows += part()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, terminal of 120×40\n")
    print("| | measured: median (min–max), of rounds mean (quartiles) | goal | |")
    print("|---|---:|---:|---|")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
