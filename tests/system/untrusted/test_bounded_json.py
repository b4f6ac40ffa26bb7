"""JSON of whatever form takes no more memory than is estimated before it is read."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cifar_tui.system.untrusted.bounded_json import JsonError, memory_of, parse

UNITS = ("[],", "[[]],", "{},", '{"":1},', '{"a":{}},', '"ab",', '"é€",', '"😀x",', "12345678,", "1,", "0.1,", "1e5,",
         "[[[[[[[[[[]]]]]]]]]],", '"\\u00e9",', "null,", "9999999999999999999,", '[{"a":[1]}],')  # fmt: skip
MEASURE = """
import json, resource, sys
from cifar_tui.system.untrusted.bounded_json import memory_of
unit = json.loads(sys.argv[1])
text = "[" + unit * (2_000_000 // len(unit)) + "1]"
def size():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
before = size()
value = json.loads(text)
print(json.dumps([size() - before, memory_of(text)]))
"""


@pytest.mark.parametrize("unit", UNITS)
def test_the_estimate_is_not_exceeded(unit: str) -> None:
    out = subprocess.run([sys.executable, "-c", MEASURE, json.dumps(unit)], capture_output=True, check=True, text=True)
    taken, estimated = json.loads(out.stdout)
    assert taken <= 1.1 * estimated


def test_what_would_take_more_is_not_read() -> None:
    assert parse("[[], []]", 1000) == [[], []]
    with pytest.raises(JsonError, match="far too large"):
        parse("[" + "[]," * 1000 + "1]", 10_000)
    assert memory_of("1" * 100) > 100


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "1" * 5000, "{} {}"], ids=str.__len__)
def test_what_is_damaged_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(JsonError):
        parse(text, 10**9)
