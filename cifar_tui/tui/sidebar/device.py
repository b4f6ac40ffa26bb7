"""The learning rate and its schedule, the selected run's device, and the load of the machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from textual.strip import Strip

from cifar_tui.events import RunStarted
from cifar_tui.formatting import count, devices, plural, printable, slowest_process, speed
from cifar_tui.system.hardware import GpuSample, Sample, gpu_of
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.source import recorded_by, source
from cifar_tui.tui.sidebar.lr_curve import RecordedRates, Schedule, curve, recorded_curve
from cifar_tui.tui.sidebar.machine import gpu_row, host_rows
from cifar_tui.tui.sidebar.recorded_usage import usage_rows
from cifar_tui.tui.sidebar.rows import LABEL, Ranked, label, longest_fitting
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, RunPanel, View
from cifar_tui.tui.widgets.lines import Row, line

CURVE_LEAST = 2
"""The least lines of a curve, with its marker's."""
CURVE_SHAPE = 6
"""The least ratio of a curve's width to its height."""
SPACIOUS = 12
"""The least lines with blank ones between the blocks."""

FACTS = ("model", "parameters", "device", "precision", "threads", "batch_size", "seed", "processes", "hosts")
"""Fields of a run's first event."""


class DevicePanel(RunPanel, View):
    """Learning rate, device and machine: compact beside the charts, or in full as a view of its own."""

    shows_devices: ClassVar[bool] = True

    def __init__(self, *, id: str | None = None, titles: Sequence[str] = ()) -> None:  # noqa: A002
        super().__init__(id=id, titles=titles)
        self.sample: Sample | None = None

    def show(self, context: Context) -> None:
        """Draw the selected run, and what the machine does now."""
        self.sample = context.sample
        super().show(context)

    def lines(self, width: int, height: int) -> list[Strip]:
        """The most important rows that fit, and the curve in the room that is left."""
        return picture(self.entry, self.sample, self.look, width, height)


