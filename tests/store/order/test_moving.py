"""Runs are renamed, deleted and restored whole, never while they train, and never through a link."""

from datetime import timedelta
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.store import catalog, run_folder
from cifar_tui.store.lock import RunLock
from cifar_tui.store.order import moving, trash
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import trees
from tests.support.recorded import CREATED, RECORD, finished, record_events, uninterrupted

NOW = CREATED.astimezone()


@pytest.fixture
def other(folder: RunFolder) -> RunFolder:
    return run_folder.create(folder.path.parent, "mlp", CREATED, lambda _: RECORD)


def test_a_renamed_run_is_the_same_under_its_new_name(folder: RunFolder) -> None:
    record_events(folder, [*uninterrupted(1), finished()])
    renamed = moving.rename(folder, "wide")
    assert renamed.id == "20260102-030405-wide"
    assert renamed.read_record().id == renamed.read_summary().id == renamed.id
    assert renamed.read_state().finished is not None
    assert catalog.run_folders(folder.path.parent) == [renamed]
    RunLock(renamed.path).release()


def test_a_run_is_not_renamed_to_another_ones_name_or_while_it_trains(folder: RunFolder, other: RunFolder) -> None:
    with pytest.raises(InputError, match="there is a 20260102-030405-mlp"):
        moving.rename(folder, "mlp")
    with pytest.raises(InputError, match="called cnn already"):
        moving.rename(folder, "cnn")
    for name in ("", "../x", "a/b", ".x", "x" * 65, "-x", "a b"):
        with pytest.raises(InputError, match="NAME takes"):
            moving.rename(folder, name)
    owner = RunLock(folder.path)
    for act in (lambda: moving.rename(folder, "wide"), lambda: trash.delete(folder, NOW)):
        with pytest.raises(InputError, match="is being trained right now"):
            act()
    owner.release()
    assert {each.id for each in catalog.run_folders(folder.path.parent)} == {folder.id, other.id}
    assert not (folder.path.parent / catalog.TRASH).exists()


def test_a_folder_without_a_time_is_called_by_the_name_alone(folder: RunFolder) -> None:
    copy = RunFolder(folder.path.rename(folder.path.with_name("from-a-colleague")))
    assert moving.rename(copy, "theirs").id == "theirs"


def test_deleted_runs_are_restored_together_or_each_by_its_name(folder: RunFolder, other: RunFolder) -> None:
    runs = folder.path.parent
    third = run_folder.create(runs, "vit", CREATED, lambda _: RECORD)
    trash.delete(third, NOW)
    for each in (folder, other):
        trash.delete(each, NOW + timedelta(seconds=1))
    assert catalog.run_folders(runs) == []
    assert {run.id for run in trash.last_deleted(runs)} == {folder.id, other.id}
    with pytest.raises(InputError, match="in the trash already"):
        trash.delete(trash.last_deleted(runs)[0].folder, NOW)
    assert trash.restore(trash.find_deleted(runs, "cnn")).id == folder.id
    assert folder.read_record().options == RECORD.options
    assert [run.id for run in trash.last_deleted(runs)] == [other.id]
    trash.restore(trash.last_deleted(runs)[0])
    assert [run.id for run in trash.last_deleted(runs)] == [third.id]
    trash.restore(trash.last_deleted(runs)[0])
    assert not (runs / catalog.TRASH).exists()
    for act in (lambda: trash.last_deleted(runs), lambda: trash.find_deleted(runs, "cnn")):
        with pytest.raises(InputError):
            act()


def test_a_run_is_not_restored_over_another_one_and_of_two_copies_the_last_comes_first(folder: RunFolder) -> None:
    runs = folder.path.parent
    for note, later in (("first", 0), ("second", 1)):
        again = run_folder.create(runs, "cnn", CREATED, lambda _: RECORD) if later else folder
        again.log_file.write_text(note)
        trash.delete(again, NOW + timedelta(days=later))
    assert trash.restore(trash.find_deleted(runs, "cnn")).log_file.read_text() == "second"
    with pytest.raises(InputError, match="cannot be restored: there is a"):
        trash.restore(trash.find_deleted(runs, "cnn"))
    assert (folder.log_file.read_text(), len(trash.deleted_runs(runs))) == ("second", 1)


def test_a_link_in_a_runs_place_is_not_moved_and_nothing_is_moved_through_one(folder: RunFolder) -> None:
    runs = folder.path.parent
    link = runs / "20260101-000000-link"
    link.symlink_to(folder.path)
    for act in (lambda: moving.rename(RunFolder(link), "x"), lambda: trash.delete(RunFolder(link), NOW)):
        with pytest.raises(InputError, match="is a link"):
            act()
    link.unlink()
    elsewhere = runs.parent / "elsewhere"
    elsewhere.mkdir()
    (runs / catalog.TRASH).symlink_to(elsewhere)
    with pytest.raises(InputError, match="cannot be deleted"):
        trash.delete(folder, NOW)
    (elsewhere / "20260101-000000-000000" / "20260101-000000-x").mkdir(parents=True)
    assert trash.deleted_runs(runs) == []
    assert folder.config_file.is_file()


def test_the_folder_of_runs_may_be_a_link_itself(folder: RunFolder) -> None:
    link = folder.path.parents[1] / "linked"
    link.symlink_to(folder.path.parent)
    renamed = moving.rename(RunFolder(link / folder.id), "wide")
    trash.delete(renamed, NOW)
    trash.restore(trash.find_deleted(link, "wide"))
    assert [each.id for each in catalog.run_folders(link)] == [renamed.id]


def test_what_is_removed_for_good_takes_nothing_elsewhere_with_it(folder: RunFolder) -> None:
    precious = folder.path.parents[1] / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (folder.path / "link").symlink_to(precious)
    (folder.path / "file").symlink_to(precious / "file")
    runs = folder.path.parent
    trash.delete(folder, NOW)
    (run,) = trash.deleted_runs(runs)
    assert run.deleted == NOW
    trash.remove(run)
    assert (precious / "file").read_text() == "x"
    assert [*runs.iterdir()] == []


def test_a_size_counts_a_file_of_two_names_once_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "a" / "b" / "again").hardlink_to(tmp_path / "a" / "file")
    (tmp_path / "large").write_bytes(b"x" * 5000)
    (tmp_path / "a" / "link").symlink_to(tmp_path)
    assert 1000 <= trees.size(tmp_path / "a") < 1500
