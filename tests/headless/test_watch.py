"""`cifar-tui watch`: logs of other tools, printed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.foreign_logs.written_logs import KERAS, LIGHTNING
from tests.support.program import call


def write_old(path: Path, text: str) -> None:
    """A log that has not grown for a long time: watching it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (1e9, 1e9))


def test_the_epochs_of_a_log_are_printed_until_it_has_ended(tmp_path: Path) -> None:
    write_old(tmp_path / "fit" / "training.log", KERAS)
    result = call(["watch", "fit/training.log", "--no-ui"], tmp_path)
    first, note, *epochs, last = result.stdout.splitlines()
    assert (first, result.returncode) == ("fit: fit, from CSV", 0)
    assert note.startswith("info: read as: epoch = epoch, lr = learning_rate, loss = loss")
    figures = "train loss 1.5 accuracy 45.00 % validation loss 1.3 accuracy 52.00 % lr 1.00e-03"
    assert " ".join(epochs[1].split()) == f"epoch 2 {figures} best"
    assert last == "fit: finished: its log no longer grows"


def test_events_of_several_logs_are_json_with_the_run_that_each_is_of(tmp_path: Path) -> None:
    write_old(tmp_path / "logs" / "a.csv", KERAS)
    write_old(tmp_path / "logs" / "version_0" / "metrics.csv", LIGHTNING)
    result = call(["watch", "logs", "--json"], tmp_path)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["run"] for line in lines} == {"a", "version_0"}
    types = [line["type"] for line in lines if line["run"] == "version_0"]
    assert (types[0], types[-1], types.count("batch"), types.count("epoch")) == ("run_started", "run_finished", 4, 2)


def test_a_log_without_epochs_has_lines_of_its_steps(tmp_path: Path) -> None:
    write_old(tmp_path / "ones.csv", "step,loss\n1,0.5\n2000,0.25\n")
    result = call(["watch", "ones.csv", "--no-ui"], tmp_path)
    assert result.stdout.splitlines()[2:] == [
        "ones: step 2,000  loss 0.2500",
        "ones: finished: its log no longer grows",
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing"], "there is nothing at 'nothing'"),
        (["folder"], "no logs of a training in folder"),
        (["x.csv"], "no header"),
        (["log.csv", "--column", "los=x"], "did you mean 'loss'"),
        ([], "PATH"),
    ],
)
def test_what_cannot_be_watched_is_reported_in_one_line(tmp_path: Path, arguments: list[str], why: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.csv").write_text("1,2\n")
    (tmp_path / "log.csv").write_text(KERAS)
    result = call(["watch", *arguments, "--no-ui"], tmp_path)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert why in line
