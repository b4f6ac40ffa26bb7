"""`report.md`: a run in words and pictures, however it ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from cifar_tui.analysis.calibration import Calibration
from cifar_tui.analysis.class_scores import class_scores, listed, most_confused
from cifar_tui.config import TrainingConfig
from cifar_tui.declarations import flag
from cifar_tui.events import Epoch, Evaluated
from cifar_tui.formatting import UNKNOWN, count, distance, duration, percent, plural
from cifar_tui.records import RunRecord
from cifar_tui.report.markdown_syntax import escape, picture, table
from cifar_tui.report.run_devices import host_rows, resumed_on, started_on
from cifar_tui.report.run_findings import conclusion, confidence
from cifar_tui.report.run_health import health_section
from cifar_tui.report.run_metrics import metrics_section
from cifar_tui.state.run_state import RunState
from cifar_tui.store.command_lines import run_command, shell_line, training_command

CONFUSED_PAIRS = 10
"""Pairs of confused classes that are listed, at most."""
NOTES = 50
"""Notes that are listed, at most: the last ones."""
OVERFITTING = 0.05
"""Training accuracy this far above validation accuracy counts as over-fitting; from two fifths of it on, as slight."""
UNDERFITTING = 0.10
"""Without over-fitting, this share of wrong images, in training and in validation, counts as under-fitting."""


def report_md(
    state: RunState, record: RunRecord, files: AbstractSet[str], calibration: Calibration | None = None
) -> str:
    """The report, in Markdown. Whatever comes from outside, such as class names, is shown as text.

    Args:
        state: The run, also while it trains.
        record: Its record.
        files: Names in the run's folder that the report may refer to; pictures that are not there are left out.
        calibration: Of its predictions for the test images, where they are known.
    """
    parts = [
        f"# {escape(record.options.model)} on {escape(record.dataset.name)}",
        _summary(state, record),
        _main_figures(state, record),
    ]
    if state.epochs:
        parts += ["## Learning", *picture("curves.png", "Learning curves", files), _fit(state.epochs, state.best)]
        if "metrics.csv" in files:
            parts.append("Every epoch's figures are in [metrics.csv](metrics.csv).")
    if state.test and state.started:
        parts += test_section(state.test, state.started.classes, files)
        if calibration is not None:
            parts += confidence(calibration, files)
    parts += metrics_section(state)
    parts += conclusion(state, calibration)
    parts += health_section(state)
    parts += notes_section(state)
    parts += _how_trained(state, record)
    parts += _commands(state, record)
    return "\n\n".join(parts) + "\n"


def _summary(state: RunState, record: RunRecord) -> str:
    dataset = record.dataset
    sentences = [
        f"The model {escape(record.options.model)}, with {count(record.parameters)} parameters, was trained "
        f"on {escape(dataset.name)}: {count(dataset.train)} training, {count(dataset.validation)} validation "
        f"and {count(dataset.test)} test images of {len(dataset.classes)} classes.",
        *([f"{escape(splits[:1].upper() + splits[1:])}."] if (splits := dataset.splits) else []),
        _ending(state, record.options.epochs),
    ]
    speed = state.training_speed or state.images_per_second
    at_speed = f", at {_speed(speed)}" if speed > 0 else ""
    sentences.append(
        f"It took {duration(_seconds(state))}{at_speed}, on {started_on(record)} in "
        f"{escape(record.precision)}"
        f"{''.join(f', and, resumed, on {where}' for where in resumed_on(state, record))}."
    )
    best = state.best
    if best is None:
        sentences.append("No epoch was completed, so there is no validation accuracy.")
    else:
        sentences.append(
            f"Validation accuracy was highest after epoch {count(best.epoch)}, with {percent(best.val_accuracy)}."
        )
    if state.test:
        sentences.append(
            f"**On the test images, the weights of epoch {count(state.test.epoch)} reach an accuracy of "
            f"{percent(state.test.accuracy)}.**"
        )
    else:
        sentences.append("There is no test result.")
    return " ".join(sentences)


def _ending(state: RunState, planned: int) -> str:
    """How the run ended, or its progress, in one sentence."""
    done = len(state.epochs)
    of = f"{count(done)} of {plural(planned, 'epoch')}"
    message = state.finished.message.strip().rstrip(".") if state.finished else ""
    match state.status:
        case "running" | "paused":
            return f"The run is {state.status}: {of} {'is' if done == 1 else 'are'} done."
        case "finished" if done >= planned:
            return f"Training ran to its planned end, {plural(planned, 'epoch')}."
        case "finished":
            sentence, message = (
                f"Early stopping ended the training after {of}",
                message.removeprefix("early stopping: "),
            )
        case "diverged":
            sentence = f"Training diverged after {of}"
        case "failed":
            sentence = f"The run failed after {of}"
        case ending:
            sentence = f"The run was {ending} after {of}"
    return f"{sentence}: {escape(message)}." if message else f"{sentence}."


def _main_figures(state: RunState, record: RunRecord) -> str:
    best, last = state.best, state.epochs[-1] if state.epochs else None
    rows = [("Run", escape(record.id)), ("State", state.status)]
    if state.test:
        right, images = sum(state.test.confusion.right), state.test.confusion.images
        rows += [
            ("Test accuracy", f"**{percent(state.test.accuracy)}** ({count(right)} of {count(images)})"),
            ("Test loss", _loss(state.test.loss)),
        ]
    if best:
        rows += [("Best validation accuracy", f"{percent(best.val_accuracy)}, after epoch {count(best.epoch)}")]
    if last:
        rows += [
            ("Validation accuracy after epoch 1", percent(state.epochs[0].val_accuracy)),
            ("Validation accuracy, last epoch", percent(last.val_accuracy)),
            ("Validation loss, last epoch", _loss(last.val_loss)),
            ("Training accuracy, last epoch", percent(last.train_accuracy)),
            ("Training loss, last epoch", _loss(last.train_loss)),
        ]
    rows += [
        ("Epochs", f"{count(len(state.epochs))} of {count(record.options.epochs)}"),
        ("Training images seen", count(state.samples)),
        ("Time", duration(_seconds(state))),
        ("Training speed", _speed(state.training_speed or state.images_per_second)),
        ("Parameters", count(record.parameters)),
    ]
    if last and last.slowest_rank is not None and last.slowest_images_per_second is not None:
        slowest = f"rank {last.slowest_rank}, {_speed(last.slowest_images_per_second)} on its own share"
        rows.insert(-1, ("Slowest process, last epoch", slowest))
    if state.resumptions:
        rows.append(("Resumed", plural(len(state.resumptions), "time")))
    return table(("", ""), rows, "lr")


def _fit(epochs: Sequence[Epoch], best: Epoch | None) -> str:
    """What the gap between training and validation says, with its figures."""
    last = epochs[-1]
    sentences = []
    if best and best is not last:
        sentences.append(f"After the best epoch, {count(best.epoch)}, {_gap(best)}.")
    sentences.append(f"After the last epoch, {count(last.epoch)}, {_gap(last)}.")
    lowest = min(epochs, key=lambda e: e.val_loss if math.isfinite(e.val_loss) else math.inf)
    if 1.1 * lowest.val_loss < last.val_loss < math.inf:
        sentences.append(
            f"Validation loss was lowest after epoch {count(lowest.epoch)} ({_loss(lowest.val_loss)}) and rose to "
            f"{_loss(last.val_loss)} by the end."
        )
    sentences.append(_verdict(epochs))
    sentences.append(
        "Training accuracy is measured while the model learns, with augmentation and dropout on; validation accuracy "
        "after the epoch, without them: it may well be the higher one."
    )
    return " ".join(sentences)


def _gap(epoch: Epoch) -> str:
    gap = epoch.train_accuracy - epoch.val_accuracy
    where = f"{distance(gap)} {'above' if gap >= 0 else 'below'} validation" if math.isfinite(gap) else "not comparable"
    return (
        f"accuracy was {percent(epoch.train_accuracy)} in training and {percent(epoch.val_accuracy)} in validation: "
        f"training is {where}"
    )


def _verdict(epochs: Sequence[Epoch]) -> str:
    last = epochs[-1]
    gap, wrong = last.train_accuracy - last.val_accuracy, 1 - last.train_accuracy
    if not all(map(math.isfinite, (gap, last.train_loss, last.val_loss))):
        return "The last figures are not all numbers, so over- and under-fitting cannot be judged."
    if len(epochs) == 1:
        return "One epoch says little about over- or under-fitting."
    if gap >= OVERFITTING:
        return "**The model over-fits**: it does clearly better on the images that it learns from than on others."
    if gap >= 0.4 * OVERFITTING:
        return "**The model over-fits slightly.**"
    if min(wrong, 1 - last.val_accuracy) >= UNDERFITTING:
        return (
            f"There is no over-fitting but **under-fitting**: {percent(wrong)} of the training images and "
            f"{percent(1 - last.val_accuracy)} of the validation images were still misclassified."
        )
    return "Neither over- nor under-fitting shows."


def test_section(test: Evaluated, classes: Sequence[str], files: AbstractSet[str]) -> list[str]:
    """The test result: the scores of the classes, the most confused pairs, pictures."""
    scores = class_scores(test.confusion, classes)
    shown = [scores[k] for k in listed(len(scores), lambda k: -scores[k].recall)]
    rows = [
        (
            escape(score.name),
            f"{count(score.right)} of {count(score.images)}",
            percent(score.recall),
            percent(score.precision),
        )
        for score in shown
    ]
    parts = [
        "## Test, class by class",
        *(
            [f"The {len(shown)} of {count(len(scores))} classes with the lowest recall:"]
            if len(shown) < len(scores)
            else []
        ),
        table(("class", "right", "accuracy (recall)", "precision"), rows, "lrrr"),
        "Recall is the share of a class's images that are predicted as it; precision is the share of the images "
        "predicted as a class that belong to it.",
    ]
    pairs = most_confused(test.confusion, classes, CONFUSED_PAIRS)
    if pairs:
        lines = [
            f"- {count(pair.count)} of {count(pair.images)} “{escape(pair.true)}” predicted as "
            f"“{escape(pair.predicted)}” ({percent(pair.count / pair.images)})"
            for pair in pairs
        ]
        parts += ["Most often confused:", "\n".join(lines)]
    else:
        parts.append("No test image was misclassified.")
    parts += picture("confusion_matrix.png", "Confusion matrix", files)
    if "confusion_matrix.csv" in files:
        parts.append("The counts are in [confusion_matrix.csv](confusion_matrix.csv).")
    return parts + picture("predictions.png", "Test images with their predicted and their true class", files)


def notes_section(state: RunState) -> list[str]:
    """The run's notes, the last ones, without those of the health check."""
    notes = [note for note in state.notes if note.level != "debug" and not note.topic]
    if not notes:
        return []
    lines = [f"- {duration(note.t)}, {note.level}: {escape(note.message)}" for note in notes[-NOTES:]]
    if len(notes) > NOTES:
        lines.insert(0, f"- ({count(len(notes) - NOTES)} earlier ones left out)")
    return ["## Notes of the run", "\n".join(lines)]


