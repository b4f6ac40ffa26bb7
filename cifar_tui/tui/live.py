"""How the news of the trainers reach the screen: the app without what its keys do."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError
from cifar_tui.formatting import plural, printable
from cifar_tui.records import Summary
from cifar_tui.tui.dialogs import consent
from cifar_tui.tui.images.terminal_graphics import TerminalIdentified, driver_class
from cifar_tui.tui.log.messages import Remark
from cifar_tui.tui.main_screen import MainScreen
from cifar_tui.tui.runs.elsewhere import Elsewhere, News
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.roster import Roster, read_run
from cifar_tui.tui.runs.table import matches
from cifar_tui.tui.runtime import background
from cifar_tui.tui.runtime.in_turn import InTurnApp
from cifar_tui.tui.runtime.inbox import Inbox
from cifar_tui.tui.runtime.pace import Pace
from cifar_tui.tui.theme import Look

if TYPE_CHECKING:
    from cifar_tui.events import Level
    from cifar_tui.runs.messages import Message
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.state import RunState
    from cifar_tui.store.events_file import Tail

SAMPLE_SECONDS = 2.0
"""How often the devices are asked what they do, while something trains."""
BURST_SECONDS = 0.05
"""How long messages of trainers are gathered before they are taken in."""


class LiveApp(InTurnApp):
    """Runs in a table, the selected one in panels. Trainers never wait for it: they fill its inbox."""

    TITLE = "cifar-tui"
    CSS_PATH: ClassVar[list[str]] = ["style.tcss", "screens.tcss"]  # type: ignore[assignment]

    def __init__(
        self,
        runs_dir: Path,
        configs: Sequence[TrainingConfig],
        session: Callable[[], Workspace],
        *,
        light: bool = False,
        ascii_only: bool = False,
        graphics: str = "blocks",
        select: str = "",
    ) -> None:
        """Prepare to show the runs of `runs_dir` and a ready one for each of `configs`.

        Args:
            runs_dir: The folder of all runs.
            configs: What to be ready for.
            session: Gives the session that runs belong to; from any thread, after the first picture.
            light: Whether the terminal's background is light.
            ascii_only: Whether to draw in ASCII alone.
            graphics: How images are drawn: in `blocks`, by the graphics of `kitty`, or as it is found out, `auto`.
            select: The id of the run to select once it is found; empty for none.
        """
        # With its own colours, Textual would take away hues and leave shades; so, the terminal's own two are left.
        super().__init__(
            ansi_color=True if "NO_COLOR" in os.environ else None,
            driver_class=driver_class(graphics, ascii_only=ascii_only),
        )
        self.theme = "textual-light" if light else "textual-dark"
        self.animation_level = "none"
        if ascii_only:
            ScrollBar.renderer = PlainScrollBar
        self.inbox = Inbox()
        self.session = session
        self.roster = Roster(self.session, configs, self.inbox)
        self.go_on_headless = False
        """Whether the runs under way are to go on when the dashboard is left."""
        self.leaving = False
        """Whether the screen is about to go: whatever comes from now on is for who started the dashboard."""
        self.signal = 0
        """The number of the signal that ended it."""
        self.failure: BaseException | None = None
        """The error that ended it."""
        self.failure_traceback = ""
        self._runs_dir = runs_dir
        self._ascii = ascii_only
        self._pace = Pace(self._draw)
        self._changed: set[Entry] = set()
        self.filter_words: list[str] = []
        self.drawn: Callable[[], None] = lambda: None
        """To be called when Textual has found the terminal, before anything else is printed."""
        self._watch: background.Watch | None = None
        self._on_loop: Callable[[Callable[[], None]], None] | None = None
        self._elsewhere: Elsewhere | None = None
        self._select = select

    @property
    def look(self) -> Look:
        """How panels are to draw now."""
        return Look(dark=self.current_theme.dark, colour=not self.no_color, ascii=self._ascii)

    @property
    def main(self) -> MainScreen:
        """The panels, also while a question stands before them."""
        screen = self.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def selected(self) -> Entry | None:
        """The run that the keys act on."""
        return self.main.selected

    def get_default_screen(self) -> MainScreen:
        """The panels."""
        with_class = functools.partial(consent.with_class, self)
        return MainScreen(list(self.roster), self.look, self.size, self._selected, self.session, with_class)

    # From the first paint on

    def on_mount(self) -> None:
        """From now on, nothing but the panels is to write to the screen."""
        self.drawn()
        # After a suspension the terminal is empty.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self._on_loop = background.caller()
        if self.signal:
            self._on_loop(self.exit)

    async def on_ready(self) -> None:
        """The first picture stands: now the panels, trainers and signals, earlier runs, PyTorch."""
        await self.main.furnish()
        gc.enable()
        self._head()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._fail_in_loop)
        on_loop = background.caller()
        self.inbox.open(lambda: on_loop(self._receive_soon))
        self._elsewhere = Elsewhere(self._runs_dir, self._hear)
        config = next((entry.config for entry in self.roster if entry.config), TrainingConfig())
        self.say("loading PyTorch …")
        background.run(lambda: self.session().warm_up(config, _tell_nobody), self.say, self.say_failed)
        self.started()

    def started(self) -> None:
        """The screen stands."""

    def found(self, entry: Entry) -> None:
        """The run that is to be shown first is there."""

    def on_terminal_identified(self, message: TerminalIdentified) -> None:
        """The terminal is in use, for the first time or again; images that it had before are gone."""
        # The placeholders of pixels name them by their colours.
        if message.draws_pixels and self.console.color_system == "truecolor":
            from cifar_tui.tui.images.pixels import Pixels

            self.main.draw_images_by(Pixels(message.write))

    def _hear(self, news: News) -> None:
        """Take in what the folders of runs tell."""
        if not self.is_running or self.leaving:
            return
        added, changed = self.roster.take_in(news.changed)
        for entry in changed:
            self._take_in_summary(entry)
        for entry, tail, events_ in news.told:
            if entry.tail is tail and entry.state is not None and not entry.under_way:
                for event in events_:
                    entry.state.apply(event)
                    self._tell(entry, event)
                    if event.type in ("paused", "resumed", "run_finished"):
                        entry.asked = ""
                self._changed.add(entry)
        if added:
            self.fill()
            wanted = next((entry for entry in added if entry.id == self._select), None)
            if wanted is not None:
                self.main.runs.select(wanted)
                self._select = ""
                self.found(wanted)
        if changed:
            self._changed.update(changed)
            self._draw()
        elif self._changed:
            self._pace.ask()

    def _take_in_summary(self, entry: Entry) -> None:
        """What was read of a run whose summary has changed since is read again where it is shown, and dropped else."""
        if entry.tail is not None and entry.elsewhere:
            return  # Its stream tells more.
        if entry.elsewhere or entry not in self.roster.begun:
            if entry.state is not None and (entry is self.selected or entry.marked):
                self.read_events(entry)
            else:
                entry.state = entry.tail = None

    def end_by_signal(self, number: int) -> None:
        """To be called by a signal's handler, at any moment from the app's making on."""
        self.signal = number
        self.go_on_headless = number == signal.SIGHUP
        if not self.go_on_headless:
            self._ask_to_end(f"interrupted by {signal.Signals(number).name}", interrupted=True)
        if self._on_loop is not None:
            self._on_loop(self.exit)

    def checkpoint_all(self) -> None:
        """To be called by a signal's handler too: have the runs under way write checkpoints."""
        for entry in self.roster.under_way:
            if entry.run is not None:
                entry.run.checkpoint()

    def leave(self, why: str, *, interrupted: bool = False) -> None:
        """End the dashboard, and ask the runs under way to save and end; whoever waits for them is not the screen."""
        self._ask_to_end(why, interrupted=interrupted)
        self.exit()

    def _ask_to_end(self, why: str, *, interrupted: bool) -> None:
        for entry in self.roster.under_way:
            self.roster.stop(entry, why=why, interrupted=interrupted)

    def exit(self, *args: Any, **more: Any) -> None:
        """Leave the screen; messages that come from now on stay in the inbox."""
        self.leaving = True
        self.inbox.close()
        self._pace.stop()
        if self._watch is not None:
            self._watch.stop()
        if self._elsewhere is not None:
            self._elsewhere.stop()
        super().exit(*args, **more)

    def handle_exception(self, error: Exception) -> None:
        """End in good order, and keep the error for who started the dashboard."""
        if self._watch is not None:
            self._watch.stop()
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

    # News of the trainers

    def _receive_soon(self) -> None:
        asyncio.get_running_loop().call_later(BURST_SECONDS, self._receive)

    def _receive(self) -> None:
        if not self.is_running or self.leaving:
            return
        before, rows = {entry: entry.status for entry in self.roster.under_way}, len(self.roster)
        # All are taken in before anything is shown of them: an error of the screen loses none.
        taken = [(self.roster.receive(run, message), message) for run, message in self.inbox.take()]
        for entry, message in taken:
            if entry is not None:
                self._changed.add(entry)
                self._tell(entry, message)
        if len(self.roster) != rows:
            # A run had been seen in the folder of runs before it told of itself.
            self.fill()
        if any(entry.status != status for entry, status in before.items()):
            self._draw()
        elif self._changed:
            self._pace.ask()

    def _tell(self, entry: Entry, message: Message) -> None:
        """Say what there is to say of a message."""
        from cifar_tui.events import Note, RunFinished
        from cifar_tui.report.event_lines import ending_line, event_line
        from cifar_tui.runs.messages import Ended, Loading

        if isinstance(message, Ended):
            if entry.error:
                self.say(entry.error, entry, "error")
            self.watch_devices()
        elif not isinstance(message, Loading):
            assert entry.state is not None
            words = ending_line(message) if isinstance(message, RunFinished) else event_line(message, entry.state)
            if words:
                self.say(words, entry, message.level if isinstance(message, Note) else "info")

    def watch_devices(self) -> None:
        """Ask the devices what they do while something trains, and only then: an idle screen is not written to."""
        if self.roster.under_way and self._watch is None:
            from cifar_tui.system.hardware import Sampler

            self._watch = background.Watch(Sampler().sample, self.main.sampled, SAMPLE_SECONDS)
        elif not self.roster.under_way and self._watch is not None:
            self._watch.stop()
            self._watch = None
            self.main.sampled(None)

    def printed(self, text: str) -> None:
        """Put a stray line of a library into the log; also from other threads."""
        if text.strip() and self.is_running:
            self.call_later(self.say, text.strip(), None, "debug")

    # Drawing

    def say(self, words: str, entry: Entry | None = None, level: Level = "info") -> None:
        """Put a line into the log, and below the panels until the next one."""
        who, number = (entry.name, entry.number) if entry else ("cifar-tui", None)
        self.main.say(Remark(time.strftime("%H:%M:%S"), printable(who), number, level, printable(words)))

    def say_failed(self, error: Exception) -> None:
        """Say that something beside the screen went wrong."""
        self.say(str(error) if isinstance(error, CifarTuiError) else f"{type(error).__name__}: {error}", level="error")

    def fill(self) -> None:
        """Show the runs that match the filter."""
        self.main.fill([entry for entry in self.roster if matches(entry, self.filter_words)])
        self._head()

    def _draw(self) -> None:
        """What has news."""
        changed, self._changed = self._changed, set()
        self.main.draw(changed, self.roster.marked)
        self._head()

    def draw_now(self, *entries: Entry) -> None:
        """What a person has just asked for."""
        self._changed.update(entries)
        self._draw()

    def _head(self) -> None:
        look, training = self.look, len(self.roster.under_way)
        elsewhere = sum(entry.elsewhere for entry in self.roster)
        doing = f"{plural(training, 'run')} under way" if training else "" if elsewhere else "nothing runs"
        if elsewhere:
            doing += f"{', ' if doing else ''}{plural(elsewhere, 'run')} in other processes"
        kept = sum(entry.folder is not None for entry in self.roster)
        right = f"{plural(kept, 'run')} in {printable(str(self._runs_dir))}"
        self.main.head([("cifar-tui", look.strong), f" · {doing}"], [(right, look.dim)])

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
        """Say what cannot be done, and why."""
        try:
            yield
        except CifarTuiError as error:
            self.say(str(error), level="warning")

    def _selected(self) -> None:
        """Another run is selected: read what the panels are to show of it."""
        entry = self.selected
        if entry is not None and entry.folder is not None and not entry.under_way and entry.to_be_read:
            self.read_events(entry)
        self.follow()

    def follow(self) -> None:
        """Have the streams of what other processes train, and is shown, told of."""
        shown = {entry for entry in (self.selected, *self.roster.marked) if entry is not None}
        for entry in self.roster:
            if entry.tail is not None and (entry not in shown or not entry.elsewhere):
                entry.tail = None
        if self._elsewhere is not None:
            self._elsewhere.follow({entry: entry.tail for entry in shown if entry.tail is not None})

    def read_events(self, entry: Entry) -> None:
        """Read an earlier run's events, beside the screen."""
        folder = entry.folder
        assert folder is not None

        def done(read: tuple[Summary, RunState, Tail]) -> None:
            if not entry.under_way:
                entry.summary, entry.state, entry.tail = read
                self.follow()
                if entry.state.started is None:
                    self.say("its events are damaged or missing", entry, "warning")
                self.draw_now(entry)

        background.run(functools.partial(read_run, folder), done, self.say_failed)


class PlainScrollBar(ScrollBarRender):
    """A scroll bar of spaces alone."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def _tell_nobody(_what: str, _done: int, _total: int) -> None:
    pass
