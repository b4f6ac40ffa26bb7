"""Whether the class of a run's model may be run, where it is one of somebody's own: the run may be anybody's."""

from __future__ import annotations

from cifar_tui.models import own
from cifar_tui.models.own import UnknownClassError
from cifar_tui.store.run_folder import RunFolder


def unknown(folder: RunFolder) -> UnknownClassError | None:
    """What is to be asked before the class is run; None where it may be run, or is one of ours.

    Raises:
        InputError: There is no such class, or it lies where runs are kept; or the run's configuration is damaged.
    """
    options = folder.read_options()
    return own.unknown(options.model, options.model_dir, (folder.path.parent, folder.path))


def allow(folder: RunFolder) -> None:
    """Have the class run, now and later: this user has said so.

    Raises:
        InputError: As of `unknown`.
    """
    options = folder.read_options()
    own.allow(options.model, options.model_dir, (folder.path.parent, folder.path))
