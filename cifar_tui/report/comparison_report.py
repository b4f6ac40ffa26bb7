"""A comparison of runs in words and tables, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from cifar_tui.analysis.calibration import BINS
from cifar_tui.analysis.class_scores import listed
from cifar_tui.analysis.comparison import Comparison, PairComparison, Race, RunFigures, classes_that_differ, first
from cifar_tui.analysis.study import CLASS_IMAGES
from cifar_tui.formatting import UNKNOWN, count, duration, four_digits, percent, points, probability, rate, speed
from cifar_tui.report.comparison_findings import conclusion
from cifar_tui.report.markdown_syntax import escape, picture, table


def comparison_md(comparison: Comparison, curves: str, classes: Sequence[str]) -> str:
    """The report, in Markdown. Whatever comes from outside, such as class names, is shown as text.

    Args:
        comparison: The comparison to report.
        curves: The picture of the learning curves; empty where there is none.
        classes: The picture of the classes' accuracies for each group of `same_classes`.
    """
    runs = comparison.runs
    parts = [
        f"# {escape(_title(runs))}",
        table(
            ("run", "label", "trained on", "state"),
            [(escape(r.id), escape(r.label), escape(r.data or UNKNOWN), r.state) for r in runs],
            "llll",
        ),
        "## Figures",
        _figures(comparison),
        "The gap is training accuracy less validation accuracy after the best epoch, in points.",
    ]
    if curves or comparison.races:
        parts += ["## Learning", *picture(curves, "Validation curves of the runs", {curves} - {""})]
        for race in comparison.races:
            parts += [
                "When each run first reached a validation accuracy, in shares of the lowest of their best ones:",
                _race(race, runs),
            ]
    for number, (group, name) in enumerate(zip(comparison.same_classes, classes, strict=True)):
        parts += _classes(group, comparison, {name}, name, first_one=number == 0)
    for pair in comparison.pairs:
        parts += _pair(pair, runs)
    parts += _confidence(runs)
    if comparison.gaps:
        parts += ["## What cannot be compared", "\n".join(f"- {escape(gap)}." for gap in comparison.gaps)]
    parts += ["## Conclusion", *conclusion(comparison)]
    return "\n\n".join(parts) + "\n"


def _title(runs: Sequence[RunFigures]) -> str:
    names, data = [run.label for run in runs], {run.data for run in runs}
    together = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{together} on {data.pop()}" if len(data) == 1 and None not in data else together


def _figures(comparison: Comparison) -> str:
    """A row for each figure, a column for each run and for each of the study's models."""
    runs, study = comparison.runs, comparison.study
    unknown = [UNKNOWN] * len(study)
    by_loss = any(run.best_val_loss is not None for run in runs)
    rows = [
        ("Parameters", *(_count(run.parameters) for run in runs), *unknown),
        ("Epochs", *(count(run.epochs) for run in runs), *unknown),
        (
            "Validation accuracy after epoch 1",
            *(percent(run.first_val_accuracy) for run in runs),
            *(percent(each.first_val_accuracy) for each in study),
        ),
        ("Best validation accuracy", *(percent(run.best_val_accuracy) for run in runs), *unknown),
        *([("Lowest validation loss", *(_loss(run.best_val_loss) for run in runs), *unknown)] if by_loss else []),
        ("Best epoch", *(_count(run.best_epoch) for run in runs), *unknown),
        ("Gap", *(UNKNOWN if run.gap is None else points(run.gap) for run in runs), *unknown),
        (
            "**Test accuracy**",
            *(f"**{percent(run.test_accuracy)}**" for run in runs),
            *(percent(each.test_accuracy) for each in study),
        ),
        ("Images/s in training", *(_speed(run) for run in runs), *unknown),
        ("Time", *(duration(run.seconds) for run in runs), *unknown),
    ]
    heads = ["", *(escape(run.label) for run in runs), *(f"study’s {each.model}" for each in study)]
    return table(heads, rows, "l" + "r" * (len(runs) + len(study)))


def _speed(run: RunFigures) -> str:
    return speed(run.images_per_second) if run.unit == "images" else rate(run.images_per_second, run.unit)


def _loss(loss: float | None) -> str:
    return UNKNOWN if loss is None else four_digits(loss)


def _count(n: int | None) -> str:
    return UNKNOWN if n is None else count(n)


