"""The named series that what the hardware does makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cifar_tui.events import DeviceUsage

Quantity = Literal["fraction", "bytes", "bytes/s", "°C", "W", "cores"]
"""What the values of a series are."""


def usage_series(event: DeviceUsage) -> Iterator[tuple[str, float]]:
    """The names of series and their next values: fractions, bytes, bytes a second, degrees Celsius and watts.

    Those of other ranks than 0 begin with `rank 1/`; those of a GPU contain its number: `gpu 0 utilization`.
    """
    prefix = f"rank {event.rank}/" if event.rank else ""
    values: list[tuple[str, float | None]] = [
        ("process cores", event.process_cpu),
        ("process memory", event.process_memory),
        ("cpu", sum(event.cores) / len(event.cores) if event.cores else None),
        ("memory", _share(event.memory_used, event.memory_total)),
        ("disk free", event.disk_free),
        ("disk read", event.disk_read),
        ("disk written", event.disk_written),
        ("network received", event.network_received),
        ("network sent", event.network_sent),
    ]
    for gpu in event.gpus:
        values += [
            (f"gpu {gpu.index} utilization", gpu.utilization),
            (f"gpu {gpu.index} memory", _share(gpu.memory_used, gpu.memory_total)),
            (f"gpu {gpu.index} temperature", gpu.temperature),
            (f"gpu {gpu.index} power", gpu.power),
        ]
    for name, value in values:
        if value is not None:
            yield prefix + name, value


def quantity(name: str) -> Quantity:
    """What the values of the series with this name are."""
    last = name.rpartition("/")[2]
    if last in ("process memory", "disk free"):
        return "bytes"
    if last.startswith(("disk ", "network ")):
        return "bytes/s"
    if last == "process cores":
        return "cores"
    return "°C" if last.endswith("temperature") else "W" if last.endswith("power") else "fraction"


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
