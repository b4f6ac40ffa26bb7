"""Names in any script are shown as they are, by the columns that they take, and stay whole in files."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Evaluated
from cifar_tui.report.plots import fonts
from cifar_tui.report.plots.confusion import draw_confusion_matrix
from tests.support.command import only_run
from tests.support.program import TRAIN, call, prepare_project
from tests.support.terminal import Terminal

SHOWN = (
    *("猫狗鸟", "飛行機", "한국어", "عربي", "نمی‌خواهم", "हिन्दी", "क्‍ष", "ภาษาไทยที่", "été"),
    *("👩‍🔬", "❤️", "日本\u3000語", "தமிழ்"),
)
ESCAPED = {"a\u202eb": r"a\u202eb", "x\u200dy": r"x\u200dy", "e\u2066f": r"e\u2066f"}
LONG = "飛行機" * 28
LETTERS = "w" * 200
NAMES = (*SHOWN, *ESCAPED, LONG, LETTERS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two runs of classes so named."""
    with pytest.MonkeyPatch.context() as patch:
        cwd = prepare_project(tmp_path_factory.mktemp("scripts"), patch, NAMES)
        for name in ("one", "two"):
            assert call([*TRAIN, "--epochs", "1", "--name", name], cwd).returncode == 0
        yield cwd


def rows(printed: str) -> list[str]:
    """The lines of the first table, without its heading."""
    lines = printed.splitlines()
    rule = next(n for n, line in enumerate(lines) if line.startswith("───"))
    return lines[rule + 1 : rule + 1 + len(NAMES)]


def test_evaluate_shows_names_as_they_are_in_columns_that_stand_below_each_other(trained: Path) -> None:
    result = call(["evaluate", "one"], trained)
    assert result.returncode == 0, result.stderr
    table = rows(result.stdout)
    for name in SHOWN:
        assert any(row.startswith(f"{name} ") for row in table), name
    for escaped in ESCAPED.values():
        assert any(row.startswith(f"{escaped} ") for row in table), escaped
    ends = {cell_len(row[: row.index(" %") + 2]) for row in table}
    assert len(ends) == 1, "the accuracies end in one column"
    assert max(map(cell_len, table)) <= 160
    assert f"{LETTERS[:60]}" in result.stdout
    assert LETTERS not in result.stdout
    assert any(row.startswith("飛行機飛行機") and "…" in row for row in table)


def test_compare_and_predict_show_them_too(trained: Path) -> None:
    compared = call(["compare", "one", "two"], trained)
    assert compared.returncode == 0, compared.stderr
    assert all(f"\n{name} " in compared.stdout for name in SHOWN)
    image = next((trained / "images" / "test" / "猫狗鸟").iterdir())
    predicted = call(
        ["predict", "one", str(image), *map(str, (trained / "images" / "test").glob("*/001.png"))], trained
    )
    assert "猫狗鸟/" in predicted.stdout
    few = call(["predict", "one", str(image)], trained).stdout.splitlines()
    assert len({cell_len(line[: line.index("%")]) for line in few if "%" in line}) == 1


def test_files_hold_names_whole(trained: Path) -> None:
    folder = next((trained / "runs").glob("*-one"))
    with (folder / "confusion_matrix.csv").open(newline="", encoding="utf-8") as file:
        assert {row[0] for row in csv.reader(file)} == {"true / predicted", *NAMES}
    assert {*json.loads((folder / "config.json").read_text())["dataset"]["classes"]} == {*NAMES}
    told = json.loads(call(["evaluate", "one", "--json"], trained).stdout)
    assert {*told["classes"]} == {*NAMES}
    assert call(["report", "one", "--html"], trained).returncode == 0
    for page in ("report.md", "report.html"):
        text = (folder / page).read_text(encoding="utf-8")
        assert all(name in text for name in SHOWN), page
        assert "\u202e" not in text


def test_a_font_that_lacks_characters_is_told_of_once(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_known", {c: None for name in SHOWN for c in name if ord(c) > 0x900})
    result = call(["report", "one"], trained)
    (line,) = result.stderr.splitlines()[-1:]
    assert result.stderr.count("no font on this machine has") == 1
    assert "Chinese/Japanese/Korean" in line
    assert "Devanagari" in line
    assert "fonts-noto-cjk" in line


@pytest.mark.parametrize("columns", [80, 120])
def test_on_the_dashboard_the_columns_stand_below_each_other(trained: Path, tmp_path: Path, columns: int) -> None:
    shutil.copytree(trained / "runs", tmp_path / "runs")
    shutil.rmtree(next((tmp_path / "runs").glob("*-two")))
    folder = only_run(tmp_path)
    command = [sys.executable, "-m", "cifar_tui", "attach", folder.name]
    env = {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(tmp_path))}
    with Terminal(command, columns=columns, rows=40, cwd=tmp_path, env=env) as terminal:
        terminal.wait_for("finished")
        terminal.press("2")
        for name in ("recall", "猫狗鸟", "飛行機", "한국어", "عربي"):
            terminal.wait_for(name)
        screen = terminal.screen
        cells = [[screen.buffer[y][x].data for x in range(columns)] for y in range(40)]
        dots = {x for row in cells if row.count("·") > 3 for x, cell in enumerate(row) if cell == "·"}
        assert len({x % 5 for x in dots}) == 1, "each cell of the matrix takes five columns, whatever the names"
        if columns == 120:
            assert {row[79] for row in cells if row.count("·") > 3} == {"┃"}, "the frame stands where it stood"
        terminal.press("q")
        assert terminal.wait_exit() == 0


# Fonts


def matrix(size: int) -> Evaluated:
    counts = ConfusionMatrix.of([[9 if i == j else 1 for j in range(size)] for i in range(size)])
    return Evaluated(t=0.0, split="test", epoch=1, loss=0.5, accuracy=0.5, confusion=counts, seconds=1.0)


def test_what_no_font_has_is_drawn_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_known", {"猫": None, "狗": None})
    assert fonts.drawable("a猫 b\u3000c") == r"a\u732b b c"
    assert draw_confusion_matrix(matrix(2), ("猫", "狗")) == draw_confusion_matrix(matrix(2), (r"\u732b", r"\u72d7"))
    assert "Chinese/Japanese/Korean characters" in fonts.missing(["猫狗"])
    assert fonts.missing(["cat", "عربي", "été"]) == ""


def test_a_font_that_has_them_is_found_and_drawn_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import font_manager

    path = a_font(tmp_path / "cat.ttf", "Cats of Test", "猫")
    monkeypatch.setattr(fonts, "_known", {})
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path), str(tmp_path / "missing.ttf")])
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist])
    fonts._files.cache_clear()
    try:
        assert fonts.families("a猫") == [fonts.FONT, "Cats of Test"]
        assert fonts.drawable("猫") == "猫"
        assert "Chinese/Japanese/Korean" in fonts.missing(["猫", "狗"])
        assert draw_confusion_matrix(matrix(2), ("猫", "b")) != draw_confusion_matrix(matrix(2), ("狗", "b"))
    finally:
        fonts._files.cache_clear()


def a_font(path: Path, name: str, characters: str) -> Path:
    """A font in which these are squares."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    named = [".notdef", *(f"u{ord(c):X}" for c in characters)]
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(named)
    made.setupCharacterMap({ord(c): f"u{ord(c):X}" for c in characters})
    made.setupGlyf(dict.fromkeys(named, square))
    made.setupHorizontalMetrics(dict.fromkeys(named, (1000, 0)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": name, "styleName": "Regular"})
    made.setupOS2(sTypoAscender=800, usWeightClass=400)
    made.setupPost()
    made.save(path)
    return path
