"""What has changed among the runs of a folder, whoever trains them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cifar_tui.store import catalog
from cifar_tui.store.run_folder import RunFolder

UNDER_WAY = ("running", "paused")


@dataclass(slots=True)
class _Known:
    """A run as it was at the last look."""

    stamp: tuple[int, int] | None
    """When its summary was replaced, and by which file; None where it has none."""
    summary: dict[str, Any]


class Census:
    """Looks again and again, at little cost: a summary is read where it was replaced, a lock where one was held."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._known: dict[str, _Known] = {}

    def look(self) -> list[tuple[RunFolder, dict[str, Any]]]:
        """The runs, newest first, whose summaries are other than at the last look: at the first one, all."""
        changed = []
        for folder in catalog.run_folders(self._runs_dir):
            known, stamp = self._known.get(folder.id), _stamp(folder)
            if known is not None and known.stamp == stamp and known.summary.get("state") not in UNDER_WAY:
                continue
            summary = catalog.summary_of(folder)
            if known is None or known.summary != summary:
                changed.append((folder, summary))
            self._known[folder.id] = _Known(stamp, summary)
        return changed


def _stamp(folder: RunFolder) -> tuple[int, int] | None:
    status = folder.files.status(folder.summary_file.name)
    return None if status is None else (status.st_mtime_ns, status.st_ino)
