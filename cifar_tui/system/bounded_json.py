"""JSON that anybody may have written, read within bounds of memory."""

from __future__ import annotations

import json
from typing import Any

_COSTS = {"[": 88, "{": 200, '"': 24, ",": 16}
"""Bytes of memory that CPython takes at most for what each of these begins, beyond `_PER_CHARACTER` for every one."""
_PER_CHARACTER = 8
_MOST_PER_CHARACTER = _PER_CHARACTER + max(_COSTS.values())


class JsonError(ValueError):
    """It is no JSON, or not worth the memory that it would take."""


def memory_of(text: str) -> int:
    """How many bytes of memory the values of a JSON text take at most, told from its characters alone."""
    return len(text) * _PER_CHARACTER + sum(text.count(mark) * cost for mark, cost in _COSTS.items())


def parse(text: str, most_memory: int) -> Any:
    """The value of a JSON text.

    Args:
        text: The text; a few megabytes of brackets would be hundreds of lists.
        most_memory: The bytes of memory that its values may take.

    Raises:
        JsonError: It is damaged, has a number of too many digits, or would take more memory.
    """
    if len(text) * _MOST_PER_CHARACTER > most_memory and memory_of(text) > most_memory:
        raise JsonError("far too large")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # Also: a number of so many digits that Python refuses to read it.
        raise JsonError(f"not JSON: {error}") from None
