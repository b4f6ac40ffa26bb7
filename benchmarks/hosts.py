"""One run on two hosts of which one is lost: each is a network namespace with a host name of its own.

Run it as root on Linux with `python -m benchmarks.hosts`. Both hosts share the file system, unless it says otherwise.
With `--link`, the connection of one is cut while it trains, which the other one notices after ten minutes. It prints a
table of what was expected and seen, and exits with 1 if they differ.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.killed_runs import events, run_folders, state

OPTIONS = ("--data", "digits", "--model", "mlp", "--batch-size", "64", "--threads", "1", "--checkpoint-seconds", "1")
EPOCHS = ("--epochs", "30", "--patience", "30")
PORT = 29400
LAST_CALL_SECONDS = 5
"""How long the agents wait for more hosts once one is there."""
SECONDS = 180.0
"""How long to wait for anything but a timeout."""
BATCH_TIMEOUT = 600.0
"""The program's: how long a process waits for another one that is silent."""


@dataclass(frozen=True)
class Host:
    """A network namespace.

    Attributes:
        name: Its name, and that of its host.
        address: Its address in the network of both.
        interface: The network interface that has it.
    """

    name: str
    address: str
    interface: str

    def run(self, *command: str) -> None:
        """Run a command in it, to its end."""
        subprocess.run(["ip", "netns", "exec", self.name, *command], check=True)

    def launch(self, rendezvous: Host, cwd: Path, runs_dir: Path) -> subprocess.Popen[bytes]:
        """Start torchrun in it, with one process, that meets the other host's at the rendezvous."""
        settings = f"last_call_timeout={LAST_CALL_SECONDS},is_host={int(self == rendezvous)}"
        launcher = ["--nnodes", "1:2", "--nproc-per-node", "1", "--max-restarts", "3", "--rdzv-backend", "c10d"]
        launcher += ["--rdzv-id", cwd.name, "--rdzv-endpoint", f"{rendezvous.address}:{PORT}"]
        launcher += ["--rdzv-conf", settings, "--local-addr", self.address]
        program = ["-m", "cifar_tui", "--no-ui", "--quiet", *OPTIONS, *EPOCHS, "--runs-dir", str(runs_dir)]
        # Each of these becomes the next one, so that the process is the launcher.
        command = ["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c"]
        command += [f'hostname {self.name} && exec "$@"', "sh"]
        with (cwd / f"{self.name}.txt").open("ab") as output:
            return subprocess.Popen(
                [*command, sys.executable, "-m", "torch.distributed.run", *launcher, *program],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | {"GLOO_SOCKET_IFNAME": self.interface, "OMP_NUM_THREADS": "1"},
            )

    @property
    def pids(self) -> list[int]:
        """The processes in it."""
        listed = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listed.stdout.split()]

    def kill(self) -> None:
        """Kill all that runs in it with SIGKILL, the launcher too."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)


@contextmanager
def connected_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts with a cable between them; afterwards nothing of them is left."""
    tag = f"ct{os.getpid() % 100000}"
    hosts = Host(f"{tag}-a", "10.77.0.1", f"{tag}a"), Host(f"{tag}-b", "10.77.0.2", f"{tag}b")
    try:
        for host in hosts:
            subprocess.run(["ip", "netns", "add", host.name], check=True)
        pair = [word for host in hosts for word in ("name", host.interface, "netns", host.name)]
        subprocess.run(["ip", "link", "add", *pair[:4], "type", "veth", "peer", *pair[4:]], check=True)
        for host in hosts:
            host.run("ip", "address", "add", f"{host.address}/24", "dev", host.interface)
            host.run("ip", "link", "set", host.interface, "up")
            host.run("ip", "link", "set", "lo", "up")
        yield hosts
    finally:
        for host in hosts:
            host.kill()
            subprocess.run(["ip", "netns", "delete", host.name], check=False, stderr=subprocess.DEVNULL)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait for something to happen.

    Raises:
        TimeoutError: It has not.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def event(cwd: Path, kind: str) -> dict[str, Any]:
    """The last event of this type of the only run; empty if there is none."""
    folders = run_folders(cwd)
    return next((found for found in reversed(events(folders[0])) if found["type"] == kind), {}) if folders else {}


