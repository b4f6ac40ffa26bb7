"""What is measured of the machine: without a GPU, with several, with one that is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.system.hardware import GpuSample, HostSample, Sample, Sampler, gpu_of, visible_gpus

UUIDS = ("GPU-aa11", "GPU-aa22", "GPU-bb33")


class NVMLError(Exception):
    pass


class Driver(ModuleType):
    """What is used of pynvml, over made-up GPUs; `lost` ones answer nothing, `missing` questions none at all."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, names: tuple[str, ...], lost: set[int], missing: set[str]) -> None:
        super().__init__("pynvml")
        self.names, self.lost, self.missing = names, lost, missing
        self.running = False

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.names:
            raise NVMLError("Driver Not Loaded")
        self.running = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        if not self.running:
            raise NVMLError("Uninitialized")
        self.running = False

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.names)

    def __getattr__(self, name: str) -> Any:
        what = name.removeprefix("nvmlDeviceGet")
        if what == name or what in self.missing:
            raise AttributeError(name)

        def answer(number: int | None, *_: object) -> Any:
            if number is None or number in self.lost:
                raise NVMLError("Invalid Argument, or GPU is lost")
            return {
                "HandleByIndex": number,
                "UUID": UUIDS[number],
                "Name": self.names[number],
                "UtilizationRates": SimpleNamespace(gpu=90 + number, memory=10),
                "MemoryInfo": SimpleNamespace(used=2**30, free=3 * 2**30, total=4 * 2**30),
                "Temperature": 60 + number,
                "PowerUsage": 350_500,
                "EnforcedPowerLimit": 700_000,
                # At its power limit, which is normal; the second one is too hot as well.
                "CurrentClocksThrottleReasons": 0x44 if number else 0x04,
            }[what]

        return answer


