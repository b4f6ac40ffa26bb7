"""Usage of processors, memory, disks, network and NVIDIA GPUs by this process and on its machine, as snapshots."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cifar_tui.system.hardware.gpus import Gpus, GpuSample, visible_gpus
from cifar_tui.system.hardware.host import Host, HostSample

__all__ = ["GpuSample", "HostSample", "Sample", "Sampler", "gpu_of", "visible_gpus"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The host and its GPUs at one moment."""

    host: HostSample
    gpus: tuple[GpuSample, ...]


class Sampler:
    """Samples usage, on any thread; creating one is free, its first sample takes a tenth of a second."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._gpus: Gpus | None = None

    def sample(self) -> Sample:
        """Current usage; rates and processor percentages are since the last call."""
        if self._host is None or self._gpus is None:
            self._host, self._gpus = Host(), Gpus(os.environ)
        return Sample(self._host.sample(), self._gpus.sample())

    def close(self) -> None:
        """Release the GPUs' driver; may be called twice, and a later sample starts over."""
        if self._gpus is not None:
            self._gpus.close()
        self._host = self._gpus = None


def gpu_of(sample: Sample, device: str, name: str | None = None) -> GpuSample | None:
    """The GPU that a run on `device` computes on, as far as that can be determined; None for a run on the CPU.

    Args:
        sample: The machine's GPUs.
        device: As the run's first event gives it: `cuda:1`, `cpu`.
        name: The device's product name where it is known. It decides where GPUs differ: without
            CUDA_DEVICE_ORDER=PCI_BUS_ID, CUDA counts them from the fastest on, and the driver does not.
    """
    kind, _, number = device.partition(":")
    if kind != "cuda" or not (number or "0").isdecimal():
        return None
    counted = next((gpu for gpu in sample.gpus if gpu.index == int(number or 0)), None)
    if name is None or (counted is not None and counted.name == name):
        return counted
    named = [gpu for gpu in sample.gpus if gpu.name == name]
    return named[0] if len(named) == 1 else None