Rows = Iterator[tuple[str, object, object]]
"""What is looked at, what is expected, and what is seen."""


def ends_together(hosts: tuple[Host, Host], cwd: Path) -> Rows:
    """Both train to the end; the second one has another folder of runs, in which nothing is made."""
    first, second = hosts
    launched = [first.launch(first, cwd, cwd / "runs"), second.launch(first, cwd, cwd / "elsewhere")]
    yield "exit statuses", [0, 0], [process.wait(SECONDS) for process in launched]
    started = event(cwd, "run_started")
    yield "processes and hosts of the run", (2, 2), (started.get("processes"), started.get("hosts"))
    yield from ended(hosts, cwd)
    yield "runs in the second host's own folder", 0, len(list(cwd.glob("elsewhere/*")))


def loses(lost: int, how: str, hosts: tuple[Host, Host], cwd: Path) -> Rows:
    """One of the hosts is lost while both train; the other one, where the rendezvous is, trains on to the end.

    Args:
        lost: Which one; the first has rank 0.
        how: `killed`, with its launcher; or `cut`, off the network.
        hosts: Both.
        cwd: Where the run is made.
    """
    gone, other = hosts[lost], hosts[1 - lost]
    launched = {host: host.launch(other, cwd, cwd / "runs") for host in hosts}
    wait_until(lambda: bool(event(cwd, "checkpoint")), "a checkpoint")
    before = event(cwd, "run_started").get("processes")
    if how == "killed":
        gone.kill()
    else:
        gone.run("ip", "link", "set", gone.interface, "down")
    began = time.monotonic()
    patience = SECONDS + (BATCH_TIMEOUT if how == "cut" else 0)
    wait_until(lambda: bool(event(cwd, "resumed")), "the other host resumes", patience)
    after = event(cwd, "resumed").get("processes")
    yield f"processes before, and {time.monotonic() - began:.0f} s after the loss", (2, 1), (before, after)
    yield "exit status of the other host", 0, launched[other].wait(SECONDS)
    if how == "cut":
        yield "exit status of the one that is cut off", 1, launched[gone].wait(patience)
    launched[gone].wait(SECONDS)
    noted = [found["message"] for found in events(run_folders(cwd)[0]) if found["type"] == "note"]
    yield "the run notes the other number of processes", True, any("not bit for bit" in note for note in noted)
    yield from ended(hosts, cwd)


def ended(hosts: tuple[Host, Host], cwd: Path) -> Rows:
    """How it is after every end."""
    yield "run folders", ["finished"], [state(folder) for folder in run_folders(cwd)]
    yield "processes left", 0, sum(len(host.pids) for host in hosts)


SCENARIOS: dict[str, Callable[[tuple[Host, Host], Path], Rows]] = {
    "both hosts train to the end": ends_together,
    "the second host is killed": lambda hosts, cwd: loses(1, "killed", hosts, cwd),
    "the host of rank 0 is killed": lambda hosts, cwd: loses(0, "killed", hosts, cwd),
    "the second host is cut off": lambda hosts, cwd: loses(1, "cut", hosts, cwd),
}


def main() -> None:
    """Play all that is asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--link", action="store_true", help="only cut one host off; about seventeen minutes")
    given = parser.parse_args()
    failed = False
    print("| | | expected | seen | |\n|---|---|---|---|---|")
    for number, (name, play) in enumerate(SCENARIOS.items()):
        if given.link != ("cut off" in name):
            continue
        with connected_hosts() as hosts, tempfile.TemporaryDirectory(prefix=f"hosts-{number}-") as place:
            cwd = Path(place)
            try:
                for what, expected, seen in play(hosts, cwd):
                    failed |= expected != seen
                    mark = "✓" if expected == seen else "wrong"
                    print(f"| {name} | {what} | {expected} | {seen} | {mark} |", flush=True)
            except (TimeoutError, subprocess.TimeoutExpired, IndexError) as error:
                failed = True
                print(f"| {name} | {error} | | | wrong |", flush=True)
            if failed:
                for host in hosts:
                    print((cwd / f"{host.name}.txt").read_text()[-3000:], file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
