"""Makes the pictures of the documentation, and a recorded session, from the program as it is.

Run it with `python -m tests.project.pictures`. It trains both models on the digits for some minutes, makes a picture of
each view, and records a session of a minute. With `--folder`, the runs stay there, and those of an earlier time are
taken. Everything is what a terminal shows of the command `cifar-tui`.
"""

from __future__ import annotations

import argparse
import codecs
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tests.project.documents import ROOT
from tests.project.screen_svg import Colours, Frame, line, moving, still
from tests.support.terminal import Screen, Terminal

IMAGES = ROOT / "docs" / "images"
PROGRAM = str(Path(sys.executable).with_name("cifar-tui"))
COLUMNS, ROWS = 120, 36
TRAINING = ("--data", "digits", "--epochs", "23", "--batch-size", "64")
LIVE_EPOCH = 12
"""Of the CNN, when the picture of the charts is made."""
FRAME_SECONDS = 2.5
PARTS = (range(80), range(80, COLUMNS))
"""Columns of the view, and of the panels beside it, which change at different times."""
KEY_SECONDS = 0.6
"""Between two keys."""
END_SECONDS = 4
"""For which its last picture stands."""
PICTURES: dict[str, tuple[tuple[str, ...], str]] = {
    "overlay": (("1", "left", "left", "left", "left"), "epoch"),
    "confusion": (("2",), "most confused"),
    "images": (("3",), "wrong predictions"),
    "confidence": (("k",), "expected calibration error"),
    "compare": (("c",), "neither"),
    "device": (("6",), "process memory"),
    "details": (("d",), "options at their defaults"),
    "themes": (("1", "t", *"light", "down"), "Theme"),
}
"""For each picture of the finished runs, both marked: what is pressed, and what the screen then says."""
SESSION: tuple[tuple[str, Sequence[str], float], ...] = (
    ("Two models are ready to train", (), 3),
    ("S: start both", ("S",), 8),
    ("↓: the other one", ("down",), 4),
    ("space ↑ space: mark both; their curves in one chart", ("space", "up", "space"), 7),
    ("1: the charts, ←: a cursor reads every curve", ("1", "left", "left", "left"), 4),
    ("z: zoom in, twice", ("z", "z"), 5),
    ("0: back to all", ("0",), 2),
    ("c: compare the marked runs", ("c",), 6),
    ("Esc ↓: to the MLP", ("escape", "escape", "escape", "down"), 2),
    ("2: its confusion matrix, at the most confused pair", ("2",), 6),
    ("Enter: the images in that cell", ("enter",), 5),
    ("q: quit; runs that train can continue", ("q",), 4),
    ("s: stop them, with a checkpoint", ("s",), 0),
)
"""What is said, what is pressed for it, and how many seconds there are to look."""


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where `runs` has a run of each model, or is to be made")
    parser.add_argument(
        "--only", choices=(*PICTURES, "charts", "log", "session"), action="append", help="of the pictures"
    )
    options = parser.parse_args()
    wanted = options.only or (*PICTURES, "charts", "log", "session")
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        if {"charts", "log"} & {*wanted} or not [*folder.glob("runs/*")]:
            train(folder)
        picture_finished_runs(folder, wanted)
        if "session" in wanted:
            record_session(Path(name) / "session")


def open_dashboard(folder: Path, *arguments: str) -> Terminal:
    """The dashboard on the runs in a folder, and without settings from elsewhere."""
    return Terminal(
        [PROGRAM, *arguments],
        columns=COLUMNS,
        rows=ROWS,
        cwd=folder,
        env={"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")},
    )


def save(terminal: Terminal, name: str) -> None:
    """Make a picture of the screen once it stays the same."""
    seen = ""
    while seen != (seen := terminal.text()):
        time.sleep(1)
    write(name, still(terminal.screen))


def write(name: str, svg: str) -> None:
    """Keep a picture."""
    path = IMAGES / f"{name}.svg"
    path.write_text(svg)
    sys.stderr.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


