"""The options that a new run takes from another one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import CifarTuiError
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_list import RunList


def copied_options(runs: RunList, entry: Entry, runs_dir: Path) -> tuple[TrainingConfig, str]:
    """A run's options for a new one: without a class that a run from anybody names, and the user has not.

    Returns:
        The options, and why the model is not among them; empty where it is.

    Raises:
        CifarTuiError: The run's configuration is damaged.
    """
    if entry.log is not None:
        return TrainingConfig(), ""
    options = runs.options(entry)
    if entry.folder is None or entry.active:
        return options, ""
    from cifar_tui.models import user_class

    try:
        untrusted = user_class.untrusted(options.model, options.model_dir, (runs_dir, entry.folder.path))
    except CifarTuiError as error:
        why = str(error)
    else:
        if untrusted is None:
            return options, ""
        why = f"{untrusted.model} is not filled in: train it by name first"
    return replace(options, model=TrainingConfig().model, model_dir=None), why
