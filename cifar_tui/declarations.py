"""The declaration of an option, in one place: its type, default, limits, choices and help.

An option is a field of a dataclass. The command line, the form for a new run, the configuration file, the checks with
their messages and the documentation are made from it.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, TypeGuard, TypeVar, cast

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened, suggestion
from cifar_tui.system import paths

T = TypeVar("T", bound=str | int | float | None)
_METADATA = "option"


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """What an option takes, and how it is described.

    Attributes:
        default: The value where it is not given; None for text that has no such value.
        help: A sentence or two.
        group: The heading under which it is listed.
        low: The smallest number.
        above: A number that is just too small.
        high: The largest number.
        choices: All values; with `path`, the names that are no paths; with `pattern`, the usual ones.
        pattern: A regular expression of the whole text.
        syntax: That expression in words.
        path: Whether it is a path, in which `~` and variables are expanded.
        repeated: For an option that may be given several times, its values where it is not given; None for others.
        default_text: The default in words, where the value itself says little.
        metavar: Stands for the value in the help.
        in_file: Whether it may stand in a configuration file, which may be anybody's.
    """

    default: T
    help: str
    _: KW_ONLY
    group: str
    low: int | float | None = None
    above: float | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    syntax: str = ""
    path: bool = False
    repeated: tuple[str, ...] | None = None
    default_text: str = ""
    metavar: str = ""
    in_file: bool = True

    @property
    def kind(self) -> type[Any]:
        """`str`, `int`, `float`, or `bool`, which makes it a flag."""
        return str if self.default is None else type(self.default)

    @property
    def takes(self) -> str:
        """The values that it takes, in words."""
        if self.syntax:
            return self.syntax
        if self.kind is bool:
            return "true or false"
        if self.kind is int:
            return f"a whole number from {self.low} to {self.high}"
        if self.kind is float:
            least = f"a number above {self.above:g}" if self.above is not None else f"a number from {self.low:g}"
            return least if self.high is None else f"{least} to {self.high:g}"
        *others, last = (*self.choices, "a path") if self.path else self.choices or ("a name",)
        return f"{', '.join(others)} or {last}" if others else last

    @property
    def is_closed(self) -> bool:
        """Whether it takes its choices and nothing else."""
        return bool(self.choices) and not self.path and not self.pattern

    def is_path(self, value: object) -> TypeGuard[str]:
        """Whether a value is a path, and not the name of something."""
        return self.path and isinstance(value, str) and value not in self.choices

    def check(self, value: object, label: str) -> T:
        """Check a value, such as a file has it; a whole number becomes a float, or text, where that is wanted.

        Args:
            value: What was given.
            label: What the message calls the option.

        Raises:
            InputError: It is of another type or out of range; the message says what the option takes.
        """
        if value is None and self.default is None:
            return self.default
        if type(value) is int and (self.kind is float or self.pattern):
            with contextlib.suppress(OverflowError, ValueError):  # It has too many digits.
                value = self.kind(value)
        if type(value) is not self.kind:
            raise InputError(f"{label} takes {'a string' if self.kind is str else self.takes}, not {shortened(value)}")
        if not self._accepts(value):
            shown = f"{value:g}" if isinstance(value, float) else shortened(value)
            raise InputError(f"{label} takes {self.takes}, not {shown}")
        return cast("T", value)

    def parse(self, text: str, label: str, base: Path | None = None) -> T:
        """Read and check what a person typed, or wrote in a file for an option that takes text.

        Args:
            text: What was given; paths in it are expanded.
            label: What the message calls the option.
            base: The folder that a relative path is relative to; None leaves it to the current one.

        Raises:
            InputError: The option does not take it, or it is a path that leads nowhere.
        """
        value: object = text
        if self.kind in (int, float):
            with contextlib.suppress(ValueError):
                value = self.kind(text)
            if value is text:
                raise InputError(f"{label} takes {self.takes}, not {shortened(text)}")
        checked = self.check(value, label)
        return cast("T", paths.expand_path(label, text, base)) if self.is_path(checked) else checked

    def _accepts(self, value: object) -> bool:
        if isinstance(value, int):  # bool too, which has no limits.
            return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        if isinstance(value, float):
            enough = value >= self.low if self.low is not None else self.above is None or value > self.above
            return enough and math.isfinite(value) and (self.high is None or value <= self.high)
        if self.pattern:
            return re.fullmatch(self.pattern, str(value)) is not None
        if self.is_closed:
            return value in self.choices
        return paths.is_usable(str(value))


def declare(option: Option[T]) -> T:
    """The field of a dataclass that is this option."""
    return field(default=option.default, metadata={_METADATA: option})


def declare_repeated(option: Option[str | None]) -> tuple[str, ...]:
    """The field of a dataclass that is this option, with all its values."""
    return field(default=option.repeated or (), metadata={_METADATA: option})


def declared(options: type[Any]) -> dict[str, Option[Any]]:
    """The options that a dataclass declares, by field name."""
    return {each.name: each.metadata[_METADATA] for each in fields(options)}


def flag(name: str) -> str:
    """The option of a field as the command line has it: `--batch-size` of `batch_size`."""
    return "--" + name.replace("_", "-")


def read_file(path: Path, known: Mapping[str, Option[Any]]) -> dict[str, Any]:
    """Read options from a TOML file; relative paths in it are relative to the file.

    Args:
        path: The file.
        known: The options by field name; a dash may stand for an underscore in the file.

    Returns:
        The values by field name, lists of them for options that may be repeated.

    Raises:
        InputError: No such file, no TOML, an unknown option, or a value that the option does not take.
    """
    try:
        content = path.read_bytes()
        # TOML is in UTF-8; editors of some systems put a mark before it, or write UTF-16.
        values = tomllib.loads(content.decode(json.detect_encoding(content)))
    except OSError as error:
        raise InputError(f"--config: cannot read {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # Also: a number of so many digits that Python refuses to read it.
        raise InputError(f"--config: {str(path)!r} is not TOML: {error}") from None
    return dict(_from_file(path, key, value, known) for key, value in values.items())


def _from_file(path: Path, key: str, value: object, known: Mapping[str, Option[Any]]) -> tuple[str, Any]:
    name = key.replace("-", "_")
    if name not in known:
        names = [each.replace("_", "-") for each, option in known.items() if option.in_file]
        raise InputError(f"{path}: unknown option {shortened(key)}{suggestion(key.replace('_', '-'), names)}")
    option, label = known[name], f"{path}: {key}"
    if not option.in_file:
        raise InputError(f"{path}: {key} can be given on the command line only, as {flag(name)}")

    def read(item: object) -> Any:
        return (
            option.parse(item, label, path.parent)
            if isinstance(item, str) and option.kind is str
            else (option.check(item, label))
        )

    if option.repeated is not None and isinstance(value, list):
        return name, [read(item) for item in value]
    return name, read(value)
