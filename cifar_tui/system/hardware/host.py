"""Usage of processors, memory, disks and network."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from cifar_tui.system import processors

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HostSample:
    """This process and the machine that it runs on.

    Attributes:
        process_cpu: Percent of one core since the sample before, so up to 100 for each core; None in the first sample.
        process_memory: Bytes that the process holds in memory.
        cores: Cores that the process can keep busy.
        machine_cpu: Percent of all cores of the machine since the sample before; None in the first sample.
        memory_used: Bytes of the machine's memory that could not be had at once.
        memory_total: Bytes of memory that the machine has.
        core_shares: The fraction of the time since the sample before in which each core of the machine was busy; none
            in the first sample.
        disk_read: Bytes a second of all disks of the machine since the sample before; None in the first sample, and
            where the system does not count them, like the following.
        disk_written: As above.
        network_received: Bytes a second of all the machine's network interfaces but the loopback one.
        network_sent: As above.
    """

    process_cpu: float | None
    process_memory: int
    cores: int
    machine_cpu: float | None
    memory_used: int
    memory_total: int
    core_shares: tuple[float, ...] = ()
    disk_read: float | None = None
    disk_written: float | None = None
    network_received: float | None = None
    network_sent: float | None = None


@dataclass(frozen=True, slots=True)
class _Counters:
    """What the system has counted since it was started.

    Attributes:
        at: Seconds on the monotonic clock.
        process: Seconds of processor time of this process.
        busy: Those in which each core was busy, and in all.
        transferred: Bytes read from disks, written, received and sent; None where they are not counted.
    """

    at: float
    process: float
    busy: tuple[tuple[float, float], ...]
    transferred: tuple[int | None, ...]


class Host:
    """Samples the host. Nothing that it compares with is shared with others who ask psutil in this process."""

    def __init__(self) -> None:
        # Takes 50 ms, which a start without this panel need not wait for.
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        self._before: _Counters | None = None

    def sample(self) -> HostSample:
        """The host now."""
        before, now = self._before, self._count()
        self._before = now
        memory = self._psutil.virtual_memory()
        shares = () if before is None else _shares(before.busy, now.busy)
        seconds = 0.0 if before is None else now.at - before.at
        rates: list[float | None] = [None] * len(now.transferred)
        process_cpu = None
        if before is not None and seconds > 0:
            process_cpu = max(0.0, 100 * (now.process - before.process) / seconds)
            pairs = zip(before.transferred, now.transferred, strict=True)
            rates = [None if a is None or b is None or b < a else (b - a) / seconds for a, b in pairs]
        return HostSample(
            process_cpu=process_cpu,
            process_memory=self._process.memory_info().rss,
            cores=processors.usable().count,
            machine_cpu=100 * sum(shares) / len(shares) if shares else None,
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            core_shares=shares,
            disk_read=rates[0],
            disk_written=rates[1],
            network_received=rates[2],
            network_sent=rates[3],
        )

    def _count(self) -> _Counters:
        times = self._process.cpu_times()
        disk = self._ask(self._psutil.disk_io_counters)
        network = self._ask(lambda: self._psutil.net_io_counters(pernic=True)) or {}
        outside = [counted for name, counted in network.items() if name not in ("lo", "lo0")]
        return _Counters(
            at=time.monotonic(),
            process=times.user + times.system,
            busy=tuple(map(_busy, self._psutil.cpu_times(percpu=True))),
            transferred=(
                None if disk is None else disk.read_bytes,
                None if disk is None else disk.write_bytes,
                sum(each.bytes_recv for each in outside) if outside else None,
                sum(each.bytes_sent for each in outside) if outside else None,
            ),
        )

    def _ask(self, question: Callable[[], T]) -> T | None:
        """What psutil answers; None where the system, or a container on it, does not say."""
        try:
            return question()
        except (OSError, RuntimeError, NotImplementedError, ValueError, self._psutil.Error):
            return None


def _busy(times: Any) -> tuple[float, float]:
    """The seconds in which a core was busy, and all seconds; waiting for a disk is not busy."""
    # Linux counts guests' time twice: as their own and as a user's.
    whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return whole - times.idle - getattr(times, "iowait", 0.0), whole


def _shares(before: tuple[tuple[float, float], ...], now: tuple[tuple[float, float], ...]) -> tuple[float, ...]:
    """The busy fraction of each core between two counts; none where cores have come or gone."""
    if len(before) != len(now):
        return ()
    return tuple(
        min(1.0, max(0.0, (busy - busy_before) / (whole - whole_before))) if whole > whole_before else 0.0
        for (busy_before, whole_before), (busy, whole) in zip(before, now, strict=True)
    )
