"""What the commands of the command line share: options, the folder of runs, and how something is said."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cifar_tui.config import DEFAULT_RUNS_DIR, TrainingConfig, expanded_options
from cifar_tui.errors import InputError
from cifar_tui.formatting import printable
from cifar_tui.models import user_class
from cifar_tui.models.user_class import UntrustedClassError
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.system import output
from cifar_tui.system.paths import expand_path

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder


LONGEST_LINE = 4000


@dataclass(frozen=True, slots=True)
class Shared:
    """Options of the commands that may stand before the command's name too."""

    runs_dir: Path | None
    as_json: bool
    quiet: bool
    trust: bool


class ParsedGroup(TyperGroup):
    """Commands whose help is a result: it goes to standard output."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Parse the line; help is printed meanwhile."""
        with contextlib.redirect_stdout(output.stream()):
            return super().make_context(*arguments, **more)


class ParsedCommand(TyperCommand):
    """A command, likewise."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Parse the line; help is printed meanwhile."""
        with contextlib.redirect_stdout(output.stream()):
            return super().make_context(*arguments, **more)


class Debugging:
    """Whether errors show their traceback, wherever on the line --debug stood."""

    on = False


def _set_debug(value: bool) -> None:
    Debugging.on = Debugging.on or value


def a_path(option: str) -> Callable[[str], Path]:
    """What makes of an option's value the path that is meant: as the shell does not for `--option=~/x`."""
    return lambda given: Path(expand_path(option, given))


RunsDir = Annotated[
    Path | None,
    typer.Option(
        parser=a_path("runs-dir"), metavar="PATH", show_default=str(DEFAULT_RUNS_DIR), help="The folder of all runs."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for another program.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only the result.")]
Debug = Annotated[bool, typer.Option("--debug", callback=_set_debug, help="Show the traceback of an error.")]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Run a model class that is not yours without asking, and remember that; see SECURITY.md."
    ),
]
_AS_MADE = "as the run was made, where that is here"
RunDevice = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", show_default=_AS_MADE)]
RunPrecision = Annotated[str | None, typer.Option("--precision", help="auto, fp32 or bf16.", show_default=_AS_MADE)]
RunThreads = Annotated[
    int | None, typer.Option("--threads", help="CPU threads; 0 is as many as may be used.", show_default=_AS_MADE)
]
RunData = Annotated[
    str | None,
    typer.Option(
        "--data", help="Where the run's images are now; only the same images are taken.", show_default="where they were"
    ),
]
RunModelDir = Annotated[
    str | None,
    typer.Option("--model-dir", help="Where the module of a class of your own is now.", show_default="where it was"),
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, a part of it that no other has, or ./path/to/its/folder.")
]


def runs_folder(context: typer.Context, given: Path | None) -> Path:
    """The folder of runs, wherever on the line it was named.

    Raises:
        InputError: It was not named, and the current folder is gone.
    """
    shared: Shared = context.obj
    return given or shared.runs_dir or Path(expand_path("runs-dir", DEFAULT_RUNS_DIR))


def find_run(context: typer.Context, run: str, given: Path | None) -> RunFolder:
    """The run that is meant: one of the folder of runs, or the folder of one anywhere, by its path.

    Args:
        context: The command's.
        run: What names it.
        given: The folder of runs, as it was given behind the command's name.

    Raises:
        InputError: There is no such run, or more than one.
    """
    from cifar_tui.store import catalog

    return catalog.at(run) if catalog.is_path(run) else catalog.find(runs_folder(context, given), run)


def overrides(
    *,
    data: str | None = None,
    model_dir: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
) -> Overrides:
    """What the command line gives for a run that is there, in place of what it was made with.

    Raises:
        InputError: A path names a variable that is not set, or a user who is not there.
    """
    given = expanded_options({"data": data, "model_dir": model_dir})
    return Overrides(**given, device=device, precision=precision, threads=threads)


def wants_json(context: typer.Context, given: bool) -> bool:
    """Whether JSON is asked for, wherever on the line."""
    shared: Shared = context.obj
    return given or shared.as_json


def check_class(
    context: typer.Context,
    folder: RunFolder,
    *,
    trust: bool,
    as_json: bool,
    agreed: str | None = None,
    given: Overrides = NO_OVERRIDES,
) -> str | None:
    """See that the class of a run's model may be run, where it is one of somebody's own; ask, where someone is there.

    Args:
        context: The command's.
        folder: The run.
        trust: Whether the user has said so behind the command's name.
        as_json: Whether another program reads the output, so that nobody is there to be asked.
        agreed: The digest of a class that another process was allowed to run.
        given: What the command line gives instead of what the run was made with.

    Returns:
        The digest of the class, where it had to be asked about.

    Raises:
        UntrustedClassError: It may not.
        InputError: There is no such class, or it lies where runs are kept; or the run's configuration is damaged.
    """
    from cifar_tui.runs import untrusted_class

    if (unknown := untrusted_class.find(folder, given)) is None:
        return None
    digest = user_class.trust.digest(unknown.key)
    shared: Shared = context.obj
    _agree(unknown, trust=trust or shared.trust or agreed == digest, as_json=as_json)
    return digest


def allow_named(config: TrainingConfig, runs: Path, file: Path | None, *, named: bool, as_json: bool) -> None:
    """See likewise that the class of a new run's model may be run: where the command line has named it, it may.

    Args:
        config: The run's options.
        runs: The folder of runs.
        file: The configuration file.
        named: Whether the command line has named the class.
        as_json: As of `check_class`.

    Raises:
        InputError: There is no such class, or it lies in the folder of runs; or the file alone has named it.
    """
    if (unknown := user_class.untrusted(config.model, config.model_dir, (runs,))) is None:
        return
    try:
        _agree(unknown, trust=named, as_json=as_json)
    except UntrustedClassError:
        raise InputError(
            f"{file} names {unknown.model} ({unknown.file}), which you have not trained here; give it by --model once, "
            "or give --trust"
        ) from None


def _agree(unknown: UntrustedClassError, *, trust: bool, as_json: bool) -> None:
    """Have a person say that a class may be run, unless that is said already; and remember it.

    Raises:
        UntrustedClassError: Nobody is there to be asked.
        InputError: The answer is no.
    """
    if not trust:
        if as_json or not _someone_is_there():
            raise unknown
        say(f"{unknown.what}; read that file first, it can do whatever you can")
        if not typer.confirm("Run it, and remember that?", err=True):
            raise InputError(f"{unknown.model} is not run")
    if not user_class.trust.allow(unknown.key):
        say("it cannot be remembered that this class may be run: your state folder cannot be written")


def _someone_is_there() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def say(message: str) -> None:
    """A line on standard error, cut where it quotes something that is far too long."""
    shown = message if len(message) <= LONGEST_LINE else f"{message[:LONGEST_LINE]}… ({len(message)} characters)"
    with contextlib.suppress(OSError):
        print(f"cifar-tui: {printable(shown)}", file=sys.stderr)
