"""Load and memory of the process, the machine and its GPUs, in rows."""

from __future__ import annotations

from rich.style import Style

from cifar_tui.formatting import UNKNOWN, plural, printable
from cifar_tui.system.hardware import GpuSample, HostSample
from cifar_tui.tui.sidebar.rows import LABEL, bar, label, longest_fitting
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.lines import Row, width_of

BAR, FIGURE = 10, 19
"""Columns of a bar, and of the figures behind it with the space around them."""
WIDE = LABEL + 2 * (BAR + FIGURE)
"""The least columns for bars."""
GIB = 2**30


def host_rows(host: HostSample, style: Style, look: Look, width: int) -> tuple[Row, Row]:
    """Processor and memory in rows of up to `width` columns; the process's part in `style`, beside the machine's."""
    cpu, machine_cpu = _percent(host.process_cpu), _percent(host.machine_cpu)
    memory, machine_memory = f"{_gib(host.process_memory)} GiB", _part(host.memory_used, host.memory_total)
    cores = plural(host.cores, "core")
    if width < WIDE:
        cpus = (f"{cpu} of {cores}, machine {machine_cpu}", f"{cpu}, {cores}, machine {machine_cpu}", cpu)
        memories = (f"{memory}, machine {machine_memory}", f"{memory}, machine {_brief(machine_memory)}", memory)
        room = width - LABEL
        return (
            [label("cpu", look), look.text(longest_fitting(cpus, room))],
            [label("memory", look), longest_fitting(memories, room)],
        )
    share = None if host.process_cpu is None else host.process_cpu / host.cores / 100
    machine_share = None if host.machine_cpu is None else host.machine_cpu / 100
    total = max(1, host.memory_total)
    own = [
        _figure(share, longest_fitting((f"{cpu} of {cores}", f"{cpu}, {cores}"), FIGURE - 2), style, look),
        _figure(host.process_memory / total, memory, style, look),
    ]
    machine = [
        _figure(machine_share, f"machine {machine_cpu}", look.dim, look),
        _figure(host.memory_used / total, f"machine {machine_memory}", look.dim, look),
    ]
    return [label("cpu", look), *own[0], *machine[0]], [label("memory", look), *own[1], *machine[1]]


def gpu_row(gpu: GpuSample, style: Style, look: Look, width: int, *, own: bool) -> Row:
    """One GPU in up to `width` columns, with a mark if the run computes on it."""
    mark = ">" if look.ascii else "►"
    name = f"gpu {gpu.index}" if gpu.index < 10 else f"gpu{gpu.index}"
    head: Row = [(mark, look.good) if own else " ", (name.ljust(LABEL - 1), look.strong if own else look.dim)]
    load, heat = _percent(gpu.utilisation), "" if gpu.temperature is None else f"{gpu.temperature:.0f} °C"
    memory = ""
    if gpu.memory_used is not None and gpu.memory_total is not None:
        memory = _part(gpu.memory_used, gpu.memory_total)
    power = "" if gpu.power is None else f"{gpu.power:.0f} W"
    limit = power if not power or gpu.power_limit is None else f"{gpu.power:.0f} of {gpu.power_limit:.0f} W"
    if gpu.utilisation is None and not (heat or memory or power):
        return [*head, ("not responding", look.warning)]
    if width >= WIDE:
        share = None if gpu.utilisation is None else gpu.utilisation / 100
        used = gpu.memory_used / max(1, gpu.memory_total or 1) if gpu.memory_used is not None else None
        bars = [*_figure(share, load, style, look), *_figure(used, memory, style, look)]
        rest = (f"{heat:>6}  {limit:<12}  {printable(gpu.name)}", f"{heat:>6}  {limit}", f"{heat:>6}  {power}", heat)
        return [*head, *bars, look.text(longest_fitting(rest, width - width_of([*head, *bars])))]
    memory = _brief(memory)
    forms = ((load, memory, heat, limit), (load, memory, heat, power), (load, memory, heat), (load, memory), (load,))
    return [*head, look.text(longest_fitting([" ".join(filter(None, form)) for form in forms], width - LABEL))]


def _figure(share: float | None, figure: str, style: Style, look: Look) -> Row:
    return [*bar(share or 0.0, BAR, style, look), " " + look.text(figure).ljust(FIGURE - 1)]


def _percent(percent: float | None) -> str:
    return UNKNOWN if percent is None else f"{percent:.0f} %"


def _part(used: int, total: int) -> str:
    return f"{_gib(used)} of {_gib(total)} GiB"


def _brief(part: str) -> str:
    return part.replace(" of ", "/")


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}" if size < 100 * GIB else f"{size / GIB:.0f}"
