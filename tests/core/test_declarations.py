"""An option checks its values, and says in the same words what it takes wherever it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cifar_tui.cli.launch_options import KNOWN, LAUNCH
from cifar_tui.config import OPTIONS
from cifar_tui.declarations import Option
from cifar_tui.errors import InputError

COUNT = Option(3, "A count.", group="", low=1, high=9)
RATE = Option(0.1, "A rate.", group="", above=0.0)
SHARE = Option(0.0, "A share.", group="", low=0.0)
COLOUR = Option("red", "A colour.", group="", choices=("red", "green", "blue"))
PLACE = Option("home", "A place.", group="", choices=("home", "work"), path=True)
FLAG = Option(False, "A flag.", group="")
WORD = Option(None, "A word.", group="", pattern="[a-z]+", syntax="small letters")


@pytest.mark.parametrize(
    ("option", "takes"),
    [
        (COUNT, "a whole number from 1 to 9"),
        (RATE, "a number above 0"),
        (SHARE, "a number from 0"),
        (COLOUR, "red, green or blue"),
        (PLACE, "home, work or a path"),
        (FLAG, "true or false"),
        (WORD, "small letters"),
    ],
)
def test_what_it_takes_follows_from_its_declaration(option: Option[Any], takes: str) -> None:
    assert option.takes == takes


@pytest.mark.parametrize(
    ("option", "value"),
    [(COUNT, 1), (COUNT, 9), (RATE, 1e-300), (SHARE, 0.0), (COLOUR, "blue"), (PLACE, "x"), (WORD, "x"), (WORD, None)],
)
def test_a_value_in_range_is_taken(option: Option[Any], value: object) -> None:
    assert option.check(value, "it") == value


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        (COUNT, 0, "it takes a whole number from 1 to 9, not 0"),
        (COUNT, 10, "it takes a whole number from 1 to 9, not 10"),
        (COUNT, True, "it takes a whole number from 1 to 9, not True"),
        (COUNT, 2.0, "it takes a whole number from 1 to 9, not 2.0"),
        (COUNT, None, "it takes a whole number from 1 to 9, not None"),
        (RATE, 0.0, "it takes a number above 0, not 0"),
        (RATE, float("inf"), "it takes a number above 0, not inf"),
        (RATE, 10**400, "it takes a number above 0, not 1000"),
        (SHARE, -1e-9, "it takes a number from 0, not -1e-09"),
        (COLOUR, "pink", "it takes red, green or blue, not 'pink'"),
        (COLOUR, 3, "it takes a string, not 3"),
        (PLACE, "a\0b", "it takes home, work or a path, not 'a\\x00b'"),
        (FLAG, 1, "it takes true or false, not 1"),
        (WORD, "x\n", "it takes small letters, not 'x\\n'"),
    ],
)
def test_any_other_value_is_refused(option: Option[Any], value: object, says: str) -> None:
    with pytest.raises(InputError) as error:
        option.check(value, "it")
    assert str(error.value).startswith(says)


def test_what_is_typed_is_read_and_paths_in_it_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/users/x")
    assert COUNT.parse("7", "it") == 7
    assert RATE.parse("1e-3", "it") == 0.001
    assert PLACE.parse("~/work", "it") == "/users/x/work"
    assert PLACE.parse("work", "it", Path("/base")) == "work"
    assert PLACE.parse("there", "it", Path("/base")) == "/base/there"
    with pytest.raises(InputError, match="it takes a whole number from 1 to 9, not 'many'"):
        COUNT.parse("many", "it")


@pytest.mark.parametrize("name", KNOWN)
def test_every_declaration_is_whole(name: str) -> None:
    option = KNOWN[name]
    assert option.check(option.default, name) == option.default
    assert option.group
    assert option.help.endswith(".")
    assert len(option.help) <= 160, "two lines of the form, four of --help"
    assert (option.low is not None and option.high is not None) or option.kind is not int


def test_no_name_stands_for_an_option_of_training_and_one_of_launching() -> None:
    assert not OPTIONS.keys() & LAUNCH.keys()
