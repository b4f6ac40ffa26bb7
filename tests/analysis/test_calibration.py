"""Confidence is measured as its definition says, written up with its figures, and drawn whatever they are."""

from __future__ import annotations

import io
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from sklearn.calibration import calibration_curve

from cifar_tui.analysis.calibration import BINS, calibrate
from cifar_tui.report.plots.calibration import draw_calibration
from cifar_tui.report.run_report import report_md
from tests.support.recorded import recorded_state, run_record

PREDICTIONS = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), max_size=40)


def by_definition(predictions: list[tuple[float, bool]]) -> float:
    """The expected calibration error, straight from Guo et al.'s equation 3, image by image."""
    error = 0.0
    for m in range(1, BINS + 1):
        inside = [(c, right) for c, right in predictions if Fraction(m - 1, BINS) < Fraction(c) <= Fraction(m, BINS)]
        if m == 1:
            inside += [(c, right) for c, right in predictions if c == 0]
        if inside:
            accuracy = sum(right for _, right in inside) / len(inside)
            confidence = sum(c for c, _ in inside) / len(inside)
            error += len(inside) / len(predictions) * abs(accuracy - confidence)
    return error


@given(PREDICTIONS)
@example([(1.0, True)] * 3)
@example([(0.0, False), (1.0, False)])
def test_calibration_follows_its_definition(predictions: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([c for c, _ in predictions], np.float32), np.array([r for _, r in predictions], bool)

    found = calibrate(confidence, right)

    assert found.images == len(predictions) == sum(each.images for each in found.bins)
    if not predictions:
        assert math.isnan(found.error)
        return
    assert found.error == pytest.approx(by_definition(predictions), abs=1e-9)
    # An average over bins hides what cancels out within them, and no more.
    assert abs(found.confidence - found.accuracy) - 1e-9 <= found.error <= 1 + 1e-9
    for wanted, mean in ((True, found.confidence_right), (False, found.confidence_wrong)):
        those = [c for c, right in predictions if right == wanted]
        assert mean == pytest.approx(sum(those) / len(those), abs=1e-9) if those else math.isnan(mean)
    for each in found.bins:
        assert math.isnan(each.accuracy) == (each.images == 0) == math.isnan(each.confidence)


def test_perfect_calibration_has_no_error() -> None:
    found = calibrate(np.full(10, 0.7), np.arange(10) < 7)

    assert found.error == pytest.approx(0)


@given(PREDICTIONS.filter(bool))
def test_its_bins_are_those_of_scikit_learn_to_the_last_digit(predictions: list[tuple[float, bool]]) -> None:
    confidence = np.array([c for c, _ in predictions], np.float32)
    correct = np.array([r for _, r in predictions], bool)

    accuracies, confidences = calibration_curve(correct, confidence, pos_label=True, n_bins=BINS)

    bins = [each for each in calibrate(confidence, correct).bins if each.images]
    assert [each.accuracy for each in bins] == accuracies.tolist()
    assert [each.confidence for each in bins] == confidences.tolist()


@pytest.mark.parametrize(
    "predictions", [[], [(1.0, True)], [(0.1, False), (0.55, True), (0.56, False), (0.99, True)] * 9]
)
def test_any_predictions_can_be_drawn(predictions: list[tuple[float, bool]]) -> None:
    found = calibrate(np.array([c for c, _ in predictions]), np.array([r for _, r in predictions], bool))

    with Image.open(io.BytesIO(draw_calibration(found))) as image:
        assert image.size == (1050, 1050)


def test_the_report_has_the_figures_and_names_over_confidence() -> None:
    found = calibrate(np.array([0.9, 0.9, 0.6, 0.5]), np.array([True, False, True, False]))
    report = report_md(recorded_state(), run_record(), {"calibration.png"}, found)

    assert "It is over-confident by 22.50 points: mean confidence is 72.50 %, accuracy 50.00 %." in report
    # Four bins of the fifteen hold an image or two: |1 - 1.8|, |1 - 0.6|, |0 - 0.5| of four.
    assert f"| Expected calibration error | {100 * (0.8 + 0.4 + 0.5) / 4:.2f} % |" in report
    assert "| Mean confidence where right | 75.00 % |" in report
    assert "| Mean confidence where wrong | 70.00 % |" in report
    assert "| 86.67 % to 93.33 % | 2 | 90.00 % | 50.00 % |" in report
    assert "![Accuracy against confidence](calibration.png)" in report
    assert report.count("It is over-confident") == 2, "once more in the conclusion"


def test_the_conclusion_is_of_the_runs_own_figures() -> None:
    report = report_md(recorded_state(), run_record(), set())

    _, conclusion = report.split("## Conclusion\n\n")
    assert conclusion.split("\n\n")[0] == (
        "Validation accuracy was 50.00 % after the first epoch and at its highest, 70.00 %, after epoch 2, when 2,000 "
        "training images had been seen. There, training accuracy was 10.00 points below it. Of 1,101 test images, "
        "94.46 % are classified correctly (95 % interval 92.95 % to 95.66 %), 24.46 points above validation. Recall "
        "is highest for “bird” (95.00 %) and lowest for “fish” (0.00 %). The most frequent mistake is “bird” predicted "
        "as “plane”: 27 of 61 mistakes (44.26 %)."
    )


def test_the_conclusion_needs_an_epoch_and_names_a_missing_test() -> None:
    assert "There is no test result, so" in report_md(recorded_state(test=None, ending="stopped"), run_record(), set())
    assert "## Conclusion" not in report_md(recorded_state([], ending="stopped"), run_record(), set())
