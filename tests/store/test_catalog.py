"""The runs of a folder are listed as they are now, and found by what a person calls them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.records import Labels
from cifar_tui.store import catalog, run_folder
from cifar_tui.store.lock import RunLock
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import CREATED, RECORD, finished, record_events, uninterrupted


def test_runs_are_listed_newest_first_and_a_dead_ones_state_is_interrupted(tmp_path: Path) -> None:
    for day in (1, 3, 2):
        made = run_folder.create(tmp_path, "cnn", CREATED.replace(day=day), lambda _: RECORD)
        record_events(made, uninterrupted(1))
    lock = RunLock(run_folder.create(tmp_path, "begins", CREATED.replace(day=9), lambda _: RECORD).path)
    (tmp_path / "not-a-run").mkdir()
    alive = RunFolder(tmp_path / "20260103-030405-cnn")
    owner = RunLock(alive.path)
    states = [(s.id, s.state) for s in catalog.summaries(tmp_path)]
    assert [state for _, state in states] == ["running", "running", "interrupted", "interrupted"]
    assert catalog.run_folders(tmp_path)[1] == alive
    owner.release()
    lock.release()


def test_a_damaged_run_is_listed_as_failed(folder: RunFolder) -> None:
    folder.summary_file.write_text("{")
    (listed,) = catalog.summaries(folder.path.parent)
    assert listed.state == "failed"
    assert "summary.json: damaged" in (listed.message or "")
    assert listed.to_json() == {"id": folder.id, "state": "failed", "message": listed.message}


def test_values_of_a_wrong_type_in_a_summary_are_not_known(folder: RunFolder) -> None:
    record_events(folder, [*uninterrupted(1), finished()])
    whole = folder.read_summary()
    content = json.loads(folder.summary_file.read_text())
    assert whole.to_json() == content
    damaged = {
        "state": "x",
        "model": 5,
        "epochs": "many",
        "test_loss": [],
        "seed": -1,
        "device": "x" * 5000,
        "later": 1,
    }
    folder.summary_file.write_text(json.dumps(content | damaged | {"later": 1}))
    known = replace(whole, state=None, model=None, epochs=None, test_loss=None, seed=None, device="x" * 1000)
    assert catalog.live_summary(folder) == known


def test_a_watcher_reports_runs_that_are_new_or_have_changed(folder: RunFolder) -> None:
    watcher = catalog.Watcher(folder.path.parent)
    record_events(folder, uninterrupted(1))
    assert [(found.id, summary.state) for found, summary in watcher.poll().summaries] == [(folder.id, "interrupted")]
    assert watcher.poll() == catalog.FolderChanges()
    other = run_folder.create(folder.path.parent, "mlp", CREATED, lambda _: RECORD)
    record_events(folder, [finished()], folder.read_state())
    assert {(found.id, summary.state) for found, summary in watcher.poll().summaries} == {
        (folder.id, "finished"),
        (other.id, "failed"),
    }


def test_a_watcher_reports_labels_new_names_and_runs_that_are_gone(folder: RunFolder) -> None:
    runs = folder.path.parent
    other = run_folder.create(runs, "mlp", CREATED, lambda _: RECORD)
    folder.write_labels(Labels(note="first"))
    watcher = catalog.Watcher(runs)
    assert watcher.poll().labels == [(folder, Labels(note="first"))]
    folder.write_labels(Labels(note="second"))
    found = watcher.poll()
    assert (found.labels, found.summaries) == ([(folder, Labels(note="second"))], [])
    renamed = RunFolder(folder.path.rename(runs / "20260102-030405-wide"))
    shutil.rmtree(other.path)
    found = watcher.poll()
    assert (found.renamed, found.gone) == ([(folder, renamed)], [other])
    assert watcher.poll() == catalog.FolderChanges()
    another = RunFolder(renamed.path.rename(runs / "20260202-030405-wide"))
    found = watcher.poll()
    assert (found.renamed, found.gone) == ([], [renamed]), "the run of another time is another one"
    assert [each for each, _ in found.labels] == [another]
    runs.rename(runs.with_name("elsewhere"))
    runs.write_text("")
    assert watcher.poll() == catalog.FolderChanges(), "what cannot be looked for is not gone"


def test_a_run_is_found_by_its_id_or_a_part_of_it(folder: RunFolder) -> None:
    runs = folder.path.parent
    run_folder.create(runs, "mlp", CREATED, lambda _: RECORD)
    for text in (folder.id, "cnn"):
        assert catalog.find(runs, text) == folder
    with pytest.raises(InputError, match="is part of 2 runs"):
        catalog.find(runs, "20260102")
    with pytest.raises(InputError, match=f"did you mean {folder.id}"):
        catalog.find(runs, "20260102-030405-cmn")
    with pytest.raises(InputError):
        catalog.find(runs, "")


def test_the_only_run_under_way_is_found_without_its_name(tmp_path: Path) -> None:
    first, second, dead = (
        run_folder.create(tmp_path, name, CREATED, lambda _: RECORD) for name in ("one", "two", "dead")
    )
    for made in (first, second, dead):
        record_events(made, uninterrupted(1))
    with pytest.raises(InputError, match=r"no run in .* is under way; name one, `cifar-tui runs"):
        catalog.find_under_way(tmp_path)
    owner = RunLock(first.path)
    assert catalog.find_under_way(tmp_path) == first
    other = RunLock(second.path)
    with pytest.raises(InputError, match=f"2 runs are under way: {second.id}, {first.id}; name one"):
        catalog.find_under_way(tmp_path)
    owner.release()
    other.release()


def test_a_run_is_found_by_the_path_of_its_folder_wherever_that_is(
    tmp_path: Path, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELSEWHERE", str(folder.path.parent))
    monkeypatch.chdir(folder.path)
    for text in (str(folder.path), f"{folder.path}/", f"../{folder.id}", ".", f"$ELSEWHERE/{folder.id}"):
        assert catalog.is_path(text)
        assert catalog.find_by_path(text).path.resolve() == folder.path.resolve()
    for text in ("../nowhere", "..", "/", "\0/x", "$NOT_SET_AT_ALL/x", str(tmp_path)):
        with pytest.raises(InputError):
            catalog.find_by_path(text)
