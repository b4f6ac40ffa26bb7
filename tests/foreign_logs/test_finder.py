"""The runs under a path."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.foreign_logs.finder import Finder, check
from tests.support.foreign_logs.written_logs import KERAS, LIGHTNING, record, trainer_state


def found(*paths: Path | str) -> list[tuple[str, str]]:
    return [(run.id, run.kind) for run in Finder([str(path) for path in paths]).find()]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    files = {
        "lightning_logs/version_0/metrics.csv": LIGHTNING,
        "lightning_logs/version_0/hparams.yaml": "lr: 1",
        "lightning_logs/version_1/metrics.csv": LIGHTNING,
        "keras/a.csv": KERAS,
        "keras/b.csv": KERAS,
        "keras/prices.csv": "city,price\nBern,3\n",
        "hf/checkpoint-10/trainer_state.json": json.dumps(trainer_state(10)),
        "hf/checkpoint-20/trainer_state.json": json.dumps(trainer_state(20)),
        "own/log.jsonl": '{"step": 1, "loss": 2}\n',
        ".hidden/log.csv": KERAS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for folder in ("tb/one", "tb/two/train", "tb/two/validation"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "events.out.tfevents.1.host").write_bytes(record(b""))
    return tmp_path


def test_every_folder_with_logs_is_a_run(logs: Path) -> None:
    assert found(logs) == [
        ("hf", "trainer-state"),
        ("keras/a", "csv"),
        ("keras/b", "csv"),
        ("lightning_logs/version_0", "csv"),
        ("lightning_logs/version_1", "csv"),
        ("own", "json-lines"),
        ("tb/one", "tensorboard"),
        ("tb/two", "tensorboard"),
    ]


def test_a_file_and_a_pattern_may_be_given_too_and_a_run_is_shown_once(logs: Path) -> None:
    pattern = logs / "light*/version_*/metrics.csv"
    one = logs / "lightning_logs/version_0"
    assert found(pattern, one, one / "metrics.csv") == [("version_0", "csv"), ("version_1", "csv")]
    assert found(logs / "hf/checkpoint-10/trainer_state.json") == [("checkpoint-10", "trainer-state")]


def test_runs_of_one_name_are_told_apart_by_their_folders(logs: Path) -> None:
    (logs / "other/a").mkdir(parents=True)
    (logs / "other/a/a.csv").write_text(KERAS)
    names = [name for name, _ in found(logs / "keras/a.csv", logs / "other/a/a.csv")]
    assert len(set(names)) == 2
    assert all(name.endswith("a.csv") for name in names)


def test_links_within_a_folder_are_not_followed_and_one_that_is_given_is(logs: Path) -> None:
    (logs / "keras/latest").symlink_to(logs / "own")
    (logs / "keras/loop").symlink_to(logs / "keras")
    assert found(logs / "keras") == [("a", "csv"), ("b", "csv")]
    assert found(logs / "keras/latest") == [("own", "json-lines")]


@pytest.mark.parametrize(
    ("content", "why"),
    [("1,2\n3,4\n", "no header"), ("", ""), ("\0\1\2", "no header"), ("17\n", "no header")],
)
def test_a_file_that_is_no_log_is_refused_in_one_line(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "x.csv").write_text(content)
    if not why:
        check([str(tmp_path / "x.csv")])
        return
    with pytest.raises(InputError, match=why):
        check([str(tmp_path / "x.csv")])


def test_a_path_that_leads_nowhere_a_pipe_and_a_text_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "notes.txt").write_text("step one: rest\n")
    for name, why in (("none", "nothing at"), ("pipe", "no file"), ("notes.txt", "no log"), ("*.csv", "nothing at")):
        with pytest.raises(InputError, match=why):
            check([str(tmp_path / name)])
