"""`--devices`: training in several processes, which this one starts; and what they owe it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.cli.launch_options import LaunchOptions
from cifar_tui.cli.stderr import print_message
from cifar_tui.config import TrainingConfig
from cifar_tui.declarations import flag
from cifar_tui.errors import InputError
from cifar_tui.formatting import plural
from cifar_tui.system import output, processors
from cifar_tui.system.paths import absolute
from cifar_tui.training.distributed.environment import EXCHANGE, Worker
from cifar_tui.training.distributed.exchange import Exchange

if TYPE_CHECKING:
    from cifar_tui.cli.invocation import Invocation
    from cifar_tui.store.run_folder import RunFolder


def is_launched(worker: Worker | None) -> bool:
    """Whether this is one of the processes that `--devices` has started."""
    return worker is not None and worker.exchange is not None


def check_launcher(worker: Worker | None, options: LaunchOptions, devices: str | None, device: str | None) -> None:
    """Check that processes of another launcher are not asked for what that launcher does.

    Args:
        worker: This process's place, where a launcher has started it.
        options: How it is started and shown.
        devices: What is given as `--devices`; None where nothing is.
        device: What is given as `--device`, likewise.

    Raises:
        InputError: They are.
    """
    if worker is None or is_launched(worker):
        return
    if devices not in (None, "1"):
        raise InputError("--devices starts the processes itself; leave it out under torchrun, which has started them")
    if options.detach:
        raise InputError("--detach: the processes of torchrun end with it; start torchrun itself in the background")
    if worker.processes > 1 and device is not None and ":" in device:
        raise InputError(f"--device {device} is one GPU, and torchrun gives each process one of its own; give cuda")


def train(arguments: Sequence[str], config: TrainingConfig, runs_dir: Path, announce: int | None) -> int | None:
    """Train in as many processes as `--devices` asks for, where these are several.

    Args:
        arguments: The command line of each of them.
        config: The options of what is trained.
        runs_dir: The folder of the runs.
        announce: The file to write the id of a run in the background to; from then on, this process prints to its log.

    Returns:
        The exit status; None where it is one process, which this one is to be.

    Raises:
        InputError: There are not as many devices.
        CifarTuiError: The processes could not be started, or were lost too often.
    """
    if config.devices == "1":
        return None
    from cifar_tui.training.distributed import launcher

    if (processes := launcher.count_processes(config)) == 1:
        return None
    usable = processors.usable().count
    if processes > usable and not launcher.has_gpus(config):
        print_message(f"{processes} processes share {plural(usable, 'processor')}")
    from cifar_tui.headless.logs import redirect_to_log
    from cifar_tui.runs.detached import PROGRAM
    from cifar_tui.store.run_folder import RunFolder

    write_id = announcement(announce, None)

    def started(run_id: str) -> None:
        assert write_id is not None
        write_id(run_id)
        redirect_to_log(RunFolder(runs_dir / run_id))

    output.hand_over()
    return launcher.launch(
        [sys.executable, "-P", PROGRAM, *arguments],
        processes,
        threads=config.threads,
        started=started if write_id else None,
    )


def resume(call: Invocation, folder: RunFolder, announce: int | None, agreed: str | None) -> int | None:
    """Do the same for a run that is resumed.

    Args:
        call: What the command was given.
        folder: The run.
        announce: As of `train`.
        agreed: The digest of its class, where the user was asked whether to trust it.
    """
    from cifar_tui.store import catalog
    from cifar_tui.store.command_lines import health_options, override_options
    from cifar_tui.store.stored_run import stored_run

    given = call.overrides
    stored = stored_run(folder, given)
    if stored.config.devices == "1":
        return None
    catalog.check_resumable(folder)
    # By its path, since other runs may come to have the same part in their id.
    arguments = ["resume", str(absolute(folder.path)), *override_options(given), *health_options(call.health)]
    arguments += [flag(name) for name in ("json", "quiet", "debug") if getattr(call.options, name)]
    arguments += ["--announce", str(announce)] if announce is not None else []
    arguments += ["--agreed", agreed] if agreed else []
    config = stored.config if stored.threads_chosen else replace(stored.config, threads=0)
    return train(arguments, config, folder.path.parent, announce)


def announcement(descriptor: int | None, worker: Worker | None) -> Callable[[str], None] | None:
    """What tells a run's id to the process that has started this one in the background; None where none has."""
    if descriptor is None:
        return None
    if worker is not None and worker.exchange is not None:
        return Exchange(worker.exchange).announce_run  # The launcher has the descriptor.

    def announce(run_id: str) -> None:
        os.write(descriptor, f"{run_id}\n".encode())
        os.close(descriptor)

    return announce


def is_over() -> bool:
    """Whether this process was started for a launch that has ended by now."""
    exchange = _exchange()
    return exchange is not None and exchange.status() is not None


def report_failure(status: int) -> int:
    """Have a launch of which this is one of the processes end with this exit status.

    Returns:
        The exit status of this process: the launcher starts all of them again where it is not 0.
    """
    exchange = _exchange()
    if exchange is None:
        return status
    with contextlib.suppress(OSError):
        exchange.finish(status)
    return 0


def _exchange() -> Exchange | None:
    folder = os.environ.get(EXCHANGE)
    return Exchange(Path(folder)) if folder and "RANK" in os.environ else None
