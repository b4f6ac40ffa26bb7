"""The drawing of curves: what stands in which cell, at every size, with and without colour."""

import math
import os
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.strip import Strip

from cifar_tui.tui.charts import canvas
from cifar_tui.tui.charts.axes import Axis
from cifar_tui.tui.charts.canvas import Chart, Line, draw
from cifar_tui.tui.theme import Look

X = Axis(0.0, 10.0, ((0.0, "0"), (5.0, "5"), (10.0, "10")))
Y = Axis(0.0, 1.0, ((0.0, "0"), (0.5, "0.5"), (1.0, "1")))
LOOK = Look()
RED, BLUE = Style(color="red"), Style(color="blue")
POINTS = st.lists(st.tuples(st.floats(-5, 15), st.floats(-2, 3)), max_size=30).map(lambda points: sorted(points))


def text(strips: Sequence[Strip]) -> list[str]:
    return [strip.text.rstrip() for strip in strips]


def curves(picture: Sequence[Strip]) -> list[str]:
    """The rows that curves are drawn in, without the axis at their left."""
    return [row[6:] for row in text(picture)[1:-2]]


def wave(count: int) -> list[tuple[float, float]]:
    return [(10 * i / (count - 1), 0.5 + 0.4 * math.sin(i / 3)) for i in range(count)]


def test_a_line_is_drawn_in_braille_between_labelled_axes() -> None:
    picture = draw(Chart(["loss"], X, Y, [Line([(0, 0), (10, 1)], RED, "*", joined=True)]), 18, 8, LOOK)
    assert text(picture) == [
        "loss",
        "    1┤          ⢀⠔",
        "     │       ⢀⠤⠊⠁",
        "  0.5┤    ⢀⡠⠊⠁",
        "     │ ⢀⡠⠒⠁",
        "    0┤⠒⠁",
        "     └┬─────┬────┬",
        "      0     5   10",
    ]


def test_in_ascii_a_line_is_drawn_with_its_glyph() -> None:
    chart = Chart(["loss"], X, Y, [Line([(0, 0), (10, 1)], RED, "*", joined=True)], best=5.0, cursor=10.0)
    assert text(draw(chart, 18, 8, Look(ascii=True))) == [
        "loss",
        "    1+           *",
        "     |         **|",
        "  0.5+      ***  |",
        "     |   ***     |",
        "    0+***        |",
        "     ++-----^----+",
        "      0     5   10",
    ]


def test_a_line_drawn_in_pieces_is_the_line_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chart = Chart([], X, Y, [Line(wave(60), RED, "*", joined=True)])
    pieces = text(draw(chart, 90, 14, LOOK))
    monkeypatch.setattr(canvas, "PIECE", 1000)
    assert text(draw(chart, 90, 14, LOOK)) == pieces


def test_a_new_point_has_only_the_last_piece_of_its_curve_drawn_again() -> None:
    canvas._piece.cache_clear()
    points = wave(200)
    draw(Chart([], X, Y, [Line(points[:-1], RED, "*", joined=True)]), 126, 20, LOOK)
    assert canvas._piece.cache_info().misses == 10
    draw(Chart([], X, Y, [Line(points, RED, "*", joined=True)]), 126, 20, LOOK)
    assert canvas._piece.cache_info().misses == 11


def test_charts_may_be_larger_than_the_terminal_which_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> os.terminal_size:
        raise AssertionError

    canvas._piece.cache_clear()
    monkeypatch.setattr(os, "get_terminal_size", asked)
    rows = curves(draw(Chart([], X, Y, [Line([(0, 0), (10, 1)], RED, "*", joined=True)]), 300, 90, LOOK))
    assert rows[0][-1] == "⠔"
    assert len(rows[0]) == 294
    assert rows[-1].startswith("⠒")
    assert len(rows) == 87


def test_charts_of_different_sizes_do_not_change_each_other() -> None:
    first = Chart(["loss"], X, Y, [Line(wave(60), RED, "*", joined=True)], cursor=5.0, resumed=[2.0])
    second = Chart([], Axis(0.0, 1.0, ((0.5, "half"),)), X, [Line([(0, 2.0)], RED, "*", joined=True)])
    alone = text(draw(first, 90, 14, LOOK))
    canvas._frame.cache_clear()
    canvas._piece.cache_clear()
    draw(second, 31, 7, LOOK)
    assert text(draw(first, 90, 14, LOOK)) == alone


def test_values_beyond_the_axis_stand_at_its_edge_as_arrows() -> None:
    chart = Chart([], X, Y, [Line([(0, 0.5), (5, 7.0), (8, 0.5), (10, -3.0)], RED, "*", joined=True)])
    rows = curves(draw(chart, 27, 9, LOOK))
    assert [row.find("↑") for row in rows] == [10, -1, -1, -1, -1, -1]
    assert [row.find("↓") for row in rows] == [-1, -1, -1, -1, -1, 20]


def test_a_line_that_comes_from_outside_is_cut_off_at_the_edge() -> None:
    rows = curves(draw(Chart([], X, Y, [Line([(-10, 0.0), (10, 1.0)], RED, "*", joined=True)]), 16, 8, LOOK))
    assert rows[2].startswith("⠒⠉⠁")
    assert not any(row.strip() for row in rows[3:])


def test_the_later_curve_is_on_top_and_the_cursor_behind_all() -> None:
    flat = [(0.0, 0.5), (10.0, 0.5)]
    chart = Chart([], X, Y, [Line(flat, RED, "*", joined=True), Line(flat, BLUE, "o")], cursor=0.0)
    picture = draw(chart, 16, 8, LOOK)
    assert [row[:1] for row in curves(picture)] == ["│", "│", "o", "│", "│"]
    assert {style for glyph, style, _ in picture[3] if "o" in glyph} == {BLUE}


def test_letters_of_two_curves_at_one_place_stand_beside_each_other() -> None:
    chart = Chart([], X, Y, [Line([(5, 0.5)], RED, "a"), Line([(5, 0.5)], BLUE, "b"), Line([(5, 0.5)], BLUE, "c")])
    assert "cab" in curves(draw(chart, 27, 8, LOOK))[2]


def test_labels_that_would_touch_are_left_out() -> None:
    crowded = Axis(0.0, 10.0, tuple((float(x), f"{x}000") for x in range(11)))
    labels = text(draw(Chart([], crowded, Y), 40, 8, LOOK))[-1]
    shown = labels.split()
    assert len(shown) >= 4
    assert set(shown) <= {text for _, text in crowded.ticks}


@given(POINTS, st.integers(1, 60), st.integers(1, 30), st.booleans(), st.booleans(), st.booleans())
def test_every_size_has_as_many_lines_and_columns_as_it_says(
    points: list[tuple[float, float]], width: int, height: int, log: bool, ascii_only: bool, colour: bool
) -> None:
    look = Look(colour=colour, ascii=ascii_only)
    y = Axis(0.1, 1.0, ((0.1, "0.1"), (1.0, "1")), log=True) if log else Y
    lines = [Line(points, look.run(0), "*", joined=True), Line(points, look.strong, "o")]
    picture = draw(Chart(["loss"], X, y, lines, best=3.0, cursor=7.0), width, height, look)
    assert [strip.cell_length for strip in picture] == [width] * min(height, max(height - 3, 1) + 3)
    if ascii_only:
        assert "".join(strip.text for strip in picture).isascii()
    if not colour:
        assert all(style is None or style.color is None for strip in picture for _, style, _ in strip)
    assert all(style is None or style.bgcolor is None for strip in picture for _, style, _ in strip)
