"""What a run has for the table to show, sort, filter and group by: its results, what it trains, and its options."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cifar_tui.config import OPTIONS
from cifar_tui.formatting import UNKNOWN, count, duration, four_digits, of_planned, percent, short, speed, time_left
from cifar_tui.tui.runs.entry import Entry, Status
from cifar_tui.tui.runs.run_options import Value, option

Kind = Literal["text", "number", "accuracy", "seconds"]
Order = tuple[int, float, tuple[str | int, ...]]
"""What values are sorted by: those without one are last, and numbers come before texts."""

LONGEST_ORDER = 60
"""Characters of a text that it is sorted by."""
_DIGITS = re.compile(r"(\d{1,18})")
_ACTIVITY: tuple[Status, ...] = (
    "running", "pausing", "paused", "stopping", "loading", "ready",
    "failed", "diverged", "interrupted", "stopped", "finished",
)  # fmt: skip
"""The order of states: those first that someone may want to do something about."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is known of a run.

    Attributes:
        name: In filters and in settings; of an option, the option's.
        heading: Of its column.
        width: Columns of its usual content.
        value: What it is sorted, filtered and grouped by; None where it is not known.
        text: How it is shown; None shows the value.
        kind: What its numbers are.
        meaning: In a few words, for who chooses it.
        rising: Whether the smallest is first where it is sorted by this for the first time.
        is_option: Whether it is an option of the training, which is read of each run once someone asks for one.
        rank: The order of its values, where it is not that of the values themselves.
    """

    name: str
    heading: str
    width: int
    value: Callable[[Entry], Value]
    text: Callable[[Entry], str] | None = None
    kind: Kind = "text"
    meaning: str = ""
    rising: bool = True
    is_option: bool = False
    rank: Callable[[Entry], int] | None = None

    @property
    def right(self) -> bool:
        """Whether it holds figures, which are aligned at the right."""
        return self.kind in ("number", "accuracy")

    @property
    def words(self) -> str:
        """What it is found by: an option by its name alone."""
        return f"{self.heading} {self.name}{'' if self.is_option else f' {self.meaning}'}".lower()

    def shown(self, entry: Entry) -> str:
        """Its value of a run, as a person reads it."""
        return self.text(entry) if self.text is not None else self.text_of(self.value(entry))

    def text_of(self, value: Value) -> str:
        """A value as a person reads it."""
        if value is None or value == "":
            return UNKNOWN
        if isinstance(value, str):
            return value
        if self.kind == "accuracy":
            return percent(value)
        if self.kind == "seconds":
            return duration(value)
        return str(value) if isinstance(value, int) or self.is_option else four_digits(value)

    def order(self, entry: Entry) -> Order:
        """What runs are sorted by."""
        return order(self.value(entry) if self.rank is None else self.rank(entry))


def order(value: Value) -> Order:
    """What values are sorted by; digits within texts count as numbers."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return 2, 0.0, ()
    if isinstance(value, str):
        parts = _DIGITS.split(value[:LONGEST_ORDER].casefold())
        # Every second one is a number.
        return 1, 0.0, tuple(int(part) if at % 2 else part for at, part in enumerate(parts))
    return 0, float(value), ()


def last_part(text: str) -> str:
    """Of a class of the user's own, and of a path, the last part."""
    return text.rpartition(":")[2].rstrip("/").rpartition("/")[2] or text


def _given(entry: Entry, name: str) -> Value:
    """What the options of a run that has not started say, or else its summary."""
    value: Value = getattr(entry.config or entry.summary, name, None)
    return None if value == "" else value


def _recorded(entry: Entry, name: str) -> Value:
    """What a run's first event says, or else its summary, or else its options."""
    state = entry.state
    value: Value = getattr((state and state.started) or entry.summary or entry.config, name, None)
    return None if value == "" else value


def _model(entry: Entry) -> Value:
    return _given(entry, "model")


def _data(entry: Entry) -> Value:
    return _given(entry, "data")


def _epoch(entry: Entry) -> Value:
    if entry.state is not None and entry.state.started is not None:
        # As in its summary, an ended run's are those that are whole.
        return entry.state.epoch if entry.active else len(entry.state.epochs)
    if entry.summary is not None:
        return entry.summary.epochs
    return 0 if entry.config else None


def _planned(entry: Entry) -> Value:
    if entry.summary is not None and (entry.state is None or entry.state.started is None):
        return entry.summary.planned_epochs
    return _recorded(entry, "epochs")


