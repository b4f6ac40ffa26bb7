"""What a log's columns or tags mean, guessed by the names that training tools use for them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from cifar_tui.errors import InputError
from cifar_tui.events import Split
from cifar_tui.formatting import printable, shortened, suggestion

Role = Literal[
    "step", "epoch", "time", "lr",
    "loss", "accuracy", "train-loss", "train-accuracy", "val-loss", "val-accuracy", "test-loss", "test-accuracy",
]  # fmt: skip
"""What a log may have of what every run has; `train-loss` and `train-accuracy` are those of whole epochs."""
ROLES: tuple[Role, ...] = get_args(Role)
PLACES: tuple[Role, ...] = ("step", "epoch", "time")
"""Those that say where the training is."""

_SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "tr": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "eval": "validation",
    "evaluation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
SPLIT_COLUMNS = ("split", "phase", "mode", "stage", "subset")
"""Columns of texts that say on which part of the data a row was measured."""
_EACH_STEP = {"step", "batch", "iter", "iteration"}
_EACH_EPOCH = {"epoch"}
_FILLING = {"avg", "average", "mean", "running", "metrics", "metric", "total", "overall"}
"""Words that change nothing about what a value is."""
_LOSSES = {"loss", "losses", "nll", "ce", "xent", "crossentropy", "objective", "cost"}
_ACCURACIES = {"accuracy", "acc", "acc1", "top1"}
_ACCURACY_PHRASES = {
    "accuracy top1", "top1 accuracy", "top 1 accuracy", "acc 1", "acc top1", "top1 acc", "categorical accuracy",
    "sparse categorical accuracy", "binary accuracy", "multiclassaccuracy", "top 1",
}  # fmt: skip
_SCORES = ("map50 95 b", "map50 95", "map", "map50 b", "map50", "miou", "iou", "dice", "f1")
"""Fractions that stand for the accuracy where there is none, the better ones first."""
_STEPS = {
    "step", "steps", "global step", "globalstep", "iteration", "iterations", "iter", "iters", "it", "n iter",
    "num steps", "num updates", "update", "updates", "trainer global step", "train step", "train global step",
    "batch idx", "batch",
}  # fmt: skip
_EPOCHS = {"epoch", "epochs", "ep", "train epoch", "current epoch", "epoch idx"}
_TIMES = {"time", "wall time", "walltime", "timestamp", "elapsed", "elapsed time", "runtime", "seconds", "total time"}
_RATES = {"lr", "learning rate", "learningrate"}
_SCORE = 10
"""The penalty of the best score."""
_NO_GUESS = 100
"""More than the penalty of any guess."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What one name says.

    Attributes:
        role: What it may be.
        penalty: How uncertain that is; 0 for the exact words.
    """

    role: Role
    penalty: int


@dataclass(frozen=True, slots=True)
class Roles:
    """Which names stand for what: `names` by role, and the penalties with which they were guessed."""

    names: Mapping[Role, str] = field(default_factory=dict)
    penalties: Mapping[Role, int] = field(default_factory=dict)

    def __getitem__(self, role: Role) -> str | None:
        return self.names.get(role)

    @property
    def taken(self) -> Collection[str]:
        """The names that stand for something."""
        return self.names.values()

    def __str__(self) -> str:
        return ", ".join(f"{role} = {printable(name)}" for role, name in self.names.items())


def parse_choices(given: Iterable[str]) -> dict[Role, str]:
    """What a person says that names stand for, each as `ROLE=NAME`.

    Raises:
        InputError: One of them is not so.
    """
    found: dict[Role, str] = {}
    for text in given:
        role, equals, name = text.partition("=")
        if not equals or not name:
            raise InputError(f"--column takes ROLE=NAME, such as val-loss=dev_ce, not {shortened(text)}")
        known = next((each for each in ROLES if each == role.strip()), None)
        if known is None:
            raise InputError(f"--column: there is no role {shortened(role)}{suggestion(role, ROLES)}")
        found[known] = name
    return found


def guess(names: Iterable[str], choices: Mapping[Role, str] | None = None) -> Roles:
    """Guess which of a log's names stand for what.

    Args:
        names: In the order of the log; of equal guesses, the first is taken.
        choices: What a person says; a name that the log lacks is left out.
    """
    known = list(names)
    chosen = {role: name for role, name in (choices or {}).items() if name in known}
    best: dict[Role, tuple[int, int, str]] = {}
    for place, name in enumerate(known):
        for each in () if name in chosen.values() else guesses(name):
            if each.role not in (choices or {}):
                best[each.role] = min(best.get(each.role, (_NO_GUESS, 0, "")), (each.penalty, place, name))
    found: dict[Role, tuple[int, str]] = {role: (0, name) for role, name in chosen.items()}
    found |= {role: (penalty, name) for role, (penalty, _, name) in best.items()}
    _resolve(found)
    ordered = [role for role in ROLES if role in found]
    return Roles({role: found[role][1] for role in ordered}, {role: found[role][0] for role in ordered})


def _resolve(found: dict[Role, tuple[int, str]]) -> None:
    """Resolve what depends on which other roles there are."""
    pairs: tuple[tuple[Role, Role], ...] = (("train-loss", "loss"), ("train-accuracy", "accuracy"))
    for epochs, steps in pairs:
        # The values of epochs are those of steps where both are guessed from one name.
        if epochs in found and steps in found and found[epochs][1] == found[steps][1]:
            del found[epochs]
    if not ("val-loss" in found or "val-accuracy" in found):
        # Many scripts validate on what they call the test set, after each epoch.
        renamed: tuple[tuple[Role, Role], ...] = (("test-loss", "val-loss"), ("test-accuracy", "val-accuracy"))
        for test, validation in renamed:
            if test in found:
                found[validation] = found.pop(test)


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters: `metrics/mAP50-95(B)` has `metrics`, `map50`, `95`, `b`."""
    return [word for word in re.split(r"[^0-9a-z]+", name.strip().lower()) if word]


