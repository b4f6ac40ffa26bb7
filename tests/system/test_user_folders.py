"""Everything works for a user without a home, a name, or a right to write to the home."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from cifar_tui.data import cache
from cifar_tui.models.user_class import trust
from cifar_tui.system import user_folders
from tests.support.command import TRAIN as TRAIN_DIGITS
from tests.support.command import only_run, summary
from tests.support.program import TRAIN, call, prepare_project
from tests.support.terminal import Terminal

ROOT = str(Path(__file__).parents[2])
OF_A_USER = ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder of a user with neither a home nor an entry in the list of users."""

    def unknown(number: int) -> NoReturn:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in (*OF_A_USER, *user_folders.LIBRARIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    place = tmp_path / "tmp"
    place.mkdir()
    place.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    user_folders._for_this_process.cache_clear()
    yield place
    user_folders._for_this_process.cache_clear()
    for name in user_folders.LIBRARIES:
        os.environ.pop(name, None)


def own(place: Path) -> Path:
    return place / f"cifar-tui-{os.geteuid()}"


def test_without_a_home_the_folders_are_the_users_own_in_the_temporary_folder(nobody: Path) -> None:
    assert cache.folder() == own(nobody) / "cache"
    assert trust.state_file() == own(nobody) / "state" / trust.FILE
    assert stat.S_IMODE(own(nobody).stat().st_mode) == 0o700
    assert trust.allow(("a:B", "", ("/a.py",)))
    trust._now.clear()
    assert trust.is_allowed(("a:B", "", ("/a.py",)))


def test_a_variable_is_asked_first(nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "given"))
    assert user_folders.cache() == tmp_path / "given" / "cifar-tui"
    assert user_folders.state() == own(nobody) / "state"


@pytest.mark.parametrize("value", ["", "relative", "./x", "~/.cache", "~"])
def test_a_variable_that_is_no_absolute_path_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert user_folders.cache() == tmp_path / user_folders.CACHES / "cifar-tui"


