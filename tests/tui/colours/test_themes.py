"""The themes: alike in 256 colours and in true colour, readable, and told apart without red or green."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from textual.theme import BUILTIN_THEMES

from cifar_tui.cli.launch_options import THEMES
from cifar_tui.tui.colours import grid, palettes, themes
from cifar_tui.tui.colours.palettes import Palette
from cifar_tui.tui.theme import Look
from tests.support.dashboard import dashboard

OWN = {theme.name: themes.palette(theme) for theme in themes.OWN if not theme.ansi}
BLIND = {
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
}
"""Machado, Oliveira and Fernandes, 2009: linear RGB as it is seen without green, or red, receptors."""
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)

Triple = tuple[float, ...]


def linear(colour: str) -> Triple:
    shares = (part / 255 for part in grid.rgb(colour))
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares)


def times(matrix: tuple[Triple, ...], values: Triple) -> Triple:
    return tuple(sum(a * b for a, b in zip(row, values, strict=True)) for row in matrix)


def lab(rgb: Triple) -> Triple:
    parts = [v / w for v, w in zip(times(XYZ, tuple(min(1.0, max(0.0, v)) for v in rgb)), WHITE, strict=True)]
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one: str, other: str) -> float:
    low, high = sorted(times(XYZ, linear(colour))[1] for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def texts(palette: Palette) -> set[str]:
    return {*palette.runs, palette.dim, palette.good, palette.done, palette.warning, palette.bad}


def test_the_nearest_colour_of_the_grid_is_shown_as_it_is() -> None:
    assert grid.nearest("#5fafd7") == "#5fafd7"
    assert grid.nearest("#242f38") in ("#262626", "#303030"), "and not navy"
    assert {grid.shown(f"#{grey:02x}{grey:02x}{grey:02x}") for grey in (18, 38, 68)} == {
        "#121212",
        "#262626",
        "#444444",
    }


@pytest.mark.parametrize("name", OWN)
def test_a_theme_looks_alike_in_256_colours_and_can_be_read(name: str) -> None:
    palette, theme = OWN[name], next(theme for theme in themes.OWN if theme.name == name)
    surfaces = {value for value in theme.variables.values() if value.startswith("#")}
    for colour in {*texts(palette), *palette.right, *palette.wrong, *surfaces, palette.ground}:
        assert max(abs(a - b) for a, b in zip(grid.rgb(colour), grid.rgb(grid.shown(colour)), strict=True)) <= 10
    least = 7.0 if name == "high-contrast" else 4.5
    assert {colour for colour in texts(palette) if contrast(colour, palette.ground) < least} == set()
    assert contrast(theme.variables["frame-focus"], palette.ground) > 4.5
    for behind in ("bar", "field"):
        assert contrast(grid.shown(palette.dim), grid.shown(theme.variables[behind])) > 4.5, behind
    # On the selected row, names are bold and dim text is not dim.
    for cursor in ("cursor", "cursor-idle"):
        on_cursor = {colour: contrast(colour, theme.variables[cursor]) for colour in texts(palette) - {palette.dim}}
        assert min(on_cursor.values()) > 3, on_cursor


@pytest.mark.parametrize("palette", [palettes.BLIND_DARK, palettes.BLIND_LIGHT])
def test_the_palettes_for_the_colour_blind_differ_for_them(palette: Palette) -> None:
    for matrix in (((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), *BLIND.values()):
        for colours in (palette.runs, (palette.good, palette.done, palette.warning, palette.bad)):
            seen = [lab(times(matrix, linear(colour))) for colour in colours]
            assert min(math.dist(a, b) for a, b in itertools.combinations(seen, 2)) > 25


def test_the_command_line_takes_the_dashboards_own_themes() -> None:
    assert tuple(theme.name for theme in themes.OWN) == THEMES


def test_the_terminals_own_colours_need_no_others() -> None:
    look = Look(palette=palettes.TERMINAL_DARK)
    for style in (look.run(0), look.faint(1), look.dim, look.bad, look.shade(1, right=True)):
        assert all(
            colour is None or colour.number is None or colour.number < 16 for colour in (style.color, style.bgcolor)
        )


async def test_each_own_theme_can_be_shown_and_all_are_offered(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(80, 24)) as desk:
        offered = [theme.name for theme in desk.app.themes.offered]
        assert offered[:7] == list(THEMES)
        assert set(offered[7:]) == {name for name, theme in BUILTIN_THEMES.items() if not theme.ansi}
        for name in THEMES:
            desk.app.themes.preview(name)
            await desk.pilot.pause()
            assert desk.app.look.palette == themes.palette(desk.app.current_theme)
            frame = desk.app.main.table.styles.border_top[1]
            assert (
                name.startswith("terminal") or frame.hex.lower() == desk.app.get_css_variables()["frame-focus"].lower()
            )


@pytest.mark.parametrize("on_grid", [False, True])
def test_each_of_textuals_themes_has_the_variables_of_the_stylesheets_and_a_palette_on_its_ground(
    on_grid: bool,
) -> None:
    needed = {name for theme in themes.OWN for name in theme.variables if not theme.ansi}
    for theme in (theme for theme in BUILTIN_THEMES.values() if not theme.ansi):
        found = themes.variables(theme, on_grid=on_grid)
        assert needed <= set(found)
        for colour in (found[name] for name in needed):
            seen = grid.shown(colour) if on_grid else colour
            assert max(abs(a - b) for a, b in zip(grid.rgb(colour), grid.rgb(seen), strict=True)) <= 10
        palette = themes.palette(theme)
        assert grid.rgb(palette.ground)
        assert palette.runs == (palettes.DARK if theme.dark else palettes.LIGHT).runs
