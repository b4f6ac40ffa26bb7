"""Runs killed at random moments with SIGKILL and resumed: each must end as if it had not been interrupted.

Run it with `python -m benchmarks.crash`; with `--dashboard`, two trainers of one dashboard in a terminal are killed;
with `--processes 2`, one of the two processes that train a run together, which their launcher then starts again. After
every kill, every file that is there must be readable, and after every launch no process may be left. It exits with 1
if anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
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
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from benchmarks.support.killed_runs import activity, result, run_folders, state, unreadable

OPTIONS = ("--data", "digits", "--batch-size", "128", "--threads", "1", "--checkpoint-seconds", "0.2", "--model", "mlp")
MAX_RESTARTS = 3
"""How often torchrun starts the processes again; `--devices` does it more often than they are killed here."""
KILLS_OF_A_RANK = (1, 2, 3, MAX_RESTARTS + 1)
END_SECONDS = 300.0
"""How long a run may take to its end."""


@dataclass(frozen=True)
class Subject:
    """What is killed.

    Attributes:
        dashboard: Whether two trainers of a dashboard, otherwise a headless run.
        processes: By how many processes the run is trained.
    """

    dashboard: bool = False
    processes: int = 1


@dataclass
class Trial:
    """The outcome for one folder of runs."""

    killed: list[str] = field(default_factory=list)
    """What the run was doing each time it was killed."""
    problems: list[str] = field(default_factory=list)


def preload(subject: Subject) -> None:
    """Import what a run or a launcher imports: each is a fork of this process, and starts at once.

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

    if subject.processes > 1:
        import torch.distributed.run  # noqa: F401


