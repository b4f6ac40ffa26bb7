"""What is pruned frees the disk, after a question, and every command that needs the weights works as before."""

import json
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from cifar_tui.records import WEIGHTS
from cifar_tui.store.catalog import find
from cifar_tui.store.order import trash
from tests.support.program import TRAIN, call, interrupted_run, prepare_project, printed
from tests.support.terminal import Terminal


def test_after_pruning_every_command_that_needs_the_weights_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_project(tmp_path, monkeypatch)
    for name in ("a", "b"):
        printed(tmp_path, *TRAIN, "--epochs", "2", "--name", name)
    image = str(next((tmp_path / "images").rglob("*.png")))
    commands = (
        ("evaluate", "a", "--json"),
        ("predict", "a", image, "--json"),
        ("export", "a", "--format", "safetensors", "--json"),
        ("compare", "a", "b", "--json"),
    )
    before = [printed(tmp_path, *each) for each in commands]
    folder = find(tmp_path / "runs", "a")
    (planned,) = json.loads(printed(tmp_path, "prune", "a", "--json"))["runs"]
    assert planned["files"] == ["last.pt", "previous.pt", "best.pt"]
    result = call(["prune", "a"], tmp_path)
    assert (result.returncode, "give --yes" in result.stderr) == (2, True)
    assert len([*folder.checkpoints.iterdir()]) == 3
    listed, total, freed = printed(tmp_path, "prune", "a", "--yes").splitlines()
    assert listed.startswith(f"{folder.id}  ")
    assert listed.endswith(": last.pt, previous.pt, best.pt")
    assert (total.split(" of ")[0], total.split(" of ")[1]) == (freed.removesuffix(" freed"), "1 run")
    assert [*folder.checkpoints.iterdir()] == []
    (folder.path / "predictions.safetensors").unlink()
    assert [printed(tmp_path, *each) for each in commands] == before
    printed(tmp_path, "report", "a", "--data", "images")
    result = call(["resume", "a"], tmp_path)
    assert (result.returncode, "is finished" in result.stderr) == (2, True)
    assert printed(tmp_path, "prune", "a", "--yes") == "nothing to remove\n"


def test_a_run_that_was_interrupted_is_resumed_after_pruning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_project(tmp_path, monkeypatch)
    folder = interrupted_run(tmp_path)
    printed(tmp_path, "prune", "--yes")
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["last.pt"]
    test = json.loads(printed(tmp_path, "evaluate", folder.name, "--json"))["test_accuracy"]
    printed(tmp_path, "resume", folder.name, "--no-ui")
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["state"], summary["test_accuracy"]) == ("finished", test)


def test_the_trash_is_emptied_of_what_was_deleted_long_ago(cwd: Path, ids: list[str]) -> None:
    runs = cwd / "runs"
    for run_id in ids[:2]:
        printed(cwd, "rm", run_id)
    (old,) = [run for run in trash.deleted_runs(runs) if run.id == ids[0]]
    longer_ago = old.deleted - timedelta(days=trash.KEPT_DAYS, seconds=1)
    old.folder.path.parent.rename(old.folder.path.parents[1] / f"{longer_ago:%Y%m%d-%H%M%S-%f}")
    found = json.loads(printed(cwd, "prune", "--trash", "--json"))
    assert [(run["id"], found["removed"]) for run in found["runs"]] == [(ids[0], False)]
    assert printed(cwd, "prune", "--trash", "--yes").splitlines()[0].startswith(f"{ids[0]}  ")
    assert [run.id for run in trash.deleted_runs(runs)] == [ids[1]]
    assert printed(cwd, "prune", "--trash", "--yes") == "nothing to remove\n"
    printed(cwd, "prune", "--trash", "--all", "--yes")
    assert [path.name for path in runs.iterdir()] == ids[2:]


@pytest.mark.parametrize("arguments", [["prune", "--all"], ["prune", "--trash", "cnn"], ["prune", "nothing"]])
def test_what_makes_no_sense_is_refused_in_a_line(cwd: Path, ids: list[str], arguments: list[str]) -> None:
    result = call(arguments, cwd)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), ids


def test_weights_of_earlier_versions_are_read_by_what_the_run_says_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_project(tmp_path, monkeypatch)
    printed(tmp_path, *TRAIN, "--epochs", "1")
    before = printed(tmp_path, "evaluate", "mlp", "--json")
    printed(tmp_path, "prune", "--yes")
    weights = find(tmp_path / "runs", "mlp").path / WEIGHTS
    content = weights.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    own = header["__metadata__"]
    for change, problem in (
        ({}, ""),
        ({"model": "cnn"}, "a checkpoint of the model 'cnn'"),
        ({"fingerprint": "x"}, "trained on other images"),
        ({"classes": "["}, "not a run's weights, or damaged"),
    ):
        header["__metadata__"] = {key: own[key] for key in ("model", "classes")} | change
        text = json.dumps(header).encode()
        weights.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
        result = call(["evaluate", "mlp", "--json"], tmp_path)
        if problem:
            assert (result.returncode, problem in result.stderr.splitlines()[-1]) == (2, True)
        else:
            assert result.stdout == before


def test_on_a_terminal_it_asks_first(cwd: Path) -> None:
    checkpoints = find(cwd / "runs", "cnn").checkpoints
    (checkpoints / ".next.tmp").write_bytes(b"x" * 2**20)
    with zipfile.ZipFile(checkpoints / "best.pt", "w") as packed:
        packed.writestr("data", "the only weights")
    for answer, said in (("n", "nothing was removed"), ("y", "1.0 MiB freed")):
        with Terminal([sys.executable, "-m", "cifar_tui", "prune"], cwd=cwd) as terminal:
            terminal.wait_for("Remove it?")
            terminal.press(answer, "enter")
            assert terminal.wait_exit() == 0
            assert said in terminal.text()
            assert (checkpoints / ".next.tmp").exists() == (answer == "n")
