"""Questions that the dashboard asks before it does something: what will happen, and the answers by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from rich.table import Table
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from cifar_tui.errors import InputError
from cifar_tui.system import paths
from cifar_tui.tui.dialogs.path_completion import FolderSuggester
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.modal import Modal

if TYPE_CHECKING:
    from cifar_tui.models.user_class import UntrustedClassError

T = TypeVar("T")
NAMED = 3
"""How many runs a question names."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """An answer that a question offers."""

    key: str
    """Textual's name of the key."""
    label: str
    effect: str
    """What it will do, in a sentence."""
    value: T | None
    """The result of the question; None as where it is cancelled."""


class Answer(Static, can_focus=True):
    """One choice on the screen."""

    class Chosen(Message):
        """It is what the person wants."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "choose", show=False)]

    def __init__(self, number: int, key: str, label: str, effect: str) -> None:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=len("Esc"), justify="right")
        grid.add_column()
        grid.add_row(Text(key, "bold"), Text(label, "bold"))
        if effect:
            grid.add_row("", Text(effect))
        super().__init__(grid)
        self._number = number

    def action_choose(self) -> None:
        """Answer with this."""
        self.post_message(self.Chosen(self._number))

    def on_click(self) -> None:
        """As Enter."""
        self.action_choose()


class Question(Modal[T]):
    """A question with a few answers: by their letters, or by the arrow keys and Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(
        self, title: str, text: str, choices: Sequence[Choice[T]], look: Look, *, interrupt: T | None = None
    ) -> None:
        """Ask.

        Args:
            title: The question.
            text: What to know before answering it.
            choices: The answers; the first one has the focus.
            look: How to draw.
            interrupt: What Ctrl+C answers.
        """
        super().__init__(look)
        self._title = title
        self._text = text
        self._choices = choices
        self._interrupt = interrupt
        self._box = Vertical(classes="box")

    def compose(self) -> ComposeResult:
        """The text, and the answers below it."""
        self.frame(self._box, self._title, "↑↓ move  Enter chooses  Esc cancels")
        with self._box:
            if self._text:
                yield Static(self.shown(self._text), classes="text", markup=False)
            for number, choice in enumerate(self._choices):
                key = "Esc" if choice.key == "escape" else choice.key
                yield Answer(number, key, self.shown(choice.label), self.shown(choice.effect))
            yield from self.more()

    def more(self) -> Sequence[Widget]:
        """What stands below the answers."""
        return ()

    def on_key(self, event: events.Key) -> None:
        """Answer by a letter."""
        for choice in self._choices:
            if event.key == choice.key != "escape":  # That one is cancelling, whatever else is on the screen.
                event.stop()
                self.choose(choice)

    @on(Answer.Chosen)
    def _answer(self, event: Answer.Chosen) -> None:
        self.choose(self._choices[event.number])

    def choose(self, choice: Choice[T]) -> None:
        """Dismiss with the choice's value."""
        self.answer(choice.value)

    def action_interrupt(self) -> None:
        """Ctrl+C."""
        self.answer(self._interrupt)


def stop_question(name: str, look: Look, *, of_script: bool = False) -> Question[Literal["stop"]]:
    """Whether to stop a run, or to ask the script that trains it to stop."""
    effect = "It finishes its batch, writes a checkpoint and its report; r resumes it."
    if of_script:
        effect = "Its script finishes its batch and ends its loop; what it saves is up to the script."
    return Question(
        f"Stop {name}?",
        "",
        [
            Choice("s", "Stop", effect, "stop"),
            Choice("escape", "Keep training", "", None),
        ],
        look,
    )


