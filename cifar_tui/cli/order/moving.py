"""The commands that move runs: to another name, to the trash, and back."""

from __future__ import annotations

import json
from datetime import datetime

import click
from click.shell_completion import CompletionItem

from cifar_tui.cli.click_options import Command, declared_options
from cifar_tui.cli.invocation import RUN_HELP, Invocation, RunType, pass_invocation, run_argument
from cifar_tui.formatting import printable
from cifar_tui.system import output


@click.command(cls=Command)
@run_argument
@click.argument("new_name", metavar="NAME", help="What its id is to end in, as --name takes it.")
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def rename(call: Invocation, run: str, new_name: str) -> None:
    """Rename a run; its id keeps the time of its start.

    A run that is being trained is refused. Dashboards show the new name within seconds.
    """
    from cifar_tui.store.order import moving

    folder = call.find_run(run)
    renamed = moving.rename(folder, new_name)
    if call.options.json:
        output.line(json.dumps({"id": renamed.id, "was": folder.id}))
    else:
        output.line(f"{printable(folder.id)} is called {printable(renamed.id)} now")


class _RunOrDeletedType(RunType):
    """A run, or with --undo, a deleted one."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Likewise."""
        from cifar_tui.store.order import trash

        if not ctx.params.get("undo"):
            return super().shell_complete(ctx, param, incomplete)
        ids = dict.fromkeys(run.id for run in trash.deleted_runs(Invocation.of(ctx).runs_dir))
        return [CompletionItem(run_id) for run_id in ids if run_id.startswith(incomplete) and run_id.isprintable()]


@click.command(cls=Command)
@click.argument(
    "names", type=_RunOrDeletedType(), nargs=-1, metavar="RUN...", help=f"One or more; none with --undo. {RUN_HELP}"
)
@click.option("--undo", is_flag=True, help="Restore what was deleted last, or the deleted runs that are named.")
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def rm(call: Invocation, names: tuple[str, ...], undo: bool) -> None:
    """Delete runs: move them to the trash.

    They stay in .trash in the folder of runs until `prune --trash` removes them. A run that is being trained is
    refused.
    """
    if undo:
        _restore(call, names)
        return
    if not names:
        raise click.UsageError("RUN is missing: name the runs to delete", click.get_current_context())
    from cifar_tui.store.command_lines import shell_line, undo_command
    from cifar_tui.store.order import moving, trash

    folders, now = call.find_runs(names), datetime.now().astimezone()
    moving.check_idle(folders, "deleted")
    for folder in folders:
        trash.delete(folder, now)
        if not call.options.json:
            output.line(f"{printable(folder.id)} is in the trash now")
    undoing = [shell_line(undo_command(str(place))) for place in dict.fromkeys(each.path.parent for each in folders)]
    if call.options.json:
        output.line(json.dumps({"deleted": [folder.id for folder in folders], "undo": undoing}))
    else:
        output.line(f"undo: {'; '.join(undoing)}")


def _restore(call: Invocation, names: tuple[str, ...]) -> None:
    from cifar_tui.store.order import trash

    runs_dir = call.runs_dir
    runs = [trash.find_deleted(runs_dir, name) for name in names] if names else trash.last_deleted(runs_dir)
    restored = []
    for run in dict.fromkeys(runs):
        trash.restore(run)
        restored.append(run.id)
        if not call.options.json:
            output.line(f"{printable(run.id)} is restored")
    if call.options.json:
        output.line(json.dumps({"restored": restored}))
