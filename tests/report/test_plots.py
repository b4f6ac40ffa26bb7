"""The pictures: valid, of the right size, showing what they should, whatever the run holds."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Evaluated
from cifar_tui.report.plots.canvas import fitted, new_canvas, text_width
from cifar_tui.report.plots.confusion import draw_confusion_matrix
from cifar_tui.report.plots.curves import draw_curves
from cifar_tui.report.plots.examples import Examples, draw_examples
from cifar_tui.state.run_state import RunState
from tests.support.recorded import recorded_state

HOSTILE = (r"$\frac$", "a\x1b[31m\nb", "\u202e鸟\udc80🐦", "W" * 5000)
NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 1e31, 5e-324, 0.0, 0.5]) | st.floats()
VERMILLION = (0xD5, 0x5E, 0x00)


def pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def evaluated(matrix: Sequence[Sequence[int]]) -> Evaluated:
    return Evaluated(
        t=0.0, split="test", epoch=1, loss=0.5, accuracy=0.5, confusion=ConfusionMatrix.of(matrix), seconds=1.0
    )


def some_examples(n: int = 16) -> Examples:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    return Examples(images, np.arange(n) % 3, np.arange(n) % 3)


@pytest.mark.parametrize(
    "state",
    [
        recorded_state(),
        recorded_state([(0.5, 0.5)]),
        recorded_state([(0.5, 0.5)], batches=False),
        recorded_state([(n / 3000, n / 3100) for n in range(3000)], batches=False),
        recorded_state([]),
        RunState(),
    ],
    ids=["some epochs", "one epoch", "no batches", "3,000 epochs", "no epoch", "nothing"],
)
def test_curves_of_any_length_make_a_picture_of_one_size(state: RunState) -> None:
    assert pixels(draw_curves(state)).shape == (750, 1800, 3)


@settings(max_examples=15)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=5))
@example([(math.nan, 1e300), (-1e308, math.inf), (1e31, math.nan)])
@example([(0.5, math.nan), (5e-324, -1e308), (1.0, 1e308)])
def test_any_numbers_can_be_drawn_as_curves(values: list[tuple[float, float]]) -> None:
    state = recorded_state(values, losses=values[::-1], planned=len(values))

    assert pixels(draw_curves(state)).shape == (750, 1800, 3)


def test_losses_that_are_not_finite_do_not_hide_the_others() -> None:
    accuracies = [(0.3, 0.3), (0.4, 0.4), (0.5, 0.5)]
    diverged = recorded_state(accuracies, losses=[(2.0, 2.1), (1.5, 1.6), (math.nan, math.inf)])
    left_panel = pixels(draw_curves(diverged))[140:600, 100:800]

    assert (np.abs(left_panel.astype(int) - VERMILLION).sum(axis=2) < 10).sum() > 200


def test_resumptions_are_drawn() -> None:
    # The panels' first epoch of three ends at a third of 1.02 of their width.
    x = round(1800 * (0.055 + 0.41 / 3 / 1.02))
    strip = slice(150, 590), slice(x - 4, x + 5)

    def greys(state: RunState) -> int:
        return int((np.abs(pixels(draw_curves(state))[strip].astype(int) - 0x66).sum(axis=2) < 60).sum())

    assert greys(recorded_state(resumed_after=1)) > greys(recorded_state()) + 100


def test_the_best_epoch_is_marked_where_it_is() -> None:
    panel = slice(126, 600), slice(1008, 1760)

    def columns_with_ink(accuracies: list[tuple[float, float]]) -> float:
        picture = pixels(draw_curves(recorded_state(accuracies, batches=False)))[panel].astype(int)
        return float(np.nonzero((picture.sum(axis=2) < 3 * 0x40).any(axis=0))[0].mean())

    first, last = [(0.5, 0.9), (0.5, 0.6), (0.5, 0.7)], [(0.5, 0.6), (0.5, 0.7), (0.5, 0.9)]
    width = 1800 * 0.41
    assert columns_with_ink(first) == pytest.approx(width / 3 / 1.02, abs=8)
    assert columns_with_ink(last) == pytest.approx(width / 1.02, abs=8)


@pytest.mark.parametrize("k", [2, 10, 25])
def test_the_confusion_matrix_grows_with_its_classes(k: int) -> None:
    matrix = tuple(tuple(9 if i == j else 1 for j in range(k)) for i in range(k))
    height, width, _ = pixels(draw_confusion_matrix(evaluated(matrix), [f"class {i}" for i in range(k)])).shape

    side = min(max(90 * k, 540), 2100)
    assert side < height < side + 400
    assert side < width < side + 450


def test_rows_of_the_confusion_matrix_are_true_classes_and_colour_is_the_share_of_the_row() -> None:
    picture = pixels(draw_confusion_matrix(evaluated(((10, 0), (1000, 0))), ("a", "b")))
    rows, columns = np.nonzero(
        picture[:, : picture.shape[1] * 3 // 4, 2] - picture[:, : picture.shape[1] * 3 // 4, 0] > 60
    )

    # Everything was taken for the first class: its column is dark in both rows.
    assert np.ptp(rows) == pytest.approx(540, abs=6)
    assert np.ptp(columns) == pytest.approx(270, abs=6)


def test_counts_are_left_out_where_they_cannot_be_read() -> None:
    def colours(k: int) -> int:
        picture = pixels(draw_confusion_matrix(evaluated(((1,) * k,) * k), ["x"] * k))
        middle = picture.shape[0] // 2
        return len(np.unique(picture[middle - 100 : middle + 100, middle - 100 : middle + 100].reshape(-1, 3), axis=0))

    assert colours(10) > 1
    assert colours(100) == 1


def test_an_empty_row_of_the_confusion_matrix_is_drawn() -> None:
    pixels(draw_confusion_matrix(evaluated(((0, 0), (0, 0))), ("a", "b")))


def test_test_images_are_enlarged_pixel_by_pixel() -> None:
    predictions = some_examples(5)
    picture = pixels(draw_examples(predictions, ("a", "b", "c")))

    for n, (x, y) in enumerate([(40, 100), (308, 100), (576, 100), (844, 100), (40, 408)]):
        enlarged = np.kron(predictions.images[n], np.ones((7, 7, 1), dtype=np.uint8))
        np.testing.assert_array_equal(picture[y + 1 : y + 223, x + 1 : x + 223], enlarged[1:223, 1:223])


def test_wrong_predictions_have_a_frame_and_right_ones_do_not() -> None:
    predictions = some_examples(4)
    predictions.predicted[2] = (predictions.true[2] + 1) % 3
    picture = pixels(draw_examples(predictions, ("a", "b", "c")))

    framed = [tuple(picture[200, x - 3]) == VERMILLION for x in (40, 308, 576, 844)]
    assert framed == [False, False, True, False]


@pytest.mark.parametrize(("n", "rows"), [(0, 0), (1, 1), (4, 1), (16, 4), (20, 4)])
def test_up_to_sixteen_test_images_are_shown(n: int, rows: int) -> None:
    assert pixels(draw_examples(some_examples(n), ("a", "b", "c"))).shape == (100 + rows * 308, 1108, 3)


def test_text_is_drawn_as_it_is_but_for_what_does_not_print_or_the_font_lacks() -> None:
    text = "a\u202eb\x1b$x$鸟é"

    assert fitted(new_canvas(1, 1), text, 10, room=9) == r"a\u202eb\x1b$x$\u9e1fé"


@pytest.mark.parametrize("room", [0.3, 1.0, 2.5])
def test_text_that_is_too_long_is_cut_to_its_room(room: float) -> None:
    canvas = new_canvas(1, 1)
    text = fitted(canvas, "ruby-throated hummingbird " * 20, 10, room)

    assert text.startswith("ru")
    assert text.endswith("…")
    assert room - 0.2 < text_width(canvas, text, 10) <= room


def test_class_names_are_drawn_as_text_and_kept_in_their_room() -> None:
    matrix = pixels(draw_confusion_matrix(evaluated(((1,) * 4,) * 4), HOSTILE))
    images = Examples(some_examples().images, np.arange(16) % 4, np.full(16, 3))
    tiles = pixels(draw_examples(images, HOSTILE))

    assert matrix.shape[0] < 1100
    assert matrix.shape[1] < 1200
    for picture in (matrix, tiles):
        assert (picture[:, :4] == 255).all()
        assert (picture[:, -4:] == 255).all()


def test_two_threads_at_once_draw_the_same_bytes_as_one() -> None:
    state, images = recorded_state(), some_examples()
    assert state.test is not None
    test = state.test
    draws: list[Callable[[], bytes]] = [
        lambda: draw_curves(state),
        lambda: draw_confusion_matrix(test, HOSTILE[:3]),
        lambda: draw_examples(images, HOSTILE[:3]),
    ]
    alone = [draw() for draw in draws]
    together: dict[int, list[bytes]] = {}
    start = threading.Barrier(2)

    def work(thread: int) -> None:
        start.wait()
        # In another order each, so that unlike pictures meet.
        together[thread] = [draw() for draw in draws[:: 1 if thread else -1] * 2]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert together == {0: alone[::-1] * 2, 1: alone * 2}


def test_no_global_state_of_matplotlib_is_used() -> None:
    program = """
import sys
import matplotlib
from tests.report.test_plots import recorded_state, some_examples
from tests.report.test_plots import draw_confusion_matrix, draw_curves, draw_examples
before = matplotlib.rcParams.copy()
state = recorded_state()
draw_curves(state), draw_confusion_matrix(state.test, "abc"), draw_examples(some_examples(), "abc")
assert matplotlib.rcParams.copy() == before
print([name for name in ("matplotlib.pyplot", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
