"""A script in several processes: which one records, and what it was asked for, in all of them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Literal

from cifar_tui.recording.items import Noted
from cifar_tui.recording.store_compat import default_store

if TYPE_CHECKING:
    from cifar_tui.recording.writer import Writer

Decision = Literal["continue", "stop", "wait"]
AGREE_SECONDS = 20.0
"""How often rank 0 says that it is paused: the others wait for it no longer than their timeout at a time."""
ALONE = "not all processes iterate over run.epochs(): they can be neither stopped nor paused"


def is_first() -> bool:
    """Whether this process is rank 0, or the only one, by torch.distributed or by what its launcher has set."""
    distributed = _distributed()
    if distributed is not None:
        first: bool = distributed.get_rank() == 0
        return first
    if rank := os.environ.get("RANK"):
        return rank == "0"
    # Lightning starts its processes so.
    return all(os.environ.get(name, "0") in ("", "0") for name in ("LOCAL_RANK", "NODE_RANK"))


def are_several() -> bool:
    """Whether this process trains together with others through torch.distributed."""
    distributed = _distributed()
    return distributed is not None and distributed.get_world_size() > 1


class Agreement:
    """What rank 0 decides at the end of each epoch, in the processes that ask for it.

    It goes through the store by which the processes have met. Rank 0 waits for nobody, so that a script may record in
    it alone; and no device is waited for, as a collective would.
    """

    _recordings = 0
    """In this process: all processes of a script count the same ones."""

    def __init__(self) -> None:
        Agreement._recordings += 1
        self._name = f"cifar-tui/{Agreement._recordings}"
        self._asked = 0

    def stops(self, writer: Writer | None, epoch: int, batch: int) -> bool:
        """Whether all processes stop now; called by each of them behind this epoch. It waits while the run is paused.

        Raises:
            RuntimeError: Rank 0 decides nothing for as long as the processes wait for each other.
        """
        if is_first():
            return self._decide(writer, epoch, batch)
        store = default_store()
        store.set(f"{self._name}/rank/{_distributed().get_rank()}", "")
        while True:
            self._asked += 1
            if (decision := store.get(f"{self._name}/decision/{self._asked}").decode()) != "wait":
                return bool(decision == "stop")

    def _decide(self, writer: Writer | None, epoch: int, batch: int) -> bool:
        """As rank 0, wait while the run is paused, and decide for all."""
        if writer is None or not writer.is_asked:
            return self._say("continue")
        if not self._reaches_all():
            writer.put(Noted(writer.clock.t, "warning", ALONE))
            return self._say("continue")
        writer.wait_while_paused(epoch, batch, AGREE_SECONDS, lambda: self._say("wait"))
        return self._say("stop" if writer.take_stop() else "continue")

    def _say(self, decision: Decision) -> bool:
        self._asked += 1
        default_store().set(f"{self._name}/decision/{self._asked}", decision)
        return decision == "stop"

    def _reaches_all(self) -> bool:
        """Whether every other process has asked for a decision."""
        others = [f"{self._name}/rank/{rank}" for rank in range(1, _distributed().get_world_size())]
        found: bool = default_store().check(others)
        return found


def _distributed() -> Any:
    """`torch.distributed` where this process has joined a group; None otherwise."""
    distributed = sys.modules.get("torch.distributed")
    joined = distributed is not None and distributed.is_available() and distributed.is_initialized()
    return distributed if joined else None
