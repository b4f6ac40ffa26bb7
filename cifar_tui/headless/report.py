"""`cifar-tui report`: a run's report, written now."""

from __future__ import annotations

import sys
from pathlib import Path

from cifar_tui.errors import InputError
from cifar_tui.formatting import printable
from cifar_tui.headless.displays import PlainDisplay
from cifar_tui.records import Overrides, RunRecord
from cifar_tui.report.run_files import HTML, REPORT, missing_fonts, write_html
from cifar_tui.runs.workspace import write_report
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system.output import line


def report_run(folder: RunFolder, overrides: Overrides, *, as_html: bool, output: Path | None) -> int:
    """Write the report and print where it is.

    Args:
        folder: The run.
        overrides: Where its images are now, if they have moved.
        as_html: Also write it as one HTML file, in the run's folder.
        output: Write that file here instead, whether or not `as_html`.

    Returns:
        The exit status: 1 where anything could not be written, else 0.

    Raises:
        InputError: What the run has recorded is damaged, or `output` cannot be written.
    """
    if output is not None and output.suffix != ".html":
        raise InputError(f"--output takes a file that ends in .html, not {str(output)!r}")
    if output is not None and not output.parent.is_dir():
        raise InputError(f"--output: there is no folder {str(output.parent)!r}")
    problems = write_report(folder, overrides, PlainDisplay().progress)
    for problem in problems:
        print(f"cifar-tui: {printable(problem)}", file=sys.stderr)
    record = folder.read_any_record()
    classes = record.dataset.classes if isinstance(record, RunRecord) else ()
    if missing := missing_fonts(classes):
        print(f"cifar-tui: {missing}", file=sys.stderr)
    written = folder.path / REPORT
    if as_html or output is not None:
        written = output or folder.path / HTML
        write_html(folder.path, written)
    line(printable(str(written)))
    return 1 if problems else 0
