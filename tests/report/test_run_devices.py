"""The report of a run says on what it computed: on one device as ever, on several by hosts and ranks."""

from __future__ import annotations

from dataclasses import replace

from cifar_tui.events import Resumed
from cifar_tui.records import ProcessRecord
from cifar_tui.report.run_devices import host_rows, resumed_on, started_on
from cifar_tui.report.run_report import report_md
from cifar_tui.state.run_state import RunState
from tests.support.recorded import on_hosts, recorded_state, run_record

ON_GPUS = replace(run_record(processes=on_hosts(2, 4)), device="cuda:0", device_name="NVIDIA H200")


def resumed(state: RunState, processes: int, hosts: int) -> None:
    state.apply(
        Resumed(
            t=state.t,
            epoch=3,
            batch=0,
            samples=2000,
            device="cuda:0",
            device_name="NVIDIA H200",
            precision="fp32",
            threads=2,
            processes=processes,
            hosts=hosts,
        )
    )


def test_a_run_of_one_process_has_its_device() -> None:
    assert started_on(run_record()) == "AMD EPYC 9654 (cpu)"
    assert host_rows(run_record()) == []


def test_several_devices_are_counted_by_product() -> None:
    assert started_on(ON_GPUS) == "8 × NVIDIA H200 (cuda) on 2 hosts"
    older = replace(ON_GPUS.processes[0], device_name="NVIDIA A100")
    mixed = replace(ON_GPUS, processes=(*ON_GPUS.processes[:3], older))
    assert started_on(mixed) == "3 × NVIDIA H200 and 1 × NVIDIA A100 (cuda)"


def test_each_host_has_its_ranks_and_devices() -> None:
    assert host_rows(ON_GPUS) == [
        ("Host gpu-1", "ranks 0 to 3: NVIDIA H200 (cuda:0, cuda:1, cuda:2, cuda:3)"),
        ("Host gpu-2", "ranks 4 to 7: NVIDIA H200 (cuda:0, cuda:1, cuda:2, cuda:3)"),
    ]
    on_cpu = [ProcessRecord(host=host, device="cpu", device_name="AMD EPYC") for host in "aba"]
    assert host_rows(run_record(processes=on_cpu)) == [
        ("Host a", "ranks 0 and 2: AMD EPYC (cpu)"),
        ("Host b", "rank 1: AMD EPYC (cpu)"),
    ]


def test_another_number_of_processes_at_resumption_is_listed() -> None:
    state = recorded_state(processes=8, hosts=2, device="cuda:0")
    resumed(state, 8, 2)
    assert resumed_on(state, ON_GPUS) == []
    resumed(state, 4, 1)
    resumed(state, 0, 0)
    resumed(state, 1, 1)
    assert resumed_on(state, ON_GPUS) == [
        "4 × NVIDIA H200 (cuda) in fp32 with 2 CPU threads each",
        "NVIDIA H200 (cuda:0) in fp32 with 2 CPU threads",
    ]


def test_the_report_of_several_processes_has_devices_hosts_and_the_speed_of_the_slowest() -> None:
    report = report_md(recorded_state(processes=8, hosts=2, device="cuda:0"), ON_GPUS, set())
    for part in (
        "at 250 images/s, on 8 × NVIDIA H200 (cuda) on 2 hosts in fp32.",
        "| Training speed | 250 images/s |",
        "| Slowest process, last epoch | rank 7, 26 images/s on its own share |",
        "| Devices | 8 × NVIDIA H200 (cuda) on 2 hosts |",
        "| Host gpu-2 | ranks 4 to 7: NVIDIA H200 (cuda:0, cuda:1, cuda:2, cuda:3) |",
        "| CPU threads of each process | 2 |",
        "Each of its processes was started,",
        "number of processes and of their threads too.",
    ):
        assert part in report


def test_the_report_of_one_process_speaks_of_no_processes() -> None:
    assert "process" not in report_md(recorded_state(), run_record(), set())


def test_hosts_and_products_are_shown_as_text() -> None:
    hostile = ProcessRecord(host="a|b\n# x", device="<b>", device_name="![](http://x)")
    ((host, devices),) = host_rows(run_record(processes=[hostile]))
    assert "\n" not in host + devices
    assert "<b>" not in devices
    assert "![" not in devices
