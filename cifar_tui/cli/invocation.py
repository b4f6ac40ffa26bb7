"""What a command was given: on the command line, before and behind its name, and in the configuration file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from cifar_tui.cli.click_options import Debugging, DeclaredOption
from cifar_tui.cli.launch_options import KNOWN, LAUNCH, SHARED, LaunchOptions
from cifar_tui.config import HEALTH_OPTIONS, OPTIONS, HealthOptions
from cifar_tui.declarations import Option, flag, read_file
from cifar_tui.errors import InputError
from cifar_tui.records import Overrides
from cifar_tui.system.paths import check_reachable

if TYPE_CHECKING:
    from cifar_tui.runs.notifications.notifier import Notifier
    from cifar_tui.store.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options that a command was given.

    Attributes:
        given: Those on the command line, by field name.
        file: Those in the configuration file.
        options: Those of how runs are started and shown, the others at their defaults.
        own: The names of those on the command line behind the command's name.
    """

    given: dict[str, Any]
    file: dict[str, Any]
    options: LaunchOptions
    own: frozenset[str]

    @classmethod
    def of(cls, context: click.Context) -> Invocation:
        """The options of a command.

        Raises:
            InputError: The configuration file cannot be read, or holds what is no option or no value of one.
        """
        own = _given(context, KNOWN)
        given = _given(context.find_root(), SHARED) | own
        file = read_file(Path(given["config"]), KNOWN) if "config" in given else {}
        options = LaunchOptions(**_of(LAUNCH, file | given))
        context.ensure_object(Debugging).on |= options.debug
        return cls(given, file, options, frozenset(own))

    @property
    def training(self) -> dict[str, Any]:
        """The options of training by field name, those of the command line before those of the file."""
        return {name: value for name, value in (self.file | self.given).items() if name in OPTIONS}

    @property
    def health(self) -> HealthOptions:
        """When the health check warns."""
        return HealthOptions(**_of(HEALTH_OPTIONS, self.file | self.given))

    def notifier(self) -> Notifier:
        """What sends notifications; processes that are started from now on do likewise.

        Raises:
            InputError: It cannot, as they are given.
        """
        from cifar_tui.runs.notifications.notifier import Notifier, from_environment

        urls, command = from_environment()
        given = self.options.notify_command
        notifier = Notifier(self.options.notify or urls, command if given is None else given)
        notifier.export()
        return notifier

    @property
    def overrides(self) -> Overrides:
        """What is given for an existing run in place of what it was made with."""
        return Overrides(**{each.name: self.given.get(each.name) for each in fields(Overrides)})

    @property
    def runs_dir(self) -> Path:
        """The folder of runs.

        Raises:
            InputError: It is relative, and the current folder is gone.
        """
        check_reachable(self.options.runs_dir)
        return Path(self.options.runs_dir)

    def find_run(self, text: str | None) -> RunFolder:
        """Find the run that is meant: one in the folder of runs, or anywhere by its path; None for one under way.

        Raises:
            InputError: There is no such run, or more than one.
        """
        from cifar_tui.store import catalog

        if text is None:
            return catalog.find_under_way(self.runs_dir)
        return catalog.find_by_path(text) if catalog.is_path(text) else catalog.find(self.runs_dir, text)

    def find_runs(self, texts: Collection[str]) -> list[RunFolder]:
        """Find several runs likewise, in this order, each once.

        Raises:
            InputError: One of them is not there, or not clear.
        """
        return list({folder.path.absolute(): folder for folder in map(self.find_run, texts)}.values())


def pass_invocation(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Pass the declared options of a command as one `Invocation`, and the other parameters by name."""

    @functools.wraps(command)
    def callback(**values: Any) -> int | None:
        context = click.get_current_context()
        others = {name: value for name, value in values.items() if name not in KNOWN}
        return command(Invocation.of(context), **others)

    return callback


class RunType(click.ParamType[Any]):
    """A run's id, a part of it, or the path of its folder."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The ids of the runs in the folder of runs, newest first."""
        from cifar_tui.store import catalog

        if catalog.is_path(incomplete):
            return [CompletionItem(incomplete, type="dir")]
        ids = [folder.id for folder in catalog.run_folders(Invocation.of(ctx).runs_dir)]
        # The shell reads them line by line.
        return [CompletionItem(run_id) for run_id in ids if run_id.startswith(incomplete) and run_id.isprintable()]


RUN_HELP = "A run's id, a part of it that no other run has, or the path of its folder, such as ./runs/ID."
run_argument = click.argument("run", type=RunType(), metavar="RUN", help=RUN_HELP)
runs_argument = click.argument(
    "names", type=RunType(), nargs=-1, required=True, metavar="RUN...", help=f"One or more. {RUN_HELP}"
)


def check_shared(root: click.Context) -> None:
    """Check that only shared options are given before the command's name.

    Raises:
        InputError: An option of training does.
    """
    for name in _given(root, KNOWN):
        if name not in SHARED:
            raise InputError(f"{flag(name)} is an option of training; {root.invoked_subcommand} does not take it")


def _of(declared: Mapping[str, Option[Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of these values that are options of this kind; several values of one are a tuple."""
    found = {name: value for name, value in values.items() if name in declared}
    for name, value in found.items():
        if declared[name].repeated is not None:
            found[name] = (value,) if isinstance(value, str) else tuple(value)
    return found


def _given(context: click.Context, names: Collection[str]) -> dict[str, Any]:
    """The options of these names that stand on the command line, with their values."""
    given: dict[str, Any] = {}
    for name in (each.field for each in context.command.params if isinstance(each, DeclaredOption)):
        if name in names and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            value = context.params[name]
            if value is not None:  # It could not be read, which does not matter while a shell asks for completions.
                given[name] = list(value) if KNOWN[name].repeated is not None else value
    return given
