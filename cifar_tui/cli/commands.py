"""Commands and their groups: their help is a result, so that it goes to standard output, in sections."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from cifar_tui.cli.parameters import DeclaredOption
from cifar_tui.system import output

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Command(click.Command):
    """A command."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse the line; help is printed meanwhile."""
        with contextlib.redirect_stdout(output.stream()):
            return super().make_context(*arguments, **more)


class Group(click.Group):
    """The program with its commands."""

    command_class = Command

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._sections: dict[str, list[click.Command]] = {}

    def add_section(self, heading: str, *commands: click.Command) -> None:
        """Add commands that are listed together."""
        self._sections[heading] = list(commands)
        for command in commands:
            self.add_command(command)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Parse the line; help is printed meanwhile."""
        with contextlib.redirect_stdout(output.stream()):
            return super().make_context(*arguments, **more)

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
