"""A terminal's screen as an SVG, still or moving, that looks the same with whatever fonts there are.

Lines, blocks and the dots of curves are drawn; letters alone are text, which is stretched to its columns.
"""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import pyte
from PIL import Image

from tests.support.terminal_images import DARK, DOTS, HEIGHT, WIDTH, arms, colour_of

MARGIN = 9
"""Around the screen, in pixels."""
CAPTION = 32
"""The height of what a moving picture says below the screen, in pixels."""
MOST_RECTANGLES = 24
"""Of a line. One with more, such as one through images, becomes an image itself."""
_STYLE = (
    "text{{font:15px DejaVu Sans Mono,Menlo,Consolas,monospace;white-space:pre}}"
    ".b{{font-weight:bold}}.d{{stroke-linecap:round;stroke-width:.62}}"
    "rect{{shape-rendering:crispEdges}}image{{image-rendering:pixelated}}{colours}"
)


@dataclass
class Colours:
    """A class of the style sheet for each colour that is used."""

    names: dict[str, str] = field(default_factory=dict)

    def name(self, colour: str) -> str:
        """The class that fills with this colour, and draws lines in it."""
        return self.names.setdefault(colour, f"c{len(self.names)}")

    def rules(self) -> str:
        """Their rules."""
        return "".join(f".{name}{{fill:{colour}}}path.{name}{{stroke:{colour}}}" for colour, name in self.names.items())


def still(screen: pyte.Screen) -> str:
    """The screen as it is now."""
    colours = Colours()
    lines = [_placed(y, line(screen, y, colours)) for y in range(screen.lines)]
    return _document(screen, colours, "".join(lines), 0)


@dataclass(frozen=True)
class Frame:
    """A moment of a moving picture."""

    at: float
    """Seconds from its beginning."""
    lines: Sequence[Sequence[str]]
    """What `line` made of each: of parts of it, which change at different times."""
    caption: str


def moving(screen: pyte.Screen, frames: Sequence[Frame], colours: Colours, seconds: float) -> str:
    """Frames one after the other, over and over; `screen` says how large they are."""
    shown: defaultdict[tuple[tuple[float, float], ...], list[tuple[int, str]]] = defaultdict(list)
    for y in range(screen.lines + 1):
        for part in zip(
            *(f.lines[y] if y < screen.lines else (_caption(screen, f.caption),) for f in frames), strict=True
        ):
            pieces = [
                next(group) for _, group in groupby(zip((f.at for f in frames), part, strict=True), lambda p: p[1])
            ]
            ends = [at for at, _ in pieces[1:]] + [seconds]
            times: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
            for (at, markup), end in zip(pieces, ends, strict=True):
                times[markup].append((at, end))
            for markup, spans in times.items():
                if markup:
                    shown[tuple(spans)].append((y, markup))
    # What is drawn several times is defined once; what is shown at the same times is shown together.
    count = Counter(markup for placed in shown.values() for _, markup in placed)
    names = {markup: f"l{n}" for n, markup in enumerate(markup for markup in count if count[markup] > 1)}
    defined = "".join(f'<g id="{name}">{markup}</g>' for markup, name in names.items())
    parts = []
    for moments, placed in shown.items():
        drawn = "".join(
            f'<use href="#{names[markup]}" y="{y * HEIGHT}"/>' if markup in names else _placed(y, markup)
            for y, markup in placed
        )
        # Programs that do not play it show the first frame.
        hidden = ' display="none"' if moments[0][0] > 0 else ""
        parts.append(f"<g{hidden}>{drawn}{_shown(moments, seconds)}</g>")
    return _document(screen, colours, f"<defs>{defined}</defs>{''.join(parts)}", CAPTION)


def _shown(spans: Sequence[tuple[float, float]], seconds: float) -> str:
    """Shows what it stands in at these times alone."""
    if list(spans) == [(0, seconds)]:
        return ""
    steps: dict[str, str] = {"0": "none"}
    for begin, end in spans:
        steps[f"{begin / seconds:.4g}"] = "inline"
        if end < seconds:
            steps[f"{end / seconds:.4g}"] = "none"
    return (
        f'<animate attributeName="display" values="{";".join(steps.values())}" keyTimes="{";".join(steps)}" '
        f'calcMode="discrete" dur="{seconds:g}s" repeatCount="indefinite"/>'
    )


