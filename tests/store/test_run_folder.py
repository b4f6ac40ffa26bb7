"""A run's folder: made whole or not at all, its files replaced atomically, read back as they were written."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.store import run_folder
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.files import replacing, write_text
from tests.support.recorded import CREATED, RECORD


def test_a_runs_id_is_its_time_and_name_and_a_repeated_one_is_numbered(tmp_path: Path) -> None:
    ids = [run_folder.create(tmp_path, "cnn", CREATED, lambda _: RECORD).id for _ in range(3)]
    assert ids == ["20260102-030405-cnn", "20260102-030405-cnn-2", "20260102-030405-cnn-3"]


def test_a_runs_folder_that_cannot_be_created_is_one_line_of_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot create a run's folder in .*; choose another --runs-dir"):
        run_folder.create(tmp_path / "file" / "runs", "cnn", CREATED, lambda _: RECORD)


def test_a_file_is_replaced_atomically(tmp_path: Path) -> None:
    path = tmp_path / "x"
    old, new = "old" * 100_000, "new!" * 100_000
    write_text(path, old)
    seen, stop = set(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    thread = threading.Thread(target=look)
    thread.start()
    for n in range(40):
        write_text(path, new if n % 2 else old)
    stop.set()
    thread.join()
    assert seen <= {old, new}
    assert list(tmp_path.iterdir()) == [path]


def fail_after(_: object) -> None:
    raise RuntimeError


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        fail_after(temporary.write_text("half"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_no_utf8_survives_the_folder(folder: RunFolder) -> None:
    name = b"\xff\xfe".decode("utf-8", "surrogateescape")
    folder.write_record(replace(RECORD, dataset=replace(RECORD.dataset, name=name)))
    assert folder.read_record().dataset.name == name


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00", "[" * 99999])
def test_a_damaged_file_is_named_in_one_line(folder: RunFolder, content: str) -> None:
    folder.config_file.write_text(content)
    with pytest.raises(InputError, match=r"config\.json: damaged, not"):
        folder.read_record()


def test_new_paths_leave_everything_else_of_a_record_as_it_is(folder: RunFolder) -> None:
    content = json.loads(folder.config_file.read_text()) | {"tags": ["a"], "runs_dir": "/elsewhere"}
    content["dataset"]["of_a_newer_version"] = 1
    folder.config_file.write_text(json.dumps(content))
    folder.update_paths({"data": "/new"}, "/new", {"data": "../new"})
    content["options"]["data"] = content["dataset"]["name"] = "/new"
    assert json.loads(folder.config_file.read_text()) == content | {"relative": {"data": "../new"}}


@pytest.mark.parametrize(("field", "value"), [("dataset", ["digits", "f", 1, 1, 1, ["a"]]), ("versions", 5)])
def test_a_record_with_a_field_of_another_form_is_damaged(folder: RunFolder, field: str, value: object) -> None:
    folder.config_file.write_text(json.dumps(json.loads(folder.config_file.read_text()) | {field: value}))
    with pytest.raises(InputError, match=f"damaged, {field} is"):
        folder.read_record()


def test_single_facts_are_read_from_a_record_that_is_damaged_otherwise(folder: RunFolder) -> None:
    content = json.loads(folder.config_file.read_text())
    folder.config_file.write_text(json.dumps(content | {"options": {"of_a_newer_version": 1}, "versions": None}))
    assert folder.read_created() == content["created"]
    assert folder.read_fingerprint() == content["dataset"]["fingerprint"]
    folder.config_file.write_text("{}")
    assert (folder.read_created(), folder.read_fingerprint()) == ("", "")
    folder.config_file.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        folder.read_fingerprint()
