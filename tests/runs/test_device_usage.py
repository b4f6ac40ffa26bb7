"""What the hardware does is in a run's stream from its beginning to its end, and is nothing to its training."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifar_tui import record
from cifar_tui.events import AnyEvent, Batch, DeviceUsage, Note, Paused, RunFinished, RunStarted
from cifar_tui.runs import device_usage
from cifar_tui.runs.device_usage import DeviceReporter
from cifar_tui.runs.messages import Message
from cifar_tui.runs.workspace import Workspace
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import hardware
from cifar_tui.system.hardware import GpuSample, HostSample, Sample
from cifar_tui.training.clock import Clock
from tests.support.command import eventually
from tests.support.ranks import processes
from tests.support.training_runs import TINY, TinyImageCache

SAMPLE = Sample(
    HostSample(150.0, 3, 2, 50.0, 5, 6, (0.25, 0.75), 7.0, 8.0, 9.0, 10.0),
    (GpuSample(0, "H200", 90.0, 11, 12, 60.0, 350.5, 700.0), GpuSample(1, "H200", *[None] * 6)),
)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_usage, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(device_usage, "SAMPLE_SECONDS", 0.005)


def sampled(monkeypatch: pytest.MonkeyPatch, sample: Callable[[object], Sample]) -> None:
    monkeypatch.setattr(hardware.Sampler, "sample", sample)


def test_an_event_has_what_was_measured_in_the_units_of_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled(monkeypatch, lambda _: SAMPLE)
    seen: list[AnyEvent] = []
    with DeviceReporter(seen.append, Clock(7.0), tmp_path, rank=3):
        eventually(lambda: len(seen) > 2)
    count = len(seen)
    event = seen[0]
    assert isinstance(event, DeviceUsage)
    assert event.t >= 7
    assert (event.rank, event.process_cpu, event.process_memory) == (3, 1.5, 3)
    assert (event.cores, event.memory_used, event.memory_total) == ((0.25, 0.75), 5, 6)
    assert (event.disk_read, event.disk_written, event.network_received, event.network_sent) == (7, 8, 9, 10)
    assert event.disk_free is not None
    assert event.disk_free > 0
    assert [gpu.utilization for gpu in event.gpus] == [0.9, None]
    assert (event.gpus[0].power, event.gpus[0].memory_used, event.gpus[1].index) == (350.5, 11, 1)
    assert len(seen) == count, "nothing comes once it is closed"


def test_this_machine_can_be_measured() -> None:
    seen: list[Any] = []
    with DeviceReporter(seen.append, Clock()):
        eventually(lambda: len(seen) > 2)
    first, *_, last = seen
    assert first.process_cpu is None
    assert last.process_cpu >= 0
    assert last.disk_free is None
    assert 0 < last.process_memory < last.memory_total
    assert all(0 <= share <= 1 for share in last.cores)
    assert len(last.cores) >= 1


def test_a_driver_that_hangs_holds_nobody_up_and_what_it_says_later_is_not_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = threading.Event(), threading.Event()

    def hang(_: object) -> Sample:
        asked.set()
        assert answers.wait(60)
        return SAMPLE

    sampled(monkeypatch, hang)
    monkeypatch.setattr(device_usage, "END_SECONDS", 0.01)
    seen: list[AnyEvent] = []
    reporter = DeviceReporter(seen.append, Clock(), tmp_path)
    assert asked.wait(60)
    reporter.close()
    answers.set()
    reporter._thread.join(60)
    assert seen == []


@pytest.mark.parametrize("wrong", ["a machine", "a disk"])
def test_what_goes_wrong_ends_the_reports_alone(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    def fail(_: object) -> Sample:
        if wrong == "a disk":
            return SAMPLE
        raise KeyError("cpu")

    seen: list[AnyEvent] = []

    def emit(event: AnyEvent) -> None:
        seen.append(event)
        if wrong == "a disk":
            raise OSError("full")

    sampled(monkeypatch, fail)
    reporter = DeviceReporter(emit, Clock())
    reporter._thread.join(60)
    assert not reporter._thread.is_alive()
    (event,) = seen
    if wrong == "a machine":
        assert isinstance(event, Note)
        assert event.message.startswith("nothing more is reported of the devices: KeyError")


def test_a_run_tells_of_its_devices_between_its_first_and_its_last_event_and_while_it_is_paused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifar_tui.runs.run.write_run_files", lambda *_: [])
    workspace = Workspace(tmp_path)
    workspace._image_cache = TinyImageCache()  # type: ignore[assignment]
    events: list[AnyEvent] = []

    def listen(message: Message) -> None:
        if isinstance(message, Batch) and not any(isinstance(each, Paused) for each in events):
            run.pause()
        if isinstance(message, DeviceUsage) and events and isinstance(events[-1], Paused):
            run.resume()
        if not isinstance(message, Batch) and hasattr(message, "t"):
            events.append(message)  # type: ignore[arg-type]

    run = workspace.new_run(TINY, listen)
    run.start()
    assert run.join(60)
    assert run.error is None
    assert run.folder is not None
    first, *_, last = written = list(run.folder.events())
    assert isinstance(first, RunStarted)
    assert isinstance(last, RunFinished)
    assert any(isinstance(event, DeviceUsage) for event in written)


def test_a_script_that_is_recorded_tells_of_them_too(tmp_path: Path) -> None:
    with record("script", runs_dir=tmp_path, quiet=True) as run:
        assert run.folder is not None
        folder = RunFolder(run.folder)
        run.log(loss=1.0)
        eventually(lambda: any(isinstance(event, DeviceUsage) for event in folder.events()))
    first, *_, last = folder.events()
    assert isinstance(first, RunStarted)
    assert isinstance(last, RunFinished)


def test_the_first_process_of_every_host_tells_of_its_devices(tmp_path: Path) -> None:
    first, second = processes.call("report_hosts", tmp_path, str(tmp_path / "runs"))
    assert first == [0, 1]
    assert second == "trained"
