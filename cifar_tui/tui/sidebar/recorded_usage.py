"""What the hardware of a run did last by the run's own events, in rows."""

from __future__ import annotations

from collections.abc import Iterator

from rich.style import Style

from cifar_tui.events import DeviceUsage, GpuUsage
from cifar_tui.formatting import printable
from cifar_tui.state.run_state import RunState
from cifar_tui.system.hardware import GpuSample, HostSample
from cifar_tui.tui.charts.series import in_words
from cifar_tui.tui.sidebar.machine import gpu_row, host_rows
from cifar_tui.tui.sidebar.rows import LABEL, Ranked, label, longest_fitting
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import cut

CPU, MEMORY, GPU, HOST, TRAFFIC, FURTHER = 3, 6, 2, 10, 11, 20
"""Ranks of the rows, as in the device panel."""


def usage_rows(state: RunState, style: Style, look: Look, width: int) -> list[Ranked]:
    """The last sample of each process, the first process before the others."""
    rows: list[Ranked] = []
    ended = state.finished is not None
    for place, usage in enumerate(sorted(state.usage.values(), key=lambda each: each.rank)):
        rows += [(rank + FURTHER * place, row) for rank, row in _process_rows(usage, ended, style, look, width)]
    return rows


def _process_rows(usage: DeviceUsage, ended: bool, style: Style, look: Look, width: int) -> Iterator[Ranked]:
    host = _host_sample(usage)
    if host is not None:
        cpu, memory = host_rows(host, style, look, width)
        yield CPU, cpu
        yield MEMORY, memory
    for place, gpu in enumerate(usage.gpus):
        yield GPU if place == 0 else HOST + place, gpu_row(_gpu_sample(gpu), style, look, width, own=True)
    yield HOST, [label("host", look), cut(_host_words(usage, ended), width - LABEL, look)]
    for what, rates in (
        ("disk", (("read", usage.disk_read), ("written", usage.disk_written))),
        ("net", (("in", usage.network_received), ("out", usage.network_sent))),
    ):
        known = [(in_words(rate, "bytes/s"), word) for word, rate in rates if rate is not None]
        if known:
            long, short = (", ".join(f"{rate} {word[:end]}" for rate, word in known) for end in (None, 1))
            yield TRAFFIC, [label(what, look), longest_fitting((long, short), width - LABEL)]


def _host_words(usage: DeviceUsage, ended: bool) -> str:
    rank = f", rank {usage.rank}" if usage.rank else ""
    return f"{printable(usage.host)}{rank}{', at the end' if ended else ''}"


def _host_sample(usage: DeviceUsage) -> HostSample | None:
    """As this machine's samples are; None where anything of it is not known."""
    used, total, own = usage.memory_used, usage.memory_total, usage.process_memory
    if not usage.cores or used is None or total is None or own is None:
        return None
    return HostSample(
        process_cpu=None if usage.process_cpu is None else 100 * usage.process_cpu,
        process_memory=own,
        cores=len(usage.cores),
        machine_cpu=100 * sum(usage.cores) / len(usage.cores),
        memory_used=used,
        memory_total=total,
    )


def _gpu_sample(gpu: GpuUsage) -> GpuSample:
    return GpuSample(
        index=gpu.index,
        name=gpu.name,
        utilisation=None if gpu.utilization is None else 100 * gpu.utilization,
        memory_used=gpu.memory_used,
        memory_total=gpu.memory_total,
        temperature=gpu.temperature,
        power=gpu.power,
        power_limit=gpu.power_limit,
    )
