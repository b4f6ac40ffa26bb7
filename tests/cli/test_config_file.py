"""Every option may stand in a configuration file, but for trust; the command line wins over it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cifar_tui.cli.click_options import negative
from cifar_tui.cli.launch_options import KNOWN
from cifar_tui.declarations import read_file
from tests.support.command import error_line, only_run
from tests.support.program import call, prepare_project

TRAINING = 'data = "images"\nmodel = "mlp"\nbatch-size = 4\nthreads = 1\ndevice = "cpu"\nepochs = 1\n'
VALUES = {"device": "cpu", "model": "mlp", "data": "digits", "name": "short", "mute": "plateau"}
"""For options that take neither any text nor one of their choices."""


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepare_project(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", [name for name, option in KNOWN.items() if option.in_file])
def test_every_option_is_read_from_a_file(tmp_path: Path, name: str) -> None:
    option = KNOWN[name]
    value = True if option.kind is bool else VALUES.get(name, option.default if option.default is not None else "x")
    file = tmp_path / "run.toml"
    file.write_text(f"{name.replace('_', '-')} = {json.dumps(value)}\n")
    read = read_file(file, KNOWN)[name]
    assert read == (str(tmp_path / value) if option.is_path(value) else value)


def test_flags_of_a_file_act_and_a_negative_one_on_the_line_clears_them(cwd: Path) -> None:
    (cwd / "run.toml").write_text(TRAINING + "no-ui = true\njson = true\nquiet = true\n")
    result = call(["--config", "run.toml"], cwd)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[0])["type"] == "run_finished"
    result = call(["--config", "run.toml", "--no-json", "--no-quiet"], cwd)
    assert result.returncode == 0, result.stderr
    assert "parameters) on" in result.stdout


def test_what_decides_where_and_how_a_run_is_kept_may_stand_in_a_file(cwd: Path) -> None:
    (cwd / "run.toml").write_text(TRAINING + 'ui = true\nruns-dir = "kept"\n')
    assert "unknown option 'ui'" in error_line(call(["--no-ui", "--config", "run.toml"], cwd))
    (cwd / "run.toml").write_text(TRAINING + 'detach = true\nruns-dir = "kept"\n')
    result = call(["--no-ui", "--config", "run.toml", "--no-detach", "--runs-dir", "runs"], cwd)
    assert result.returncode == 0, result.stderr
    assert only_run(cwd).name.endswith("mlp")
    assert not (cwd / "kept").exists()


def test_every_flag_of_a_file_has_a_negative_form(cwd: Path) -> None:
    flags = [name for name, option in KNOWN.items() if option.kind is bool and option.in_file]
    assert {"--ui", "--no-start", "--no-detach"} <= {negative(name) for name in flags}
    line = error_line(call([*map(negative, flags), "--epochs", "0", "--config", "none.toml"], cwd))
    assert "--epochs takes" in line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("trust = true", "trust can be given on the command line only, as --trust"),
        ('config = "other.toml"', "config can be given on the command line only, as --config"),
        ('notify = "json://host"', "notify can be given on the command line only, as --notify"),
        ('notify-command = "rm"', "notify-command can be given on the command line only, as --notify-command"),
        ('mute = ["plateau", "x"]', "mute takes all, not-finite"),
        ("memory-limit = 1.5", "memory-limit takes a number above 0 to 1, not 1.5"),
        ("announce = 3", "unknown option 'announce'"),
        ('agreed = "x"', "unknown option 'agreed'"),
        ("no-ui = 1", "no-ui takes true or false, not 1"),
        ('start = "yes"', "start takes true or false, not 'yes'"),
        ('theme = "pink"', "theme takes auto, dark, light, high-contrast, "),
        ("graphics = true", "graphics takes a string, not True"),
        ("epochs = 0", "epochs takes a whole number from 1 to 1000000, not 0"),
        ("lr = nan", "lr takes a number above 0, not nan"),
        ('data = "$NOT_SET_ANYWHERE/x"', "data: the variable $NOT_SET_ANYWHERE"),
        ("no_start = true", "unknown option 'no_start' (did you mean 'start'?)"),
    ],
)
def test_what_a_file_says_wrongly_is_one_line_with_its_name(cwd: Path, content: str, says: str) -> None:
    (cwd / "run.toml").write_text(content)
    line = error_line(call(["--no-ui", "--config", "run.toml"], cwd))
    assert f"run.toml: {says}" in line
    assert not (cwd / "runs").exists()
