"""Shell completion: of commands, options, choices, models and runs."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cifar_tui.cli.click_options import Command
from cifar_tui.system import output

PROGRAM = "cifar-tui"
VARIABLE = "_CIFAR_TUI_COMPLETE"
"""The environment variable by which a shell's script asks for completions."""
SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash (4.4 or newer), in ~/.bashrc:  eval "$(cifar-tui completion bash)"
    zsh, in ~/.zshrc:                   eval "$(cifar-tui completion zsh)"
    fish:  cifar-tui completion fish > ~/.config/fish/completions/cifar-tui.fish
    """  # noqa: D301  (\b is Click's: the lines below are shown as they are)
    kind = get_completion_class(shell)
    assert kind is not None
    output.line(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())
