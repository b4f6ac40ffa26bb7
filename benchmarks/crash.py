"""Runs killed at random moments with SIGKILL and resumed: each must end as if it had not been interrupted.

Run it with `python -m benchmarks.crash`; with `--dashboard`, two trainers of one dashboard in a terminal are killed.
After every kill, every file that is there must be readable. It exits with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import pty
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OPTIONS = ("--data", "digits", "--batch-size", "128", "--threads", "1", "--checkpoint-seconds", "0.2", "--epochs", "2")
TIMES = ("seconds", "images_per_second")
"""Columns of metrics.csv that differ from run to run."""


@dataclass
class Trial:
    """The outcome for one folder of runs."""

    moments: list[str] = field(default_factory=list)
    """What the run was doing when it was killed."""
    problems: list[str] = field(default_factory=list)


def preload() -> None:
    """Import what a run imports: each run is a fork of this process, and starts at once.

    With one thread, PyTorch starts none, which would not survive a fork.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    import safetensors.torch  # noqa: F401

    import cifar_tui.cli.main
    import cifar_tui.headless.driver
    import cifar_tui.report.plots.confusion
    import cifar_tui.report.plots.curves
    import cifar_tui.report.plots.examples
    import cifar_tui.training.loop
    import cifar_tui.training.setup.prepare  # noqa: F401


def begin(arguments: Sequence[str], cwd: Path, *, terminal: bool = False) -> tuple[int, int]:
    """Start `cifar-tui` with these arguments in a process of its own.

    Returns:
        Its id, and what its terminal can be read from; -1 without one.
    """
    pid, shown = pty.fork() if terminal else (os.fork(), -1)
    if pid:
        return pid, shown
    status = 1
    try:
        os.chdir(cwd)
        if not terminal:
            output = os.open(cwd / "output.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            for number in (1, 2):
                os.dup2(output, number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        # New stream objects: the parent's remember whether its files were seekable.
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        os.environ["TERM"] = "xterm-256color"
        sys.argv = ["cifar-tui", *arguments]
        from cifar_tui.cli.main import main

        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    finally:
        os._exit(status)


def ended_by(pid: int, shown: int, seconds: float) -> int | None:
    """The exit status of a process, if it ends in time; its terminal is read meanwhile."""
    deadline = time.monotonic() + seconds
    terminal = select.poll()  # Unlike select(), it takes descriptors of any number.
    if shown >= 0:
        terminal.register(shown, select.POLLIN)
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        if shown >= 0 and terminal.poll(1000 * min(left, 0.02)):
            with contextlib.suppress(OSError):
                os.read(shown, 65536)
        elif shown < 0:
            time.sleep(min(left, 0.005))


def kill(pid: int, shown: int) -> None:
    """Kill a process with SIGKILL."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    if shown >= 0:
        os.close(shown)


def folders(cwd: Path) -> list[Path]:
    """The runs in a folder."""
    return sorted(path for path in cwd.glob("runs/*") if (path / "config.json").exists())


def moment(folder: Path) -> str:
    """What a killed run was doing: the file it was writing, otherwise its last event."""
    leftovers = [path.name.split(".")[1] for path in folder.rglob(".*.tmp")]
    if leftovers:
        return f"writing {leftovers[0]}"
    lines = (folder / "events.jsonl").read_text().splitlines() if (folder / "events.jsonl").exists() else []
    with contextlib.suppress(ValueError, IndexError):
        return f"after {json.loads(lines[-1])['type']}"
    return "at its beginning"


def unreadable(folder: Path) -> Iterator[str]:
    """The files of a run that cannot be read, and why."""
    import torch
    from PIL import Image
    from safetensors.numpy import load

    def events(content: bytes) -> None:
        for line in content.splitlines(keepends=True):
            if line.endswith(b"\n"):  # The last one may be torn.
                json.loads(line)

    readers: dict[str, Callable[[bytes], Any]] = {
        ".pt": lambda content: torch.load(io.BytesIO(content), weights_only=True),
        ".safetensors": load,
        ".json": json.loads,
        ".jsonl": events,
        ".png": lambda content: Image.open(io.BytesIO(content)).load(),
        ".csv": lambda content: next(csv.reader(content.decode().splitlines(), strict=True)),
        ".md": lambda content: content.decode()[0],
    }
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(".tmp") and path.suffix in readers:
            try:
                readers[path.suffix](path.read_bytes())
            except Exception as error:  # noqa: BLE001  (whatever it is, the file is unreadable)
                yield f"{path.name}: {type(error).__name__}: {error}"


def result(folder: Path) -> dict[str, Any]:
    """A complete run's results, without times: the figures of its epochs, its test, its weights bit for bit."""
    import torch

    with (folder / "metrics.csv").open(newline="") as file:
        rows = [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(file)]
    summary = json.loads((folder / "summary.json").read_text())
    weights = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)["weights"]
    return {
        "state": summary["state"],
        "test": (summary["test_accuracy"], summary["test_loss"], summary["best_epoch"]),
        "metrics": rows,
        "weights": {name: tensor.numpy().tobytes() for name, tensor in weights.items()},
    }


def trial(seed: int, place: Path, life: float, *, dashboard: bool) -> Trial:
    """Kill a run one to three times, at moments chosen by `seed` within `life` seconds, then resume it to its end."""
    moments, seen = random.Random(seed), Trial()
    cwd = place / str(seed)
    cwd.mkdir()
    new = [*OPTIONS, "--model", "mlp"]
    new += ["--model", "mlp", "--start"] if dashboard else ["--no-ui", "--quiet"]
    kills = moments.choice([1, 1, 1, 2, 3])
    while kills or not folders(cwd):
        going = [folder for folder in folders(cwd) if state(folder) != "finished"]
        if folders(cwd) and not going:
            break  # It ended before it was killed.
        arguments = ["resume", going[0].name, "--quiet"] if going else new
        pid, shown = begin(arguments, cwd, terminal=dashboard and not going)
        kills = max(0, kills - 1)
        status = ended_by(pid, shown, moments.uniform(0, life))
        if status is None:
            kill(pid, shown)
            seen.moments += [moment(folder) for folder in folders(cwd)] or ["before it had begun"]
        elif shown >= 0:
            os.close(shown)
        seen.problems += [problem for folder in folders(cwd) for problem in unreadable(folder)]
        if status:
            seen.problems.append(f"exit status {status}")
            break
    for folder in folders(cwd):
        if state(folder) != "finished":
            pid, shown = begin(["resume", folder.name, "--quiet"], cwd)
            if status := ended_by(pid, shown, 300):
                seen.problems.append(f"resumed: exit status {status}: {(cwd / 'output.txt').read_text()[-300:]}")
    return seen


def state(folder: Path) -> str:
    """A run's summary; empty if there is none yet."""
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads((folder / "summary.json").read_text())["state"])
    return ""


