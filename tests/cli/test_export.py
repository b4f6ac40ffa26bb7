"""What is exported is what the run has, as the programs that it is for read it."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cifar_tui import models
from cifar_tui.cli import weights
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.events import AnyEvent, Batch, Metric, Resumed
from cifar_tui.runs import export as formats
from cifar_tui.runs.sinks.tensorboard import EventFile
from cifar_tui.store.csv_files import write_batches_csv
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training import export
from cifar_tui.training.trained_model import load
from tests.support.program import invoke
from tests.support.recorded import batch, metric, started, usage
from tests.support.training_runs import TrainedRun, curves_of, finished_run, tensorboard_curves

Trained = tuple[RunFolder, TrainedRun]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return finished_run(tmp_path_factory.mktemp("export") / "runs")


def exported(folder: RunFolder, form: str, *more: str | Path) -> None:
    assert invoke("export", folder.id, "--format", form, "--runs-dir", folder.path.parent, *more) == 0


def read_safetensors(path: Path, model: nn.Module) -> tuple[export.Logits, dict[str, str]]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        return model.eval(), file.metadata()


def read_onnx(path: Path, _: nn.Module) -> tuple[export.Logits, dict[str, str]]:
    import onnx
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,), (found,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape, given.type) == ("images", ["batch", 3, 32, 32], "tensor(float)")
    assert (found.name, found.shape[0]) == ("logits", "batch")
    properties = {each.key: each.value for each in onnx.load(path).metadata_props}
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0]), properties


def read_torch_export(path: Path, _: nn.Module) -> tuple[export.Logits, dict[str, str]]:
    extra = {"metadata.json": ""}
    module = torch.export.load(path, extra_files=extra).module()
    return module, json.loads(extra["metadata.json"])


READERS: dict[str, Callable[[Path, nn.Module], tuple[export.Logits, dict[str, str]]]] = {
    "safetensors": read_safetensors,
    "onnx": read_onnx,
    "torch-export": read_torch_export,
}


@pytest.mark.parametrize(("form", "name"), [("safetensors", "safetensors"), ("onnx", "onnx"), ("torch-export", "pt2")])
def test_exported_weights_answer_as_the_best_checkpoint(
    trained: Trained, capsys: pytest.CaptureFixture[str], form: str, name: str
) -> None:
    folder, run = trained
    exported(folder, form, "--json")
    path = folder.path / "export" / f"model.{name}"
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [str(path)]
    assert 0 <= told["max_difference"] <= 1e-4

    logits, metadata = READERS[form](path, models.build("mlp", 3))
    best = load(folder.checkpoints / "best.pt", run.setup.config, run.setup.identity)
    for size in (1, 5):
        images = torch.rand((size, 3, 32, 32), generator=torch.Generator().manual_seed(size)) * 2 - 1
        with torch.inference_mode():
            torch.testing.assert_close(logits(images), best.model(images), rtol=0, atol=1e-4)
    assert metadata["model"] == "mlp"
    assert json.loads(metadata["classes"]) == ["class 0", "class 1", "class 2"]
    assert metadata["epoch"] == str(best.epoch)
    assert "value / 127.5 - 1" in metadata["preprocessing"]
    assert not list(path.parent.glob(".*")), "no temporary file is left"


@pytest.mark.parametrize("form", READERS)
def test_a_convolutional_network_is_exported_as_well(form: str) -> None:
    model = models.build("cnn", 10).eval()
    content, difference = export.export(model, form, {})
    assert content
    assert difference <= 1e-4


def fails(model: nn.Module, content: bytes) -> export.Logits:
    raise RuntimeError("no such operator\nand a long story")


def off_by(difference: float) -> Callable[[nn.Module, bytes], export.Logits]:
    """What reads a file as another would whose answers differ by so much."""
    _, load_again = export._FORMS["safetensors"]

    def answers(model: nn.Module, content: bytes) -> export.Logits:
        logits: Callable[[Tensor], Tensor] = load_again(model, content)
        return lambda images: logits(images) + difference

    return answers


@pytest.mark.parametrize(
    ("load_again", "says"),
    [
        (off_by(1e-3), r"its logits differ from the model's by 1\.0e-03, more than 1e-04"),
        (off_by(float("nan")), "differ from the model's by inf"),
        (fails, "the model cannot be exported as safetensors: RuntimeError: no such operator$"),
    ],
    ids=["another answer", "no number", "an error"],
)
def test_a_file_that_does_not_answer_as_the_model_takes_no_place(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load_again: export.Loader, says: str
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_text("before")
    monkeypatch.setitem(export._FORMS, "safetensors", (export._FORMS["safetensors"][0], load_again))
    with pytest.raises(CifarTuiError, match=says):
        exported(trained[0], "safetensors", "--output", path)
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("form", "module"), [("onnx", "onnx"), ("onnx", "onnxruntime"), ("tensorboard", "tensorboard.compat.proto")]
)
def test_a_missing_package_is_named_by_its_extra(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(CifarTuiError, match=rf"pip install 'cifar-tui\[{form}\]'"):
        exported(trained[0], form, "--output", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_line_knows_all_formats() -> None:
    assert weights.FORMATS == formats.FORMATS


def test_what_cannot_be_exported_is_refused(trained: Trained, tmp_path: Path) -> None:
    folder, _ = trained
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="unknown format 'onx'"):
        exported(folder, "onx")
    for form in ("csv", "tensorboard", "safetensors"):
        with pytest.raises(InputError, match=r"cannot write .*choose another --output"):
            exported(folder, form, "--output", tmp_path / "file" / "x")
    begun = RunFolder(Path(shutil.copytree(folder.path, tmp_path / "runs" / "begun")))
    for name in ("checkpoints/best.pt", "model.safetensors"):
        (begun.path / name).unlink()
    with pytest.raises(InputError, match="begun has no best weights yet"):
        exported(begun, "safetensors")


def test_an_export_goes_into_the_folder_that_is_given(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    exported(folder, "safetensors", "--output", tmp_path)
    exported(folder, "csv", "--output", tmp_path / "new")
    exported(folder, "safetensors", "--output", tmp_path / "deep" / "weights.bin")
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    curves = {"new/metrics.csv", "new/batches.csv", "new/values.csv"}
    assert made == {"model.safetensors", *curves, "deep/weights.bin"}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{tmp_path}/model.safetensors: ")
    assert "checked: its logits are within 0.0e+00 of the model's" in lines[0]


def test_curves_are_exported_as_csv(trained: Trained) -> None:
    folder, _ = trained
    exported(folder, "csv")
    assert (folder.path / "export" / "metrics.csv").read_bytes() == folder.metrics_file.read_bytes()
    rows = list(csv.DictReader((folder.path / "export" / "batches.csv").read_text().splitlines()))
    batches = [event for event in folder.events() if isinstance(event, Batch)]
    assert [(int(row["samples"]), float(row["loss"]), float(row["lr"])) for row in rows] == [
        (event.samples, event.loss, event.lr) for event in batches
    ]


def test_every_recorded_value_of_a_metric_is_exported(trained: Trained) -> None:
    folder, _ = trained
    exported(folder, "csv")
    rows = list(csv.DictReader((folder.path / "export" / "values.csv").read_text().splitlines()))
    expected = [
        (event.samples, event.split, name, value)
        for event in folder.events()
        if isinstance(event, Metric)
        for name, value in event.values.items()
    ]
    found = [(int(row["samples"]), row["split"], row["name"], float(row["value"])) for row in rows]
    assert found == expected
    assert {name for _, _, name, _ in found} == {"grad_norm", "update_ratio"}


def resumed(samples: int) -> Resumed:
    return Resumed(t=0.0, epoch=1, batch=0, samples=samples)


def lines_of(*events: AnyEvent) -> list[int]:
    file = io.BytesIO()
    write_batches_csv(file, events)
    return [int(line.split(",")[2]) for line in file.getvalue().decode().splitlines()[1:]]


def test_batches_that_were_trained_again_are_there_once() -> None:
    first, second, third = batch(1, 1), batch(1, 2), batch(1, 3)
    a, b, c = first.samples, second.samples, third.samples
    assert lines_of(started(), first, second, third, resumed(a), second) == [a, b]
    assert lines_of(first, second, started(), first) == [a]
    assert lines_of(first, second, resumed(b), third) == [a, b, c]


def test_tensorboard_reads_the_exported_curves(trained: Trained) -> None:
    folder, _ = trained
    exported(folder, "tensorboard")
    exported(folder, "tensorboard")
    curves = tensorboard_curves(folder.path / "export" / "tensorboard")
    assert curves == curves_of(list(folder.events())), "and once, though they were exported twice"
    assert len(curves["loss/validation"]) == 3


def test_tensorboard_leaves_out_what_was_trained_again(tmp_path: Path) -> None:
    first, second, third = batch(1, 1), batch(1, 2), batch(1, 3)
    first_metric, voided = metric(first.samples, norm=1.0), metric(third.samples, norm=2.0)
    again = metric(second.samples, split="validation", top5=0.5)
    with EventFile((tmp_path / "events.out.tfevents.1").open("wb"), 1e9) as file:
        for event in (
            *(started(), first, first_metric, second, third, voided),
            *(resumed(first.samples), second, again, usage(9.0)),
        ):
            file.write(event)
    curves = tensorboard_curves(tmp_path)
    assert [step for step, _ in curves["batch/loss"]] == [first.samples, second.samples]
    assert curves["norm"] == [(first.samples, 1.0)]
    assert curves["validation/top5"] == [(second.samples, 0.5)]
    assert curves["device/gpu 0 utilization"] == [(second.samples, 0.75)]