def _epoch_text(entry: Entry) -> str:
    if entry.state is not None and entry.state.started is not None:
        if entry.state.counts_no_epochs:
            return _step(entry.state.samples)
        return of_planned(entry.state.epoch if entry.active else len(entry.state.epochs), entry.state.started.epochs)
    summary = entry.summary
    if summary is None:
        return f"0/{entry.config.epochs}" if entry.config else UNKNOWN
    planned, epochs = summary.planned_epochs, UNKNOWN if summary.epochs is None else str(summary.epochs)
    if summary.source and not planned and not summary.epochs and summary.samples:
        return _step(summary.samples)
    if planned is None:
        return epochs if summary.source or summary.epochs is None else f"{epochs}/{UNKNOWN}"
    return f"{epochs}/{planned}"


def _step(samples: int) -> str:
    """How far a run is that has no epochs, in the width of the column."""
    return f"at {short(samples)}"


def _best(entry: Entry) -> Value:
    if entry.state is not None and entry.state.started is not None:
        return entry.state.best.val_accuracy if entry.state.best is not None else None
    return entry.summary.best_val_accuracy if entry.summary else None


def best_loss(entry: Entry) -> float | None:
    """The lowest validation loss, as far as it is known: of an earlier run, where it has no accuracies."""
    if entry.state is not None and entry.state.started is not None:
        return entry.state.best_by_loss.val_loss if entry.state.best_by_loss is not None else None
    return entry.summary.best_val_loss if entry.summary else None


def _best_text(entry: Entry) -> str:
    """The best validation accuracy, or the lowest loss of a run that has no accuracies."""
    accuracy, loss = _best(entry), best_loss(entry)
    if isinstance(accuracy, float | int):
        return percent(accuracy)
    return UNKNOWN if loss is None else f"loss {short(loss)}"


def _best_epoch(entry: Entry) -> Value:
    if entry.state is not None and entry.state.started is not None:
        best = entry.state.best or entry.state.best_by_loss
        return best.epoch if best is not None else None
    return entry.summary.best_epoch if entry.summary else None


def _train(entry: Entry) -> Value:
    if entry.state is not None and entry.state.started is not None:
        return entry.state.epochs[-1].train_accuracy if entry.state.epochs else None
    return entry.summary.train_accuracy if entry.summary else None


def _test(entry: Entry) -> Value:
    if entry.state is not None and entry.state.started is not None:
        return entry.state.test.accuracy if entry.state.test else None
    return entry.summary.test_accuracy if entry.summary else None


def _time_left(entry: Entry) -> float | None:
    """Of a run that any process trains: by its events where they are followed, else by its last summary."""
    left = math.nan
    if (entry.active or (entry.live and entry.tail is not None)) and entry.state is not None and entry.state.started:
        left = entry.state.eta
    elif entry.external and (summary := entry.summary) is not None and (summary.epochs or 0) > 0:
        seconds, epochs = summary.seconds or math.nan, summary.epochs or 0
        left = max((summary.planned_epochs or math.nan) - epochs, 0) * seconds / epochs
    return left if math.isfinite(left) and left >= 0 else None


def _seconds(entry: Entry) -> Value:
    if entry.state is not None and entry.state.started is not None:
        return entry.state.seconds
    return entry.summary.seconds if entry.summary else None


def _time_text(entry: Entry) -> str:
    """The time left of a live run, as far as that is known; else the time that it took."""
    left, seconds = _time_left(entry), _seconds(entry)
    if left is not None:
        return f"{time_left(left)} left"
    return duration(seconds if isinstance(seconds, float | int) else None)


def _speed(entry: Entry) -> Value:
    if entry.state is not None and entry.state.started is not None:
        now = entry.state.training_speed or entry.state.images_per_second
        return now if math.isfinite(now) else None
    return entry.summary.images_per_second if entry.summary else None


def _speed_text(entry: Entry) -> str:
    """The speed; in steps a second where the size of a batch is not known."""
    started = entry.state.started if entry.state is not None else None
    unit = started.unit if started is not None else entry.summary and entry.summary.unit
    value = _speed(entry)
    now = value if isinstance(value, float | int) and math.isfinite(value) else None
    return f"{short(now)} st/s" if unit == "steps" and now is not None else speed(now)


def started_at(run_id: str) -> str:
    """The date and the time, to the second, that a run's id begins with; empty where it begins with none."""
    date, time = run_id[:8], run_id[9:15]
    if not (len(time) == 6 and date.isdecimal() and time.isdecimal() and run_id.isascii()):
        return ""
    return f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:4]}:{time[4:]}"


