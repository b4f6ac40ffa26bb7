"""Dataclasses from JSON values and back, by their type hints.

The values may come from anybody: integers and numbers are bounded, texts are cut, unknown fields are ignored, and a
field that is absent takes its default. `null` in the place of a number is NaN, and NaN and the infinities, which JSON
lacks, become `null`. A class whose `in_order` is true is a list of the values of its fields. A class with `from_json`
and `to_json` has a form of its own.

Type hints may be `bool`, `int`, `float`, `str`, `Literal`, `X | None`, `tuple`, `list`, `dict[str, X]`, dataclasses and
classes with a form of their own; `Annotated` with `Between` or `AtMost` sets other limits than these.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from cifar_tui.formatting import shortened

MAX_INT = 2**63 - 1
MAX_NUMBER = 1e300
"""Arithmetic on numbers below it is safe; a larger one is read as NaN."""
MAX_TEXT = 10_000
"""Characters of a text that are kept."""

T = TypeVar("T")
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Between:
    """Limits of an integer, or of a number, which then must be finite."""

    low: float
    high: float = MAX_INT


@dataclass(frozen=True, slots=True)
class AtMost:
    """The most items of a tuple or a list, or characters of a text that are kept."""

    length: int


class CodecError(ValueError):
    """A field is missing, or its value is of a wrong type or out of range; the message names it.

    Attributes:
        field: Its name, with those of the objects that it is in: `dataset.train`.
        problem: What is wrong with it: `is 'x'`.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


def decode(cls: type[T], value: object) -> T:
    """The dataclass of a JSON value; an object that is a `cls` already is taken as it is.

    Raises:
        CodecError: A field without a default is missing, or a value does not fit.
    """
    try:
        found: T = _decoder(cls)(value)  # type: ignore[arg-type]
    except CodecError:
        raise
    except (TypeError, ValueError):
        raise CodecError(cls.__name__, f"is {shortened(value)}") from None
    return found


def decode_known(cls: type[T], value: dict[str, Any]) -> T:
    """The dataclass of a JSON object as far as it fits: other values are replaced by the defaults of their fields.

    Raises:
        CodecError: A field without a default is missing or does not fit.
    """
    known = {}
    for name, convert, required in _plan(cls):  # type: ignore[arg-type]
        try:
            known[name] = convert(value[name])
        except (LookupError, TypeError, ValueError, OverflowError):
            if required:
                raise CodecError(name, _problem(value, name)) from None
    return cls(**known)


def encode(value: object) -> dict[str, Any]:
    """The fields of a dataclass in order, as `json.dumps` takes them, without NaN and infinities."""
    content: dict[str, Any] = _object_encoder(type(value))(value)  # type: ignore[arg-type]
    return content


class _Field(NamedTuple):
    name: str
    convert: Convert
    required: bool


@cache
def _plan(cls: type) -> tuple[_Field, ...]:
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        _Field(each.name, _decoder(hints[each.name]), each.default is MISSING and each.default_factory is MISSING)
        for each in fields(cls)
    )


