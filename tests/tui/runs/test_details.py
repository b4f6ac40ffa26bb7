"""The view of a run's details: what it says of runs of each kind, and that it scrolls and leads back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.strip import Strip

from cifar_tui.config import TrainingConfig
from cifar_tui.formatting import printable
from cifar_tui.records import Labels, RunRecord, ScriptRecord
from cifar_tui.tui.details.content import Record, sections
from cifar_tui.tui.details.panel import picture
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.reading import WatchedLogs
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import line, width_of
from tests.support.dashboard import dashboard, recorded_folder
from tests.support.foreign_logs.written_logs import KERAS
from tests.support.others.script_runs import script_folder
from tests.support.panel_states import earlier
from tests.support.recorded import run_record

SCRIPT = ScriptRecord(
    id="20260314-150926-net", source="script", created="2026-03-14T15:09:26+00:00",
    command=("python", "train.py", "two words"), runs_dir="runs", model="net", data="mnist",
    config={"lr": "0.1", "optimizer": "sgd"}, versions={"torch": "2.6.0"},
)  # fmt: skip


def said(entry: Entry, record: Record | None) -> dict[str, dict[str, str]]:
    """Values by label, in their sections."""
    return {part.title: {each.label: each.value for each in part.details} for part in sections(entry, record)}


def record(**options: Any) -> RunRecord:
    return run_record(TrainingConfig(**options))


def test_options_that_differ_from_the_defaults_come_first_with_what_is_usual() -> None:
    found = sections(earlier(state="finished"), record(epochs=7, max_lr=0.5))
    titles = [part.title for part in found]
    assert titles[:3] == ["cnn", "options that differ from the defaults", "options at their defaults"]
    assert [(each.label, each.value, each.default) for each in found[1].details] == [
        ("epochs", "7", "50"),
        ("max-lr", "0.5", "0.01"),
    ]
    assert "batch-size" in {each.label for each in found[2].details}
    fast = TrainingConfig.from_dict({"recipe": "fast"})
    changed = sections(earlier(), replace(record(), options=fast))[1]
    assert [each.label for each in changed.details] == ["recipe"], "its other options are those of the recipe"


def test_data_device_versions_folder_tags_and_note_are_said() -> None:
    entry = earlier(state="failed", message="the disk is full", parameters=1234, device="cuda:0", precision="bf16")
    entry.labels = Labels(tags=("base", "wide"), note="lr too high")
    found = said(entry, record())
    assert found["cnn"]["state"] == "failed: the disk is full"
    assert (found["cnn"]["tags"], found["cnn"]["note"]) == ("base, wide", "lr too high")
    assert found["data"]["images"].endswith("test")
    assert found["model and device"]["parameters"] == "1,234"
    assert "cuda:0" in found["model and device"]["device"]
    assert found["where"]["folder"] == str(Path("runs/20260314-150926-cnn").absolute())
    assert found["where"]["command"]
    assert "torch" in found["versions"]
    assert "tags" not in said(earlier(), record())["cnn"]


def test_of_a_ready_run_and_of_a_script_there_is_what_there_is() -> None:
    ready = said(Entry(0, config=TrainingConfig(model="mlp", epochs=3)), None)
    assert ready["options that differ from the defaults"] == {"epochs": "3"}
    assert "versions" not in ready
    of_script = said(earlier(source="script", state="finished"), SCRIPT)
    assert of_script["options of the script"] == {"lr": "0.1", "optimizer": "sgd"}
    assert of_script["where"]["command"] == "python train.py 'two words'"
    assert (of_script["where"]["recorded by"], of_script["data"]["data"]) == ("script", "mnist")


@given(
    st.dictionaries(st.text(max_size=30), st.text("ab 日é\n\x1b[", max_size=200), max_size=5),
    st.integers(20, 220),
    st.booleans(),
)
def test_whatever_a_script_says_fits_its_lines(config: dict[str, str], width: int, ascii_only: bool) -> None:
    look = Look(ascii=ascii_only)
    hostile = replace(SCRIPT, config=config, model="\x1b[2J" * 20, command=("x" * 9000,))
    for row in picture(earlier(message="m\n" * 50), hostile, "cannot be read", look, width):
        text = "".join(part if isinstance(part, str) else part[0] for part in row)
        assert printable(text) == text
        assert not ascii_only or text.isascii()
        assert width_of(row) <= width or width < 60
        assert isinstance(line(row, width), Strip)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_d_opens_the_details_which_follow_the_selected_run_scroll_and_lead_back(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    recorded_folder(tmp_path, "old")
    script_folder(tmp_path, "net")
    async with dashboard(tmp_path, "cnn", size=size) as desk:
        await desk.shows("old", "net")
        await desk.press("2", "d")
        assert desk.view == "details"
        await desk.shows("state", "ready", "epochs")
        await desk.press("tab", "end")
        await desk.until(lambda: desk.app.selected is not None and desk.app.selected.name == "net")
        await desk.shows("20250101-000000-net")
        await desk.press("up")
        await desk.shows("20250101-000000-old")
        if size == (80, 24):
            assert "versions" not in desk.screen()
        await desk.press("tab", "end")
        await desk.shows("torch")
        await desk.press("escape")
        assert desk.view == "confusion"


async def test_a_record_that_cannot_be_read_is_said_beside_what_the_summary_knows(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old").config_file.write_text("{")
    async with dashboard(tmp_path, "cnn") as desk:
        await desk.shows("old")
        await desk.press("end", "d")
        await desk.shows("damaged, not JSON", "20250101-000000-old")


async def test_of_a_log_of_another_tool_its_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keras.csv").write_text(KERAS)
    logs = WatchedLogs((str(tmp_path / "keras.csv"),), {})
    async with dashboard(tmp_path / "runs", logs=logs) as desk:
        await desk.shows("keras")
        await desk.press("d")
        await desk.shows("recorded by", "keras.csv")
