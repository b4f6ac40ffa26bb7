"""A run goes on, is evaluated and predicts on another machine, and where its folders were moved to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.records import Overrides
from cifar_tui.runs.run import NOT_REPRODUCIBLE
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run
from tests.support.command import error_line, events, only_run, summary
from tests.support.images import write_folder
from tests.support.program import TRAIN, call, interrupted_run, prepare_project

CLASSES = ("cat", "dog")
NET = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, num_classes):
        super().__init__(nn.Flatten(), nn.Linear(3 * 32 * 32, num_classes))
"""


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project").mkdir()
    return prepare_project(tmp_path / "project", monkeypatch)


def rewritten(folder: Path, **options: Any) -> None:
    """Have a run have begun on another machine, or at another place."""
    file = folder / "config.json"
    content = json.loads(file.read_text())
    of_options = options.pop("options", {})
    file.write_text(json.dumps(content | options | {"options": content["options"] | of_options}))


def made_on_a_gpu(folder: Path) -> None:
    """Four of them: the run took the last."""
    rewritten(
        folder, device="cuda:3", device_name="NVIDIA H200", precision="bf16", threads=500, options={"device": "cuda:3"}
    )
    rewritten(folder, options={"threads": 0})


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["evaluate", "mlp"], "test accuracy"),
        (["predict", "mlp", "images/test/cat"], "cat"),
        (["export", "mlp", "--format", "safetensors"], "logits"),
    ],
)
def test_a_run_of_a_gpu_is_used_on_a_machine_without_one(cwd: Path, command: list[str], says: str) -> None:
    made_on_a_gpu(interrupted_run(cwd))
    result = call(command, cwd)
    assert result.returncode == 0, result.stderr
    assert says in result.stdout
    if command[0] != "export":  # It compares files in the precision of all formats.
        assert "computing on cpu in " in result.stderr
        assert "the run was trained on cuda:3 in bf16" in result.stderr


def test_a_run_of_a_gpu_goes_on_without_one_and_says_what_that_means(cwd: Path) -> None:
    folder = interrupted_run(cwd)
    made_on_a_gpu(folder)
    assert call(["resume", "mlp", "--precision", "fp32"], cwd).returncode == 0
    assert summary(folder)["state"] == "finished"
    (said,) = [e["message"] for e in events(folder) if e["type"] == "note" and NOT_REPRODUCIBLE in e["message"]]
    for change in ("device cpu (", "not cuda (NVIDIA H200)", "precision fp32, not bf16", "not 500"):
        assert change in said
    figures = summary(folder)
    assert (figures["device"], figures["precision"]) == ("cpu", "fp32"), "what it computed on last"
    assert figures["device_name"] != "NVIDIA H200"
    report = (folder / "report.md").read_text()
    assert "on NVIDIA H200 (cuda:3) in bf16, and, resumed, on " in report
    assert "| Resumed on |" in report
    (resumed,) = [e for e in events(folder) if e["type"] == "resumed"]
    assert (resumed["device"], resumed["precision"]) == ("cpu", "fp32")


def test_a_run_that_goes_on_as_it_began_has_nothing_to_say(cwd: Path) -> None:
    folder = interrupted_run(cwd)
    assert call(["resume", "mlp"], cwd).returncode == 0
    assert not [e for e in events(folder) if NOT_REPRODUCIBLE in e.get("message", "")]


@pytest.mark.parametrize("command", [["evaluate", "mlp"], ["predict", "mlp", "images/test"], ["resume", "mlp"]])
def test_where_to_compute_can_be_given_and_what_is_not_there_is_refused(cwd: Path, command: list[str]) -> None:
    folder = interrupted_run(cwd)
    assert "--device cuda:1: " in error_line(call([*command, "--device", "cuda:1"], cwd))
    assert "--precision takes auto, fp32 or bf16" in error_line(call([*command, "--precision", "fp8"], cwd))
    assert "--threads takes a whole number" in error_line(call([*command, "--threads", "-1"], cwd))
    began = json.loads((folder / "config.json").read_text())["precision"]
    other = "fp32" if began == "bf16" else "bf16"
    result = call([*command, "--device", "cpu", "--precision", other, "--threads", "2"], cwd)
    assert result.returncode == 0, result.stderr
    if command[0] == "resume":
        assert any("CPU threads 2, not 1" in e.get("message", "") for e in events(folder))
    else:
        assert f"computing on cpu in {other}; the run was trained on cpu in {began}" in result.stderr


