"""The list of runs: the one writer of its entries, and the commands that they take; it knows no screen."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError
from cifar_tui.tui.runs.entry import ENDED, Entry
from cifar_tui.tui.runs.reading import recorded_device, recorded_options
from cifar_tui.tui.runs.refusals import check_own, why_not_resume, why_not_start
from cifar_tui.tui.runs.run_options import RunOptions
from cifar_tui.tui.runs.table.labels import run_labels
from cifar_tui.tui.runtime.inbox import Inbox

if TYPE_CHECKING:
    from cifar_tui.events import AnyEvent
    from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail
    from cifar_tui.records import Labels, Overrides, Summary
    from cifar_tui.runs.messages import Message
    from cifar_tui.runs.run import Run
    from cifar_tui.runs.workspace import Workspace
    from cifar_tui.state.run_state import RunState
    from cifar_tui.store.event_reader import Tail
    from cifar_tui.store.requests import Request
    from cifar_tui.store.run_folder import RunFolder


class RunList:
    """All entries, in the table's order: those of this process as they were added, logs of other tools, earlier runs.

    Earlier runs are in order of their ids, newest first.

    Everything happens on the screen's thread. What cannot be done is a `CifarTuiError` that says why.
    """

    def __init__(self, workspace: Callable[[], Workspace], configs: Sequence[TrainingConfig], inbox: Inbox) -> None:
        """Have a ready entry for each of `configs`.

        Args:
            workspace: Gives what the runs of this process share; the first call may be slow.
            configs: What to be ready for.
            inbox: Where the runs' threads put their messages.
        """
        self._workspace = workspace
        self._inbox = inbox
        self._numbers = itertools.count()
        self._by_run: dict[Run, Entry] = {}
        self._own: list[Entry] = []
        self._logs: list[Entry] = []
        self._earlier: list[Entry] = []
        self.started: list[Entry] = []
        """Those that this process started or resumed, in that order."""
        for config in configs:
            self.add(config)

    def __iter__(self) -> Iterator[Entry]:
        yield from self._own
        yield from self._logs
        yield from self._earlier

    def __len__(self) -> int:
        return len(self._own) + len(self._logs) + len(self._earlier)

    @property
    def active(self) -> list[Entry]:
        """Those that a thread of this process trains."""
        return list(self._by_run.values())

    @property
    def marked(self) -> tuple[Entry, ...]:
        """Those that are marked for comparing."""
        return tuple(entry for entry in self if entry.marked)

    def add(self, config: TrainingConfig) -> Entry:
        """A run that is ready to start."""
        entry = Entry(next(self._numbers), config=config)
        self._own.append(entry)
        self._label()
        return entry

    def toggle_marks(self, entries: Collection[Entry]) -> None:
        """Mark these for comparing; where all are marked, remove their marks."""
        mark = not all(entry.marked for entry in entries)
        for entry in entries:
            entry.marked = mark

    def _label(self) -> None:
        """Label the runs that share a name."""
        labels = run_labels(self)
        for entry in self:
            entry.label = labels.get(entry, "")

    def configure(self, entry: Entry, **options: Any) -> None:
        """Change options of a run that has not started."""
        if entry.config is not None:
            entry.config = replace(entry.config, **options)

    # What the folder of runs holds

    def update_summaries(
        self, found: Iterable[tuple[RunFolder | ForeignRun, Summary]]
    ) -> tuple[list[Entry], list[Entry]]:
        """Runs with their summaries as they are now, and logs: the entries that are new, and those that changed."""
        from cifar_tui.store.run_folder import RunFolder

        known = {(entry.id, entry.log is None): entry for entry in self}
        added: list[Entry] = []
        changed: list[Entry] = []
        for source, summary in found:
            entry = known.get((source.id, isinstance(source, RunFolder)))
            if entry is None:
                entry = Entry(next(self._numbers), error=(summary.message or "") if summary.state == "failed" else "")
                if isinstance(source, RunFolder):
                    entry.folder = source
                else:
                    entry.log = source
                added.append(entry)
            elif entry.active:
                continue
            else:
                changed.append(entry)
            self._set_summary(entry, summary)
            entry.loading = None
            if not entry.external:
                entry.asked = ""
        self._logs += [entry for entry in added if entry.log is not None]
        stored = [entry for entry in added if entry.folder is not None]
        self._earlier = sorted([*self._earlier, *stored], key=lambda entry: entry.id, reverse=True)
        if added:
            self._label()
        return added, changed

    def rename(self, renamed: Iterable[tuple[RunFolder, RunFolder]]) -> list[Entry]:
        """Give runs the names that their folders have now; the entries of those that this process does not train."""
        now = {old.id: new for old, new in renamed}
        changed = [entry for entry in self._stored(now) if not entry.active]
        for entry in changed:
            entry.folder, entry.tail = now[entry.id], None
        self._earlier.sort(key=lambda entry: entry.id, reverse=True)
        self._label()
        return changed

    def remove(self, gone: Iterable[RunFolder]) -> list[Entry]:
        """Forget runs whose folders are gone, and return them; those that this process trains stay."""
        removed = [entry for entry in self._stored({folder.id for folder in gone}) if not entry.active]
        self._own = [entry for entry in self._own if entry not in removed]
        self._earlier = [entry for entry in self._earlier if entry not in removed]
        self._label()
        return removed

    def set_labels(self, found: Iterable[tuple[RunFolder, Labels]]) -> list[Entry]:
        """What a person says of runs now; the entries of those that are known."""
        now = {folder.id: labels for folder, labels in found}
        for entry in (changed := self._stored(now)):
            entry.labels = now[entry.id]
        return changed

    def _stored(self, ids: Collection[str]) -> list[Entry]:
        return [entry for entry in self if entry.folder is not None and entry.id in ids] if ids else []

    def load(self, entry: Entry, summary: Summary, state: RunState, tail: Tail | ForeignTail) -> None:
        """Keep what was read of a run that this process does not train."""
        if not entry.active:
            self._set_summary(entry, summary)
            entry.state, entry.tail = state, tail

    def unload(self, entry: Entry) -> None:
        """Drop what was read of a run: it is read again when it is shown."""
        entry.state = entry.tail = None

    def set_options(self, found: Iterable[tuple[Entry, RunOptions]]) -> None:
        """Keep what was read of the options of runs."""
        for entry, options in found:
            entry.options = options

    def follow(self, shown: Collection[Entry]) -> dict[Entry, Tail | ForeignTail]:
        """Of the runs that are shown, those whose events another process writes; the others are not read on."""
        for entry in self:
            followed = entry in shown and (entry.external or entry.log is not None)
            if entry.tail is not None and not followed:
                entry.tail = None
        return {entry: entry.tail for entry in shown if entry.tail is not None}

    # What happens to a run, whoever trains it

    def receive(self, run: Run, message: Message) -> Entry | None:
        """Apply a message of a run's thread; the run's entry, None where it is not one of ours."""
        from cifar_tui.runs.messages import Ended, Loading

        entry = self._by_run.get(run)
        if entry is None:
            return None
        if entry.folder is None and run.folder is not None:
            # It may have been found in the folder of runs before its first message came.
            self._earlier = [earlier for earlier in self._earlier if earlier.id != run.folder.id]
            entry.folder = run.folder
            self._label()
        entry.folder = run.folder or entry.folder
        if isinstance(message, Loading):
            entry.loading = message
        elif isinstance(message, Ended):
            self._end(entry, run)
        else:
            self._apply(entry, message)
        return entry

    def read_on(self, entry: Entry, tail: Tail | ForeignTail, events: Iterable[AnyEvent]) -> bool:
        """Apply events that another process wrote; whether the run is still followed by this tail."""
        if entry.tail is not tail or entry.state is None or entry.active:
            return False
        for event in events:
            self._apply(entry, event)
        return True

    def _apply(self, entry: Entry, event: AnyEvent) -> None:
        from cifar_tui.events import Resumed, RunStarted

        assert entry.state is not None
        entry.loading = None
        entry.state.apply(event)
        if isinstance(event, RunStarted) and entry.folder is not None:
            entry.device_name = recorded_device(entry.folder)
        elif isinstance(event, Resumed) and event.device_name:
            entry.device_name = event.device_name
        # After its last event, a thread of this process has more to do: it has stopped when its `Ended` comes.
        finished = event.type == "run_finished" and not entry.active
        if finished or (entry.asked == "pausing" and event.type in ("paused", "resumed")):
            entry.asked = ""

    def _set_summary(self, entry: Entry, summary: Summary) -> None:
        ran, entry.summary = entry.external, summary
        if entry.external and not ran:
            entry.stop_requested = False
        entry.device_name = summary.device_name or entry.device_name

    # Commands

    def startable(self, entry: Entry) -> TrainingConfig:
        """What a run that has not started will be trained with.

        Raises:
            CifarTuiError: It has started.
        """
        check_own(entry, "started")
        if entry.status == "loading" or entry.folder is not None or entry.config is None:
            raise CifarTuiError(why_not_start(entry))
        return entry.config

    def start(self, entry: Entry) -> None:
        """Train a run that is ready.

        Raises:
            CifarTuiError: It is not ready.
        """
        from cifar_tui.state.run_state import RunState

        config = self.startable(entry)
        entry.state = RunState()
        run = self._workspace().new_run(config, lambda message: self._inbox.put(run, message))
        self._start(entry, run)

    def hand_over(self, entry: Entry) -> None:
        """Have a run be loading: a process is started that will train it."""
        from cifar_tui.runs.messages import Loading

        entry.loading, entry.error = Loading("starting", 0, 0), ""

    def take_back(self, entry: Entry) -> None:
        """Have a run be as it was before it was handed over: the process did not start."""
        entry.loading = None

    def adopt(self, entry: Entry, folder: RunFolder) -> None:
        """Have a run that was handed over be the one in this folder, which may have been found there as another."""
        from cifar_tui.state.run_state import RunState

        found = [earlier for earlier in self._earlier if earlier.id == folder.id and earlier is not entry]
        self._earlier = [earlier for earlier in self._earlier if earlier not in found]
        entry.folder, entry.notifies = folder, True
        self._label()
        # Where it is shown, that is replaced by what its events say as soon as its summary is found.
        entry.state = entry.state or RunState()
        for earlier in found:
            if earlier.summary is not None:
                self._set_summary(entry, earlier.summary)
                entry.loading = None
            entry.marked = entry.marked or earlier.marked

    def resumable(self, entry: Entry) -> RunFolder:
        """The folder of a run that ended before its last epoch.

        Raises:
            CifarTuiError: It cannot be resumed.
        """
        check_own(entry, "resumed")
        if entry.status == "finished":
            raise CifarTuiError(f"{entry.full_name} is finished; n creates a new run with its options")
        if entry.active or entry.folder is None or entry.status not in ENDED:
            raise CifarTuiError(why_not_resume(entry))
        return entry.folder

    def resume(self, entry: Entry, overrides: Overrides | None = None) -> None:
        """Resume a run that ended before its last epoch.

        Args:
            entry: The run.
            overrides: Options that replace those it was started with.

        Raises:
            CifarTuiError: It cannot be resumed, or its configuration is damaged.
        """
        from cifar_tui.records import NO_OVERRIDES

        folder = self.resumable(entry)
        if entry.state is None:
            entry.state = folder.read_state()
        run = self._workspace().resumed_run(
            folder, lambda message: self._inbox.put(run, message), overrides or NO_OVERRIDES
        )
        self._start(entry, run)

    def stop(self, entry: Entry, *, why: str = "stopped by hand", interrupted: bool = False) -> None:
        """Ask a live run to end after this batch, with a checkpoint.

        Raises:
            CifarTuiError: Another process trains it, and it cannot be asked.
        """
        check_own(entry, "stopped")
        if entry.run is not None:
            entry.run.stop("interrupted" if interrupted else "stopped", why)
        else:
            _send(entry, "stop")
            entry.stop_requested = True
        entry.asked = "stopping"

    def toggle_pause(self, entry: Entry) -> None:
        """Ask a live run to pause after this batch, or to continue.

        Raises:
            CifarTuiError: It does not train.
        """
        check_own(entry, "paused")
        if not entry.live or entry.status == "stopping":
            raise CifarTuiError(f"{entry.full_name} is {entry.status}: there is nothing to pause")
        resumes = entry.status in ("paused", "pausing")
        if entry.run is None:
            _send(entry, "resume" if resumes else "pause")
        elif resumes:
            entry.run.resume()
        else:
            entry.run.pause()
        entry.asked = "" if resumes else "pausing"

    def options(self, entry: Entry) -> TrainingConfig:
        """What a run was or will be trained with, under no name.

        Raises:
            CifarTuiError: Its configuration is damaged, or it has none.
        """
        check_own(entry, "trained")
        if entry.config is None:
            assert entry.folder is not None
            entry.config = recorded_options(entry.folder)
        return replace(entry.config, name=None)

    def _start(self, entry: Entry, run: Run) -> None:
        from cifar_tui.runs.messages import Loading

        entry.run, entry.tail, entry.error, entry.asked = run, None, "", ""
        entry.loading = Loading("starting", 0, 0)
        self._by_run[run] = entry
        if entry not in self.started:
            self.started.append(entry)
        run.start()

    def _end(self, entry: Entry, run: Run) -> None:
        from cifar_tui.runs.failures import explain
        from cifar_tui.runs.run import exit_status
        from cifar_tui.state.run_state import RunState

        del self._by_run[run]
        started = entry.loading is None
        entry.run, entry.loading, entry.asked = None, None, ""
        entry.error = "" if run.error is None else explain(run.error, run.config)
        entry.exit_status = exit_status(run, entry.state if started and entry.state else RunState())
        if run.folder is None:
            # It never started: it is as ready as before, unless it cannot start.
            entry.state = None
        entry.config = entry.config or run.config


def _send(entry: Entry, request: Request) -> None:
    from cifar_tui.store import requests

    if entry.folder is not None:
        requests.send(entry.folder.path, request)
