"""Processes that have found each other by torch.distributed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous

from cifar_tui import __version__
from cifar_tui.data.seeds import DRAWS
from cifar_tui.errors import InputError
from cifar_tui.events import RunStatus
from cifar_tui.records import ProcessRecord
from cifar_tui.training.control import Control, LoopControl
from cifar_tui.training.devices import Placement
from cifar_tui.training.distributed.agreement import AgreedControl
from cifar_tui.training.distributed.environment import Worker, launched_at
from cifar_tui.training.distributed.group import Group
from cifar_tui.training.distributed.replica import Replica
from cifar_tui.training.distributed.store import SharedStore, new_generation
from cifar_tui.training.distributed.synchronized import SynchronizedReplica

T = TypeVar("T")

JOIN_TIMEOUT = timedelta(minutes=5)
"""How long the processes wait for each other to start."""
EXCHANGE_TIMEOUT = timedelta(hours=1)
"""How long one waits while another reads images or writes a report."""
BATCH_TIMEOUT = timedelta(minutes=10)
"""How long one waits for another in the middle of a batch: after that, it hangs."""


def join(worker: Worker, check: Callable[[], None], batch_timeout: timedelta = BATCH_TIMEOUT) -> JoinedGroup:
    """Join the other processes that the launcher has started.

    Args:
        worker: This process's place among them.
        check: Called while it waits for the others; what it raises ends the waiting.
        batch_timeout: How long to wait for another in the middle of a batch.

    Raises:
        InputError: They do not find each other, or are of different versions.
    """
    try:
        whole, rank, processes = next(iter(rendezvous("env://", timeout=JOIN_TIMEOUT)))
        store = new_generation(whole, worker, JOIN_TIMEOUT, check)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=processes, timeout=JOIN_TIMEOUT)
        return JoinedGroup(worker, SharedStore(store, worker), batch_timeout)
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '')}"
        if "EADDRINUSE" in str(error):
            raise InputError(f"the port of {where} is in use: give the launcher another one") from None
        why = str(error).strip().partition("\n")[0]
        raise InputError(f"rank {worker.rank} did not find the other processes at {where}: {why}") from None


class JoinedGroup(Group):
    """All processes of a launch. Gradients go over NCCL between GPUs; all else, and between CPUs these too, over gloo.

    A method that exchanges something raises `LostProcessError` where another process is gone, and `ProcessFailedError`
    where that has told why.
    """

    def __init__(self, worker: Worker, store: SharedStore, batch_timeout: timedelta) -> None:
        """See who the others are.

        Raises:
            InputError: They are of different versions.
        """
        self.rank, self.processes, self.local_rank = worker.rank, worker.processes, worker.local_rank
        self._store = store
        self._batch_timeout = batch_timeout
        self._objects: dist.ProcessGroup | None = _new_group("gloo", EXCHANGE_TIMEOUT)
        """The connections for what a process may take its time for."""
        self._flags: dist.ProcessGroup | None = _new_group("gloo", batch_timeout)
        """Those for what is exchanged behind each batch."""
        self._devices: dist.ProcessGroup | None = None
        """Those of the devices."""
        self.is_joined = True
        self._host = socket.gethostname()
        self._record_members("", "")
        self.check_same(cifar_tui=__version__, PyTorch=importlib.metadata.version("torch"), rules_of_drawing=str(DRAWS))
        self.launched_at = min(self.all_gather(launched_at()))

    def _record_members(self, device: str, name: str) -> None:
        self.members = tuple(self.all_gather(ProcessRecord(host=self._host, device=device, device_name=name)))

    # What the processes exchange

    def broadcast(self, value: Any = None) -> Any:
        """As `Group` does."""
        values = [value]
        with self._exchange():
            dist.broadcast_object_list(values, src=0, group=self._objects)
        return values[0]

    def all_gather(self, value: T) -> list[T]:
        """As `Group` does."""
        values: list[T | None] = [None] * self.processes
        with self._exchange():
            dist.all_gather_object(values, value, group=self._objects)
        return cast("list[T]", values)

    def all_gather_tensors(self, parts: Sequence[Tensor]) -> Tensor:
        """As `Group` does; on the CPU."""
        return torch.cat([part for theirs in self.all_gather([part.cpu() for part in parts]) for part in theirs])

    def start_maximum(self, flags: Tensor) -> tuple[Tensor, dist.Work]:
        """Begin to replace each of these numbers by the greatest of all processes; `wait` says when it is done."""
        with self._exchange():
            work = dist.all_reduce(flags, op=dist.ReduceOp.MAX, group=self._flags, async_op=True)
        assert work is not None
        return flags, work

    def wait(self, work: dist.Work) -> None:
        """Wait for what has begun."""
        with self._exchange():
            work.wait()

    def all_reduce(self, values: Tensor) -> None:
        """Replace these numbers, on the devices, by their sums over all processes, the same in each of them."""
        with self._exchange():
            dist.all_reduce(values, group=self._devices)

    def broadcast_tensors(self, tensors: list[Tensor]) -> None:
        """Replace these tensors, on the devices, by those of rank 0."""
        for tensor in tensors:
            values = tensor.contiguous()
            with self._exchange():
                dist.broadcast(values, src=0, group=self._devices)
            if values is not tensor:
                tensor.copy_(values)

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """Say what has happened to another process where an exchange fails: gloo raises the same error for all."""
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            # Before anything waits for the device: what is under way there would wait for the others.
            self._abort_devices()
            raise self._store.explain_loss(self.members, error) from None

    @contextmanager
    def first_on_host(self) -> Iterator[None]:
        """As `Group` does."""
        if self.local_rank > 0:
            self.all_gather(None)
        yield
        if self.local_rank == 0:
            self.all_gather(None)

    def check_same(self, **facts: object) -> None:
        """As `Group` does."""
        theirs = self.all_gather(facts)
        for rank, other in enumerate(theirs):
            for name, value in theirs[0].items():
                if other[name] != value:
                    values = f": {other[name]}, not {value}" if isinstance(value, str) else ""
                    what = name.replace("_", " ")
                    raise InputError(f"{self.describe(rank)} has another {what} than {self.describe(0)}{values}")

    # What they train

    def connect_devices(self, placement: Placement) -> None:
        """As `Group` does."""
        device = placement.device
        self.check_same(kind_of_device=device.type, precision=placement.precision)
        self._record_members(str(device), placement.name)
        if self._devices is None:
            if device.type == "cuda" and not dist.is_nccl_available():
                raise InputError("this PyTorch has no NCCL, by which GPUs reach each other; use --device cpu")
            with self._exchange():
                self._devices = _new_group("nccl" if device.type == "cuda" else "gloo", self._batch_timeout)
            # NCCL connects now, not in the middle of the run.
            self.all_reduce(torch.zeros(1, device=device))

    def share_control(self, control: Control) -> LoopControl:
        """As `Group` does."""
        return AgreedControl(control, self)

    def share_model(self, model: nn.Module, placement: Placement) -> Replica:
        """As `Group` does; on GPUs, batch normalisation takes its statistics over the whole batch from now on."""
        if placement.device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model, self._devices)
        return SynchronizedReplica(model, self)

    # How it ends

    def report_failure(self, message: str, state: RunStatus, exit_status: int) -> None:
        """As `Group` does."""
        if self.is_joined:
            self._store.report_failure(message, state, exit_status)
            self._disconnect()

    def close(self) -> None:
        """As `Group` does."""
        if self.rank == 0:
            self._store.report_end()
        if self.is_joined:
            self._disconnect()

    def wait_for_end(self, seconds: float) -> bool:
        """As `Group` does."""
        return self._store.wait_for_end(seconds)

    def _disconnect(self) -> None:
        """Break the connections. Those of gloo end with the last reference to them."""
        self.is_joined = False
        self._abort_devices()
        self._objects = self._flags = self._devices = None
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()

    def _abort_devices(self) -> None:
        """End what is under way on a GPU, which would wait for the others; PyTorch before 2.7 ends it by itself."""
        if self._devices is not None and self._devices.name() == "nccl":
            with contextlib.suppress(RuntimeError, AttributeError):
                self._devices.abort()


def _new_group(backend: str, timeout: timedelta) -> dist.ProcessGroup:
    return cast("dist.ProcessGroup", dist.new_group(backend=backend, timeout=timeout))
