"""One run's folder, `runs/<id>/`: where its files are, how it begins, how it is read back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cifar_tui.config import TrainingConfig
from cifar_tui.confusion_matrix import MOST_CLASSES
from cifar_tui.errors import InputError
from cifar_tui.events import MOST_WHOLE, AnyEvent
from cifar_tui.formatting import shortened
from cifar_tui.state import RunState
from cifar_tui.store import fold
from cifar_tui.store.stream import events_of
from cifar_tui.system import bounded_json
from cifar_tui.system.folders import Folder

CHECKPOINTS = "checkpoints"
CONFIG_BYTES, SUMMARY_BYTES = 4_000_000, 256_000
"""What `config.json` and `summary.json` may hold: the names of thousands of classes, and a few dozen figures."""
MEMORY_PER_BYTE = 40
"""Of the values in these files, at most."""
RECORD: dict[str, Any] = {
    "created": str,
    "command": [str],
    "options": {"model": str},
    "seed": int,
    "dataset": {
        "name": str,
        "fingerprint": str,
        "train": int,
        "validation": int,
        "test": int,
        "classes": [str],
        "rules": int,
        "splits": str,
    },
    "device": str,
    "device_name": str,
    "precision": str,
    "threads": int,
    "parameters": int,
    "versions": {"cifar-tui": str, "python": str},
}
"""What a `config.json` must hold for its run to be resumed, or reported on: names, and types of values."""
FIRST_DATASET = {"rules": 1, "splits": ""}
"""What holds where a `config.json` says nothing of how its images were read."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a run that exists."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id, which is the folder's name."""
        return self.path.name

    @property
    def files(self) -> Folder:
        """What all that is in it is opened by."""
        return Folder(self.path)

    @property
    def config_file(self) -> Path:
        """All it takes to run it again."""
        return self.path / "config.json"

    @property
    def events_file(self) -> Path:
        """The run's stream, one event a line."""
        return self.path / "events.jsonl"

    @property
    def summary_file(self) -> Path:
        """The run in numbers."""
        return self.path / "summary.json"

    @property
    def state_file(self) -> Path:
        """What a long stream's events come to."""
        return self.path / "state.json"

    @property
    def metrics_file(self) -> Path:
        """A row an epoch."""
        return self.path / "metrics.csv"

    @property
    def log_file(self) -> Path:
        """What a run that nobody watches would print."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """The folder of the training states."""
        return self.path / CHECKPOINTS

    def read_config(self) -> dict[str, Any]:
        """The content of `config.json`.

        Raises:
            InputError: It is missing or damaged.
        """
        return self._read_object("config.json", CONFIG_BYTES)

    def read_options(self) -> TrainingConfig:
        """The run's options, with what `auto` came to where its numbers depend on it.

        Raises:
            InputError: `config.json` is missing or damaged.
        """
        record = self.read_record()
        resolved = {field: record[field] for field in ("precision", "threads")}
        return TrainingConfig.from_dict(record["options"] | resolved, str(self.config_file))

    def read_record(self) -> dict[str, Any]:
        """The content of `config.json`, whole and of the right types, with the id and the place that it has now.

        Raises:
            InputError: It is missing or damaged.
        """
        content = self.read_config()
        if isinstance(content.get("dataset"), dict):
            content["dataset"] = FIRST_DATASET | content["dataset"]
        _check(content, RECORD, str(self.config_file), "")
        if len(content["dataset"]["classes"]) > MOST_CLASSES:
            raise InputError(f"{self.config_file}: damaged, it names more than {MOST_CLASSES:,} classes")
        options = TrainingConfig.from_dict(content["options"], str(self.config_file)).to_dict()
        return content | {"options": options, "id": self.id, "runs_dir": str(self.path.parent)}

    def check_own(self) -> None:
        """See that what is written into this folder stays in it.

        Raises:
            InputError: It, or its folder of checkpoints, is a link; or it is missing.
        """
        for path in (self.path, self.checkpoints):
            if path.is_symlink():
                raise InputError(f"{path} is a link: a run is written to its own folder alone; move it to there")
        try:
            self.files.check_is_own()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be opened: {error.strerror}") from None

    def write_config(self, config: dict[str, Any]) -> None:
        """Replace `config.json`.

        Raises:
            OSError: It could not be written.
        """
        self.files.write_text("config.json", json.dumps(config, indent=2) + "\n")

    def read_summary(self) -> dict[str, Any]:
        """The content of `summary.json`.

        Raises:
            InputError: It is missing or damaged.
        """
        return self._read_object("summary.json", SUMMARY_BYTES)

    def events(self, start: int = 0) -> Iterator[AnyEvent]:
        """The run's events in order; lines that are none, such as a last one that was cut short, are left out.

        Args:
            start: Begin with the line at this byte.

        Raises:
            InputError: The file is there, but cannot be read.
        """
        try:
            with self.files.open_to_read("events.jsonl") as stream:
                stream.seek(start)
                yield from events_of(stream)
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self.events_file}: cannot be read: {error.strerror}") from None

    def read_state(self) -> RunState:
        """The fold of the run's events.

        Raises:
            InputError: They cannot be read.
        """
        state, start = fold.read(self.events_file, self.state_file)
        for event in self.events(start):
            state.apply(event)
        return state

    def keep_state(self, state: RunState) -> None:
        """Keep the fold of all the run's events, where reading them again would take long.

        Raises:
            OSError: It could not be written.
        """
        fold.write(state, self.events_file, self.state_file)

    def _read_object(self, name: str, most_bytes: int) -> dict[str, Any]:
        path = self.path / name
        try:
            text = self.files.read_bytes(name, most_bytes).decode()
            content = bounded_json.parse(text, most_bytes * MEMORY_PER_BYTE)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        except ValueError:
            raise InputError(f"{path}: damaged, not JSON") from None
        if not isinstance(content, dict):
            raise InputError(f"{path}: damaged, not a JSON object")
        return content


def create(runs_dir: Path, name: str, now: datetime, config: Callable[[RunFolder], dict[str, Any]]) -> RunFolder:
    """Make the folder of a new run, `YYYYMMDD-HHMMSS-<name>`; `-2`, `-3`, … follow where that is taken.

    Args:
        runs_dir: Where to make it; made too where it is missing.
        name: What the run's id ends in.
        now: The time that it begins with.
        config: Gives the content of its `config.json`.

    Raises:
        InputError: It cannot be made there.
    """
    run_id = f"{now:%Y%m%d-%H%M%S}-{name}"
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            path = runs_dir / (run_id if number == 1 else f"{run_id}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            folder = RunFolder(path)
            try:
                folder.files.folder(CHECKPOINTS).make()
                folder.write_config(config(folder))
            except BaseException:
                shutil.rmtree(path)
                raise
            return folder
    except OSError as error:
        raise InputError(
            f"cannot make a run's folder in {runs_dir}: {error.strerror}; choose another --runs-dir"
        ) from None
    raise InputError(f"{runs_dir} has a thousand runs of this second and name")


def discard(folder: RunFolder) -> None:
    """Remove the folder of a new run that could not begin."""
    shutil.rmtree(folder.path, ignore_errors=True)


def _check(value: Any, kind: Any, source: str, name: str) -> None:
    if isinstance(kind, list):
        fits = isinstance(value, list) and all(type(item) is kind[0] for item in value)
    elif isinstance(kind, dict):
        fits = isinstance(value, dict)
        for inner, its_kind in kind.items() if fits else ():
            _check(value.get(inner), its_kind, source, f"{name}.{inner}".lstrip("."))
    else:
        fits = type(value) is kind and (kind is not int or 0 <= value <= MOST_WHOLE)
    if not fits:
        raise InputError(f"{source}: damaged, {name} is {shortened(value)}")
