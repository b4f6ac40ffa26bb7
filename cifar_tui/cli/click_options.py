"""Click's options, made from the declarations, and its commands."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from cifar_tui import models
from cifar_tui.cli.launch_options import KNOWN
from cifar_tui.declarations import Option, flag
from cifar_tui.system import output
from cifar_tui.system.paths import expand_path

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
F = TypeVar("F", bound=Callable[..., Any])
EXAMPLES = {"model": models.names()}
"""Values of options beside the declared choices."""
EXISTING_RUN = {
    "data": ("Where the run's images are now; only the same images are accepted.", "where the run found them"),
    "model_dir": ("Folder that holds the module of the run's class now.", "where the run found it"),
    "device": ("", "as in the run, if available here"),
    "devices": ("", "as in the run"),
    "precision": ("", "as in the run, if available here"),
    "threads": ("", "as in the run, if available here"),
}
"""Of options in commands for existing runs: their help, where it is another one, and their default."""


@dataclass(slots=True)
class Debugging:
    """Whether errors show their traceback; the object of all contexts of a command line."""

    on: bool = False


class DeclaredType(click.ParamType[Any]):
    """The values of a declared option."""

    name = "value"

    def __init__(self, name: str, option: Option[Any]) -> None:
        self._label = flag(name)
        self._option = option
        self._examples = (*option.choices, *EXAMPLES.get(name, ()))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read what was typed; a default is what it is."""
        is_typed = isinstance(value, str) and value != self._option.default
        return self._option.parse(value, self._label) if is_typed else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The known values, and paths where it takes one."""
        items = [CompletionItem(each) for each in self._examples if each.startswith(incomplete)]
        if not items and self._option.path:
            items = [CompletionItem(incomplete, type="file" if param.name == "config" else "dir")]
        return items


class PathType(click.ParamType[Any]):
    """A path with `~` and variables, as the shell does not expand them in `--option=~/x`."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Expand it."""
        return Path(expand_path(param.opts[0] if param else "PATH", value))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Files and folders."""
        return complete_file(ctx, param, incomplete)


def complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave the completion to the shell, which knows the files."""
    return [CompletionItem(incomplete, type="file")]


class DeclaredOption(click.Option):
    """A declared option on the command line.

    Args:
        param_decls: The name of its field.
        existing_run: Whether it is for an existing run, in place of what that was made with.
        negatable: Whether a flag can be given negatively, since a configuration file may have set it.
    """

    def __init__(self, param_decls: Sequence[str], *, existing_run: bool = False, negatable: bool = False) -> None:
        (name,) = param_decls
        option = KNOWN[name]
        is_flag = option.kind is bool
        help_text, default_text = EXISTING_RUN[name] if existing_run else ("", option.default_text)
        super().__init__(
            [name, f"{flag(name)}/{negative(name)}" if negatable and is_flag and option.in_file else flag(name)],
            type=None if is_flag else DeclaredType(name, option),
            is_flag=is_flag,
            multiple=option.repeated is not None,
            default=option.repeated if option.repeated is not None else (False if is_flag else option.default),
            show_default=default_text or (not is_flag and option.default is not None),
            metavar=None if is_flag else _metavar(option),
            help=_help(name, option, help_text or option.help),
            callback=_set_debugging if name == "debug" else None,
            # Before the others: errors of theirs show their traceback too.
            is_eager=name == "debug",
        )
        self.field, self.group = name, option.group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Its line in the help, in which --config explains negative flags once for all."""
        record = super().get_help_record(ctx)
        return record and (record[0].partition(" / ")[0], record[1])


def declared_options(*names: str, existing_run: bool = False, negatable: bool = False) -> Callable[[F], F]:
    """Add these options to a command; see `DeclaredOption`."""

    def add(command: F) -> F:
        for name in reversed(names):
            command = click.option(name, cls=DeclaredOption, existing_run=existing_run, negatable=negatable)(command)
        return command

    return add


def negative(name: str) -> str:
    """How a flag that a configuration file sets is cleared: `--no-start` of `start`, `--ui` of `no_ui`."""
    return flag(name.removeprefix("no_") if name.startswith("no_") else f"no_{name}")


def _set_debugging(context: click.Context, _: click.Parameter, value: bool) -> bool:
    context.ensure_object(Debugging).on |= value
    return value


def _metavar(option: Option[Any]) -> str:
    if option.metavar:
        return option.metavar
    if option.is_closed:
        return f"[{'|'.join(option.choices)}]"
    return "|".join((*option.choices, "PATH")) if option.path else {int: "N", float: "NUMBER"}.get(option.kind, "TEXT")


def _help(name: str, option: Option[Any], text: str) -> str:
    known = f" Models: {', '.join(EXAMPLES[name])}." if name in EXAMPLES else ""
    return f"{text}{known}{' May be repeated.' if option.repeated is not None else ''}"


class Command(click.Command):
    """A command whose help is a result: it goes to standard output."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse the line; help is printed meanwhile."""
        with contextlib.redirect_stdout(output.stream()):
            return super().make_context(*arguments, **more)


class Group(Command, click.Group):
    """The program, with its options in groups and its commands in sections."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._sections: dict[str, list[click.Command]] = {}

    def add_section(self, heading: str, *commands: click.Command) -> None:
        """Add commands that are listed together."""
        self._sections[heading] = list(commands)
        for command in commands:
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands in the order of the help."""
        return [str(command.name) for commands in self._sections.values() for command in commands]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them in their sections."""
        room = formatter.width - 6 - max(map(len, self.list_commands(ctx)))
        for heading, commands in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(str(each.name), each.get_short_help_str(room)) for each in commands])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in the groups of their declarations, and then the commands."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                heading = parameter.group if isinstance(parameter, DeclaredOption) else "Other options"
                groups.setdefault(heading, []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)
        self.format_commands(ctx, formatter)
