"""One run's folder, `runs/<id>/`: its files, how it is created, how it is read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.events import AnyEvent
from cifar_tui.formatting import printable, shortened
from cifar_tui.records import Labels, RunRecord, ScriptRecord, Summary
from cifar_tui.state.run_state import RunState
from cifar_tui.store import state_file
from cifar_tui.store.event_reader import EVENTS, Tail, read_events
from cifar_tui.system.folders import Folder
from cifar_tui.system.untrusted import bounded_json, codec
from cifar_tui.system.untrusted.codec import CodecError

CONFIG, SUMMARY, LABELS = "config.json", "summary.json", "labels.json"
CHECKPOINTS = "checkpoints"
CONFIG_BYTES, SUMMARY_BYTES, LABELS_BYTES = 4_000_000, 256_000, 64_000
"""The most that these may hold: thousands of class names, a few dozen numbers, and a note with tags."""
MEMORY_PER_BYTE = 40
"""The most memory of the values in these files."""


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
        """Opens the files in it."""
        return Folder(self.path)

    @property
    def config_file(self) -> Path:
        """All it takes to train the run again."""
        return self.path / CONFIG

    @property
    def events_file(self) -> Path:
        """The run's events, one a line."""
        return self.path / EVENTS

    @property
    def summary_file(self) -> Path:
        """The run in numbers."""
        return self.path / SUMMARY

    @property
    def state_file(self) -> Path:
        """The state that a long run's events make."""
        return self.path / state_file.STATE

    @property
    def metrics_file(self) -> Path:
        """A row for each epoch."""
        return self.path / "metrics.csv"

    @property
    def log_file(self) -> Path:
        """The output of a run without a terminal."""
        return self.path / "log.txt"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / CHECKPOINTS

    def read_record(self) -> RunRecord:
        """The content of `config.json`, with the current id and runs directory.

        Raises:
            InputError: It is missing or damaged.
        """
        content = self._read_object(CONFIG, CONFIG_BYTES)
        if "source" in content:
            source = f"{content['source']!s:.100}"
            raise InputError(f"{self.id} was recorded by a {source}: neither its model nor its weights are known here")
        options = content.get("options")
        if not isinstance(options, dict) or "model" not in options:
            raise InputError(f"{self.config_file}: damaged, options is {shortened(options)}")
        content |= {
            "options": TrainingConfig.from_dict(options, str(self.config_file)),
            "id": self.id,
            "runs_dir": str(self.path.parent),
        }
        if not isinstance(content.get("relative"), dict):
            content["relative"] = {}
        try:
            return codec.decode(RunRecord, content)
        except CodecError as error:
            raise InputError(f"{self.config_file}: damaged, {error}") from None

    def read_any_record(self) -> RunRecord | ScriptRecord:
        """The content of `config.json`, likewise, also of a training that is not this program's own.

        Raises:
            InputError: It is missing or damaged.
        """
        content = self._read_object(CONFIG, CONFIG_BYTES)
        if "source" not in content:
            return self.read_record()
        try:
            return codec.decode(ScriptRecord, content | {"id": self.id, "runs_dir": str(self.path.parent)})
        except CodecError as error:
            raise InputError(f"{self.config_file}: damaged, {error}") from None

    def check_own(self) -> None:
        """Check that files written into this folder stay in it.

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

    def write_record(self, record: RunRecord | ScriptRecord) -> None:
        """Replace `config.json`.

        Raises:
            OSError: It could not be written.
        """
        self.files.write_text(CONFIG, json.dumps(codec.encode(record), indent=2) + "\n")

    def read_created(self) -> str:
        """When the run was made, by its `config.json`, whatever else that says; empty where it does not say it.

        Raises:
            InputError: It is missing, or no JSON object.
        """
        created = self._read_object(CONFIG, CONFIG_BYTES).get("created")
        return created if isinstance(created, str) else ""

    def read_fingerprint(self) -> str:
        """The fingerprint of the run's images, likewise; empty where it is not known.

        Raises:
            InputError: `config.json` is missing, or no JSON object.
        """
        dataset = self._read_object(CONFIG, CONFIG_BYTES).get("dataset")
        return str(dataset.get("fingerprint", "")) if isinstance(dataset, dict) else ""

    def update_paths(self, options: dict[str, str | None], dataset: str, relative: dict[str, str]) -> None:
        """Replace paths in `config.json`, and nothing else of what any version has written there.

        Args:
            options: Paths among the run's options, by field name.
            dataset: The name of its dataset.
            relative: Paths among its options, relative as `RunRecord.relative`.

        Raises:
            InputError: `config.json` is missing or damaged.
            OSError: It could not be written.
        """
        self.read_record()
        content = self._read_object(CONFIG, CONFIG_BYTES)
        content["options"] |= options
        content["dataset"]["name"] = dataset
        content["relative"] = relative
        self.files.write_text(CONFIG, json.dumps(content, indent=2) + "\n")

    def read_summary(self) -> Summary:
        """The content of `summary.json`; a damaged value is None.

        Raises:
            InputError: It is missing, or no JSON object.
        """
        return codec.decode_known(Summary, self._read_object(SUMMARY, SUMMARY_BYTES) | {"id": self.id})

    def write_summary(self, summary: Summary) -> None:
        """Replace `summary.json`.

        Raises:
            OSError: It could not be written.
        """
        self.files.write_text(SUMMARY, json.dumps(summary.to_json(), indent=2) + "\n")

    def read_labels(self) -> Labels:
        """The content of `labels.json`, each text on one line; what is missing or damaged is at its default."""
        try:
            found = codec.decode_known(Labels, self._read_object(LABELS, LABELS_BYTES))
        except (InputError, CodecError):
            return Labels()
        return replace(found, note=printable(found.note), tags=tuple(map(printable, found.tags)))

    def write_labels(self, labels: Labels) -> None:
        """Replace `labels.json`.

        Raises:
            OSError: It could not be written.
        """
        self.files.write_text(LABELS, json.dumps(codec.encode(labels)) + "\n")

    def events(self, start: int = 0) -> Iterator[AnyEvent]:
        """The run's events in order, without lines that are none, such as an incomplete last one.

        Args:
            start: The byte at which the first line starts.

        Raises:
            InputError: The file is there, but cannot be read.
        """
        try:
            with self.files.open_to_read(EVENTS) as stream:
                stream.seek(start)
                yield from read_events(stream)
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self.events_file}: cannot be read: {error.strerror}") from None

    def read_state(self) -> RunState:
        """The state that the run's events make.

        Raises:
            InputError: They cannot be read.
        """
        state, start = state_file.read(self.files)
        for event in self.events(start):
            state.apply(event)
        return state

    def follow(self) -> tuple[RunState, Tail]:
        """The state that the run's events make so far, and the tail that reads those after them.

        Raises:
            InputError: They cannot be read.
        """
        state, start = state_file.read(self.files)
        tail = Tail(self.files, start)
        while events := tail.read():
            for event in events:
                state.apply(event)
        return state, tail

    def save_state(self, state: RunState) -> None:
        """Save the state that all the run's events make, where reading them again would take long.

        Raises:
            OSError: It could not be written.
        """
        state_file.write(state, self.files)

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


def create(
    runs_dir: Path, name: str, now: datetime, record: Callable[[RunFolder], RunRecord | ScriptRecord]
) -> RunFolder:
    """Create the folder of a new run, `YYYYMMDD-HHMMSS-<name>`; `-2`, `-3`, … follow where that exists.

    Args:
        runs_dir: The folder of all runs; created where it is missing.
        name: The end of the run's id.
        now: The time at its beginning.
        record: Makes the run's record, given its folder.

    Raises:
        InputError: It cannot be created there.
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
                folder.write_record(record(folder))
            except BaseException:
                shutil.rmtree(path)
                raise
            return folder
    except OSError as error:
        raise InputError(
            f"cannot create a run's folder in {runs_dir}: {error.strerror}; choose another --runs-dir"
        ) from None
    raise InputError(f"{runs_dir} has a thousand runs of this second and name")


def discard(folder: RunFolder) -> None:
    """Remove the folder of a new run that could not start."""
    shutil.rmtree(folder.path, ignore_errors=True)
