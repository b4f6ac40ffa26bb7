"""`cifar-tui predict` finds on images what an evaluation of the same images finds, whatever they are and wherever."""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from cifar_tui.data.images import decoder
from cifar_tui.data.images.input_files import InputFile, decode_all, find
from cifar_tui.errors import InputError
from cifar_tui.headless.predict import _block, _line, _total
from cifar_tui.runs.prediction import Prediction, predict_first
from cifar_tui.runs.workspace import Workspace
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.control import Control
from cifar_tui.training.evaluation import evaluate
from cifar_tui.training.setup.image_cache import ImageCache
from cifar_tui.training.setup.prepare import Setup, prepare
from cifar_tui.training.trained_model import load
from tests.support.images import write_folder, write_image, write_unusable
from tests.support.program import invoke
from tests.support.training_runs import TINY, finished_run

CLASSES = ("cat", "cat b", "dog")
TEST_IMAGES = 3 * 180
"""More than a batch of an evaluation."""
HOSTILE = "\x1b[2J\u202e.png"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunFolder, Setup]]:
    root = tmp_path_factory.mktemp("predict")
    counts = {f"{split}/{name}": n for split, n in (("train", 20), ("test", 180)) for name in CLASSES}
    data = write_folder(root / "images", counts)
    for name, size in (("dog/001.png", (90, 41)), ("cat b/deep/er.jpg", (33, 200)), ("cat/.hidden.png", (32, 32))):
        write_image(data / "test" / name, size=size)
    for name in ("dog/bad.png", "cat/notes.txt"):
        (data / "test" / name).write_text("no image")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        setup = prepare(replace(TINY, data=str(data), epochs=1), ImageCache(), lambda *_: None)
        folder, _ = finished_run(root / "runs", setup)
        yield folder, setup


