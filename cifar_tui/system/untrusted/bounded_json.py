"""JSON from untrusted files, parsed within bounds of memory."""

from __future__ import annotations

import json
from typing import Any

_COSTS = {"[": 88, "{": 200, '"': 24, ",": 16}
"""The most bytes of memory in CPython of a value that starts with each of these, beyond `_PER_CHARACTER` for all."""
_PER_CHARACTER = 8
_MAX_PER_CHARACTER = _PER_CHARACTER + max(_COSTS.values())


class JsonError(ValueError):
    """It is not JSON, or would take too much memory."""


def memory_of(text: str) -> int:
    """The most bytes of memory that the values of a JSON text take, by its characters alone."""
    return len(text) * _PER_CHARACTER + sum(text.count(mark) * cost for mark, cost in _COSTS.items())


def parse(text: str, max_memory: int) -> Any:
    """The value of a JSON text.

    Args:
        text: The text; a few megabytes of brackets would be hundreds of lists.
        max_memory: The most bytes of memory of its values.

    Raises:
        JsonError: It is damaged, has a number of too many digits, or would take more memory.
    """
    if len(text) * _MAX_PER_CHARACTER > max_memory and memory_of(text) > max_memory:
        raise JsonError("far too large")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # Also: a number of so many digits that Python refuses to read it.
        raise JsonError(f"not JSON: {error}") from None
