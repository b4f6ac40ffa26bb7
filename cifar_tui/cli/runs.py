"""The commands for runs that are there: they ask something of one, list and compare them, write up and test one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cifar_tui.cli.options import (
    AsJson,
    Debug,
    RunData,
    RunDevice,
    RunModelDir,
    RunName,
    RunPrecision,
    RunsDir,
    RunThreads,
    Trust,
    a_path,
    check_class,
    find_run,
    overrides,
    runs_folder,
    say,
    wants_json,
)
from cifar_tui.errors import InputError
from cifar_tui.system import output
from cifar_tui.system.paths import expand_image_path

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

    attached.ask(find_run(context, run, runs_dir), request, as_json=wants_json(context, as_json))


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
        output.line(json.dumps([each.to_json() for each in summaries]))
        return
    if not summaries and directory.exists() and not directory.is_dir():
        raise InputError(f"--runs-dir: {str(directory)!r} is a file; it takes a folder")
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
    data: RunData = None,
    model_dir: RunModelDir = None,
    device: RunDevice = None,
    precision: RunPrecision = None,
    threads: RunThreads = None,
    trust: Trust = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Test a run's best weights on the test images again."""
    from cifar_tui.headless.evaluation import evaluate_run

    folder, as_json = find_run(context, run, runs_dir), wants_json(context, as_json)
    given = overrides(data=data, model_dir=model_dir, device=device, precision=precision, threads=threads)
    check_class(context, folder, trust=trust, as_json=as_json, given=given)
    evaluate_run(folder, given, as_json=as_json)


def predict(
    context: typer.Context,
    run: RunName,
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE…", help="Image files, folders of them, or patterns such as '*.png'.")
    ],
    runs_dir: RunsDir = None,
    model_dir: RunModelDir = None,
    device: RunDevice = None,
    precision: RunPrecision = None,
    threads: RunThreads = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw in ASCII alone, and no pictures.")] = False,
    trust: Trust = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say what is on images, by a run's best weights."""
    from cifar_tui.headless.prediction import predict_run

    folder, as_json = find_run(context, run, runs_dir), wants_json(context, as_json)
    given = overrides(model_dir=model_dir, device=device, precision=precision, threads=threads)
    check_class(context, folder, trust=trust, as_json=as_json, given=given)
    names = [*map(expand_image_path, images)]
    raise typer.Exit(predict_run(folder, names, given, as_json=as_json, ascii_only=ascii_only))


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
            parser=a_path("output"),
            metavar="PATH",
            help="A file, or a folder for it; for curves a folder.",
            show_default="export/ in the run's folder",
        ),
    ] = None,
    runs_dir: RunsDir = None,
    model_dir: RunModelDir = None,
    trust: Trust = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Write a run's best weights or its curves to files that other programs read."""
    from cifar_tui.headless.export import export_run
    from cifar_tui.runs.export import MODELS

    folder, as_json = find_run(context, run, runs_dir), wants_json(context, as_json)
    if form in MODELS:
        check_class(context, folder, trust=trust, as_json=as_json, given=overrides(model_dir=model_dir))
    export_run(folder, form, output, overrides(model_dir=model_dir), as_json=as_json)


def compare(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="RUN RUN…", help="Two runs or more: their ids, or parts of them.")
    ],
    runs_dir: RunsDir = None,
    study: Annotated[bool, typer.Option("--study", help="Set the reference study’s figures beside them.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            parser=a_path("report"),
            metavar="PATH",
            help="Write it up in this file, .md (its pictures beside it) or .html.",
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say how runs differ: in their figures, in how fast they learned, and image by image in the test."""
    from cifar_tui.headless.comparison import compare_runs

    folders = [find_run(context, name, runs_dir) for name in names]
    compare_runs(folders, as_json=wants_json(context, as_json), study=study, report=report)


def report(
    context: typer.Context,
    run: RunName,
    runs_dir: RunsDir = None,
    as_html: Annotated[bool, typer.Option("--html", help="As one HTML file too, report.html, to be sent.")] = False,
    output: Annotated[
        Path | None, typer.Option(parser=a_path("output"), metavar="PATH", help="Write the HTML file here instead.")
    ] = None,
    data: RunData = None,
    model_dir: RunModelDir = None,
    trust: Trust = False,
    debug: Debug = False,
) -> None:
    """Write a run's report now, with its pictures: report.md in its folder; with --data, what takes images too."""
    from cifar_tui.headless.report import report_run

    folder, given = find_run(context, run, runs_dir), overrides(data=data, model_dir=model_dir)
    if data is None and (model_dir is not None or trust):
        raise InputError("--model-dir and --trust of report go with --data: without it, no class is run")
    if data is not None:
        check_class(context, folder, trust=trust, as_json=False, given=given)
    raise typer.Exit(report_run(folder, given, as_html=as_html, output=output))


COMMANDS = (stop, pause, checkpoint, runs, compare, report, evaluate, predict, export)
"""In the order in which --help lists them."""
