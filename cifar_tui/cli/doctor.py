"""The command that checks this machine for training."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from cifar_tui import __version__
from cifar_tui.cli.click_options import Command, declared_options
from cifar_tui.cli.invocation import Invocation, pass_invocation
from cifar_tui.config import TrainingConfig
from cifar_tui.formatting import file_size, plural, printable
from cifar_tui.system import output, processors, user_folders

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "pillow", "safetensors", "matplotlib", "rich", "click")
RUN_BYTES = 2**28
"""What a run of the protocol's CNN takes on the disk: about 0.2 GB."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one thing that training needs.

    Attributes:
        topic: What it is.
        found: Its state.
        fix: What to do where that is not as it should be.
        needed: Whether training does not work before it is fixed.
    """

    topic: str
    found: str
    fix: str = ""
    needed: bool = True

    @property
    def prevents_training(self) -> bool:
        """Whether training does not work."""
        return bool(self.fix) and self.needed

    def to_dict(self) -> dict[str, str | bool]:
        """As `--json` has it."""
        return {"topic": self.topic, "found": self.found, "mend": self.fix, "hinders": self.prevents_training}


@click.command(cls=Command)
@declared_options("runs_dir", "data_dir", "json", "debug")
@pass_invocation
def doctor(call: Invocation) -> int:
    """Check this machine for training, and say what to fix.

    The exit status is 1 where something keeps training from working.
    """
    findings = []
    for finding in _findings(call.runs_dir, call.given.get("data_dir")):
        findings.append(finding)
        if not call.options.json:
            output.line(f"{'!!' if finding.fix else 'ok'}  {finding.topic:13} {printable(finding.found)}")
            if finding.fix:
                output.line(f"{'':18}to fix: {printable(finding.fix)}")
    if call.options.json:
        output.line(json.dumps([finding.to_dict() for finding in findings]))
    return 1 if any(finding.prevents_training for finding in findings) else 0


def _findings(runs_dir: Path, data_dir: str | None) -> Iterator[Finding]:
    yield Finding("cifar-tui", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        yield _package(package)
    yield from _torch()
    yield _cifar10(data_dir)
    yield _cache()
    yield from _runs(runs_dir)
    yield _terminal()


def _package(name: str) -> Finding:
    import importlib.metadata

    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", f"pip install {name}")


def _torch() -> Iterator[Finding]:
    """Whether torch and torchvision load, and what training would run on."""
    try:
        from cifar_tui.data.cifar10 import import_torchvision
        from cifar_tui.training.devices import all_devices, resolve_device

        import_torchvision()
    except Exception as error:  # noqa: BLE001  (whatever keeps them from loading is the finding)
        text = f"{type(error).__name__}: {error}".partition("\n")[0]
        yield Finding("PyTorch", f"does not load: {text}", "pip install --force-reinstall torch torchvision")
        return
    for device, name, precision in all_devices():
        yield Finding(device, f"{name}, --precision auto takes {precision}")
    chosen = resolve_device(TrainingConfig())
    yield Finding("--device auto", f"takes {chosen.device}")
    found = processors.default_threads()
    bound = f", bounded by {found.bound}" if found.bound else ""
    yield Finding("threads", f"{found.count} on {plural(os.cpu_count() or 1, 'core')}{bound}")


def _cifar10(data_dir: str | None) -> Finding:
    from cifar_tui.data.cifar10 import locate

    found = locate(data_dir)
    if found is None:
        return Finding("CIFAR-10", "not downloaded yet; the first run that uses it downloads 170 MB")
    return Finding("CIFAR-10", f"{found.kind} {found.path}")


def _cache() -> Finding:
    lasting = user_folders.lasting_cache()
    if lasting is None:
        return Finding(
            "cache", f"{user_folders.cache()}, as there is no home directory", "set XDG_CACHE_HOME", needed=False
        )
    return Finding("cache", str(lasting))


def _runs(runs_dir: Path) -> Iterator[Finding]:
    place = runs_dir.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{runs_dir}: {free / 2**30:.1f} GiB free"
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding("runs", f"{runs_dir} cannot be written", "choose another --runs-dir")
        return
    if free < RUN_BYTES:
        yield Finding("runs", found, "free some space, or choose another --runs-dir: a run takes about 0.2 GB")
    else:
        yield Finding("runs", found)
    if runs_dir.is_dir():
        yield _kept(runs_dir)
    yield _locks(place)


def _kept(runs_dir: Path) -> Finding:
    """What the folder of runs holds."""
    from cifar_tui.store.order.holdings import measure

    found = measure(runs_dir)
    parts = [f"{plural(found.runs, 'run')}, {file_size(found.size)}; checkpoints {file_size(found.checkpoints)} of it"]
    if found.deleted:
        parts.append(f"{plural(found.deleted, 'run')} in the trash, {file_size(found.trash)}")
    return Finding("kept", "; ".join(parts))


def _locks(folder: Path) -> Finding:
    """Whether files can be locked where runs are kept."""
    from cifar_tui.store.lock import why_no_locks

    try:
        why = why_no_locks(folder)
    except OSError as error:
        return Finding("locks", f"{folder} cannot be written: {error.strerror}", "choose another --runs-dir")
    if not why:
        return Finding("locks", "a lock in its folder says which process trains a run")
    found = f"the runs' file system has none ({why}): a heartbeat says which process trains a run"
    fix = "runs work without; where several machines use them, mount it with locks (Lustre: -o flock)"
    return Finding("locks", found, fix, needed=False)


def _terminal() -> Finding:
    if (size := output.terminal_size()) is None:
        return Finding("terminal", "standard output is not a terminal: plain lines are printed")
    columns, lines = size
    encoding = output.stream().encoding
    found = f"{os.environ.get('TERM', 'TERM is not set')}, {columns}×{lines}, {encoding}"
    if encoding.lower().replace("-", "") != "utf8":
        return Finding("terminal", found, "set a UTF-8 locale, such as LC_ALL=C.UTF-8", needed=False)
    return Finding("terminal", found)
