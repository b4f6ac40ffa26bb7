"""Colours and glyphs of the dashboard: dark or light, without colour, or in ASCII alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style

from cifar_tui.formatting import ZWJ

# Okabe and Ito's palette for the colour-blind, without its black; darkened on white.
DARK_RUNS = ("#56b4e9", "#e69f00", "#00b884", "#f0e442", "#cc79a7", "#ff7a33", "#8fa8ff")
LIGHT_RUNS = ("#0072b2", "#b35f00", "#007a5a", "#7a6a00", "#a8447c", "#c03f00", "#3f51b5")
DARK_SHADES, LIGHT_SHADES = ("#0072b2", "#b04a00"), ("#56b4e9", "#f0a848")
"""The strongest backgrounds of correct and wrong predictions."""
SHADES = 6
LEVELS, ASCII_LEVELS = "▁▂▃▄▅▆▇█", "_.-'"

GLYPHS = {
    "ready": "○",
    "loading": "…",
    "running": "►",
    "pausing": "…",
    "paused": "║",
    "stopping": "…",
    "finished": "√",
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
    {"–": "-", "−": "-", "—": "-", "…": "~", "·": "|", "×": "x", "→": ">", "←": "<", "↑": "^", "↓": "v", "°": " "}
)
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

    def run(self, number: int) -> Style:
        """The colour of the run with this number, the same everywhere."""
        return self._style(self.run_colour(number))

    def run_colour(self, number: int) -> str | None:
        """The colour as `#rrggbb`; None without colour."""
        colours = DARK_RUNS if self.dark else LIGHT_RUNS
        return colours[number % len(colours)] if self.colour else None

    def faint(self, number: int) -> Style:
        """The run's colour, nearer to the background: for what is behind its curves."""
        colours = DARK_RUNS if self.dark else LIGHT_RUNS
        ground = 24 if self.dark else 255
        parts = bytes.fromhex(colours[number % len(colours)][1:])
        return self._style("#" + bytes((45 * part + 55 * ground) // 100 for part in parts).hex())

    def shade(self, share: float, *, right: bool) -> Style:
        """The background of a figure that is this share of its total: the larger, the stronger.

        Correct and wrong predictions have a hue each.
        """
        if not self.colour:
            return Style()
        hue = (DARK_SHADES if self.dark else LIGHT_SHADES)[0 if right else 1]
        ground = 24 if self.dark else 255
        part = round(min(1.0, max(0.0, share)) * SHADES) / SHADES
        mixed = bytes(round(part * channel + (1 - part) * ground) for channel in bytes.fromhex(hue[1:]))
        return _background("#" + mixed.hex()) if part else Style()

    @property
    def strong(self) -> Style:
        """Of titles and of figures that matter."""
        return Style(bold=True)

    @property
    def dim(self) -> Style:
        """Of labels, axes and hints."""
        return self._style("#8b929c" if self.dark else "#6a7079")

    @property
    def good(self) -> Style:
        """Of success."""
        return self._style("#00b884" if self.dark else "#007a5a")

    @property
    def warning(self) -> Style:
        """Of what needs attention."""
        return self._style("#e69f00" if self.dark else "#9a5200")

    @property
    def bad(self) -> Style:
        """Of errors."""
        return self._style("#ff6b5e" if self.dark else "#c0271a") + Style(bold=True)

    def status(self, status: str) -> Style:
        """The style of a run's status."""
        return {
            "running": self.good,
            "finished": self._style("#56b4e9" if self.dark else "#0072b2"),
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
        return (
            text.translate(_TO_ASCII).encode("ascii", "replace").decode()
            if self.ascii
            else text.translate(_UNSURE_WIDTH)
        )

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
