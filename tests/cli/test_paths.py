"""Paths are taken as people write them: with `~` and variables, and from a file relative to that file."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.system.paths import absolute, expand_image_path, expand_path
from tests.support.command import error_line, only_run
from tests.support.program import TRAIN, call, interrupted_run, prepare_project


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SCRATCH", str(tmp_path / "scratch"))
    for name in ("home", "scratch", "project"):
        (tmp_path / name).mkdir()
    return prepare_project(tmp_path / "project", monkeypatch)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("~", "{home}"),
        ("~/a b", "{home}/a b"),
        ("$SCRATCH", "{scratch}"),
        ("${SCRATCH}/x-$EMPTY-y", "{scratch}/x--y"),
        ("~/$WORD", "{home}/word"),
        ("./~", "./~"),
        ("a~b", "a~b"),
        ("price$", "price$"),
        ("1$2", "1$2"),
        ("-v", "-v"),
        ("数据/$WORD", "数据/word"),
    ],
)
def test_what_a_path_means(cwd: Path, monkeypatch: pytest.MonkeyPatch, text: str, means: str) -> None:
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("WORD", "word")
    assert expand_path("--output", text) == means.format(home=cwd.parent / "home", scratch=cwd.parent / "scratch")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("$NOT_SET/x", "--output: the variable $NOT_SET of '$NOT_SET/x' is not set"),
        ("${NOT_SET}", "the variable $NOT_SET"),
        ("~nobody-of-this-name/x", "there is no user 'nobody-of-this-name'"),
        ("", "takes a path"),
        ("a\0b", "takes a path"),
        ("x" * 5000, "takes a path"),
        ("$LONG", "takes a path"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    monkeypatch.setenv("LONG", "x" * 5000)
    with pytest.raises(InputError) as error:
        expand_path("--output", text)
    assert says in str(error.value)


def test_a_name_with_a_dollar_that_is_there_is_that_name(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cwd)
    monkeypatch.setenv("WORD", "word")
    Path("$WORD").touch()
    Path("a$NOT_SET").touch()
    assert [expand_path("--output", name) for name in ("$WORD", "a$NOT_SET")] == ["$WORD", "a$NOT_SET"]
    assert expand_image_path("*.$NOT_SET") == "*.$NOT_SET", "it is a pattern of files, and may be one of this name"
    (cwd / "link").symlink_to("/usr/bin")
    assert absolute("x") == cwd / "x"
    assert absolute("../x/./y") == cwd.parent / "x" / "y"
    assert absolute("link/../x") == cwd / "link" / ".." / "x", "it is /usr/x"


@pytest.mark.parametrize("home", ["~", "$SCRATCH"])
def test_every_option_that_takes_a_path_takes_it_so(cwd: Path, home: str) -> None:
    place = cwd.parent / ("home" if home == "~" else "scratch")
    (cwd / "images").rename(place / "images")
    (place / "nets.py").write_text(
        "from torch import nn\n\nclass Net(nn.Sequential):\n    def __init__(self, num_classes):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(3072, num_classes))\n"
    )
    (place / "run.toml").write_text('model = "nets:Net"\nepochs = 1\nbatch_size = 4\nthreads = 1\n')
    options = {"config": "run.toml", "data": "images", "model-dir": "", "runs-dir": "kept", "data-dir": "cifar"}
    words = [f"--{option}={home}/{name}" for option, name in options.items()]
    result = call(["--no-ui", "--device", "cpu", "--trust", *words], cwd)
    assert result.returncode == 0, result.stderr
    (folder,) = (place / "kept").iterdir()
    runs = ["--runs-dir", f"{home}/kept"]
    for words in (
        ["export", "net", *runs, "--format", "csv", f"--output={home}/curves"],
        ["report", "net", *runs, f"--output={home}/page.html"],
        ["evaluate", f"{home}/kept/{folder.name}", f"--data={home}/images", f"--model-dir={home}"],
        ["predict", "net", *runs, f"{home}/images/test/*/*.png"],
    ):
        result = call(words, cwd)
        assert result.returncode == 0, result.stderr
    assert (place / "curves" / "metrics.csv").exists()
    assert (place / "page.html").exists()
    assert not list(cwd.glob("*~*")) + list(cwd.glob("*$*"))
    assert "the variable $UNSET of '$UNSET/x' is not set" in error_line(call(["runs", "--runs-dir", "$UNSET/x"], cwd))
    for words in (["runs", "--runs-dir", ""], [*TRAIN, "--runs-dir="], ["--config", ""], ["doctor", "--data-dir", ""]):
        assert "takes a path, not ''" in error_line(call(words, cwd)), "as of an empty variable, in quotes"


def test_paths_in_a_file_are_relative_to_the_file(cwd: Path, tmp_path: Path) -> None:
    (cwd / "run.toml").write_text('data = "images"\nruns-dir = "kept"\nmodel = "mlp"\nepochs = 1\nbatch-size = 4\n')
    result = call(["--no-ui", "--device", "cpu", "--config", "project/run.toml"], tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(list((cwd / "kept").iterdir())) == 1
    refusal = error_line(call(["--no-ui", "--config", "project/run.toml", "--data", "images"], tmp_path))
    assert "there is no data set or folder 'images'" in refusal, "those on the line are relative to the current folder"


def test_a_linked_file_of_options_is_relative_to_where_it_is_named(cwd: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('data = "images"\nmodel = "mlp"\nepochs = 1\nbatch-size = 4\n')
    (cwd / "run.toml").symlink_to(tmp_path / "run.toml")
    assert call(["--no-ui", "--device", "cpu", "--config", "run.toml"], cwd).returncode == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_of_options_as_editors_of_other_systems_write_it_is_read(cwd: Path, encoding: str) -> None:
    lines = ('data = "images"', 'model = "mlp"', "epochs = 1", "batch-size = 4", 'name = "from-a-file"', "# é")
    text = "\r\n".join(lines)
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    (cwd / "run.toml").write_bytes(mark + text.encode(encoding))
    assert call(["--no-ui", "--device", "cpu", "--config", "run.toml"], cwd).returncode == 0
    assert only_run(cwd).name.endswith("from-a-file")


def test_a_file_in_another_encoding_is_no_toml(cwd: Path) -> None:
    (cwd / "run.toml").write_bytes('name = "é"'.encode("latin-1"))
    assert "is not TOML" in error_line(call([*TRAIN, "--config", "run.toml"], cwd))


def test_predictions_of_a_pattern_beside_a_home_that_is_named(cwd: Path) -> None:
    interrupted_run(cwd)
    (cwd / "images" / "test").rename(cwd.parent / "home" / "photos of $5")
    result = call(["predict", "mlp", "~/photos of $5"], cwd)
    assert result.returncode == 0, result.stderr
