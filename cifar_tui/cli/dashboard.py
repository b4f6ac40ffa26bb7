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
from cifar_tui.records import Overrides
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

    left = run(
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
    if left.failure is not None:
        if Debugging.on:
            print(left.traceback, file=sys.stderr)
        say(f"the dashboard failed: {type(left.failure).__name__}: {left.failure} (--debug shows where)")
    for error in left.errors:
        say(error)
    status = 0
    if left.under_way or left.ended:
        from cifar_tui.headless import driver

        status = driver.follow(
            left.under_way,
            left.messages,
            ended=left.ended,
            going_on=left.going_on,
            hung_up=left.hung_up,
            debug=Debugging.on,
        )
    if left.signals.received and not (left.hung_up and left.under_way):
        return 128 + left.signals.received
    return status if status >= 128 else left.exit_status or status
