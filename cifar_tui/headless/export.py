"""`cifar-tui export`: a run's weights and curves in files that other programs read."""

from __future__ import annotations

import json
from pathlib import Path

from cifar_tui.formatting import count, printable
from cifar_tui.headless.displays import PlainDisplay
from cifar_tui.records import Overrides
from cifar_tui.runs.export import export
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.output import line


def export_run(folder: RunFolder, form: str, output: Path | None, overrides: Overrides, *, as_json: bool) -> None:
    """Write the files, and print where they are.

    Raises:
        InputError: There is no such format, the run has nothing to export, or the files cannot be written.
        CifarTuiError: A package is missing, or the exported model's logits differ from the run's.
    """
    written = export(folder, form, output, PlainDisplay().progress, overrides.model_dir)
    if as_json:
        found = {"id": folder.id, "format": form, "files": [str(path) for path in written.files]}
        line(json.dumps(found | {"max_difference": written.difference, "epochs": written.epochs}))
        return
    details = ""
    if written.difference is not None:
        details = f"; checked: its logits are within {written.difference:.1e} of the model's"
    elif written.epochs == 0:
        details = "; the run has no complete epoch yet"
    for path in written.files:
        line(f"{printable(str(path))}: {count(path.stat().st_size)} bytes{details}")
