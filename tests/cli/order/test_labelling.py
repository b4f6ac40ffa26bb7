"""Runs are noted, tagged, pinned and archived by commands, and listed so."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import call, printed


def listed(cwd: Path, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(printed(cwd, "runs", "--json", *arguments))
    return found


def test_a_note_is_written_printed_and_cleared(cwd: Path, ids: list[str]) -> None:
    assert printed(cwd, "note", "mlp", "batch norm\nbefore ReLU") == f"{ids[1]}: batch norm before ReLU\n"
    assert printed(cwd, "note", "mlp") == "batch norm before ReLU\n"
    assert json.loads(printed(cwd, "note", "mlp", "--json")) == {"id": ids[1], "note": "batch norm before ReLU"}
    assert "batch norm before ReLU" in printed(cwd, "runs")
    assert printed(cwd, "note", "mlp", "") == f"{ids[1]}: no note\n"
    assert printed(cwd, "note", "mlp") == ""


def test_several_runs_are_tagged_at_once(cwd: Path, ids: list[str]) -> None:
    assert printed(cwd, "tag", "cnn", "mlp", "cnn", "--add", "good", "--add", "lr") == "".join(
        f"{run_id}: good lr\n" for run_id in ids[:2]
    )
    assert printed(cwd, "tag", "mlp", "vit", "--remove", "lr") == f"{ids[1]}: good\n{ids[2]}: no tags\n"
    assert [each["tags"] for each in listed(cwd)] == [["good", "lr"], ["good"], []]
    head, _, *rows = printed(cwd, "runs").splitlines()
    assert head.split()[-1] == "tags"
    assert [row.endswith(tags) for row, tags in zip(rows, ("good lr", "good", ""), strict=True)] == [True] * 3


def test_pinned_runs_come_first_and_archived_ones_are_left_out(cwd: Path, ids: list[str]) -> None:
    printed(cwd, "tag", "vit", "--pin")
    printed(cwd, "tag", "cnn", "--archive")
    assert [each["id"] for each in listed(cwd)] == [ids[2], ids[1]]
    whole = listed(cwd, "--archived")
    assert [(each["id"], each["pinned"], each["archived"]) for each in whole] == [
        (ids[2], True, False),
        (ids[0], False, True),
        (ids[1], False, False),
    ]
    result = call(["runs"], cwd)
    assert ids[0] not in result.stdout
    assert result.stderr == "cifar-tui: 1 archived run not listed; --archived lists all\n"
    printed(cwd, "tag", "vit", "cnn", "--unpin", "--unarchive")
    assert [each["id"] for each in listed(cwd)] == ids


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tag", "cnn", "--add", "two words"], "a tag is a word"),
        (["tag", "cnn", "nothing", "--add", "x"], "no run 'nothing'"),
        (["tag", "cnn", "--add", "x", "--remove", "x"], "both name 'x'"),
        (["note", "cnn", "\x1b[2J"], "a note is printable text"),
        (["tag"], "RUN"),
    ],
)
def test_what_is_refused_changes_nothing(cwd: Path, arguments: list[str], message: str) -> None:
    result = call(arguments, cwd)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not any(each["tags"] or each["note"] for each in listed(cwd))