def split_of(name: str) -> tuple[Split, str]:
    """What a value was measured on by its name, and the name without that: `val/box_loss` is `box_loss`."""
    match = re.match(r"\s*([A-Za-z]+)[/_.\-: ]+(.+)", name)
    if match and (split := _SPLITS.get(match[1].lower())) is not None:
        return split, match[2].strip() if split != "train" else name.strip()
    ends = re.match(r"(.+)[/.](\w+)\s*$", name)
    last = _SPLITS.get(ends[2].lower()) if ends else None
    if ends and last is not None and last != "train":
        return last, ends[1].strip()
    return "train", name.strip()


def of_split(values: Mapping[str, float], text: str) -> dict[str, float]:
    """A row's values by names that have the split, which a text of one of `SPLIT_COLUMNS` says, before them.

    Where the training is, and at which learning rate, is the same for all, and the training needs no such name.
    """
    split = _SPLITS.get(text.strip().lower(), "train")
    if split == "train":
        return dict(values)
    return {name if _is_common(name) else f"{split}/{name}": value for name, value in values.items()}


def _is_common(name: str) -> bool:
    return any(each.role in PLACES or each.role == "lr" for each in guesses(name))


def guesses(name: str) -> list[Guess]:
    """What a name may stand for, in any log."""
    words = words_of(name)
    text = " ".join(words)
    for role, exact in (("step", _STEPS), ("epoch", _EPOCHS), ("time", _TIMES)):
        if text in exact:
            return [Guess(role, 0 if " " in text or role != "step" else 1)]  # type: ignore[arg-type]
    split = next((_SPLITS[word] for word in words if word in _SPLITS), None)
    each_epoch, each_step = not _EACH_EPOCH.isdisjoint(words), not _EACH_STEP.isdisjoint(words)
    rest = [w for w in words if w not in _SPLITS and w not in _EACH_EPOCH and w not in _EACH_STEP]
    if split in (None, "train") and _is_rate(rest):
        return [Guess("lr", len(rest))]
    quantity, penalty = _quantity([w for w in rest if w not in _FILLING] or rest)
    if quantity is None:
        return []
    if split is None and ((quantity == "accuracy" and penalty >= _SCORE) or words[0] == "metrics"):
        # Ultralytics measures `metrics/…` on the validation set, as all do with such scores.
        split = "validation"
    if split in ("validation", "test"):
        role = f"{'val' if split == 'validation' else 'test'}-{quantity}"
        return [Guess(role, penalty + each_step)]  # type: ignore[arg-type]
    if each_epoch:
        return [Guess(f"train-{quantity}", penalty)]  # type: ignore[arg-type]
    return [Guess(quantity, penalty + (split is None))]  # type: ignore[arg-type]


def _is_rate(words: list[str]) -> bool:
    text = " ".join(words)
    return text in _RATES or any(text.startswith(f"{rate} ") or text.endswith(f" {rate}") for rate in _RATES)


def _quantity(words: list[str]) -> tuple[str | None, int]:
    """Whether these words are a loss or an accuracy, and how uncertain that is."""
    text = " ".join(words)
    if text in _LOSSES or text == "cross entropy":
        return "loss", 0
    if text in _ACCURACIES:
        return "accuracy", 0
    if text in _ACCURACY_PHRASES:
        return "accuracy", 2
    if text in _SCORES:
        return "accuracy", _SCORE + _SCORES.index(text)
    if words and words[-1] in ("loss", "losses"):
        return "loss", 30
    if words and words[-1] in ("accuracy", "acc"):
        return "accuracy", 5
    return None, 0
