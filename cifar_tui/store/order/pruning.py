"""What of a run's checkpoints still serves: of a finished run its best weights, of another one what it is resumed from.

`evaluate`, `predict`, `export`, `report` and `compare` need the best weights alone, which `model.safetensors` has too.
"""

from __future__ import annotations

import stat
import zipfile
from dataclasses import dataclass

from cifar_tui.errors import InputError
from cifar_tui.records import BEST, LAST, PREVIOUS, WEIGHTS, RunRecord
from cifar_tui.store.lock import RunLock, is_held
from cifar_tui.store.run_folder import CHECKPOINTS, RunFolder
from cifar_tui.system.folders import Folder
from cifar_tui.system.untrusted import bounded_json

MOST_HEADER, MOST_MEMORY = 2_000_000, 80_000_000
"""Bytes of the header of `model.safetensors`, about a hundred for each of the model's tensors, and of its values."""


@dataclass(frozen=True, slots=True)
class Prunable:
    """Files of a run that serve nothing any more.

    Attributes:
        folder: The run.
        files: Their names among its checkpoints.
        size: The bytes that removing them frees.
    """

    folder: RunFolder
    files: tuple[str, ...]
    size: int


def find_prunable(folder: RunFolder) -> Prunable | None:
    """What may be removed of a run; None where that is nothing, or where it is trained now."""
    return None if is_held(folder.path) else _find(folder)


def prune(folder: RunFolder) -> int:
    """Remove it, as the run's owner: no process can begin to train the run meanwhile.

    Returns:
        The bytes that this has freed.

    Raises:
        InputError: The run is trained now, or a checkpoint that would be left is damaged; or its files may not be
            removed.
    """
    try:
        owner = RunLock(folder.path)
        try:
            found = _find(folder)
            if found is None:
                return 0
            checkpoints = _checkpoints(folder)
            for kept in (LAST, BEST):
                if kept not in found.files and checkpoints.exists(kept) and not _is_whole(checkpoints, kept):
                    raise InputError(f"{folder.id}: {kept} is damaged, so that the other checkpoints are kept")
            for name in found.files:
                checkpoints.remove(name)
            return found.size
        finally:
            owner.release()
    except OSError as error:
        raise InputError(f"{folder.path} cannot be pruned: {error.strerror or error}") from None


def _find(folder: RunFolder) -> Prunable | None:
    try:
        state, record = folder.read_summary().state, folder.read_any_record()
    except InputError:
        return None
    if state is None or not isinstance(record, RunRecord):
        return None
    if folder.path.is_symlink() or folder.checkpoints.is_symlink():
        return None
    checkpoints = _checkpoints(folder)
    try:
        leftovers = [name for name in checkpoints.names() if name.startswith(".") and name.endswith(".tmp")]
    except OSError:
        return None
    if not any(map(checkpoints.is_file, (LAST, PREVIOUS, BEST, *leftovers))):
        return None
    kept: set[str] = set() if _has_weights(folder, record) else {BEST}
    needed = kept
    if state != "finished" or not _is_finished(folder):
        kept, needed = kept | {LAST}, {LAST}
    if not all(map(checkpoints.is_file, needed)):
        return None
    files = [name for name in (LAST, PREVIOUS, BEST, *leftovers) if name not in kept and checkpoints.is_file(name)]
    size = _freed(checkpoints, files)
    return Prunable(folder, tuple(files), size) if size else None


def _is_finished(folder: RunFolder) -> bool:
    """Whether its events say so too: a summary may be of another time."""
    try:
        return folder.read_state().status == "finished"
    except InputError:
        return False


def _checkpoints(folder: RunFolder) -> Folder:
    return folder.files.folder(CHECKPOINTS)


def _freed(checkpoints: Folder, names: list[str]) -> int:
    """The bytes of files all of whose names are among these: a checkpoint may have several."""
    found = [status for name in names if (status := checkpoints.status(name)) is not None]
    counts: dict[int, int] = {}
    for status in found:
        counts[status.st_ino] = counts.get(status.st_ino, 0) + 1
    sizes = {s.st_ino: s.st_size for s in found if stat.S_ISREG(s.st_mode) and counts[s.st_ino] == s.st_nlink}
    return sum(sizes.values())


def _has_weights(folder: RunFolder, record: RunRecord) -> bool:
    """Whether `model.safetensors` is whole and the run's own, as far as its header and its length tell."""
    try:
        with folder.files.open_to_read(WEIGHTS) as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MOST_HEADER:
                return False
            header = bounded_json.parse(file.read(length).decode(), MOST_MEMORY)
            end = max(int(each["data_offsets"][1]) for name, each in header.items() if name != "__metadata__")
            about = header["__metadata__"]
            classes = bounded_json.parse(about["classes"], MOST_MEMORY)
            own = (about["model"], classes) == (record.options.model, [*record.dataset.classes])
            return own and file.seek(0, 2) == 8 + length + end
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return False


def _is_whole(checkpoints: Folder, name: str) -> bool:
    """Whether a checkpoint is what was written, by its checksums."""
    try:
        with checkpoints.open_to_read(name) as file, zipfile.ZipFile(file) as packed:
            return packed.testzip() is None
    except (OSError, ValueError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile):
        return False