@pytest.mark.parametrize("command", [["evaluate", "mlp"], ["resume", "mlp"], ["report", "mlp"]])
def test_a_run_whose_project_was_moved_finds_its_images(cwd: Path, command: list[str]) -> None:
    interrupted_run(cwd)
    moved = cwd.rename(cwd.with_name("moved"))
    assert call(command, moved).returncode == 0


def test_images_that_lie_beside_the_project_are_found_when_both_were_moved(cwd: Path, tmp_path: Path) -> None:
    (cwd / "images").rename(tmp_path / "images")
    folder = interrupted_run(cwd, "--data", "../images")
    assert json.loads((folder / "config.json").read_text())["relative"] == {"data": "../images"}
    (tmp_path / "elsewhere").mkdir()
    for name in ("images", "project"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    assert call(["evaluate", "mlp"], tmp_path / "elsewhere" / "project").returncode == 0


def test_images_elsewhere_are_named_by_an_option_and_known_by_what_they_are(cwd: Path, tmp_path: Path) -> None:
    folder = interrupted_run(cwd)
    (cwd / "images").rename(tmp_path / "away")
    other = write_folder(cwd / "other", {f"{split}/{name}": 9 for split in ("train", "test") for name in CLASSES})
    for command in ("evaluate", "resume"):
        line = error_line(call([command, "mlp"], cwd))
        assert f"{str(cwd / 'images')!r} is not there; name their folder with --data PATH" in line
        assert f"{str(other)!r} has other images" in error_line(call([command, "mlp", "--data", "other"], cwd))
        assert "is not there" in error_line(call([command, "mlp", "--data", "../nowhere"], cwd))
    assert call(["evaluate", "mlp", "--data", "../away"], cwd).returncode == 0
    assert "is not there" in error_line(call(["evaluate", "mlp"], cwd)), "evaluating keeps nothing"
    assert call(["resume", "mlp", "--data", "../away"], cwd).returncode == 0
    assert call(["evaluate", "mlp"], cwd).returncode == 0, "the run keeps where it was resumed from"
    assert summary(folder)["state"] == "finished"


def test_a_path_that_has_other_images_by_now_gives_way_to_the_place_beside_the_runs(cwd: Path, tmp_path: Path) -> None:
    interrupted_run(cwd)
    shutil.copytree(cwd, tmp_path / "copy")
    write_folder(cwd / "images", {"train/cat": 9})
    assert call(["evaluate", "mlp"], tmp_path / "copy").returncode == 0
    assert "has other images" in error_line(call(["evaluate", "mlp"], cwd))


def test_a_report_is_given_the_images_and_shows_them(cwd: Path, tmp_path: Path) -> None:
    folder = interrupted_run(cwd)
    (folder / "predictions.png").unlink()
    (cwd / "images").rename(tmp_path / "away")
    assert call(["report", "mlp"], cwd).returncode == 0, "it takes no images by itself"
    assert not (folder / "predictions.png").exists()
    result = call(["report", "mlp", "--data", "../away"], cwd)
    assert result.returncode == 0, result.stderr
    assert (folder / "predictions.png").exists()
    assert "project/images" not in (folder / "report.md").read_text()
    assert "has other images" in error_line(call(["report", "mlp", "--data", "digits"], cwd))


def test_the_module_of_a_class_is_found_beside_the_runs_or_by_an_option(cwd: Path, tmp_path: Path) -> None:
    (cwd / "nets.py").write_text(NET)
    folder = interrupted_run(cwd, "--model", "nets:Net")
    moved = cwd.rename(cwd.with_name("moved"))
    outside = tmp_path / "outside"
    outside.mkdir()
    run = str(moved / "runs" / folder.name)
    # What lies at another place is asked about again.
    assert call(["evaluate", run, "--trust"], outside).returncode == 0
    (moved / "nets.py").rename(outside / "nets.py")
    assert "name the folder that holds it by --model-dir" in error_line(call(["evaluate", run], moved))
    result = call(["evaluate", run, "--trust", "--model-dir", "../outside"], moved)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "relative", [["images"], {"data": 7}, {"data": ""}, {"data": "\0"}, {"data": "/etc"}, {"data": "../" * 3000}]
)
def test_what_a_received_run_says_of_relative_paths_is_a_path_or_passed_over(cwd: Path, relative: object) -> None:
    folder = interrupted_run(cwd)
    rewritten(folder, relative=relative)
    assert [place.data for place in stored_run(RunFolder(folder)).locations] == [str(cwd / "images")]
    assert call(["evaluate", "mlp"], cwd).returncode == 0


