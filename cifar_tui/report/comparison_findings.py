"""The conclusions of a comparison, in sentences made from its figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from cifar_tui.analysis.comparison import Comparison, PairComparison, Race, RunFigures
from cifar_tui.formatting import count, distance, duration, percent, points, probability
from cifar_tui.report.markdown_syntax import escape


def conclusion(comparison: Comparison) -> list[str]:
    """The closing paragraphs: each run's figures, each pair, which learns faster, and the study."""
    runs = comparison.runs
    paragraphs = [list(_standing(runs))]
    paragraphs += [list(_difference(pair, runs)) for pair in comparison.pairs]
    paragraphs += [list(_learning(race, runs)) for race in comparison.races]
    paragraphs.append(list(_against_the_study(comparison)))
    return [" ".join(sentences) for sentences in paragraphs if sentences]


def _standing(runs: Sequence[RunFigures]) -> Iterator[str]:
    yield from _of_each("Test accuracy is", runs, lambda run: run.test_accuracy, percent)
    yield from _of_each(
        "Validation accuracy after the first epoch was", runs, lambda run: run.first_val_accuracy, percent
    )
    yield from _of_each("In the best epoch it was", runs, lambda run: run.best_val_accuracy, percent)
    yield from _of_each(
        "Training accuracy less validation accuracy came to", runs, lambda run: run.gap, points, "points"
    )
    for unit, of_unit in itertools.groupby(sorted(runs, key=lambda run: run.unit), key=lambda run: run.unit):
        yield from _of_each(
            "Training speed was",
            list(of_unit),
            lambda run: run.images_per_second,
            lambda speed: count(round(speed)),
            f"{unit}/s",
        )
    yield from _of_each(
        "The expected calibration error is",
        runs,
        lambda run: run.calibration.error if run.calibration else None,
        percent,
    )


def _of_each(
    what: str,
    runs: Sequence[RunFigures],
    value: Callable[[RunFigures], float | None],
    shown: Callable[[float], str],
    unit: str = "",
) -> Iterator[str]:
    """One figure of all runs of which it is known."""
    known = [(run.label, number) for run in runs if (number := value(run)) is not None and math.isfinite(number)]
    if known:
        behind = f" {unit}" if unit else ""
        yield f"{what} {', '.join(f'{shown(number)}{behind} ({escape(label)})' for label, number in known)}."


def _difference(pair: PairComparison, runs: Sequence[RunFigures]) -> Iterator[str]:
    whole, (a, b) = pair.overall, (escape(runs[n].label) for n in (pair.a, pair.b))
    if not whole.images:
        return
    alike = whole.low <= 0 <= whole.high
    verdict = "includes 0: these images show no difference between the two" if alike else "excludes 0"
    yield (
        f"The test accuracy of {a} less that of {b} is {points(whole.difference)} points; the 95 % interval, "
        f"{points(whole.low)} to {points(whole.high)}, {verdict} (McNemar’s exact test: {probability(whole.p_value)})."
    )
    differ = whole.only_a + whole.only_b
    if differ:
        yield (
            f"Exactly one of them is right on {count(differ)} of {count(whole.images)} images, {a} on "
            f"{percent(whole.only_a / differ)} of them."
        )
    classes = [(s.name, each) for s, each in zip(runs[pair.a].classes, pair.classes, strict=True) if each.images]
    if len(classes) > 1:
        (most, high), (least, low) = (pick(classes, key=lambda each: each[1].difference) for pick in (max, min))
        clear = sum(not each.low <= 0 <= each.high for _, each in classes)
        yield (
            f"By class, the difference ranges from {points(low.difference)} points (“{escape(least)}”) to "
            f"{points(high.difference)} (“{escape(most)}”); the interval of {count(clear)} of {count(len(classes))} "
            "classes excludes 0."
        )


def _learning(race: Race, runs: Sequence[RunFigures]) -> Iterator[str]:
    """When each run reached the best validation accuracy that all of them reached."""
    level = race.levels[-1]
    reached = [
        f"{escape(runs[n].label)} after epoch {count(each.epoch)}, {count(each.samples)} training {runs[n].unit} and "
        f"{duration(each.seconds)}"
        for n, each in zip(race.runs, level.reached, strict=True)
    ]
    yield f"A validation accuracy of {percent(level.accuracy)} was reached by {'; by '.join(reached)}."


def _against_the_study(comparison: Comparison) -> Iterator[str]:
    """Each run against the study's model of the same name, where it was tested on the same classes."""
    for run in comparison.runs:
        for each in comparison.study:
            if each.model != run.model or run.test_accuracy is None:
                continue
            if each.is_of(score.name for score in run.classes):
                beyond = run.test_accuracy - each.test_accuracy
                yield (
                    f"In the test, {escape(run.label)} is {distance(beyond)} {'above' if beyond >= 0 else 'below'} "
                    f"the study’s {each.model}, {percent(each.test_accuracy)}."
                )
