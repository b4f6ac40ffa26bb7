"""Whether the model class that a run names may be executed: the run may have come from anybody."""

from __future__ import annotations

import os
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened
from cifar_tui.models import user_class
from cifar_tui.models.user_class import UntrustedClassError
from cifar_tui.models.user_class.location import NoModuleError
from cifar_tui.records import NO_OVERRIDES, Overrides
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run


def find(folder: RunFolder, overrides: Overrides = NO_OVERRIDES) -> UntrustedClassError | None:
    """The question to ask before the class is executed; None where it is trusted, or the model is a built-in one.

    Args:
        folder: The run's.
        overrides: Options to use instead of those that it was made with.

    Raises:
        InputError: There is no such class, or it lies where runs are kept; or the run's configuration is damaged.
    """
    options = stored_run(folder, overrides).config
    # Where the run's folder is a link, it lies among other runs somewhere else.
    barred = (folder.path.parent, Path(os.path.realpath(folder.path)).parent, folder.path)
    try:
        return user_class.untrusted(options.model, options.model_dir, barred)
    except NoModuleError:
        where = "which --model-dir names" if overrides.model_dir else "where it was trained"
        trained = "not in the current folder"
        if options.model_dir:
            trained = f"neither in the current folder nor in {shortened(options.model_dir)}, {where}"
        raise InputError(
            f"the model of {folder.id} is {shortened(options.model)}, whose source is {trained}; get it from whoever "
            "trained the run, and name the folder that holds it by --model-dir"
        ) from None