def test_a_run_of_before_relative_paths_were_kept_is_read(cwd: Path) -> None:
    folder = interrupted_run(cwd)
    content = json.loads((folder / "config.json").read_text())
    del content["relative"]
    (folder / "config.json").write_text(json.dumps(content))
    assert stored_run(RunFolder(folder), Overrides(threads=3)).config.threads == 3
    assert call(["evaluate", "mlp"], cwd).returncode == 0


def test_a_folder_of_runs_that_is_a_link_is_as_good_as_one(cwd: Path, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (cwd / "runs").symlink_to(tmp_path / "big")
    interrupted_run(cwd)
    cwd = cwd.rename(cwd.with_name("moved"))
    commands = (["runs"], ["evaluate", "mlp"], ["report", "mlp"], ["export", "mlp", "--format", "csv"])
    for command in (*commands, ["attach", "mlp"], ["resume", "mlp"]):
        result = call(command, cwd)
        assert result.returncode == 0, result.stderr


def test_a_run_whose_folder_is_a_link_is_read_and_is_not_written_to(cwd: Path, tmp_path: Path) -> None:
    folder = interrupted_run(cwd)
    cwd = cwd.rename(cwd.with_name("moved"))
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / folder.name
    link.symlink_to(cwd / "runs" / folder.name)
    for command in (["evaluate", str(link)], ["predict", str(link), "images/test/cat"], ["attach", str(link)]):
        result = call(command, cwd)
        assert result.returncode == 0, result.stderr
    for form in ("csv", "safetensors"):
        assert call(["export", str(link), "--format", form, "--output", str(tmp_path)], cwd).returncode == 0
    writing = (
        ["report", str(link)],
        ["export", str(link), "--format", "csv"],
        ["export", str(link), "--format", "safetensors"],
        ["export", str(link), "--format", "tensorboard"],
        ["resume", str(link)],
    )
    for command in writing:
        assert "is a link: a run is written to its own folder alone" in error_line(call(command, cwd))


def test_a_run_is_named_by_the_path_of_its_folder_from_anywhere(cwd: Path, tmp_path: Path) -> None:
    folder = only_run(cwd) if (cwd / "runs").exists() else interrupted_run(cwd)
    for path in (str(folder), f"project/runs/{folder.name}", f"project/runs/{folder.name}/"):
        assert call(["attach", "--no-ui", path], tmp_path).returncode == 0
    assert "there is no run at 'project/runs/x'" in error_line(call(["attach", "project/runs/x"], tmp_path))


@pytest.mark.parametrize(
    "command", [["runs"], ["attach", "mlp"], ["evaluate", "mlp"], ["export", "mlp", "--format", "csv"], [*TRAIN]]
)
def test_a_current_folder_that_is_gone_matters_to_relative_paths_alone(
    cwd: Path, tmp_path: Path, command: list[str]
) -> None:
    runs = interrupted_run(cwd).parent
    (tmp_path / "gone").mkdir()
    if "--data" in command:
        command = [str(cwd / "images") if word == "images" else word for word in command] + ["--epochs", "1"]
    assert "the current folder is gone" in error_line(call(command, tmp_path / "gone", removed=True))
    (tmp_path / "gone").mkdir()
    result = call([*command, "--runs-dir", str(runs)], tmp_path / "gone", removed=True)
    assert result.returncode == 0, result.stderr


def test_a_class_among_the_runs_that_a_link_leads_to_is_not_run_even_where_it_is_trusted(
    cwd: Path, tmp_path: Path
) -> None:
    (cwd / "nets.py").write_text(NET)
    folder = interrupted_run(cwd, "--model", "nets:Net")
    (cwd / "runs" / "code").mkdir()
    (cwd / "nets.py").rename(cwd / "runs" / "code" / "nets.py")
    rewritten(folder, relative={"model_dir": "runs/code"}, options={"model_dir": "/nowhere"})
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / folder.name).symlink_to(folder)
    for runs in ("runs", "../links"):
        refusal = error_line(call(["evaluate", "net", "--trust", "--runs-dir", runs], cwd))
        assert "lies in the folder of runs" in refusal or "where runs are kept" in refusal, refusal


def test_options_of_a_run_that_another_process_has_paused_are_refused(
    cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_run(cwd)
    monkeypatch.setattr("cifar_tui.store.catalog.is_paused", lambda _: True)
    assert "which keeps its options; give none" in error_line(call(["resume", "mlp", "--threads", "2"], cwd))


def test_a_report_takes_what_runs_a_class_with_images_only(cwd: Path) -> None:
    interrupted_run(cwd)
    assert "go with --data" in error_line(call(["report", "mlp", "--model-dir", "."], cwd))