class Times(NamedTuple):
    """Those of a core, as psutil has them on Linux."""

    user: float
    system: float
    idle: float
    iowait: float
    guest: float


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes up a machine with GPUs; the sampler of it is closed at the end."""
    samplers: list[Sampler] = []

    def make(
        *names: str, shown: str | None = None, lost: set[int] | None = None, missing: set[str] | None = None
    ) -> tuple[Sampler, Driver]:
        driver = Driver(names, set() if lost is None else lost, missing or set())
        monkeypatch.setitem(sys.modules, "pynvml", driver)
        if shown is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        samplers.append(Sampler())
        return samplers[-1], driver

    yield make
    for sampler in samplers:
        sampler.close()


def test_the_host_is_measured_and_percentages_begin_with_the_second_sample(machine: Any) -> None:
    sampler, _ = machine()
    first, second = sampler.sample().host, sampler.sample().host
    assert (first.process_cpu, first.machine_cpu) == (None, None)
    assert second.process_cpu is not None
    assert second.process_cpu >= 0
    assert second.machine_cpu is not None
    assert 0 <= second.machine_cpu <= 100
    assert 0 < second.process_memory < second.memory_total == psutil.virtual_memory().total
    assert 0 < second.memory_used < second.memory_total
    assert 1 <= second.cores <= (os.cpu_count() or 1)


def test_rates_and_the_load_of_each_core_are_since_the_sample_before(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = {"read": 0, "sent": 0, "busy": 0.0, "at": 0.0}

    def cores(percpu: bool) -> list[Any]:
        assert percpu
        return [Times(counters["busy"] + 2.0, 1.0, 3 * counters["busy"], 0.0, 2.0), Times(0.0, 0.0, 0.0, 0.0, 0.0)]

    def disks() -> Any:
        return SimpleNamespace(read_bytes=counters["read"], write_bytes=0)

    def interfaces(pernic: bool) -> Any:
        assert pernic
        loopback = SimpleNamespace(bytes_recv=counters["at"] * 10**9, bytes_sent=counters["at"] * 10**9)
        return {"lo": loopback, "eth0": SimpleNamespace(bytes_recv=5, bytes_sent=counters["sent"])}

    monkeypatch.setattr(psutil, "cpu_times", cores)
    monkeypatch.setattr(psutil, "disk_io_counters", disks)
    monkeypatch.setattr(psutil, "net_io_counters", interfaces)
    monkeypatch.setattr("cifar_tui.system.hardware.host.time", SimpleNamespace(monotonic=lambda: counters["at"]))
    sampler, _ = machine()
    first = sampler.sample().host
    assert (first.core_shares, first.disk_read, first.network_sent) == ((), None, None)
    counters |= {"read": 800, "sent": 60, "busy": 1.0, "at": 4.0}
    second = sampler.sample().host
    assert (second.disk_read, second.disk_written, second.network_received, second.network_sent) == (200, 0, 0, 15)
    assert second.core_shares == (0.25, 0.0)
    counters |= {"read": 0, "at": 5.0}
    assert sampler.sample().host.disk_read is None, "counted anew"


def test_what_the_system_does_not_count_is_not_known(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError("/proc/diskstats")

    monkeypatch.setattr(psutil, "disk_io_counters", refuse)
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: {})
    sampler, _ = machine()
    sampler.sample()
    second = sampler.sample().host
    assert (second.disk_read, second.disk_written, second.network_received, second.network_sent) == (None,) * 4
    assert second.process_cpu is not None


def test_every_gpu_is_told_of_in_the_units_of_the_sample(machine: Any) -> None:
    sampler, _ = machine("H200", "H200")
    assert sampler.sample().gpus == (
        GpuSample(0, "H200", 90.0, 2**30, 4 * 2**30, 60.0, 350.5, 700.0, throttled=False),
        GpuSample(1, "H200", 91.0, 2**30, 4 * 2**30, 61.0, 350.5, 700.0, throttled=True),
    )


def test_without_a_driver_or_the_package_there_are_no_gpus(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler, _ = machine()
    assert sampler.sample().gpus == ()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with_none = Sampler()
    assert with_none.sample().gpus == ()
    with_none.close()


def test_a_gpu_that_is_lost_stays_in_the_list_and_tells_nothing(machine: Any) -> None:
    sampler, driver = machine("H200", "H200")
    assert sampler.sample().gpus[1].utilisation == 91.0
    driver.lost.add(1)
    kept, lost = sampler.sample().gpus
    assert kept.utilisation == 90.0
    assert astuple(lost) == (1, "H200", *[None] * 7)


def test_a_gpu_that_is_lost_from_the_beginning_takes_its_place_without_a_name(machine: Any) -> None:
    sampler, _ = machine("H200", "H200", lost={0})
    assert [(gpu.index, gpu.name) for gpu in sampler.sample().gpus] == [(0, "NVIDIA GPU"), (1, "H200")]


@pytest.mark.parametrize(
    "missing", ["UtilizationRates", "MemoryInfo", "Temperature", "PowerUsage", "EnforcedPowerLimit"]
)
def test_what_the_driver_cannot_be_asked_is_not_known_and_the_rest_is(machine: Any, missing: str) -> None:
    sampler, _ = machine("H200", missing={missing})
    (gpu,) = sampler.sample().gpus
    assert astuple(gpu).count(None) == (2 if missing == "MemoryInfo" else 1)


def test_closing_lets_go_of_the_driver_once_and_a_later_sample_begins_anew(machine: Any) -> None:
    sampler, driver = machine("H200")
    sampler.sample()
    assert driver.running
    sampler.close()
    assert not driver.running
    sampler.close()
    assert len(sampler.sample().gpus) == 1


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (None, [0, 1, 2]),
        ("0,1,2", [0, 1, 2]),
        ("2,0", [2, 0]),
        (" 1 , 2", [1, 2]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("1,-1,2", [1]),
        ("0,7,1", [0]),
        ("1,1", []),
        ("1gpu,+2", [1, 2]),
        ("GPU-bb,GPU-aa1", [2, 0]),
        ("GPU-aa", []),
        ("GPU-bb33,GPU-cc", [2]),
        ("GPU-bb33,GPU-bb", []),
        ("MIG-bb33", []),
        ("9" * 5000, []),
    ],
)
def test_cuda_visible_devices_chooses_and_orders_the_gpus_as_cuda_does(
    variable: str | None, expected: list[int]
) -> None:
    assert visible_gpus(variable, UUIDS) == expected


@given(st.text("0123,GPU-ab +-x", max_size=20))
def test_no_value_of_cuda_visible_devices_names_a_gpu_twice_or_one_that_is_not_there(variable: str) -> None:
    chosen = visible_gpus(variable, UUIDS)
    assert len(chosen) == len(set(chosen))
    assert set(chosen) <= {0, 1, 2}


def test_gpus_are_numbered_as_the_program_sees_them(machine: Any) -> None:
    sampler, _ = machine("A100", "L4", "H200", shown="2,0")
    assert [(gpu.index, gpu.name, gpu.temperature) for gpu in sampler.sample().gpus] == [
        (0, "H200", 62.0),
        (1, "A100", 60.0),
    ]


def sample_of(*names: str) -> Sample:
    host = HostSample(None, 1, 1, None, 1, 1)
    return Sample(host, tuple(GpuSample(i, name, *[None] * 6) for i, name in enumerate(names)))


@pytest.mark.parametrize(
    ("names", "device", "name", "index"),
    [
        (("L4", "L4"), "cuda:1", None, 1),
        (("L4", "L4"), "cuda:1", "L4", 1),
        (("L4", "H200"), "cuda:0", "H200", 1),
        (("L4", "H200", "H200"), "cuda:0", "H200", None),
        (("L4",), "cuda", None, 0),
        (("L4",), "cuda:3", None, None),
        (("L4",), "cpu", None, None),
        (("L4",), "cuda:x", None, None),
        ((), "cuda:0", "L4", None),
    ],
)
def test_the_gpu_of_a_run_is_told_by_number_and_where_they_differ_by_name(
    names: tuple[str, ...], device: str, name: str | None, index: int | None
) -> None:
    gpu = gpu_of(sample_of(*names), device, name)
    assert (None if gpu is None else gpu.index) == index


def test_the_module_itself_imports_neither_psutil_nor_pynvml_nor_torch() -> None:
    code = "import sys, cifar_tui.system.hardware; print(sorted({'psutil', 'pynvml', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
