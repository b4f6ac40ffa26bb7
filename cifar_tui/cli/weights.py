"""The commands that use a run's best weights: on the test images, on image files, for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from cifar_tui.cli.class_consent import check_class
from cifar_tui.cli.click_options import Command, PathType, complete_file, declared_options
from cifar_tui.cli.invocation import Invocation, pass_invocation, run_argument
from cifar_tui.system.paths import expand_image_path

# As `runs.export` has them, whose import takes a quarter of a second.
FORMATS = ("safetensors", "onnx", "torch-export", "csv", "tensorboard")


@click.command(cls=Command)
@run_argument
@declared_options("data", "model_dir", "device", "precision", "threads", existing_run=True)
@declared_options("runs_dir", "trust", "json", "debug")
@click.option("--send", type=int, hidden=True)  # What the dashboard reads the predictions from.
@pass_invocation
def evaluate(call: Invocation, run: str, send: int | None) -> None:
    """Evaluate a run's best weights on the test images again."""
    folder = call.find_run(run)
    check_class(call, folder)
    if send is not None:
        from cifar_tui.runs.inference import evaluation_process

        evaluation_process.send(folder, call.overrides, send)
        return
    from cifar_tui.headless.evaluate import evaluate_run

    evaluate_run(folder, call.overrides, as_json=call.options.json)


@click.command(cls=Command)
@run_argument
@click.argument("images", shell_complete=complete_file, nargs=-1, required=True, metavar="IMAGE...")
@declared_options("model_dir", "device", "precision", "threads", existing_run=True)
@declared_options("runs_dir", "trust", "ascii", "json", "debug")
@pass_invocation
def predict(call: Invocation, run: str, images: tuple[str, ...]) -> int:
    """Classify images with a run's best weights.

    IMAGE is an image file, a folder of them, or a pattern such as '*.png'.
    """
    from cifar_tui.headless.predict import predict_run

    folder = call.find_run(run)
    check_class(call, folder)
    names = [*map(expand_image_path, images)]
    return predict_run(folder, names, call.overrides, as_json=call.options.json, ascii_only=call.options.ascii)


@click.command(cls=Command)
@run_argument
@click.option(
    "--format",
    "form",
    required=True,
    metavar=f"[{'|'.join(FORMATS)}]",
    shell_complete=lambda _, __, begun: [each for each in FORMATS if each.startswith(begun)],
    help="The best weights as safetensors, ONNX or a torch.export program; the metrics as CSV or for TensorBoard.",
)
@click.option(
    "--output",
    type=PathType(),
    show_default="export/ in the run's folder",
    help="A file, or a folder for it; for metrics a folder.",
)
@declared_options("model_dir", existing_run=True)
@declared_options("runs_dir", "trust", "json", "debug")
@pass_invocation
def export(call: Invocation, run: str, form: str, output: Path | None) -> None:
    """Export a run's best weights or metrics for other programs."""
    from cifar_tui.headless.export import export_run
    from cifar_tui.runs.export import MODELS

    folder = call.find_run(run)
    if form in MODELS:
        check_class(call, folder)
    export_run(folder, form, output, call.overrides, as_json=call.options.json)
