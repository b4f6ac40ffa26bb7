"""The view of confidence has every figure of the report's, and each bin stands where it belongs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifar_tui.analysis.calibration import Calibration, calibrate
from cifar_tui.errors import InputError
from cifar_tui.formatting import percent
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.charts.confidence import ConfidencePanel, picture
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.images.panel import ImagesPanel
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Part
from tests.support.dashboard import dashboard
from tests.support.panel_states import check_lines, entry, looks, predicted_images, sizes, text
from tests.support.recorded import recorded_state


def calibration(*predictions: tuple[float, bool]) -> Calibration:
    return calibrate(np.array([c for c, _ in predictions]), np.array([right for _, right in predictions], dtype=bool))


TITLE: list[Part] = ["confidence"]
FIVE = ((0.41, True), (0.41, False), (0.99, True), (0.99, True), (0.8, True))


@given(st.lists(st.tuples(st.floats(0.1, 1.0), st.booleans()), min_size=1, max_size=50), looks, sizes)
@settings(max_examples=40)
def test_it_fits_every_size_and_every_terminal(
    predictions: list[tuple[float, bool]], look: Look, size: tuple[int, int]
) -> None:
    check_lines(picture(calibration(*predictions), TITLE, 0, look, size), size, look)


@pytest.mark.parametrize("width", [38, 78, 200])
def test_every_figure_is_there_at_any_width(width: int) -> None:
    found = calibration(*FIVE)
    said = " ".join(text(picture(found, TITLE, 0, Look(), (width, 24))))
    for name, value in (
        ("expected calibration error", found.error),
        ("accuracy", 0.8),
        ("mean confidence", found.confidence),
        ("right:", found.confidence_right),
        ("wrong:", 0.41),
    ):
        assert f"{name} {percent(value)}" in said


def test_at_120_columns_the_figures_are_one_line() -> None:
    found = calibration(*[(0.85, True)] * 20, (0.551, True), (0.551, False))
    assert found.error >= 0.1
    lines = text(picture(found, TITLE, 0, Look(), (116, 33)))
    assert lines[1].endswith("right: 83.58 % · wrong: 55.10 %")


def test_a_mean_over_nothing_is_left_out() -> None:
    said = " ".join(text(picture(calibration((0.9, True)), TITLE, 0, Look(), (80, 24))))
    assert "right:" in said
    assert "wrong:" not in said
    assert "nan" not in said


def test_bins_are_drawn_at_their_accuracy_above_their_number_of_images() -> None:
    lines = text(picture(calibration(*FIVE), TITLE, 0, Look(), (79, 23)))
    canvas = [line[6:] for line in lines if line[5:6] in ("┤", "│")]
    places = {(column, row) for row, line in enumerate(canvas) for column, mark in enumerate(line) if mark == "●"}
    columns, rows = 73, len(canvas)
    assert places == {(int(0.41 * columns), rows // 2), (int(0.8 * columns), 0), (int(0.99 * columns), 0)}
    bars, numbers = (line[6:].ljust(columns) for line in lines[-2:])
    assert {bars[int(c * columns)] for c in (0.41, 0.99)} == {"█"}
    assert bars[int(0.77 * columns)] == "▄"
    assert bars[0] == " "
    assert numbers.split() == ["2", "1", "2"]
    assert bars[numbers.index("1")] == "▄"


@pytest.mark.parametrize(("look", "marks"), [(Look(), "◦•●"), (Look(ascii=True), "oO@")])
def test_the_more_images_a_bin_has_the_larger_is_its_mark(look: Look, marks: str) -> None:
    found = calibration((0.15, False), *[(0.5, True)] * 5, *[(0.9, True)] * 94)
    lines = text(picture(found, TITLE, 0, look, (79, 22)))
    canvas = [line[6:] for line in lines if line[5:6] in ("┤", "│", "+", "|")]
    drawn = sorted((line.index(mark), mark) for mark in marks for line in canvas if mark in line)
    assert "".join(mark for _, mark in drawn) == marks
    assert all(f"{mark} " in "".join(lines[:5]) for mark in marks), "they are explained"


def test_without_room_only_the_figures_are_shown() -> None:
    lines = text(picture(calibration(*FIVE), TITLE, 0, Look(), (79, 6)))
    assert len(lines) <= 6
    assert not any("┤" in line for line in lines)


async def test_k_shows_the_confidence_of_the_best_weights_and_loads_better_ones(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "cnn", size=(80, 24)) as desk:
        await desk.until(lambda: desk.app.main.views is not None)
        await desk.press("k")
        await desk.shows("press s to start: the images come with the first epoch's weights")
        await desk.press("s")
        run, state = await desk.run(), recorded_state(ending=None)
        assert state.started is not None
        assert state.test is not None
        run.folder = RunFolder(tmp_path / "20260101-000000-cnn")
        run.tell(state.started, *state.epochs, state.test)
        run.end("finished")
        worse, better = predicted_images(epoch=1), predicted_images()
        desk.workspace.images["20260101-000000-cnn"] = worse
        await desk.shows(f"confidence on {len(worse.images):,} test images", "epoch 2 is better: press k")
        found = calibrate(worse.predictions.confidence, worse.predictions.correct)
        await desk.shows(
            f"expected calibration error {percent(found.error)}", f"accuracy {percent(found.accuracy)}", "●"
        )
        desk.workspace.images["20260101-000000-cnn"] = InputError("its best weights are damaged")
        await desk.press("k")
        await desk.shows("its best weights are damaged", f"expected calibration error {percent(found.error)}")
        desk.workspace.images["20260101-000000-cnn"] = better
        await desk.press("k")
        await desk.shows("weights of epoch 2")
        await desk.press("escape")
        assert desk.view == "charts", "where it was opened"
        await desk.press("3")
        await desk.shows("test images, weights of epoch 2")
        assert desk.workspace.opened == ["20260101-000000-cnn"] * 3


def test_predictions_are_released_when_the_loader_is_closed() -> None:
    found = predicted_images()
    before = sys.getrefcount(found)
    loader = ImageLoader(lambda: pytest.fail("nothing is opened"), lambda: None, lambda _, do: do())
    images, confidence = ImagesPanel(lambda: pytest.fail("nothing is opened"), loader), ConfidencePanel(loader)
    loader.loaded = found
    for panel in (images, confidence):
        panel.entry = entry(recorded_state(), under_way=False)
        assert len(panel.lines(80, 24)) > 3
    loader.close()
    assert sys.getrefcount(found) == before
