"""The processes that train a run together, as the rest of the program sees them; most runs have one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from cifar_tui.events import RunStatus
from cifar_tui.records import ProcessRecord
from cifar_tui.training.control import Control, LoopControl
from cifar_tui.training.devices import Placement
from cifar_tui.training.distributed.replica import Replica

T = TypeVar("T")


class Group:
    """One process by itself: what it would do with others is nothing. `joined.JoinedGroup` is of several.

    All processes of a group call the methods that exchange something in the same order.
    """

    rank = 0
    processes = 1
    local_rank = 0
    """This process's number among those of its host."""
    members: tuple[ProcessRecord, ...] = ()
    """All processes by rank; empty for one by itself."""
    is_joined = False
    """Whether it has connections to others."""
    launched_at = 0.0
    """When the launcher of these processes was started, the first one of several, in seconds since the epoch."""

    @property
    def hosts(self) -> int:
        """How many machines they are on."""
        return len({member.host for member in self.members}) or 1

    def describe(self, rank: int) -> str:
        """A process, for a message; empty for one by itself."""
        return f"rank {rank} on {self.members[rank].host}" if self.members else ""

    def broadcast(self, value: Any = None) -> Any:
        """The value that rank 0 gives; what the others give does not count."""
        return value

    def all_gather(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        return [value]

    def all_gather_tensors(self, parts: Sequence[Tensor]) -> Tensor:
        """The tensors of all processes, each (n, …) with an n of its own, one behind the other by rank."""
        return torch.cat(list(parts))

    @contextmanager
    def first_on_host(self) -> Iterator[None]:
        """Let one process of each host go through this context before its others, which find what it has cached."""
        yield

    def check_same(self, **facts: object) -> None:
        """Check that these facts are the same in all processes; a name's underscores stand for spaces.

        Raises:
            InputError: They are not; the message names the first process that differs from rank 0.
        """

    def connect_devices(self, placement: Placement) -> None:
        """Have the processes know each other's devices, and connect these.

        Raises:
            InputError: They are of different kinds, or there is nothing to connect them with.
        """

    def share_control(self, control: Control) -> LoopControl:
        """The requests to all processes, which take effect after the same batch in each."""
        return control

    def share_model(self, model: nn.Module, placement: Placement) -> Replica:  # noqa: ARG002
        """Have the model of each process, on its device, be trained as one."""
        return Replica()

    def report_failure(self, message: str, state: RunStatus, exit_status: int) -> None:
        """Tell the other processes why this one ends, and leave them; they stop waiting for it.

        Args:
            message: The error; where it is not the first one, it is not passed on.
            state: The run's, as far as there is a run.
            exit_status: That of all processes.
        """

    def close(self) -> None:
        """End the connections, on rank 0 once the run has ended; may be called twice."""

    def wait_for_end(self, seconds: float) -> bool:  # noqa: ARG002
        """Wait after a failure until rank 0 has ended the run, which a launcher would not let it do; whether it has."""
        return True


ALONE = Group()
"""The group of a run of one process."""
