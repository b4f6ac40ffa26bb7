"""The commands that ask something of the process that trains a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cifar_tui.cli.commands import Command
from cifar_tui.cli.invocation import Invocation, pass_invocation, run_argument
from cifar_tui.cli.parameters import declared_options

if TYPE_CHECKING:
    from cifar_tui.store.requests import Request


@click.command(cls=Command)
@run_argument
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def stop(call: Invocation, run: str) -> None:
    """Stop a run of another process, with a checkpoint."""
    send_request(call, run, "stop")


@click.command(cls=Command)
@run_argument
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def pause(call: Invocation, run: str) -> None:
    """Pause a run of another process, with a checkpoint; `resume` continues it."""
    send_request(call, run, "pause")


@click.command(cls=Command)
@run_argument
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def checkpoint(call: Invocation, run: str) -> None:
    """Have another process write a checkpoint of its run now."""
    send_request(call, run, "checkpoint")


def send_request(call: Invocation, run: str, request: Request) -> None:
    """Send a request to the process that trains a run, and print its answer."""
    from cifar_tui.headless import attached

    attached.ask(call.find_run(run), request, as_json=call.options.json)
