"""Logs in run folders, for runs whose terminal is gone, or that never had one."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence

from cifar_tui.headless.displays import FaultTolerantDisplay, LogDisplay
from cifar_tui.runs.run import Run
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import output


def keep_logs(runs: Sequence[tuple[Run, FaultTolerantDisplay]], *, everything: bool = False) -> None:
    """Have runs write logs of their own, and anything else that goes to the terminal go to the first of these.

    A file or a pipe that the output goes to still gets it, unless `everything` is to go to the log: it outlives the
    terminal.
    """
    folder = next((run.folder for run, _ in runs if run.folder is not None), None)
    with contextlib.suppress(OSError):
        # Of a terminal that is gone, nothing else is known but that it was a device.
        gone = [n for n in (output.descriptor(), 1, 2) if everything or stat.S_ISCHR(os.fstat(n).st_mode)]
        # What a display does to the terminal when it ends belongs in no log.
        _redirect(gone, None)
        for run, display in runs if output.descriptor() in gone else ():
            display.switch_to(LogDisplay(run))
        _redirect(gone, folder)


def redirect_to_log(folder: RunFolder) -> None:
    """Have everything that this process prints go to a run's log."""
    everything = (output.descriptor(), 1, 2)
    with contextlib.suppress(OSError):
        # A pipe is let go of in any case: somebody waits for its end.
        _redirect(everything, None)
        _redirect(everything, folder)


def _redirect(descriptors: Sequence[int], folder: RunFolder | None) -> None:
    """Have what is written to these descriptors appended to a run's log, or dropped."""
    if folder is None:
        target = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    else:
        target = folder.files.open_to_append(folder.log_file.name)
    for descriptor in descriptors:
        os.dup2(target, descriptor, inheritable=descriptor <= 2)
    os.close(target)
