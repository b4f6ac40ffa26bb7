"""The images of runs, in memory: read once for all runs on the same ones, and found where they are now."""

from __future__ import annotations

import importlib.metadata
import threading

from cifar_tui.config import TrainingConfig
from cifar_tui.data import sources
from cifar_tui.data.dataset import ProgressCallback, Source, fingerprint
from cifar_tui.data.image_folder.files import RULES
from cifar_tui.errors import InputError
from cifar_tui.records import DataLocation, StoredRun


class ImageCache:
    """Keeps the images that were read last, so that runs on the same ones read them once. Threads may share it."""

    def __init__(self) -> None:
        self._last: tuple[tuple[str, str | None, int], Source] | None = None
        self._reading = threading.Lock()

    def load(
        self,
        place: DataLocation | TrainingConfig,
        progress: ProgressCallback,
        *,
        stored: bool = False,
        rules: int = RULES,
    ) -> Source:
        """Read the images at a place, unless they were the last ones read.

        Args:
            place: By the options of a run that name it.
            progress: Called with each step; what it raises ends the reading.
            stored: Whether they are those of a run in a folder, which may have come from anybody: CIFAR-10 is
                looked for in the folder that they name, but never downloaded into it.
            rules: Those by which folders are read; a run keeps the ones that it started with.

        Raises:
            InputError: They are missing or not usable.
            CifarTuiError: They could not be read.
        """
        wanted = (place.data, place.data_dir, rules)
        while not self._reading.acquire(timeout=0.1):
            # Another run reads; where this one is asked to stop meanwhile, `progress` raises.
            progress("waiting for another run's images", 0, 0)
        try:
            if self._last is None or self._last[0] != wanted:
                self._last = (wanted, sources.read(place.data, place.data_dir, progress, stored=stored, rules=rules))
            return self._last[1]
        finally:
            self._reading.release()

    def load_stored(self, stored: StoredRun, progress: ProgressCallback) -> tuple[Source, DataLocation]:
        """Find the images of a recorded run by its fingerprint, among the places where they may be, and read them.

        Raises:
            InputError: They are in none of them; the message names these.
            CifarTuiError: They could not be read.
        """
        reasons = []
        for where in stored.locations:
            if not where.exists:
                reasons.append(f"{where.label} is not there")
                continue
            try:
                if stored.overrides.data is not None and where.data == "cifar10" and where.data_dir is not None:
                    sources.check_cifar10(where.data_dir)
                source = self.load(where, progress, stored=True, rules=stored.rules)
            except InputError as error:
                reasons.append(str(error).removeprefix("--data: "))
                continue
            if fingerprint(source) == stored.fingerprint:
                return source, where
            reasons.append(f"{where.label} has other images{_decoder(stored)}")
        raise InputError(
            f"the images of {stored.id} were not found: {'; '.join(reasons)}; "
            "name their folder with --data PATH, which resume, evaluate and report take"
        )


def _decoder(stored: StoredRun) -> str:
    """Whether another decoder may be why images differ."""
    before, now = stored.versions.get("pillow"), importlib.metadata.version("pillow")
    return "" if before in (None, now) else f" (or decodes them differently: Pillow is {now} here and was {before})"
