"""Panels write only the cells that changed; their lines have the panel's width, whatever is drawn."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from cifar_tui.tui.widgets.lines import Panel, _cells, _changed, line

STYLES = st.sampled_from([Style(), Style(bold=True), Style(color="#ff0000")])
PIECES = st.lists(st.tuples(st.text("ab ⣿日é\u0305", max_size=6), STYLES), max_size=5)


@given(PIECES, st.integers(0, 30))
def test_a_line_has_exactly_its_width_whatever_is_in_it(pieces: list[tuple[str, Style]], width: int) -> None:
    strip = line(pieces, width)
    assert strip.cell_length == width
    assert cell_len(strip.text) == width


@given(PIECES, PIECES, st.integers(1, 30))
def test_the_region_that_is_written_covers_every_cell_that_differs(
    old: list[tuple[str, Style]], new: list[tuple[str, Style]], width: int
) -> None:
    before, after = line(old, width), line(new, width)
    regions = list(_changed(before, after, 3))
    covered = {x for region in regions for x in range(region.x, region.right)}
    differing = {x for x, (a, b) in enumerate(zip(_cells(before), _cells(after), strict=True)) if a != b}
    assert differing <= covered <= set(range(width))
    assert all(region.y == 3 for region in regions)
    assert bool(regions) == bool(differing), "nothing is written where nothing changed"


class Words(Panel):
    """A panel that shows a text, and remembers what it has written."""

    text = "one"

    def lines(self, width: int, height: int) -> list[Strip]:
        return [line([self.text], width), *[Strip([Segment(" " * width)])] * (height - 1)]

    def refresh(self, *regions: Region, **more: bool) -> "Words":
        self.written: list[Region] = [*getattr(self, "written", []), *regions]
        return super().refresh(*regions, **more)


async def test_a_panel_refreshes_the_cells_that_changed_and_none_when_nothing_did() -> None:
    class OnePanel(App[None]):
        def compose(self) -> ComposeResult:
            yield Words()

    async with OnePanel().run_test(size=(20, 4)) as pilot:
        panel = pilot.app.query_one(Words)
        panel.written = []
        panel.draw()
        assert panel.written == []
        panel.text = "ode"
        panel.draw()
        assert panel.written == [Region(1, 0, 1, 1)]
        await pilot.resize_terminal(10, 2)
        assert len(panel._lines) == 2
        assert panel.render_line(0).cell_length == 10
