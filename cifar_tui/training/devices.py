"""Where a run computes, and in what precision."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.system import processors


@dataclass(frozen=True, slots=True)
class Placement:
    """What `auto` came to on this machine.

    Attributes:
        device: A device with its index where it has one.
        name: What a person calls it.
        precision: `fp32` or `bf16`; weights are float32 in both, bf16 is autocast.
        threads: CPU threads of the run's thread.
        memory_format: How images and weights lie in memory, which depends on the model.
    """

    device: torch.device
    name: str
    precision: str
    threads: int
    memory_format: torch.memory_format = torch.contiguous_format

    def autocast(self) -> AbstractContextManager[object]:
        """The context for a forward pass in this precision."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def best_memory_format(model: nn.Module) -> torch.memory_format:
    """Channels last where the model convolves: its kernels are fastest there, on CPUs and on tensor cores."""
    convolves = any(isinstance(module, nn.Conv2d) for module in model.modules())
    return torch.channels_last if convolves else torch.contiguous_format


def place(config: TrainingConfig) -> Placement:
    """Resolve device, precision and threads by fixed rules: the same machine always gets the same.

    `auto` takes the first GPU if there is one, and bfloat16 where the hardware multiplies it natively.

    Raises:
        InputError: The device is not there, or cannot do the precision.
    """
    device = _device(config.device)
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if _multiplies_bfloat16(device) else "fp32"
    elif precision == "bf16" and device.type == "cuda" and not _multiplies_bfloat16(device):
        raise InputError(f"--precision bf16: {device_name(device)} has no bfloat16; use --precision fp32")
    return Placement(device, device_name(device), precision, config.threads or processors.for_threads().count)


def all_devices() -> list[tuple[str, str, str]]:
    """Every device that can be trained on: its option, its name, and the precision that `auto` takes there."""
    options = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    placements = [place(TrainingConfig(device=option)) for option in options]
    return [(option, p.name, p.precision) for option, p in zip(options, placements, strict=True)]


def device_name(device: torch.device) -> str:
    """What a person calls the device: a GPU's or a processor's product name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_fields().get("model name", _cpu())


def _device(option: str) -> torch.device:
    if option == "cpu" or (option == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        why = "no usable NVIDIA GPU is here" if torch.version.cuda else "this PyTorch is built without CUDA"
        raise InputError(f"--device {option}: {why}; use --device cpu, and see `cifar-tui doctor`")
    index = int(option.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise InputError(f"--device {option}: there are {torch.cuda.device_count()} GPUs, counted from 0")
    return torch.device("cuda", index)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    flags = _cpu_fields().get("flags", "").split() + _cpu_fields().get("Features", "").split()
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def _cpu_fields() -> dict[str, str]:
    """The first processor of /proc/cpuinfo; empty where the system has none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _cpu() -> str:
    return platform.processor() or platform.machine()
