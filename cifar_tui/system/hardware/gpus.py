"""Usage of the NVIDIA GPUs that a program is shown."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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
        throttled: Whether it slows down because it is hot, or because its power supply says so.
    """

    index: int
    name: str
    utilisation: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None
    power_limit: float | None
    throttled: bool | None = None


THROTTLED = 0x08 | 0x20 | 0x40 | 0x80
"""Of NVML's reasons for low clocks: a slowdown by the hardware, by heat, and by the power supply. That the power limit
is reached is no such reason: so it is on every GPU that has enough to do."""


class Gpus:
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
        """All of them now."""
        return tuple(self._sample(index, handle, name) for index, (handle, name) in enumerate(self._gpus))

    def close(self) -> None:
        """Release the driver."""
        if self._nvml is not None:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._nvml, self._gpus = None, []

    def _sample(self, index: int, handle: Any, name: str) -> GpuSample:
        load, memory = self._ask("UtilizationRates", handle), self._ask("MemoryInfo", handle)
        temperature = self._ask("Temperature", handle, self._nvml.NVML_TEMPERATURE_GPU)
        power, limit = self._ask("PowerUsage", handle), self._ask("EnforcedPowerLimit", handle)
        reasons = self._ask("CurrentClocksThrottleReasons", handle)
        return GpuSample(
            index=index,
            name=name,
            utilisation=None if load is None else float(load.gpu),
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            temperature=None if temperature is None else float(temperature),
            power=None if power is None else power / 1000,
            power_limit=None if limit is None else limit / 1000,
            throttled=None if reasons is None else bool(int(reasons) & THROTTLED),
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
