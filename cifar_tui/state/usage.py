"""The named series that what the hardware does makes."""

from __future__ import annotations

from collections.abc import Iterator

from cifar_tui.events import DeviceUsage


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


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None
