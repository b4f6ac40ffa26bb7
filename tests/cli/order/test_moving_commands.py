"""Runs are renamed, deleted and restored by commands, each answered in a line."""

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from cifar_tui.cli import main
from cifar_tui.store.lock import RunLock
from tests.support.program import call


def ids_now(cwd: Path) -> list[str]:
    found: list[str] = [each["id"] for each in json.loads(call(["runs", "--json"], cwd).stdout)]
    return found


def test_a_run_is_renamed(cwd: Path, ids: list[str]) -> None:
    new = ids[0].replace("cnn", "wide")
    assert call(["rename", "cnn", "wide"], cwd).stdout == f"{ids[0]} is called {new} now\n"
    assert ids_now(cwd) == [new, *ids[1:]]
    result = call(["rename", "wide", "cnn", "--json"], cwd)
    assert json.loads(result.stdout) == {"id": ids[0], "was": new}


def test_several_runs_are_deleted_and_restored_at_once(cwd: Path, ids: list[str]) -> None:
    said = call(["rm", "cnn", "mlp", "cnn"], cwd).stdout.splitlines()
    assert said == [*(f"{run_id} is in the trash now" for run_id in ids[:2]), "undo: cifar-tui rm --undo"]
    assert ids_now(cwd) == ids[2:]
    found = json.loads(call(["rm", "vit", "--json"], cwd).stdout)
    assert found == {"deleted": ids[2:], "undo": ["cifar-tui rm --undo"]}
    assert call(["rm", "--undo"], cwd).stdout == f"{ids[2]} is restored\n"
    assert json.loads(call(["rm", "--undo", "--json", "mlp"], cwd).stdout) == {"restored": [ids[1]]}
    assert call(["rm", "--undo"], cwd).returncode == 0
    assert ids_now(cwd) == ids


def test_what_can_be_restored_is_completed(cwd: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cwd)
    call(["rm", "mlp"], cwd)
    complete = ShellComplete(main.app, {}, "cifar-tui", "_CIFAR_TUI_COMPLETE").get_completions
    assert [item.value for item in complete(["rm", "--undo"], "2026")] == [ids[1]]
    assert [item.value for item in complete(["rm"], "2026")] == [ids[0], ids[2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rm"], "name the runs to delete"),
        (["rm", "cnn", "mlp"], "mlp is being trained right now, and cannot be deleted; stop it first"),
        (["rm", "cnn", "nothing"], "no run 'nothing'"),
        (["rm", "--undo"], "is empty: there is nothing to restore"),
        (["rm", "--undo", "cnn"], "no deleted run 'cnn'"),
        (["rename", "mlp", "wide"], "is being trained right now"),
        (["rename", "cnn", "../up"], "NAME takes up to 64 letters"),
        (["rename", "cnn"], "Missing argument 'NAME'"),
    ],
)
def test_what_is_refused_moves_nothing(cwd: Path, ids: list[str], arguments: list[str], message: str) -> None:
    owner = RunLock(cwd / "runs" / ids[1])
    result = call(arguments, cwd)
    owner.release()
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert ids_now(cwd) == ids
