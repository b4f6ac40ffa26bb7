"""A class of somebody's own is run only where this user has named it, whatever a run's folder says."""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

import click
import pytest

from cifar_tui.cli import class_consent
from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.models import user_class
from cifar_tui.models.user_class import trust
from cifar_tui.runs import untrusted_class
from cifar_tui.store.predictions import FILE as PREDICTIONS
from cifar_tui.store.run_folder import RunFolder
from tests.support.command import error_line
from tests.support.dashboard import dashboard, recorded_folder
from tests.support.own_kinds import LAYERS, acting_model
from tests.support.program import TRAIN, call, mark_unfinished, prepare_received_runs, received_run
from tests.support.recorded import run_record
from tests.support.terminal import Terminal

pytestmark = pytest.mark.usefixtures("own_state")
NAMED = "is code that you have not run here before"
IN_RUNS = "lies in the folder of runs"
COMMANDS = (
    ["evaluate", "evil"],
    ["predict", "evil", "images/test/cat/000.png"],
    ["export", "evil", "--format", "safetensors"],
    ["resume", "evil"],
)


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepare_received_runs(tmp_path, monkeypatch)


def says(cwd: Path, model: str, model_dir: str | None) -> Path:
    """Have the run that was given away say that its model is this class, and be stopped, without its predictions."""
    folder = received_run(cwd)
    config = json.loads((folder / "config.json").read_text())
    config["options"] |= {"model": model, "model_dir": model_dir}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / PREDICTIONS).unlink(missing_ok=True)
    return folder