def predicted(folder: RunFolder, *names: str | Path) -> tuple[int, list[dict[str, Any]]]:
    """The exit status and the objects that are printed."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        status = invoke("predict", folder.id, *names, "--json", "--runs-dir", folder.path.parent)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_test_folder_is_predicted_as_it_is_evaluated_image_by_image(
    trained: tuple[RunFolder, Setup], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, setup = trained
    best = load(folder.checkpoints / "best.pt", setup.config, setup.identity)
    expected = evaluate(best.model, setup.dataset.test, len(CLASSES), best.placement, Control())

    status, found = predicted(folder, Path(setup.config.data, "test"))

    usable = [each for each in found if "error" not in each]
    assert status == 0
    assert [CLASSES.index(each["class"]) for each in usable] == expected.predicted.tolist()
    assert len(usable) == TEST_IMAGES + 1
    assert sum(each["class"] == each["true"] for each in usable) / len(usable) == expected.accuracy
    for each in usable:
        assert [each["class"], each["probability"]] == list(each["top"][0].values())
        assert {top["class"] for top in each["top"]} == set(CLASSES)
        assert sum(top["probability"] for top in each["top"]) == pytest.approx(1)

    capsys.readouterr()
    assert invoke("predict", "tiny", f"{setup.config.data}/test", "--runs-dir", folder.path.parent) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == len(usable)
    assert last.startswith("541 images, ")
    assert last.endswith(f"; accuracy {100 * expected.accuracy:.2f} % of 541 in folders named after their class")
    invoke("evaluate", "tiny", "--runs-dir", folder.path.parent)
    assert f"accuracy {100 * expected.accuracy:.2f} %" in capsys.readouterr().out


def test_the_images_that_a_run_was_trained_on_are_not_needed(trained: tuple[RunFolder, Setup], tmp_path: Path) -> None:
    folder, setup = trained
    decode = write_image(tmp_path / "a.webp", size=(300, 20))
    hidden = Path(setup.config.data).rename(tmp_path / "away")
    try:
        status, (answer,) = predicted(folder, decode)
    finally:
        hidden.rename(setup.config.data)
    assert status == 0
    assert answer["file"] == str(decode)
    assert "true" not in answer


def test_what_cannot_be_read_is_named_and_passed_over(
    trained: tuple[RunFolder, Setup], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    reasons = write_unusable(tmp_path)
    status, found = predicted(folder, tmp_path)
    assert status == 2, "there was nothing else"
    assert {Path(each["file"]).name: each["error"] for each in found} == reasons
    told = capsys.readouterr().err.splitlines()
    assert sum("loading" not in line for line in told) == 5 + 1
    assert told[-1] == f"cifar-tui: {len(reasons)} of {len(reasons)} files could not be read"

    good = write_image(tmp_path / "whole.png")
    assert predicted(folder, tmp_path)[0] == 0
    assert predicted(folder, f"{tmp_path}/*.png")[0] == 0
    assert predicted(folder, good, tmp_path / "cut.jpg")[0] == 2, "it was named"
    assert capsys.readouterr().err.splitlines()[-1] == f"cifar-tui: {tmp_path}/cut.jpg: damaged"
    status, found = predicted(folder, tmp_path / "none.jpg", good)
    assert (status, found[0]["error"]) == (2, "No such file or directory")
    assert "class" in found[1], "the others are predicted all the same"


def test_many_images_outside_of_class_folders_are_predicted_without_an_accuracy(
    trained: tuple[RunFolder, Setup], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    for number in range(9):
        write_image(tmp_path / "photos" / f"{number}.png")
    assert invoke("predict", folder.id, tmp_path / "photos", "--runs-dir", folder.path.parent) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert last.startswith("9 images, ")
    assert last.endswith(" images/s")


def test_many_files_of_which_none_can_be_read_are_counted(
    trained: tuple[RunFolder, Setup], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    reasons = write_unusable(tmp_path)
    assert len(reasons) > 8
    assert invoke("predict", folder.id, tmp_path, "--runs-dir", folder.path.parent) == 2
    assert capsys.readouterr().out == "0 images\n"


def test_a_speed_needs_time_to_have_passed() -> None:
    assert _total(9, 0.0, 0, 0) == "9 images"
    assert _total(9, 0.5, 4, 3) == "9 images, 18 images/s; accuracy 75.00 % of 4 in folders named after their class"


def test_what_a_file_says_of_itself_does_not_act_on_the_terminal(
    trained: tuple[RunFolder, Setup],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(path: str) -> None:
        raise decoder.UnusableImage("\x1b[2Jno image")

    folder, _ = trained
    bad = write_image(tmp_path / "bad.png")
    monkeypatch.setattr(decoder, "decode", refuse)
    assert invoke("predict", folder.id, bad, "--runs-dir", folder.path.parent) == 2
    assert capsys.readouterr().err.splitlines()[-1] == rf"cifar-tui: {bad}: \x1b[2Jno image"


def test_a_few_images_are_shown_with_bars_and_nothing_acts_on_the_terminal(
    trained: tuple[RunFolder, Setup], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    write_image(tmp_path / "dog" / HOSTILE)
    assert invoke("--runs-dir", folder.path.parent, "predict", folder.path, tmp_path / "dog") == 0
    name, *classes, empty = capsys.readouterr().out.splitlines()
    assert name.partition("  ")[0] == rf"{tmp_path}/dog/\x1b[2J\u202e.png"
    assert len(classes) == 3
    assert all(line.endswith(" %") and line.isprintable() for line in classes)
    assert empty == ""


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["none.png"], "'none.png' cannot be read: No such file or directory"),
        (["*.png"], "no image file matches '*.png'"),
        (["empty"], "'empty' has no images"),
        (["\0"], "cannot be read"),
    ],
)
def test_a_name_that_means_no_image_is_refused(
    trained: tuple[RunFolder, Setup], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    with pytest.raises(InputError, match=says.replace("*", r"\*")):
        invoke("predict", "tiny", *names, "--runs-dir", trained[0].path.parent)


def test_a_run_without_best_weights_says_so(trained: tuple[RunFolder, Setup], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained[0].path, tmp_path / "runs" / "begun"))
    for name in ("checkpoints/best.pt", "model.safetensors"):
        (folder / name).unlink()
    decode = write_image(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"begun has no best weights yet: they come .*; resume it first"):
        invoke("predict", "begun", decode, "--runs-dir", tmp_path / "runs")
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | {"dataset": None}))
    with pytest.raises(InputError, match="damaged, dataset is None"):
        invoke("predict", "begun", decode, "--runs-dir", tmp_path / "runs")


def test_names_are_files_folders_and_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("z.png", "b/2.png", "b/1/0.jpg", "b/1.png", "b c/0.png", "b/.no.png", ".d/1.png", "[1].png"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    own = Path.cwd().name
    assert find(["z.png"]) == [InputFile("z.png", (own,), named=True)]
    assert find(["b/1.png", "none.png"])[1] == InputFile("none.png", (own,), named=True), "it is told of the others"
    assert find(["."])[:2] == [InputFile("./[1].png", (own,), named=False), InputFile("./z.png", (own,), named=False)]
    assert [(p.path, *p.folders) for p in find(["."])[2:]] == [
        *[("b/1.png", "b", own), ("b/1/0.jpg", "b", "1", own), ("b/2.png", "b", own), ("b c/0.png", "b c", own)]
    ]
    assert [p.path for p in find(["b"])] == ["b/1.png", "b/2.png", "b/1/0.jpg"]
    assert [p.path for p in find(["[1].png"])] == ["[1].png"], "a file of this name goes before the pattern"
    assert [p.path for p in find(["b/?.png"])] == ["b/1.png", "b/2.png"]
    assert [(p.path, *p.folders) for p in find(["b*"])][1:] == [
        *[("b/2.png", "b"), ("b/1/0.jpg", "1", "b"), ("b c/0.png", "b c")]
    ]
    assert [p.path for p in find(["b/**/*.jpg"])] == ["b/1/0.jpg"]


def test_a_session_predicts_the_first_files_with_few_threads_until_it_is_told_to_stop(
    trained: tuple[RunFolder, Setup], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, setup = trained
    data = Path(setup.config.data) / "test"
    session, told = Workspace(folder.path.parent), list[tuple[str, int, int]]()
    monkeypatch.setattr("cifar_tui.runs.workspace.MOST_FILES", 4)
    names = [str(data / "dog" / "bad.png"), str(data / "dog")]
    found = session.predict(folder, names, lambda *what: told.append(what))
    _, printed = predicted(folder, *names)
    assert [(each.picture.path, each.true) for each in found.found] == [(p["file"], "dog") for p in printed[1:4]]
    assert [each.top[0][0] for each in found.found] == [p["class"] for p in printed[1:4]]
    assert ([bad.picture.path for bad in found.unreadable], found.files) == (names[:1], len(printed))
    assert found.epoch == folder.read_summary().best_epoch
    assert told[-4:] == [("predicting", done, 4) for done in range(4)]

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyError(what)

    with pytest.raises(KeyError, match="predicting"):
        session.predict(folder, names, stop)
    with pytest.raises(InputError, match="No such file"):
        session.predict(folder, ["no"], stop)


def test_a_walk_through_all_folders_holds_up_nobody_who_does_not_want_it_any_more(
    trained: tuple[RunFolder, Setup], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(what: str, done: int, total: int) -> None:
        raise KeyError(what)

    walked = threading.Event()
    monkeypatch.setattr("cifar_tui.data.images.input_files.find", lambda _: walked.wait(60) and [])
    with pytest.raises(KeyError, match="looking for image files"):
        predict_first(trained[0], ["/"], stop, most=1)
    walked.set()


def test_many_files_are_decoded_in_order_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:

    colours = [(k % 256, k // 256, 7) for k in range(300)]
    paths = [str(write_image(tmp_path / f"{k}.png", colour)) for k, colour in enumerate(colours)]
    os.mkfifo(tmp_path / "pipe.png")
    *found, pipe = decode_all([*paths, str(tmp_path / "pipe.png")], workers=3)
    assert [tuple(pixels[:, 0, 0]) for pixels in found if isinstance(pixels, np.ndarray)] == colours
    assert str(pipe) == "no file, but a folder, a pipe or a device"


def prediction(**values: Any) -> Prediction:
    pixels = np.zeros((3, 32, 32), np.uint8)
    pixels[0, 0, 0], pixels[1, 1, 0], pixels[2, 31, 31] = 255, 255, 255
    picture = InputFile("a.png", ("dog",), named=True)
    return replace(Prediction(picture, pixels, (("cat", 0.75), ("dog", 0.2), ("fox", 0.05)), "dog"), **values)


def shown(width: int = 100, *, ascii_only: bool = False, **given: Any) -> list[str]:
    options: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor", **given}
    console = Console(file=io.StringIO(), width=width, highlight=False, **options)
    console.print(_block(prediction(), console, ascii_only=ascii_only), soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_picture_has_two_pixels_in_each_character() -> None:
    rows = shown()
    assert len(rows) == 16 + 1
    assert rows[0].startswith("\x1b[38;2;255;0;0;48;2;0;255;0m▀\x1b[0m")
    assert "\x1b[38;2;0;0;0;48;2;0;0;255m▀\x1b[0m" in rows[15]
    assert all(row.count("▀") >= 1 for row in rows[:16])
    words = [row.rpartition("\x1b[0m")[2].strip() for row in rows[:16]]
    assert [line for line in words if line] == [
        "a.png  (in folder dog)",
        "cat  ━━━━━━━━━━━━━━━        75.00 %",
        "dog  ━━━━                   20.00 %",
        "fox  ━                       5.00 %",
    ]
    assert len(shown(width=50)) == 16 + 4 + 1, "above the words, where they do not fit beside"


@pytest.mark.parametrize(
    "options",
    [{"no_color": True}, {"force_terminal": False}, {"color_system": None}, {"ascii_only": True}, {"width": 31}],
)
def test_without_colours_or_room_there_is_no_picture(options: dict[str, Any]) -> None:
    lines = shown(**options)
    assert len(lines) == 4 + 1
    assert not any("▀" in line for line in lines)
    assert "\n".join(lines).isascii() == ("ascii_only" in options)


def test_one_of_many_images_is_a_line() -> None:
    assert _line(prediction()) == "a.png: cat 75.00 %  dog 20.00 %  fox 5.00 %  (in folder dog)"
    assert _line(prediction(true="cat")).endswith("fox 5.00 %")
