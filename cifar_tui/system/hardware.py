"""Usage of processors, memory and NVIDIA GPUs by this process and on its machine, as snapshots."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cifar_tui.system import processors


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
    """

    process_cpu: float | None
    process_memory: int
    cores: int
    machine_cpu: float | None
    memory_used: int
    memory_total: int


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One NVIDIA GPU. What it does not report, or no longer reports since it was lost, is None.

    Attributes:
        index: PyTorch's: `cuda:<index>`.
        name: Its product name.
        utilisation: Percent of the time in which it computed.
        memory_used: Bytes, of all processes.
        memory_total: Bytes.
        temperature: Degrees Celsius.
        power: Watts.
        power_limit: Watts.
    """

    index: int
    name: str
    utilisation: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None
    power_limit: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """The host and its GPUs at one moment."""

    host: HostSample
    gpus: tuple[GpuSample, ...]


class Sampler:
    """Samples usage, on any thread; creating one is free, its first sample takes a tenth of a second."""

    def __init__(self) -> None:
        self._host: _Host | None = None
        self._gpus: _Gpus | None = None

    def sample(self) -> Sample:
        """Current usage; processor percentages are since the last call."""
        if self._host is None or self._gpus is None:
            self._host, self._gpus = _Host(), _Gpus(os.environ)
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


class _Host:
    def __init__(self) -> None:
        # Takes 50 ms, which a start without this panel need not wait for.
        import psutil

        self._psutil = psutil
        self._process = psutil.Process()
        self._first = True

    def sample(self) -> HostSample:
        process_cpu, machine_cpu = self._process.cpu_percent(), self._psutil.cpu_percent()
        first, self._first = self._first, False
        memory = self._psutil.virtual_memory()
        return HostSample(
            # psutil's first answer has nothing to compare to, and is 0.
            process_cpu=None if first else process_cpu,
            process_memory=self._process.memory_info().rss,
            cores=processors.usable().count,
            machine_cpu=None if first else machine_cpu,
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
        )


class _Gpus:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, in its order.

    CUDA's numbers for them are taken to be the driver's, which go by PCI bus. That is so with
    CUDA_DEVICE_ORDER=PCI_BUS_ID and wherever all GPUs are of one kind; elsewhere CUDA puts the fastest first, and only
    a UUID or a name identifies it (`gpu_of`).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._nvml: Any = None
        self._gpus: list[tuple[Any, str]] = []
        try:
            # Takes 80 ms, and finds no driver on most machines.
            import pynvml

            pynvml.nvmlInit()
        except ImportError:
            return
        except pynvml.NVMLError:
            return
        self._nvml = pynvml
        handles = [self._ask("HandleByIndex", i) for i in range(self._ask("Count") or 0)]
        uuids = ["" if handle is None else self._ask("UUID", handle) or "" for handle in handles]
        for number in visible_gpus(environment.get("CUDA_VISIBLE_DEVICES"), uuids):
            handle = handles[number]
            self._gpus.append((handle, (handle is not None and self._ask("Name", handle)) or "NVIDIA GPU"))

    def sample(self) -> tuple[GpuSample, ...]:
        return tuple(self._sample(index, handle, name) for index, (handle, name) in enumerate(self._gpus))

    def close(self) -> None:
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._nvml, self._gpus = None, []

    def _sample(self, index: int, handle: Any, name: str) -> GpuSample:
        load, memory = self._ask("UtilizationRates", handle), self._ask("MemoryInfo", handle)
        temperature = self._ask("Temperature", handle, self._nvml.NVML_TEMPERATURE_GPU)
        power, limit = self._ask("PowerUsage", handle), self._ask("EnforcedPowerLimit", handle)
        return GpuSample(
            index=index,
            name=name,
            utilisation=None if load is None else float(load.gpu),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            temperature=None if temperature is None else float(temperature),
            power=None if power is None else power / 1000,
            power_limit=None if limit is None else limit / 1000,
        )

    def _ask(self, what: str, *arguments: Any) -> Any:
        """The driver's answer, None where it has none: not supported here, or the GPU is lost."""
        try:
            return getattr(self._nvml, f"nvmlDeviceGet{what}")(*arguments)
        except (self._nvml.NVMLError, AttributeError):  # Later drivers drop questions, and the package with them.
            return None


def visible_gpus(variable: str | None, uuids: Sequence[str]) -> list[int]:
    """The GPUs that CUDA shows a program, by the driver's numbers, in CUDA's order.

    The rules are those of `torch.cuda`: the list ends at the first entry that names no GPU, and names none at all
    where an entry is repeated.

    Args:
        variable: The value of CUDA_VISIBLE_DEVICES; None where it is not set.
        uuids: Those of all GPUs in the driver's order, "" where not known.
    """
    if variable is None:
        return list(range(len(uuids)))
    found: list[int] = []
    for entry in variable.split(","):
        number = _number_of(entry.strip(), uuids)
        if number is None:
            break
        if number in found:
            return []
        found.append(number)
    return found


def _number_of(entry: str, uuids: Sequence[str]) -> int | None:
    """The GPU of one entry of CUDA_VISIBLE_DEVICES: its number, or the beginning of its UUID that no other has."""
    if entry.startswith("GPU-"):
        named = [number for number, uuid in enumerate(uuids) if uuid.startswith(entry)]
        return named[0] if len(named) == 1 else None
    digits = re.match(r"\+?(\d{1,9})", entry, re.ASCII)
    return int(digits[1]) if digits and int(digits[1]) < len(uuids) else None
