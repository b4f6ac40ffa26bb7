"""What a folder holds is opened by its name, through no link, within bounds; what is written there stays there."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.system.descriptors import disown, own
from cifar_tui.system.folders import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_bytes(b"precious")
    return Folder(tmp_path / "run")


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o002)
    yield
    os.umask(before)


def listed(folder: Path | str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def outside(folder: Folder) -> Path:
    return folder.path.parent / "outside"


BAD: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a link": (lambda path, outside: path.symlink_to(outside / "precious"), "symbolic links"),
    "a link to nothing": (lambda path, outside: path.symlink_to(outside / "new"), "symbolic links"),
    "a hard link": (lambda path, outside: path.hardlink_to(outside / "precious"), "another name elsewhere"),
    "a pipe": (lambda path, _: os.mkfifo(path), "it is no file"),
    "a folder": (lambda path, _: path.mkdir(), "it is no file"),
}
WAYS: dict[str, Callable[[Folder], Any]] = {
    "read": lambda folder: folder.read_bytes("x", 1000),
    "append": lambda folder: folder.open_to_append("x"),
    "ask": lambda folder: folder.open_to_ask("x"),
    "lock": lambda folder: folder.open_to_lock("x"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_file_of_its_own_is_not_opened(folder: Folder, kind: str, way: str) -> None:
    make, says = BAD[kind]
    make(folder.path / "x", outside(folder))
    descriptors = listed("/proc/self/fd")
    with pytest.raises(OSError, match=says):
        WAYS[way](folder)
    assert len(listed("/proc/self/fd")) == len(descriptors), "nothing is left open"
    assert listed(outside(folder)) == ["precious"]
    assert (outside(folder) / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["a link", "a link to nothing", "a hard link", "a pipe"])
def test_what_stands_in_a_files_place_is_replaced_or_removed_itself(folder: Folder, kind: str) -> None:
    changes: list[Callable[[], None]] = [lambda: folder.write_text("x", "new"), lambda: folder.remove("x")]
    for change in changes:
        BAD[kind][0](folder.path / "x", outside(folder))
        change()
        assert listed(outside(folder)) == ["precious"]
        assert (outside(folder) / "precious").read_bytes() == b"precious"
        if folder.exists("x"):
            assert stat.S_ISREG((folder.path / "x").lstat().st_mode)
            assert (folder.path / "x").read_text() == "new"
            (folder.path / "x").unlink()


def test_a_folder_within_is_no_link(folder: Folder) -> None:
    (folder.path / "inner").symlink_to(outside(folder))
    inner = folder.folder("inner")
    for way in (
        inner.make,
        inner.names,
        lambda: inner.read_bytes("precious", 100),
        lambda: inner.write_text("new", ""),
        lambda: inner.open_to_append("new"),
    ):
        with pytest.raises(OSError, match="its folder is a link"):
            way()
    assert not inner.exists("precious")
    assert listed(outside(folder)) == ["precious"]


def test_a_folder_that_is_a_link_itself_is_read_but_not_written(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    linked = Folder(tmp_path / "link")
    assert linked.read_bytes("precious", 100) == b"precious"
    for way in (
        lambda: linked.write_text("new", ""),
        lambda: linked.open_to_append("precious"),
        linked.folder("new").make,
        lambda: linked.remove("precious"),
        linked.check_is_own,
    ):
        with pytest.raises(OSError, match="its folder is a link"):
            way()
    assert listed(tmp_path / "outside") == ["precious"]


def test_a_folder_that_was_removed_is_not_made_again(folder: Folder, tmp_path: Path) -> None:
    folder.path.rmdir()
    for way in (
        lambda: folder.write_text("x", ""),
        lambda: folder.open_to_append("x"),
        lambda: folder.open_to_lock("x"),
        folder.folder("inner").make,
        lambda: folder.read_bytes("x", 10),
    ):
        with pytest.raises(FileNotFoundError):
            way()
    assert not folder.path.exists()


def test_a_folder_that_is_owned_is_not_written_to_once_another_has_taken_its_place(
    folder: Folder, tmp_path: Path
) -> None:
    whole = folder.open_itself()
    own(folder.path, whole, lambda: None)
    folder.write_text("x", "ours")
    folder.path.rename(tmp_path / "elsewhere")
    folder.path.mkdir()
    for way in (
        lambda: folder.write_text("x", ""),
        lambda: Folder(folder.path).open_to_append("x"),
        lambda: Folder(folder.path, "inner").make(),
    ):
        with pytest.raises(FileNotFoundError, match="replaced by another one"):
            way()
    assert listed(folder.path) == []
    disown(folder.path)
    folder.write_text("x", "theirs")
    os.close(whole)


@pytest.mark.parametrize("name", ["", ".", "..", "../outside/precious", "a/b", "/etc/passwd", "a\0b"])
def test_only_names_are_taken(folder: Folder, name: str) -> None:
    for way in (
        lambda: folder.read_bytes(name, 10),
        lambda: folder.write_text(name, ""),
        lambda: folder.remove(name),
        lambda: folder.folder(name),
        lambda: folder.exists(name),
    ):
        with pytest.raises(ValueError, match="is no name of a file"):
            way()


def test_names_of_one_file_within_the_folder_are_fine_to_read(folder: Folder) -> None:
    folder.write_text("last", "content")
    folder.name_again("last", "best")
    folder.name_again("last", "before")
    assert (folder.path / "last").stat().st_nlink == 3
    assert folder.read_bytes("best", 100) == b"content"
    (folder.path / "last").unlink()
    (folder.path.parent / "elsewhere").hardlink_to(folder.path / "best")
    with pytest.raises(OSError, match="another name elsewhere"):
        folder.read_bytes("best", 100)


def test_names_come_and_go_while_a_file_is_read(folder: Folder) -> None:
    folder.write_text("last", "content")
    stop = threading.Event()

    def rename() -> None:
        while not stop.is_set():
            folder.name_again("last", "best")
            folder.write_text("last", "content")

    thread = threading.Thread(target=rename)
    thread.start()
    try:
        for _ in range(300):
            assert folder.read_bytes("last", 100) == b"content"
    finally:
        stop.set()
        thread.join()


def test_a_second_name_is_a_copy_where_there_are_no_hard_links(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder.write_text("last", "content")
    folder.write_text("best", "old")
    folder.name_again("last", "best")
    assert (folder.path / "best").read_text() == "content"
    assert sorted(folder.names()) == ["best", "last"]


def test_a_file_that_is_too_large_is_not_read(folder: Folder) -> None:
    folder.write_bytes("x", b"0123456789")
    assert folder.read_bytes("x", 10) == b"0123456789"
    with pytest.raises(OSError, match="far too large"):
        folder.read_bytes("x", 9)
    os.truncate(folder.path / "x", 1 << 40)
    with pytest.raises(OSError, match=r"far too large \(1,099,511,627,776 bytes\)"):
        folder.open_to_read("x", 1 << 30)


def test_new_files_have_the_mode_that_the_users_umask_leaves(folder: Folder, umask: None) -> None:
    os.close(folder.open_to_append("appended"))
    os.close(folder.open_to_lock("locked"))
    os.close(folder.make_new("new", 0o660))
    folder.write_text("written", "")
    folder.folder("inner").make()
    modes = {name: stat.S_IMODE((folder.path / name).stat().st_mode) for name in folder.names()}
    assert modes == {"appended": 0o664, "locked": 0o664, "new": 0o660, "written": 0o664, "inner": 0o775}


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(folder: Folder) -> None:
    folder.write_text("x", "old")

    def half() -> None:
        with folder.replacing("x") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert (folder.path / "x").read_text() == "old"
    assert folder.names() == ["x"]


def test_what_killed_writers_leave_is_removed(folder: Folder) -> None:
    for name in (".x.1-2.tmp", ".next.tmp", "x", ".hidden"):
        (folder.path / name).touch()
    folder.remove_leftovers()
    assert sorted(folder.names()) == [".hidden", "x"]
