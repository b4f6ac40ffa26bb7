"""The views, of which one is shown at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from cifar_tui.tui.charts.area import ChartArea
from cifar_tui.tui.charts.options import ChartOptions, ChartSettings
from cifar_tui.tui.charts.panel import ChartsPanel
from cifar_tui.tui.charts.series import Series
from cifar_tui.tui.compare.panel import ComparePanel
from cifar_tui.tui.confusion.panel import ConfusionPanel
from cifar_tui.tui.images.image_loader import ImageLoader
from cifar_tui.tui.images.panel import ImagesPanel
from cifar_tui.tui.log.status_log import StatusLog
from cifar_tui.tui.preferences.settings import Settings
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.view import Context, View
from cifar_tui.tui.views import VIEWS, Shared, ViewType
from cifar_tui.tui.widgets.search_line import SearchLine

if TYPE_CHECKING:
    from cifar_tui.runs.prediction import PredictedFiles
    from cifar_tui.runs.workspace import Workspace

V = TypeVar("V", bound=View)
CHARTS, CONFUSION, IMAGES, CONFIDENCE = "charts", "confusion", "images", "confidence"

TITLE_ENDS = 4
"""Columns of the frame that its title leaves free."""
SECTION = "charts"
"""Of the settings."""


class ViewSwitcher(ContentSwitcher):
    """Makes all views that are registered, and shows the first one."""

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        log: StatusLog,
        with_consent: Callable[[Entry, Callable[[], None]], None],
        allows: Callable[[str], bool],
        settings: Settings,
    ) -> None:
        """Make the views.

        Args:
            workspace: As in `Shared`, as `log`.
            log: As there.
            with_consent: Does what runs the code of a run's model, once the user has agreed to that.
            allows: Whether a key may do an action now.
            settings: Keep how curves are shown.
        """
        super().__init__(id="views", initial=VIEWS[0].name)
        self._settings = settings
        self._chart_options = ChartOptions()
        self._chart_options.apply(settings.load(SECTION, ChartSettings))
        self._image_loader = ImageLoader(workspace, self._images_changed, with_consent)
        shared = Shared(workspace, log, self._chart_options, self._image_loader)
        self._views = {kind.name: kind.make(shared) for kind in VIEWS}
        self.charts = self._get(ChartsPanel)
        self.confusion, self.images = self._get(ConfusionPanel), self._get(ImagesPanel)
        self._latest = Context()
        self._opened_from: list[str] = []
        """The views from which the one that is shown was reached, the last one at the end; Escape leads back."""
        self._allows = allows
        self.finder = SearchLine(
            "class: any part of its name; Enter: the next, Esc: the matrix",
            self.confusion.find,
            self.confusion.find_next,
            id="finder",
        )
        """Where the name of a class is typed, to find it in the confusion matrix; it stands above the views."""

    def compose(self) -> ComposeResult:
        """All of them."""
        yield from self._views.values()

    def on_mount(self) -> None:
        """Name them in the frame."""
        self.write_titles()

    def on_resize(self) -> None:
        """Name them so that they fit."""
        self.write_titles()

    @property
    def shown(self) -> str:
        """The name of the view that is shown."""
        return self.current or VIEWS[0].name

    @property
    def view(self) -> View:
        """The view that is shown."""
        return self._views[self.shown]

    def open(self, name: str) -> None:
        """Show a view, and give it the keyboard; renew it where it is shown already.

        Images that were opened by hand are closed.
        """
        self.images.show_own()
        if name == self.shown:
            self.view.reload()
        elif name in (IMAGES, CONFIDENCE):
            self._image_loader.renew(self._latest.selected)
        self._switch_to(name)

    def leave(self) -> bool:
        """Go back one step within the view, or to the one from which it was opened; whether there was such a step."""
        if self.view.leave():
            return True
        if not self.view.returns or not self._opened_from:
            return False
        self.images.show_own()
        self._show_view(self._opened_from.pop())
        return True

    def close_finder(self) -> bool:
        """Go from the class that is typed to the matrix, where the cursor stays; whether one was typed."""
        if not self.finder.display:
            return False
        self.finder.close()
        self.confusion.find("")
        if self.screen.focused is self.finder or self.screen.focused is None:
            self.screen.set_focus(self.view)
        return True

    def show(self, context: Context) -> None:
        """Draw the view that is shown."""
        self._latest = context
        self._draw()

    def show_sample(self, context: Context) -> None:
        """Draw it where it shows what the devices do, which alone has changed."""
        self._latest = context
        if self.view.shows_devices:
            self._draw()

    def predict(
        self, entry: Entry, names: Sequence[str], done: Callable[[PredictedFiles], None], failed: Callable[[str], None]
    ) -> None:
        """Show these image files with their predictions; either is called with what came of it."""
        self.images.predict(entry, names, done, failed)
        self._switch_to(IMAGES)

    @property
    def chart_area(self) -> ChartArea:
        """The charts that are shown, of a run or of a comparison; those of a run where none are."""
        return self.view if isinstance(self.view, ChartArea) else self.charts

    def draw_series(self, series: Series | None) -> None:
        """Draw a series of the runs that are shown in full size; None for loss and accuracy."""
        area = self.chart_area
        area.choose(series)
        if not isinstance(self.view, ChartArea):
            self._switch_to(CHARTS)

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While something is typed, keys are text."""
        return self._allows(action)

    def action_show(self, name: str) -> None:
        """Show another view, or renew this one."""
        self.open(name)

    def action_step(self, delta: int) -> None:
        """Move the charts' cursor, or show another epoch's matrix."""
        self.view.step(delta)

    def action_open_cell(self) -> None:
        """Open the chart that is chosen, or the images of the cell; where they are shown already, load the newest.

        From the runs, go to the view.
        """
        view, images = self.view, self.images
        if self.screen.focused is not view:
            self.screen.set_focus(view)
        elif isinstance(view, ChartArea) and view.open_chart():
            return
        elif isinstance(view, ComparePanel):
            if (album := view.cell_images(images.draw)) is not None:
                images.open_album(album)
                self._switch_to(IMAGES)
        elif view is self.confusion:
            if self.confusion.cell is not None:
                self._image_loader.show(self.confusion.entry, self.confusion.split)
                images.select(*self.confusion.cell)
            self.open(IMAGES)
        elif view is images and images.back == CONFUSION:
            self.open(IMAGES)

    def action_percent(self) -> None:
        """Count in percent or not; where images are shown, show wrong ones, right ones, or all."""
        if self.view is self.images:
            self.images.next_kind()
        else:
            self.confusion.toggle_percent()

    def action_other_images(self) -> None:
        """Show the run's test images in place of its validation images, or the other way round."""
        if self.shown not in (IMAGES, CONFIDENCE):
            return
        self.images.show_own()
        self._image_loader.switch(self._latest.selected)
        self._draw()

    def action_find_class(self) -> None:
        """Type a part of a class's name, to find it in the matrix."""
        self.open(CONFUSION)
        self.finder.open()

    def action_confused(self, step: int) -> None:
        """Go to the pair of classes that is confused most often, or the next one, while the matrix is shown."""
        if self.view is self.confusion:
            self.confusion.go_to_confused(step)

    def action_x_axis(self) -> None:
        """Show the next x axis."""
        self.chart_area.options.cycle_x_axis()
        self._options_changed()

    def action_log_scale(self) -> None:
        """Show y axes in a logarithmic scale, or in a linear one."""
        self.chart_area.options.toggle_log()
        self._options_changed()

    def action_smooth(self, step: int) -> None:
        """Smooth the curves more, or less."""
        self.chart_area.options.smooth(step)
        self._options_changed()

    def action_zoom(self, steps: int) -> None:
        """Show less of the x axis, or more."""
        self.chart_area.zoom_x(steps)

    def action_zoom_y(self, steps: int) -> None:
        """Show less of the y axis of the chosen chart, or more."""
        self.chart_area.zoom_y(steps)

    def action_turn_page(self, count: int) -> None:
        """Show other charts."""
        self.chart_area.turn_page(count)

    def action_log_x(self) -> None:
        """Show the x axis in a logarithmic scale, or in a linear one."""
        self.chart_area.options.toggle_log_x()
        self._options_changed()

    def action_outliers(self) -> None:
        """Have y axes show all values, or the usual ones."""
        self.chart_area.options.toggle_outliers()
        self._options_changed()

    def action_overlay(self) -> None:
        """Draw the selected run with the marked ones, these alone, or it alone."""
        self.chart_area.options.cycle_overlay()
        self._options_changed()

    def action_reset_axes(self) -> None:
        """Show all of both axes."""
        self.chart_area.options.reset()
        self._options_changed()

    def _options_changed(self) -> None:
        self._settings.keep(SECTION, self._chart_options.settings)
        self._draw()

    def _get(self, kind: type[V]) -> V:
        return next(view for view in self._views.values() if isinstance(view, kind))

    def _switch_to(self, name: str) -> None:
        if name != self.shown:
            # Each view is in it once at most: Escape leads back to the one where this one was opened, and to an end.
            before = [each for each in self._opened_from if each not in (name, self.shown)]
            self._opened_from = [*before, self.shown]
        self._show_view(name)

    def _show_view(self, name: str) -> None:
        self.close_finder()
        self.current = name
        self.screen.set_focus(self.view)
        self.screen.set_class(self.view.roomy, "-roomy-view")
        self.write_titles()
        self._draw()
        # Once it is laid out, it knows what is under its cursor.
        self.call_after_refresh(self.post_message, View.KeysChanged())

    def _draw(self) -> None:
        self.view.show(self._latest)

    def _images_changed(self) -> None:
        self._draw()
        # There may be other images now.
        self.post_message(View.KeysChanged())

    def write_titles(self) -> None:
        """Name the views in the frame, the one that is shown reversed while it has the keyboard; a click opens one."""
        active = self.screen.focused is self.view and self.screen.is_active
        style = "b reverse" if active else "b u"
        kinds = [kind for kind in VIEWS if kind.listed or kind.name == self.shown]
        room = self.outer_size.width - TITLE_ENDS
        # Where there is little of it, they stand closer, and the last ones are left out: the frame would cut them.
        pad, gap = (" ", "  ") if _width(kinds, 2) + 2 <= room else ("", " ")
        while _width(kinds, 1) > room and len(kinds) > 1:
            kinds.remove([kind for kind in kinds if kind.name != self.shown][-1])
        titles = []
        for kind in kinds:
            title = f"{kind.key} {kind.label}"
            if kind.name == self.shown:
                titles.append(f"[{style}]{pad}{title}{pad}[/]")
            else:
                titles.append(f"[@click=show('{kind.name}')]{title}[/]")
        self.border_title = gap.join(titles)


def _width(kinds: Sequence[ViewType], gap: int) -> int:
    """The columns of the titles of these views side by side."""
    return sum(len(f"{kind.key} {kind.label}") + gap for kind in kinds) - gap