def _how_trained(state: RunState, record: RunRecord) -> list[str]:
    defaults = TrainingConfig().to_dict()
    rows = [
        (escape(flag(key)), _value(value), _value(defaults[key])) for key, value in record.options.to_dict().items()
    ]
    versions = ", ".join(f"{escape(name)} {escape(version)}" for name, version in record.versions.items())
    facts = [
        ("Started", escape(record.created)),
        ("Devices" if record.processes else "Device", started_on(record)),
        *host_rows(record),
        ("Precision", escape(record.precision)),
        ("CPU threads of each process" if record.processes else "CPU threads", count(record.threads)),
        *(("Resumed on", where) for where in resumed_on(state, record)),
        ("Seed", str(record.seed)),
        ("Dataset fingerprint (SHA-256)", escape(record.dataset.fingerprint)),
        ("Versions", versions),
    ]
    return [
        "## How it was trained",
        f"By the recipe {escape(record.options.recipe)}, with these options:",
        table(("option", "value", "default"), rows, "lll"),
        "and under these conditions:",
        table(("", ""), facts, "ll"),
    ]


def _commands(state: RunState, record: RunRecord) -> list[str]:
    """The command lines that train it again, resume it, and evaluate it."""
    parts = [
        "## Run it again",
        "To train the same again:",
        shell_block(training_command(record.options, record.runs_dir)),
        "Each of its processes was started, by `--devices` or by a launcher such as `torchrun`, as:"
        if record.processes
        else "It was started as:",
        shell_block(record.command),
        "For results equal to the last bit, use the same versions, device, precision and number of "
        f"{'processes and of their threads' if record.processes else 'threads'} too.",
    ]
    if state.status == "diverged":
        lower = f"--max-lr {record.options.max_lr / 3:.2g}"
        parts.append(f"Training that diverges mostly has too high a learning rate: try a lower one, such as `{lower}`.")
    elif state.status != "finished" and state.checkpoint:
        parts += [
            "To resume from the last checkpoint:",
            shell_block(run_command("resume", record.id, record.runs_dir)),
        ]
    if state.checkpoint:
        parts += ["To evaluate it:", shell_block(run_command("evaluate", record.id, record.runs_dir))]
    return parts


def shell_block(words: Sequence[str]) -> str:
    """A command line."""
    return f"```sh\n{shell_line(words)}\n```"


def _value(value: object) -> str:
    return UNKNOWN if value is None else escape(str(value))


def _loss(value: float) -> str:
    return (f"{value:.4f}" if abs(value) < 1e4 else f"{value:.4g}") if math.isfinite(value) else UNKNOWN


def _speed(images_per_second: float) -> str:
    if not math.isfinite(images_per_second):
        return UNKNOWN
    return f"{images_per_second:,.0f} images/s" if images_per_second >= 10 else f"{images_per_second:.1f} images/s"


def _seconds(state: RunState) -> float:
    return state.finished.seconds if state.finished else state.seconds
