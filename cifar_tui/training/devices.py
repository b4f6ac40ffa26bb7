"""Devices: where a run computes, and in what precision."""

from __future__ import annotations

import importlib.metadata
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from cifar_tui.config import TrainingConfig
from cifar_tui.data.seeds import DRAWS
from cifar_tui.errors import InputError
from cifar_tui.records import StoredRun
from cifar_tui.system import processors


@dataclass(frozen=True, slots=True)
class Placement:
    """The device, precision and threads of a run on this machine, with `auto` resolved.

    Attributes:
        device: A device with its index where it has one.
        name: Its product name.
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


def resolve_device(config: TrainingConfig) -> Placement:
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
    return Placement(device, device_name(device), precision, config.threads or processors.default_threads().count)


def adapt_config(stored: StoredRun, processes: int = 1) -> TrainingConfig:
    """Adapt the options of a recorded run to this machine: where it was trained is not part of what it is.

    An override is used, or is an error. Else the run's device is taken where it is here, and what `auto`
    takes where it is not; its precision where that device multiplies it natively, or is of the kind that it began on;
    and no more threads than processors can be kept busy, unless somebody had chosen their number.

    Args:
        stored: The run.
        processes: How many are to train it here; each of another number than before takes the threads that it may.
    """
    config, given = stored.config, stored.overrides
    option = config.device if given.device is not None or _is_here(config.device) else "auto"
    device = _device(option)
    precision, threads = config.precision, config.threads
    if given.precision is None and precision == "bf16":
        as_began = device.type == "cpu" and stored.device == "cpu"
        precision = "bf16" if as_began or _multiplies_bfloat16(device) else "fp32"
    if not stored.threads_chosen:
        same = processes == stored.processes
        threads = min(threads, processors.usable().count) if same else processors.default_threads().count
    return replace(config, device=str(device), precision=precision, threads=threads)


def describe_move(stored: StoredRun, placement: Placement) -> str:
    """Describe on what a recorded run computes now, and on what it was trained; empty where that is the same."""
    kind = str(placement.device).partition(":")[0]
    if (kind, placement.precision) == (stored.device.partition(":")[0], stored.precision):
        return ""
    return (
        f"on {placement.device} in {placement.precision}; the run was trained on {stored.device} in {stored.precision}"
    )


def environment_changes(stored: StoredRun, placement: Placement, processes: int = 1) -> tuple[str, ...]:
    """List what has changed since a recorded run started, of what its results depend on to the last bit."""
    now = {
        "device": f"{placement.device.type} ({placement.name})",
        "precision": placement.precision,
        "CPU threads": str(placement.threads),
        "processes": str(processes),
        "PyTorch": importlib.metadata.version("torch"),
        "batches": f"drawn by version {DRAWS} of the rules",
    }
    began = {
        "device": f"{stored.device.partition(':')[0]} ({stored.device_name})",
        "precision": stored.precision,
        "CPU threads": str(stored.threads),
        "processes": str(stored.processes),
        "PyTorch": stored.versions.get("torch", now["PyTorch"]),
        "batches": f"drawn by version {stored.draws} of the rules",
    }
    return tuple(f"{what} {now[what]}, not {before}" for what, before in began.items() if now[what] != before)


def all_devices() -> list[tuple[str, str, str]]:
    """Every device that can be trained on: its option, its name, and the precision that `auto` takes there."""
    options = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    placements = [resolve_device(TrainingConfig(device=option)) for option in options]
    return [(option, p.name, p.precision) for option, p in zip(options, placements, strict=True)]


def device_name(device: torch.device) -> str:
    """The product name of a GPU or a processor."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_fields().get("model name", _cpu())


def _is_here(option: str) -> bool:
    if option in ("auto", "cpu"):
        return True
    return torch.cuda.is_available() and int(option.partition(":")[2] or 0) < torch.cuda.device_count()


def _device(option: str) -> torch.device:
    if option == "cpu" or (option == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        why = "no usable NVIDIA GPU was found" if torch.version.cuda else "this PyTorch is built without CUDA"
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
