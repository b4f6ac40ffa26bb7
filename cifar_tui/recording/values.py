"""What a script logs: numbers, and tensors on any device, which are fetched without the script's waiting for it."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened
from cifar_tui.state.run_state import MAX_SERIES_NAME

ACCURACY = "accuracy"
LARGEST_FRACTION = 1.001
"""A mean of float32 may be a little above 1."""


@dataclass(frozen=True, slots=True)
class DeviceTensor:
    """A tensor of one number that a device may still be computing, and the stream in which it does."""

    tensor: Any
    stream: Any
    """None on devices without streams."""


Captured = float | DeviceTensor


def capture(name: str, value: Any) -> Captured:
    """A value as it is now; a tensor on another device than the CPU is not waited for.

    Raises:
        InputError: It is no number, or an accuracy that is no fraction.
    """
    if isinstance(value, float):  # NumPy's float64 is one too.
        return _fraction(value) if name == ACCURACY and value > 1 else value
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise InputError(f"{name} is a tensor of shape {tuple(value.shape)}: log one number, such as its mean")
        value = value.detach()
        if value.device.type != "cpu":
            return _on_device(value, torch)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise InputError(f"{name} is {shortened(value)}, which is no number") from None
    return _fraction(number) if name == ACCURACY else number


def _on_device(value: Any, torch: Any) -> DeviceTensor:
    """A copy: the next step of a CUDA graph, or the script, may overwrite what was logged."""
    with contextlib.suppress(RuntimeError):  # A full device keeps the tensor itself.
        value = value.clone()
    return DeviceTensor(value, torch.cuda.current_stream(value.device) if value.is_cuda else None)


def _fraction(value: float) -> float:
    if value > LARGEST_FRACTION:
        raise InputError(f"accuracy is {value:g}: give a fraction from 0 to 1")
    return value


def single_numbers(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Those that are single numbers under usable names, as libraries report them among others."""
    found = {}
    for name, value in values.items():
        with contextlib.suppress(InputError):
            check_name(name)
            capture(name, value)
            found[name] = value
    return found


def check_name(name: object) -> None:
    """Check the name of a series.

    Raises:
        InputError: It is no text, empty or too long.
    """
    if not isinstance(name, str) or not name or len(name) > MAX_SERIES_NAME:
        raise InputError(f"a value is called {shortened(name)}: a name has 1 to {MAX_SERIES_NAME} characters")


class Fetcher:
    """Copies tensors from their devices, many at once, on a thread that may wait for them.

    On CUDA the copies are made on a stream of their own, behind what the script's streams have been given by then, so
    that no stream of the script waits for them.
    """

    def __init__(self) -> None:
        self._streams: dict[Any, Any] = {}
        """The stream of the copies, by device."""

    def fetch(self, values: Sequence[Captured]) -> list[float]:
        """The numbers of captured values, in order."""
        found = [value if isinstance(value, float) else math.nan for value in values]
        by_device: dict[Any, list[int]] = {}
        for number, value in enumerate(values):
            if isinstance(value, DeviceTensor):
                by_device.setdefault(value.tensor.device, []).append(number)
        for device, numbers in by_device.items():
            members = [values[number] for number in numbers]
            for number, fetched in zip(numbers, self._copy(device, members), strict=True):  # type: ignore[arg-type]
                found[number] = fetched
        return found

    def _copy(self, device: Any, members: list[DeviceTensor]) -> list[float]:
        import torch

        if device.type != "cuda":
            return _stacked(members)
        if device not in self._streams:
            self._streams[device] = torch.cuda.Stream(device)
        for stream in {member.stream for member in members}:
            self._streams[device].wait_stream(stream)
        with torch.cuda.stream(self._streams[device]):
            return _stacked(members)


def _stacked(members: list[DeviceTensor]) -> list[float]:
    import torch

    # A float32 would round counts beyond 2**24; not all devices have float64.
    dtype = torch.float64 if members[0].tensor.is_cuda else torch.float32
    tensors = [member.tensor.reshape(()) for member in members]
    try:
        values: list[float] = torch.stack([tensor.to(dtype) for tensor in tensors]).cpu().tolist()
    except torch.OutOfMemoryError:
        values = [float(tensor.cpu()) for tensor in tensors]
    return values


def matrix_of(given: Any) -> ConfusionMatrix:
    """The confusion matrix that a script gives: nested lists, an array or a tensor of counts, (K, K).

    Raises:
        InputError: It is no square matrix of counts.
    """
    rows = given.tolist() if hasattr(given, "tolist") else given
    try:
        found = [[_count(value) for value in row] for row in rows]
        if any(len(row) != len(found) for row in found):
            raise InputError(f"confusion is no square matrix: it has {len(found)} rows of {len(found[0])} counts")
        return ConfusionMatrix.of(found)
    except (TypeError, ValueError, OverflowError):
        raise InputError("confusion is no matrix of counts, rows true classes and columns predicted ones") from None


def _count(value: Any) -> int:
    count = int(value)
    if count != value or count < 0 or not math.isfinite(value):
        raise ValueError(value)
    return count
