"""The form of a new run: all training options, checked by the configuration itself as they are typed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from cifar_tui import models
from cifar_tui.config import NAMED_DATA, PRECISIONS, TrainingConfig, is_path
from cifar_tui.errors import InputError
from cifar_tui.formatting import printable
from cifar_tui.models import user_class
from cifar_tui.recipes import RECIPES
from cifar_tui.system import paths
from cifar_tui.tui.dialogs.path_completion import FolderSuggester
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.modal import Modal
from cifar_tui.tui.widgets.pick import Pick

COMMON = {
    "model": "A model's name, → completes it; or a class of your own, module:Class.",
    "data": "cifar10, digits, or the path of a folder of images, train/<class>/…; → completes it.",
    "epochs": "How often to go over the training images, at most.",
    "batch_size": "Images per step.",
    "max_lr": "The peak of the one-cycle schedule, which starts at a twenty-fifth of it.",
    "device": "auto, cpu, cuda or cuda:N.",
    "seed": "The same seed and options give the same numbers again.",
    "name": "What the run's id ends in; empty is the model's name.",
}
FURTHER = {
    "patience": "Epochs without a better validation accuracy after which training ends.",
    "weight_decay": "AdamW's.",
    "lr": "What AdamW is made with; the one-cycle schedule sets its own rate from the first batch on.",
    "precision": "auto is bf16 where the device multiplies it natively, else fp32.",
    "threads": "CPU threads; 0 is as many as may be used. The numbers depend on it.",
    "recipe": "The reference protocol, or a faster way to its accuracy.",
    "checkpoint_seconds": "The longest time between two checkpoints.",
    "model_dir": "Where the module of a class of your own is; empty is the current folder.",
    "data_dir": "Where to look for CIFAR-10 first, and to put it; empty is the user's cache.",
}
GROUPS = (COMMON, FURTHER)
ALL = COMMON | FURTHER
"""What a person is told of each option, in the form's order."""
_TYPES = get_type_hints(TrainingConfig)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A new run, and whether it is to be trained at once, by a process of its own that outlives the terminal."""

    config: TrainingConfig
    detached: bool


class NewRun(Modal[Wanted]):
    """Gives what is wanted; None where there is to be no new run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,enter", "create", show=False),
        Binding("ctrl+b", "create(True)", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, options: TrainingConfig, look: Look) -> None:
        """Begin with these options, under no name."""
        super().__init__(look)
        self._options = replace(options, name=None)
        self._defaults = _defaults(options.recipe, options.model)
        self._fields: dict[str, Input | Pick] = {}
        self._problems: dict[str, str] = {}
        self._labels = (Static(classes="labels"), Static(classes="labels"))
        self._remark = Static(id="remark", markup=False)

    def compose(self) -> ComposeResult:
        """Two groups of fields, and below them what there is to say of the one that has the focus."""
        self._fields = {option: self._field(option) for option in ALL}
        with Vertical(classes="box") as box:
            self.frame(box, "New run", "Ctrl+S creates it, Ctrl+B trains it in the background, Esc cancels")
            with Container(id="columns"):
                for labels, options in zip(self._labels, GROUPS, strict=True):
                    # One widget for all labels: each widget of a screen delays its opening.
                    labels.styles.height = len(options)
                    with Horizontal():
                        yield labels
                        with Vertical():
                            yield from (self._fields[option] for option in options)
            yield self._remark

    def _field(self, option: str) -> Input | Pick:
        text = _text(getattr(self._options, option))
        if values := {"precision": PRECISIONS, "recipe": RECIPES}.get(option):
            return Pick(values, text, self.look)
        suggesters = {
            "model": SuggestFromList(models.names()),
            "model_dir": FolderSuggester(),
            "data": FolderSuggester(NAMED_DATA),
            "data_dir": FolderSuggester(),
            "device": SuggestFromList(("auto", "cpu", "cuda")),
        }
        field = Input(text, suggester=suggesters.get(option), validate_on=())
        field.cursor_blink = False  # A line over SSH is not to be kept busy.
        return field

    @on(Input.Changed)
    @on(Pick.Changed)
    @on(events.DescendantFocus)
    def _check(self) -> None:
        """Check all fields, and tell of the one that has the focus."""
        # Options of an earlier run may be wrong by now, too: its folder of images may be gone.
        self._problems = {option: problem_of(option, field.value) for option, field in self._fields.items()}
        if not (self._problems["model"] or self._problems["model_dir"]):
            self._problems["model"] = _problem_of_model(self._fields["model"].value, self._fields["model_dir"].value)
        focused = next((option for option, field in self._fields.items() if field.has_focus), None)
        for labels, options in zip(self._labels, GROUPS, strict=True):
            labels.update(Text("\n").join(self._label(option, option == focused) for option in options), layout=False)
        if focused is not None:
            problem = self._problems[focused]
            self._remark.set_class(bool(problem), "-wrong")
            self._remark.update(self.shown(problem or ALL[focused]), layout=False)

    @on(Input.Changed)
    @on(Pick.Changed)
    def _follow_recipe(self) -> None:
        """Give each field that has its default that of the recipe and the model that are given now."""
        if self._problems["model"]:
            return  # It is being typed.
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
        """Give the configuration, or go to the first field that is wrong."""
        # What was typed and picked last may not have been told yet.
        self._check()
        self._follow_recipe()
        for option, field in self._fields.items():
            if self._problems[option]:
                self.set_focus(field)
                return
        values = {option: _value(option, field.value) for option, field in self._fields.items()}
        values["model_dir"] = user_class.resolved(values["model"], values["model_dir"])
        self.answer(Wanted(TrainingConfig.from_dict(values), detached))


def readable(option: str) -> str:
    """An option's name as a person reads it."""
    return option.replace("_", " ")


def _defaults(recipe: str, model: str) -> TrainingConfig:
    return TrainingConfig.from_dict({"recipe": recipe, "model": model})


def _text(value: object) -> str:
    """An option's value as it is typed; what is read from that is the same value, unless it would act on a terminal."""
    if isinstance(value, float):
        return str(value).removesuffix(".0")
    return "" if value is None else printable(str(value))


def _value(option: str, text: str) -> Any:
    """What is typed, as the configuration takes it; what cannot be read stays text, for that to refuse.

    Raises:
        InputError: It is a path that leads nowhere.
    """
    kind = _TYPES[option]
    if not text and kind not in (int, float, str):
        return None
    if kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    if text and is_path(option, text):
        # The run may be resumed from another folder than this one.
        return str(paths.absolute(paths.expand_path(readable(option), text)))
    return text


def problem_of(option: str, text: str) -> str:
    """Why the configuration does not take this for the option; empty where it does."""
    try:
        value = _value(option, text)
        TrainingConfig.from_dict({option: value})
    except InputError as error:
        what, takes, wanted = str(error).partition(" takes ")
        return f"{readable(option)} takes {wanted}" if takes else what.removeprefix(f"--{readable(option)}: ")
    if option == "data" and value not in NAMED_DATA and not _is_folder(value):
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