def quit_question(names: Sequence[str], look: Look) -> Question[Literal["stop", "headless"]]:
    """What to do with active runs; Ctrl+C stops them."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return Question(
        "Quit?",
        f"Active: {', '.join(names[:NAMED])}{more}.",
        [
            Choice("s", "Stop and save", "Each finishes its batch and writes a checkpoint.", "stop"),
            Choice(
                "h",
                "Continue without the dashboard",
                "They keep training here; progress is printed line by line.",
                "headless",
            ),
            Choice("escape", "Cancel", "", None),
        ],
        look,
        interrupt="stop",
    )


def class_question(asked: UntrustedClassError, look: Look) -> Question[Literal["run"]]:
    """Whether to run the code of a run's model.

    Args:
        asked: Which code that is.
        look: How to draw.
    """
    from cifar_tui.models.user_class.trust import state_file

    where = f", in {state_file()}"
    return Question(
        "Run this model's code?",
        f"This needs the code of {asked.model}, in {asked.file}. You have not trained it here by name. "
        "It can do whatever you can: read the file first.",
        [
            Choice("escape", "No", "Nothing of it is run; everything that is recorded can still be seen.", None),
            # No key that the panels have: it may have been pressed twice.
            Choice("Y", "Yes, now and later", f"It is remembered{where}, until the file is moved.", "run"),
        ],
        look,
    )


Source = Literal["fetch", "digits", "data_dir", "data"]
"""Where the images are to come from: the network, this program, or a folder for the option of this name."""


class MissingData(Question[tuple[Source, str]]):
    """Where to take images from where CIFAR-10 is not on this machine. A folder is checked while it is typed."""

    def __init__(self, where: str, data_option_for: Callable[[str], Literal["data_dir", "data"]], look: Look) -> None:
        """Ask.

        Args:
            where: The folder that CIFAR-10 would be put into.
            data_option_for: Says which option a folder is for, or raises an `InputError` that says why it is for none.
            look: How to draw.
        """
        super().__init__(
            "CIFAR-10 is not on this machine",
            "",
            [
                Choice("f", "Download it", f"170 MB, into {where}", ("fetch", "")),
                Choice("o", "Use a folder", "One with CIFAR-10, or with images in train/<class>/.", None),
                Choice("d", "Train on digits", "1,797 small images that need no network.", ("digits", "")),
                Choice("escape", "Cancel", "", None),
            ],
            look,
        )
        self._option_of = data_option_for
        self._folder = Input(suggester=FolderSuggester(), id="folder")
        self._folder.cursor_blink = False  # A line over SSH is not to be kept busy.
        self._hint = Static(id="hint", markup=False)

    def more(self) -> Sequence[Widget]:
        """The folder, once it is asked for."""
        return self._folder, self._hint

    def choose(self, choice: Choice[tuple[Source, str]]) -> None:
        """Ask for the folder where the choice takes one."""
        if choice.key != "o":
            super().choose(choice)
            return
        self._box.add_class("-folder")
        self._folder.focus()
        self._check()

    def action_cancel(self) -> None:
        """Go back from the folder to the answers, or close."""
        if not self._folder.has_focus:
            super().action_cancel()
            return
        self._box.remove_class("-folder")
        self.query(Answer)[1].focus()

    @on(Input.Changed, "#folder")
    def _check(self) -> None:
        self._hint.update(self.shown(self._judged()[1]))

    @on(Input.Submitted, "#folder")
    def _take(self) -> None:
        source, _ = self._judged()
        if source is not None:
            self.answer((source, str(paths.absolute(paths.expand_path("--data", self._folder.value.strip())))))

    def _judged(self) -> tuple[Source | None, str]:
        """What the folder that is typed can be used for, and a hint."""
        path = self._folder.value.strip()
        if not path:
            return None, "Type a folder's path; the right arrow key completes it, Enter selects it, Esc goes back."
        try:
            source = self._option_of(path)
        except InputError as error:
            return None, f"× {error}"
        return source, f"✓ It contains {'CIFAR-10' if source == 'data_dir' else 'images by class'}: Enter selects it."


def missing_data_question(where: str, look: Look) -> MissingData:
    """Where to take images from when CIFAR-10 would have to be fetched into the folder `where`."""
    from cifar_tui.runs.workspace import data_option_for

    return MissingData(where, data_option_for, look)
