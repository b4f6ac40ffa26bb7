"""The conclusions of a run's report, in sentences made from its figures: its confidence, and what it learned."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from cifar_tui.analysis.calibration import BINS, Calibration
from cifar_tui.analysis.class_scores import class_scores, most_confused
from cifar_tui.analysis.significance import wilson_interval
from cifar_tui.events import Epoch, Evaluated
from cifar_tui.formatting import count, distance, percent
from cifar_tui.report.markdown_syntax import escape, picture, table
from cifar_tui.state.run_state import RunState

LEAST_MISCALIBRATED = 0.01
"""Confidence and accuracy that differ by less are reported as the same."""


def confidence(calibration: Calibration, files: AbstractSet[str]) -> list[str]:
    """The section on confidence: whether the probabilities are calibrated."""
    figures = [
        ("Expected calibration error", percent(calibration.error)),
        ("Accuracy", percent(calibration.accuracy)),
        ("Mean confidence", percent(calibration.confidence)),
        ("Mean confidence where right", percent(calibration.confidence_right)),
        ("Mean confidence where wrong", percent(calibration.confidence_wrong)),
    ]
    bins = [
        (
            f"{percent(each.low)} to {percent(each.high)}",
            count(each.images),
            percent(each.confidence),
            percent(each.accuracy),
        )
        for each in calibration.bins
        if each.images
    ]
    return [
        "## Confidence",
        f"The confidence of a prediction is the probability of the predicted class. {confidence_sentence(calibration)}",
        table(("", ""), figures, "lr"),
        *picture("calibration.png", "Accuracy against confidence", files),
        table(("confidence", "images", "mean confidence", "accuracy"), bins, "lrrr"),
        f"The expected calibration error is the mean distance between accuracy and mean confidence in {BINS} bins of "
        "equal width, each bin weighted by its images.",
    ]


def confidence_sentence(calibration: Calibration) -> str:
    """Whether the model is over- or under-confident, and by how much."""
    excess = calibration.confidence - calibration.accuracy
    if not math.isfinite(excess):
        return "There are no predictions to judge it by."
    means = f"mean confidence is {percent(calibration.confidence)}, accuracy {percent(calibration.accuracy)}"
    if abs(excess) < LEAST_MISCALIBRATED:
        return f"It is well calibrated, to {distance(LEAST_MISCALIBRATED)}: {means}."
    kind = "over-confident" if excess > 0 else "under-confident"
    return f"It is {kind} by {distance(excess)}: {means}."


def conclusion(state: RunState, calibration: Calibration | None) -> list[str]:
    """The closing section; nothing where no epoch was completed."""
    best = state.best
    if best is None:
        return []
    sentences = [*_learned(state.epochs, best)]
    if state.test and state.started:
        sentences += _tested(state.test, state.started.classes, best)
    else:
        sentences.append(
            "There is no test result, so the accuracy on images that played no part in choosing the weights is unknown."
        )
    if state.test and calibration is not None:
        sentences.append(confidence_sentence(calibration))
    return ["## Conclusion", " ".join(sentences)]


def _learned(epochs: Sequence[Epoch], best: Epoch) -> Iterator[str]:
    first = epochs[0]
    yield (
        f"Validation accuracy was {percent(first.val_accuracy)} after the first epoch and at its highest, "
        f"{percent(best.val_accuracy)}, after epoch {count(best.epoch)}, when {count(best.samples)} training images "
        "had been seen."
    )
    gap = best.train_accuracy - best.val_accuracy
    if math.isfinite(gap):
        yield f"There, training accuracy was {distance(gap)} {'above' if gap >= 0 else 'below'} it."


def _tested(test: Evaluated, classes: Sequence[str], best: Epoch) -> Iterator[str]:
    right, images = sum(test.confusion.right), test.confusion.images
    if not images:
        return
    low, high = wilson_interval(right, images)
    gain = right / images - best.val_accuracy
    yield (
        f"Of {count(images)} test images, {percent(right / images)} are classified correctly (95 % interval "
        f"{percent(low)} to {percent(high)}), {distance(gain)} {'above' if gain >= 0 else 'below'} "
        "validation."
    )
    scores = [score for score in class_scores(test.confusion, classes) if score.images]
    easiest, hardest = max(scores, key=lambda s: s.recall), min(scores, key=lambda s: s.recall)
    if easiest.recall > hardest.recall:
        yield (
            f"Recall is highest for “{escape(easiest.name)}” ({percent(easiest.recall)}) and lowest for "
            f"“{escape(hardest.name)}” ({percent(hardest.recall)})."
        )
    for pair in most_confused(test.confusion, classes, 1):
        yield (
            f"The most frequent mistake is “{escape(pair.true)}” predicted as “{escape(pair.predicted)}”: "
            f"{count(pair.count)} of {count(images - right)} mistakes ({percent(pair.count / (images - right))})."
        )
