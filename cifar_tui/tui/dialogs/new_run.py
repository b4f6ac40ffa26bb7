"""The form for a new run: all training options, from their declarations, checked as they are typed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from cifar_tui import models
from cifar_tui.config import NAMED_DATA, OPTIONS, TrainingConfig
from cifar_tui.errors import InputError
from cifar_tui.formatting import printable
from cifar_tui.models import user_class
from cifar_tui.system import paths
from cifar_tui.tui.dialogs.path_completion import FolderSuggester
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.choice_field import ChoiceField
from cifar_tui.tui.widgets.modal import Modal

COMMON = ("model", "data", "epochs", "batch_size", "max_lr", "device", "seed", "name")
FURTHER = tuple(sorted((name for name in OPTIONS if name not in COMMON), key=lambda name: OPTIONS[name].path))
GROUPS = (COMMON, FURTHER)
"""The options in the form's order."""


@dataclass(frozen=True, slots=True)
class NewRunRequest:
    """A new run, and whether to train it at once in a process of its own, which outlives the terminal."""

    config: TrainingConfig
    detached: bool


class NewRun(Modal[NewRunRequest]):
    """Asks for the options of a new run; None where it is cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,enter", "create", show=False),
        Binding("ctrl+b", "create(True)", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, options: TrainingConfig, look: Look) -> None:
        """Start with these options, without the name."""
        super().__init__(look)
        self._options = replace(options, name=None)
        self._defaults = _defaults(options.recipe, options.model)
        self._fields: dict[str, Input | ChoiceField] = {}
        self._problems: dict[str, str] = {}
        self._labels = (Static(classes="labels"), Static(classes="labels"))
        self._hint = Static(id="hint", markup=False)

    def compose(self) -> ComposeResult:
        """Two groups of fields, and below them the help or the error of the focused one."""
        self._fields = {name: self._field(name) for name in (*COMMON, *FURTHER)}
        with Vertical(classes="box") as box:
            self.frame(box, "New run", "Ctrl+S creates it  Ctrl+B trains it in the background  Esc cancels")
            with Container(id="columns"):
                for labels, options in zip(self._labels, GROUPS, strict=True):
                    # One widget for all labels: each widget of a screen delays its opening.
                    labels.styles.height = len(options)
                    with Horizontal():
                        yield labels
                        with Vertical():
                            yield from (self._fields[option] for option in options)
            yield self._hint

    def _field(self, name: str) -> Input | ChoiceField:
        text, option = _text(getattr(self._options, name)), OPTIONS[name]
        if option.is_closed:
            return ChoiceField(option.choices, text, self.look)
        values = models.names() if name == "model" else option.choices
        listed = SuggestFromList(values) if values else None
        field = Input(text, suggester=FolderSuggester(values) if option.path else listed, validate_on=())
        field.cursor_blink = False  # A line over SSH is not to be kept busy.
        return field

    @on(Input.Changed)
    @on(ChoiceField.Changed)
    @on(events.DescendantFocus)
    def _check(self) -> None:
        """Check all fields, and show the help or the error of the focused one."""
        # Options of an earlier run may be wrong by now, too: its folder of images may be gone.
        self._problems = {option: problem_of(option, field.value) for option, field in self._fields.items()}
        if not (self._problems["model"] or self._problems["model_dir"]):
            self._problems["model"] = _problem_of_model(self._fields["model"].value, self._fields["model_dir"].value)
        focused = next((option for option, field in self._fields.items() if field.has_focus), None)
        for labels, options in zip(self._labels, GROUPS, strict=True):
            labels.update(Text("\n").join(self._label(option, option == focused) for option in options), layout=False)
        if focused is not None:
            problem, field = self._problems[focused], self._fields[focused]
            completed = (
                " The right arrow key completes it." if isinstance(field, Input) and field.suggester is not None else ""
            )
            self._hint.set_class(bool(problem), "-wrong")
            self._hint.update(self.shown(problem or f"{OPTIONS[focused].help}{completed}"), layout=False)

    @on(Input.Changed)
    @on(ChoiceField.Changed)
    def _follow_recipe(self) -> None:
        """Give each field at its default the default of the current recipe and model."""
        if self._problems["model"]:
            return  # It is still being typed.
        defaults = _defaults(self._fields["recipe"].value, self._fields["model"].value)
        for option, field in self._fields.items():
            if isinstance(field, Input) and field.value == _text(getattr(self._defaults, option)):
                field.value = _text(getattr(defaults, option))
        self._defaults = defaults

    def _label(self, option: str, focused: bool) -> Text:
        wrong = self._problems[option] != ""
        mark = self.look.glyph("failed" if wrong else "running") if wrong or focused else " "
        style = (self.look.bad if wrong else Style()) + (Style(bold=True, reverse=True) if focused else Style())
        return Text(f"{mark} {readable(option)} ", style)

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_create()

    def action_create(self, detached: bool = False) -> None:
        """Return the configuration, or focus the first field that is wrong."""
        # The last change may not have been handled yet.
        self._check()
        self._follow_recipe()
        for option, field in self._fields.items():
            if self._problems[option]:
                self.set_focus(field)
                return
        values = {option: _value(option, field.value) for option, field in self._fields.items()}
        values["model_dir"] = user_class.resolved(values["model"], values["model_dir"])
        self.answer(NewRunRequest(TrainingConfig.from_dict(values), detached))


def readable(name: str) -> str:
    """An option's name as the table and the command line have it."""
    return name.replace("_", "-")


def _defaults(recipe: str, model: str) -> TrainingConfig:
    return TrainingConfig.from_dict({"recipe": recipe, "model": model})


def _text(value: object) -> str:
    """An option's value as it is typed; what is read from that is the same value, unless it would act on a terminal."""
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return "" if value is None else printable(str(value))


def _value(name: str, text: str) -> Any:
    """What is typed, as the configuration takes it.

    Raises:
        InputError: The option does not take it, or it is a path that leads nowhere.
    """
    option = OPTIONS[name]
    if not text and option.default is None:
        return None
    value = option.parse(text, readable(name))
    # The run may be resumed from another folder than this one.
    return str(paths.absolute(value)) if option.is_path(value) else value


def problem_of(name: str, text: str) -> str:
    """Why the option does not take this; empty where it does."""
    try:
        value = _value(name, text)
    except InputError as error:
        return str(error)
    if name == "data" and OPTIONS[name].is_path(value) and not _is_folder(value):
        return f"data takes {', '.join(NAMED_DATA)} or a folder of images, not {text!r}"
    return ""


def _problem_of_model(model: str, folder: str) -> str:
    try:
        models.check(model, _value("model_dir", folder))
    except InputError as error:
        # There is room for what is wrong alone.
        wrong = str(error).partition("; ")[0]
        return wrong.removeprefix(f"--model {model}: ").removeprefix("--model: ").removeprefix("--")
    return ""


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:
        return False
