"""Runs in processes of their own, which outlive this one and its terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.store.command_lines import override_options, run_command, training_command
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.paths import absolute

PREFIX = "cifar-tui: "
PROGRAM = str(Path(__file__).parents[1] / "__main__.py")
"""What is run: by its path, since `-m` would have Python look for all modules in the current folder first."""


class Detached:
    """A process that is about to train a run: it tells the run's id once it has begun, and goes its own way then."""

    def __init__(
        self,
        job: TrainingConfig | RunFolder,
        runs_dir: Path,
        *,
        tensorboard: bool = False,
        agreed: str | None = None,
        given: Overrides = NO_OVERRIDES,
    ) -> None:
        """Start it.

        Args:
            job: What to train, or what to go on with.
            runs_dir: The folder of all runs.
            tensorboard: Whether to mirror its events for TensorBoard, where it is new.
            agreed: The digest of the class of a run that is resumed, where it had to be asked about.
            given: What a person gives for a run that is resumed, instead of what it was made with.
        """
        directory = str(absolute(runs_dir))
        if isinstance(job, RunFolder):
            command = [*run_command("resume", job.id, directory), "--no-ui", *override_options(given)]
            # A class that may be run here may be run there, also where that cannot be remembered; and no other one.
            command += ["--agreed", agreed] if agreed else []
        else:
            command = training_command(job, directory)
            command += ["--tensorboard"] if tensorboard else []
        self._told, announce = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", PROGRAM, *command[1:], "--announce", str(announce)],
                env=_environment(),
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

    def wait(self, say: Callable[[str], None]) -> str:
        """The run's id, once it has begun; what it says before goes to `say`, line by line.

        Raises:
            InputError: It refused what it was given.
            CifarTuiError: It ended before it began.
        """
        errors: list[str] = []
        assert self._process.stderr is not None
        try:
            with self._process.stderr as lines:
                for line in lines:  # To the end, which is where the process turns to its log.
                    text = line.rstrip("\n")
                    errors.append(text.removeprefix(PREFIX)) if text.startswith(PREFIX) else say(text)
            with os.fdopen(self._told) as told:
                run_id = told.read().strip()
        except BaseException:
            self._process.terminate()
            raise
        finally:
            # It is not our child to wait for, but the system would keep its name until someone did.
            threading.Thread(target=self._process.wait, name="detached", daemon=True).start()
        if run_id:
            return run_id
        kind = InputError if self._process.wait() == InputError.exit_status else CifarTuiError
        raise kind("; ".join(errors) or "the process ended before the run began")


def _environment() -> dict[str, str]:
    """This process's, in which nothing has Python look for modules in the current folder, an empty entry neither."""
    here, environment = os.path.realpath("."), dict(os.environ)
    entries = environment.pop("PYTHONPATH", "").split(os.pathsep)
    if kept := [entry for entry in entries if entry and os.path.realpath(entry) != here]:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    return environment


def start(
    jobs: Sequence[TrainingConfig | RunFolder],
    runs_dir: Path,
    say: Callable[[str], None],
    *,
    tensorboard: bool = False,
    agreed: str | None = None,
    given: Overrides = NO_OVERRIDES,
) -> list[str]:
    """Train each of `jobs` in a process of its own; that of a resumed one whose class was `agreed` on may run it.

    Args:
        jobs: What to train, and what to go on with.
        runs_dir: The folder of all runs.
        say: Told, line by line, what they say before they begin.
        tensorboard: As of `Detached`, as the other two.
        agreed: As there.
        given: As there.

    Returns:
        The ids of the runs, once all have begun.

    Raises:
        CifarTuiError: One of them did not begin; those before it train.
    """
    processes = [Detached(job, runs_dir, tensorboard=tensorboard, agreed=agreed, given=given) for job in jobs]
    return [process.wait(say) for process in processes]
