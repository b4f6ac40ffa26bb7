"""`cifar-tui predict`: the classes of image files by a run's best weights."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from cifar_tui.formatting import count, percent, plural, printable
from cifar_tui.headless.displays import PlainDisplay
from cifar_tui.headless.tables import cell
from cifar_tui.records import Overrides
from cifar_tui.runs.prediction import Prediction, Unreadable, predict
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.system import output

FEW = 8
"""Up to so many images are shown with their pictures; of more, a line each."""
NAMED = 5
"""Unreadable files that are named, at most."""
BAR = 20
GAP = "  "
PICTURE = 32
"""Columns of a picture: one for each pixel across, two pixels down in each character."""


def predict_run(
    folder: RunFolder, names: Sequence[str], overrides: Overrides, *, as_json: bool, ascii_only: bool
) -> int:
    """Print predictions for images: the picture and the likeliest classes of a few, a line each of many.

    As JSON, one object a line: `file`, `class`, `probability`, `top`, a list of `class` and `probability`, and, where
    the image is in a folder that is named after a class, that as `true`; or, where the file cannot be used, `file`
    and `error`.

    Returns:
        The exit status: 2 where a file that was named, or every file, could not be read, else 0.

    Raises:
        InputError: A name means no image, the run has no best checkpoint, or its device is not there.
    """
    images, results = predict(folder, names, PlainDisplay().progress, overrides)
    console = Console(file=output.stream(), highlight=False)
    ascii_only = ascii_only or not console.encoding.lower().startswith("utf")
    bad: list[Unreadable] = []
    labelled = right = 0
    began = time.monotonic()
    for result in results:
        if isinstance(result, Unreadable):
            bad.append(result)
            if len(bad) <= NAMED:
                _complain(f"{printable(result.picture.path)}: {printable(result.why)}")
        else:
            labelled += bool(result.true)
            right += result.correct
        if as_json:
            output.line(json.dumps(_record(result)))
        elif isinstance(result, Prediction):
            if images > FEW:
                output.line(_line(result))
            else:
                console.print(_block(result, console, ascii_only=ascii_only), soft_wrap=True)
    seconds = time.monotonic() - began
    usable = images - len(bad)
    if images > FEW and not as_json:
        output.line(_total(usable, seconds, labelled, right))
    if len(bad) > NAMED:
        _complain(f"{count(len(bad))} of {plural(images, 'file')} could not be read")
    return 2 if not usable or any(each.picture.named for each in bad) else 0


def _total(usable: int, seconds: float, labelled: int, right: int) -> str:
    """The last line: how many images, how fast, and the accuracy on those whose class is known."""
    speed = f", {count(round(usable / seconds))} images/s" if usable and seconds > 0 else ""
    folders = f" of {count(labelled)} in folders named after their class"
    return plural(usable, "image") + speed + (f"; accuracy {percent(right / labelled)}{folders}" if labelled else "")


def _complain(text: str) -> None:
    print(f"cifar-tui: {text}", file=sys.stderr, flush=True)


def _record(result: Prediction | Unreadable) -> dict[str, object]:
    if isinstance(result, Unreadable):
        return {"file": result.picture.path, "error": result.why}
    (first, probability), *_ = result.top
    top = [{"class": name, "probability": p} for name, p in result.top]
    true = {"true": result.true} if result.true else {}
    return {"file": result.picture.path, "class": first, "probability": probability, "top": top, **true}


def _line(result: Prediction) -> str:
    """An image in one line: its file, the likeliest classes, and the true one where that is another."""
    classes = GAP.join(f"{printable(name)} {percent(p)}" for name, p in result.top)
    return f"{printable(result.picture.path)}: {classes}{_but(result)}"


def _but(result: Prediction) -> str:
    return f"{GAP}(in folder {printable(result.true)})" if result.true and not result.correct else ""


def _block(result: Prediction, console: Console, *, ascii_only: bool) -> Text:
    """An image, where the terminal has colours for it, beside or above its likeliest classes."""
    words = list(_words(result, ascii_only=ascii_only))
    width = max(cell_len(line) for line in words)
    if not console.is_terminal or console.no_color or console.color_system is None or ascii_only:
        return Text("\n".join(words) + "\n")
    rows = list(_picture(result.pixels))
    if console.width < PICTURE:
        return Text("\n".join(words) + "\n")
    if console.width < PICTURE + len(GAP) + width:
        return Text("\n").join([*rows, *map(Text, words), Text("")])
    # Side by side, the words are in the middle of the picture's height.
    above = (len(rows) - len(words)) // 2
    beside = {above + number: line for number, line in enumerate(words)}
    return Text("\n").join([*(row + GAP + beside.get(number, "") for number, row in enumerate(rows)), Text("")])


def _words(result: Prediction, *, ascii_only: bool) -> Iterator[str]:
    yield printable(result.picture.path) + _but(result)
    names = [cell(name) for name, _ in result.top]
    widest = max(map(cell_len, names))
    for name, (_, p) in zip(names, result.top, strict=True):
        bar = ("#" if ascii_only else "━") * round(BAR * p)
        yield f"{GAP}{name}{' ' * (widest - cell_len(name))}{GAP}{bar:{BAR}}{GAP}{percent(p):>8}"


def _picture(pixels: NDArray[np.uint8]) -> Iterator[Text]:
    """The rows of a picture: the upper of two pixels is a half block's colour, the lower one its background's."""
    rows = pixels.transpose(1, 2, 0).tolist()
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        row = Text()
        for above, below in zip(upper, lower, strict=True):
            row.append("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
        yield row
