"""A class of a user's own that prints in every way there is, at every time."""

from __future__ import annotations

from pathlib import Path

SAID = "said by the model"
CODE = f"""
import atexit, ctypes, faulthandler, logging, os, subprocess, sys, warnings
import torch


def say(when):
    print("{SAID}:", when, "print")
    print("{SAID}:", when, "print to standard error", file=sys.stderr)
    os.write(1, b"{SAID}: file 1\\n")
    os.write(2, b"{SAID}: file 2\\n")
    ctypes.CDLL(None).puts(b"{SAID}: C")
    sys.stdout.buffer.write(b"{SAID}: bytes\\n")
    sys.__stdout__.write("{SAID}: the first standard output\\n")
    sys.__stderr__.write("{SAID}: the first standard error\\n")
    with open("/dev/stdout", "w") as file:
        file.write("{SAID}: /dev/stdout\\n")
    warnings.warn("{SAID}: a warning")
    logging.info("{SAID}: logging")
    sys.stdout.write("{SAID}: a bar  10 %\\r{SAID}: a bar 100 %\\n")
    sys.stdout.write("{SAID}: half a line")


logging.basicConfig(stream=sys.stdout, level=logging.INFO)
faulthandler.enable(sys.stdout)
say("import")
subprocess.run(["/bin/sh", "-c", "echo {SAID}: a child; echo {SAID}: a child >&2"])
atexit.register(say, "exit")
ctypes.CDLL(None).printf(b"{SAID}: C, at the end")


class Net(torch.nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        say("constructor")
        self.out = torch.nn.Linear(3 * 32 * 32, num_classes)

    def forward(self, images):
        print("{SAID}: forward")
        os.write(1, b"{SAID}: forward, file 1\\n")
        return self.out(images.flatten(1))
"""
"""On Linux; elsewhere /dev/stdout may be another file."""


def written(folder: Path) -> list[str]:
    """Options that name the class."""
    folder.mkdir(exist_ok=True)
    (folder / "loud.py").write_text(CODE)
    return ["--model", "loud:Net", "--model-dir", str(folder)]
