"""What a run computed on, in the words of its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from cifar_tui.formatting import count, plural
from cifar_tui.records import RunRecord
from cifar_tui.report.markdown_syntax import escape
from cifar_tui.state.run_state import RunState


def started_on(record: RunRecord) -> str:
    """Where it was started: `AMD EPYC 9654 (cpu)`, `8 × NVIDIA H200 (cuda) on 2 hosts`."""
    products = Counter(each.device_name for each in record.processes)
    return _devices(products or {record.device_name: 1}, record.device, record.hosts)


def resumed_on(state: RunState, record: RunRecord) -> list[str]:
    """Other devices, precisions, threads and numbers of processes that the run was resumed with, each once."""
    processes, hosts = max(1, len(record.processes)), record.hosts
    began = (record.device_name, record.device, record.precision, record.threads, processes, hosts)
    ways = []
    for each in state.resumptions:
        processes, hosts = each.processes or processes, each.hosts or hosts
        if each.device:
            ways.append((each.device_name, each.device, each.precision, each.threads, processes, hosts))
    return [
        f"{_devices({name: processes}, device, hosts)} in {escape(precision)} with {plural(threads, 'CPU thread')}"
        f"{' each' if processes > 1 else ''}"
        for name, device, precision, threads, processes, hosts in dict.fromkeys(ways)
        if (name, device, precision, threads, processes, hosts) != began
    ]


def host_rows(record: RunRecord) -> list[tuple[str, str]]:
    """Each host with the ranks and devices of its processes; nothing for a run of one process."""
    ranks: dict[tuple[str, str], list[int]] = {}
    for rank, each in enumerate(record.processes):
        ranks.setdefault((each.host, each.device_name), []).append(rank)
    return [
        (
            f"Host {escape(host)}",
            f"{_ranks(numbers)}: {escape(product)} "
            f"({', '.join(dict.fromkeys(escape(record.processes[rank].device) for rank in numbers))})",
        )
        for (host, product), numbers in ranks.items()
    ]


def _devices(products: Mapping[str, int], device: str, hosts: int) -> str:
    """Products, each with the number of its processes, and PyTorch's name for them."""
    if sum(products.values()) == 1:
        return f"{escape(next(iter(products)))} ({escape(device)})"
    names = " and ".join(f"{count(processes)} × {escape(name)}" for name, processes in products.items())
    return f"{names} ({escape(device.partition(':')[0])}){f' on {count(hosts)} hosts' if hosts > 1 else ''}"


def _ranks(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    if first == last:
        return f"rank {first}"
    if len(numbers) == 2:
        return f"ranks {first} and {last}"
    if last - first == len(numbers) - 1:
        return f"ranks {first} to {last}"
    return f"ranks {', '.join(map(str, numbers))}"
