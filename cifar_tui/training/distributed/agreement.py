"""What is asked of any process of a run takes effect after the same batch in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from cifar_tui.training.control import Control, StopTraining

if TYPE_CHECKING:
    from cifar_tui.training.distributed.joined import JoinedGroup

PAUSED_SECONDS = 0.25
"""How often paused processes look whether one of them was asked to resume, or to stop."""


class AgreedControl:
    """The requests to all processes of a group, which exchange them batch by batch, each one batch ahead.

    What one process is asked for while it computes a batch is sent behind that batch, arrives while all compute the
    next one, and takes effect behind that: no process waits for it.

    Args:
        local: The requests to this process.
        group: All of them.
    """

    def __init__(self, local: Control, group: JoinedGroup) -> None:
        self._local = local
        self._group = group
        self._sent: tuple[torch.Tensor, dist.Work] | None = None
        self._stop = self._pause = self._save = False

    def synchronize(self) -> None:
        """Take what was asked for one call ago, in any process, and send what this one is asked for now."""
        if self._sent is not None:
            flags, work = self._sent
            self._group.wait(work)
            self._stop, self._pause, save = map(bool, flags.tolist())
            self._save = self._save or save
        local = self._local
        asked = [local.stop_requested, local.pause_requested, local.take_checkpoint_request()]
        self._sent = self._group.start_maximum(torch.tensor(asked, dtype=torch.int32))

    @property
    def stop_requested(self) -> bool:
        """Whether an end was agreed on."""
        return self._stop

    @property
    def pause_requested(self) -> bool:
        """Whether a pause was agreed on."""
        return self._pause and not self._stop

    def wait_while_paused(self) -> None:
        """Wait until no process is asked to pause any more, or one is asked to stop."""
        while self.pause_requested:
            self._local.wait_for_change(PAUSED_SECONDS)
            self.synchronize()

    def take_checkpoint_request(self) -> bool:
        """Whether a checkpoint was agreed on since the last call."""
        asked, self._save = self._save, False
        return asked

    def check(self) -> None:
        """End the training where that was agreed on, in all processes for the reason of the first one that has one.

        Raises:
            StopTraining: It was.
            Exception: This process was abandoned with it; the others are not asked.
        """
        self._local.check_abandoned()
        if self._stop:
            reasons = self._group.all_gather(self._local.stop_reason)
            raise StopTraining(*next(reason for reason in reasons if reason is not None))
