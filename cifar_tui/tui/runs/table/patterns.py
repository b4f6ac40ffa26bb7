"""Regular expressions that a person types: matched within a time limit, for some of them take for ever."""

from __future__ import annotations

import re
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cifar_tui.errors import InputError

LONGEST = 200
"""Characters of an expression."""


class TimeLimitError(Exception):
    """The limit is reached."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """The expression, which ignores case.

    Raises:
        InputError: It is none, or far too long.
    """
    if len(text) > LONGEST:
        raise InputError(f"a regular expression has at most {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(f"/{text}/ is no regular expression: {error}") from None


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End what is within after this time, by an exception; on the main thread alone.

    Python's regular expressions look for signals while they match, and take no time limit. The timer of the process
    is as it was afterwards, but for the time that passed.

    Raises:
        TimeLimitError: The time was over.
    """
    armed = True

    def stop(_number: int, _frame: FrameType | None) -> None:
        # The signal may be handled when all is over.
        if armed:
            raise TimeLimitError

    before, start = signal.signal(signal.SIGALRM, stop), time.monotonic()
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        armed = False
        left = max(remaining - (time.monotonic() - start), 1e-3) if remaining else 0.0
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
