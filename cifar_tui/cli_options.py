"""What the commands of the command line share: options, the folder of runs, and how something is said."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cifar_tui.config import DEFAULT_RUNS_DIR
from cifar_tui.text import printable


@dataclass(frozen=True, slots=True)
class Shared:
    """Options of the commands that may stand before the command's name too."""

    runs_dir: Path | None
    as_json: bool
    quiet: bool


class Debugging:
    """Whether errors show their traceback, wherever on the line --debug stood."""

    on = False


def _set_debug(value: bool) -> None:
    Debugging.on = Debugging.on or value


RunsDir = Annotated[Path | None, typer.Option(show_default=str(DEFAULT_RUNS_DIR), help="The folder of all runs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for another program.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only the result.")]
Debug = Annotated[bool, typer.Option("--debug", callback=_set_debug, help="Show the traceback of an error.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or a part of it that no other has.")]


def runs_folder(context: typer.Context, given: Path | None) -> Path:
    """The folder of runs, wherever on the line it was named."""
    shared: Shared = context.obj
    return given or shared.runs_dir or Path(DEFAULT_RUNS_DIR)


def wants_json(context: typer.Context, given: bool) -> bool:
    """Whether JSON is asked for, wherever on the line."""
    shared: Shared = context.obj
    return given or shared.as_json


def say(message: str) -> None:
    """A line on standard error."""
    with contextlib.suppress(OSError):
        print(f"cifar-tui: {printable(message)}", file=sys.stderr)
