"""Starting runs: first it is found out whether their images are here, and asked what to do where they are not."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cifar_tui.config import TrainingConfig
from cifar_tui.tui.dialogs.command_context import CommandContext
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runtime import background


class RunStarter:
    """Starts runs of the list; asks at most once for all that are started together."""

    def __init__(self, context: CommandContext) -> None:
        self._app, self._runs, self._workspace = context.app, context.runs, context.workspace
        self._log, self._look, self._changed = context.log, context.look, context.changed
        self._checking: set[Entry] = set()
        """Those whose images are looked for."""

    def start(self, entries: Iterable[Entry]) -> None:
        """Start these, or ask."""
        to_check = []
        for entry in entries:
            with self._log.refusals():
                config = self._runs.startable(entry)
                if config.data != "cifar10":
                    self._start(entry)
                elif entry not in self._checking:
                    to_check.append((entry, config))
        if to_check:
            self._checking |= {entry for entry, _ in to_check}
            self._log.write("looking for CIFAR-10 …")
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
            self._runs.start(entry)
            self._log.write("starting …", entry)
        self._changed(entry)
