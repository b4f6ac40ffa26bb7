"""The commands that say something of runs: notes and tags."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import click
from click.shell_completion import CompletionItem

from cifar_tui.cli.click_options import Command, declared_options
from cifar_tui.cli.invocation import Invocation, pass_invocation, run_argument, runs_argument
from cifar_tui.errors import InputError
from cifar_tui.formatting import printable
from cifar_tui.records import Labels
from cifar_tui.system import output


@click.command(cls=Command)
@run_argument
@click.argument("text", required=False, metavar="[TEXT]", help="Its new note; '' clears it.")
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def note(call: Invocation, run: str, text: str | None) -> None:
    """Write a note about a run, or print it.

    Runs can be annotated at any time, also while they train. The dashboard has a column for notes, and finds runs by
    them.
    """
    from cifar_tui.store.order import labels

    folder = call.find_run(run)
    if text is None:
        found = folder.read_labels()
    else:
        checked = labels.check_note(text)
        found = labels.change(folder, lambda known: replace(known, note=checked))
    if call.options.json:
        output.line(json.dumps({"id": folder.id, "note": found.note}))
    elif text is not None:
        output.line(f"{printable(folder.id)}: {found.note or 'no note'}")
    elif found.note:
        output.line(found.note)


def _complete_tag(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """The tags that runs have."""
    from cifar_tui.store import catalog

    found = [folder.read_labels().tags for folder in catalog.run_folders(Invocation.of(context).runs_dir)]
    return [CompletionItem(tag) for tag in sorted({tag for tags in found for tag in tags}) if tag.startswith(begun)]


@click.command(cls=Command)
@runs_argument
@click.option("--add", multiple=True, metavar="WORD", shell_complete=_complete_tag, help="Add a tag. May be repeated.")
@click.option(
    "--remove", multiple=True, metavar="WORD", shell_complete=_complete_tag, help="Remove a tag. May be repeated."
)
@click.option("--pin/--unpin", "pinned", default=None, help="List them before the others, or no more.")
@click.option("--archive/--unarchive", "archived", default=None, help="Leave them out of lists, or no more.")
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def tag(
    call: Invocation,
    names: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    pinned: bool | None,
    archived: bool | None,
) -> None:
    """Tag, pin or archive runs, or print their tags.

    Tags are words to find, sort and group runs by. Archived runs stay where they are; `runs --archived` lists them
    too.
    """
    from cifar_tui.store.order import labels

    added, removed = [labels.check_tag(word) for word in add], [labels.check_tag(word) for word in remove]
    if both := {*added} & {*removed}:
        raise InputError(f"--add and --remove both name {min(both)!r}; give it to one of them")

    def edit(known: Labels) -> Labels:
        new = labels.with_tags(known, added, removed)
        return replace(
            new,
            pinned=new.pinned if pinned is None else pinned,
            archived=new.archived if archived is None else archived,
        )

    found = {folder.id: labels.change(folder, edit) for folder in call.find_runs(names)}
    if call.options.json:
        output.line(json.dumps([{"id": run_id, **asdict(each)} for run_id, each in found.items()]))
        return
    for run_id, each in found.items():
        output.line(f"{printable(run_id)}: {' '.join([*each.tags, *each.states]) or 'no tags'}")