def picture(entry: Entry | None, sample: Sample | None, look: Look, width: int, height: int) -> list[Strip]:
    """The schedule, a run's facts and the machine, in up to `height` lines of `width` columns."""
    schedule = Schedule.of(entry) or RecordedRates.of(entry) if entry is not None else None
    reserved = CURVE_LEAST if schedule is not None and height >= 2 * CURVE_LEAST else 0
    gap = 1 if height >= SPACIOUS else 0
    rates: list[Ranked] = []
    facts: list[Ranked] = []
    if entry is not None:
        facts = _fact_rows(entry, sample, look, width)
        if schedule is not None:
            rates.append((0, _rate_row(entry, schedule, look)))
    ranked = [rates, facts, _machine_rows(entry, sample, look, width)]
    blocks = _fitting_blocks(ranked, height - reserved - 2 * gap)
    if entry is not None and schedule is not None and reserved:
        room = height - sum(map(len, blocks)) - 2 * gap
        rows_of_curve = min(room - 1, max(1, width // CURVE_SHAPE))
        if isinstance(schedule, Schedule):
            blocks[0] += curve(schedule, look, entry.number, width, rows_of_curve)
        else:
            blocks[0] += recorded_curve(schedule, look, entry.number, width, rows_of_curve)
    rows: list[Row] = []
    for block in filter(None, blocks):
        rows += [[] for _ in range(gap if rows else 0)] + block
    return [line(row, width) for row in rows]


def _rate_row(entry: Entry, schedule: Schedule | RecordedRates, look: Look) -> Row:
    rate = entry.state.lr if entry.state is not None else math.nan
    now: Row = [(f"{rate:.2e}", look.strong), ", "] if math.isfinite(rate) else []
    if isinstance(schedule, RecordedRates):
        words = ", constant" if schedule.is_constant else f", highest {schedule.highest:.2e}"
        return [label("lr", look), (f"{schedule.last:.2e}", look.strong), words]
    return [label("lr", look), *now, f"peak {schedule.max_lr:.2e}"]


def _fact_rows(entry: Entry, sample: Sample | None, look: Look, width: int) -> list[Ranked]:
    """The model, its device and settings: from its events, else from its summary or its options."""
    known: dict[str, Any] = entry.config.to_dict() if entry.config is not None else {}
    if entry.summary is not None:
        known |= {key: value for key in FACTS if (value := getattr(entry.summary, key, None)) is not None}
    if entry.state is not None and entry.state.started is not None:
        known |= {key: getattr(entry.state.started, key) for key in FACTS}
    device, precision = known.get("device", ""), known.get("precision", "")
    product = _device_name(entry, sample, device)
    size, seed, threads = known.get("batch_size"), known.get("seed"), known.get("threads")
    processes, hosts = known.get("processes") or 1, known.get("hosts") or 1
    together = f"{count(processes)} processes on {plural(hosts, 'host')}" if processes > 1 else ""
    # Like the batch, the threads are those of all processes.
    counted = _counted(threads and threads * processes, "thread")
    settings = (f"batch {size}" if size else "", "" if seed is None else f"seed {seed}", counted)
    facts = (
        (7, "model", (str(known.get("model", "")).rpartition(":")[2], _counted(known.get("parameters"), "parameter"))),
        (4, "device", (devices(device, processes), precision if precision != device else "", product)),
        (5, "", (together,)),
        (8, "", settings),
        (8, "source", (f"recorded by {recorded_by(entry)}" if source(entry) else "",)),
        (9, "speed", (_speed(entry, processes, width - LABEL),)),
    )
    return [
        (
            rank,
            [label(name, look), look.text(printable(", ".join(str(value) for value in values if value)))],
        )
        for rank, name, values in facts
        if any(values)
    ]


def _speed(entry: Entry, processes: int, room: int) -> str:
    """Of all processes in the last epoch, and of the slowest; empty where there is one."""
    if processes == 1 or entry.state is None or not entry.state.epochs:
        return ""
    epoch = entry.state.epochs[-1]
    slowest = slowest_process(epoch.slowest_images_per_second, epoch.slowest_rank)
    if not slowest or not math.isfinite(epoch.images_per_second):
        return ""
    every = speed(epoch.images_per_second)
    return longest_fitting((f"{every} images/s, {slowest}", slowest), room)


def _counted(value: Any, noun: str) -> str:
    """`2 threads`; empty where the value is unknown or chosen by the program."""
    return plural(value, noun) if isinstance(value, int) and value > 0 else ""


def _device_name(entry: Entry, sample: Sample | None, device: str) -> str:
    """The product name, where it is known."""
    if entry.device_name is not None:
        return entry.device_name
    gpu = gpu_of(sample, str(device)) if sample is not None and entry.state is not None else None
    return "" if gpu is None else gpu.name


def _machine_rows(entry: Entry | None, sample: Sample | None, look: Look, width: int) -> list[Ranked]:
    if entry is not None and entry.state is not None and entry.state.usage and not entry.active:
        return usage_rows(entry.state, look.run(entry.number), look, width)
    if sample is None:
        return []
    style, own = look.dim, list[GpuSample]()
    if entry is not None and entry.state is not None and entry.state.started is not None:
        style = look.run(entry.number)
        own = _own_gpus(entry.state.started, entry.device_name, sample)
    cpu, memory = host_rows(sample.host, style, look, width)
    gpus: list[Ranked] = []
    for place, gpu in enumerate(sample.gpus):
        is_own, is_first = gpu in own, bool(own) and gpu is own[0]
        row = gpu_row(gpu, style if is_own else look.dim, look, width, own=is_own)
        gpus.append((2 if is_first else 10 + place, row))
    return [(3, cpu), (6, memory), *gpus]


def _own_gpus(started: RunStarted, name: str | None, sample: Sample) -> list[GpuSample]:
    """The GPUs of this machine that a run computes on, as far as that can be determined.

    Of several processes, those of a machine have its first GPUs.
    """
    kind = started.device.partition(":")[0]
    each = min(-(-started.processes // started.hosts), len(sample.gpus))
    names = [f"{kind}:{number}" for number in range(each)] if started.processes > 1 else [started.device]
    return [gpu for device in names if (gpu := gpu_of(sample, device, name)) is not None]


def _fitting_blocks(blocks: Sequence[list[Ranked]], height: int) -> list[list[Row]]:
    """The rows of each block that fit into `height` lines, by their ranks among all, the first of equals."""
    places = [(rank, number, place) for number, block in enumerate(blocks) for place, (rank, _) in enumerate(block)]
    kept = {(number, place) for _, number, place in sorted(places)[: max(height, 1)]}
    return [
        [row for place, (_, row) in enumerate(block) if (number, place) in kept] for number, block in enumerate(blocks)
    ]
