"""The dashboard, as the command line shows it."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from pathlib import Path

from cifar_tui.cli.options import Debugging, say
from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.stored import Overrides
from cifar_tui.system import output


def why_not() -> str:
    """What keeps the dashboard from being shown; empty where nothing does."""
    for stream, name in ((output.stream(), "output"), (sys.stdin, "input")):
        if stream is None or not stream.isatty():
            return f"standard {name} is no terminal"
    return "this terminal cannot move its cursor (TERM=dumb)" if os.environ.get("TERM", "dumb") == "dumb" else ""


def theme_named(given: str | None) -> str:
    """The theme that is asked for.

    Raises:
        InputError: There is no such theme.
    """
    if given not in (None, "auto", "dark", "light"):
        raise InputError(f"--theme takes auto, dark or light, not {given!r}")
    return given or "auto"


def graphics_named(given: str | None) -> str:
    """How images are to be drawn.

    Raises:
        InputError: There is no such way, or what it takes is not there.
    """
    if given not in (None, "auto", "kitty", "blocks"):
        raise InputError(f"--graphics takes auto, kitty or blocks, not {given!r}")
    if given == "kitty" and importlib.util.find_spec("textual_image") is None:
        raise InputError("--graphics kitty takes textual-image: pip install 'cifar-tui[graphics]'")
    return given or "auto"


def show(
    runs: Path,
    configs: list[TrainingConfig],
    *,
    start: bool,
    theme: str,
    ascii_only: bool,
    graphics: str,
    tensorboard: bool = False,
    select: str = "",
    resume: Overrides | None = None,
) -> int:
    """Show the dashboard; then wait, in this terminal, for the runs that it left under way.

    With `resume`, the run that is selected goes on, with what is given there instead of what it was made with.
    """
    # Imports make a great many objects that stay; looking through them for garbage would delay the first picture.
    gc.disable()
    from cifar_tui.tui.launch import run

    exit_report = run(
        runs,
        configs,
        start=start,
        theme=theme,
        ascii_only=ascii_only,
        graphics=graphics,
        tensorboard=tensorboard,
        select=select,
        resume=resume,
    )
    if exit_report.failure is not None:
        if Debugging.on:
            print(exit_report.traceback, file=sys.stderr)
        say(f"the dashboard failed: {type(exit_report.failure).__name__}: {exit_report.failure} (--debug shows where)")
    for error in exit_report.errors:
        say(error)
    status = 0
    if exit_report.active or exit_report.ended:
        from cifar_tui.headless import driver

        status = driver.follow(
            exit_report.active,
            exit_report.messages,
            ended=exit_report.ended,
            going_on=exit_report.continues,
            hung_up=exit_report.hung_up,
            debug=Debugging.on,
        )
    if exit_report.signals.received and not (exit_report.hung_up and exit_report.active):
        return 128 + exit_report.signals.received
    return status if status >= 128 else exit_report.exit_status or status
