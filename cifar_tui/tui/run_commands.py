"""What the keys about runs do: actions of the key table's namespace `commands`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.dom import DOMNode

from cifar_tui.config import TrainingConfig
from cifar_tui.tui.dialogs.command_context import CommandContext
from cifar_tui.tui.dialogs.consent import ModelConsent
from cifar_tui.tui.dialogs.run_starter import RunStarter
from cifar_tui.tui.main_screen import MainScreen
from cifar_tui.tui.runs.copied_options import copied_options
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.source import is_script, recorded_by, refusal, source
from cifar_tui.tui.runtime import background

if TYPE_CHECKING:
    from cifar_tui.records import Overrides
    from cifar_tui.runs.prediction import PredictedFiles
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.tui.charts.options import Limits
    from cifar_tui.tui.dialogs.new_run import NewRunRequest
    from cifar_tui.tui.dialogs.questions import Question
    from cifar_tui.tui.dialogs.series_chooser import Choice


class RunCommands(DOMNode):
    """Acts on the selected run, after asking where that is due. A node, since Textual has actions on nothing else."""

    def __init__(self, context: CommandContext, main: Callable[[], MainScreen], runs_dir: Path) -> None:
        """Act on the runs of a list.

        Args:
            context: The list, and what else commands need.
            main: Gives the main screen, once there is one.
            runs_dir: The folder of the runs.
        """
        super().__init__()
        self.consent = ModelConsent(context)
        self._starter = RunStarter(context)
        self._app, self._main = context.app, main
        self._runs, self._runs_dir, self._workspace = context.runs, runs_dir, context.workspace
        self._log, self._look = context.log, context.look
        self._changed, self._rows_changed = context.changed, context.rows_changed
        self._asked_to_stop: tuple[Entry, Question[Literal["stop"]]] | None = None
        self._image_files = ""
        """The line of names that was typed last."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While something is typed, keys are text."""
        return self._main().allows(action)

    def action_start_stop(self) -> None:
        """Start the selected run, or ask whether to stop it."""
        if (entry := self._main().selected) is None:
            return
        if source(entry) and not (entry.live and is_script(entry)):
            self._log.write(refusal(entry, "stopped" if entry.live else "started"), level="warning")
        elif not entry.live:
            self._starter.start([entry])
        elif entry.status == "stopping":
            self._log.write("already stopping after this batch", entry)
        else:
            from cifar_tui.tui.dialogs.questions import stop_question

            question = stop_question(entry.full_name, self._look(), of_script=is_script(entry))
            self._asked_to_stop = entry, question
            self._app.push_screen(question, functools.partial(self._stop, entry))

    def withdraw_question(self) -> None:
        """Close the question whether to stop a run that has come to its end meanwhile."""
        if self._asked_to_stop is not None and not self._asked_to_stop[0].live:
            entry, question = self._asked_to_stop
            question.answer(None)
            self._log.write("has ended: there is nothing to stop", entry)

    def _stop(self, entry: Entry, answer: str | None) -> None:
        self._asked_to_stop = None
        if answer == "stop" and entry.live:
            with self._log.refusals():
                self._runs.stop(entry)
                self._log.write(f"stopping after this batch{_checkpoint(entry)} …", entry)
            self._changed(entry)

    def action_start_all(self) -> None:
        """Start all runs that are ready."""
        ready = [entry for entry in self._runs if entry.status == "ready"]
        self._starter.start(ready)
        if not ready:
            self._log.write("no run is ready: n creates a new one")

    def action_pause(self) -> None:
        """Pause the selected run, or resume it."""
        if (entry := self._main().selected) is None:
            return
        if source(entry) and not is_script(entry):
            self._log.write(refusal(entry, "paused"), level="warning")
            return
        with self._log.refusals():
            self._runs.toggle_pause(entry)
            pausing = entry.status == "pausing"
            self._log.write(f"pausing after this batch{_checkpoint(entry)} …" if pausing else "resuming …", entry)
        self._changed(entry)

    def action_resume(self) -> None:
        """Resume a run that ended before its last epoch, or one that is paused."""
        if (entry := self._main().selected) is None:
            return
        if entry.status in ("paused", "pausing"):
            self.action_pause()
        elif source(entry):
            self._log.write(refusal(entry, "resumed"), level="warning")
        else:
            self.consent.ask(entry, functools.partial(self.resume, entry))

    def resume(self, entry: Entry, overrides: Overrides | None = None) -> None:
        """Resume a run, with these options in place of its own."""
        with self._log.refusals():
            folder = self._runs.resumable(entry)
            if ((overrides and overrides.devices) or self._runs.options(entry).devices) == "1":
                self._log.write("resuming from its last checkpoint …", entry)
                # Making the workspace imports what trains.
                resume = functools.partial(self._resume_here, entry, overrides)
                background.run(self._workspace, resume, self._log.write_error)
            else:
                self._starter.start_detached(folder, entry, overrides)
        self._changed(entry)

    def _resume_here(self, entry: Entry, overrides: Overrides | None, _: Workspace) -> None:
        if not self._app.leaving:  # Nobody would stop this run.
            with self._log.refusals():
                self._runs.resume(entry, overrides)
            self._changed(entry)

    def action_new_run(self) -> None:
        """Fill in a form for a new run."""
        from cifar_tui.tui.dialogs.new_run import NewRun

        options = TrainingConfig()
        entry = self._main().selected
        if entry is not None and source(entry):
            self._log.write(f"{entry.full_name} has options of its own: the form has this program's defaults")
        elif entry is not None:
            with self._log.refusals():
                options, problem = copied_options(self._runs, entry, self._runs_dir)
                if problem:
                    self._log.write(problem, entry, "warning")
        self._app.push_screen(NewRun(options, self._look()), self._create_run)

    def _create_run(self, request: NewRunRequest | None) -> None:
        if request is None:
            return
        config = request.config
        with self._log.refusals():
            if config.model_dir is not None:
                from cifar_tui.models import user_class

                user_class.allow(config.model, config.model_dir, (self._runs_dir,))
            if request.detached:
                self._starter.start_detached(config)
            else:
                entry = self._runs.add(config)
                self._rows_changed()
                self._main().table.select(entry)
                self._log.write("is ready: s starts it", entry)

    def action_series(self) -> None:
        """Ask which series of the runs that are shown to draw, and draw it."""
        from cifar_tui.tui.dialogs.series_chooser import SeriesChooser

        main = self._main()
        if main.selected is None or (views := main.views) is None:
            return

        def draw(choice: Choice | None) -> None:
            if choice is not None:
                views.draw_series(None if choice == "both" else choice)

        states = [run.started for run in views.chart_area.deck.runs if run.started is not None]
        self._app.push_screen(SeriesChooser(states, views.chart_area.deck.opened, self._look()), draw)

    def action_limits(self) -> None:
        """Ask for the limits of the axes of the charts that are shown."""
        from cifar_tui.tui.dialogs.axis_limits import AxisLimits

        if (views := self._main().views) is None:
            return
        area = views.chart_area

        def apply(limits: Limits | None) -> None:
            if limits is not None:
                area.set_limits(limits)

        self._app.push_screen(AxisLimits(self._look()), apply)

    def action_report(self) -> None:
        """Write the selected run's report and plots now."""
        if (entry := self._main().selected) is None:
            return
        folder, log = entry.folder, self._log
        if entry.log is not None:
            log.write(refusal(entry, "reported on"), level="warning")
            return
        if folder is None:
            log.write("has no folder yet: s starts it", entry, "warning")
            return

        def write() -> list[str]:
            from cifar_tui.runs.workspace import write_report

            return write_report(folder)

        def done(problems: list[str]) -> None:
            for problem in problems:
                log.write(problem, entry, "warning")
            log.write(f"report written: {folder.path / 'report.md'}", entry)

        log.write("writing its report …", entry)
        background.run(write, done, log.write_error)

    def action_predict(self) -> None:
        """Ask for image files, and show their predictions by the selected run's best weights."""
        if (entry := self._main().selected) is None:
            return
        from cifar_tui.tui.dialogs.image_files import ImageFiles
        from cifar_tui.tui.images.file_images import omitted
        from cifar_tui.tui.images.image_loader import has_weights

        # The dialog opens all the same: what is typed for it would act on the panels.
        known = entry.folder is not None and not source(entry) and has_weights(entry)
        why_not = "" if known else f"{entry.full_name} has no best weights yet: they come with the end of an epoch"
        if source(entry):
            why_not = f"{entry.full_name} is recorded by {recorded_by(entry)}: its weights are not here to predict with"
        dialog = ImageFiles(entry.full_name, self._look(), typed=self._image_files, why_not=why_not)

        def done(found: PredictedFiles) -> None:
            for problem in omitted(found):
                self._log.write(problem, entry, "warning")

        def predict(names: tuple[str, ...] | None) -> None:
            self._image_files = dialog.typed
            views = self._main().views
            if names and views is not None:
                failed = functools.partial(self._log.write, entry=entry, level="warning")
                # After the path is typed, which is not to answer the question.
                self.consent.ask(entry, lambda: views.predict(entry, names, done, failed))

        self._app.push_screen(dialog, predict)


def _checkpoint(entry: Entry) -> str:
    """What happens besides: a script saves its own checkpoints."""
    return "" if source(entry) else ", with a checkpoint"