def _caption(screen: pyte.Screen, text: str) -> str:
    return f'<text x="{screen.columns * WIDTH // 2}" y="24" fill="{DARK[0]}" text-anchor="middle">{escape(text)}</text>'


def _document(screen: pyte.Screen, colours: Colours, content: str, more: int) -> str:
    width, height = screen.columns * WIDTH + 2 * MARGIN, screen.lines * HEIGHT + 2 * MARGIN + more
    style = _STYLE.format(colours=colours.rules())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{style}</style>"
        f'<rect width="{width}" height="{height}" rx="6" fill="{DARK[1]}"/>'
        f'<g transform="translate({MARGIN},{MARGIN})">{content}</g></svg>\n'
    )


def _placed(y: int, markup: str, attributes: str = "") -> str:
    return f'<g transform="translate(0,{y * HEIGHT})"{attributes}>{markup}</g>' if markup else ""


def line(screen: pyte.Screen, y: int, colours: Colours, columns: range | None = None) -> str:
    """A line of the screen, or these columns of it, drawn at the top."""
    columns = columns or range(screen.columns)
    drawn = _cells([screen.buffer[y][x] for x in columns], colours)
    return f'<g transform="translate({columns.start * WIDTH})">{drawn}</g>' if drawn and columns.start else drawn


def _cells(cells: Sequence[pyte.screens.Char], colours: Colours) -> str:
    inks = []
    upper, lower = [], []
    for cell in cells:
        ink, paper = (colour_of(each, default) for each, default in zip((cell.fg, cell.bg), DARK, strict=True))
        ink, paper = (paper, ink) if cell.reverse else (ink, paper)
        inks.append(ink)
        upper.append(ink if cell.data in "▀█" else paper)
        lower.append(ink if cell.data in "▄█" else paper)
    return _background(upper, lower, colours) + _drawn(cells, inks, colours) + _text(cells, inks, colours)


