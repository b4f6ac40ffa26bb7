"""The filter of the runs table: what a person types, as the terms that a run has to match."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.table.fields import FIELDS, Field, Order, order
from cifar_tui.tui.runs.table.patterns import TimeLimitError, compile_pattern, time_limit

LONGEST = 500
"""Characters of a filter that are read."""
LONGEST_TEXT = 2000
"""Characters of a run's row that are searched."""
SECONDS = 0.25
"""How long regular expressions may take for all runs together: the screen waits for them."""
ALIASES = {"status": "state", "name": "run", "tag": "tags", "accuracy": "best", "images/s": "speed"}
"""Other names of fields."""
_HEADINGS = {each.heading: each.name for each in FIELDS.values() if " " in each.heading}
_HEADING = re.compile(rf"({'|'.join(map(re.escape, _HEADINGS))})(?=[<>=!~:])", re.IGNORECASE)
"""Headings of columns that are more than a word, before a comparison."""
_TERM = re.compile(r"([\w./-]{1,80}?)(>=|<=|!=|==|=|>|<|~|:)(.*)", re.DOTALL)
_NUMBER = re.compile(r"([-+]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:e[-+]?\d{1,3})?) ?(%|[a-z]{0,3})", re.IGNORECASE)
_UNITS = {
    "accuracy": {"": 1.0, "%": 0.01},
    "seconds": {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
}
_SCALES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
Compare = Callable[[Order, Order], bool]
_COMPARISONS: dict[str, Compare] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
Find = Callable[[str], Field | None]
"""Gives the field of a name; None where no run has one."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition.

    Attributes:
        matches: Whether a run meets it; it is given the text of the run's row too.
        pattern: Whether it is a regular expression.
        uses_options: Whether options of the runs are needed for it.
    """

    matches: Callable[[Entry, str], bool]
    pattern: bool = False
    uses_options: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed.

    Attributes:
        typed: As it was.
        terms: All of which a run has to meet.
        problem: What is wrong with a part that is left out; empty where nothing is.
    """

    typed: str = ""
    terms: tuple[Term, ...] = ()
    problem: str = ""

    @property
    def uses_options(self) -> bool:
        """Whether options of the runs are needed for it."""
        return any(term.uses_options for term in self.terms)

    def matches(self, entry: Entry) -> bool:
        """Whether a run meets all terms.

        Raises:
            TimeLimitError: An expression takes too long.
        """
        if any(term.pattern for term in self.terms):
            with time_limit(SECONDS):
                return self._matches(entry)
        return self._matches(entry)

    def matching(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those of the runs that meet all terms.

        Raises:
            TimeLimitError: Expressions take too long.
        """
        if not self.terms:
            return list(entries)
        if any(term.pattern for term in self.terms):
            with time_limit(SECONDS):
                return [entry for entry in entries if self._matches(entry)]
        return [entry for entry in entries if self._matches(entry)]

    def without_patterns(self) -> Filter:
        """The rest of one whose expressions take too long."""
        rest = tuple(term for term in self.terms if not term.pattern)
        return Filter(self.typed, rest, "this regular expression takes too long")

    def _matches(self, entry: Entry) -> bool:
        text = row_text(entry)
        return all(term.matches(entry, text) for term in self.terms)


NO_FILTER = Filter()
__all__ = ["NO_FILTER", "Filter", "TimeLimitError", "parse", "row_text"]


def row_text(entry: Entry) -> str:
    """What words and expressions are searched in."""
    model, data = (FIELDS[name].value(entry) or "" for name in ("model", "data"))
    text = f"{entry.status} {entry.id or entry.name} {entry.label} {model} {data}"
    if entry.tags or entry.note:
        text += f" {' '.join(entry.tags)} {entry.note}"
    return text[:LONGEST_TEXT]


def parse(typed: str, find: Find) -> Filter:
    """The filter of what is typed. Parts that are none are left out, and said.

    Words, in quotation marks where they have spaces, are any part of a run's row; `name=value` and the like compare a
    field or an option; `/expression/` and `re:expression` are searched in the row, `name~expression` in a field.
    """
    terms, problem = [], ""
    for text, kind in _tokens(typed[:LONGEST]):
        try:
            terms.append(_term(text, kind, find))
        except InputError as error:
            problem = problem or str(error)
    if len(typed) > LONGEST:
        problem = f"a filter has at most {LONGEST} characters"
    return Filter(typed, tuple(terms), problem)


def _tokens(typed: str) -> Iterator[tuple[str, str]]:
    """The parts between spaces, each with what it is: `term`, `word` where it is in quotation marks, `pattern`."""
    at = 0
    while at < len(typed):
        if typed[at].isspace():
            at += 1
            continue
        if typed[at] == "/" and (closed := re.compile(r"/(.+?)/(?=\s|$)").match(typed, at)):
            yield closed[1], "pattern"
            at = closed.end()
            continue
        start, text, quoted = at, "", False
        if found := _HEADING.match(typed, at):
            text, at = _HEADINGS[found[1].lower()], found.end()
        while at < len(typed) and (quoted or not typed[at].isspace()):
            if typed[at] == '"':
                quoted = not quoted
            else:
                text += typed[at]
            at += 1
        if text.startswith("/") and len(text) > 1:
            yield text[1:], "pattern"
        elif text:
            yield text, "word" if typed[start] == '"' else "term"


def _term(text: str, kind: str, find: Find) -> Term:
    if kind == "term" and text.lower().startswith("re:"):
        text, kind = text[3:], "pattern"
        if not text:
            raise InputError("an expression is missing after re:")
    if kind == "pattern":
        search = compile_pattern(text).search
        return Term(lambda _, row: search(row) is not None, pattern=True)
    if kind == "term" and (parts := _TERM.fullmatch(text)):
        name, sign, value = parts.groups()
        field = find(ALIASES.get(name.lower(), name))
        if field is not None:
            return _comparison(field, name, sign, value)
        if sign != ":":  # `my_models:Net` and `cuda:0` are words.
            raise InputError(f"no run has {shortened(name)}")
    word = text.lower()
    return Term(lambda _, row: word in row.lower())


def _comparison(field: Field, name: str, sign: str, text: str) -> Term:
    if not text:
        raise InputError(f"a value is missing after {name}{sign}")
    if sign == "~":
        search = compile_pattern(text).search
        return Term(
            lambda entry, _: any(search(found[:LONGEST_TEXT]) for found in _texts(field, entry)),
            pattern=True,
            uses_options=field.is_option,
        )
    wanted = _number(field, text)
    if wanted is None and field.kind != "text" and sign != ":":
        raise InputError(f"{name}{sign} takes a number, not {shortened(text)}")
    if sign in _COMPARISONS:
        matches = functools.partial(_compares, field, _COMPARISONS[sign], wanted, text)
    else:
        matches = functools.partial(_equals, field, wanted, text.lower(), contains=sign == ":")
    if sign == "!=":
        return Term(lambda entry, _: not matches(entry), uses_options=field.is_option)
    return Term(lambda entry, _: matches(entry), uses_options=field.is_option)


def _compares(field: Field, compare: Compare, wanted: float | None, text: str, entry: Entry) -> bool:
    value = field.value(entry)
    # A date begins with a number.
    as_text = wanted is None or (isinstance(value, str) and field.kind == "text" and not field.is_option)
    found, limit = order(value), order(text if as_text else wanted)
    return found[0] == limit[0] and compare(found, limit)


def _equals(field: Field, wanted: float | None, text: str, entry: Entry, *, contains: bool) -> bool:
    value = field.value(entry)
    if wanted is not None and isinstance(value, int | float):
        return _is_close(float(value), wanted)
    texts = [found.lower() for found in _texts(field, entry)]
    return any(text in found for found in texts) if contains else text in texts


def _is_close(value: float, wanted: float) -> bool:
    return abs(value - wanted) <= 1e-9 * max(abs(value), abs(wanted))


def _texts(field: Field, entry: Entry) -> list[str]:
    """What a run's value is called: in full, and as it is shown; each of the tags by itself."""
    value = field.value(entry)
    if value is None:
        return []
    return list(entry.tags) if field.name == "tags" else [str(value), field.shown(entry)]


def _number(field: Field, text: str) -> float | None:
    """A number with its unit; None for what is none. Accuracies above 1 are percentages."""
    if (parts := _NUMBER.fullmatch(text)) is None:
        return None
    scale = _UNITS.get(field.kind, _SCALES).get(parts[2].lower())
    if scale is None:
        return None
    number = float(parts[1]) * scale
    return number / 100 if field.kind == "accuracy" and scale == 1 and number > 1 else number
