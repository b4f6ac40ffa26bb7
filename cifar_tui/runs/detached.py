"""Runs in processes of their own, which outlive this one and its terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions, TrainingConfig
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.store.command_lines import health_options, override_options, run_command, training_command
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.paths import absolute, python_path

PREFIX = "cifar-tui: "
PROGRAM = str(Path(__file__).parents[1] / "__main__.py")
"""What is run: by its path, since `-m` would have Python look for all modules in the current folder first."""


class DetachedProcess:
    """A process that is about to train a run: it announces the run's id once it has started, and is then on its own."""

    def __init__(
        self,
        job: TrainingConfig | RunFolder,
        runs_dir: Path,
        *,
        tensorboard: bool = False,
        agreed: str | None = None,
        overrides: Overrides = NO_OVERRIDES,
        health: HealthOptions = DEFAULT_HEALTH,
    ) -> None:
        """Start it.

        Args:
            job: What to train, or what to resume.
            runs_dir: The folder of all runs.
            tensorboard: Whether to mirror its events for TensorBoard, where it is new.
            agreed: The digest of the class of a run that is resumed, where the user was asked whether to trust it.
            overrides: Options of a run that is resumed to use instead of those that it was made with.
            health: When its health check warns.
        """
        directory = str(absolute(runs_dir))
        if isinstance(job, RunFolder):
            command = [*run_command("resume", job.id, directory), "--no-ui", *override_options(overrides)]
            # A class that may be run here may be run there, also where that cannot be remembered; and no other one.
            command += ["--agreed", agreed] if agreed else []
        else:
            command = training_command(job, directory)
            command += ["--tensorboard"] if tensorboard else []
        command += health_options(health)
        self._announced, announce = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", PROGRAM, *command[1:], "--announce", str(announce)],
                env=os.environ | {"PYTHONPATH": python_path()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                pass_fds=[announce],
                # A session of its own: neither the terminal's end nor its keys reach it.
                start_new_session=True,
            )
        finally:
            os.close(announce)

    def wait(self, show: Callable[[str], None]) -> str:
        """The run's id, once it has started; what it prints before goes to `show`, line by line.

        Raises:
            InputError: It refused its options.
            CifarTuiError: It ended before it started.
        """
        errors: list[str] = []
        assert self._process.stderr is not None
        try:
            with self._process.stderr as lines:
                for line in lines:  # To the end, which is where the process turns to its log.
                    text = line.rstrip("\n")
                    errors.append(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else show(text)
            with os.fdopen(self._announced) as announced:
                run_id = announced.read().strip()
        except BaseException:
            self._process.terminate()
            raise
        finally:
            # Nobody else waits for it, and until someone does, the system keeps it as a zombie.
            threading.Thread(target=self._process.wait, name="detached", daemon=True).start()
        if run_id:
            return run_id
        kind = InputError if self._process.wait() == InputError.exit_status else CifarTuiError
        raise kind("; ".join(errors) or "the process ended before the run started")


def start(
    jobs: Sequence[TrainingConfig | RunFolder],
    runs_dir: Path,
    show: Callable[[str], None],
    *,
    tensorboard: bool = False,
    agreed: str | None = None,
    overrides: Overrides = NO_OVERRIDES,
    health: HealthOptions = DEFAULT_HEALTH,
) -> list[str]:
    """Train each of `jobs` in a process of its own.

    Args:
        jobs: What to train, and what to resume.
        runs_dir: The folder of all runs.
        show: Called with each line that they print before they start.
        tensorboard: As of `DetachedProcess`, like the others.
        agreed: As there.
        overrides: As there.
        health: As there.

    Returns:
        The ids of the runs, once all have started.

    Raises:
        CifarTuiError: One of them did not start; those before it train.
    """
    processes = [
        DetachedProcess(job, runs_dir, tensorboard=tensorboard, agreed=agreed, overrides=overrides, health=health)
        for job in jobs
    ]
    return [process.wait(show) for process in processes]
