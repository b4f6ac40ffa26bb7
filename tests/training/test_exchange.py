"""The folder through which rank 0 and its launcher reach each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cifar_tui.training.distributed.exchange import Exchange

ANNOUNCE = """
import sys, time
from pathlib import Path
from cifar_tui.training.distributed.exchange import Exchange
Exchange(Path(sys.argv[1])).announce_process()
print("announced", flush=True)
time.sleep(600)
"""


def test_nothing_is_said_before_anything_was_announced(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)

    assert (exchange.pid(), exchange.run_id(), exchange.status()) == (None, None, None)


def test_what_rank_0_announces_is_read_and_replaced(tmp_path: Path) -> None:
    writer, reader = Exchange(tmp_path), Exchange(tmp_path)

    writer.announce_process()
    writer.announce_run("20260101-120000-mlp")
    writer.finish(3)
    writer.finish(0)

    assert (reader.pid(), reader.run_id(), reader.status()) == (os.getpid(), "20260101-120000-mlp", 0)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["process", "run", "status"]


def test_a_killed_process_has_no_pid(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    with subprocess.Popen([sys.executable, "-c", ANNOUNCE, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"announced\n"
        before = exchange.pid()

        process.kill()
        process.wait()

    assert before == process.pid
    assert exchange.pid() is None
