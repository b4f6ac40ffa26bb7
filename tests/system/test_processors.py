"""The default number of threads is what the process can keep busy and what its user allows."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.config import TrainingConfig
from cifar_tui.runs.run import NOT_REPRODUCIBLE
from cifar_tui.system import processors
from cifar_tui.system.hardware import Sampler
from cifar_tui.system.processors import Processors, cgroup_limit
from cifar_tui.training.devices import resolve_device
from tests.support.command import only_run, run
from tests.support.program import TRAIN, call, mark_unfinished, prepare_project

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNTS = (
    "25 17 0:22 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755\n"
    "26 25 0:23 / /sys/fs/cgroup/systemd rw,nosuid shared:10 - cgroup cgroup rw,xattr,name=systemd\n"
    "30 25 0:27 / /sys/fs/cgroup/cpuset rw,nosuid shared:14 - cgroup cgroup rw,cpuset\n"
    "31 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct\n"
)
V1_GROUPS = "11:cpuset:/\n4:cpu,cpuacct:/user.slice/job\n1:name=systemd:/user.slice/session-3.scope\n"
CASES: dict[str, tuple[str, str, dict[str, str], float | None]] = {
    "v2 in a container": ("0::/\n", V2_MOUNT, {"/sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
    "v2, none": ("0::/\n", V2_MOUNT, {"/sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
    "v2, the group above has less": (
        "0::/system.slice/docker-4f.scope/inner\n",
        V2_MOUNT,
        {
            "/sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/system.slice/docker-4f.scope/cpu.max": "50000 100000\n",
            "/sys/fs/cgroup/system.slice/docker-4f.scope/inner/cpu.max": "400000 100000\n",
        },
        0.5,
    ),
    "v2, a group of another namespace": (
        "0::/../../other\n",
        V2_MOUNT,
        {"/sys/fs/cgroup/cpu.max": "200000 100000\n"},
        2.0,
    ),
    "v2, mounted where a space is": (
        "0::/a b\n",
        "30 23 0:26 / /mnt/c\\040g rw - cgroup2 none rw\n",
        {"/mnt/c g/a b/cpu.max": "300000 100000"},
        3.0,
    ),
    "v1": (
        V1_GROUPS,
        V1_MOUNTS,
        {
            "/sys/fs/cgroup/cpu,cpuacct/user.slice/job/cpu.cfs_quota_us": "250000\n",
            "/sys/fs/cgroup/cpu,cpuacct/user.slice/job/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
        2.5,
    ),
    "v1, none": (
        V1_GROUPS,
        V1_MOUNTS,
        {
            "/sys/fs/cgroup/cpu,cpuacct/user.slice/job/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/user.slice/job/cpu.cfs_period_us": "100000\n",
        },
        None,
    ),
    "v1 in a container that sees the host's paths": (
        "4:cpu,cpuacct:/docker/4f\n",
        "31 25 0:28 /docker/4f /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
        {
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
        1.0,
    ),
    "hybrid, the quota is in version 1": (
        "4:cpu,cpuacct:/job\n0::/job\n",
        V1_MOUNTS + "41 25 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
        {
            "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "200000\n",
            "/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
        },
        2.0,
    ),
    "a quota of nothing, and a period of nothing": ("0::/\n", V2_MOUNT, {"/sys/fs/cgroup/cpu.max": "100000 0"}, None),
    "unreadable": ("0::/job\n", V2_MOUNT, {}, None),
    "no cgroups": ("", V1_MOUNTS, {}, None),
    "what is none of these": ("\n::\nx\n0:\n", "\n - \n1 2 3\n1 2 3 / /x rw - cgroup2\n", {}, None),
    "words in place of numbers": ("0::/\n", V2_MOUNT, {"/sys/fs/cgroup/cpu.max": "a lot\n"}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_quota_is_the_least_of_the_groups_of_the_process(case: str) -> None:
    cgroups, mounts, files, expected = CASES[case]

    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    assert cgroup_limit(cgroups, mounts, read) == expected


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine of eight processors without any bound; the caller adds some."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(processors, "_allowed", lambda: 8)
    monkeypatch.setattr(processors, "_cgroup_limit", lambda: None)
    for name in processors.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("limit", "count"), [(0.1, 1), (1.0, 1), (1.5, 2), (2.0, 2), (7.01, 8), (8.0, 8), (64.0, 8), (None, 8)]
)
def test_part_of_a_processor_is_rounded_up_and_no_quota_gives_more_than_there_are(
    machine: pytest.MonkeyPatch, limit: float | None, count: int
) -> None:
    machine.setattr(processors, "_cgroup_limit", lambda: limit)
    found = processors.usable()
    assert found.count == count
    assert bool(found.bound) == (count < 8)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OMP_NUM_THREADS": "3"}, Processors(3, "OMP_NUM_THREADS=3")),
        ({"OMP_NUM_THREADS": " 4 , 2"}, Processors(4, "OMP_NUM_THREADS=4")),
        ({"MKL_NUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, Processors(2, "MKL_NUM_THREADS=2")),
        ({"OMP_THREAD_LIMIT": "6"}, Processors(6, "OMP_THREAD_LIMIT=6")),
        ({"OMP_NUM_THREADS": "64"}, Processors(8)),
        ({"OMP_NUM_THREADS": ""}, Processors(8)),
        ({"OMP_NUM_THREADS": "0"}, Processors(8)),
        ({"OMP_NUM_THREADS": "-2"}, Processors(8)),
        ({"OMP_NUM_THREADS": "auto"}, Processors(8)),
        ({"OMP_NUM_THREADS": "²"}, Processors(8)),
        ({"OMP_NUM_THREADS": "9" * 5000}, Processors(8)),
    ],
)
def test_a_variable_bounds_the_threads_where_it_is_a_number(
    machine: pytest.MonkeyPatch, variables: dict[str, str], expected: Processors
) -> None:
    for name, value in variables.items():
        machine.setenv(name, value)
    assert processors.default_threads() == expected
    assert processors.usable() == Processors(8), "what a process can keep busy is another question"


def test_the_least_bound_counts_and_a_number_that_was_given_is_taken_as_it_is(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(processors, "_allowed", lambda: 6)
    assert processors.default_threads() == Processors(6, "the affinity mask (6 of 8)")
    machine.setattr(processors, "_cgroup_limit", lambda: 4.5)
    assert processors.default_threads() == Processors(5, "a cgroup quota of 4.5 CPUs")
    machine.setenv("OMP_NUM_THREADS", "2")
    assert resolve_device(TrainingConfig(device="cpu")).threads == 2
    assert resolve_device(TrainingConfig(device="cpu", threads=7)).threads == 7
    assert Sampler().sample().host.cores == 5, "of which a bar shows the part in use"


def threads_of(doctor: Any) -> str:
    (found,) = (finding["found"] for finding in json.loads(doctor.stdout) if finding["topic"] == "threads")
    return str(found)


def test_the_doctor_says_what_bounds_the_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(processors, "_allowed", lambda: 4)
    assert threads_of(call(["doctor", "--json"], tmp_path)) == "1 on 4 cores, bounded by MKL_NUM_THREADS=1"
    monkeypatch.delenv("MKL_NUM_THREADS")
    monkeypatch.setattr(processors, "_cgroup_limit", lambda: 2.5)
    assert threads_of(call(["doctor", "--json"], tmp_path)) == "3 on 4 cores, bounded by a cgroup quota of 2.5 CPUs"


@pytest.mark.skipif(sys.platform != "linux" or (os.cpu_count() or 1) < 2, reason="needs an affinity mask")
def test_the_doctor_names_the_mask_that_the_process_was_started_with(tmp_path: Path) -> None:
    one = min(os.sched_getaffinity(0))
    found = run(["doctor", "--json"], tmp_path, {"OMP_NUM_THREADS": ""}, prepare=lambda: os.sched_setaffinity(0, {one}))
    assert threads_of(found).endswith(f"bounded by the affinity mask (1 of {os.cpu_count()})")


def test_a_run_records_the_threads_that_it_was_left_and_resumes_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_project(tmp_path, monkeypatch)
    monkeypatch.setattr(processors, "_allowed", lambda: 4)
    monkeypatch.setattr(processors, "_cgroup_limit", lambda: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    arguments = [word for word in TRAIN if word not in ("--threads", "1")]
    assert call([*arguments, "--epochs", "1"], tmp_path).returncode == 0
    folder = only_run(tmp_path)
    assert json.loads((folder / "config.json").read_text())["threads"] == 2
    mark_unfinished(folder)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert call(["resume", "mlp"], tmp_path).returncode == 0
    assert NOT_REPRODUCIBLE not in (folder / "events.jsonl").read_text()
    mark_unfinished(folder)
    monkeypatch.setattr(processors, "_allowed", lambda: 1)
    assert call(["resume", "mlp"], tmp_path).returncode == 0
    assert f"{NOT_REPRODUCIBLE}: CPU threads 1, not 2" in (folder / "events.jsonl").read_text()
