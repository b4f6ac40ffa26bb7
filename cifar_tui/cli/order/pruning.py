"""The command that frees disk space: of checkpoints that serve nothing any more, and of the trash."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import click

from cifar_tui.cli.click_options import Command, declared_options
from cifar_tui.cli.invocation import RUN_HELP, Invocation, RunType, pass_invocation
from cifar_tui.errors import InputError
from cifar_tui.formatting import file_size, plural, printable
from cifar_tui.system import output


class _Part(NamedTuple):
    """What can be removed of a run, and how; that returns the bytes that it has freed."""

    run_id: str
    what: str
    size: int
    about: dict[str, Any]
    remove: Callable[[], int]


@click.command(cls=Command)
@click.argument("names", type=RunType(), nargs=-1, metavar="[RUN...]", help=f"None for all runs. {RUN_HELP}")
@click.option("--trash", "in_trash", is_flag=True, help="Remove what was deleted more than 30 days ago instead.")
@click.option("--all", "everything", is_flag=True, help="With --trash: whenever it was deleted.")
@click.option("--yes", is_flag=True, help="Remove it without asking.")
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def prune(call: Invocation, names: tuple[str, ...], in_trash: bool, everything: bool, yes: bool) -> None:
    """Remove checkpoints that serve nothing any more.

    Of finished runs, the best weights stay: evaluate, predict, export, report and compare work as before. Of other
    runs, what they are resumed from stays too. What would be removed is listed first, and then asked about.
    """
    if everything and not in_trash:
        raise InputError("--all goes with --trash: `prune --trash --all` empties the trash")
    if in_trash and names:
        raise InputError("--trash takes no RUN: it removes what was deleted long ago; --all removes the rest too")
    parts = _deleted(call, everything=everything) if in_trash else _superfluous(call, names)
    total = sum(part.size for part in parts)
    if not call.options.json:
        for part in parts:
            output.line(f"{printable(part.run_id)}  {file_size(part.size)}: {part.what}")
        if not parts:
            output.line("nothing to remove")
            return
        output.line(f"{file_size(total)} of {plural(len(parts), 'run')}{', for good' if in_trash else ''}")
    removed, freed, problems = yes or _agreed(as_json=call.options.json), 0, list[str]()
    for part in parts if removed else ():
        try:
            freed += part.remove()
        except InputError as error:
            problems.append(str(error))
    if call.options.json:
        runs = [{"id": part.run_id, "bytes": part.size, **part.about} for part in parts]
        output.line(json.dumps({"runs": runs, "bytes": total, "removed": removed, "freed": freed}))
    else:
        output.line(f"{file_size(freed)} freed" if removed else "nothing was removed")
    if problems:
        raise InputError("; ".join(problems))


def _superfluous(call: Invocation, names: Sequence[str]) -> list[_Part]:
    from cifar_tui.store import catalog
    from cifar_tui.store.order import pruning

    folders = call.find_runs(names) if names else catalog.run_folders(call.runs_dir)
    found = [each for each in map(pruning.find_prunable, folders) if each is not None]
    return [
        _Part(
            each.folder.id,
            ", ".join(map(printable, each.files)),
            each.size,
            {"files": each.files},
            functools.partial(pruning.prune, each.folder),
        )
        for each in found
    ]


def _deleted(call: Invocation, *, everything: bool) -> list[_Part]:
    from cifar_tui.store.order import trash
    from cifar_tui.system import trees

    before = datetime.now(UTC) - timedelta(days=trash.KEPT_DAYS)
    found = [run for run in trash.deleted_runs(call.runs_dir) if everything or run.deleted < before]

    def remove(run: trash.DeletedRun, size: int) -> int:
        trash.remove(run)
        return size

    parts = []
    for run in found:
        deleted, size = run.deleted.astimezone(), trees.size(run.folder.path)
        about = {"deleted": deleted.isoformat(timespec="seconds")}
        what = f"deleted {deleted:%Y-%m-%d %H:%M}"
        parts.append(_Part(run.id, what, size, about, functools.partial(remove, run, size)))
    return parts


def _agreed(*, as_json: bool) -> bool:
    """Whether the person says yes.

    Raises:
        InputError: There is nobody to ask.
    """
    if as_json:
        return False
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError("nothing was removed, as there is no terminal to ask on; give --yes")
    return click.confirm("Remove it?", err=True)