def _background(upper: Sequence[str], lower: Sequence[str], colours: Colours) -> str:
    rectangles = []
    whole = upper == lower
    for half, row in enumerate((upper,) if whole else (upper, lower)):
        begin = 0
        for colour, group in groupby(row):
            length = len(list(group))
            if colour != DARK[1]:
                rectangles.append((colour, begin * WIDTH, half * HEIGHT // 2, length * WIDTH))
            begin += length
    if len(rectangles) > MOST_RECTANGLES:
        image = Image.new("RGB", (len(upper), 2))
        image.putdata([tuple(bytes.fromhex(colour[1:])) for colour in (*upper, *lower)])
        data = io.BytesIO()
        # In its full size, because some programs blur what they enlarge; and below the next line, to leave no gap.
        image.resize((len(upper) * WIDTH, HEIGHT), Image.Resampling.NEAREST).save(data, "png", optimize=True)
        return (
            f'<image width="{len(upper) * WIDTH}" height="{HEIGHT + 0.5}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"/>'
        )
    height = HEIGHT if whole else HEIGHT // 2
    return "".join(
        f"<rect{f' x={chr(34)}{x}{chr(34)}' if x else ''}{f' y={chr(34)}{y}{chr(34)}' if y else ''} "
        f'width="{width}" height="{height}" fill="{colour}"/>'
        for colour, x, y, width in rectangles
    )


def _drawn(cells: Sequence[pyte.screens.Char], inks: Sequence[str], colours: Colours) -> str:
    """Box drawing characters, parts of blocks, and braille characters."""
    thin: defaultdict[str, str] = defaultdict(str)
    thick: defaultdict[str, str] = defaultdict(str)
    dots: defaultdict[str, str] = defaultdict(str)
    bars: list[tuple[str, float, float, float, float]] = []
    for x, (cell, ink) in enumerate(zip(cells, inks, strict=True)):
        code = ord(cell.data[:1] or " ")
        if 0x2800 < code <= 0x28FF:
            for bit, (column, row) in enumerate(DOTS):
                if code >> bit & 1:
                    dots[ink] += f"M{2 * x + column} {row}h0"
        elif 0x2581 <= code <= 0x2587 and code != 0x2584:
            height = HEIGHT * (code - 0x2580) / 8
            begin, width = float(x * WIDTH), float(WIDTH)
            if bars and (bars[-1][0], bars[-1][1] + bars[-1][3], bars[-1][4]) == (ink, begin, height):
                _, begin, _, before, _ = bars.pop()
                width += before
            bars.append((ink, begin, HEIGHT - height, width, height))
        elif 0x2589 <= code <= 0x258F:
            bars.append((ink, x * WIDTH, 0, WIDTH * (0x2590 - code) / 8, HEIGHT))
        elif code == 0x2590:
            bars.append((ink, x * WIDTH + WIDTH / 2, 0, WIDTH / 2, HEIGHT))
        elif is_line(cell.data):
            paths = thick if "HEAVY" in unicodedata.name(cell.data) else thin
            paths[ink] += _arms_path(x * WIDTH, arms(cell.data))
    parts = [
        f'<path class="{colours.name(ink)}" stroke-width="{width}" fill="none" d="{_joined(path)}"/>'
        for paths, width in ((thin, 1), (thick, 3))
        for ink, path in paths.items()
    ]
    parts += [
        f'<path class="d {colours.name(ink)}" transform="translate(2.25,2.25)scale(4.5)" d="{path}"/>'
        for ink, path in dots.items()
    ]
    parts += [
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{ink}"/>'
        for ink, x, y, width, height in bars
    ]
    return "".join(parts)


def _arms_path(left: int, directions: frozenset[str]) -> str:
    across = directions & {"LEFT", "RIGHT"}
    path = ""
    if across:
        begin = left if "LEFT" in across else left + 4
        path += f"M{begin} 9H{left + WIDTH if 'RIGHT' in across else left + 5}"
    if directions & {"UP", "DOWN"}:
        path += f"M{left + 4.5} {0 if 'UP' in directions else 9}V{HEIGHT if 'DOWN' in directions else 9}"
    return path


def _joined(path: str) -> str:
    """A path in which a horizontal line that goes on where the last one ended is one with it."""
    while (joined := re.sub(r"(M[\d.]+ 9)H([\d.]+)M\2 9H", r"\1H", path)) != path:
        path = joined
    return path


def is_line(character: str) -> bool:
    """Whether it is a box drawing character that is drawn by its arms."""
    return len(character) == 1 and 0x2500 <= ord(character) <= 0x257F and bool(arms(character))


def _is_text(cell: pyte.screens.Char) -> bool:
    drawn = "\u2580" <= cell.data[:1] <= "\u2590" or "\u2800" <= cell.data[:1] <= "\u28ff" or is_line(cell.data)
    return bool(cell.data.strip()) and not drawn


def _text(cells: Sequence[pyte.screens.Char], inks: Sequence[str], colours: Colours) -> str:
    """What is left: letters, in runs of one style, which may have single spaces in them."""
    parts = []
    x = 0
    while x < len(cells):
        if not _is_text(cells[x]):
            x += 1
            continue
        style = inks[x], cells[x].bold, cells[x].underscore
        end = x
        for at in range(x, len(cells)):
            if _is_text(cells[at]) and (inks[at], cells[at].bold, cells[at].underscore) == style:
                end = at + 1
            elif cells[at].data != " " or at > end:
                break
        text = escape("".join(cell.data for cell in cells[x:end]), quote=False)
        names = colours.name(style[0]) + (" b" if style[1] else "")
        line_below = ' text-decoration="underline"' if style[2] else ""
        length = f' textLength="{(end - x) * WIDTH}"' if end - x > 1 else ""
        parts.append(f'<text class="{names}" x="{x * WIDTH}" y="14"{length}{line_below}>{text}</text>')
        x = end
    return "".join(parts)
