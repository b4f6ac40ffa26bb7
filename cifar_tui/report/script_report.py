"""`report.md` of a training that a script has recorded: what is known of it, in words and pictures."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from cifar_tui.analysis.class_scores import class_names
from cifar_tui.formatting import UNKNOWN, count, duration, percent, plural, rate
from cifar_tui.records import ScriptRecord
from cifar_tui.report.markdown_syntax import escape, picture, table
from cifar_tui.report.run_health import health_section
from cifar_tui.report.run_metrics import figure, metrics_section
from cifar_tui.report.run_report import notes_section, shell_block, test_section
from cifar_tui.state.run_state import RunState


def script_report_md(state: RunState, record: ScriptRecord, files: AbstractSet[str]) -> str:
    """The report, in Markdown. Whatever comes from outside, such as names of values, is shown as text.

    Args:
        state: The run, also while it trains.
        record: Its record.
        files: Names in the run's folder that the report may refer to.
    """
    title = f"# {escape(record.model)}{f' on {escape(record.data)}' if record.data else ''}"
    parts = [title, table(("", ""), _figures(state, record), "ll")]
    if state.epochs:
        parts += ["## Learning", *picture("curves.png", "Learning curves", files)]
        parts.append("Every epoch's figures are in [metrics.csv](metrics.csv).")
    parts += metrics_section(state)
    if state.test and state.started and state.test.confusion:
        parts += test_section(state.test, class_names(state.started.classes, state.test.confusion), files)
    parts += health_section(state)
    parts += notes_section(state)
    if record.config:
        options = [(escape(name), escape(value)) for name, value in record.config.items()]
        parts += ["## Options of the script", table(("option", "value"), options, "ll")]
    parts += ["## How it was started", shell_block(record.command)]
    return "\n\n".join(parts) + "\n"


def _figures(state: RunState, record: ScriptRecord) -> list[tuple[str, str]]:
    message = f": {escape(state.finished.message)}" if state.finished and state.finished.message else ""
    planned = state.started.epochs if state.started else None
    out_of_all = f" of {count(planned)}" if planned else ""
    unit = state.started.unit if state.started else "images"
    rows = [
        ("Run", escape(record.id)),
        ("State", f"{state.status}{message}"),
        ("Epochs", UNKNOWN if state.counts_no_epochs else count(len(state.epochs)) + out_of_all),
        ("Steps" if unit == "steps" else "Images seen", count(state.samples)),
        ("Time", duration(state.seconds)),
        ("Training speed", rate(state.training_speed or state.images_per_second, unit)),
        ("Started", escape(record.created)),
    ]
    if state.best:
        found = f"{percent(state.best.val_accuracy)}, after epoch {count(state.best.epoch)}"
        rows.append(("Best validation accuracy", found))
    if by_loss := state.best_by_loss:
        rows.append(("Lowest validation loss", f"{figure(by_loss.val_loss)}, after epoch {count(by_loss.epoch)}"))
    if state.epochs:
        last = state.epochs[-1]
        rows += [("Training loss, last epoch", figure(last.train_loss))]
        rows += [("Validation loss, last epoch", figure(last.val_loss))]
    if state.test:
        rows += [("Test loss", figure(state.test.loss)), ("Test accuracy", percent(state.test.accuracy))]
    rows = [(name, value) for name, value in rows if not value.startswith(UNKNOWN)]
    if state.resumptions:
        rows.append(("Pauses", plural(len(state.resumptions), "pause")))
    rows.append(
        ("Versions", ", ".join(f"{escape(name)} {escape(version)}" for name, version in record.versions.items()))
    )
    return rows
