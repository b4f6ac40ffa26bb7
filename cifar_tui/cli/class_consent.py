"""Consent to run a model class that this user has not named yet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cifar_tui.cli.invocation import Invocation
from cifar_tui.cli.stderr import print_message
from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.models import user_class
from cifar_tui.models.user_class import UntrustedClassError

if TYPE_CHECKING:
    from cifar_tui.store.run_folder import RunFolder


def check_class(call: Invocation, folder: RunFolder, agreed: str | None = None) -> str | None:
    """Check that the class of a run's model may be run; ask, on a terminal.

    Args:
        call: What the command was given.
        folder: The run.
        agreed: The digest of a class that the process which started this one was allowed to run.

    Returns:
        The digest of the class, where it had to be asked about.

    Raises:
        UntrustedClassError: It may not.
        InputError: There is no such class, or it lies where runs are kept; or the run's configuration is damaged.
    """
    from cifar_tui.runs import untrusted_class

    if (untrusted := untrusted_class.find(folder, call.overrides)) is None:
        return None
    digest = user_class.trust.digest(untrusted.key)
    _confirm(untrusted, trusted=call.options.trust or agreed == digest, as_json=call.options.json)
    return digest


def check_named_class(call: Invocation, config: TrainingConfig, runs_dir: Path, *, agreed: bool = False) -> None:
    """Check the same of a new run's model: it may be run where the command line has named it.

    Args:
        call: What the command was given.
        config: The run's options.
        runs_dir: The folder of runs.
        agreed: Whether the process which started this one was allowed to run it.

    Raises:
        InputError: There is no such class, or it lies in the folder of runs; or the configuration file alone names it.
    """
    if (untrusted := user_class.untrusted(config.model, config.model_dir, (runs_dir,))) is None:
        return
    # What the command line names is the user's; what a file names may be anybody's.
    named = "model" in call.given and ("model_dir" in call.given or "model_dir" not in call.file)
    try:
        _confirm(untrusted, trusted=call.options.trust or named or agreed, as_json=call.options.json)
    except UntrustedClassError:
        raise InputError(
            f"{call.options.config} names {untrusted.model} ({untrusted.file}), which you have not trained here; "
            "give it by --model once, or give --trust"
        ) from None


def _confirm(untrusted: UntrustedClassError, *, trusted: bool, as_json: bool) -> None:
    """Have the user confirm that a class may be run, unless it is trusted already; remember it.

    Raises:
        UntrustedClassError: There is nobody to ask.
        InputError: The answer is no.
    """
    if not trusted:
        if as_json or not _is_interactive():
            raise untrusted
        print_message(f"{untrusted.what}; read that file first, it can do whatever you can")
        if not click.confirm("Trust and run it?", err=True):
            raise InputError(f"{untrusted.model} is not trusted, so it was not run")
    if not user_class.trust.allow(untrusted.key):
        print_message("the trust in this class cannot be saved: your state folder is not writable")


def _is_interactive() -> bool:
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())
