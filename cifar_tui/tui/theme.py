"""How panels draw: styles and glyphs, in a theme's colours, without colour, or in ASCII alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style

from cifar_tui.formatting import ZWJ
from cifar_tui.tui.colours import grid
from cifar_tui.tui.colours.palettes import DARK, LIGHT, Palette

LEVELS, ASCII_LEVELS = "▁▂▃▄▅▆▇█", "_.-'"

GLYPHS = {
    "ready": "○",
    "loading": "…",
    "running": "►",
    "pausing": "…",
    "paused": "║",
    "stopping": "…",
    "finished": "✓",
    "stopped": "■",
    "interrupted": "!",
    "diverged": "∞",
    "failed": "×",
}
ASCII_GLYPHS = {
    "ready": "o",
    "loading": "~",
    "running": ">",
    "pausing": "~",
    "paused": "=",
    "stopping": "~",
    "finished": "+",
    "stopped": "#",
    "interrupted": "!",
    "diverged": "%",
    "failed": "x",
}
_TO_ASCII = str.maketrans(
    {
        "–": "-",
        "−": "-",
        "—": "-",
        "…": "~",
        "·": "|",
        "×": "x",
        "✓": "+",
        "→": ">",
        "←": "<",
        "↑": "^",
        "↓": "v",
        "°": " ",
    }
)
_KEYS_TO_ASCII = {
    "↑↓": "Up/Down",
    "←→": "Left/Right",
    "Ctrl+↑": "Ctrl+Up",
    "Ctrl+↓": "Ctrl+Down",
    "Ctrl+←": "Ctrl+Left",
    "Ctrl+→": "Ctrl+Right",
}
"""Arrows that are keys; `>` would be another key."""
_UNSURE_WIDTH = {ord(ZWJ): None, ord("\ufe0f"): None}
"""Joiners and the emoji selector: terminals differ in whether they combine characters by these, and so in where the
rest of the line is."""


@dataclass(frozen=True)
class Look:
    """The styles and glyphs that panels draw with. Only `shade` sets a background; without colour, nothing sets any.

    What a colour expresses must be expressed by a glyph, a word or a marker too.
    """

    dark: bool = True
    colour: bool = True
    ascii: bool = False
    palette: Palette | None = None
    """The theme's; None for that of the dark theme, or of the light one."""

    @property
    def colours(self) -> Palette:
        """The palette to draw with."""
        return self.palette or (DARK if self.dark else LIGHT)

    def run(self, number: int) -> Style:
        """The colour of the run with this number, the same everywhere."""
        return self._style(self.run_colour(number))

    def run_colour(self, number: int) -> str | None:
        """The colour as `#rrggbb`, or by its name in the terminal's own 16; None without colour."""
        runs = self.colours.runs
        return runs[number % len(runs)] if self.colour else None

    def faint(self, number: int) -> Style:
        """The run's colour, nearer to the background: for what is behind its curves."""
        colour = self.run_colour(number)
        if colour is None or not colour.startswith("#"):
            return Style(dim=True) + self._style(colour) if colour else Style()
        share = 0.6 if self.dark else 0.8
        return self._style(grid.nearest(grid.mixed(colour, self.colours.ground, share)))

    def shade(self, share: float, *, right: bool) -> Style:
        """The background of a figure that is this share of its total: the larger, the stronger.

        Correct and wrong predictions have a hue each.
        """
        ramp = self.colours.right if right else self.colours.wrong
        step = round(min(1.0, max(0.0, share)) * len(ramp))
        return _background(ramp[step - 1]) if self.colour and step else Style()

    @property
    def strong(self) -> Style:
        """Of titles and of figures that matter."""
        return Style(bold=True)

    @property
    def dim(self) -> Style:
        """Of labels, axes and hints."""
        return self._style(self.colours.dim)

    @property
    def good(self) -> Style:
        """Of success."""
        return self._style(self.colours.good)

    @property
    def warning(self) -> Style:
        """Of what needs attention."""
        return self._style(self.colours.warning)

    @property
    def bad(self) -> Style:
        """Of errors."""
        return self._style(self.colours.bad) + Style(bold=True)

    def status(self, status: str) -> Style:
        """The style of a run's status."""
        return {
            "running": self.good,
            "finished": self._style(self.colours.done),
            "failed": self.bad,
            "diverged": self.bad,
            "interrupted": self.warning,
            "paused": self.warning,
        }.get(status, self.dim)

    def glyph(self, status: str) -> str:
        """One character for a run's status."""
        return (ASCII_GLYPHS if self.ascii else GLYPHS).get(status, "?")

    def text(self, text: str) -> str:
        """`text` in characters that the terminal draws in a known width, or in ASCII alone."""
        if text.isascii():
            return text
        if not self.ascii:
            return text.translate(_UNSURE_WIDTH)
        for key, name in _KEYS_TO_ASCII.items():
            text = text.replace(key, name)
        return text.translate(_TO_ASCII).encode("ascii", "replace").decode()

    @property
    def levels(self) -> str:
        """Characters of growing height within a line, the last one the highest."""
        return ASCII_LEVELS if self.ascii else LEVELS

    def bar(self, fraction: float, width: int) -> tuple[str, str]:
        """The filled and the empty part of a bar of `width` columns."""
        filled = round(min(1.0, max(0.0, fraction)) * width)
        full, empty = ("#", ".") if self.ascii else ("█", "░")
        return full * filled, empty * (width - filled)

    def _style(self, colour: str | None) -> Style:
        return _style(colour) if self.colour and colour else Style()


@lru_cache(64)
def _style(colour: str) -> Style:
    return Style(color=colour)


@lru_cache(64)
def _background(colour: str) -> Style:
    return Style(bgcolor=colour)
