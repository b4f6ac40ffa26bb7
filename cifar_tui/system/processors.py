"""The number of usable processors, and what limits it: affinity, cgroup quotas, the environment."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

VARIABLES = ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "MKL_NUM_THREADS")
"""By which a user, or a scheduler for them, bounds the threads of numerical libraries."""
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Processors:
    """A number of them.

    Attributes:
        count: At least 1.
        bound: What limits it, in words; empty where that is the machine itself.
    """

    count: int
    bound: str = ""


def default_threads() -> Processors:
    """The default number of threads of a computation: no more than can run, nor than a variable allows."""
    return min([usable(), *_of_variables(os.environ)], key=lambda found: found.count)


def usable() -> Processors:
    """The processors that this process can keep busy: its affinity mask, within the CPU quotas of its cgroups.

    Part of a processor is rounded up, as joblib and the Java runtime do: two threads make more of a quota of 1.5 than
    one can, although both are held up for the rest of each period once it is used up.
    """
    machine = os.cpu_count() or 1
    allowed = _allowed() or machine
    found = Processors(allowed, f"the affinity mask ({allowed} of {machine})" if allowed < machine else "")
    limit = _cgroup_limit()
    if limit is not None and (rounded := max(1, math.ceil(limit))) < found.count:
        return Processors(rounded, f"a cgroup quota of {limit:g} CPUs")
    return found


def cgroup_limit(cgroups: str, mounts: str, read: Callable[[str], str]) -> float | None:
    """The CPUs that a process's cgroups leave it, those above its own included; None where they bound nothing.

    Args:
        cgroups: The content of `/proc/self/cgroup`, of version 1, 2 or both.
        mounts: The content of `/proc/self/mountinfo`.
        read: Gives the content of a file; what it raises as an OSError says that there is none.
    """
    limits = []
    for folder, is_unified in _cgroup_folders(cgroups, mounts):
        try:
            if is_unified:
                quota, _, period = read(f"{folder}/cpu.max").strip().partition(" ")
            else:
                quota, period = read(f"{folder}/cpu.cfs_quota_us"), read(f"{folder}/cpu.cfs_period_us")
            # Without a limit it is "max", or -1.
            if quota.strip() != "max" and int(quota) > 0 and int(period) > 0:
                limits.append(int(quota) / int(period))
        except (OSError, ValueError):
            continue
    return min(limits, default=None)


def _cgroup_folders(cgroups: str, mounts: str) -> Iterator[tuple[str, bool]]:
    """The folders of this process's CPU cgroups and of all above them, and whether they are of version 2."""
    paths: dict[bool, str] = {}
    for line in cgroups.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            paths[True] = path
        elif "cpu" in controllers.split(","):
            paths[False] = path
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        words, kinds = fields.split(" "), kind.split(" ")
        if len(words) < 5 or len(kinds) < 3:
            continue
        is_unified = kinds[0] == "cgroup2"
        if is_unified not in paths or not (is_unified or (kinds[0] == "cgroup" and "cpu" in kinds[2].split(","))):
            continue
        root, mounted = _unescaped(words[3]), _unescaped(words[4])
        folder = PurePosixPath(mounted)
        yield str(folder), is_unified
        # A path outside what is mounted is one of another namespace: only the mounted folder itself can be ours.
        for name in _below(paths[is_unified], root):
            folder /= name
            yield str(folder), is_unified


def _below(path: str, root: str) -> tuple[str, ...]:
    try:
        names = PurePosixPath(path).relative_to(root).parts
    except ValueError:
        return ()
    return () if ".." in names else names


def _unescaped(path: str) -> str:
    r"""A path of mountinfo, in which a space is `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _cgroup_limit() -> float | None:
    def read(path: str) -> str:
        return Path(path).read_text(encoding="utf-8", errors="replace")

    try:
        return cgroup_limit(read("/proc/self/cgroup"), read("/proc/self/mountinfo"), read)
    except OSError:  # Not Linux, or no /proc.
        return None


def _allowed() -> int | None:
    """The processors of the affinity mask; None where the system has none."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _of_variables(environment: Mapping[str, str]) -> Iterator[Processors]:
    for name in VARIABLES:
        # OMP_NUM_THREADS may be a list, of which later numbers are for teams within teams.
        first = environment.get(name, "").partition(",")[0].strip()
        if first.isascii() and first.isdecimal() and len(first) <= _MOST_DIGITS and int(first) > 0:
            yield Processors(int(first), f"{name}={first}")
