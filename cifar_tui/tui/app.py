"""The dashboard: its life from the first picture to the end, and what it does with signals and errors."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.dom import DOMNode
from textual.scrollbar import ScrollBar

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions, TrainingConfig
from cifar_tui.tui.colours.themes import variables
from cifar_tui.tui.dialogs.command_context import CommandContext
from cifar_tui.tui.dialogs.table_commands import TableCommands
from cifar_tui.tui.images.pixel_support import TerminalIdentified, driver_class
from cifar_tui.tui.keys import Key
from cifar_tui.tui.log.status_log import StatusLog
from cifar_tui.tui.main_screen import MainScreen
from cifar_tui.tui.notifications.alerts import Alerts
from cifar_tui.tui.panel_layout import PanelLayout
from cifar_tui.tui.preferences.settings import Settings
from cifar_tui.tui.preferences.theme_choice import ThemeChoice
from cifar_tui.tui.run_commands import RunCommands
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.reading import WatchedLogs
from cifar_tui.tui.runs.run_events import RunEvents, Update
from cifar_tui.tui.runs.run_list import RunList
from cifar_tui.tui.runtime import background
from cifar_tui.tui.runtime.device_sampler import DeviceSampler
from cifar_tui.tui.runtime.inbox import Inbox
from cifar_tui.tui.runtime.key_queue import KeyHandled, KeyQueue
from cifar_tui.tui.runtime.output_capture import OutputCapture
from cifar_tui.tui.runtime.redraw import RedrawQueue
from cifar_tui.tui.textual_compat import TerminalApp, use_true_colour
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.scroll_bar import PlainScrollBar

if TYPE_CHECKING:
    from cifar_tui.records import Overrides
    from cifar_tui.runs.notifications.notifier import Notifier
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.system.hardware import Sample
    from cifar_tui.tui.view_switcher import ViewSwitcher


class Dashboard(TerminalApp):
    """Runs in a table, the selected one in panels. Their threads never wait for it: they fill its inbox."""

    TITLE = "cifar-tui"
    CSS_PATH: ClassVar[list[str]] = ["main_screen.tcss", "dialogs.tcss"]  # type: ignore[assignment]

    def __init__(
        self,
        runs_dir: Path,
        configs: Sequence[TrainingConfig],
        workspace: Callable[[], Workspace],
        *,
        start: bool = False,
        theme: str = "",
        light: bool = False,
        ascii_only: bool = False,
        graphics: str = "blocks",
        select: str = "",
        resume: Overrides | None = None,
        logs: WatchedLogs | None = None,
        output: OutputCapture | None = None,
        settings: Settings | None = None,
        health: HealthOptions = DEFAULT_HEALTH,
        notifier: Notifier | None = None,
        bell: str = "never",
    ) -> None:
        """Prepare to show the runs of `runs_dir` and a ready one for each of `configs`.

        Args:
            runs_dir: The folder of all runs.
            configs: What to be ready for.
            workspace: Gives what the runs of this process share; from any thread, after the first picture.
            start: Whether to start the ready runs at once.
            theme: The name of the theme; empty for the one that was chosen last, or else dark or light.
            light: Whether the terminal's background is light.
            ascii_only: Whether to draw in ASCII alone.
            graphics: How images are drawn: in `blocks`, by the graphics of `kitty`, or as it is found out, `auto`.
            select: The id of the run to select once it is found; empty for none.
            resume: Resume that run, with these options in place of its own.
            logs: Logs of other tools, shown first.
            output: Holds the terminal to draw on, and keeps what is printed off it; None for Textual's own way.
            settings: What the user has set before; None for what the user's own file says.
            health: When it warns that a process which trains a run does not respond.
            notifier: Sends how runs end, and what their health check finds.
            bell: When the terminal is to draw attention to the same: `auto`, `always` or `never`.
        """
        # With its own colours, Textual would reduce colours to greys; so, the terminal's own two are left.
        super().__init__(
            ansi_color=True if "NO_COLOR" in os.environ else None,
            driver_class=driver_class(graphics, ascii_only=ascii_only),
        )
        self.settings = settings or Settings()
        self.themes = ThemeChoice(self, self.settings, ascii_only=ascii_only)
        self.themes.start(theme, light=light)
        self.animation_level = "none"
        if ascii_only:
            ScrollBar.renderer = PlainScrollBar
        self.inbox = Inbox()
        self.runs = RunList(workspace, configs, self.inbox)
        self.status_log = StatusLog()
        self.settings.report = lambda problem: self.status_log.write(problem, level="warning")
        self.continue_headless = False
        """Whether active runs are to train on when the dashboard is left."""
        self.failure: BaseException | None = None
        """The error that ended it."""
        self.failure_traceback = ""
        self._output = output
        self._runs_dir = runs_dir
        self._workspace = workspace
        self._start, self._select, self._resume_with = start, select, resume
        self._signalled = False
        self._on_loop: Callable[[Callable[[], None]], None] | None = None
        self._key_queue = KeyQueue(self, super().on_event)
        self._run_events = RunEvents(self.runs, self.inbox, runs_dir, self._show_update, logs, health)
        self._alerts = Alerts(self.write_sequence, self._notification_failed, notifier, bell)
        self._sampler = DeviceSampler(self._show_sample)
        self._redraw: RedrawQueue[Entry] = RedrawQueue(lambda changed: self.main.draw(changed))
        context = CommandContext(
            self, lambda: self.look, self.status_log, self.runs, workspace, self._run_changed, self._rows_changed
        )
        self.commands = RunCommands(context, lambda: self.main, runs_dir)
        self.table = TableCommands(
            self, lambda: self.main.table, lambda action: self.main.allows(action), self._run_events, self.status_log
        )
        self.add_action_namespaces("commands", "views", "table", "sizes")

    @property
    def look(self) -> Look:
        """How panels are to draw now."""
        return self.themes.look

    @property
    def terminal(self) -> TextIOWrapper | None:
        """What the captured output has left to draw on."""
        return None if self._output is None else self._output.terminal

    @property
    def main(self) -> MainScreen:
        """The main screen, also while a dialog is open."""
        screen = self.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    def _show_sample(self, sample: Sample | None) -> None:
        if self.screen_stack:  # It may come when the last screen is gone.
            self.main.show_sample(sample)

    @property
    def views(self) -> DOMNode:
        """Where the actions of the views are; there are none on the main screen, as long as it has no views."""
        return self.main.views or self.main

    @property
    def sizes(self) -> PanelLayout:
        """What the keys for the sizes of panels act on."""
        return self.main.sizes

    @property
    def selected(self) -> Entry | None:
        """The run that the keys act on."""
        return self.main.selected

    def get_default_screen(self) -> MainScreen:
        """The main screen, with the runs that are known from the start."""
        return MainScreen(
            self.runs, self._run_events, self.status_log, self._make_views, self.look, self.size, self.settings
        )

    def _make_views(self, allows: Callable[[str], bool]) -> ViewSwitcher:
        from cifar_tui.tui.view_switcher import ViewSwitcher

        consent = self.commands.consent.ask
        return ViewSwitcher(self._workspace, self.status_log, consent, allows, self.settings)

    # From the first picture to the last

    def on_mount(self) -> None:
        """From now on, nothing but the panels is to write to the terminal."""
        if self._output is not None:
            self._output.restore_streams()
        if self.settings.problem:
            self.status_log.write(self.settings.problem, level="warning")
        self._on_loop = background.caller()
        if self._signalled:
            self._on_loop(self.exit)

    async def on_ready(self) -> None:
        """The first picture stands: now the other panels, and the runs of the folder."""
        await self.main.add_panels()
        gc.enable()
        asyncio.get_running_loop().set_exception_handler(self._fail_in_loop)
        self._run_events.start()
        if self._start:
            self.commands.action_start_all()

    def on_terminal_identified(self, message: TerminalIdentified) -> None:
        """The terminal is in use, for the first time or again; images that it had before are gone."""
        self._alerts.terminal_name = message.name
        if message.has_true_colour and self.console.color_system == "256":
            # What is drawn already looks alike in both.
            use_true_colour(self.console)
        # The placeholders of pixels name them by their colours.
        if message.draws_pixels and self.console.color_system == "truecolor":
            from cifar_tui.tui.images.pixels import Pixels

            self.main.draw_images_by(Pixels(message.write))

    async def on_event(self, event: events.Event) -> None:
        """Handle keys in turn, any other event at once."""
        if isinstance(event, events.InputEvent):
            self._alerts.input_received()
        elif isinstance(event, events.AppFocus | events.AppBlur):
            self._alerts.focus_changed(isinstance(event, events.AppFocus))
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._key_queue.put(event)
        else:
            await super().on_event(event)

    async def on_key_handled(self, message: KeyHandled) -> None:
        """A key has had its effect."""
        await self._key_queue.handled(message)

    def end_by_signal(self, number: int) -> None:
        """To be called by a signal's handler, at any moment from the app's making on."""
        self._signalled = True
        self.continue_headless = number == signal.SIGHUP
        if not self.continue_headless:
            self.stop_runs(f"interrupted by {signal.Signals(number).name}", interrupted=True)
        if self._on_loop is not None:
            self._on_loop(self.exit)

    def checkpoint_runs(self) -> None:
        """To be called by a signal's handler too: have the active runs write checkpoints."""
        for entry in self.runs.active:
            if entry.run is not None:
                entry.run.checkpoint()

    def stop_runs(self, why: str, *, interrupted: bool = False) -> None:
        """Ask the active runs to save and end; whoever waits for them is not the screen."""
        for entry in self.runs.active:
            self.runs.stop(entry, why=why, interrupted=interrupted)

    def exit(self, *args: Any, **more: Any) -> None:
        """Leave the screen; messages that come from now on stay in the inbox."""
        self._run_events.stop()
        self._redraw.stop()
        self._sampler.stop()
        super().exit(*args, **more)

    def handle_exception(self, error: Exception) -> None:
        """End in good order, and keep the error for who started the dashboard."""
        self._run_events.stop()
        self._redraw.stop()
        self._sampler.stop()
        if self.failure is None:
            self.failure, self.failure_traceback = error, traceback.format_exc().rstrip()
        super().handle_exception(error)

    def _fail_in_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error of what the loop calls by itself is one of the dashboard's too."""
        error = context.get("exception")
        if isinstance(error, Exception) and not self.leaving:
            self.handle_exception(error)
        else:
            loop.default_exception_handler(context)

    # What is drawn when

    def _show_update(self, update: Update) -> None:
        for entry, message in update.messages:
            self.status_log.report(entry, message)
        for entry, level, text in update.problems:
            self.status_log.write(text, entry, level)
        self._alerts.update(update)
        self._sampler.run_while(bool(self.runs.active))
        if update.rows:
            self.main.fill()
        self.commands.withdraw_question()
        wanted = next((entry for entry in update.added if entry.id == self._select), None)
        if wanted is not None:
            self._select = ""
            self.main.table.select(wanted)
            if self._resume_with is not None:
                self.commands.resume(wanted, self._resume_with)
        if update.urgent:
            self.draw_now(*update.changed)
        else:
            self._redraw.add(*update.changed)

    def draw_now(self, *entries: Entry) -> None:
        """Draw what shows these runs at once: a person has just asked for it."""
        self._redraw.draw_now(*entries)

    def _run_changed(self, entry: Entry) -> None:
        self._sampler.run_while(bool(self.runs.active))
        self.draw_now(entry)

    def _rows_changed(self) -> None:
        self.main.fill()
        self.main.show_runs()

    def _notification_failed(self, problem: str) -> None:
        """Say so in the log; called on the thread that sends."""
        if self.is_running:
            self.call_later(self.status_log.write, problem, None, "warning")

    def print_to_log(self, text: str) -> None:
        """Add a stray line of a library to the log; also from other threads."""
        if text.strip() and self.is_running:
            self.call_later(self.status_log.write, text.strip(), None, "debug")

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """As on the main screen."""
        return self.main.allows(action)

    def get_css_variables(self) -> dict[str, str]:
        """Those of the theme, with what Textual's own themes lack."""
        on_grid = self.console.color_system == "256"
        return super().get_css_variables() | variables(self.current_theme, on_grid=on_grid)

    def watch_theme(self) -> None:
        """Draw the panels in its colours, once Textual has them too."""
        if self.is_running:
            self.call_after_refresh(lambda: self.main.restyle(self.look))

    def action_choose_theme(self) -> None:
        """Show all themes, each as the cursor comes to it."""
        from cifar_tui.tui.dialogs.palette import ThemePicker

        self.push_screen(ThemePicker(self.themes, self.look))

    def action_help(self) -> None:
        """Show all keys."""
        from cifar_tui.tui.dialogs.help import Help

        self.push_screen(Help(self.look))

    def action_command_palette(self) -> None:
        """Find what a key does by its name."""
        from cifar_tui.tui.dialogs.palette import Palette

        # The key for it is Textual's, and works before dialogs too, which it is not to cover.
        if self.screen is self.main:
            self.push_screen(Palette(self.themes, self.look), self._do)

    async def _do(self, key: Key | str | None) -> None:
        if isinstance(key, Key):
            await self.run_action(key.action, self.main)

    async def action_quit(self) -> None:
        """Ask here too: this is Textual's own key for leaving."""
        if self.screen is self.main:
            self.action_ask_to_quit()

    def action_ask_to_quit(self) -> None:
        """Quit, or ask what to do with active runs."""
        names = [entry.full_name for entry in self.runs.active]
        if not names:
            self.exit()
            return
        from cifar_tui.tui.dialogs.questions import quit_question

        self.push_screen(quit_question(names, self.look), self._quit)

    def _quit(self, answer: str | None) -> None:
        if answer == "stop":
            self.stop_runs("stopped with the dashboard")
        if answer is not None:
            self.continue_headless = answer == "headless"
            self.exit()