@cache
def _decoder(hint: Any) -> Convert:
    """What converts a JSON value to this type; TypeError, ValueError or OverflowError where it does not fit."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _limited(*args)
    if origin in (Union, types.UnionType):
        return _optional(_decoder(_not_none(args)))
    if origin is Literal:
        return _literal(args)
    if origin is tuple and args[-1] is not ...:
        return _fixed_tuple([_decoder(each) for each in args])
    if origin in (tuple, list):
        return _items(origin, _decoder(args[0]))
    if origin is dict:
        return _entries(_decoder(args[1]))
    if hasattr(hint, "from_json"):
        form: Convert = hint.from_json
        return form
    if is_dataclass(hint):
        return _object_decoder(hint)  # type: ignore[arg-type]
    raise TypeError(f"no form in JSON for {hint}")


def _object_decoder(cls: type) -> Convert:
    def convert(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        plan = _plan(cls)
        if getattr(cls, "in_order", False) and isinstance(value, list):
            value = dict(zip([each.name for each in plan], value, strict=True))
        elif not isinstance(value, dict) or getattr(cls, "in_order", False):
            raise TypeError(value)
        found = {}
        for name, convert, required in plan:
            if name in value:
                try:
                    found[name] = convert(value[name])
                except CodecError as error:
                    raise CodecError(f"{name}.{error.field}", error.problem) from None
                except (TypeError, ValueError, OverflowError):
                    raise CodecError(name, _problem(value, name)) from None
            elif required:
                raise CodecError(name, _problem(value, name))
        return cls(**found)

    return convert


def _problem(content: dict[str, Any], name: str) -> str:
    return f"is {shortened(content[name])}" if name in content else "is missing"


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(value)
    return value


def _int(value: Any) -> int:
    # Not by `isinstance`: true and false are no integers.
    if type(value) is not int:
        raise TypeError(value)
    if not 0 <= value <= MAX_INT:
        raise ValueError(value)
    return value


def _float(value: Any) -> float:
    if type(value) is not float:
        if value is None:
            return math.nan
        if type(value) is not int:
            raise TypeError(value)
        value = float(value)
    return value if -MAX_NUMBER <= value <= MAX_NUMBER else math.nan


def _str(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(value)
    return value[:MAX_TEXT]


_SCALARS: dict[Any, Convert] = {bool: _bool, int: _int, float: _float, str: _str}


def _limited(hint: Any, limit: Between | AtMost) -> Convert:
    inner = _decoder(hint)

    def between(value: Any) -> Any:
        # An integer's limits may be wider than the usual ones.
        number = value if hint is int and type(value) is int else inner(value)
        if not limit.low <= number <= limit.high:  # type: ignore[union-attr]
            raise ValueError(value)
        return number

    def at_most(value: Any) -> Any:
        if len(value) <= limit.length:  # type: ignore[union-attr]
            return inner(value)
        if hint is str:
            return inner(value)[: limit.length]  # type: ignore[union-attr]
        raise ValueError(value)

    return between if isinstance(limit, Between) else at_most


def _optional(inner: Convert) -> Convert:
    def convert(value: Any) -> Any:
        if value is None:
            return None
        found = inner(value)
        # A number that is none is not known.
        return None if found != found else found

    return convert


def _literal(choices: tuple[Any, ...]) -> Convert:
    def convert(value: Any) -> Any:
        if value not in choices:
            raise ValueError(value)
        return value

    return convert


def _items(kind: type, inner: Convert) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise TypeError(value)
        return kind(map(inner, value))

    return convert


def _fixed_tuple(inner: list[Convert]) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise TypeError(value)
        return tuple(convert(item) for convert, item in zip(inner, value, strict=True))

    return convert


def _entries(inner: Convert) -> Convert:
    """The entries of an object that fit: it has no fixed names, and another version may write others."""

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise TypeError(value)
        found = {}
        for name, item in value.items():
            try:
                found[name] = inner(item)
            except (TypeError, ValueError, OverflowError):
                continue
        return found

    return convert


@cache
def _object_encoder(cls: type) -> Callable[[Any], dict[str, Any]]:
    hints = get_type_hints(cls, include_extras=True)
    plan = [(each.name, _encoder(hints[each.name])) for each in fields(cls)]

    def convert(value: Any) -> dict[str, Any]:
        content = {}
        for name, convert in plan:
            inner = getattr(value, name)
            content[name] = inner if convert is None else convert(inner)
        return content

    return convert


@cache
def _encoder(hint: Any) -> Convert | None:
    """What converts a value of this type for `json.dumps`; None where that takes it as it is."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _encoder(args[0])
    if hint is float:
        return _finite
    if origin in (Union, types.UnionType):
        return _encoder_of_optional(_encoder(_not_none(args)))
    if origin in (tuple, list):
        return _encoder_of_items([_encoder(each) for each in args if each is not ...])
    if origin is dict:
        return _encoder_of_entries(_encoder(args[1]))
    if hasattr(hint, "to_json"):
        form: Convert = hint.to_json
        return form
    return _object_encoder(hint) if is_dataclass(hint) else None  # type: ignore[arg-type]


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def _encoder_of_optional(inner: Convert | None) -> Convert | None:
    return inner and (lambda value: None if value is None else inner(value))


def _encoder_of_items(inner: list[Convert | None]) -> Convert | None:
    if not any(inner):
        return None
    if len(inner) > 1:
        return lambda value: [convert(item) if convert else item for convert, item in zip(inner, value, strict=True)]
    (convert,) = inner
    return lambda value: [convert(item) for item in value] if convert else value


def _encoder_of_entries(inner: Convert | None) -> Convert | None:
    return inner and (lambda value: {name: inner(item) for name, item in value.items()})


def _not_none(args: tuple[Any, ...]) -> Any:
    (hint,) = (each for each in args if each is not type(None))
    return hint
