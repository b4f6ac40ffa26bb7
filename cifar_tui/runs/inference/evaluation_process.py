"""An evaluation for the screen in a process of its own, which leaves the processors to whatever trains.

It is a process and not a thread: a thread of the lowest priority would hold up the screen's, which waits for Python's
lock while the other waits for a processor.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from typing import BinaryIO

from cifar_tui.analysis.predictions import TopPredictions
from cifar_tui.errors import CifarTuiError, InputError
from cifar_tui.records import Overrides
from cifar_tui.runs.detached import PREFIX, PROGRAM
from cifar_tui.runs.inference import evaluation
from cifar_tui.runs.messages import ProgressCallback
from cifar_tui.store.command_lines import run_command
from cifar_tui.store.predictions import MOST_BYTES, ValidationPredictions, parse_top, top_to_bytes
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import processes
from cifar_tui.system.paths import absolute, python_path

SECONDS = 0.1
"""How often the caller of `run` is asked whether it still waits."""
MOST_ERRORS = 4_000
"""The end of what it prints that is looked at."""
MOST_RECEIVED = MOST_BYTES + (1 << 20)
"""Of what it sends, steps included."""
MOST_PAUSE = 1.0
"""The longest pause between two batches, in seconds."""


def run(folder: RunFolder, progress: ProgressCallback) -> TopPredictions:
    """Evaluate a run's best weights on its test images, with one CPU thread, at the lowest priority.

    The class of its model may be run.

    Args:
        folder: The run; nothing in it is changed.
        progress: Called with the current step, several times a second; what it raises ends the process.

    Raises:
        InputError: The run has no best checkpoint, or its images or its device are unusable.
        CifarTuiError: Its images could not be read, the process was killed, or it sent too much.
    """
    progress("starting", 0, 0)
    command = run_command("evaluate", folder.id, str(absolute(folder.path.parent)))
    receiving, sending = os.pipe()
    with tempfile.TemporaryFile() as printed, os.fdopen(receiving, "rb") as pipe:
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", PROGRAM, *command[1:], "--threads", "1", "--send", str(sending)],
                env=os.environ | {"PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=printed,
                pass_fds=[sending],
                # A session of its own, which the scheduler may weigh against others.
                start_new_session=True,
            )
        finally:
            os.close(sending)
        try:
            content = _receive(pipe, progress)
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        if status:
            raise _error(printed, status)
    return parse_top(content, "the evaluation's result").top


def _receive(pipe: BinaryIO, progress: ProgressCallback) -> bytes:
    """What the process sends behind its steps, each of which is a line.

    Raises:
        CifarTuiError: It is too large.
    """
    received, step = bytearray(), ("starting", 0, 0)
    while True:
        progress(*step)
        if not select.select([pipe], [], [], SECONDS)[0]:
            continue
        part = os.read(pipe.fileno(), 1 << 16)
        if not part:
            return bytes(received)
        received += part
        if len(received) > MOST_RECEIVED:
            raise CifarTuiError(f"the evaluation's result is too large (over {MOST_RECEIVED:,} bytes)")
        while received.startswith(b"[") and (end := received.find(b"\n")) >= 0:
            what, done, total = json.loads(received[:end])
            step = str(what), int(done), int(total)
            del received[: end + 1]


def _error(printed: BinaryIO, status: int) -> CifarTuiError:
    """Why it failed, by the last message that it printed."""
    printed.seek(max(0, printed.seek(0, os.SEEK_END) - MOST_ERRORS))
    lines = printed.read().decode(errors="replace").splitlines()
    messages = [line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)]
    kind = InputError if status == InputError.exit_status else CifarTuiError
    return kind(messages[-1] if messages else f"the evaluation ended early, with status {status}")


def send(folder: RunFolder, overrides: Overrides, descriptor: int) -> None:
    """Evaluate as `run` wants it, and send it steps and predictions; what this prints is its messages.

    Args:
        folder: The run.
        overrides: Overrides of what it was made with.
        descriptor: Where to send them; where nobody receives them any more, this ends.

    Raises:
        InputError: As of `run`.
        CifarTuiError: Its images could not be read.
        BrokenPipeError: Nobody waits for them any more.
    """
    processes.yield_to_others()
    with os.fdopen(descriptor, "wb") as pipe:
        before = time.monotonic()

        def progress(what: str, done: int, total: int) -> None:
            nonlocal before
            pipe.write(json.dumps([what, done, total]).encode() + b"\n")
            pipe.flush()
            if done:
                # A processor's caches and a GPU know no priorities.
                time.sleep(min(time.monotonic() - before, MOST_PAUSE))
            before = time.monotonic()

        progress("loading PyTorch", 0, 0)
        evaluation.check_images(folder)
        top = evaluation.evaluate_all(folder, overrides, progress).top()
        pipe.write(top_to_bytes(ValidationPredictions(top, None)))
