"""A comparison's report: Markdown with its pictures beside it, or one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from cifar_tui.analysis.comparison import Comparison
from cifar_tui.errors import InputError
from cifar_tui.report.comparison_report import comparison_md
from cifar_tui.report.html import page
from cifar_tui.report.plots.comparison import draw_classes_of_runs, draw_curves_of_runs
from cifar_tui.state.run_state import RunState
from cifar_tui.system.files import replacing

SUFFIXES = (".md", ".html")


def check(path: Path) -> None:
    """Check that a report can be written there, before anything is computed for it.

    Raises:
        InputError: Its suffix is not one of `SUFFIXES`, or its folder is not there.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"--report takes a file that ends in {' or '.join(SUFFIXES)}, not {str(path)!r}")
    if not path.parent.is_dir():
        raise InputError(f"--report: there is no folder {str(path.parent)!r}")


def write(path: Path, comparison: Comparison, states: Sequence[RunState]) -> None:
    """Write the report, in the format of its suffix; pictures of a Markdown file are named after it.

    Args:
        path: The file.
        comparison: The comparison to report.
        states: The runs', in its order.

    Raises:
        InputError: It cannot be written.
    """
    curves = f"{path.stem}-curves.png"
    groups = [f"{path.stem}-classes{f'-{n}' if n > 1 else ''}.png" for n in range(1, len(comparison.same_classes) + 1)]
    pictures: dict[str, bytes] = {}
    if any(state.epochs for state in states):
        pictures[curves] = draw_curves_of_runs([run.label for run in comparison.runs], states)
    for name, group in zip(groups, comparison.same_classes, strict=True):
        runs = [comparison.runs[n] for n in group]
        pictures[name] = draw_classes_of_runs([run.label for run in runs], [run.classes for run in runs])
    # In Markdown, a name with a space or a bracket has to be written as in an address.
    links = {quote(name): content for name, content in pictures.items()}
    text = comparison_md(comparison, quote(curves) if curves in pictures else "", [quote(name) for name in groups])
    if path.suffix == ".html":
        files = {path.name: page(text, links.get).encode()}
    else:
        files = {**pictures, path.name: text.encode()}
    try:
        for name, content in files.items():
            with replacing(path.parent / name) as temporary:
                temporary.write_bytes(content)
    except OSError as error:
        raise InputError(f"--report: {str(path)!r} cannot be written: {error.strerror or error}") from None
