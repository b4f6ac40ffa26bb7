"""Dataclasses survive JSON, and what does not fit is named or left out, whatever it is."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.records import RunRecord, Summary
from cifar_tui.system.untrusted import codec
from cifar_tui.system.untrusted.codec import MAX_INT, MAX_NUMBER, MAX_TEXT, AtMost, Between, CodecError
from tests.support.recorded import run_record


@dataclass(frozen=True, slots=True)
class Inner:
    name: Annotated[str, AtMost(5)]
    place: tuple[int, float] | None = None


@dataclass(frozen=True, slots=True)
class InOrder:
    in_order: ClassVar[bool] = True
    first: int
    second: float


@dataclass(frozen=True, slots=True)
class Outer:
    kind: Literal["a", "b"]
    number: float
    whole: Annotated[int, Between(1, 2**64)]
    inner: Inner
    several: tuple[Inner, ...] = ()
    few: Annotated[tuple[int, ...], AtMost(2)] = ()
    versions: dict[str, str] = field(default_factory=dict)
    known: float | None = None
    on: bool = False


CONTENT: dict[str, Any] = {"kind": "a", "number": 1.5, "whole": 2**63, "inner": {"name": "x", "place": [3, 0.5]}}
OUTER = Outer("a", 1.5, 2**63, Inner("x", (3, 0.5)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_absent_fields_take_their_defaults_and_unknown_ones_are_ignored() -> None:
    assert codec.decode(Outer, CONTENT | {"later": 1}) == OUTER


def test_what_is_encoded_is_decoded_to_the_same_through_strict_json() -> None:
    outer = Outer("b", 0.0, 1, Inner("y"), (Inner("z", (0, 1.0)),), (1, 2), {"torch": "2"}, 0.5, on=True)
    for value in (OUTER, outer):
        assert codec.decode(Outer, json.loads(json.dumps(codec.encode(value), allow_nan=False))) == value
    assert list(codec.encode(outer)) == [each.name for each in fields(Outer)]


def test_a_number_that_is_not_finite_is_null_and_nan_or_not_known_when_read() -> None:
    content = codec.encode(Outer("a", math.inf, 1, Inner("x"), known=math.nan))
    assert (content["number"], content["known"]) == (None, None)
    again = codec.decode(Outer, content)
    assert math.isnan(again.number)
    assert again.known is None
    assert math.isnan(codec.decode(Outer, CONTENT | {"number": 10 * MAX_NUMBER}).number)
    assert codec.decode(Outer, CONTENT | {"known": math.nan}).known is None


def test_texts_are_cut() -> None:
    assert codec.decode(Inner, {"name": "abcdefg"}) == Inner("abcde")


def test_a_list_stands_for_the_fields_in_order_of_a_class_that_says_so_and_of_no_other() -> None:
    assert codec.decode(InOrder, [3, 0.5]) == InOrder(3, 0.5)
    for cls, value in ((Inner, ["abcdefg", None]), (InOrder, {"first": 3, "second": 0.5})):
        with pytest.raises(CodecError):
            codec.decode(cls, value)


def test_of_an_object_without_fixed_names_what_fits_is_kept() -> None:
    found = codec.decode(Outer, CONTENT | {"versions": {"torch": "2" * (MAX_TEXT + 1), "numpy": 2, "python": None}})
    assert found.versions == {"torch": "2" * MAX_TEXT}
    with pytest.raises(CodecError, match=r"versions is \[1\]"):
        codec.decode(Outer, CONTENT | {"versions": [1]})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "c"}, "kind is 'c'"),
        ({"kind": ["a"]}, r"kind is \['a'\]"),
        ({"number": "1"}, "number is '1'"),
        ({"number": True}, "number is True"),
        ({"number": 10**400}, "number is 1"),
        ({"whole": 0}, "whole is 0"),
        ({"whole": 1.0}, "whole is 1.0"),
        ({"whole": True}, "whole is True"),
        ({"whole": 2**64 + 1}, "whole is 1"),
        ({"inner": None}, "inner is None"),
        ({"inner": {}}, "inner.name is missing"),
        ({"inner": {"name": 1}}, "inner.name is 1"),
        ({"inner": ["x"]}, "inner is"),
        ({"inner": {"name": "x", "place": [1]}}, r"inner.place is \[1\]"),
        ({"inner": {"name": "x", "place": [-1, 0.5]}}, "inner.place is"),
        ({"inner": {"name": "x", "place": [MAX_INT + 1, 0.5]}}, "inner.place is"),
        ({"several": [{"name": "x"}, {}]}, "several.name is missing"),
        ({"several": {}}, "several is {}"),
        ({"few": [1, 2, 3]}, "few is"),
        ({"few": "1"}, "few is '1'"),
        ({"few": 1}, "few is 1"),
        ({"on": 1}, "on is 1"),
    ],
)
def test_a_value_that_does_not_fit_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        codec.decode(Outer, CONTENT | changed)


@pytest.mark.parametrize("value", [None, 1, "x", [1]])
def test_what_is_no_object_is_refused_by_its_class(value: object) -> None:
    with pytest.raises(CodecError, match="Outer is"):
        codec.decode(Outer, value)


@given(st.dictionaries(st.sampled_from([each.name for each in fields(Outer)]), JSON))
def test_any_content_is_decoded_or_refused_as_what_it_is(content: dict[str, Any]) -> None:
    try:
        found = codec.decode(Outer, CONTENT | content)
    except CodecError:
        return
    assert codec.encode(found)


@given(st.dictionaries(st.sampled_from([each.name for each in fields(Summary)]), JSON))
def test_of_a_damaged_summary_what_fits_is_known(content: dict[str, Any]) -> None:
    found = codec.decode_known(Summary, content | {"id": "x", "epochs": 3})
    assert found.epochs == 3
    for name, value in codec.encode(found).items():
        assert value is None or content.get(name) == value or name in ("id", "epochs")


def test_a_field_that_must_be_known_is_named_where_it_is_not() -> None:
    with pytest.raises(CodecError, match="id is missing"):
        codec.decode_known(Summary, {})


def test_a_run_record_is_what_its_file_holds() -> None:
    record = run_record()
    content = codec.encode(record) | {"options": record.options}
    assert codec.decode(RunRecord, content) == record
    del content["relative"]
    assert codec.decode(RunRecord, content).relative == {}
