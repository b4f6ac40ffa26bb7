"""Runs as shown on a terminal without the dashboard: a line an epoch above two progress bars."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from cifar_tui.events import AnyEvent, Batch, RunStarted
from cifar_tui.formatting import duration, of_planned, percent, printable, rate
from cifar_tui.headless.displays import Display
from cifar_tui.headless.tables import comparison_table
from cifar_tui.report.event_lines import event_line, result_line
from cifar_tui.runs.messages import Loading
from cifar_tui.state.run_state import RunState
from cifar_tui.system import output


class ProgressDisplay(Display):
    """Two bars, the epoch's and the run's, with the metrics of the last batches."""

    def __init__(self) -> None:
        self._console = Console(file=output.stream(), highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}", markup=False),
            console=self._console,
            refresh_per_second=4,
            transient=True,
            # What others print stands above the bars, where it goes to a terminal too.
            redirect_stdout=sys.stderr.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._loading: TaskID | None = None
        self._epoch: TaskID | None = None
        self._run: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def loading(self, loading: Loading) -> None:
        """One bar for the step that is under way."""
        if self._loading is None:
            self._loading = self._add("")
        figures = f"{100 * loading.done // loading.total} %" if loading.total else ""
        self._progress.update(
            self._loading,
            description=printable(loading.what),
            completed=loading.done,
            total=loading.total or None,
            figures=figures,
        )

    def event(self, event: AnyEvent, state: RunState) -> None:
        """The bars follow the batches; what is worth keeping is printed above them."""
        line = event_line(event, state, self._console.width)
        if line:
            self._console.print(Text(line))
        if state.started is None:
            return
        if self._epoch is None or self._run is None or isinstance(event, RunStarted):
            self._clear()
            self._epoch, self._run = self._add(""), self._add("")
        started = state.started
        if isinstance(event, Batch):
            parts = [
                of_planned(event.batch, event.batches or None),
                f"loss {state.loss:.4f}" if math.isfinite(state.loss) else "",
                f"accuracy {percent(state.accuracy)}" if math.isfinite(state.accuracy) else "",
                f"lr {event.lr:.2e}" if math.isfinite(event.lr) else "",
                rate(event.images_per_second, started.unit) if math.isfinite(event.images_per_second) else "",
            ]
            figures = "  ".join(filter(None, parts))
            self._progress.update(
                self._epoch,
                description=f"epoch {of_planned(event.epoch, started.epochs)}",
                completed=event.batch,
                total=event.batches or None,
                figures=figures,
            )
        planned = math.isfinite(state.progress)
        eta = f"  {duration(state.eta)} left" if math.isfinite(state.eta) else ""
        best = f"  best {percent(state.best.val_accuracy)} in epoch {state.best.epoch}" if state.best else ""
        if (by_loss := state.best_by_loss) is not None:
            best = f"  best val loss {by_loss.val_loss:.4f} in epoch {by_loss.epoch}"
        self._progress.update(
            self._run,
            description=printable(started.model),
            completed=state.progress if planned else 0.0,
            total=1.0 if planned else None,
            figures=f"{math.floor(100 * state.progress)} %{eta}{best}" if planned else best.strip(),
        )

    def result(self, state: RunState, folder: Path) -> None:
        """One line, in place of the bars."""
        self._clear()
        if state.finished is not None:
            self._console.print(Text(result_line(state, state.finished, folder), style="bold"))

    def comparison(self, states: list[RunState]) -> None:
        """A table."""
        self._console.print(comparison_table(states, self._console.width))

    def notice(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(Text(printable(text)))

    def abort(self) -> None:
        """Show the cursor again."""
        # Not print: this is a signal's handler, and may have interrupted a print.
        with contextlib.suppress(OSError):
            os.write(output.descriptor(), b"\x1b[?25h\n")

    def _add(self, description: str) -> TaskID:
        return self._progress.add_task(description, total=None, figures="")

    def _clear(self) -> None:
        for task in (self._loading, self._epoch, self._run):
            if task is not None:
                self._progress.remove_task(task)
        self._loading = self._epoch = self._run = None
