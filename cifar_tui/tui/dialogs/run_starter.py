"""Starting runs: first it is found out whether their images are here, and asked what to do where they are not."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifar_tui.config import TrainingConfig
from cifar_tui.tui.dialogs.command_context import CommandContext
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime import background

if TYPE_CHECKING:
    from cifar_tui.records import Overrides
    from cifar_tui.store.run_folder import RunFolder


class RunStarter:
    """Starts runs of the list; asks at most once for all that are started together."""

    def __init__(self, context: CommandContext) -> None:
        self._app, self._runs, self._workspace = context.app, context.runs, context.workspace
        self._log, self._look = context.log, context.look
        self._changed, self._rows_changed = context.changed, context.rows_changed
        self._checking: set[Entry] = set()
        """Those whose images are looked for."""

    def start(self, entries: Iterable[Entry]) -> None:
        """Start these, or ask; not at once, because what trains has to be imported."""
        to_check = []
        for entry in entries:
            with self._log.refusals():
                config = self._runs.startable(entry)
                if entry not in self._checking:
                    to_check.append((entry, config))
        if to_check:
            self._checking |= {entry for entry, _ in to_check}
            if any(config.data == "cifar10" for _, config in to_check):
                self._log.write("looking for CIFAR-10 …" if "torch" in sys.modules else "loading PyTorch …")
            background.run(
                lambda: [(entry, self._workspace().missing_data_dir(config)) for entry, config in to_check],
                self._start_or_ask,
                functools.partial(self._check_failed, to_check),
            )

    def _check_failed(self, to_check: list[tuple[Entry, TrainingConfig]], error: Exception) -> None:
        self._checking -= {entry for entry, _ in to_check}
        self._log.write_error(error)

    def _start_or_ask(self, checked: list[tuple[Entry, Path | None]]) -> None:
        lacking = [entry for entry, missing in checked if missing]
        for entry, missing in checked:
            self._checking.discard(entry)
            if missing is None:
                self._start(entry)
        if lacking:
            from cifar_tui.tui.dialogs.questions import missing_data_question

            folder = next(str(missing) for _, missing in checked if missing)
            answered = functools.partial(self._answered, lacking)
            self._app.push_screen(missing_data_question(folder, self._look()), answered)

    def _answered(self, entries: list[Entry], answer: tuple[str, str] | None) -> None:
        """CIFAR-10 is to be downloaded, or a folder or the digits are to take its place."""
        if answer is None:
            return
        choice, folder = answer
        options: dict[str, dict[str, Any]] = {
            "digits": {"data": "digits"},
            "data": {"data": folder},
            "data_dir": {"data_dir": folder},
        }
        for entry in entries:
            self._runs.configure(entry, **options.get(choice, {}))
            self._start(entry)

    def _start(self, entry: Entry) -> None:
        if self._app.leaving:
            return  # Nobody would stop this run.
        with self._log.refusals():
            if (config := self._runs.startable(entry)).devices == "1":
                self._runs.start(entry)
                self._log.write("starting …", entry)
            else:
                self.start_detached(config, entry)
        self._changed(entry)

    def start_detached(
        self, job: TrainingConfig | RunFolder, entry: Entry | None = None, overrides: Overrides | None = None
    ) -> None:
        """Train in a process of its own, or in several: it outlives the terminal.

        Args:
            job: What to train, or what to resume.
            entry: Its entry; None for one that comes with its folder.
            overrides: Options of a run that is resumed to use instead of those that it was made with.
        """
        from cifar_tui.records import NO_OVERRIDES
        from cifar_tui.runs import detached
        from cifar_tui.store.run_folder import RunFolder

        log, on_loop = self._log, background.caller()

        def show(text: str) -> None:
            on_loop(functools.partial(log.write, text, None, "debug"))

        def start() -> RunFolder:
            workspace = self._workspace()
            (run_id,) = detached.start(
                [job],
                workspace.runs_dir,
                show,
                tensorboard=workspace.tensorboard,
                overrides=overrides or NO_OVERRIDES,
                health=workspace.health,
            )
            return RunFolder(workspace.runs_dir / run_id)

        def done(folder: RunFolder) -> None:
            if entry is not None:
                self._runs.adopt(entry, folder)
                self._rows_changed()
            log.write(f"{folder.id} is training in the background and survives this terminal")

        def failed(error: Exception) -> None:
            log.write_error(error)
            if entry is not None:
                self._runs.take_back(entry)
                self._changed(entry)

        if entry is not None:
            self._runs.hand_over(entry)
        name = job.run_name if isinstance(job, TrainingConfig) else job.id
        log.write(f"starting {name} in the background …")
        background.run(start, done, failed)
