"""Runs that train on several devices: processes of their own train them, and the dashboard watches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.config import TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.records import Overrides
from cifar_tui.runs import detached
from cifar_tui.store.run_folder import RunFolder
from tests.support.dashboard import dashboard, recorded_folder
from tests.support.recorded import run_record


class Starts:
    """Takes the place of `detached.start`."""

    def __init__(self) -> None:
        self.jobs: list[TrainingConfig | RunFolder] = []
        self.overrides: Overrides | None = None
        self.error: InputError | None = None
        self.gate = threading.Event()
        """Where it is not set, the processes train without having said so yet."""
        self.gate.set()

    def __call__(
        self, jobs: Sequence[TrainingConfig | RunFolder], runs_dir: Path, show: Any, *, overrides: Overrides, **_: Any
    ) -> list[str]:
        (job,) = jobs
        self.jobs.append(job)
        self.overrides = overrides
        show("loading PyTorch …")
        if self.error is not None:
            raise self.error
        folder = job if isinstance(job, RunFolder) else recorded_folder(runs_dir, job.run_name)
        assert self.gate.wait(60)
        return [folder.id]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    found = Starts()
    monkeypatch.setattr(detached, "start", found)
    return found


async def test_a_run_on_several_devices_starts_in_the_background_and_keeps_its_row(
    tmp_path: Path, starts: Starts
) -> None:
    async with dashboard(tmp_path, "mlp", devices="2") as desk:
        await desk.press("s")
        await desk.shows("is training in the background and survives this terminal", "1 run in", "stopped")
        (job,) = starts.jobs
        assert isinstance(job, TrainingConfig)
        assert job.devices == "2"
        assert desk.workspace.runs == [], "no thread of the dashboard trains it"
        assert [entry.id for entry in desk.app.runs] == [each.name for each in tmp_path.iterdir()]


async def test_a_run_that_is_found_in_its_folder_before_it_is_known_to_have_started_is_one_row(
    tmp_path: Path, starts: Starts
) -> None:
    starts.gate.clear()
    async with dashboard(tmp_path, "mlp", devices="2") as desk:
        await desk.press("s")
        await desk.until(lambda: len(desk.app.runs) == 2)
        starts.gate.set()
        await desk.shows("is training in the background", "1 run in")
        assert [entry.id for entry in desk.app.main.table.entries] == [each.name for each in tmp_path.iterdir()]
        assert desk.app.main.table.row_count == 1
        assert [entry.status for entry in desk.app.runs] == ["stopped"], "what its folder says"


async def test_a_run_is_loading_while_its_processes_start(tmp_path: Path, starts: Starts) -> None:
    starts.gate.clear()
    async with dashboard(tmp_path, "mlp", devices="2") as desk:
        await desk.press("s")
        await desk.until(lambda: starts.jobs)
        await desk.shows("… loading")
        await desk.press("s")
        await desk.shows("mlp is loading")
        starts.gate.set()
        await desk.shows("■ stopped")
        assert len(starts.jobs) == 1


async def test_all_ready_runs_on_several_devices_start_in_the_background(tmp_path: Path, starts: Starts) -> None:
    async with dashboard(tmp_path, start=True, devices="all") as desk:
        await desk.until(lambda: len(starts.jobs) == 2)
        assert desk.workspace.runs == []


async def test_a_run_that_cannot_start_in_the_background_stays_ready(tmp_path: Path, starts: Starts) -> None:
    starts.error = InputError("--devices 2: 1 GPU can be used here")
    async with dashboard(tmp_path, "mlp", devices="2") as desk:
        await desk.press("s")
        await desk.shows("1 GPU can be used here", "ready")
        assert [entry.status for entry in desk.app.runs] == ["ready"]
        starts.error = None
        await desk.press("s")
        await desk.shows("is training in the background")
        assert len(starts.jobs) == 2


@pytest.mark.parametrize("devices", ["3", "1"])
async def test_a_run_on_several_devices_is_resumed_in_the_background(
    tmp_path: Path, starts: Starts, devices: str
) -> None:
    folder = recorded_folder(tmp_path, "old")
    folder.write_record(run_record(TrainingConfig(model="mlp", data="digits", devices=devices), id=folder.id))
    async with dashboard(tmp_path, "mlp") as desk:
        await desk.shows("old")
        await desk.press("end", "r")
        await desk.until(lambda: starts.jobs or desk.workspace.runs)
        in_background = devices != "1"
        assert [each.id for each in starts.jobs if isinstance(each, RunFolder)] == [folder.id] * in_background
        assert len(desk.workspace.runs) == (not in_background)
        assert [entry.id for entry in desk.app.runs] == ["", folder.id]


async def test_the_number_of_devices_given_for_a_resumed_run_counts(tmp_path: Path, starts: Starts) -> None:
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path, "mlp") as desk:
        await desk.shows("old")
        await desk.press("end")
        entry = desk.app.selected
        assert entry is not None
        desk.app.commands.resume(entry, Overrides(devices="2"))
        await desk.until(lambda: starts.jobs)
        assert starts.overrides == Overrides(devices="2")
