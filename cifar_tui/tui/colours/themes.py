"""The themes that can be chosen: the dashboard's own, and Textual's, each with the palette that panels draw with.

A theme sets the surfaces, which the stylesheets name: `$bar` of the title and the footer, `$frame` and `$frame-focus`
of panels, `$cursor` and `$cursor-idle` of the selected row, `$field` of what is typed in. A stylesheet blends no
colours: what comes of that is on no grid of 256.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from textual.theme import Theme

from cifar_tui.tui.colours import grid, palettes
from cifar_tui.tui.colours.palettes import Palette


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The colours of what stands behind the text, and of what frames it."""

    foreground: str
    surface: str
    """Of dialogs."""
    bar: str
    frame: str
    focus: str
    cursor: str
    idle: str
    """The cursor of a panel that does not have the keyboard."""
    field: str
    muted: str

    @property
    def variables(self) -> dict[str, str]:
        """As the stylesheets name them."""
        return {
            "bar": self.bar,
            "frame": self.frame,
            "frame-focus": self.focus,
            "cursor": self.cursor,
            "cursor-idle": self.idle,
            "field": self.field,
            "muted": self.muted,
            # Textual's own widgets.
            "scrollbar": self.frame,
            "scrollbar-hover": self.muted,
            "scrollbar-active": self.focus,
            "scrollbar-background": self.bar,
            "scrollbar-background-hover": self.bar,
            "scrollbar-background-active": self.bar,
            "scrollbar-corner-color": self.bar,
            "input-cursor-background": self.foreground,
            "input-cursor-foreground": self.surface,
            "input-selection-background": self.cursor,
        }


_DARK = Surfaces("#e4e4e4", "#1c1c1c", "#262626", "#585858", "#5fafff", "#3a3a3a", "#262626", "#303030", "#a8a8a8")
_LIGHT = Surfaces("#1c1c1c", "#ffffff", "#e4e4e4", "#949494", "#005faf", "#dadada", "#eeeeee", "#eeeeee", "#5f5f5f")
_CONTRAST = Surfaces("#ffffff", "#000000", "#303030", "#8a8a8a", "#ffff00", "#303030", "#1c1c1c", "#303030", "#bcbcbc")
_TERMINAL = Surfaces(
    *("ansi_default", "ansi_default", "ansi_default", "ansi_default"),
    *("ansi_bright_cyan", "ansi_default", "ansi_default", "ansi_default", "ansi_default"),
)


def _theme(name: str, surfaces: Surfaces, palette: Palette, *, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=surfaces.focus,
        accent=surfaces.focus,
        success=palette.good,
        warning=palette.warning,
        error=palette.bad,
        foreground=surfaces.foreground,
        background=palette.ground,
        surface=surfaces.surface,
        panel=surfaces.bar,
        dark=dark,
        variables=surfaces.variables,
    )


def _terminal(name: str, palette: Palette, focus: str, *, dark: bool) -> Theme:
    surfaces = replace(_TERMINAL, focus=focus)
    return Theme(
        name=name,
        primary=focus,
        error=f"ansi_{palette.bad}",
        foreground="ansi_default",
        background="ansi_default",
        dark=dark,
        ansi=True,
        variables=surfaces.variables
        | {
            "ansi-background": "ansi_black" if dark else "ansi_white",
            "ansi-foreground": "ansi_white" if dark else "ansi_black",
            # On Textual's own colours for it, black on white, which would be lost on a white terminal.
            "input-cursor-text-style": "none" if dark else "reverse",
        },
    )


_BLIND = {"focus": "#ffaf00", "cursor": "#303030"}, {"focus": "#af5f00"}
_OWN: dict[str, tuple[Theme, Palette, str]] = {
    theme.name: (theme, palette, label)
    for theme, palette, label in (
        (_theme("dark", _DARK, palettes.DARK, dark=True), palettes.DARK, "the usual one"),
        (_theme("light", _LIGHT, palettes.LIGHT, dark=False), palettes.LIGHT, "the usual one, on light"),
        (
            _theme("high-contrast", _CONTRAST, palettes.CONTRAST, dark=True),
            palettes.CONTRAST,
            "high contrast, on black",
        ),
        (
            _theme("colour-blind-dark", replace(_DARK, **_BLIND[0]), palettes.BLIND_DARK, dark=True),
            palettes.BLIND_DARK,
            "red-green blind, on dark",
        ),
        (
            _theme("colour-blind-light", replace(_LIGHT, **_BLIND[1]), palettes.BLIND_LIGHT, dark=False),
            palettes.BLIND_LIGHT,
            "red-green blind, on light",
        ),
        (
            _terminal("terminal-dark", palettes.TERMINAL_DARK, "ansi_bright_cyan", dark=True),
            palettes.TERMINAL_DARK,
            "the terminal's own 16 colours",
        ),
        (
            _terminal("terminal-light", palettes.TERMINAL_LIGHT, "ansi_blue", dark=False),
            palettes.TERMINAL_LIGHT,
            "the same, on light",
        ),
    )
}
OWN = tuple(theme for theme, _, _ in _OWN.values())
"""Those that are not Textual's."""


def label(theme: Theme) -> str:
    """What a person reads of a theme beside its name."""
    if theme.name in _OWN:
        return _OWN[theme.name][2]
    return f"of Textual, {'dark' if theme.dark else 'light'}"


def palette(theme: Theme) -> Palette:
    """What panels draw with in a theme: of Textual's, the palette of the dark or light theme on its background."""
    if theme.name in _OWN:
        return _OWN[theme.name][1]
    usual = palettes.DARK if theme.dark else palettes.LIGHT
    return replace(usual, ground=_colours(theme)["background"])


def variables(theme: Theme, *, on_grid: bool) -> dict[str, str]:
    """What a theme lacks of the stylesheets' variables; `on_grid`, all its colours, as 256 can show them."""
    if theme.name in _OWN:
        return {}
    found = _colours(theme)
    ground, text, primary = found["background"], found["foreground"], found["primary"]
    surfaces = Surfaces(
        foreground=text,
        surface=found["surface"],
        bar=found["panel"],
        frame=grid.mixed(text, ground, 0.35),
        focus=primary,
        cursor=grid.mixed(text, ground, 0.25),
        idle=grid.mixed(text, ground, 0.1),
        field=grid.mixed(text, ground, 0.15),
        muted=grid.mixed(text, ground, 0.6),
    )
    found |= surfaces.variables
    return {name: grid.nearest(value) for name, value in found.items()} if on_grid else surfaces.variables


def terminal_name(theme: Theme) -> str:
    """The theme that stands for this one where there are 16 colours or fewer."""
    return "terminal-dark" if theme.dark else "terminal-light"


def _colours(theme: Theme) -> dict[str, str]:
    """Those of Textual's variables that are plain colours, as `#rrggbb`."""
    generated = theme.to_color_system().generate() | theme.variables
    return {name: value.lower() for name, value in generated.items() if len(value) == 7 and value.startswith("#")}
