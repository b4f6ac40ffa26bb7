"""What the hardware of a run lacks: work for its GPU, coolness, memory, disk space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cifar_tui.analysis.health.finding import Alarm, Change, Finding
from cifar_tui.config import HealthOptions
from cifar_tui.events import AnyEvent, Batch, DeviceUsage, GpuUsage, Paused, Resumed, RunFinished, RunStarted
from cifar_tui.formatting import byte_unit

LASTS_SECONDS = 10.0
"""What a few samples in a row say counts; one may be chance."""
THROTTLED_SECONDS = 30.0
COOLER = 5.0
"""Degrees below the limit at which a GPU is cool again."""
FREED = 0.05
"""The share of a memory that is free again, below the limit."""
REGAINED = 1.25
"""The free space, in multiples of the limit, at which a disk has room again."""
GIBIBYTE = 2**30
IDLE, BUSY = 0.2, 0.35
"""Shares of the time that a GPU computes: below the one it is idle, from the other on it has work."""
USED = 0.03
"""A GPU that computes less is none that a script trains on."""
IDLE_SECONDS, FIRST_SECONDS = 120.0, 120.0
"""How long it is idle, and how long a training has been under way before that is looked at."""
MAX_DEVICES = 1000
"""That are followed, of one topic: anybody may write a stream."""


class Hardware:
    """The samples of a run's devices. What several of a kind lack is reported for the first of them."""

    def __init__(self, options: HealthOptions) -> None:
        self._options = options
        self._alarms: dict[str, dict[object, Alarm]] = {}
        self._started: RunStarted | None = None
        self._trained_since: float | None = None
        """None before the first batch, and after a pause before the next one."""
        self._t = 0.0

    def apply(self, event: AnyEvent) -> list[Finding]:
        """Follow what the devices do while the run trains."""
        match event:
            case RunStarted():
                self._started, self._trained_since = event, None
            case Batch() if self._trained_since is None:
                self._trained_since = event.t
            case Paused() | Resumed() | RunFinished():
                self._trained_since = None
            case DeviceUsage():
                # Those of other processes come later than they were measured.
                self._t = max(self._t, event.t)
                return [*self._disk(event), *self._memory(event), *self._gpus(event)]
            case _:
                pass
        return []

    def _change(self, topic: str, device: object, lasts: float, *, bad: bool, good: bool) -> Change:
        """Whether a topic begins with this device, or ends, as no device is concerned any more."""
        alarms = self._alarms.setdefault(topic, {})
        if device not in alarms and len(alarms) == MAX_DEVICES:
            return None
        before = any(alarm.raised for alarm in alarms.values())
        alarms.setdefault(device, Alarm(lasts)).update(self._t, bad=bad, good=good)
        after = any(alarm.raised for alarm in alarms.values())
        return None if before == after else "begins" if after else "ends"

    def _disk(self, event: DeviceUsage) -> Iterator[Finding]:
        free, limit = event.disk_free, self._options.disk_reserve * GIBIBYTE
        if free is None:
            return
        change = self._change("disk", event.host, 0.0, bad=free < limit, good=free > REGAINED * limit)
        if change == "begins":
            message = f"disk nearly full: {_bytes(free)} free in the run's folder"
            yield Finding("disk", f"{message}; delete what is not needed (cifar-tui prune removes old checkpoints)")
        elif change == "ends":
            yield Finding("disk", f"the disk has room again: {_bytes(free)} free", over=True)

    def _memory(self, event: DeviceUsage) -> Iterator[Finding]:
        used, total, limit = event.memory_used, event.memory_total, self._options.memory_limit
        if used is None or not total:
            return
        share = used / total
        change = self._change("host-memory", event.host, LASTS_SECONDS, bad=share >= limit, good=share < limit - FREED)
        if change == "begins":
            message = f"host memory nearly full: {_bytes(used)} of {_bytes(total)} used{self._on(event)}"
            cure = "close programs or use fewer workers, or the system may kill the run"
            yield Finding("host-memory", f"{message}; {cure}")
        elif change == "ends":
            yield Finding("host-memory", f"host memory is free again: {_bytes(total - used)}", over=True)

    def _gpus(self, event: DeviceUsage) -> Iterator[Finding]:
        started = self._started
        if started is None:
            return
        gpus = _own(event.gpus, started)
        for gpu in gpus:
            yield from self._gpu_memory(event, gpu)
            yield from self._gpu_heat(event, gpu)
        if gpus or (started.source and event.gpus):
            yield from self._gpu_idle(event, gpus or event.gpus, started)

    def _gpu_memory(self, event: DeviceUsage, gpu: GpuUsage) -> Iterator[Finding]:
        used, total, limit = gpu.memory_used, gpu.memory_total, self._options.memory_limit
        if used is None or not total:
            return
        share = used / total
        change = self._change(
            "gpu-memory", (event.host, gpu.index), LASTS_SECONDS, bad=share >= limit, good=share < limit - FREED
        )
        if change == "begins":
            message = f"GPU {gpu.index} nearly out of memory: {_bytes(used)} of {_bytes(total)} used{self._on(event)}"
            yield Finding("gpu-memory", f"{message}; a smaller batch or bf16 leaves room for what comes")
        elif change == "ends":
            yield Finding("gpu-memory", f"GPU {gpu.index} has memory again: {_bytes(total - used)} free", over=True)

    def _gpu_heat(self, event: DeviceUsage, gpu: GpuUsage) -> Iterator[Finding]:
        degrees, limit = gpu.temperature, self._options.gpu_temperature
        hot = degrees is not None and degrees >= limit
        cool = degrees is None or degrees < limit - COOLER
        change = self._change(
            "gpu-throttled", (event.host, gpu.index), THROTTLED_SECONDS,
            bad=hot or gpu.throttled is True, good=cool and not gpu.throttled,
        )  # fmt: skip
        at = "" if degrees is None else f" at {degrees:.0f} °C"
        if change == "begins":
            what = "slows itself down" if gpu.throttled else "is hot"
            message = f"GPU {gpu.index} {what}{at}{self._on(event)}"
            yield Finding("gpu-throttled", f"{message}; look at its fans and airflow, or lower its power limit")
        elif change == "ends":
            yield Finding("gpu-throttled", f"GPU {gpu.index} is at full speed again{at}", over=True)

    def _gpu_idle(self, event: DeviceUsage, gpus: Sequence[GpuUsage], started: RunStarted) -> Iterator[Finding]:
        known = [gpu.utilization for gpu in gpus if gpu.utilization is not None]
        trains = self._trained_since is not None and self._t - self._trained_since >= FIRST_SECONDS
        if not known:
            return
        busiest = max(known)
        # Whether a script trains on a GPU at all is to be guessed.
        used = not started.source or busiest >= USED
        change = self._change(
            "gpu-idle", (event.host, event.rank), IDLE_SECONDS, bad=trains and used and busiest < IDLE,
            good=busiest >= BUSY,
        )  # fmt: skip
        if change == "begins":
            message = f"GPU idle: it computes {100 * busiest:.0f} % of the time{self._on(event)}"
            cure = "it waits for data or for launches: more workers or larger batches help"
            yield Finding("gpu-idle", f"{message}; {cure}")
        elif change == "ends":
            yield Finding("gpu-idle", f"the GPU has work again: {100 * busiest:.0f} % of the time", over=True)

    def _on(self, event: DeviceUsage) -> str:
        """The host, where there are several."""
        return f" on {event.host}" if self._started is not None and self._started.hosts > 1 else ""


def _own(gpus: Sequence[GpuUsage], started: RunStarted) -> Sequence[GpuUsage]:
    """The GPUs that a run is known to train on: others of the machine may be other people's."""
    if started.device.startswith("cuda"):
        number = started.device.rpartition(":")[2]
        if started.processes == 1 and number.isdigit():
            return [gpu for gpu in gpus if gpu.index == int(number)]
        return gpus
    return gpus if started.source and len(gpus) == 1 else ()


def _bytes(size: float) -> str:
    scale, unit = byte_unit(size)
    return f"{size / scale:.3g} {unit}"
