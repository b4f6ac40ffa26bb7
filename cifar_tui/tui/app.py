"""The dashboard: what its keys do."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError
from cifar_tui.formatting import plural
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.tui import keys
from cifar_tui.tui.dialogs import consent
from cifar_tui.tui.live import LiveApp
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime import background

if TYPE_CHECKING:
    from textual.widgets import Input

    from cifar_tui.runs.prediction import PredictedFiles
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.tui.dialogs.new_run import NewRunRequest


class Dashboard(LiveApp):
    """The keys that are about runs have their actions here; those about the panels, on the panels' screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("app")]

    def __init__(
        self,
        runs_dir: Path,
        configs: Sequence[TrainingConfig],
        session: Callable[[], Workspace],
        *,
        start: bool = False,
        light: bool = False,
        ascii_only: bool = False,
        graphics: str = "blocks",
        select: str = "",
        resume: Overrides | None = None,
    ) -> None:
        """Prepare as `LiveApp` does; with `start`, the ready runs are started at once.

        With `resume`, the run of the id `select` goes on, with what is given there instead of what it was made with.
        """
        super().__init__(
            runs_dir, configs, session, light=light, ascii_only=ascii_only, graphics=graphics, select=select
        )
        self._start = start
        self._to_resume = resume
        self._unsure: set[Entry] = set()
        """Those whose images are looked for."""
        self._image_files = ""
        """The line of names that was typed last."""

    def action_command_palette(self) -> None:
        """Find what a key does by its name."""
        from cifar_tui.tui.dialogs.palette import Palette

        # The key for it is Textual's, and works before questions too, which it is not to cover.
        if self.screen is self.main:
            self.push_screen(Palette(self.look), self._do)

    async def _do(self, key: keys.Key | None) -> None:
        if key is not None:
            await self.run_action(key.action, self.main if key.group in keys.PANEL_GROUPS else self)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As on the panels' screen."""
        return self.main.check_action(action, parameters)

    def started(self) -> None:
        """Start what is to be started at once."""
        if self._start:
            self.action_start_all()

    def found(self, entry: Entry) -> None:
        """Have the run that was asked for go on, if that was asked for."""
        if self._to_resume is not None:
            self._resume(entry, self._to_resume)
            self._to_resume = None

    def action_start_stop(self) -> None:
        """Start the selected run, or ask whether to stop it."""
        entry = self.selected
        if entry is None:
            return
        if not entry.under_way and not entry.elsewhere:
            self._start_runs([entry])
        elif entry.status == "stopping":
            self.say("is stopping already, after this batch", entry)
        else:
            from cifar_tui.tui.dialogs.questions import stop_question

            self.push_screen(stop_question(entry.name, self.look), functools.partial(self._stop, entry))

    def _stop(self, entry: Entry, answer: str | None) -> None:
        if answer == "stop" and (entry.under_way or entry.elsewhere):
            with self.refusals():
                self.roster.stop(entry)
                self.say("stopping after this batch; it will be saved …", entry)
            self.draw_now(entry)

    def _start_runs(self, entries: Iterable[Entry]) -> None:
        """Start runs; ask first, once for all, where their images would have to be fetched."""
        unsure = []
        for entry in entries:
            with self.refusals():
                config = self.roster.startable(entry)
                if config.data != "cifar10":
                    self._begin(entry)
                elif entry not in self._unsure:
                    unsure.append((entry, config))
        if unsure:
            self._unsure |= {entry for entry, _ in unsure}
            self.say("looking for CIFAR-10 …")
            background.run(
                lambda: [(entry, self.session().missing_data_dir(config)) for entry, config in unsure],
                self._start_or_ask,
                functools.partial(self._not_found, unsure),
            )

    def _not_found(self, unsure: list[tuple[Entry, TrainingConfig]], error: Exception) -> None:
        self._unsure -= {entry for entry, _ in unsure}
        self.say_failed(error)

    def _start_or_ask(self, found: list[tuple[Entry, Path | None]]) -> None:
        lacking = [entry for entry, missing in found if missing]
        for entry, missing in found:
            self._unsure.discard(entry)
            if missing is None:
                self._begin(entry)
        if lacking:
            from cifar_tui.tui.dialogs.questions import missing_data_question

            where = next(str(missing) for _, missing in found if missing)
            self.push_screen(missing_data_question(where, self.look), functools.partial(self._provide, lacking))

    def _provide(self, entries: list[Entry], answer: tuple[str, str] | None) -> None:
        """What to train on, where CIFAR-10 is not here: it fetched, a folder, or the digits."""
        if answer is None:
            return
        choice, folder = answer
        instead: dict[str, dict[str, Any]] = {
            "digits": {"data": "digits"},
            "data": {"data": folder},
            "data_dir": {"data_dir": folder},
        }
        for entry in entries:
            if entry.config is not None:
                entry.config = replace(entry.config, **instead.get(choice, {}))
            self._begin(entry)

    def _begin(self, entry: Entry) -> None:
        if self.leaving:
            return  # It was left while something was looked for: nobody would stop this run.
        with self.refusals():
            self.roster.start(entry)
            self.say("starting …", entry)
        self.watch_devices()
        self.draw_now(entry)

    def action_start_all(self) -> None:
        """Start all runs that are ready."""
        ready = [entry for entry in self.roster if entry.status == "ready"]
        self._start_runs(ready)
        if not ready:
            self.say("no run is ready: n makes a new one")

    def action_pause(self) -> None:
        """Pause the selected run, or let it go on."""
        if (entry := self.selected) is None:
            return
        with self.refusals():
            self.roster.pause(entry)
            pausing = entry.status == "pausing"
            self.say("pausing after this batch; it will be saved …" if pausing else "going on …", entry)
        self.draw_now(entry)

    def action_resume(self) -> None:
        """Go on with a run that ended before its end; a pause is over too."""
        if (entry := self.selected) is None:
            return
        if entry.status in ("paused", "pausing"):
            self.action_pause()
            return
        consent.with_class(self, entry, functools.partial(self._resume, entry))

    def _resume(self, entry: Entry, given: Overrides = NO_OVERRIDES) -> None:
        with self.refusals():
            self.roster.resume(entry, given)
            self.say("resuming from its last checkpoint …", entry)
        self.watch_devices()
        self.draw_now(entry)

    def action_new_run(self) -> None:
        """Fill in a form for a new run."""
        from cifar_tui.tui.dialogs.new_run import NewRun

        options = TrainingConfig()
        with self.refusals():
            options = self._options_of(self.selected) if self.selected else options
        self.push_screen(NewRun(options, self.look), self._add)

    def _options_of(self, entry: Entry) -> TrainingConfig:
        """A run's options for a new one: without a class that a run from anybody names, and the user has not.

        Raises:
            CifarTuiError: Its configuration is damaged.
        """
        options = self.roster.options(entry)
        if entry.folder is not None and not entry.under_way:
            from cifar_tui.models import user_class

            try:
                unknown = user_class.untrusted(options.model, options.model_dir, (self._runs_dir, entry.folder.path))
            except CifarTuiError as error:
                self.say(str(error), entry, "warning")
                return replace(options, model=TrainingConfig().model, model_dir=None)
            if unknown is not None:
                self.say(f"{unknown.model} is not filled in: train it by name first", entry, "warning")
                return replace(options, model=TrainingConfig().model, model_dir=None)
        return options

    def _add(self, wanted: NewRunRequest | None) -> None:
        if wanted is None:
            return
        config = wanted.config
        if config.model_dir is not None:
            from cifar_tui.models import user_class

            try:
                user_class.allow(config.model, config.model_dir, (self._runs_dir,))
            except CifarTuiError as error:
                self.say(str(error), level="warning")
                return
        if wanted.detached:
            from cifar_tui.runs import detached

            def start() -> str:
                mirrored = self.session().tensorboard
                return detached.start([config], self._runs_dir, self.printed, tensorboard=mirrored)[0]

            self.say(f"starting {config.run_name} in the background …")
            background.run(
                start,
                lambda run_id: self.say(f"{run_id} trains in the background, whatever becomes of this terminal"),
                self.say_failed,
            )
        else:
            entry = self.roster.add(config)
            self.fill()
            self.main.runs.select(entry)
            self.say("is ready: s starts it", entry)

    def action_mark(self) -> None:
        """Mark the selected run, or take its mark away."""
        if (entry := self.selected) is None:
            return
        entry.marked = not entry.marked
        self._read_marked()
        self.main.runs.update(entry)
        self.main.mark(self.roster.marked)
        self.say(f"{plural(len(self.roster.marked), 'run')} marked; c compares them")

    def action_compare(self) -> None:
        """Compare the marked runs."""
        self._read_marked()
        self.main.mark(self.roster.marked)
        self.main.show_view("compare")

    def _read_marked(self) -> None:
        for entry in self.roster.marked:
            if entry.folder is not None and entry.to_be_read:
                self.read_events(entry)
        self.follow()

    def action_report(self) -> None:
        """Write the selected run's report and pictures now."""
        if (entry := self.selected) is None:
            return
        folder = entry.folder
        if folder is None:
            self.say("has no folder yet: s starts it", entry, "warning")
            return
        from cifar_tui.runs.workspace import write_report

        def done(problems: list[str]) -> None:
            for problem in problems:
                self.say(problem, entry, "warning")
            self.say(f"its report is {folder.path / 'report.md'}", entry)

        self.say("writing its report …", entry)
        background.run(functools.partial(write_report, folder), done, self.say_failed)

    def action_predict(self) -> None:
        """Ask for image files, and show what the selected run's best weights take them for."""
        if (entry := self.selected) is None:
            return
        from cifar_tui.tui.dialogs.image_files import ImageFiles
        from cifar_tui.tui.images.file_images import omitted
        from cifar_tui.tui.images.image_loader import has_weights

        # The box is there all the same: what is typed for it would act on the panels.
        known = entry.folder is not None and has_weights(entry)
        why_not = "" if known else f"{entry.name} has no best weights yet: they come with the end of an epoch"
        box = ImageFiles(entry.name, self.look, typed=self._image_files, why_not=why_not)

        def done(found: PredictedFiles) -> None:
            for words in omitted(found):
                self.say(words, entry, "warning")

        def predict(names: tuple[str, ...] | None) -> None:
            self._image_files = box.typed
            if names:
                failed = functools.partial(self.say, entry=entry, level="warning")
                # After the path is typed, which is not to answer the question.
                consent.with_class(self, entry, lambda: self.main.predict(entry, names, done, failed))

        self.push_screen(box, predict)

    def action_filter(self) -> None:
        """Type what the runs' rows must say; from the matrix, a class's name."""
        if self.main.in_matrix:
            self.main.find_class()
        else:
            self.main.show_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter is typed, or a class's name."""
        if event.input.id == "finder" and not self.leaving and self.main.views is not None:
            self.main.views.confusion.find(event.value)
        if event.input.id == "filter" and not self.leaving:
            self.filter_words = event.value.lower().split()
            self.fill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter is as it should be, or the next class is wanted."""
        if event.input.id == "finder" and not self.leaving and self.main.views is not None:
            self.main.views.confusion.find_next()
        if event.input.id == "filter" and not self.leaving:
            self.main.set_focus(None)

    def action_leave(self) -> None:
        """Take away what stands in the way: the filter, a cursor, an epoch that is not the newest, the images."""
        if not self.main.hide_finder() and not self.main.hide_filter():
            self.main.leave_view()

    def action_theme(self) -> None:
        """Dark, or light."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"
        self.main.restyle(self.look)
        self._head()

    def action_help(self) -> None:
        """All keys."""
        from cifar_tui.tui.dialogs.help import Help

        self.push_screen(Help(self.look))

    async def action_quit(self) -> None:
        """Textual's own key for leaving asks too."""
        if self.screen is self.main:
            self.action_leave_app()

    def action_leave_app(self) -> None:
        """Quit, or ask what is to become of the runs under way."""
        names = [entry.name for entry in self.roster.under_way]
        if not names:
            self.exit()
            return
        from cifar_tui.tui.dialogs.questions import quit_question

        self.push_screen(quit_question(names, self.look), self._quit)

    def _quit(self, answer: str | None) -> None:
        if answer == "stop":
            self.leave("stopped on leaving the dashboard")
        elif answer == "headless":
            self.go_on_headless = True
            self.exit()
