"""What the dashboard reads of the folder of a run that it does not train itself."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cifar_tui.config import DEFAULT_HEALTH, HealthOptions, TrainingConfig
from cifar_tui.errors import CifarTuiError

if TYPE_CHECKING:
    from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail
    from cifar_tui.foreign_logs.log_catalog import LogCatalog
    from cifar_tui.foreign_logs.names import Role
    from cifar_tui.records import Summary
    from cifar_tui.state.run_state import RunState
    from cifar_tui.store.event_reader import Tail
    from cifar_tui.store.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class WatchedLogs:
    """Logs of other tools that are shown beside the runs.

    Attributes:
        paths: Files, folders and patterns.
        choices: What names in them stand for, where a person says it.
        health: When their health check warns.
    """

    paths: tuple[str, ...]
    choices: Mapping[Role, str]
    health: HealthOptions = DEFAULT_HEALTH

    def catalog(self) -> LogCatalog:
        """What finds them."""
        from cifar_tui.foreign_logs.log_catalog import LogCatalog

        return LogCatalog(self.paths, self.choices, self.health)


def read_run(folder: RunFolder) -> tuple[Summary, RunState, Tail]:
    """A run's present summary, the fold of its events, and what reads on after them; for a background thread.

    Raises:
        InputError: Its events cannot be read.
    """
    from cifar_tui.store import catalog

    return catalog.summary_of(folder), *folder.follow()


def read_log(log: ForeignRun, logs: WatchedLogs) -> tuple[Summary, RunState, ForeignTail]:
    """The summary of another tool's training, the fold of its events, and what reads on; for a background thread.

    Raises:
        InputError: Its log cannot be read.
    """
    from cifar_tui.foreign_logs.foreign_run import summary

    state, tail = log.follow(logs.choices, logs.health)
    return summary(log, state), state, tail


def recorded_options(folder: RunFolder) -> TrainingConfig:
    """What a run was trained with, with its paths as they are now, as far as that can be told.

    Raises:
        CifarTuiError: Its configuration is damaged.
    """
    from cifar_tui.store.stored_run import stored_run

    config = folder.read_record().options
    with contextlib.suppress(CifarTuiError):
        found = stored_run(folder)
        place = found.locations[0]
        return replace(config, data=place.data, data_dir=place.data_dir, model_dir=found.config.model_dir)
    return config


def recorded_device(folder: RunFolder) -> str | None:
    """The name of the device that a run was started on, which its events do not have."""
    with contextlib.suppress(CifarTuiError):
        return folder.read_record().device_name
    return None
