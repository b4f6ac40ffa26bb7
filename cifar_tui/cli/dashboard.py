"""Show the dashboard from the command line."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cifar_tui.cli.launch_options import LaunchOptions
from cifar_tui.cli.stderr import print_message
from cifar_tui.config import HealthOptions, TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.records import Overrides
from cifar_tui.system import output

if TYPE_CHECKING:
    from cifar_tui.foreign_logs.names import Role
    from cifar_tui.runs.notifications.notifier import Notifier


def why_unavailable() -> str:
    """Why the dashboard cannot be shown; empty where it can."""
    for stream, name in ((output.stream(), "output"), (sys.stdin, "input")):
        if stream is None or not stream.isatty():
            return f"standard {name} is not a terminal"
    return "this terminal cannot move its cursor (TERM=dumb)" if os.environ.get("TERM", "dumb") == "dumb" else ""


def check_graphics(graphics: str) -> None:
    """See that what draws images in this way is installed.

    Raises:
        InputError: It is not.
    """
    if graphics == "kitty" and importlib.util.find_spec("textual_image") is None:
        raise InputError("--graphics kitty needs textual-image: pip install 'cifar-tui[graphics]'")


def show(
    runs_dir: Path,
    configs: list[TrainingConfig],
    options: LaunchOptions,
    notifier: Notifier,
    health: HealthOptions,
    *,
    select: str = "",
    resume: Overrides | None = None,
    logs: tuple[tuple[str, ...], Mapping[Role, str]] | None = None,
) -> int:
    """Show the dashboard; then wait, in this terminal, for the runs that are still active.

    Args:
        runs_dir: The folder of runs.
        configs: New runs.
        options: How it is shown.
        notifier: Sends how runs end, and what their health check finds.
        health: When that warns.
        select: The id of the run to show first.
        resume: Resume that run, with what is given there in place of what it was made with.
        logs: Paths of logs of other tools, and what names in them stand for.

    Returns:
        The exit status.
    """
    # Imports make a great many objects that stay; looking through them for garbage would delay the first picture.
    gc.disable()
    from cifar_tui.tui.launch import run
    from cifar_tui.tui.runs.reading import WatchedLogs

    exit_report = run(
        runs_dir,
        configs,
        start=options.start,
        theme=options.theme,
        ascii_only=options.ascii,
        graphics=options.graphics,
        tensorboard=options.tensorboard,
        select=select,
        resume=resume,
        logs=None if logs is None else WatchedLogs(*logs, health),
        health=health,
        notifier=notifier,
        bell=options.bell,
    )
    if exit_report.failure is not None:
        if options.debug:
            print(exit_report.traceback, file=sys.stderr)
        error = exit_report.failure
        print_message(f"the dashboard failed: {type(error).__name__}: {error} (--debug shows where)")
    for text in exit_report.errors:
        print_message(text)
    status = 0
    if exit_report.active or exit_report.ended:
        from cifar_tui.headless import driver

        status = driver.follow(
            exit_report.active,
            exit_report.messages,
            ended=exit_report.ended,
            keep_training=exit_report.keep_training,
            hung_up=exit_report.hung_up,
            debug=options.debug,
            notifier=notifier,
        )
    notifier.close()
    if exit_report.signals.received and not (exit_report.hung_up and exit_report.active):
        return 128 + exit_report.signals.received
    return status if status >= 128 else exit_report.exit_status or status