def _race(race: Race, runs: Sequence[RunFigures]) -> str:
    labels, unit = [escape(runs[n].label) for n in race.runs], runs[race.runs[0]].unit
    rows = [
        (
            percent(level.accuracy),
            *(f"epoch {r.epoch}, {count(r.samples)} {unit}, {duration(r.seconds)}" for r in level.reached),
            first(labels, [r.samples for r in level.reached]),
            first(labels, [r.seconds for r in level.reached]),
        )
        for level in race.levels
    ]
    heads = ("validation accuracy", *labels, f"first in {unit}", "first in time")
    return table(heads, rows, "r" * (1 + len(labels)) + "ll")


def _classes(
    group: Sequence[int], comparison: Comparison, files: AbstractSet[str], name: str, *, first_one: bool
) -> list[str]:
    """Each class's accuracy, and the most frequent confusions."""
    runs = [comparison.runs[n] for n in group]
    study = [each for each in comparison.study if any(each.recall(score.name) is not None for score in runs[0].classes)]
    shown, rows = classes_that_differ(runs), []
    for k in shown:
        called = runs[0].classes[k].name
        of_study = [percent(each.recall(called)) for each in study]
        rows.append((escape(called), *(percent(run.classes[k].recall) for run in runs), *of_study))
    heads = ["class", *(escape(run.label) for run in runs), *(f"study’s {each.model}" for each in study)]
    mistakes = [
        f"- {escape(run.label)}: {count(pair.count)} of {count(pair.images)} “{escape(pair.true)}” predicted as "
        f"“{escape(pair.predicted)}” ({percent(pair.count / pair.images)})"
        for run in runs
        for pair in run.confused
    ]
    mistakes += [
        f"- study’s {each.model}: {count(n)} of {count(CLASS_IMAGES)} “{true}” predicted as “{predicted}” "
        f"({percent(n / CLASS_IMAGES)})"
        for each in study
        for true, predicted, n in each.confused
    ]
    return [
        *(["## Class by class", "The share of each class’s test images that is found (recall)."] if first_one else []),
        *picture(name, "Accuracy by class", files),
        *_only(len(shown), len(runs[0].classes), "that differ most"),
        table(heads, rows, "l" + "r" * (len(heads) - 1)),
        *(["Most often confused:", "\n".join(mistakes)] if mistakes else []),
    ]


def _pair(pair: PairComparison, runs: Sequence[RunFigures]) -> list[str]:
    a, b = (escape(runs[n].label) for n in (pair.a, pair.b))
    whole = pair.overall
    counts = [
        (name, count(n), percent(n / whole.images if whole.images else None))
        for name, n in (
            ("both are right", whole.both),
            (f"only {a} is right", whole.only_a),
            (f"only {b} is right", whole.only_b),
            ("neither is right", whole.neither),
        )
    ]
    shown = listed(len(pair.classes), lambda k: abs(pair.classes[k].difference))
    rows = [
        (
            escape(runs[pair.a].classes[k].name),
            *map(count, (each.both, each.only_a, each.only_b, each.neither)),
            points(each.difference),
            f"{points(each.low)} to {points(each.high)}",
        )
        for k, each in ((k, pair.classes[k]) for k in shown)
    ]
    heads = ("class", "both right", f"only {a}", f"only {b}", "neither", f"{a} − {b}", "95 % interval")
    return [
        f"## Where {a} and {b} disagree",
        f"On the same {count(whole.images)} test images:",
        table(("", "images", "share"), counts, "lrr"),
        f"The accuracies of {a} and {b} differ by {points(whole.difference)} points (95 % interval "
        f"{points(whole.low)} to {points(whole.high)}); by McNemar’s exact test, {probability(whole.p_value)}. "
        "Class by class, the differences in points:",
        *_only(len(shown), len(pair.classes), "that differ most"),
        table(heads, rows, "lrrrrrr"),
        "The intervals are Newcombe’s for two shares of the same images; those of the classes are not corrected for "
        "multiple comparisons: about one in twenty misses.",
    ]


def _only(shown: int, every: int, which: str) -> list[str]:
    return [f"The {shown} of {count(every)} classes {which}:"] if shown < every else []


def _confidence(runs: Sequence[RunFigures]) -> list[str]:
    known = [(run.label, run.calibration) for run in runs if run.calibration]
    if not known:
        return []
    rows = [
        (
            escape(label),
            percent(each.error),
            percent(each.confidence),
            percent(each.confidence_right),
            percent(each.confidence_wrong),
        )
        for label, each in known
    ]
    heads = ("", "expected calibration error", "mean confidence", "where right", "where wrong")
    words = f"The confidence is the probability of the predicted class; the calibration error is over {BINS} bins."
    return ["## Confidence", words, table(heads, rows, "lrrrr")]
