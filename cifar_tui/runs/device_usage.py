"""What the hardware of a run does, in events of its stream: measured every few seconds, on a thread of its own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cifar_tui.errors import one_line
from cifar_tui.events import MAX_CORES, MAX_GPUS, DeviceUsage, GpuUsage, Note
from cifar_tui.system.hardware import GpuSample, Sampler
from cifar_tui.training.clock import Clock

SAMPLE_SECONDS = 2.0
"""Between two events."""
FIRST_SECONDS = 0.5
"""Before the first one: what it imports takes a tenth of a second, which the first batches are not to share."""
END_SECONDS = 1.0
"""How long the end of a run waits for a driver that does not answer."""


class DeviceReporter:
    """Emits what the hardware of this process does until it is closed, also while the run is paused.

    Nobody waits for the hardware: neither the training, nor the thread that writes a script's events.
    """

    def __init__(
        self, emit: Callable[[DeviceUsage | Note], None], clock: Clock, folder: Path | None = None, rank: int = 0
    ) -> None:
        """Start the thread.

        Args:
            emit: Takes each event, on that thread; an OSError that it raises ends the reports, and nothing else.
            clock: The run's.
            folder: Where the free space of the disk is of interest.
            rank: Of this process, among those that train the run.
        """
        self._emit = emit
        self._clock = clock
        self._folder = folder
        self._rank = rank
        self._host = socket.gethostname()
        self._sampler = Sampler()
        self._closing = threading.Event()
        self._emitting = threading.Lock()
        self._thread = threading.Thread(target=self._main, name="devices", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Emit nothing from now on, whatever the thread still does; may be called twice."""
        self._closing.set()
        with self._emitting:
            pass  # An event that is under way is whole.
        self._thread.join(END_SECONDS)

    def _main(self) -> None:
        seconds = FIRST_SECONDS
        try:
            while not self._closing.wait(seconds):
                self._report(self.usage())
                seconds = SAMPLE_SECONDS
            self._sampler.close()
        except OSError:
            pass  # Who trains meets it too, and reports it.
        except Exception as error:  # noqa: BLE001  (whatever is wrong with this machine, it can train)
            why = f"nothing more is reported of the devices: {one_line(error)}"
            self._report(Note(t=self._clock.t, level="warning", message=why))

    def _report(self, event: DeviceUsage | Note) -> None:
        with self._emitting:
            if not self._closing.is_set():
                self._emit(event)

    def usage(self) -> DeviceUsage:
        """What the hardware does now, rates and processors since the last call."""
        sample = self._sampler.sample()
        host = sample.host
        free: int | None = None
        if self._folder is not None:
            with contextlib.suppress(OSError):
                free = shutil.disk_usage(self._folder).free
        return DeviceUsage(
            t=self._clock.t,
            host=self._host,
            rank=self._rank,
            process_cpu=_rounded(host.process_cpu and host.process_cpu / 100, 3),
            process_memory=host.process_memory,
            cores=tuple(round(share, 3) for share in host.core_shares[:MAX_CORES]),
            memory_used=host.memory_used,
            memory_total=host.memory_total,
            disk_free=free,
            disk_read=_rounded(host.disk_read),
            disk_written=_rounded(host.disk_written),
            network_received=_rounded(host.network_received),
            network_sent=_rounded(host.network_sent),
            gpus=tuple(map(_gpu_usage, sample.gpus[:MAX_GPUS])),
        )


def _gpu_usage(gpu: GpuSample) -> GpuUsage:
    return GpuUsage(
        index=gpu.index,
        name=gpu.name,
        utilization=None if gpu.utilisation is None else gpu.utilisation / 100,
        memory_used=gpu.memory_used,
        memory_total=gpu.memory_total,
        temperature=gpu.temperature,
        power=gpu.power,
        power_limit=gpu.power_limit,
        throttled=gpu.throttled,
    )


def _rounded(value: float | None, digits: int = 0) -> float | None:
    return None if value is None else round(value, digits)