def _parameters_text(entry: Entry) -> str:
    value = _recorded(entry, "parameters")
    return count(value) if isinstance(value, int) else UNKNOWN


def _source(entry: Entry) -> Value:
    from cifar_tui.tui.runs.source import source

    return source(entry) or "cifar-tui"


FIELDS = {
    each.name: each
    for each in (
        Field("state", "state", 13, lambda e: e.status, meaning="what the run does", rank=lambda e: _rank(e)),
        Field("run", "run", 12, lambda e: e.name or None, meaning="its name, and when it was started"),
        Field("model", "model", 6, _model, lambda e: last_part(str(_model(e) or UNKNOWN)), meaning="what is trained"),
        Field("data", "data", 10, _data, lambda e: last_part(str(_data(e) or UNKNOWN)), meaning="the images"),
        Field("epoch", "epoch", 8, _epoch, _epoch_text, "number", "epochs trained, of those planned", rising=False),
        Field("best", "best val", 10, _best, _best_text, "accuracy", "best validation accuracy", rising=False),
        Field("test", "test", 8, _test, None, "accuracy", "test accuracy", rising=False),
        Field("time", "time", 15, _seconds, _time_text, "seconds", "time left, or taken", rising=False),
        Field("speed", "images/s", 10, _speed, _speed_text, "number", "training speed", rising=False),
        Field("started", "started", 16, lambda e: started_at(e.id) or None, lambda e: started_at(e.id)[:16] or UNKNOWN,
              meaning="date and time", rising=False),
        Field("tags", "tags", 12, lambda e: ", ".join(e.tags) or None, meaning="the run's tags"),
        Field("note", "note", 20, lambda e: e.note or None, meaning="the run's note"),
        Field("train", "train", 8, _train, None, "accuracy", "training accuracy of the last epoch", rising=False),
        Field("loss", "val loss", 10, best_loss, None, "number", "lowest validation loss"),
        Field("best_epoch", "best ep.", 10, _best_epoch, None, "number", "epoch of the best weights"),
        Field("epochs", "epochs", 7, _planned, None, "number", "epochs planned", rising=False),
        Field("parameters", "parameters", 12, lambda e: _recorded(e, "parameters"), _parameters_text, "number",
              "trainable parameters", rising=False),
        Field("device", "device", 8, lambda e: _recorded(e, "device"), meaning="what it computes on"),
        Field("precision", "precision", 9, lambda e: _recorded(e, "precision"), meaning="floating-point format"),
        Field("processes", "processes", 9, lambda e: _recorded(e, "processes"), None, "number",
              "that train it together"),
        Field("seed", "seed", 7, lambda e: _recorded(e, "seed"), None, "number", "random seed"),
        Field("source", "source", 9, _source, meaning="what recorded it"),
        Field("id", "id", 24, lambda e: e.id or None, meaning="its folder's name"),
    )
}  # fmt: skip
"""Those of every run, in the order in which they are offered; the others are options, by their names."""


def _rank(entry: Entry) -> int:
    return _ACTIVITY.index(entry.status)


@lru_cache(1000)
def option_field(name: str) -> Field:
    """An option of the training as a field; any name may be one of a script's."""
    heading = name.replace("_", "-") if name in OPTIONS else name
    known = OPTIONS.get(name)
    return Field(
        name,
        heading,
        max(6, min(16, len(heading) + 2)),
        lambda entry: option(entry, name),
        kind="number" if known is not None and known.kind in (int, float) else "text",
        meaning=known.help.partition(";")[0].partition(".")[0] if known is not None else "option of a script",
        is_option=True,
    )


def field_of(name: str) -> Field:
    """The field of this name: an option where no other has it."""
    return FIELDS.get(name) or option_field(name)


def option_names(entries: Iterable[Entry]) -> list[str]:
    """The options that are known of these runs and that are no field of every run: this program's own first."""
    of_scripts = {name for entry in entries if entry.options is not None for name in entry.options.values}
    own = [name for name in OPTIONS if name not in FIELDS and name not in ("name", "data", "model")]
    return own + sorted(of_scripts - OPTIONS.keys() - FIELDS.keys(), key=str.casefold)[:MOST_OFFERED]


MOST_OFFERED = 500
"""Options of scripts that are offered: each of thousands of runs may have other ones."""
