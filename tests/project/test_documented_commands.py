"""Every command of the README and the documentation works as printed.

Most are run, on a small model, in a folder that has what the pages speak of. The others, which need a network, a GPU, a
terminal or another process, are only parsed; each says why and which tests run it.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.project.documents import PAGES, ROOT, blocks, commands, outputs
from tests.support.images import write_image
from tests.support.program import call, prepare_project

BRIEFLY = ("--epochs", "1", "--device", "cpu", "--threads", "1", "--runs-dir", "others")
"""Appended to a command that trains, so that it takes a moment and leaves the runs of the other commands alone."""
ONLY_PARSED = {
    r"--devices": "it starts processes, one a GPU: test_distributed",
    r"--detach": "it starts processes: test_background_runs",
    r"^cifar-tui (stop|pause|checkpoint) ": "another process has to train the run: test_background_runs",
    r"^cifar-tui resume ": "the run is finished: test_training",
    r"^cifar-tui (rename|rm|prune)\b": "the other commands need the runs as they are: test_moving_commands, test_prune",
    r" my-net\b": "a script has to record it: test_from_another_terminal",
    r"^cifar-tui watch ": "it lasts as long as the logs grow: test_watch",
    r"^cifar-tui evaluate cnn --data ": "the run's images have to be elsewhere: test_other_machines",
    r"--notify|--bell": "it needs a network, a program or a terminal: test_notifications",
    r"--tensorboard|--format (onnx|torch-export|tensorboard)": "a slow import: test_export",
    r"^cifar-tui --model nets.small:Net --model-dir ~/code$": "an example of somebody's own folder",
}
OTHER_PROGRAMS = {
    "ssh -t gpu-box tmux new -A -s train": "a server",
    "tensorboard --logdir runs": "a server",
    "asciinema play docs/images/session.cast": "a terminal",
    "uv pip install .": "a network",
    "pip install .": "a network",
}
FIRST = "cifar-tui --no-ui --data digits --epochs 25 --batch-size 64"
"""What trains the runs that the other commands are about."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two trained runs, and with the files that the pages name."""
    cwd = tmp_path_factory.mktemp("documented")
    with pytest.MonkeyPatch.context() as patch:
        prepare_project(cwd, patch, ("0", "1"))
        patch.setenv("XDG_STATE_HOME", str(cwd / "state"))
        (cwd / "path" / "to").mkdir(parents=True)
        (cwd / "images").rename(cwd / "path" / "to" / "images")
        for name in ("cat.jpg", "dog.png", "photos/a.png", "photos/more/b.png"):
            write_image(cwd / name)
        (cwd / "my_models.py").write_text(
            next(text for text in examples("own-models.md", "python") if "class Net" in text)
        )
        (cwd / "night.toml").write_text(next(examples("README.md", "toml")))
        train = call([*shlex.split(FIRST)[1:], "--epochs", "2", "--device", "cpu", "--threads", "2"], cwd)
        assert train.returncode == 0, train.stderr
        (cwd / "first.txt").write_text(train.stdout)
        yield cwd


def examples(page: str, language: str) -> Iterator[str]:
    """The blocks of this language on a page."""
    return (block.text for path in PAGES if path.name == page for block in blocks(path) if block.language == language)


def arguments(words: Sequence[str]) -> list[str]:
    """The arguments of a command, those that train made brief, and on the digits in place of CIFAR-10."""
    given = list(words[1:])
    if given and not given[0].startswith("-"):
        return given
    data = [] if {"--data", "--config"} & {*given} else ["--data", "digits"]
    return [*given, *data, *BRIEFLY]


