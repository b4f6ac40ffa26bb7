"""What attacks or disturbs: names, a pickle, a class that prints in every way there is; and what became of it."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

LOUD_TEXT = "said by the model"
LOUD_MODEL = f"""
import atexit, ctypes, faulthandler, logging, os, subprocess, sys, warnings
import torch


def say(when):
    print("{LOUD_TEXT}:", when, "print")
    print("{LOUD_TEXT}:", when, "print to standard error", file=sys.stderr)
    os.write(1, b"{LOUD_TEXT}: file 1\\n")
    os.write(2, b"{LOUD_TEXT}: file 2\\n")
    ctypes.CDLL(None).puts(b"{LOUD_TEXT}: C")
    sys.stdout.buffer.write(b"{LOUD_TEXT}: bytes\\n")
    sys.__stdout__.write("{LOUD_TEXT}: the first standard output\\n")
    sys.__stderr__.write("{LOUD_TEXT}: the first standard error\\n")
    with open("/dev/stdout", "w") as file:
        file.write("{LOUD_TEXT}: /dev/stdout\\n")
    warnings.warn("{LOUD_TEXT}: a warning")
    logging.info("{LOUD_TEXT}: logging")
    sys.stdout.write("{LOUD_TEXT}: a bar  10 %\\r{LOUD_TEXT}: a bar 100 %\\n")
    sys.stdout.write("{LOUD_TEXT}: half a line")


logging.basicConfig(stream=sys.stdout, level=logging.INFO)
faulthandler.enable(sys.stdout)
say("import")
subprocess.run(["/bin/sh", "-c", "echo {LOUD_TEXT}: a child; echo {LOUD_TEXT}: a child >&2"])
atexit.register(say, "exit")
ctypes.CDLL(None).printf(b"{LOUD_TEXT}: C, at the end")


class Net(torch.nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        say("constructor")
        self.out = torch.nn.Linear(3 * 32 * 32, num_classes)

    def forward(self, images):
        print("{LOUD_TEXT}: forward")
        os.write(1, b"{LOUD_TEXT}: forward, file 1\\n")
        return self.out(images.flatten(1))
"""
"""On Linux; elsewhere /dev/stdout may be another file."""


def write_loud_model(folder: Path) -> list[str]:
    """Options that name the class."""
    folder.mkdir(exist_ok=True)
    (folder / "loud.py").write_text(LOUD_MODEL)
    return ["--model", "loud:Net", "--model-dir", str(folder)]


HOSTILE = (
    "<script>alert(1)</script>",
    "a | b `c` [d](http://e) **f** _g_ # ~~h~~ &amp; $i$ @j",
    "x\n\n# heading\x1b[31m\u202e\udcff www.example.org mailto:a@b.c :smile: ![k](l.png)",
)


class Page(HTMLParser):
    """What a page says and refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags = "", Counter[str]()
        self.refers: list[str] = []
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.refers += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        assert not any(name.startswith("on") for name, _ in attrs)


class MaliciousPickle:
    """Its pickle, loaded, makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """All below a folder, with its content."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }
