"""Whatever is given wrongly is answered in one line that says what and what to do, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.support.command import error_line, run
from tests.support.program import call

LIGHT = [
    (["--epochs", "0"], "--epochs takes a whole number from 1"),
    (["--epochs", "many"], "--epochs takes a whole number from 1 to 1000000, not 'many'"),
    (["--batch-size", "1"], "--batch-size takes a whole number from 2"),
    (["--lr", "nan"], "--lr takes a number above 0"),
    (["--max-lr", "-1"], "--max-lr takes a number above 0"),
    (["--weight-decay", "-1"], "--weight-decay takes a number from 0"),
    (["--patience", "0"], "--patience takes a whole number from 1"),
    (["--threads", "-2"], "--threads takes a whole number from 0"),
    (["--seed", "-1"], "--seed takes a whole number from 0"),
    (["--checkpoint-seconds", "0"], "--checkpoint-seconds takes a number above 0"),
    (["--precision", "fp8"], "--precision takes auto, fp32 or bf16"),
    (["--device", "tpu"], "--device takes auto, cpu, cuda or cuda:N"),
    (["--devices", "0"], "--devices takes a whole number from 1 to 1024, or all, not '0'"),
    (["--devices", "1025"], "--devices takes a whole number from 1 to 1024, or all"),
    (["--recipe", "magic"], "--recipe takes protocol or fast"),
    (["--name", "../../up"], "--name takes up to 64 letters"),
    (["--model", "cn"], "unknown model 'cn' (did you mean 'cnn'?)"),
    (["--model", "transformer"], "unknown model 'transformer' (known: cnn, efficientnet_b0, mlp, resnet); a class of"),
    (["--model", "nowhere:Net"], "--model nowhere:Net: there is no module 'nowhere' in '"),
    (["--model", "a/nets.py:Net"], "not 'a/nets.py:Net'; did you mean nets:Net with --model-dir a?"),
    (["--model", "nets:Net("], "--model takes a model's name, or a class as package.module:Class, not 'nets:Net('"),
    (["--colour"], "see `cifar-tui --help`"),
    (["--config", "none.toml"], "--config: cannot read 'none.toml': No such file"),
    (["--config", "wrong.toml"], "wrong.toml: unknown option 'epoch' (did you mean 'epochs'?)"),
    (["--config", "broken.toml"], "'broken.toml' is not TOML"),
    (["--config", "any.toml", "runs"], "--config is an option of training; runs does not take it"),
    (["rnus"], "No such command 'rnus'"),
    (["--epochs", "3", "runs"], "--epochs is an option of training; runs does not take it"),
    (["export", "run"], "Missing option '--format'"),
    (["predict", "run"], "see `cifar-tui predict --help`"),
    (["resume"], "Missing argument 'RUN'"),
    (["resume", "nothing"], "no runs in 'runs'; give the right --runs-dir"),
    (["evaluate", "../../etc"], "there is no run at '../../etc'"),
]


@pytest.mark.parametrize(("arguments", "says"), LIGHT, ids=[" ".join(arguments) for arguments, _ in LIGHT])
def test_a_wrong_option_is_refused_in_one_line_before_anything_is_made(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "wrong.toml").write_text("epoch = 3\n")
    (tmp_path / "broken.toml").write_text("epochs = \n")
    before = sorted(tmp_path.iterdir())
    line = error_line(run(["--no-ui", *arguments] if arguments[0].startswith("--") else arguments, tmp_path))
    assert says in line
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = {"torch", "textual", "numpy", "matplotlib", "rich"}
    code = f"import sys, cifar_tui.cli.main; print(sorted({heavy} & {{*sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["runs", "--help"], ["resume", "--help"]])
def test_help_is_given_and_is_no_error(tmp_path: Path, arguments: list[str]) -> None:
    result = run(arguments, tmp_path)
    assert result.returncode == 0
    assert "Usage:" in result.stdout
    assert result.stderr == ""


def images(folder: Path, classes: int = 2, count: int = 6) -> Path:
    for split in ("train", "test"):
        for k in range(classes):
            place = folder / split / f"class{k}"
            place.mkdir(parents=True)
            for n in range(count):
                Image.new("RGB", (40, 30), (40 * k, 200 - 30 * n, 90)).save(place / f"{n}.png")
    return folder


def test_wrong_images_are_refused_by_what_is_wrong_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty, one_class, damaged = tmp_path / "empty", images(tmp_path / "one", classes=1), images(tmp_path / "damaged")
    empty.mkdir()
    for file in (damaged / "train" / "class1").iterdir():
        file.write_bytes(b"no image at all")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shown = {}
    for data in ("cifar1O", "missing/folder", str(empty), str(one_class), str(damaged)):
        result = call(["--no-ui", "--data", data], tmp_path)
        shown[Path(data).name] = error_line(result)
    assert "did you mean 'cifar10'?" in shown["cifar1O"]
    assert "missing/folder" in shown["folder"]
    assert "train" in shown["empty"]
    assert "class" in shown["one"]
    assert "class1" in shown["damaged"]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("data", ["~nosuchuser/x", "x" * 300])
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, data: str) -> None:
    error_line(call(["--no-ui", "--data", data], tmp_path))


def test_a_damaged_image_among_good_ones_is_left_out_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = images(tmp_path / "images")
    (folder / "train" / "class1" / "3.png").write_bytes(b"\x89PNG cut off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    result = call(["--no-ui", "--data", str(folder), "--model", "mlp", "--epochs", "1"], tmp_path)
    assert result.returncode == 0
    assert "3.png" in result.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    line = error_line(call(["--no-ui", "--data", "digits", "--device", "cuda"], tmp_path))
    assert "--device cuda: " in line
    assert "use --device cpu" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--device", "cpu", "--devices", "all"],
            "--devices all: the CPU is one device; give the number",
        ),
        (["--device", "cuda:1", "--devices", "2"], "--devices 2: --device cuda:1 is one GPU"),
    ],
)
def test_devices_that_cannot_train_together_are_refused_before_a_process_starts(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    assert says in error_line(call(["--no-ui", "--data", "digits", *arguments], tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--devices", "2"], "--devices starts the processes itself; leave it out under torchrun"),
        (["--detach"], "--detach: the processes of torchrun end with it"),
        (["--device", "cuda:1"], "--device cuda:1 is one GPU, and torchrun gives each process one of its own"),
    ],
)
def test_what_another_launcher_does_is_refused_in_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert says in error_line(call(["--no-ui", "--data", "digits", *arguments], tmp_path))


def test_a_runs_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = error_line(call(["--no-ui", "--data", "digits", "--runs-dir", "file/runs"], tmp_path))
    assert "choose another --runs-dir" in line
