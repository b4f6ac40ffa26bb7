"""What the runs of a process share: where they are kept, how far they give way, and the images in memory."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.system.import_lock import import_lock
from cifar_tui.system.memory import retain_freed_memory

if TYPE_CHECKING:
    from cifar_tui.training.setup.image_cache import ImageCache


class Shared:
    """For all runs of a process; threads may share it."""

    def __init__(self, runs_dir: Path, *, niceness: int, tensorboard: bool) -> None:
        """Have no images yet; the arguments are those of `Workspace`."""
        self.runs_dir = runs_dir
        self.niceness = niceness
        self.tensorboard = tensorboard
        self._image_cache: ImageCache | None = None
        self._making = threading.Lock()
        retain_freed_memory()

    def image_cache(self) -> ImageCache:
        """The images in memory; the first call imports torch."""
        import_pytorch()
        from cifar_tui.training.setup.image_cache import ImageCache

        with self._making:
            self._image_cache = self._image_cache or ImageCache()
        return self._image_cache

    def give_way(self) -> None:
        """Have this thread be as nice as its session asks, or nicer where it is so already."""
        if self.niceness and sys.platform == "linux":
            # On Linux it is the thread's own, and that of the threads it will start; elsewhere, the whole process's.
            thread = threading.get_native_id()
            with contextlib.suppress(OSError):
                now = os.getpriority(os.PRIO_PROCESS, thread)
                os.setpriority(os.PRIO_PROCESS, thread, max(now, self.niceness))


def import_pytorch() -> None:
    """Have PyTorch imported, and what trains with it, before anything else of a thread asks for a part of it."""
    with import_lock:
        from cifar_tui.training import loop  # noqa: F401