@pytest.mark.parametrize("command", [each for each in commands() if each.startswith("cifar-tui")])
def test_it_works_as_printed(folder: Path, command: str) -> None:
    words = shlex.split(command)
    only_parsed = any(re.search(pattern, command) for pattern in ONLY_PARSED)
    result = call([*words[1:], "--help"] if only_parsed else arguments(words), folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout


def torch_launcher() -> ArgumentParser:
    """What parses the arguments of `torchrun`."""
    from torch.distributed.run import get_args_parser

    parser: ArgumentParser = get_args_parser()
    return parser


@pytest.mark.parametrize("command", [each for each in commands() if not each.startswith("cifar-tui")])
def test_other_programs_get_what_there_is(command: str) -> None:
    name, *words = shlex.split(command)
    if name == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif name == "torchrun":
        launch = torch_launcher().parse_args(words)
        assert (launch.module, launch.training_script) == (True, "cifar_tui")
        assert call([*launch.training_script_args, "--help"], Path()).returncode == 0
    elif name == "python":
        assert importlib.util.find_spec(words[1])
    elif extra := re.search(r"cifar-tui\[(\w+)\]", command):
        assert extra[1] in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    else:
        assert command in OTHER_PROGRAMS


@pytest.mark.parametrize("command", outputs())
def test_the_output_that_is_shown_has_the_words_of_the_real_one(folder: Path, command: str) -> None:
    result = (folder / "first.txt").read_text() if command == FIRST else call(shlex.split(command)[1:], folder).stdout
    real = {without_numbers(line) for line in result.splitlines()}
    for line in outputs()[command]:
        assert line.startswith("…") or without_numbers(line) in real, line


def test_the_page_about_the_run_folder_names_all_that_is_there(folder: Path) -> None:
    """Files and figures; of the JSON output, the names of every level."""
    text = (ROOT / "docs" / "run-folder.md").read_text()
    documented = {*re.findall(r"`([^`\s]+)`", text)}
    (run,) = (folder / "runs").glob("*-cnn")
    files = {str(path.relative_to(run)) for path in (*run.glob("*"), *run.glob("checkpoints/*")) if path.is_file()}
    # The page has each folder's name once.
    assert {file.removeprefix("checkpoints/") for file in files} <= documented | {"last.pt"}
    section = text.partition("## `summary.json`")[2].partition("`state` is one of")[0]
    assert re.findall(r"`(\w+)`", section) == [*json.loads((run / "summary.json").read_text())]
    section = text.partition("## `metrics.csv`")[2].partition("Training values")[0]
    columns = (run / "metrics.csv").read_text().splitlines()[0].split(",")
    known = re.findall(r"`(\w+)`", section)
    assert known == columns[: len(known)]
    assert {*columns[len(known) :]} <= documented, "metrics"
    for command in (
        "runs",
        "evaluate cnn",
        "predict cnn cat.jpg",
        "predict cnn path/to/images/test",
        "compare cnn mlp",
        "export cnn --format csv",
        "doctor",
    ):
        result = call([*command.split(), "--json"], folder)
        assert result.returncode == 0, result.stderr
        assert names(json.loads(result.stdout.splitlines()[0])) <= documented, command


def names(value: object) -> set[str]:
    """The names of all objects in a value, but for those whose names are classes."""
    if isinstance(value, list):
        return set().union(*map(names, value))
    return set(value).union(*map(names, value.values())) if isinstance(value, dict) else set()


def without_numbers(line: str) -> str:
    """A line of output without its numbers, and without what only some lines of its kind have."""
    line = re.sub(r"  best$|  \d \(\d+\)$|─+", "", line)
    line = re.sub(r"(\d+ min )?[\d.]+ s\b|\d+ min\b", "TIME", line)
    line = re.sub(r"bf16|fp32", "PRECISION", line)
    return " ".join(re.sub(r"[-+−]?\d[\d,.]*(e-\d+)?", "N", line).split())


def test_each_reason_is_used_and_names_tests_that_exist() -> None:
    for pattern, why in ONLY_PARSED.items():
        assert any(re.search(pattern, each) for each in commands()), pattern
        for name in re.findall(r"\btest_\w+", why):
            assert list((ROOT / "tests").rglob(f"{name}.py")), name
    assert {*OTHER_PROGRAMS} <= {*commands()}
