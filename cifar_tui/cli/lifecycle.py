"""The commands that resume a run, watch one, and ask something of the process that trains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cifar_tui.cli import dashboard, multiprocess
from cifar_tui.cli.class_consent import check_class
from cifar_tui.cli.click_options import Command, complete_file, declared_options
from cifar_tui.cli.invocation import RUN_HELP, Invocation, RunType, pass_invocation, run_argument
from cifar_tui.cli.train import announce_option, start_detached
from cifar_tui.config import HEALTH_OPTIONS
from cifar_tui.errors import InputError
from cifar_tui.records import NO_OVERRIDES
from cifar_tui.system.paths import expand_path
from cifar_tui.training.distributed import environment

if TYPE_CHECKING:
    from cifar_tui.store.requests import Request

# As `foreign_logs.names` has them, whose import takes a while.
ROLES = (
    "step", "epoch", "time", "lr", "loss", "accuracy", "train-loss", "train-accuracy", "val-loss", "val-accuracy",
    "test-loss", "test-accuracy",
)  # fmt: skip


@click.command(cls=Command)
@run_argument
@declared_options("data", "model_dir", "device", "devices", "precision", "threads", existing_run=True)
@declared_options(*HEALTH_OPTIONS, "notify", "notify_command", "bell")
@declared_options("runs_dir", "detach", "trust", "no_ui", "theme", "ascii", "graphics", "json", "quiet", "debug")
@announce_option
@click.option("--agreed", hidden=True)  # The digest of a class, as `check_class` takes it.
@pass_invocation
def resume(call: Invocation, run: str, announce: int | None, agreed: str | None) -> int | None:
    """Resume a run from its last checkpoint.

    A run that is paused in another process resumes there.
    """
    from cifar_tui.headless import driver
    from cifar_tui.store import catalog

    options, worker = call.options, environment.current()
    if worker is not None and worker.rank > 0:
        from cifar_tui.headless import launched

        return launched.work(worker, debug=options.debug)
    folder, given = call.find_run(run), call.overrides
    multiprocess.check_launcher(worker, options, given.devices, given.device)
    if catalog.is_paused(folder):
        if given != NO_OVERRIDES:
            raise InputError(f"{folder.id} is paused in another process, which keeps its options; give none")
        send_request(call, run, "resume")
        return None
    digest, notifier = check_class(call, folder, agreed), call.notifier()
    if options.detach:
        start_detached(
            [folder], folder.path.parent, as_json=options.json, agreed=digest, given=given, health=call.health
        )
        return None
    if not (options.no_ui or options.json or options.quiet or worker or dashboard.why_unavailable()):
        catalog.check_resumable(folder)
        dashboard.check_graphics(options.graphics)
        return dashboard.show(folder.path.parent, [], options, notifier, call.health, select=folder.id, resume=given)
    if worker is None and (status := multiprocess.resume(call, folder, announce, digest)) is not None:
        return status
    return driver.train(
        folder.path.parent,
        [folder],
        as_json=options.json,
        quiet=options.quiet,
        debug=options.debug,
        announce=multiprocess.announcement(announce, worker),
        overrides=given,
        worker=worker,
        health=call.health,
        notifier=notifier,
    )


@click.command(cls=Command)
@click.argument(
    "run", type=RunType(), metavar="[RUN]", required=False, help=f"{RUN_HELP} By default, the only run under way."
)
@declared_options("mute", "stall_seconds", "notify", "notify_command", "bell")
@declared_options("runs_dir", "no_ui", "theme", "ascii", "graphics", "json", "debug")
@pass_invocation
def attach(call: Invocation, run: str | None) -> int | None:
    """Watch a run, whichever process trains it.

    Leaving it, or losing the connection, does nothing to the run.
    """
    folder, options = call.find_run(run), call.options
    if options.no_ui or options.json or dashboard.why_unavailable():
        from cifar_tui.headless.watching import attached

        attached.watch(folder, as_json=options.json, health=call.health, notifier=call.notifier())
        return None
    dashboard.check_graphics(options.graphics)
    return dashboard.show(folder.path.parent, [], options, call.notifier(), call.health, select=folder.id)


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
    """Pause a run of another process, with a checkpoint.

    `resume` continues it.
    """
    send_request(call, run, "pause")


@click.command(cls=Command)
@run_argument
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def checkpoint(call: Invocation, run: str) -> None:
    """Have another process write a checkpoint of its run now."""
    send_request(call, run, "checkpoint")


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=complete_file)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=NAME",
    shell_complete=lambda _, __, begun: [f"{role}=" for role in ROLES if role.startswith(begun)],
    help=f"What a column or tag is, where its name does not tell: {', '.join(ROLES)}. May be repeated.",
)
@declared_options(*HEALTH_OPTIONS, "notify", "notify_command", "bell")
@declared_options("runs_dir", "no_ui", "theme", "ascii", "graphics", "json", "debug")
@pass_invocation
def watch(call: Invocation, paths: tuple[str, ...], columns: tuple[str, ...]) -> int | None:
    """Watch trainings by the logs of other tools, live.

    PATH is a log, a folder of them, or a pattern such as 'runs/*/metrics.csv': TensorBoard event files, CSV with a
    header, JSON lines, or trainer_state.json of Hugging Face's Trainer. Nothing is written there.
    """
    from cifar_tui.foreign_logs import finder, names

    given = [expand_path("PATH", path) for path in paths]
    choices = names.parse_choices(columns)
    finder.check(given)
    options = call.options
    if options.no_ui or options.json or dashboard.why_unavailable():
        from cifar_tui.headless.watching import foreign

        return foreign.watch(given, choices, as_json=options.json, health=call.health, notifier=call.notifier())
    dashboard.check_graphics(options.graphics)
    return dashboard.show(call.runs_dir, [], options, call.notifier(), call.health, logs=(tuple(given), choices))


def send_request(call: Invocation, run: str, request: Request) -> None:
    """Send a request to the process that trains a run, and print its answer."""
    from cifar_tui.headless.watching import attached

    attached.ask(call.find_run(run), request, as_json=call.options.json)