def zipped(path: Path, code: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("payload.py", code)
    path.write_bytes(content.getvalue())


def in_the_run(cwd: Path) -> tuple[str, str | None]:
    (received_run(cwd) / "payload.py").write_text(acting_model(cwd))
    return "payload:Net", str(received_run(cwd))


def by_namespace_packages(cwd: Path) -> tuple[str, str | None]:
    in_the_run(cwd)
    received_run(cwd).rename(cwd / "runs" / "evil")
    (cwd / "runs" / "evil").rename(cwd / "runs" / "n-evil")
    (cwd / "runs" / "inner").symlink_to("n-evil")
    return "runs.inner.payload:Net", None


def by_a_parent(cwd: Path) -> tuple[str, str | None]:
    (received_run(cwd) / "pkg").mkdir()
    (received_run(cwd) / "pkg" / "__init__.py").write_text(acting_model(cwd))
    (cwd / "elsewhere").mkdir()
    (cwd / "elsewhere" / "sub.py").write_text(acting_model(cwd))
    (received_run(cwd) / "pkg" / "sub.py").symlink_to(cwd / "elsewhere" / "sub.py")
    return "pkg.sub:Net", str(received_run(cwd))


def by_a_link_to_the_folder(cwd: Path) -> tuple[str, str | None]:
    in_the_run(cwd)
    (cwd / "link").symlink_to(received_run(cwd))
    return "payload:Net", str(cwd / "link")


def by_a_link_to_the_file(cwd: Path) -> tuple[str, str | None]:
    in_the_run(cwd)
    (cwd / "outside").mkdir()
    (cwd / "outside" / "payload.py").symlink_to(received_run(cwd) / "payload.py")
    return "payload:Net", str(cwd / "outside")


def by_an_archive(cwd: Path) -> tuple[str, str | None]:
    zipped(received_run(cwd) / "code.zip", acting_model(cwd))
    return "payload:Net", str(received_run(cwd) / "code.zip")


def by_a_link_to_an_archive(cwd: Path) -> tuple[str, str | None]:
    zipped(received_run(cwd) / "code.zip", acting_model(cwd))
    (cwd / "code.zip").symlink_to(received_run(cwd) / "code.zip")
    return "payload:Net", str(cwd / "code.zip")


def in_another_folder_of_runs(cwd: Path) -> tuple[str, str | None]:
    shutil.copytree(cwd / "runs", cwd / "others")
    (other,) = (cwd / "others").glob("*-evil")
    (other / "payload.py").write_text(acting_model(cwd))
    return "payload:Net", str(other)


WAYS = (
    in_the_run,
    by_namespace_packages,
    by_a_parent,
    by_a_link_to_the_folder,
    by_a_link_to_the_file,
    by_an_archive,
    by_a_link_to_an_archive,
    in_another_folder_of_runs,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_class_that_lies_where_runs_are_kept_is_imported_even_where_it_is_trusted(cwd: Path, way: object) -> None:
    folder = says(cwd, *way(cwd))  # type: ignore[operator]
    for command in COMMANDS:
        for extra in ([], ["--trust"]):
            assert IN_RUNS in error_line(call([*command, *extra], cwd))
    mark_unfinished(folder)
    assert IN_RUNS in error_line(call(["resume", "evil", "--trust"], cwd))
    assert not (cwd / "acted").exists()


def test_no_class_in_the_folder_of_runs_is_trained_by_name(cwd: Path) -> None:
    in_the_run(cwd)
    received_run(cwd).rename(cwd / "runs" / "evil")
    for given in (["--model", "runs.evil.payload:Net"], ["--model", "payload:Net", "--model-dir", "runs/evil"]):
        assert IN_RUNS in error_line(call([*TRAIN, "--epochs", "1", *given], cwd))
    assert not (cwd / "acted").exists()


def test_a_class_elsewhere_is_run_only_once_the_user_trusts_it_and_that_is_remembered(cwd: Path) -> None:
    (cwd / "elsewhere").mkdir()
    (cwd / "elsewhere" / "payload.py").write_text(acting_model(cwd))
    folder = says(cwd, "payload:Net", str(cwd / "elsewhere"))
    for command in COMMANDS[:3]:
        line = error_line(call(command, cwd))
        assert NAMED in line
        assert str(cwd / "elsewhere" / "payload.py") in line
        assert "--trust" in line
    mark_unfinished(folder)
    assert NAMED in error_line(call(["resume", "evil"], cwd))
    assert NAMED in error_line(call(["resume", "evil", "--detach"], cwd))
    assert not (cwd / "acted").exists()
    # It is run then, though these weights are not its own.
    assert "a checkpoint of the model" in error_line(call(["evaluate", "evil", "--trust"], cwd))
    assert (cwd / "acted").exists()
    (cwd / "acted").unlink()
    trust._now.clear()
    assert "a checkpoint of the model" in error_line(call(["evaluate", "evil"], cwd))
    assert (cwd / "acted").exists()


def test_looking_at_a_run_imports_no_class_even_a_trusted_one(cwd: Path) -> None:
    (cwd / "elsewhere").mkdir()
    (cwd / "elsewhere" / "payload.py").write_text(acting_model(cwd))
    says(cwd, "payload:Net", str(cwd / "elsewhere"))
    user_class.allow("payload:Net", str(cwd / "elsewhere"), ())
    for command in (["runs"], ["attach", "evil", "--no-ui"], ["report", "evil", "--html"]):
        assert call(command, cwd).returncode == 0
    compared = call(["compare", "ours", "evil"], cwd)
    assert compared.returncode == 0
    assert f"not recorded in {PREDICTIONS}, and `compare` runs no user-defined model class" in compared.stderr
    assert call(["export", "evil", "--format", "csv"], cwd).returncode == 0
    assert not (cwd / "acted").exists()


def test_a_class_that_was_trained_by_name_is_run_for_all_its_runs_wherever_they_are_moved(cwd: Path) -> None:
    (cwd / "mine.py").write_text(LAYERS)
    train = ["--no-ui", "--data", "images", "--batch-size", "4", "--threads", "1", "--epochs", "1", "--device", "cpu"]
    assert call([*train, "--model", "mine:Net", "--name", "mine"], cwd).returncode == 0
    (folder,) = (cwd / "runs").glob("*-mine")
    trust._now.clear()
    assert call(["evaluate", "mine"], cwd).returncode == 0
    shutil.copytree(folder, cwd / "moved" / folder.name)
    assert call(["evaluate", "mine", "--runs-dir", "moved"], cwd).returncode == 0
    assert call(["export", "mine", "--format", "safetensors", "--runs-dir", "moved"], cwd).returncode == 0
    assert trust.state_file() is not None
    assert oct((trust.state_file() or cwd).stat().st_mode)[-3:] == "600"


def test_a_class_that_a_configuration_file_names_has_to_be_named_by_the_user_too(cwd: Path) -> None:
    (cwd / "mine.py").write_text(acting_model(cwd))
    (cwd / "elsewhere").mkdir()
    (cwd / "elsewhere" / "mine.py").write_text(acting_model(cwd))
    (cwd / "both.toml").write_text('model = "mine:Net"\n')
    (cwd / "place.toml").write_text('model-dir = "elsewhere"\n')
    train = ["--no-ui", "--data", "images", "--batch-size", "4", "--threads", "1", "--epochs", "1", "--device", "cpu"]
    for given in (["--config", "both.toml"], ["--config", "place.toml", "--model", "mine:Net"]):
        line = error_line(call([*train, *given], cwd))
        assert f"{given[1]} names mine:Net" in line
        assert "--trust" in line
    assert not (cwd / "acted").exists()
    assert call([*train, "--config", "both.toml", "--model", "mine:Net"], cwd).returncode == 0
    assert call([*train, "--config", "both.toml"], cwd).returncode == 0, "it is remembered"


def test_what_was_asked_about_is_what_is_allowed(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("shown", "other"):
        (cwd / f"{name}.py").write_text(acting_model(cwd) if name == "other" else LAYERS)
    says(cwd, "shown:Net", str(cwd))

    def swap(*_: object, **__: object) -> bool:
        says(cwd, "other:Net", str(cwd))
        return True

    monkeypatch.setattr(click, "confirm", swap)
    monkeypatch.setattr(class_consent, "_is_interactive", lambda: True)
    result = call(["evaluate", "evil"], cwd)
    assert result.returncode == 2
    assert f"the model other:Net {NAMED}" in result.stderr
    assert user_class.untrusted("shown:Net", str(cwd), ()) is None
    assert not (cwd / "acted").exists()


def test_a_detached_process_may_run_the_class_that_was_agreed_on_and_no_other(cwd: Path) -> None:
    (cwd / "shown.py").write_text(LAYERS)
    (cwd / "other.py").write_text(acting_model(cwd))
    mark_unfinished(says(cwd, "shown:Net", str(cwd)))
    asked = user_class.untrusted("shown:Net", str(cwd), ())
    assert asked is not None
    agreed = trust.digest(asked.key)
    says(cwd, "other:Net", str(cwd))
    assert NAMED in error_line(call(["resume", "evil", "--agreed", agreed], cwd))
    says(cwd, "shown:Net", str(cwd))
    assert NAMED not in call(["resume", "evil", "--agreed", agreed], cwd).stderr
    assert not (cwd / "acted").exists()


def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "payload.py").write_text(acting_model(tmp_path))
    folder = recorded_folder(tmp_path / "runs", "evil").path
    config = json.loads((folder / "config.json").read_text())
    options = config["options"] | {"model": "payload:Net", "model_dir": str(tmp_path / "elsewhere")}
    whole = {
        "created": "2026-01-01T00:00:00+00:00", "command": [], "options": options, "seed": 0, "device": "cpu",
        "device_name": "x", "precision": "fp32", "threads": 1, "parameters": 1,
        "dataset": {"name": "digits", "fingerprint": "", "train": 1, "validation": 1, "test": 1, "classes": ["a", "b"]},
        "versions": {"cifar-tui": "0", "python": "0"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(whole))
    command = [sys.executable, "-m", "cifar_tui", "evaluate", "evil"]
    for answer, acted in (("n", False), ("y", True)):
        with Terminal(command, cwd=tmp_path, env={"XDG_STATE_HOME": str(tmp_path / "state")}) as terminal:
            terminal.wait_for("Trust and run it?")
            terminal.press(answer, "enter")
            terminal.wait_exit(60)
            assert trusted(tmp_path) == acted
    assert untrusted_class.find(RunFolder(folder)) is None


def trusted(tmp_path: Path) -> bool:
    return (tmp_path / "state" / "cifar-tui" / "classes.jsonl").exists()


def name_of(character: str) -> str:
    """What Textual calls a key."""
    return {"/": "slash", "-": "minus", "_": "underscore"}.get(character, character)


async def test_the_dashboard_asks_before_it_runs_such_a_class(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "payload.py").write_text(acting_model(tmp_path))
    folder = recorded_folder(tmp_path / "runs", "evil")
    folder.write_record(run_record(TrainingConfig(model="payload:Net", model_dir=str(tmp_path / "elsewhere"))))
    (tmp_path / "Y").mkdir()
    async with dashboard(tmp_path / "runs", "mlp") as desk:
        desk.workspace.images[folder.id] = InputError("its class is not known")
        await desk.until(lambda: len(desk.app.runs) == 2)
        await desk.press("down", "n")
        await desk.shows("New run", "payload:Net is not filled in")
        assert "elsewhere" not in desk.screen().partition("New run")[2].partition("Ctrl+S")[0]
        await desk.press("escape", "r")
        await desk.shows("Run this model's code?", "payload.py")
        await desk.press("enter")
        await desk.until(lambda: "Run this model" not in desk.screen())
        assert desk.workspace.runs == []
        await desk.press("3")
        await desk.shows("its class is not known")
        await desk.press("3")
        await desk.shows("Run this model's code?")
        await desk.press("escape", "i")
        await desk.shows("names with", "spaces in quotation marks")
        await desk.press(*(name_of(character) for character in str(tmp_path / "Y")), "enter")
        await desk.shows("Run this model's code?")
        await desk.press("escape", "r", "r", "r", "enter")
        assert desk.workspace.runs == [], "what is pressed twice is no yes"
        await desk.press("r")
        await desk.shows("Run this model's code?")
        await desk.press("Y")
        run = await desk.run()
        assert run.folder == folder
        assert untrusted_class.find(folder) is None
