"""Search for classes by a part of their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cifar_tui.formatting import count, printable


@dataclass(frozen=True, slots=True)
class Search:
    """A search, and the classes that match.

    Attributes:
        typed: The search term; empty where there is no search.
        found: Indices of the matching classes: the one of this name, those that begin with it, then the others.
        place: The index of the current one in `found`.
    """

    typed: str = ""
    found: tuple[int, ...] = ()
    place: int = 0

    @staticmethod
    def of(typed: str, names: Sequence[str]) -> Search:
        """Search these names, ignoring case."""
        part = typed.strip().casefold()
        if not part:
            return Search()
        folded = [name.casefold() for name in names]
        found = [k for k, name in enumerate(folded) if part in name]
        found.sort(key=lambda k: (folded[k] != part, not folded[k].startswith(part)))
        return Search(typed.strip(), tuple(found))

    def next(self) -> Search:
        """Go to the next match; after the last one, to the first."""
        return replace(self, place=(self.place + 1) % max(1, len(self.found)))

    def __str__(self) -> str:
        """`class 2 of 31 with 'owl'`."""
        what = f"'{printable(self.typed)}'"
        if not self.found:
            return f"no class with {what}"
        return f"class {count(self.place + 1)} of {count(len(self.found))} with {what}"
