"""Which of the signals that end a program count."""

import signal

import pytest

from cifar_tui.system import ending_signals
from cifar_tui.system.ending_signals import EndingSignals


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_a_signal_that_comes_to_a_process_and_to_its_group_is_one(clock: list[float]) -> None:
    ending = EndingSignals()
    assert ending.count(signal.SIGTERM) == "first"
    clock[0] += ending_signals.SAME_SIGNAL_SECONDS / 2
    assert ending.count(signal.SIGTERM) == "again"
    clock[0] += ending_signals.SAME_SIGNAL_SECONDS
    assert ending.count(signal.SIGTERM) == "second"
    assert ending.first == signal.SIGTERM


def test_another_signal_is_a_second_one_at_once(clock: list[float]) -> None:
    ending = EndingSignals()
    assert ending.count(signal.SIGTERM) == "first"
    assert ending.count(signal.SIGINT) == "second"
