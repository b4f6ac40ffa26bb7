"""The commands for runs that are there: they ask something of one, list and compare them, write up and test one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cifar_tui.cli_options import AsJson, Debug, RunName, RunsDir, Trust, check_class, runs_folder, say, wants_json
from cifar_tui.system import output

if TYPE_CHECKING:
    from cifar_tui.store.requests import Request


def stop(
    context: typer.Context, run: RunName, runs_dir: RunsDir = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Have a run that another process trains save and end."""
    ask(context, run, runs_dir, as_json, "stop")


def pause(
    context: typer.Context, run: RunName, runs_dir: RunsDir = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Have a run that another process trains save and wait; `resume` lets it go on."""
    ask(context, run, runs_dir, as_json, "pause")


def checkpoint(
    context: typer.Context, run: RunName, runs_dir: RunsDir = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Have a run that another process trains write a checkpoint now."""
    ask(context, run, runs_dir, as_json, "checkpoint")


def ask(context: typer.Context, run: str, runs_dir: Path | None, as_json: bool, request: Request) -> None:
    """Ask it of the process that trains a run, and print the answer."""
    from cifar_tui.headless import attached
    from cifar_tui.store import catalog

    attached.ask(catalog.find(runs_folder(context, runs_dir), run), request, as_json=wants_json(context, as_json))


def runs(
    context: typer.Context,
    runs_dir: RunsDir = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List all runs, newest first."""
    from cifar_tui.store import catalog

    directory = runs_folder(context, runs_dir)
    summaries = catalog.summaries(directory)
    if wants_json(context, as_json):
        output.line(json.dumps(summaries))
        return
    if not summaries:
        say(f"no runs in {str(directory)!r} yet; `cifar-tui --no-ui` makes the first")
        return
    from cifar_tui.headless.tables import console, runs_table

    out = console()
    out.print(runs_table(summaries, out.width), soft_wrap=True)


def evaluate(
    context: typer.Context,
    run: RunName,
    runs_dir: RunsDir = None,
    trust: Trust = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Test a run's best weights on the test images again."""
    from cifar_tui.headless.evaluation import evaluate_run
    from cifar_tui.store import catalog

    folder, as_json = catalog.find(runs_folder(context, runs_dir), run), wants_json(context, as_json)
    check_class(context, folder, trust=trust, as_json=as_json)
    evaluate_run(folder, as_json=as_json)


def predict(
    context: typer.Context,
    run: RunName,
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE…", help="Image files, folders of them, or patterns such as '*.png'.")
    ],
    runs_dir: RunsDir = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw in ASCII alone, and no pictures.")] = False,
    trust: Trust = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say what is on images, by a run's best weights."""
    from cifar_tui.headless.prediction import predict_run
    from cifar_tui.store import catalog

    folder, as_json = catalog.find(runs_folder(context, runs_dir), run), wants_json(context, as_json)
    check_class(context, folder, trust=trust, as_json=as_json)
    raise typer.Exit(predict_run(folder, images, as_json=as_json, ascii_only=ascii_only))


def export(
    context: typer.Context,
    run: RunName,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="safetensors, onnx, torch-export: the best weights; csv, tensorboard: the curves."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            help="A file, or a folder for it; for curves a folder.", show_default="export/ in the run's folder"
        ),
    ] = None,
    runs_dir: RunsDir = None,
    trust: Trust = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a run's best weights or its curves to files that other programs read."""
    from cifar_tui.export import MODELS
    from cifar_tui.headless.export import export_run
    from cifar_tui.store import catalog

    folder, as_json = catalog.find(runs_folder(context, runs_dir), run), wants_json(context, as_json)
    if form in MODELS:
        check_class(context, folder, trust=trust, as_json=as_json)
    export_run(folder, form, output, as_json=as_json)


def compare(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="RUN RUN…", help="Two runs or more: their ids, or parts of them.")
    ],
    runs_dir: RunsDir = None,
    study: Annotated[bool, typer.Option("--study", help="Set the reference study’s figures beside them.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write it up in this file, .md (its pictures beside it) or .html.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say how runs differ: in their figures, in how fast they learned, and image by image in the test."""
    from cifar_tui.headless.comparison import compare_runs
    from cifar_tui.store import catalog

    directory = runs_folder(context, runs_dir)
    folders = [catalog.find(directory, name) for name in names]
    compare_runs(folders, as_json=wants_json(context, as_json), study=study, report=report)


def report(
    context: typer.Context,
    run: RunName,
    runs_dir: RunsDir = None,
    as_html: Annotated[bool, typer.Option("--html", help="As one HTML file too, report.html, to be sent.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write the HTML file here instead.")] = None,
    debug: Debug = False,
) -> None:
    """Write a run's report now, with its pictures: report.md in its folder."""
    from cifar_tui.headless.report import report_run
    from cifar_tui.store import catalog

    folder = catalog.find(runs_folder(context, runs_dir), run)
    raise typer.Exit(report_run(folder, as_html=as_html, output=output))


COMMANDS = (stop, pause, checkpoint, runs, compare, report, evaluate, predict, export)
"""In the order in which --help lists them."""
