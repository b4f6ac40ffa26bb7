"""What is pruned frees the disk, after a question, and every command that needs the weights works as before."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from cifar_tui.records import WEIGHTS
from cifar_tui.store.catalog import find
from cifar_tui.store.order import trash
from tests.support.program import TRAIN, call, interrupted_run, prepare_project


def done(cwd: Path, *arguments: str) -> str:
    """What a command that succeeds prints."""
    result = call(arguments, cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_after_pruning_every_command_that_needs_the_weights_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_project(tmp_path, monkeypatch)
    for name in ("a", "b"):
        done(tmp_path, *TRAIN, "--epochs", "2", "--name", name)
    image = str(next((tmp_path / "images").rglob("*.png")))
    commands = (
        ("evaluate", "a", "--json"),
        ("predict", "a", image, "--json"),
        ("export", "a", "--format", "safetensors", "--json"),
        ("compare", "a", "b", "--json"),
    )
    before = [done(tmp_path, *each) for each in commands]
    folder = find(tmp_path / "runs", "a")
    (planned,) = json.loads(done(tmp_path, "prune", "a", "--json"))["runs"]
    assert planned["files"] == ["last.pt", "previous.pt", "best.pt"]
    result = call(["prune", "a"], tmp_path)
    assert (result.returncode, "give --yes" in result.stderr) == (2, True)
    assert len([*folder.checkpoints.iterdir()]) == 3
    listed, total, freed = done(tmp_path, "prune", "a", "--yes").splitlines()
    assert listed.startswith(f"{folder.id}  ")
    assert listed.endswith(": last.pt, previous.pt, best.pt")
    assert (total.split(" of ")[0], total.split(" of ")[1]) == (freed.removesuffix(" freed"), "1 run")
    assert [*folder.checkpoints.iterdir()] == []
    (folder.path / "predictions.safetensors").unlink()
    assert [done(tmp_path, *each) for each in commands] == before
    done(tmp_path, "report", "a", "--data", "images")
    result = call(["resume", "a"], tmp_path)
    assert (result.returncode, "is finished" in result.stderr) == (2, True)
    assert done(tmp_path, "prune", "a", "--yes") == "nothing to remove\n"


def test_a_run_that_was_interrupted_is_resumed_after_pruning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_project(tmp_path, monkeypatch)
    folder = interrupted_run(tmp_path)
    done(tmp_path, "prune", "--yes")
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["last.pt"]
    test = json.loads(done(tmp_path, "evaluate", folder.name, "--json"))["test_accuracy"]
    done(tmp_path, "resume", folder.name, "--no-ui")
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["state"], summary["test_accuracy"]) == ("finished", test)


def test_the_trash_is_emptied_of_what_was_deleted_long_ago(cwd: Path, ids: list[str]) -> None:
    runs = cwd / "runs"
    for run_id in ids[:2]:
        done(cwd, "rm", run_id)
    (old,) = [run for run in trash.deleted_runs(runs) if run.id == ids[0]]
    longer_ago = old.deleted - timedelta(days=trash.KEPT_DAYS, seconds=1)
    old.folder.path.parent.rename(old.folder.path.parents[1] / f"{longer_ago:%Y%m%d-%H%M%S-%f}")
    found = json.loads(done(cwd, "prune", "--trash", "--json"))
    assert [(run["id"], found["removed"]) for run in found["runs"]] == [(ids[0], False)]
    assert done(cwd, "prune", "--trash", "--yes").splitlines()[0].startswith(f"{ids[0]}  ")
    assert [run.id for run in trash.deleted_runs(runs)] == [ids[1]]
    assert done(cwd, "prune", "--trash", "--yes") == "nothing to remove\n"
    done(cwd, "prune", "--trash", "--all", "--yes")
    assert [path.name for path in runs.iterdir()] == ids[2:]


@pytest.mark.parametrize("arguments", [["prune", "--all"], ["prune", "--trash", "cnn"], ["prune", "nothing"]])
def test_what_makes_no_sense_is_refused_in_a_line(cwd: Path, ids: list[str], arguments: list[str]) -> None:
    result = call(arguments, cwd)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), ids


def test_weights_of_earlier_versions_are_read_by_what_the_run_says_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_project(tmp_path, monkeypatch)
    done(tmp_path, *TRAIN, "--epochs", "1")
    before = done(tmp_path, "evaluate", "mlp", "--json")
    done(tmp_path, "prune", "--yes")
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


def test_the_doctor_says_what_the_runs_and_the_trash_take(cwd: Path) -> None:
    (find(cwd / "runs", "cnn").checkpoints / "last.pt").write_bytes(b"x" * 3 * 2**20)
    done(cwd, "rm", "mlp")
    doctors = {each["topic"]: each["found"] for each in json.loads(call(["doctor", "--json"], cwd).stdout)}
    assert doctors["kept"].startswith("2 runs, 3.0 MiB, 3.0 MiB of it checkpoints; 1 run in the trash, ")
