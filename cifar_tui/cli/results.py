"""The commands that list, compare and write up runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from cifar_tui.cli.class_consent import check_class
from cifar_tui.cli.click_options import Command, PathType, declared_options
from cifar_tui.cli.invocation import RUN_HELP, Invocation, RunType, pass_invocation, run_argument
from cifar_tui.cli.stderr import print_message
from cifar_tui.errors import InputError
from cifar_tui.formatting import plural
from cifar_tui.system import output as standard_output


@click.command(cls=Command)
@click.option("--archived", is_flag=True, help="List archived runs too.")
@declared_options("runs_dir", "json", "debug")
@pass_invocation
def runs(call: Invocation, archived: bool) -> None:
    """List all runs, pinned ones first, then newest first."""
    from cifar_tui.store import catalog

    folders = catalog.run_folders(call.runs_dir)
    labels = {folder.id: folder.read_labels() for folder in folders}
    summaries = [catalog.summary_of(folder) for folder in folders]
    listed = [each for each in summaries if archived or not labels[each.id].archived]
    listed.sort(key=lambda each: not labels[each.id].pinned)
    if call.options.json:
        standard_output.line(json.dumps([each.to_json() | asdict(labels[each.id]) for each in listed]))
        return
    if not summaries and call.runs_dir.exists() and not call.runs_dir.is_dir():
        raise InputError(f"--runs-dir: {str(call.runs_dir)!r} is a file; it takes a folder")
    if not summaries:
        print_message(f"no runs in {str(call.runs_dir)!r} yet; `cifar-tui --no-ui` makes the first")
        return
    if hidden := len(summaries) - len(listed):
        print_message(f"{plural(hidden, 'archived run')} not listed; --archived lists all")
    if not listed:
        return
    from cifar_tui.headless.tables import console, runs_table

    out = console()
    out.print(runs_table(listed, out.width, labels), soft_wrap=True)


@click.command(cls=Command)
@click.argument("names", type=RunType(), nargs=-1, required=True, metavar="RUN RUN...", help=f"Two or more. {RUN_HELP}")
@declared_options("runs_dir")
@click.option("--study", is_flag=True, help="Show the reference study's results beside them.")
@click.option("--report", type=PathType(), help="Write a report to this file, .md (with its plots beside it) or .html.")
@declared_options("json", "debug")
@pass_invocation
def compare(call: Invocation, names: tuple[str, ...], study: bool, report: Path | None) -> None:
    """Compare runs: results, learning speed, predictions."""
    from cifar_tui.headless.compare import compare_runs

    folders = [call.find_run(name) for name in names]
    compare_runs(folders, as_json=call.options.json, study=study, report=report)


@click.command(cls=Command)
@run_argument
@declared_options("runs_dir")
@click.option("--html", "as_html", is_flag=True, help="Write one self-contained HTML file too, report.html.")
@click.option("--output", type=PathType(), help="Write the HTML file here instead.")
@declared_options("data", "model_dir", existing_run=True)
@declared_options("trust", "debug")
@pass_invocation
def report(call: Invocation, run: str, as_html: bool, output: Path | None) -> int:
    """Write a run's report and plots now.

    The report is report.md in the run's folder. With --data, the plots that need images are drawn again too.
    """
    from cifar_tui.headless.report import report_run

    folder = call.find_run(run)
    if call.overrides.data is not None:
        check_class(call, folder)
    elif call.overrides.model_dir is not None or "trust" in call.own:
        raise InputError("--model-dir and --trust of report go with --data: without it, no class is run")
    return report_run(folder, call.overrides, as_html=as_html, output=output)