def work(seeds: Sequence[int], place: Path, life: float, *, dashboard: bool) -> Iterator[Trial]:
    """Run these trials and compare each with the uninterrupted run."""
    wanted = result(folders(place / "whole")[0])
    for seed in seeds:
        seen = trial(seed, place, life, dashboard=dashboard)
        for folder in folders(place / str(seed)):
            try:
                ended = result(folder)
            except Exception as error:  # noqa: BLE001  (any error means that it did not end as it should)
                seen.problems.append(f"no result: {type(error).__name__}: {error}")
                continue
            seen.problems += [f"other {key}" for key in wanted if ended[key] != wanted[key]]
        print(f"{seed}: {', '.join(seen.moments)}; {seen.problems or 'equal'}", file=sys.stderr, flush=True)
        if not seen.problems:
            shutil.rmtree(place / str(seed))
        yield seen


def crash(runs: int, jobs: int, place: Path, *, seed: int = 0, dashboard: bool = False) -> list[Trial]:
    """Kill `runs` runs (with `dashboard`, as many dashboards of two runs), `jobs` at a time, and resume each."""
    preload()
    (place / "whole").mkdir()
    began = time.monotonic()
    pid, shown = begin(["--no-ui", "--quiet", "--model", "mlp", *OPTIONS], place / "whole")
    assert ended_by(pid, shown, 300) == 0, (place / "whole" / "output.txt").read_text()
    # Where two train at once, and the dashboard has to come up, it takes longer.
    life = (time.monotonic() - began) * (2.5 if dashboard else 1.0)
    reader, writer = os.pipe()
    for number in range(jobs):
        if os.fork() == 0:
            try:
                with os.fdopen(writer, "w") as answers:
                    for seen in work(range(seed + number, seed + runs, jobs), place, life, dashboard=dashboard):
                        print(json.dumps(asdict(seen)), file=answers, flush=True)
            except BaseException:  # noqa: BLE001  (a fork has no caller that could handle it)
                traceback.print_exc()
            finally:
                os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        trials = [Trial(**json.loads(line)) for line in answers]
    for _ in range(jobs):
        os.wait()
    return trials


def main() -> None:
    """Kill, resume, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dashboard", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        trials = crash(given.runs, given.jobs, Path(place), seed=given.seed, dashboard=given.dashboard)
    print(*table(trials), sep="\n")
    sys.exit(len(trials) != given.runs or any(trial.problems for trial in trials))


def table(trials: Sequence[Trial]) -> Iterator[str]:
    """The table: what they were doing when killed, how they ended, what was wrong."""
    moments = Counter(moment for trial in trials for moment in trial.moments)
    yield "| killed | times |"
    yield "|---|---:|"
    yield from (f"| {name} | {times} |" for name, times in moments.most_common())
    whole = sum(not trial.problems for trial in trials)
    yield f"| all; of {len(trials)} trials, {whole} ended as if nothing had happened | {moments.total()} |"
    yield from (f"{problem}" for trial in trials for problem in trial.problems)


if __name__ == "__main__":
    main()
