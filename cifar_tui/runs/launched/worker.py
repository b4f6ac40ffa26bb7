"""A process other than rank 0: it trains what rank 0 says, and neither has a run folder nor prints anything."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from cifar_tui.config import TrainingConfig
from cifar_tui.events import AnyEvent, DeviceUsage, Note, RunStatus
from cifar_tui.models import user_class
from cifar_tui.runs.device_usage import DeviceReporter
from cifar_tui.runs.failures import explain, run_state_after, status_of
from cifar_tui.runs.launched.assignment import Assignment
from cifar_tui.runs.run import import_pytorch
from cifar_tui.system.memory import retain_freed_memory
from cifar_tui.training.control import Control
from cifar_tui.training.distributed.environment import Worker
from cifar_tui.training.distributed.process_errors import LostProcessError, ProcessFailedError

if TYPE_CHECKING:
    from cifar_tui.training.checkpoints.storage import Snapshot
    from cifar_tui.training.distributed.group import Group
    from cifar_tui.training.setup.image_cache import ImageCache

MAX_WAITING = 1000
"""Events of the devices that wait for the end of the epoch: those of half an hour; beyond them, the oldest go."""
END_SECONDS = 60.0
"""How long to wait after an error until rank 0 has recorded it."""


class WorkerRuns:
    """All runs of a worker, in one thread. `stop` and `checkpoint` may be called from any thread."""

    def __init__(self, worker: Worker, on_end: Callable[[], None]) -> None:
        """Start nothing yet; `on_end` is called on the thread once it has ended."""
        self.status = 0
        """The exit status of the process, once it has ended."""
        self.message = ""
        """What rank 0 cannot say in its place."""
        self.traceback = ""
        self.is_done = True
        """Whether nothing is left to do; if not, as when another process is gone, all are to be started again."""
        self._worker = worker
        self._on_end = on_end
        self._control = Control()
        self._config = TrainingConfig()
        self._joined = False
        # Nothing ends its waiting for the others: the process does not wait for it.
        self._thread = threading.Thread(target=self._main, name="train", daemon=True)
        retain_freed_memory()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, state: RunStatus, why: str) -> None:
        """Ask all processes to end in this state after this batch, with a checkpoint."""
        self._control.stop(state, why)
        if not self._joined:
            self.status = 1
            self._on_end()

    def checkpoint(self) -> None:
        """Ask rank 0 for a checkpoint after this batch."""
        self._control.checkpoint()

    def _main(self) -> None:
        try:
            import_pytorch()
            from cifar_tui.training.distributed.joined import join

            group = join(self._worker, self._control.check_abandoned)
        except Exception as error:  # noqa: BLE001  (whatever it is, the process ends in one line)
            self._fail(error)
            # All processes of a host meet the same difficulty, and one of them says it.
            self.is_done = self._worker.local_rank == 0
            self.message = str(error) if self.is_done else ""
        else:
            self._joined = True
            self._follow(group)
        self._on_end()

    def _follow(self, group: Group) -> None:
        """Train what rank 0 says until it says with which status to end."""
        try:
            from cifar_tui.training.setup.image_cache import ImageCache

            images = ImageCache()
            while isinstance(assignment := group.broadcast(), Assignment):
                self._config = assignment.config
                self._train(assignment, group, images)
            self.status = assignment
            group.close()
        except ProcessFailedError as error:
            self.status = error.exit_status
            group.close()
            group.wait_for_end(END_SECONDS)
        except LostProcessError as error:
            self._fail(error)
            self.is_done = False
            self.message = "" if error.first_is_there else str(error)
            group.close()
        except Exception as error:  # noqa: BLE001  (an error in one process ends the run, and rank 0 reports it)
            self._fail(error)
            message = explain(error, self._config, group)
            group.report_failure(message, run_state_after(error), self.status)
            self.message = "" if group.wait_for_end(END_SECONDS) else message

    def _fail(self, error: Exception) -> None:
        self.status, self.traceback = status_of(error), traceback.format_exc().rstrip()
        # It would hold on to the connections, so that the others would wait.
        error.__traceback__ = error.__cause__ = error.__context__ = None

    def _train(self, assignment: Assignment, group: Group, images: ImageCache) -> None:
        """Train with the others, from the checkpoint that rank 0 has read; how it ends, rank 0 records."""
        from cifar_tui.training.clock import Clock
        from cifar_tui.training.loop import train
        from cifar_tui.training.setup.prepare import prepare, prepare_stored

        if user_class.is_user_class(assignment.config.model):
            # Whoever started rank 0 has started this process, and was asked there.
            user_class.allow(assignment.config.model, assignment.config.model_dir, ())
        if assignment.stored is None:
            setup = prepare(assignment.config, images, _ignore_progress, group)
        else:
            setup = prepare_stored(assignment.stored, images, _ignore_progress, "resume", group)
        saved: Snapshot | None
        saved, t = group.broadcast()
        clock = Clock(t)
        waiting: deque[DeviceUsage | Note] = deque(maxlen=MAX_WAITING)
        with contextlib.ExitStack() as stack:
            if group.local_rank == 0:
                stack.enter_context(DeviceReporter(waiting.append, clock, rank=group.rank))
            train(setup, "", None, self._control, _ignore_event, clock, saved, lambda: _taken(waiting))


def _taken(waiting: deque[DeviceUsage | Note]) -> list[AnyEvent]:
    """Take what waits, while another thread may add to it."""
    return [waiting.popleft() for _ in range(len(waiting))]


def _ignore_progress(_what: str, _done: int, _total: int) -> None:
    """Rank 0 shows the progress of its own preparation."""


def _ignore_event(_event: AnyEvent) -> None:
    """Rank 0 records the same ones, and those of the devices of other hosts, which are sent to it."""
