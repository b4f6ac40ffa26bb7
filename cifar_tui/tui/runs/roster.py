"""The runs of the dashboard, and what can be asked of them; no screen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError
from cifar_tui.records import NO_OVERRIDES, Overrides, Summary
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.runtime.inbox import Inbox

if TYPE_CHECKING:
    from cifar_tui.runs.messages import Message
    from cifar_tui.runs.run import Run
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.state import RunState
    from cifar_tui.store.events_file import Tail
    from cifar_tui.store.requests import Request
    from cifar_tui.store.run_folder import RunFolder


class Roster:
    """All entries, in the table's order: those of this session as they were added, then earlier runs, newest first.

    Everything but the messages happens on the screen's thread. What cannot be done is a `CifarTuiError` that says why.
    """

    def __init__(self, session: Callable[[], Workspace], configs: Sequence[TrainingConfig], inbox: Inbox) -> None:
        """Have an entry that is ready for each of `configs`.

        Args:
            session: Gives the session that runs belong to; the first call may be slow.
            configs: What to be ready for.
            inbox: Where the runs' threads put their messages.
        """
        self._session = session
        self._inbox = inbox
        self._by_run: dict[Run, Entry] = {}
        self._own: list[Entry] = []
        self._earlier: list[Entry] = []
        self.begun: list[Entry] = []
        """Those that were started or gone on with, in that order."""
        for config in configs:
            self.add(config)

    def __iter__(self) -> Iterator[Entry]:
        yield from self._own
        yield from self._earlier

    def __len__(self) -> int:
        return len(self._own) + len(self._earlier)

    @property
    def under_way(self) -> list[Entry]:
        """Those whose thread is alive."""
        return list(self._by_run.values())

    @property
    def marked(self) -> list[Entry]:
        """Those that are marked for comparing."""
        return [entry for entry in self if entry.marked]

    def add(self, config: TrainingConfig) -> Entry:
        """A run that is ready to start."""
        entry = Entry(len(self), config=config)
        self._own.append(entry)
        return entry

    def take_in(self, found: Iterable[tuple[RunFolder, Summary]]) -> tuple[list[Entry], list[Entry]]:
        """Runs with their summaries as they are in their folders now.

        Returns:
            The entries of those that were not known, and of those that are trained by no thread of this process.
        """
        known = {entry.id: entry for entry in self}
        added: list[Entry] = []
        changed: list[Entry] = []
        for folder, summary in found:
            entry = known.get(folder.id)
            if entry is None:
                entry = Entry(len(self) + len(added), folder=folder, summary=summary, error=_message(summary))
                added.append(entry)
            elif not entry.under_way:
                entry.summary = summary
                if not entry.elsewhere:
                    entry.asked = ""
                changed.append(entry)
        self._earlier = sorted([*self._earlier, *added], key=lambda entry: entry.id, reverse=True)
        return added, changed

    def startable(self, entry: Entry) -> TrainingConfig:
        """What a run that has not begun will be trained with.

        Raises:
            CifarTuiError: It has begun.
        """
        if entry.under_way or entry.folder is not None or entry.config is None:
            raise CifarTuiError(_why_not_start(entry))
        return entry.config

    def start(self, entry: Entry) -> None:
        """Train a run that is ready.

        Raises:
            CifarTuiError: It is not ready.
        """
        from cifar_tui.state import RunState

        config = self.startable(entry)
        entry.state = RunState()
        run = self._session().new_run(config, lambda message: self._inbox.put(run, message))
        self._begin(entry, run)

    def resume(self, entry: Entry, given: Overrides = NO_OVERRIDES) -> None:
        """Go on with a run that ended before its end.

        Args:
            entry: The run.
            given: What a person gives instead of what it was made with.

        Raises:
            CifarTuiError: There is nothing to go on with, or its configuration is damaged.
        """
        if entry.status == "finished":
            raise CifarTuiError(f"{entry.name} is finished; n makes a new run with its options")
        if entry.under_way or entry.folder is None or entry.status not in ENDED:
            raise CifarTuiError(_why_not_resume(entry))
        if entry.state is None:
            entry.state = entry.folder.read_state()
        run = self._session().resumed_run(entry.folder, lambda message: self._inbox.put(run, message), given)
        self._begin(entry, run)

    def stop(self, entry: Entry, *, why: str = "stopped by hand", interrupted: bool = False) -> None:
        """Ask a run that is under way to end after this batch, with a checkpoint.

        Raises:
            CifarTuiError: Another process trains it, and it cannot be asked.
        """
        if entry.run is not None:
            entry.run.stop("interrupted" if interrupted else "stopped", why)
        else:
            _send(entry, "stop")
        entry.asked = "stopping"

    def pause(self, entry: Entry) -> None:
        """Ask it to wait after this batch, or let it go on.

        Raises:
            CifarTuiError: It does not train.
        """
        if not (entry.run is not None or entry.elsewhere) or entry.status == "stopping":
            raise CifarTuiError(f"{entry.name} is {entry.status}: there is nothing to pause")
        go_on = entry.status in ("paused", "pausing")
        if entry.run is None:
            _send(entry, "resume" if go_on else "pause")
        elif go_on:
            entry.run.resume()
        else:
            entry.run.pause()
        entry.asked = "" if go_on else "pausing"

    def options(self, entry: Entry) -> TrainingConfig:
        """What a run was or will be trained with, under no name.

        Raises:
            CifarTuiError: Its configuration is damaged.
        """
        if entry.config is None:
            assert entry.folder is not None
            entry.config = _moved(entry.folder, entry.folder.read_record().options)
        return replace(entry.config, name=None)

    def receive(self, run: Run, message: Message) -> Entry | None:
        """Take in a message of a run's thread.

        Returns:
            The run's entry; None where it is not one of ours.
        """
        from cifar_tui.events import Resumed, RunStarted
        from cifar_tui.runs.messages import Ended, Loading

        entry = self._by_run.get(run)
        if entry is None:
            return None
        if entry.folder is None and run.folder is not None:
            # It may have been seen in the folder of runs before it told of itself.
            self._earlier = [earlier for earlier in self._earlier if earlier.id != run.folder.id]
        entry.folder = run.folder or entry.folder
        if isinstance(message, Loading):
            entry.loading = message
        elif isinstance(message, Ended):
            self._end(entry, run)
        else:
            entry.loading = None
            assert entry.state is not None
            if isinstance(message, RunStarted) and run.folder is not None:
                entry.summary = _device_name(run.folder)
            elif isinstance(message, Resumed) and message.device_name:
                entry.summary = replace(entry.summary or Summary(id=entry.id), device_name=message.device_name)
            entry.state.apply(message)
            if (entry.asked, message.type) == ("pausing", "paused"):
                entry.asked = ""
        return entry

    def _begin(self, entry: Entry, run: Run) -> None:
        from cifar_tui.runs.messages import Loading

        entry.run, entry.error, entry.asked = run, "", ""
        entry.loading = Loading("starting", 0, 0)
        self._by_run[run] = entry
        if entry not in self.begun:
            self.begun.append(entry)
        run.start()

    def _end(self, entry: Entry, run: Run) -> None:
        from cifar_tui.runs.failures import explain
        from cifar_tui.runs.run import exit_status
        from cifar_tui.state import RunState

        del self._by_run[run]
        began = entry.loading is None
        entry.run, entry.loading, entry.asked = None, None, ""
        entry.error = "" if run.error is None else explain(run.error, run.config)
        entry.exit_status = exit_status(run, entry.state if began and entry.state else RunState())
        if run.folder is None:
            # It never began: it is as ready as before, unless it cannot begin.
            entry.state = None
        entry.config = entry.config or run.config


def read_run(folder: RunFolder) -> tuple[Summary, RunState, Tail]:
    """A run's summary as it is now, the fold of its events, and what comes after them; for a background thread.

    Raises:
        InputError: Its events cannot be read.
    """
    from cifar_tui.store import catalog

    return catalog.summary_of(folder), *folder.follow()


def _send(entry: Entry, request: Request) -> None:
    from cifar_tui.store import requests

    if entry.folder is not None:
        requests.send(entry.folder.path, request)


def _moved(folder: RunFolder, config: TrainingConfig) -> TrainingConfig:
    """The options of a run with its paths as they are now, as far as that can be told."""
    from cifar_tui.store.relocation import stored_run

    with contextlib.suppress(CifarTuiError):
        found = stored_run(folder)
        place = found.locations[0]
        return replace(config, data=place.data, data_dir=place.data_dir, model_dir=found.config.model_dir)
    return config


def _device_name(folder: RunFolder) -> Summary:
    """The name of its device, which its events leave out."""
    with contextlib.suppress(CifarTuiError):
        return Summary(id=folder.id, device_name=folder.read_record().device_name)
    return Summary(id=folder.id)


def _message(summary: Summary) -> str:
    return (summary.message or "") if summary.state == "failed" else ""


def _why_not_start(entry: Entry) -> str:
    if entry.status in ("stopped", "interrupted", "diverged", "failed"):
        return f"{entry.name} is {entry.status}: r goes on with it, n makes a new run with its options"
    return f"{entry.name} is {entry.status}; n makes a new run with its options"


def _why_not_resume(entry: Entry) -> str:
    if entry.folder is None and not entry.under_way:
        return f"{entry.name} has not begun: s starts it"
    if entry.status == "paused":
        return f"{entry.name} is paused: p lets it go on"
    return f"{entry.name} is {entry.status}: there is nothing to resume"