def start(arguments: Sequence[str], cwd: Path, *, terminal: bool = False, torchrun: int = 0) -> tuple[int, int]:
    """Start `cifar-tui` with these arguments in a process of its own, or with `torchrun` in as many of a launcher's.

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
        if torchrun:
            from torch.distributed.run import main as launch

            launcher = ["--standalone", "--nproc-per-node", str(torchrun), "--max-restarts", str(MAX_RESTARTS)]
            launch([*launcher, "-m", "cifar_tui", *arguments])
            status = 0
        else:
            sys.argv = ["cifar-tui", *arguments]
            from cifar_tui.cli.main import main

            main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except Exception:  # noqa: BLE001  (a fork has no caller that could handle it)
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(pid: int, shown: int, seconds: float) -> int | None:
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


def kill_any_rank(launcher: int, moments: random.Random) -> int | None:
    """Kill one of the processes that a launcher has started.

    Returns:
        Its rank; None where the launcher has none at the moment.
    """
    ranks: dict[int, psutil.Process] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(launcher).children():
            with contextlib.suppress(psutil.Error, KeyError):
                ranks[int(process.environ()["RANK"])] = process
    if not ranks:
        return None
    rank = moments.choice(sorted(ranks))
    with contextlib.suppress(psutil.NoSuchProcess):
        ranks[rank].kill()
    return rank


def trial(seed: int, place: Path, life: float, subject: Subject) -> Trial:
    """Kill a run one to three times, at moments chosen by `seed` within `life` seconds, then resume it to its end."""
    moments, seen = random.Random(seed), Trial()
    cwd = place / str(seed)
    cwd.mkdir()
    kills = moments.choice([1, 1, 1, 2, 3])
    while kills or not run_folders(cwd):
        unfinished = [folder for folder in run_folders(cwd) if state(folder) != "finished"]
        if run_folders(cwd) and not unfinished:
            break  # It ended before it was killed.
        arguments = ["resume", unfinished[0].name, "--quiet"] if unfinished else new_run(subject)
        pid, shown = start(arguments, cwd, terminal=subject.dashboard and not unfinished)
        kills = max(0, kills - 1)
        status = wait(pid, shown, moments.uniform(0, life))
        if status is None:
            kill(pid, shown)
            seen.killed += [activity(folder) for folder in run_folders(cwd)] or ["before it had begun"]
        elif shown >= 0:
            os.close(shown)
        seen.problems += [problem for folder in run_folders(cwd) for problem in unreadable(folder)]
        if status:
            seen.problems.append(f"exit status {status}")
            break
    for folder in run_folders(cwd):
        if state(folder) != "finished":
            pid, shown = start(["resume", folder.name, "--quiet"], cwd)
            if status := wait(pid, shown, END_SECONDS):
                seen.problems.append(f"resumed: exit status {status}: {(cwd / 'output.txt').read_text()[-300:]}")
    return seen


def trial_of_processes(seed: int, place: Path, life: float, subject: Subject) -> Trial:
    """Kill random ranks of a run at moments chosen by `seed`, each within `life` seconds of the last kill or launch.

    Every other run is launched by `--devices`, the rest by torchrun, which gives up where there are more kills than
    `MAX_RESTARTS`; then the run is resumed by another launch.
    """
    moments, seen = random.Random(seed), Trial()
    cwd = place / str(seed)
    cwd.mkdir()
    by_torchrun = seed % 2 == 0
    kills = moments.choice(KILLS_OF_A_RANK)
    while not seen.problems and (kills or not run_folders(cwd) or state(run_folders(cwd)[0]) != "finished"):
        arguments = ["resume", run_folders(cwd)[0].name, "--quiet"] if run_folders(cwd) else new_run(subject)
        if not by_torchrun and not run_folders(cwd):
            arguments += ["--devices", str(subject.processes)]
        pid, _ = start(arguments, cwd, torchrun=subject.processes if by_torchrun else 0)
        status, lost = None, 0
        while kills and status is None:
            status = wait(pid, -1, moments.uniform(0, life))
            while status is None and (rank := kill_any_rank(pid, moments)) is None:
                status = wait(pid, -1, 0.01)
            if status is None:
                kills, lost = kills - 1, lost + 1
                what = [activity(folder) for folder in run_folders(cwd)] or ["before it had begun"]
                seen.killed += [f"{'rank 0' if rank == 0 else 'another rank'}, {each}" for each in what]
        if status is None and (status := wait(pid, -1, END_SECONDS)) is None:
            kill(pid, -1)
        seen.problems += [f"{process.name()} is left" for process in processes_in(cwd)]
        seen.problems += [problem for folder in run_folders(cwd) for problem in unreadable(folder)]
        if len(list(cwd.glob("runs/*"))) > 1:
            seen.problems.append("several run folders")
        if status != 0 and not (by_torchrun and lost > MAX_RESTARTS):
            seen.problems.append(f"exit status {status}: {(cwd / 'output.txt').read_text()[-2000:]}")
        if status == 0:
            kills = 0  # It ended before it was killed once more.
    return seen


def processes_in(cwd: Path) -> list[psutil.Process]:
    """The living processes that were started in this folder."""
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(cwd)]


def new_run(subject: Subject) -> list[str]:
    """The arguments for new runs."""
    shown = ["--model", "mlp", "--start"] if subject.dashboard else ["--no-ui", "--quiet"]
    # Several processes take longer to start; the longer they train, the more of them are killed while they do.
    return [*OPTIONS, "--epochs", "2" if subject.processes == 1 else "6", *shown]


def work(seeds: Sequence[int], place: Path, life: float, subject: Subject) -> Iterator[Trial]:
    """Run these trials and compare each with the uninterrupted run."""
    expected = result(run_folders(place / "whole")[0])
    for seed in seeds:
        seen = (trial if subject.processes == 1 else trial_of_processes)(seed, place, life, subject)
        for folder in run_folders(place / str(seed)):
            try:
                ended = result(folder)
            except Exception as error:  # noqa: BLE001  (any error means that it did not end as it should)
                seen.problems.append(f"no result: {type(error).__name__}: {error}")
                continue
            seen.problems += [f"other {key}" for key in expected if ended[key] != expected[key]]
        print(f"{seed}: {'; '.join(seen.killed)}: {seen.problems or 'equal'}", file=sys.stderr, flush=True)
        if not seen.problems:
            shutil.rmtree(place / str(seed))
        yield seen


def crash(runs: int, jobs: int, place: Path, subject: Subject, *, seed: int = 0) -> list[Trial]:
    """Kill `runs` runs (or as many dashboards of two runs), `jobs` at a time, and resume each."""
    preload(subject)
    (place / "whole").mkdir()
    began = time.monotonic()
    pid, shown = start(
        new_run(Subject(processes=subject.processes)),
        place / "whole",
        torchrun=subject.processes if subject.processes > 1 else 0,
    )
    assert wait(pid, shown, END_SECONDS) == 0, (place / "whole" / "output.txt").read_text()
    # Where two train at once, and the dashboard has to come up, it takes longer.
    life = (time.monotonic() - began) * (2.5 if subject.dashboard else 1.0)
    reader, writer = os.pipe()
    for number in range(jobs):
        if os.fork() == 0:
            try:
                with os.fdopen(writer, "w") as answers:
                    for seen in work(range(seed + number, seed + runs, jobs), place, life, subject):
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
    subject = parser.add_mutually_exclusive_group()
    subject.add_argument("--dashboard", action="store_true")
    subject.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True, prefix="crash-") as place:
        trials = crash(given.runs, given.jobs, Path(place), Subject(given.dashboard, given.processes), seed=given.seed)
    print(*table(trials), sep="\n")
    sys.exit(len(trials) != given.runs or any(trial.problems for trial in trials))


def table(trials: Sequence[Trial]) -> Iterator[str]:
    """The table: what they were doing when killed, how they ended, what was wrong."""
    activities = Counter(activity for trial in trials for activity in trial.killed)
    yield "| killed | times |"
    yield "|---|---:|"
    yield from (f"| {name} | {times} |" for name, times in activities.most_common())
    whole = sum(not trial.problems for trial in trials)
    yield f"| all; of {len(trials)} trials, {whole} ended as if nothing had happened | {activities.total()} |"
    yield from (f"{problem}" for trial in trials for problem in trial.problems)


if __name__ == "__main__":
    main()
