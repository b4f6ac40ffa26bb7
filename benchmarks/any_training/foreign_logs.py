"""Long logs of other tools: the time to open one, its memory, and how soon a new row is shown.

`python -m benchmarks.any_training.foreign_logs` prints a table.
"""

from __future__ import annotations

import argparse
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TAGS = ("train/loss", "train/accuracy", "train/lr", "train/grad_norm")
MIB = 1 << 20
POLYNOMIAL = 0x82F63B78


def crc_table() -> NDArray[np.uint32]:
    """The table of CRC-32C, (256,)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1 ^ np.where(table & 1, POLYNOMIAL, 0)).astype(np.uint32)
    return table


def checksums(records: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The checksums that TensorBoard has of records, (n, bytes)."""
    table, crc = crc_table(), np.full(len(records), 0xFFFFFFFF, np.uint32)
    for column in range(records.shape[1]):
        crc = table[(crc ^ records[:, column]) & 0xFF] ^ crc >> 8
    crc = ~crc
    return ((crc >> 15 | crc << 17) + 0xA282EAD8).astype(np.uint32)


def event_records(steps: NDArray[np.int64], tag: str) -> Iterator[bytes]:
    """A record of an event file for each step, as PyTorch's `SummaryWriter.add_scalar` writes them."""
    begun = 1_700_000_000.0
    noise = np.random.default_rng(len(tag)).random(len(steps), np.float32)
    value = noise / 2 + (1 / (1 + steps)).astype(np.float32)
    for bits in range(1, 6):
        there = np.flatnonzero((steps >> 7 * (bits - 1) > 0) & (steps >> 7 * bits == 0))
        if not len(there):
            continue
        name = tag.encode()
        scalar = b"\x0a" + bytes([len(name)]) + name + b"\x15"
        inner = b"\x0a" + bytes([len(scalar) + 4]) + scalar
        head = b"\x09" + bytes(8) + b"\x10" + bytes(bits) + b"\x2a" + bytes([len(inner) + 4]) + inner + bytes(4)
        records = np.tile(np.frombuffer(head, np.uint8), (len(there), 1))
        records[:, 1:9] = (begun + steps[there] * 0.01).astype("<f8")[:, None].view(np.uint8)
        for place in range(bits):
            more = 128 if place < bits - 1 else 0
            records[:, 10 + place] = (steps[there] >> 7 * place & 127) | more
        records[:, -4:] = value[there].astype("<f4")[:, None].view(np.uint8)
        length = struct.pack("<Q", records.shape[1])
        header = length + checksums(np.frombuffer(length, np.uint8)[None, :]).tobytes()
        for record, checksum in zip(records, checksums(records), strict=True):
            yield header + record.tobytes() + checksum.tobytes()


def write_event_file(path: Path, points: int) -> None:
    """An event file with so many points, of all tags in turn."""
    steps = np.arange(1, points // len(TAGS) + 1)
    with path.open("wb") as file:
        for records in zip(*(event_records(steps, tag) for tag in TAGS), strict=True):
            file.write(b"".join(records))


def write_csv(path: Path, rows: int) -> None:
    """A log of Lightning's, with a validation every thousand rows."""
    values = np.random.default_rng(0).random((rows, 4)).tolist()
    with path.open("w") as file:
        file.write("epoch,step,train_loss,train_acc,lr,grad_norm,val_loss,val_acc\n")
        for row, (a, b, c, d) in enumerate(values):
            place = f"{row // 1000},{row}"
            file.write(f"{place},,,,,{a},{b}\n" if row % 1000 == 999 else f"{place},{a},{b},{c / 1000},{d},,\n")


def opened(path: Path) -> None:
    """Open a log and print the seconds and the memory; in a process of its own."""
    from cifar_tui.foreign_logs.finder import Finder

    before, start, used = memory(), time.perf_counter(), time.process_time()
    (run,) = Finder([str(path)]).find()
    state, _ = run.follow({})
    seconds, used = time.perf_counter() - start, time.process_time() - used
    assert state.started is not None
    print(seconds, used, memory() - before)


def memory() -> float:
    """The most memory that this process has had, in MiB. Not by `getrusage`, which has that of its parent too."""
    return int(re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[0]) / 1024


def measured(path: Path, rounds: int) -> str:
    """The median and the longest time to open a log, the processor's time, and the memory beside the imports."""
    command = [sys.executable, "-m", "benchmarks.any_training.foreign_logs", "--open", str(path)]
    seen = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(rounds)]
    seconds, used, megabytes = ([float(each[column]) for each in seen] for column in range(3))
    found = f"{statistics.median(seconds):.2f} s (up to {max(seconds):.2f} s) | {statistics.median(used):.2f} s"
    return f"{found} | {max(megabytes):.0f} MiB"


def latency(path: Path, epochs: int, write: Callable[[int], None], rounds: int) -> list[float]:
    """The seconds from the end of a write to when `watch --json` has printed the row, for a row each.

    It begins when the log that is there, of so many epochs, has been read.
    """
    command = [sys.executable, "-m", "cifar_tui", "watch", str(path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        next(line for line in lines if '"type":"epoch"' in line and f'"epoch":{epochs},' in line)
        found = []
        for step in range(1, rounds + 1):
            time.sleep(0.3)
            write(step)
            start = time.perf_counter()
            next(line for line in lines if f'"samples":{10_000_000 + step}' in line)
            found.append(time.perf_counter() - start)
        process.terminate()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--open", type=Path)
    arguments = parser.parse_args()
    if arguments.open:
        opened(arguments.open)
        return
    with tempfile.TemporaryDirectory() as folder:
        table, events = (
            Path(folder, "lightning", "metrics.csv"),
            Path(folder, "tensorboard", "events.out.tfevents.1.host"),
        )
        for path in (table, events):
            path.parent.mkdir()
        write_csv(table, arguments.rows)
        write_event_file(events, arguments.points)

        def append(step: int) -> None:
            with table.open("a") as file:
                file.write(f"100000,{10_000_000 + step},0.5,0.5,0.1,1.0,,\n")

        print("| log | opened | of the processor | memory |\n|---|---|---|---|")
        logs = ((f"CSV, {arguments.rows:,} rows", table), (f"TensorBoard, {arguments.points:,} points", events))
        for name, path in logs:
            print(f"| {name}, {path.stat().st_size / MIB:.0f} MiB | {measured(path, arguments.rounds)} |")
        seconds = latency(table, arguments.rows // 1000, append, 10)
        print(
            f"\nA row is printed {statistics.median(seconds):.2f} s after it is written (up to {max(seconds):.2f} s)."
        )


if __name__ == "__main__":
    main()
