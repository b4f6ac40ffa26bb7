"""The learning-rate schedule, the device of a run, and the load of the machine: in every state, at every size."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from cifar_tui.records import Summary
from cifar_tui.system.hardware import GpuSample, HostSample, Sample
from cifar_tui.tui.sidebar.device import DevicePanel, picture
from cifar_tui.tui.sidebar.lr_curve import Schedule, curve
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context
from tests.support.dashboard import dashboard, recorded_folder
from tests.support.panel_states import ENTRIES, begun, check_lines, entry, looks, names, sizes, text
from tests.support.recorded import ID

LOOK = Look()
GIB = 2**30
HOST = HostSample(187.3, int(1.24 * GIB), 2, 98.2, int(3.4 * GIB), int(15.6 * GIB))
FIRST = HostSample(None, GIB, 16, None, GIB, 1000 * GIB)
GPU = GpuSample(0, "NVIDIA H200", 97.6, int(12.34 * GIB), int(139.8 * GIB), 62.0, 480.4, 700.0)
LOST = GpuSample(1, "NVIDIA H200", *[None] * 6)
ON_GPU = begun(2)
assert ON_GPU.started is not None
ON_GPU.started = replace(ON_GPU.started, device="cuda:1", precision="bf16")

samples = st.none() | st.builds(
    Sample,
    st.sampled_from([HOST, FIRST]),
    st.sampled_from([(), (GPU,), (GPU, LOST), tuple(replace(GPU, index=i, name="GPU" * i) for i in range(12))]),
)


def shown(name: str, sample: Sample | None = None, width: int = 38, height: int = 15, look: Look = LOOK) -> list[str]:
    return text(picture(ENTRIES[name], sample, look, width, height))


@given(names, samples, looks, sizes)
@settings(max_examples=300)
def test_every_state_fits_every_size_and_every_terminal(
    name: str, sample: Sample | None, look: Look, size: tuple[int, int]
) -> None:
    check_lines(picture(ENTRIES[name], sample, look, *size), size, look)


def test_a_run_shows_its_rate_its_facts_and_the_machine() -> None:
    lines = shown("first epoch", Sample(HOST, ()))
    assert lines[0] == "lr     3.21e-03, peak 1.00e-02"
    assert lines[-7:] == [
        "",
        "model  cnn, 5,859,210 parameters",
        "device cpu, fp32",
        "       batch 250, seed 7, 2 threads",
        "",
        "cpu    187 % of 2 cores, machine 98 %",
        "memory 1.2 GiB, machine 3.4/15.6 GiB",
    ]


def test_a_ready_run_shows_its_options_and_the_plan_without_a_marker() -> None:
    lines = shown("ready")
    assert lines[0] == "lr     peak 1.00e-02"
    assert any("█" in line for line in lines)
    assert not any("▲" in line for line in lines)
    assert [line for line in lines if line][-3:] == ["model  cnn", "device auto", "       batch 256, seed 0"]


def test_an_earlier_run_that_is_not_read_yet_shows_what_its_summary_says() -> None:
    summary = Summary(id=ID, state="finished", seed=3, model="mlp", device="cuda:0", precision="bf16", parameters=5)
    known = entry(under_way=False, config=None, summary=summary, device_name="NVIDIA H200")
    assert text(picture(known, None, LOOK, 38, 15)) == [
        "model  mlp, 5 parameters",
        "device cuda:0, bf16, NVIDIA H200",
        "       seed 3",
    ]


def test_when_nobody_measures_only_what_stands_is_shown() -> None:
    lines = shown("finished")
    assert not any(line.startswith(("cpu", "memory", " gpu")) for line in lines)
    assert any("▲ epoch 3" in line or "epoch 3 ▲" in line for line in lines)


def test_every_gpu_has_a_line_and_the_run_s_own_a_mark_and_its_name() -> None:
    gpus = (GPU, replace(GPU, index=1, utilisation=5.0, temperature=None))
    lines = text(picture(entry(ON_GPU), Sample(HOST, gpus), LOOK, 38, 15))
    assert lines[-2:] == [" gpu 0 98 % 12.3/140 GiB 62 °C 480 W", "►gpu 1 5 % 12.3/140 GiB 480 of 700 W"]
    assert "device cuda:1, bf16, NVIDIA H200" in lines


def test_several_processes_show_their_hosts_and_the_speed_of_all_and_of_the_slowest() -> None:
    assert shown("two processes", width=36, height=10)[-5:] == [
        "model  cnn, 5,859,210 parameters",
        "device 2 × cpu, fp32, AMD EPYC 9654",
        "       2 processes on 1 host",
        "       batch 250, seed 7, 4 threads",
        "speed  slowest process 120 (rank 1)",
    ]
    lines = shown("two hosts", width=78, height=20)
    assert lines[-4:-2] == ["device 16 × cuda, fp32, NVIDIA H200", "       16 processes on 2 hosts"]
    assert lines[-1] == "speed  250 images/s, slowest process 11 (rank 15)"


def test_an_earlier_run_of_several_processes_shows_them_from_its_summary() -> None:
    summary = Summary(id=ID, state="finished", seed=3, model="mlp", device="cuda:0", processes=16, hosts=2)
    lines = text(picture(entry(under_way=False, config=None, summary=summary), None, LOOK, 38, 15))
    assert lines == ["model  mlp", "device 16 × cuda", "       16 processes on 2 hosts", "       seed 3"]


def test_the_gpus_of_this_machine_s_processes_have_marks() -> None:
    gpus = tuple(replace(GPU, index=i) for i in range(10))
    lines = text(picture(ENTRIES["two hosts"], Sample(HOST, gpus), LOOK, 38, 30))
    assert [line[:6] for line in lines[-10:]] == [*(f"►gpu {i}" for i in range(8)), " gpu 8", " gpu 9"]


def test_a_gpu_that_is_lost_says_so() -> None:
    lines = text(picture(entry(ON_GPU), Sample(HOST, (GPU, LOST)), LOOK, 80, 20))
    assert lines[-1] == "►gpu 1 not responding"


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (18, " gpu 0 98 %"),
        (24, " gpu 0 98 % 12.3/140 GiB"),
        (30, " gpu 0 98 % 12.3/140 GiB 62 °C"),
        (38, " gpu 0 98 % 12.3/140 GiB 62 °C 480 W"),
        (50, " gpu 0 98 % 12.3/140 GiB 62 °C 480 of 700 W"),
        (78, " gpu 0 ██████████ 98 %              █░░░░░░░░░ 12.3 of 140 GiB    62 °C  480 W"),
        (
            110,
            " gpu 0 ██████████ 98 %              █░░░░░░░░░ 12.3 of 140 GiB    62 °C  480 of 700 W  NVIDIA H200",
        ),
    ],
)
def test_a_gpu_s_line_says_as_much_as_fits(width: int, line: str) -> None:
    assert shown("first epoch", Sample(HOST, (GPU,)), width, 15)[-1] == line


def test_in_few_lines_the_rate_its_plan_and_the_run_s_own_gpu_are_left() -> None:
    gpus = tuple(replace(GPU, index=i) for i in range(8))
    lines = text(picture(entry(ON_GPU), Sample(HOST, gpus), LOOK, 38, 5))
    assert lines[0].startswith("lr")
    assert "▲" in lines[2]
    assert [line[:6] for line in lines[3:]] == ["cpu   ", "►gpu 1"]
    assert [line[:6] for line in text(picture(entry(ON_GPU), Sample(HOST, gpus), LOOK, 38, 2))] == ["lr    ", "►gpu 1"]


def test_the_first_sample_has_no_percentages_yet() -> None:
    assert shown("first epoch", Sample(FIRST, ()))[-2] == "cpu    – of 16 cores, machine –"


@given(st.integers(1, 120), st.integers(1, 30), st.integers(1, 100_000))
def test_the_curve_rises_to_its_peak_at_three_tenths_and_falls_to_almost_nothing(
    width: int, rows: int, steps: int
) -> None:
    drawn = curve(Schedule(0.01, steps), LOOK, 0, width, rows)[:rows]
    cells = ["".join(part[0] for part in row[-2:]) for row in drawn]
    columns = [sum(" ▁▂▃▄▅▆▇█".index(cell) for cell in column) for column in zip(*cells, strict=True)]
    peak = columns.index(max(columns))
    assert columns[: peak + 1] == sorted(columns[: peak + 1])
    assert columns[peak:] == sorted(columns[peak:], reverse=True)
    assert min(columns) >= 1
    assert max(columns) <= 8 * rows
    if len(columns) >= 50 and steps >= 200:
        assert abs(columns.index(max(columns)) / len(columns) - 0.3) < 0.15
        assert max(columns) == 8 * rows


def test_the_curve_of_another_schedule_is_another() -> None:
    one_cycle, triangle = (
        curve(Schedule(0.01, 1000, name=name), LOOK, 0, 50, 1) for name in ("one-cycle", "triangular")
    )
    assert "".join(part[0] for part in triangle[0][-2:]).index("█") < 15
    assert one_cycle != triangle


@pytest.mark.parametrize(("done", "column"), [(0, None), (1, 0), (50, 19), (100, 39), (51, 20)])
def test_the_marker_stands_where_the_run_is(done: int, column: int | None) -> None:
    schedule = Schedule(0.01, 100, done)
    (marker_row,) = curve(schedule, LOOK, 0, 40, 1)[1:]
    line = "".join(part if isinstance(part, str) else part[0] for part in marker_row)
    assert line.find("▲") == (-1 if column is None else column)
    assert schedule.column(40) == column


def test_in_ascii_the_curve_is_a_line_and_the_marker_an_arrow() -> None:
    lines = shown("first epoch", width=38, height=15, look=Look(ascii=True))
    assert sum(sum(map(line.count, "_.-'")) for line in lines[1:7]) == 38
    assert "^ epoch 1" in lines[7]


def test_without_a_rate_the_plan_stands_alone() -> None:
    lines = shown("nan")
    assert lines[0] == "lr     peak 1.00e-02"
    assert math.isnan(ENTRIES["nan"].state.lr)  # type: ignore[union-attr]


async def test_a_sample_is_drawn_at_once_and_none_takes_it_away() -> None:
    panel = DevicePanel()

    class Host(App[None]):
        CSS = "DevicePanel { width: 38; height: 15; }"

        def compose(self) -> ComposeResult:
            yield panel

    async with Host().run_test(size=(40, 20)):
        run = entry(begun(3))
        panel.show(Context(run, sample=Sample(HOST, (GPU,)), look=LOOK))
        assert any("98 %" in panel.render_line(y).text for y in range(15))
        panel.show(Context(run, look=LOOK))
        assert not any("98 %" in panel.render_line(y).text for y in range(15))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_recorded_run_of_several_processes_is_shown_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    recorded_folder(tmp_path, "pair", processes=2)
    async with dashboard(tmp_path, size=size) as desk:
        await desk.shows("pair")
        await desk.press("end", "6")
        await desk.shows("device 2 × cpu, fp32", "2 processes on 1 host", "batch 10, seed 0, 2 threads")
        await desk.shows("speed  20 images/s, slowest process 9 (rank 1)")
