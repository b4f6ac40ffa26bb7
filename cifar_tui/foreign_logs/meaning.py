"""What the names of one log stand for, as far as it is known: more names may come while it grows."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from cifar_tui.foreign_logs.formats.log_reader import MAX_NAMES
from cifar_tui.foreign_logs.formats.log_rows import Floats, Rows
from cifar_tui.foreign_logs.names import PLACES, Role, Roles, guess
from cifar_tui.foreign_logs.places import values_at

PERCENT = 100.0
MAX_FRACTION, MAX_PERCENT = 1.5, 101.0
"""Fractions and percentages may be a little over 1 and 100: they are sums and means of rounded numbers."""
EPOCH_ROLES: tuple[Role, ...] = ("train-loss", "train-accuracy", "val-loss", "val-accuracy")


class Meaning:
    """The roles of a log's names. It is kept while the log is read again, so that it is right from the first row on."""

    def __init__(self, choices: Mapping[Role, str]) -> None:
        """Know nothing yet.

        Args:
            choices: What a person says.
        """
        self.roles = Roles()
        self.by_step: bool | None = None
        """Whether the training is logged by the step; if not, every row is an epoch's. None before it is known."""
        self._choices = choices
        self._names: list[str] = []
        self._percent: set[str] = set()
        self._last_epoch = np.nan
        self._reported = ""

    @property
    def others(self) -> Collection[str]:
        """The names that have no role."""
        taken = set(self.roles.taken)
        return {name for name in self._names if name not in taken}

    @property
    def epoch_roles(self) -> dict[Role, str]:
        """The names of what belongs to an epoch: of a log by epochs, also its losses and accuracies."""
        found = {role: name for role in EPOCH_ROLES if (name := self.roles[role]) is not None}
        if self.by_step is False:
            pairs: tuple[tuple[Role, Role], ...] = (("loss", "train-loss"), ("accuracy", "train-accuracy"))
            for step, epoch in pairs:
                if (name := self.roles[step]) is not None:
                    found[epoch] = name
        return found

    def learn(self, rows: Rows) -> bool:
        """Learn from the next rows; whether what they say changes what earlier ones stood for."""
        earlier, by_step, percent = self.roles, self.by_step, len(self._percent)
        new = [name for name in rows.names if name not in self._names]
        if new:
            self._names += new[: MAX_NAMES - len(self._names)]
            self.roles = guess(self._names, self._choices)
        if not self.by_step:
            self.by_step = self._is_by_step(rows)
        self._find_percentages(rows)
        changed = any(self.roles[role] != name for role, name in earlier.names.items())
        return changed or (by_step is not None and by_step != self.by_step) or len(self._percent) > percent

    def restart(self) -> None:
        """Learn from the rows from the first one on again."""
        self._last_epoch = np.nan

    def news(self) -> str:
        """Which name stands for what, where that was not reported before; else empty."""
        text = f"read as: {self.roles}" if self.roles.names else "no loss or accuracy among its names"
        if self._percent:
            text += f"; in percent: {', '.join(sorted(self._percent))}"
        said, self._reported = self._reported, text
        return text if text != said else ""

    def missing(self) -> list[tuple[Role, str]]:
        """What a person has chosen, and the log does not have."""
        return [(role, name) for role, name in self._choices.items() if name not in self._names]

    def fractions(self, name: str | None, values: Floats) -> Floats:
        """Accuracies as fractions."""
        return values / PERCENT if name in self._percent else values

    def _is_by_step(self, rows: Rows) -> bool | None:
        roles = self.roles
        trained = _first_of(rows, roles, "loss", "accuracy")
        if roles["step"] is not None or rows.steps is not None:
            return True
        if trained is None:
            return self.by_step
        present = rows.present(trained)
        if not len(present):
            return self.by_step
        if roles["epoch"] is not None:
            epochs = values_at(rows, roles["epoch"], present)
            again = bool((np.diff(epochs, prepend=self._last_epoch) == 0).any() or (epochs % 1 != 0).any())
            self._last_epoch = float(epochs[-1])
            return again
        validated = _first_of(rows, roles, "val-loss", "val-accuracy")
        return validated is None or not np.array_equal(rows.present(validated), present)

    def _find_percentages(self, rows: Rows) -> None:
        for role, name in self.roles.names.items():
            if role.endswith("accuracy") and role not in PLACES and name in rows.names and name not in self._percent:
                values = rows.numbers(name, rows.present(name))
                known = values[np.isfinite(values)]
                if len(known) and MAX_FRACTION < known.max() <= MAX_PERCENT and known.min() >= 0:
                    self._percent.add(name)


def _first_of(rows: Rows, roles: Roles, *wanted: Role) -> str | None:
    """The name of the first of these roles that is among the rows' columns."""
    return next((name for role in wanted if (name := roles[role]) is not None and name in rows.names), None)
