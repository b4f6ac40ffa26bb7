"""Recorded scripts killed with SIGKILL at random moments: each folder must be readable, and lack one second at most.

Run it with `python -m benchmarks.any_training.recorder_crash`. The script notes each step in a file before it logs
it, so that what was lost is known. It exits with 1 if anything else was.
"""

from __future__ import annotations

import argparse
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.support.killed_runs import unreadable
from cifar_tui.store import catalog
from cifar_tui.store.run_folder import RunFolder

SCRIPT = """
import mmap, struct, time
from cifar_tui import record
with open("progress", "r+b") as file, record(name="script", quiet=True, epochs=1000, batches=20) as run:
    progress = mmap.mmap(file.fileno(), 16)
    step = 0
    for epoch in run.epochs():
        for _ in run.batches(range(20)):
            step += 1
            progress[:16] = struct.pack("qd", step, time.time())
            run.log(loss=1.0 / step, step_number=step)
            time.sleep(0.002)
        run.validated(loss=1.0 / epoch, accuracy=0.5)
"""
LOST_SECONDS = 1.0
LONGEST_LIFE = 3.0


def trial(moments: random.Random, place: Path) -> tuple[float, list[str]]:
    """Kill a script once.

    Returns:
        The seconds of steps that its folder lacks, and what is wrong with that.
    """
    (place / "progress").write_bytes(bytes(16))
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=place)
    while not struct.unpack("qd", (place / "progress").read_bytes())[0]:
        time.sleep(0.005)
    time.sleep(moments.uniform(0, LONGEST_LIFE))
    process.kill()
    process.wait()
    reached, at = struct.unpack("qd", (place / "progress").read_bytes())
    (path,) = (place / "runs").iterdir()
    folder = RunFolder(path)
    problems = list(unreadable(path))
    state = folder.read_state()
    if catalog.summary_of(folder).state != "interrupted":
        problems.append(f"it is {catalog.summary_of(folder).state}")
    recorded = state.samples
    # About 2 ms a step: what matters is the time, by which the steps that are lacking were made.
    steps_a_second = reached / max(state.t, 1e-3) if state.t else float("inf")
    lost = (reached - recorded) / steps_a_second if recorded else at - path.stat().st_ctime
    if lost > LOST_SECONDS:
        problems.append(f"the last {lost:.1f} s are lost")
    numbers = state.metrics.get("step_number")
    if numbers and numbers.points[-1].high > reached:
        problems.append("it holds what was never logged")
    return lost, problems


def main() -> None:
    """Kill, read, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    moments = random.Random(given.seed)
    lost, wrong = [], []
    for number in range(given.runs):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
            seconds, problems = trial(moments, Path(place))
            lost.append(seconds)
            wrong += [f"trial {number}: {problem}" for problem in problems]
    print("| trials | readable, and without a loss before the last second | most that was lost |")
    print("|---:|---:|---:|")
    whole = given.runs - len({line.partition(":")[0] for line in wrong})
    print(f"| {given.runs} | {whole} | {max(lost):.2f} s |")
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
