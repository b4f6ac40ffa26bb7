"""The table of logs: found and summarised."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.foreign_logs import finder, foreign_run
from cifar_tui.foreign_logs.log_catalog import LogCatalog
from cifar_tui.records import Summary
from tests.support.foreign_logs.written_logs import KERAS, LIGHTNING, run_at, trainer_state, write_json_lines

TESTED = "step,loss,val_acc,test_acc\n1,2,,\n1,,0.5,\n2,1,,\n2,,0.9,\n2,,,0.8\n"


def polled(catalog: LogCatalog) -> dict[str, Summary]:
    """The summaries when nothing is left to read."""
    found = {run.id: summary for run, summary in catalog.poll()}
    while new := catalog.poll():
        found |= {run.id: summary for run, summary in new}
    return found


def test_summaries_are_those_of_the_whole_states(tmp_path: Path) -> None:
    (tmp_path / "keras.csv").write_text(KERAS)
    (tmp_path / "lightning.csv").write_text(LIGHTNING)
    (tmp_path / "resumed.csv").write_text(TESTED + "1,2,,\n2,1,,\n2,,0.6,\n")
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "trainer_state.json").write_text(json.dumps(trainer_state(40)))
    for run in finder.Finder([str(tmp_path)]).find():
        state, _ = run.follow({})
        found, expected = polled(LogCatalog([str(run.path)], {}))[run.id], foreign_run.summary(run, state)
        # Where a log has no times, those of the reading are taken.
        assert repr(replace(found, seconds=0)) == repr(replace(expected, seconds=0))


def test_a_catalog_keeps_no_more_of_a_log_than_its_summary(tmp_path: Path) -> None:
    log = [{"step": n, "loss": 1, "lr": 0.1, "norm": 1, "val_acc": 0.5, "val_loss": 1} for n in range(3000)]
    write_json_lines(tmp_path / "log.jsonl", log)
    catalog = LogCatalog([str(tmp_path)], {})
    assert polled(catalog)[tmp_path.name].epochs == 3000
    state, _ = run_at(tmp_path).follow({})
    assert len(pickle.dumps(catalog)) < 100_000 < len(pickle.dumps(state))


def test_a_run_keeps_its_id_when_another_of_its_name_appears(tmp_path: Path) -> None:
    folders = [tmp_path / name / "version_0" for name in ("exp_a", "exp_b")]
    catalog = LogCatalog([str(folder.parent) for folder in folders], {})
    ids = []
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text(LIGHTNING)
        ids += [run.id for run, _ in catalog.poll()]
    assert len(ids) == 2
    assert (ids[0], ids[1].split("/")[-3:]) == ("version_0", ["exp_b", "version_0", "metrics.csv"])


def test_files_that_have_not_changed_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(KERAS)
    (tmp_path / "prices.csv").write_text("city,price\nBern,3\n")
    read: list[str] = []
    first_bytes = finder._first_bytes

    def noted(path: Path) -> bytes:
        read.append(path.name)
        return first_bytes(path)

    monkeypatch.setattr(finder, "_first_bytes", noted)
    found = finder.Finder([str(tmp_path)])
    assert len(found.find()) == 2
    read.clear()
    assert len(found.find()) == 2
    assert read == []
    (tmp_path / "prices.csv").write_text("epoch,loss\n1,3\n")
    assert len(found.find()) == 3
    assert set(read) == {"prices.csv"}