@pytest.mark.parametrize("home", ["", "relative", ".", "/nonexistent", "/dev/null", "/nonexistent/x", "~"])
def test_what_is_no_home_counts_for_nothing(
    nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative").mkdir()
    monkeypatch.setenv("HOME", home)
    assert user_folders.cache() == own(nobody) / "cache"
    assert user_folders.lasting_cache() is None


def test_the_list_of_users_names_a_home_where_the_variable_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = pwd.struct_passwd(("me", "x", 1, 1, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    for home in ("", "relative"):
        monkeypatch.setenv("HOME", home)
        assert user_folders.cache() == tmp_path / user_folders.CACHES / "cifar-tui"


def test_a_home_that_cannot_be_written_is_used_where_a_cache_is_in_it_already(
    nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and not mode & os.W_OK)
    assert user_folders.cache() == own(nobody) / "cache"
    (home / user_folders.CACHES / "cifar-tui").mkdir(parents=True)
    assert user_folders.cache() == home / user_folders.CACHES / "cifar-tui"


@pytest.mark.parametrize("what", ["a link", "a file", "open to others", "another user's", "in a folder of all"])
def test_what_somebody_else_may_have_put_there_is_not_used(
    nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    match what:
        case "a link":
            (tmp_path / "theirs").mkdir(mode=0o700)
            own(nobody).symlink_to(tmp_path / "theirs")
        case "a file":
            own(nobody).touch()
        case "open to others":
            own(nobody).mkdir()
            own(nobody).chmod(0o755)
        case "another user's":
            own(nobody).mkdir(mode=0o700)
            theirs = own(nobody)
            monkeypatch.setattr(os, "geteuid", lambda: 4242)
            theirs.rename(own(nobody))
        case _:
            nobody.chmod(0o777)
    found = user_folders.cache()
    assert found.parent != own(nobody)
    assert found.parent.parent == nobody
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700
    assert user_folders.cache() == found, "one for the process"
    assert user_folders.state().parent == found.parent


def test_where_nothing_can_be_written_a_run_trains_without_a_cache(
    nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_project(tmp_path, monkeypatch)
    monkeypatch.delenv("XDG_CACHE_HOME")
    shutil.rmtree(nobody)
    nobody.touch()  # As root, one may write everywhere else.
    result = call([*TRAIN, "--epochs", "1"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert "the images could not be cached in" in result.stdout
    assert summary(only_run(tmp_path))["state"] == "finished"


def test_libraries_are_led_to_the_cache_unless_a_variable_leads_them(
    nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", "/mine")
    user_folders.prepare_libraries()
    assert os.environ["MPLCONFIGDIR"] == str(own(nobody) / "cache" / "matplotlib")
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(own(nobody) / "cache" / "torchinductor")
    assert os.environ["TORCH_HOME"] == "/mine"


def test_a_user_with_a_home_and_no_name_keeps_all_but_what_goes_by_the_name(
    nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    user_folders.prepare_libraries()
    assert [name for name in user_folders.LIBRARIES if name in os.environ] == ["TORCHINDUCTOR_CACHE_DIR"]
    del os.environ["TORCHINDUCTOR_CACHE_DIR"]
    monkeypatch.setenv("USER", "me")
    user_folders.prepare_libraries()
    assert not [name for name in user_folders.LIBRARIES if name in os.environ]


def test_the_doctor_and_a_training_need_no_home(nobody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_project(tmp_path, monkeypatch)
    monkeypatch.delenv("XDG_CACHE_HOME")
    found = call(["doctor", "--json"], tmp_path)
    assert found.returncode == 0, found.stderr
    (where,) = (finding for finding in json.loads(found.stdout) if finding["topic"] == "cache")
    assert where["found"].startswith(str(own(nobody) / "cache"))
    assert where["mend"] == "set XDG_CACHE_HOME"
    result = call([*TRAIN, "--epochs", "1"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(list((own(nobody) / "cache" / "images").iterdir())) == 1


# A real user without an entry, where this process may become one

AS_NOBODY = (
    "setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
    # The interpreter may lie in a home that others may not enter.
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
    "env", *(f"--unset={name}" for name in (*OF_A_USER, *user_folders.LIBRARIES)),
)  # fmt: skip
COMMAND = (*AS_NOBODY, sys.executable, "-P", "-m", "cifar_tui")


def can_be_nobody() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*AS_NOBODY, sys.executable, "-c", ""], capture_output=True, check=False).returncode == 0


needs_nobody = pytest.mark.skipif(not can_be_nobody(), reason="this process cannot become another user")


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of such a user, and the folder `work` of theirs."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    place.chmod(0o755)
    for name in ("work", "tmp"):
        (place / name).mkdir()
        os.chown(place / name, 12345, 12345)
    yield {
        "PYTHONPATH": ROOT,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(place / "tmp"),
        "WORK": str(place / "work"),
    }
    shutil.rmtree(place)


@needs_nobody
@pytest.mark.parametrize("home", [None, "/", "/nonexistent", "/root"])
def test_a_user_whom_nobody_knows_can_train_evaluate_and_ask_the_doctor(
    theirs: dict[str, str], home: str | None
) -> None:
    work, command = Path(theirs["WORK"]), [*COMMAND]
    if home is not None:
        command[len(AS_NOBODY) : len(AS_NOBODY)] = [f"HOME={home}"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        found = subprocess.run(
            [*command, *arguments], cwd=work, env=os.environ | theirs, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stderr
        assert "Traceback" not in found.stderr
        assert "atplotlib" not in found.stderr
        return found

    if home is None:
        run(*TRAIN_DIGITS, "--epochs", "1")
        run("evaluate", only_run(work).name)
    else:
        run("doctor")
    assert [path.name for path in Path(theirs["TMPDIR"]).iterdir()] == ["cifar-tui-12345"]
    assert {path.name for path in work.iterdir()} <= {"runs"}


@needs_nobody
def test_a_user_whom_nobody_knows_has_the_dashboard(theirs: dict[str, str]) -> None:
    work = Path(theirs["WORK"])
    command = [*COMMAND, "--data", "digits", "--model", "mlp", "--threads", "1", "--epochs", "1"]
    with Terminal(command, columns=120, rows=40, cwd=work, env=theirs) as terminal:
        terminal.wait_for("mlp")
        terminal.press("s")
        # Its thread still writes the report when the last epoch is shown; until it ends, leaving would be a question.
        terminal.wait_for(lambda _: "finished" in terminal.text() and "idle" in terminal.text(), 60)
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert summary(only_run(work))["state"] == "finished"
