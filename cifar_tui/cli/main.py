"""The command line: all commands, and the exit status with which the process leaves."""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

import click

from cifar_tui.cli import completion, lifecycle, multiprocess, results, train, weights
from cifar_tui.cli.click_options import Debugging
from cifar_tui.cli.doctor import doctor
from cifar_tui.cli.order import labelling, moving, pruning
from cifar_tui.cli.stderr import print_message
from cifar_tui.errors import CifarTuiError
from cifar_tui.system import output, user_folders
from cifar_tui.system.paths import leave_deleted_folder

app = train.app
app.add_section(
    "Training commands",
    lifecycle.resume,
    lifecycle.attach,
    lifecycle.stop,
    lifecycle.pause,
    lifecycle.checkpoint,
    lifecycle.watch,
)
app.add_section("Result commands", results.runs, results.compare, results.report)
app.add_section("Housekeeping commands", labelling.note, labelling.tag, moving.rename, moving.rm, pruning.prune)
app.add_section("Model commands", weights.evaluate, weights.predict, weights.export)
app.add_section("Other commands", doctor, completion.completion)


def main() -> NoReturn:
    """Run the command line and leave the process with its exit status."""
    if os.environ.get(completion.VARIABLE):
        # It leaves the process.
        app.main(prog_name=completion.PROGRAM, complete_var=completion.VARIABLE)
    user_folders.prepare_libraries()
    output.reserve()
    if multiprocess.is_over():
        sys.exit(0)
    leave_deleted_folder()
    debugging, failed = Debugging(), True
    try:
        status = app.main(prog_name=completion.PROGRAM, standalone_mode=False, obj=debugging) or 0
        failed = False
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else completion.PROGRAM
        # Click lists the choices of an argument below each other.
        what = " ".join(error.format_message().split()).rstrip(".")
        status = _fail(f"{what}; see `{command} --help`", 2)
    except CifarTuiError as error:
        if debugging.on:
            multiprocess.report_failure(error.exit_status)
            raise
        status = _fail(str(error), error.exit_status)
    except (KeyboardInterrupt, click.Abort):
        status = 130
    except BrokenPipeError:
        status = 1
    except output.OutputError as error:
        status = _fail(f"standard output cannot be written: {error.strerror}", 1)
    except Exception as error:
        if debugging.on:
            multiprocess.report_failure(1)
            raise
        status = _fail(f"{type(error).__name__}: {error} (--debug shows where)", 1)
    if failed:
        status = multiprocess.report_failure(status)
    output.close()
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others and all(thread.daemon for thread in others):
        # It may be importing PyTorch, which nothing can interrupt, and over which the interpreter would stumble.
        user_folders.remove_temporary()
        os._exit(status)
    sys.exit(status)


def _fail(message: str, status: int) -> int:
    print_message(message)
    return status