def train(folder: Path) -> None:
    """Train both models in the dashboard, with pictures of the charts and the log on the way."""
    with open_dashboard(folder, *TRAINING, "--start") as terminal:
        terminal.wait_for(lambda screen: epoch_of("cnn", screen) >= LIVE_EPOCH, timeout=1800)
        write("charts", still(terminal.screen))
        terminal.press("5")
        time.sleep(2 * KEY_SECONDS)
        terminal.wait_for(lambda screen: sum("train loss" in row for row in screen.display) > 3)
        write("log", still(terminal.screen))
        terminal.wait_for("cifar-tui · idle", timeout=1800)
        terminal.press("q")
        assert terminal.wait_exit() == 0


def epoch_of(model: str, screen: Screen) -> int:
    """How far the table of runs says that a model is; 0 where it does not."""
    for row in screen.display:
        words = row.split()
        if model in words and "running" in words:
            return next((int(word.partition("/")[0]) for word in words if "/23" in word and word[0].isdigit()), 0)
    return 0


def picture_finished_runs(folder: Path, wanted: Sequence[str]) -> None:
    """A picture of each view, with both runs marked, and the learning curves of the report."""
    picture_curves(next(folder.glob("runs/*-cnn")) / "curves.png")
    with open_dashboard(folder, "attach", "cnn") as terminal:
        terminal.wait_for("finished")
        terminal.press("home", "space", "end", "space")
        terminal.wait_for("2 runs marked")
        if "model  cnn" not in terminal.text():
            terminal.press("home")
        for name, (keys, expected) in PICTURES.items():
            if name not in wanted:
                continue
            for key in keys:
                terminal.press(key)
                time.sleep(KEY_SECONDS)
            terminal.wait_for(expected)
            save(terminal, name)
            terminal.press("escape", "escape", "escape")
        terminal.press("q")
        assert terminal.wait_exit() == 0


def picture_curves(path: Path) -> None:
    """The learning curves of a run's report, with fewer colours."""
    Image.open(path).convert("RGB").quantize(64).save(IMAGES / "curves.png", optimize=True)


def record_session(folder: Path) -> None:
    """Record what is pressed and shown within a minute: as a cast of asciinema, and as a picture that moves."""
    folder.mkdir()
    captions: list[tuple[float, str]] = []
    with open_dashboard(folder, *TRAINING) as terminal:
        begun = terminal.wait_for("ready")
        for caption, keys, seconds in SESSION:
            captions.append((time.perf_counter(), caption))
            for key in keys:
                terminal.press(key)
                time.sleep(KEY_SECONDS)
            time.sleep(seconds)
        assert terminal.wait_exit() in (0, 130)
        ended = time.perf_counter() + END_SECONDS
        write_cast(terminal.chunks, captions, begun)
        write_animation(terminal, captions, begun, ended)


def write_cast(chunks: Sequence[tuple[float, bytes]], captions: Sequence[tuple[float, str]], begun: float) -> None:
    """A file that `asciinema play` shows; what is said are its markers."""
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "cifar-tui: two models on the digits"}
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    events = [(at, "o", decoder.decode(data)) for at, data in chunks] + [(at, "m", text) for at, text in captions]
    events.sort(key=lambda event: event[0])
    # What came before the first picture comes at once.
    lines = [header, *([round(max(0.0, at - begun), 3), kind, text] for at, kind, text in events)]
    path = IMAGES / "session.cast"
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in lines))
    sys.stderr.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


def write_animation(terminal: Terminal, captions: Sequence[tuple[float, str]], begun: float, ended: float) -> None:
    """The same as a picture that moves."""
    colours, frames = Colours(), []
    for number in range(int((ended - begun) / FRAME_SECONDS)):
        at = begun + number * FRAME_SECONDS
        screen = terminal.screen_at(at)
        caption = [text for said, text in captions if said <= at][-1:]
        frames.append(
            Frame(
                at - begun, [[line(screen, y, colours, part) for part in PARTS] for y in range(ROWS)], "".join(caption)
            )
        )
    write("session", moving(terminal.screen, frames, colours, round(ended - begun, 1)))


if __name__ == "__main__":
    main()
