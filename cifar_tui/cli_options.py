"""What the commands of the command line share: options, the folder of runs, and how something is said."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cifar_tui.config import DEFAULT_RUNS_DIR, TrainingConfig
from cifar_tui.models import own
from cifar_tui.text import printable

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder


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
Trust = Annotated[
    bool, typer.Option("--trust", help="Run the code of a model class that you have not trained by name.")
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or a part of it that no other has.")]


def runs_folder(context: typer.Context, given: Path | None) -> Path:
    """The folder of runs, wherever on the line it was named."""
    shared: Shared = context.obj
    return given or shared.runs_dir or Path(DEFAULT_RUNS_DIR)


def wants_json(context: typer.Context, given: bool) -> bool:
    """Whether JSON is asked for, wherever on the line."""
    shared: Shared = context.obj
    return given or shared.as_json


def check_class(folder: RunFolder, *, trust: bool, as_json: bool) -> None:
    """See that the class of a run's model may be run, where it is one of somebody's own; ask, where someone is there.

    Raises:
        UnknownClassError: It may not.
        InputError: There is no such class, or it lies where runs are kept; or the run's configuration is damaged.
    """
    from cifar_tui.store import classes

    if (unknown := classes.unknown(folder)) is not None:
        _agree(unknown, trust=trust, as_json=as_json)
        classes.allow(folder)


def allow_named(config: TrainingConfig, runs: Path, *, named: bool, as_json: bool) -> None:
    """See likewise that the class of a new run's model may be run: where the command line has named it, it may.

    Raises:
        UnknownClassError: It may not: a file has named it.
        InputError: There is no such class, or it lies in the folder of runs.
    """
    if (unknown := own.unknown(config.model, config.model_dir, (runs,))) is not None:
        _agree(unknown, trust=named, as_json=as_json)
        own.allow(config.model, config.model_dir, (runs,))


def _agree(unknown: own.UnknownClassError, *, trust: bool, as_json: bool) -> None:
    """Have a person say that a class may be run, unless that is said already.

    Raises:
        UnknownClassError: Nobody is there to be asked, or says no.
    """
    if trust:
        return
    if as_json or not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise unknown
    say(unknown.what)
    if not typer.confirm("Run this code, now and later?", err=True):
        raise unknown


def say(message: str) -> None:
    """A line on standard error."""
    with contextlib.suppress(OSError):
        print(f"cifar-tui: {printable(message)}", file=sys.stderr)
