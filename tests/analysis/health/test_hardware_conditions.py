"""What the hardware lacks is reported once it has lasted, for the devices that the run is on."""

from dataclasses import replace

from cifar_tui.config import HealthOptions
from cifar_tui.events import AnyEvent, DeviceUsage
from tests.support.others.health_streams import GB, a_batch, between, check, own, topics, usage
from tests.support.others.script_runs import script_started

ON_GPU = own(device="cuda:0")


def every_two_seconds(count: int, start: int = 0, **given: float | bool | None) -> list[DeviceUsage]:
    return [usage(float(start + 2 * n), **given) for n in range(1, count + 1)]  # type: ignore[arg-type]


def test_a_disk_that_is_nearly_full_is_reported_at_once_and_once() -> None:
    notes = check([*every_two_seconds(3), *every_two_seconds(5, 10, free=1.5), *every_two_seconds(5, 30, free=50.0)])
    assert topics(notes) == ["disk", "-disk"]
    assert notes[0].t == 12.0
    assert notes[0].message.startswith("disk nearly full: 1.4 GiB free")
    flutter = [usage(float(n), free=1.9 if n % 2 else 2.1) for n in range(40)]
    assert topics(check(flutter)) == ["disk"], "around the limit it is reported once"
    assert check(every_two_seconds(3, free=1.5), options=HealthOptions(disk_reserve=1.0)) == []


def test_host_memory_is_reported_after_some_samples_in_a_row() -> None:
    notes = check([*every_two_seconds(3), *every_two_seconds(10, 10, used=0.97), *every_two_seconds(10, 40)])
    assert topics(notes) == ["host-memory", "-host-memory"]
    assert "57.8 GiB of 59.6 GiB used" in notes[0].message
    peak = [*every_two_seconds(3), *every_two_seconds(3, 10, used=0.99), *every_two_seconds(9, 20)]
    assert check(peak) == []


def test_a_gpu_nearly_out_of_memory_throttled_or_hot_is_reported_with_its_figure() -> None:
    full = check(every_two_seconds(10, memory=0.97), ON_GPU)
    assert topics(full) == ["gpu-memory"]
    assert "GPU 0 nearly out of memory: 72.3 GiB of 74.5 GiB" in full[0].message
    hot = check([*every_two_seconds(20, temperature=90.0), *every_two_seconds(20, 60, temperature=60.0)], ON_GPU)
    assert topics(hot) == ["gpu-throttled", "-gpu-throttled"]
    assert "GPU 0 is hot at 90 °C" in hot[0].message
    slowed = check(every_two_seconds(20, temperature=80.0, throttled=True), ON_GPU)
    assert "GPU 0 slows itself down at 80 °C" in slowed[0].message
    assert check(every_two_seconds(20, temperature=80.0, power=700.0, power_limit=700.0), ON_GPU) == []


def test_other_peoples_gpus_are_none_of_the_runs() -> None:
    assert check(every_two_seconds(30, memory=0.99, temperature=95.0)) == [], "it is on the CPU"
    two = [replace(each, gpus=(*each.gpus, replace(each.gpus[0], index=1, memory_used=GB)))
           for each in every_two_seconds(30, memory=0.99)]  # fmt: skip
    assert check(two, own(device="cuda:1")) == []
    assert topics(check(two, ON_GPU)) == ["gpu-memory"]
    assert check(two, script_started()) == [], "which of them a script uses is not known"
    assert topics(check(every_two_seconds(30, memory=0.99), script_started())) == ["gpu-memory"]


def training(until: int) -> list[AnyEvent]:
    return [a_batch(n, 1.0, t=float(n)) for n in range(1, until)]


def test_a_gpu_that_waits_for_data_is_reported_after_the_beginning() -> None:
    idle = every_two_seconds(200, utilization=0.1)
    (note,) = check(between(training(400), idle), ON_GPU)
    assert note.topic == "gpu-idle"
    assert note.message.startswith("GPU idle: it computes 10 % of the time")
    assert 235 < note.t < 250, "two minutes of training, and two more"
    assert check(idle, ON_GPU) == [], "it does not train yet"
    assert check(between(training(400), every_two_seconds(200, utilization=0.5)), ON_GPU) == []
    assert check(between(training(400), every_two_seconds(200, utilization=0.0)), script_started()) == []


def test_samples_of_another_process_that_come_late_do_not_turn_time_back() -> None:
    late = [usage(100.0, used=0.97), usage(2.0, used=0.97, rank=1), usage(4.0, used=0.97, rank=1)]
    assert check(late) == [], "two samples of the same moment are not ten seconds"
