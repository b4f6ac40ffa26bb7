"""Show the dashboard from the command line."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from pathlib import Path

from cifar_tui.cli.launch_options import LaunchOptions
from cifar_tui.cli.stderr import print_message
from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.records import Overrides
from cifar_tui.system import output


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
    *,
    select: str = "",
    resume: Overrides | None = None,
) -> int:
    """Show the dashboard; then wait, in this terminal, for the runs that it left under way.

    Args:
        runs_dir: The folder of runs.
        configs: New runs.
        options: How it is shown.
        select: The id of the run to show first.
        resume: Resume that run, with what is given there in place of what it was made with.

    Returns:
        The exit status.
    """
    # Imports make a great many objects that stay; looking through them for garbage would delay the first picture.
    gc.disable()
    from cifar_tui.tui.launch import run

    left = run(
        runs_dir,
        configs,
        start=options.start,
        theme=options.theme,
        ascii_only=options.ascii,
        graphics=options.graphics,
        tensorboard=options.tensorboard,
        select=select,
        resume=resume,
    )
    if left.failure is not None:
        if options.debug:
            print(left.traceback, file=sys.stderr)
        print_message(f"the dashboard failed: {type(left.failure).__name__}: {left.failure} (--debug shows where)")
    for error in left.errors:
        print_message(error)
    status = 0
    if left.under_way or left.ended:
        from cifar_tui.headless import driver

        status = driver.follow(
            left.under_way,
            left.messages,
            ended=left.ended,
            keep_training=left.going_on,
            hung_up=left.hung_up,
            debug=options.debug,
        )
    if left.signals.received and not (left.hung_up and left.under_way):
        return 128 + left.signals.received
    return status if status >= 128 else left.exit_status or status
