"""A run's events as TensorBoard reads them: curves over the training images seen."""

from __future__ import annotations

import importlib.util
import os
import socket
import time
from datetime import datetime
from typing import Any, BinaryIO, Self, cast

from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.events import (
    AnyEvent,
    Batch,
    BatchThrottle,
    DeviceUsage,
    Epoch,
    Evaluated,
    Metric,
    Note,
    Resumed,
    RunStarted,
)
from cifar_tui.state.run_state import series_name
from cifar_tui.state.usage import usage_series
from cifar_tui.store.run_folder import RunFolder

FOLDER = "tensorboard"
"""In the run's folder, where its events are mirrored while it trains."""
PREFIX = "events.out.tfevents."
"""What the names of its files begin with, by which TensorBoard finds them."""
VERSION = "brain.Event:2"
"""From this version on, TensorBoard drops what a resumed run repeats."""
MISSING = "TensorBoard's files need one more package: pip install 'cifar-tui[tensorboard]'"


def require() -> None:
    """Check that the package is installed, without importing it.

    Raises:
        CifarTuiError: It is not.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise CifarTuiError(MISSING)


def start_time(folder: RunFolder) -> float:
    """When the run started, in seconds since 1970.

    Raises:
        InputError: Its `config.json` is missing or damaged.
    """
    try:
        return datetime.fromisoformat(folder.read_created()).timestamp()
    except ValueError:
        raise InputError(f"{folder.config_file}: damaged, it does not say when the run was made") from None


class EventFile:
    """A new file for TensorBoard. Its times are the run's own: when it began, and the seconds since."""

    def __init__(self, file: BinaryIO, began: float) -> None:
        """Begin the file.

        Args:
            file: Open to write, unbuffered where somebody looks meanwhile; it is closed with this.
            began: When the run started, in seconds since 1970.

        Raises:
            CifarTuiError: TensorBoard is not installed.
            OSError: The file cannot be written.
        """
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError:
            file.close()
            raise CifarTuiError(MISSING) from None
        # The modules that protocol buffers are made into say nothing of their types.
        self._event: Any = event_pb2.Event
        self._session_log: Any = event_pb2.SessionLog
        self._summary: Any = summary_pb2.Summary
        self._began = began
        self._samples = 0
        self._records: Any = RecordWriter(file)
        self._put(0.0, file_version=VERSION)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write no more."""
        self._records.close()

    def write(self, event: AnyEvent) -> None:
        """Write what TensorBoard shows of the run's next event.

        Raises:
            OSError: The file cannot be written.
        """
        match event:
            case RunStarted():
                self._samples = 0
                self._restart(event.t, 0)
            case Resumed():
                self._samples = event.samples
                self._restart(event.t, event.samples + 1)
            case Batch():
                self._samples = event.samples
                self._scalars(
                    event.t, {"batch/loss": event.loss, "batch/accuracy": event.accuracy, "batch/lr": event.lr}
                )
            case Epoch():
                self._samples = event.samples
                scalars = {
                    "loss/train": event.train_loss,
                    "loss/validation": event.val_loss,
                    "accuracy/train": event.train_accuracy,
                    "accuracy/validation": event.val_accuracy,
                    "lr": event.lr,
                    "images_per_second": event.images_per_second,
                }
                self._scalars(event.t, scalars)
            case Evaluated(split="test"):
                self._scalars(event.t, {"loss/test": event.loss, "accuracy/test": event.accuracy})
            case Metric():
                self._samples = event.samples
                self._scalars(event.t, {series_name(name, event.split): value for name, value in event.values.items()})
            case DeviceUsage():
                self._scalars(event.t, {f"device/{name}": value for name, value in usage_series(event)})

    def _restart(self, t: float, samples: int) -> None:
        """Have TensorBoard drop what it has read from this step on."""
        self._put(t, step=samples, session_log=self._session_log(status=self._session_log.START))

    def _scalars(self, t: float, values: dict[str, float]) -> None:
        scalars = [self._summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._put(t, step=self._samples, summary=self._summary(value=scalars))

    def _put(self, t: float, **content: Any) -> None:
        self._records.write(self._event(wall_time=self._began + t, **content).SerializeToString())


class TensorBoardSink:
    """Writes a run's events for TensorBoard as they come; an error ends this sink, and nothing else."""

    def __init__(self, folder: RunFolder) -> None:
        self._throttle = BatchThrottle()
        self._file: EventFile | None = None
        self._trouble = ""
        # A process that resumes the run starts a file of its own; TensorBoard reads them by their names.
        name = f"{PREFIX}{time.time():017.6f}.{socket.gethostname()}.{os.getpid()}"
        try:
            place = folder.files.folder(FOLDER)
            place.make()
            # Unbuffered: who looks while the run trains sees every record, and whole.
            file = cast("BinaryIO", os.fdopen(place.make_new(name), "wb", buffering=0))
            self._file = EventFile(file, start_time(folder))
        except Exception as error:  # noqa: BLE001  (whatever is wrong with the disk or that package, training continues)
            self._end(error)

    def record(self, event: AnyEvent) -> None:
        """Write the run's next event; batches ten times a second at most."""
        if self._file is None or not self._throttle.admits(event):
            return
        try:
            self._file.write(event)
        except Exception as error:  # noqa: BLE001  (as above)
            self.close()
            self._end(error)

    def trouble(self, t: float) -> list[Note]:
        """A warning that nothing more is written; once."""
        said, self._trouble = self._trouble, ""
        return [Note(t=t, level="warning", message=said)] if said else []

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _end(self, error: Exception) -> None:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        self._trouble = f"nothing more is written for TensorBoard: {why}"


def is_mirrored(folder: RunFolder) -> bool:
    """Whether the run's events are mirrored."""
    return folder.files.exists(FOLDER)
