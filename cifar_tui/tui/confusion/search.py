"""Classes that are found by a part of their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cifar_tui.formatting import count, printable


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, and the classes that have it in their names.

    Attributes:
        typed: As it was typed; empty where nothing is looked for.
        found: The numbers of the classes: first the one of this name, then those that begin with it, then the others.
        place: Which of them is meant.
    """

    typed: str = ""
    found: tuple[int, ...] = ()
    place: int = 0

    @staticmethod
    def of(typed: str, names: Sequence[str]) -> Search:
        """The search among these names; case does not matter."""
        part = typed.strip().casefold()
        if not part:
            return Search()
        folded = [name.casefold() for name in names]
        found = [k for k, name in enumerate(folded) if part in name]
        found.sort(key=lambda k: (folded[k] != part, not folded[k].startswith(part)))
        return Search(typed.strip(), tuple(found))

    def next(self) -> Search:
        """The search with the next class meant; after the last one comes the first."""
        return replace(self, place=(self.place + 1) % max(1, len(self.found)))

    def __str__(self) -> str:
        """`class 2 of 31 with 'owl'`."""
        what = f"'{printable(self.typed)}'"
        if not self.found:
            return f"no class with {what}"
        return f"class {count(self.place + 1)} of {count(len(self.found))} with {what}"
