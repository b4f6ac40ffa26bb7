"""What happens beside the screen: work on threads, the pace of drawing, and what libraries print."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest

from cifar_tui.tui.runtime import background, redraw
from cifar_tui.tui.runtime.output_capture import OutputCapture
from cifar_tui.tui.runtime.redraw import RedrawQueue


async def until(done: asyncio.Event) -> None:
    await asyncio.wait_for(done.wait(), 10)


async def test_work_is_done_on_another_thread_and_its_result_comes_back_to_the_loop() -> None:
    done, seen = asyncio.Event(), []

    def take(result: threading.Thread) -> None:
        seen.append((result, threading.current_thread()))
        done.set()

    background.run(threading.current_thread, take, lambda error: pytest.fail(str(error)))
    await until(done)
    ((worked, took),) = seen
    assert worked is not took
    assert took is threading.current_thread()


async def test_an_error_of_the_work_comes_back_too() -> None:
    done, errors = asyncio.Event(), []

    def work() -> None:
        raise OSError("no such disk")

    def failed(error: Exception) -> None:
        errors.append(str(error))
        done.set()

    background.run(work, lambda _: pytest.fail("it did not work"), failed)
    await until(done)
    assert errors == ["no such disk"]


async def test_a_watch_shows_what_it_sees_until_it_is_stopped() -> None:
    done, seen = asyncio.Event(), []
    counted = iter(range(10_000))

    def show(number: int) -> None:
        seen.append(number)
        if number == 3:
            watch.stop()
            done.set()

    watch = background.Watch(lambda: next(counted), show, 0.001)
    await until(done)
    await asyncio.sleep(0.02)
    assert seen == [0, 1, 2, 3]


async def test_a_drawing_that_cost_much_is_followed_by_a_longer_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    planned: list[float] = []

    def call_at(when: float, callback: object) -> asyncio.TimerHandle:
        planned.append(when - loop.time())
        return asyncio.TimerHandle(when, lambda: None, (), loop)

    monkeypatch.setattr(loop, "call_at", call_at)
    spent = iter([0.0, 0.0, 0.0, 0.03, 0.03, 9.03, 9.03, 9.03, 9.03])
    monkeypatch.setattr(time, "thread_time", lambda: next(spent))
    slow: RedrawQueue[str] = RedrawQueue(lambda changed: None)
    for _ in range(4):
        slow.add("a run")
        slow.add("a run")
        slow._on_time()
    waits = [round(wait, 1) for wait in planned]
    assert waits == [0.0, redraw.MIN_SECONDS, round(0.03 / redraw.SHARE, 1), redraw.MAX_SECONDS]


PRINTING = """
import os
from cifar_tui.tui.runtime.output_capture import OutputCapture
taken = []
with OutputCapture(taken.append) as prints:
    print("from Python", flush=True)
    os.write(2, b"from a library\\n\\xff unfinished")
    screen = prints.terminal
    screen.write("drawn\\n"); screen.flush()
os.write(1, repr(taken).encode())
"""


def test_what_is_printed_is_taken_and_what_is_drawn_goes_to_the_terminal() -> None:
    result = subprocess.run([sys.executable, "-c", PRINTING], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "drawn\n['from Python', 'from a library', '� unfinished']"
    assert result.stderr == ""


def test_afterwards_the_descriptors_are_as_they_were(capfd: pytest.CaptureFixture[str]) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH208, PTH112
    with OutputCapture(lambda _: None):
        pass
    os.write(1, b"out")
    os.write(2, b"err")
    assert capfd.readouterr() == ("out", "err")
    after = len(os.listdir("/proc/self/fd")) if before else 0  # noqa: PTH208
    assert after == before
