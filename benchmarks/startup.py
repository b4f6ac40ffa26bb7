"""From the command to the first training batch, against importing PyTorch alone, alternately in one run.

Run it with `python -m benchmarks.startup --data FOLDER`; it always measures the digits, and a folder after a first
run that has cached its images.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = ("-m", "cifar_tui", "--no-ui", "--json")


def first_batch(data: str, model: str) -> float:
    """Seconds from the start of the process until its first batch event."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, *COMMAND, "--data", data, "--model", model, "--runs-dir", runs]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            told = any('"type":"batch"' in line for line in process.stdout)
            seconds = time.perf_counter() - start
            process.kill()
    if not told:
        raise RuntimeError(f"{command}: ended without a batch")
    return seconds


def importing() -> float:
    """Seconds of a process that imports PyTorch and ends."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure all alternately and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="*", default=[], help="folders of images beside the digits")
    parser.add_argument("--models", nargs="+", choices=("mlp", "cnn"), default=["mlp", "cnn"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cases = [(data, model) for data in ("digits", *options.data) for model in options.models]
    seen: dict[tuple[str, str], list[tuple[float, float]]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as cache:
        os.environ.setdefault("XDG_CACHE_HOME", cache)
        for number in range(options.rounds + 1):
            for case in cases:
                measured = importing(), first_batch(*case)
                if number:  # The first round reads cold files and fills caches.
                    seen[case].append(measured)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.rounds} rounds\n")
    print("| data | model | import torch, s | command to first batch, s | minus the import, s |")
    print("|---|---|---:|---:|---:|")
    for (data, model), times in seen.items():
        torch_alone, whole = (statistics.median(side) for side in zip(*times, strict=True))
        rest = statistics.median(b - a for a, b in times)
        print(f"| {Path(data).name} | {model} | {torch_alone:.2f} | {whole:.2f} | {rest:.2f} |")


if __name__ == "__main__":
    main()
