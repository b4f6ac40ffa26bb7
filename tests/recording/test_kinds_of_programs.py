"""Recording in programs of every kind: notebooks, processes that were forked, scripts without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cifar_tui.events import Batch
from cifar_tui.store import catalog
from cifar_tui.store.run_folder import RunFolder
from tests.support.command import eventually

FORKED = """
import os
from cifar_tui import record
with record(quiet=True) as run:
    run.log(loss=1.0)
    child = os.fork()
    if not child:
        try:
            run.log(loss=2.0)
            run.validated(loss=2.0)
            run.finish()
        finally:
            os._exit(run.folder is not None)
    _, status = os.waitpid(child, 0)
    run.log(loss=3.0)
print(status)
"""
WITH_WORKER = """
import os, time
from cifar_tui import record
with record(quiet=True) as run:
    if not (worker := os.fork()):
        time.sleep(600)
    run.log(loss=1.0)
    print(worker, flush=True)
    time.sleep(600)
"""
CELLS = [
    "from cifar_tui import record",
    "run = record(name='cell', quiet=True).start()",
    "run.log(loss=1.0)\nraise ValueError('a cell that fails ends nothing')",
    "run.log(loss=2.0)",
    "run.finish()",
    "with record(name='cell', quiet=True) as run:\n    run.log(loss=3.0)",
]
NOTEBOOK = f"""
import asyncio, code
async def kernel():
    shell = code.InteractiveInterpreter()
    for cell in {CELLS!r}:
        shell.runsource(cell, symbol="exec")
asyncio.run(kernel())
"""
WITHOUT_TORCH = """
import sys
from cifar_tui import record
with record(quiet=True) as run:
    run.log(loss=1.0)
    run.validated(loss=1.0, accuracy=0.5)
print([name for name in ("torch", "textual", "sklearn") if name in sys.modules])
"""


def losses(folder: Path) -> list[float]:
    return [event.loss for event in RunFolder(folder).events() if isinstance(event, Batch)]


def runs_of(cwd: Path) -> list[Path]:
    return sorted((cwd / "runs").iterdir())


def output_of(script: str, cwd: Path) -> str:
    # From standard input: such a program has no file, as a notebook has none.
    return subprocess.run(
        [sys.executable, "-"], input=script, cwd=cwd, capture_output=True, text=True, check=True
    ).stdout


def test_a_forked_process_records_nothing_and_disturbs_nothing(tmp_path: Path) -> None:
    assert output_of(FORKED, tmp_path) == "0\n"
    (run,) = runs_of(tmp_path)
    assert losses(run)[-1] == 3.0
    assert 2.0 not in losses(run)
    assert RunFolder(run).read_state().status == "finished"


def test_workers_that_outlive_a_killed_script_do_not_keep_its_run_alive(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WITH_WORKER], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    worker = psutil.Process(int(process.stdout.readline()))
    try:
        eventually(lambda: losses(runs_of(tmp_path)[0]))
        process.kill()
        process.wait()
        process.stdout.close()
        assert catalog.summary_of(RunFolder(runs_of(tmp_path)[0])).state == "interrupted"
        assert worker.is_running()
    finally:
        worker.kill()


def test_cells_of_a_notebook_record_one_run_after_the_other(tmp_path: Path) -> None:
    output_of(NOTEBOOK, tmp_path)
    first, second = runs_of(tmp_path)
    assert (losses(first)[-1], losses(second)[-1]) == (2.0, 3.0)
    assert {RunFolder(run).read_state().status for run in (first, second)} == {"finished"}


def test_a_script_without_torch_does_not_load_it(tmp_path: Path) -> None:
    assert output_of(WITHOUT_TORCH, tmp_path) == "[]\n"


def test_a_process_of_another_program_records_as_any_does(tmp_path: Path) -> None:
    train = "from cifar_tui import record\nwith record(quiet=True) as run:\n    run.log(loss=1.0)"
    script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {train!r}], check=True)"
    output_of(script, tmp_path)
    assert losses(runs_of(tmp_path)[0]) == [1.0]


@pytest.mark.parametrize(
    ("last_line", "expected"),
    [
        ("", ("finished", "the script has ended")),
        ("raise ValueError('no data')", ("failed", "ValueError: no data")),
        ("del run", ("interrupted", "the script has dropped it")),
    ],
)
def test_a_run_that_is_started_and_not_finished_ends_with_its_script(
    tmp_path: Path, last_line: str, expected: tuple[str, str]
) -> None:
    script = f"from cifar_tui import record\nrun = record(quiet=True).start()\nrun.validated(loss=1.0)\n{last_line}"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=False)
    summary = RunFolder(runs_of(tmp_path)[0]).read_summary()
    assert (summary.state, summary.message, summary.epochs) == (*expected, 1)


def test_a_script_without_standard_error_records(tmp_path: Path) -> None:
    script = "from cifar_tui import record\nwith record() as run:\n    run.log(loss=1.0)"
    subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert losses(runs_of(tmp_path)[0]) == [1.0]
