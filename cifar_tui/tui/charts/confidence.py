"""Confidence and calibration of a model: a reliability diagram of its predictions."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.strip import Strip

from cifar_tui.formatting import count, percent, short
from cifar_tui.tui.charts.axes import Axis, accuracy_axis
from cifar_tui.tui.charts.canvas import LABELS, XY, Chart, Line, canvas_height, canvas_width, draw
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context, RunPanel, View
from cifar_tui.tui.widgets.lines import Part, fitting, line, paragraph, width_of

if TYPE_CHECKING:
    from cifar_tui.analysis.calibration import Calibration
    from cifar_tui.runs.predicted_images import PredictedImages

X = Axis(0.0, 1.0, tuple((k / 5, f"{20 * k}") for k in range(6)))
"""The confidence, in percent."""
LEAST_ROWS = 4
"""The least of the diagram; with fewer, only the figures are shown."""
MARKS, ASCII_MARKS = ("◦", "•", "●"), ("o", "O", "@")
"""Of bins, the larger the more images they have."""
SHARES = (0.02, 0.1)
"""The shares of the images from which on the larger ones are drawn."""


def picture(calibration: Calibration, title: list[Part], number: int, look: Look, size: tuple[int, int]) -> list[Strip]:
    """The figures, the diagram, and the number of images at each confidence.

    Args:
        calibration: Of the predictions.
        title: The first line.
        number: The run's, for its colour.
        look: How to draw.
        size: Columns and lines.
    """
    width, height = size
    head = [line(row, width) for row in [title, *_wrapped(list(_figures(calibration, look)), width, look)]]
    below = _sizes(calibration, canvas_width(width), look)
    room = height - len(head) - len(below)
    rows = canvas_height(room)
    if rows < LEAST_ROWS:
        return head[:height]
    diagram = draw(_diagram(calibration, number, width, rows, look), width, room, look)
    return [*head, *diagram, *(line(row, width) for row in below)]


def _figures(calibration: Calibration, look: Look) -> Iterator[list[Part]]:
    yield ["expected calibration error ", (percent(calibration.error), look.strong)]
    yield [f"accuracy {percent(calibration.accuracy)}"]
    yield [f"mean confidence {percent(calibration.confidence)}"]
    if not math.isnan(calibration.confidence_right):
        yield [f"right: {percent(calibration.confidence_right)}"]
    if not math.isnan(calibration.confidence_wrong):
        yield [f"wrong: {percent(calibration.confidence_wrong)}"]


def _wrapped(pieces: Sequence[list[Part]], width: int, look: Look) -> list[list[Part]]:
    """These pieces, in as many lines as they take."""
    rows: list[list[Part]] = []
    for piece in pieces:
        more: list[Part] = [(look.text(" · "), look.dim), *piece]
        if rows and width_of([*rows[-1], *more]) <= width:
            rows[-1] += more
        else:
            rows.append(list(piece))
    return rows


def _diagram(calibration: Calibration, number: int, width: int, rows: int, look: Look) -> Chart:
    marks, style = ASCII_MARKS if look.ascii else MARKS, look.run(number)
    points: dict[str, list[XY]] = {mark: [] for mark in marks}
    for each in calibration.bins:
        if each.images:
            points[marks[bisect_right(SHARES, each.images / calibration.images)]].append(
                (each.confidence, each.accuracy)
            )
    few, many = (f"{100 * share:.0f} %" for share in SHARES)
    pieces: list[list[Part]] = [
        [("accuracy by confidence, %", look.strong)],
        [
            *((marks[0], style), (f" under {few} of the images  ", look.dim), (marks[1], style)),
            *(("  ", look.dim), (marks[2], style), (f" over {many}", look.dim)),
        ],
        [(f"{'.' if look.ascii else '⠒'} perfect calibration", look.dim)],
        [("below the line: overconfident", look.dim)],
    ]
    title = _wrapped(pieces, width, look)[0]
    diagonal = Line(((0.0, 0.0), (1.0, 1.0)), look.dim, ".", joined=True)
    bins = [Line(points[mark], style, mark) for mark in marks]
    return Chart(title, X, accuracy_axis(0.0, 1.0, rows), (diagonal, *bins))


def _sizes(calibration: Calibration, columns: int, look: Look) -> list[list[Part]]:
    """The images of the bins as bars along the axis, the highest for the fullest bin, and in numbers."""
    bins = calibration.bins
    most = max((each.images for each in bins), default=0)
    bars, numbers, used = "", "", 0
    for column in range(columns):
        images = bins[(2 * column + 1) * len(bins) // (2 * columns)].images
        bars += look.levels[max(1, math.ceil(images / most * len(look.levels))) - 1] if images else " "
    for place, each in enumerate(bins):
        # In the middle of the bin, and only where it leaves a space to the one before.
        text = short(each.images) if each.images else ""
        start = (2 * place + 1) * columns // (2 * len(bins)) - len(text) // 2
        if text and start >= used and start + len(text) <= columns:
            numbers, used = numbers.ljust(start) + text, start + len(text) + 1
    return [
        [(f"{'count':>{LABELS}} ", look.dim), (bars, look.dim)],
        [(f"{'':>{LABELS}} ", look.dim), (numbers, look.dim)],
    ]


class ConfidencePanel(RunPanel, View):
    """The confidence of the selected run's best weights, from the predictions that the images view shows."""

    roomy: ClassVar[bool] = True

    returns = True

    def __init__(self, loader: ImageLoader, *, id: str | None = None) -> None:  # noqa: A002
        """Show nothing yet.

        Args:
            loader: Loads the predictions.
            id: For the stylesheet.
        """
        super().__init__(id=id)
        self._loader = loader
        self._calibrated: tuple[int, Calibration] | None = None

    def show(self, context: Context) -> None:
        """Draw the selected run's."""
        self._loader.load(context.selected)
        super().show(context)

    def reload(self) -> None:
        """Load better weights' predictions where there are some; try again where it failed."""
        self._loader.reload(self.entry)
        self.draw()

    @property
    def active_keys(self) -> tuple[str, ...]:
        """Escape leads somewhere, and a run has other images."""
        return ("leave", *(("split",) if self._loader.loaded is not None else ()))

    def lines(self, width: int, height: int) -> list[Strip]:
        """The picture, or why there is none."""
        loaded, look = self._loader.loaded, self.look
        if loaded is None or self.entry is None:
            return paragraph(self._loader.status, width, look)[:height]
        images, *weights = self._loader.subject
        title: list[Part] = [(f"confidence on {count(len(loaded.predictions.labels))} {images}", look.strong)]
        title += self._loader.notice("k", look)
        title += [(hint, look.dim) for hint in (*weights, self._loader.other, "Esc: back")]
        number = self.entry.number
        return picture(self._calibration(loaded), fitting(title, width, look), number, look, (width, height))

    def _calibration(self, loaded: PredictedImages) -> Calibration:
        if self._calibrated is None or self._calibrated[0] != self._loader.version:
            # It takes NumPy, for which the dashboard's first picture does not wait.
            from cifar_tui.analysis.calibration import calibrate

            predictions = loaded.predictions
            self._calibrated = self._loader.version, calibrate(predictions.confidence, predictions.correct)
        return self._calibrated[1]
