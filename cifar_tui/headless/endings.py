"""How runs ended, as printed at their end: results, errors, a comparison, the exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from cifar_tui.errors import InputError
from cifar_tui.events import RunFinished
from cifar_tui.formatting import printable
from cifar_tui.headless.displays import Display, FaultTolerantDisplay
from cifar_tui.runs.failures import explain
from cifar_tui.runs.run import Run, exit_status
from cifar_tui.state.run_state import RunState


@dataclass(slots=True, eq=False)
class ShownRun:
    """A run whose messages are shown.

    Attributes:
        state: What its events amount to so far.
        display: Where it is shown.
        resumed_from: How it had ended before it was resumed.
    """

    run: Run
    state: RunState
    display: FaultTolerantDisplay
    resumed_from: RunFinished | None = None

    @property
    def ended(self) -> bool:
        """Whether its training has ended, well or badly."""
        return self.state.finished is not None and self.state.finished is not self.resumed_from

    def continue_from(self, state: RunState) -> None:
        """Show a run that was under way before, with what its events have come to."""
        self.state, self.resumed_from = state, state.finished


def report_end(shown: ShownRun, *, debug: bool) -> None:
    """Print how a run ended whose thread is done; with `debug`, an error with its traceback."""
    run = shown.run
    if run.error is not None:
        _print_error(run, run.error, debug=debug)
    elif not shown.ended:
        shown.display.notice("ended before training started; nothing was changed")
    if shown.ended and run.folder is not None and not run.lost:
        shown.display.result(shown.state, run.folder.path)


def print_comparison(states: Sequence[RunState], display: Display) -> None:
    """Print a comparison where several runs ended."""
    if len(states) > 1:
        display.comparison(list(states))


def first_failure(runs: Sequence[ShownRun]) -> int:
    """The first exit status of these runs that is not 0; else 0."""
    return next((status for each in runs if (status := exit_status(each.run, each.state))), 0)


def short_names(runs: Sequence[Run]) -> list[str]:
    """What tells runs apart: what their ids end in, or where that is the same, the whole id."""
    short = [run.folder.id.split("-", 2)[-1] if run.folder else run.config.run_name for run in runs]
    return [
        printable(name if short.count(name) == 1 else run.folder.id if run.folder else f"{name} {number}")
        for number, (run, name) in enumerate(zip(runs, short, strict=True), 1)
    ]


def _print_error(run: Run, error: BaseException, *, debug: bool) -> None:
    if debug:
        print(run.traceback, file=sys.stderr)
    # A wrong option names itself; an error of the training is this run's.
    where = "" if run.folder is None or isinstance(error, InputError) else f"{run.folder.id}: "
    print(f"cifar-tui: {printable(where + explain(error, run.config))}", file=sys.stderr)
