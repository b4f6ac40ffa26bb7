"""The colours of text and of figures, a palette for each kind of theme.

All but those of the terminal's own 16 colours are on the grid of 256 (`grid.py`), with a contrast of at least 4.5 to
the ground, 7 for high contrast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as `#rrggbb`, or by Rich's names of the terminal's own 16."""

    ground: str
    """What stands behind the text."""
    runs: tuple[str, ...]
    """One run after the other has the next of these."""
    dim: str
    """Labels, axes and hints."""
    good: str
    done: str
    """Of what has ended well."""
    warning: str
    bad: str
    right: tuple[str, ...]
    """Backgrounds of correct predictions, from few to all of a row."""
    wrong: tuple[str, ...]


DARK = Palette(
    ground="#121212",
    # After Okabe and Ito's palette for the colour-blind, without its black.
    runs=("#5fafd7", "#d7af00", "#00af87", "#ffff5f", "#d787af", "#ff875f", "#8787ff"),
    dim="#a8a8a8",
    good="#00af87",
    done="#5fafd7",
    warning="#d7af00",
    bad="#ff5f5f",
    right=("#00005f", "#000087", "#0000af", "#005f87", "#005faf"),
    wrong=("#5f0000", "#870000", "#af0000", "#875f00", "#af5f00"),
)
LIGHT = Palette(
    ground="#ffffff",
    runs=("#005faf", "#af5f00", "#00875f", "#5f5f00", "#af005f", "#d70000", "#5f5fd7"),
    dim="#5f5f5f",
    good="#00875f",
    done="#005faf",
    warning="#af5f00",
    bad="#d70000",
    right=("#d7ffff", "#afd7ff", "#87d7ff", "#87afff", "#5fafff"),
    wrong=("#ffffd7", "#ffd7af", "#ffd787", "#ffaf87", "#ffaf5f"),
)
CONTRAST = Palette(
    ground="#000000",
    runs=("#5fd7ff", "#ffaf00", "#5fff87", "#ffff5f", "#ff87d7", "#ff8787", "#afafff"),
    dim="#bcbcbc",
    good="#5fff5f",
    done="#5fd7ff",
    warning="#ffaf00",
    bad="#ff8787",
    right=("#00005f", "#000087", "#0000af", "#005f87", "#005faf"),
    wrong=("#5f0000", "#870000", "#af0000", "#875f00", "#af5f00"),
)
# Of the grid's colours, those that differ most where red, or green, is not seen: no two are nearer to each other than
# 28 by CIE 1976, where they are 13 in the palettes above. Nothing is told by red and green.
BLIND_DARK = replace(
    DARK,
    runs=("#5fafff", "#ffaf00", "#afffd7", "#875fff", "#5faf5f", "#ffff87", "#5f8787"),
    good="#5fafff",
    done="#afffd7",
    warning="#ffff87",
    bad="#ff8700",
)
BLIND_LIGHT = replace(
    LIGHT,
    runs=("#005faf", "#af5f00", "#000000", "#5f5fff", "#875f5f", "#00005f", "#0000ff"),
    good="#005faf",
    done="#00005f",
    warning="#875f5f",
    bad="#af5f00",
)
TERMINAL_DARK = Palette(
    ground="#000000",
    runs=("bright_cyan", "yellow", "bright_green", "bright_yellow", "bright_magenta", "bright_red", "bright_blue"),
    dim="default",
    good="bright_green",
    done="bright_cyan",
    warning="bright_yellow",
    bad="bright_red",
    right=("blue",),
    wrong=("red",),
)
TERMINAL_LIGHT = Palette(
    ground="#ffffff",
    runs=("blue", "red", "green", "magenta", "cyan", "bright_blue", "default"),
    dim="default",
    good="green",
    done="blue",
    warning="magenta",
    bad="red",
    right=("cyan",),
    wrong=("yellow",),
)
