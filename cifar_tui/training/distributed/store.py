"""The launcher's key-value store, in which a process says why it ends before its connections break."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from torch.distributed.distributed_c10d import PrefixStore, Store

from cifar_tui.errors import CifarTuiError
from cifar_tui.events import RunStatus
from cifar_tui.records import ProcessRecord
from cifar_tui.training.distributed.environment import Worker
from cifar_tui.training.distributed.process_errors import LostProcessError, ProcessFailedError

NOTICE_SECONDS = 1.0
"""How long to wait for other processes that have noticed a loss as well."""
POLL_SECONDS = 0.02
"""How often to look for what another process is to write."""
_GENERATION = "cifar-tui/generation"
_FAILURE, _NOTICED, _ENDED = "cifar-tui/failure", "cifar-tui/noticed", "cifar-tui/ended"


def new_generation(store: Store, worker: Worker, timeout: timedelta, check: Callable[[], None]) -> Store:
    """The part of a launcher's store that belongs to the processes which are there now.

    A launcher that starts processes again may give them the store of those before, with the addresses of these in it.
    Rank 0 names a generation, and lets each process into it by a word that no process before has had.

    Args:
        store: The launcher's.
        worker: This process's place.
        timeout: How long to wait for the others.
        check: Called meanwhile; what it raises ends the waiting.

    Raises:
        RuntimeError: Not all processes have come.
    """
    until = time.monotonic() + timeout.total_seconds()

    def wait_for(key: str) -> str:
        while not store.check([key]):
            check()
            if time.monotonic() > until:
                raise RuntimeError("not all of them have come")
            time.sleep(POLL_SECONDS)
        return store.get(key).decode()

    if worker.rank == 0:
        name = uuid.uuid4().hex
        store.set(_GENERATION, name)
        for rank in range(1, worker.processes):
            word = wait_for(f"{_GENERATION}/{name}/{rank}")
            store.set(f"{_GENERATION}/{name}/{word}", "")
        return PrefixStore(name, store)
    word, name = uuid.uuid4().hex, ""
    while not name or not store.check([f"{_GENERATION}/{name}/{word}"]):
        name = wait_for(_GENERATION)
        store.set(f"{_GENERATION}/{name}/{worker.rank}", word)
        check()
        if time.monotonic() > until:
            raise RuntimeError("rank 0 has not come")
        time.sleep(POLL_SECONDS)
    return PrefixStore(name, store)


class SharedStore:
    """The store of all processes of a launch, until it starts them again."""

    def __init__(self, store: Store, worker: Worker) -> None:
        self._store = store
        self._worker = worker

    def report_failure(self, message: str, state: RunStatus, exit_status: int) -> None:
        """Say why this process ends, unless another one has said so before."""
        content = json.dumps([message, state, exit_status])
        with contextlib.suppress(RuntimeError):  # The launcher is gone, and with it whoever would read it.
            self._store.compare_set(_FAILURE, "", content)

    def report_end(self) -> None:
        """Say that rank 0 has ended the run."""
        with contextlib.suppress(RuntimeError):
            self._store.set(_ENDED, "")

    def wait_for_end(self, seconds: float) -> bool:
        """Wait until rank 0 has ended the run; whether it has."""
        with contextlib.suppress(RuntimeError):
            self._store.wait([_ENDED], timedelta(seconds=seconds))
            return True
        return False

    def explain_loss(self, members: Sequence[ProcessRecord], error: RuntimeError) -> CifarTuiError:
        """The error for an exchange with the other processes that has failed."""
        try:
            if self._store.check([_FAILURE]):
                return ProcessFailedError(*json.loads(self._store.get(_FAILURE)))
            missing = self._missing()
        except RuntimeError:
            return LostProcessError("the launcher, or the host of rank 0, is gone", first_is_there=False)
        if not missing:
            return CifarTuiError(f"the processes cannot reach each other: {str(error).strip().partition(chr(10))[0]}")
        names = [f"rank {rank} on {members[rank].host}" if members else f"rank {rank}" for rank in missing]
        lost = ", ".join(names)
        silent = "timed out" in str(error).lower()
        message = (
            f"{lost} {'does not answer' if silent else 'was lost'}; the run can be resumed from its last checkpoint"
        )
        return LostProcessError(message, first_is_there=0 not in missing)

    def _missing(self) -> list[int]:
        """The processes that have not noticed that an exchange failed, because they are gone or hang."""
        self._store.set(f"{_NOTICED}/{self._worker.rank}", "")
        others = [rank for rank in range(self._worker.processes) if rank != self._worker.rank]
        until = time.monotonic() + NOTICE_SECONDS
        while True:
            missing = [rank for rank in others if not self._store.check([f"{_NOTICED}/{rank}"])]
            if len(missing) <= 1 or time.monotonic() > until:
                return missing
            time.sleep(POLL_SECONDS)
