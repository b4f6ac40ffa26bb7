"""Logs of anybody: whatever they hold, reading them ends, in bounded memory, with events or with one line."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from cifar_tui.errors import InputError
from cifar_tui.events import from_json, to_json
from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail, Kind
from cifar_tui.state.run_state import MAX_SERIES, RunState
from tests.support.foreign_logs.written_logs import KERAS, LIGHTNING, record, trainer_state

MEMORY = 150 << 20
HEAD = "step,loss\n"
NAMES: dict[Kind, str] = {
    "csv": "log.csv",
    "json-lines": "log.jsonl",
    "trainer-state": "trainer_state.json",
    "tensorboard": "events.out.tfevents.1",
}
SEEDS: dict[Kind, bytes] = {
    "csv": LIGHTNING.encode() + KERAS.encode(),
    "json-lines": b'{"step": 1, "train": {"loss": 0.5}, "val_loss": 1e5}\n{"step": 2, "epoch": 0.1, "acc": 55}\n' * 3,
    "trainer-state": json.dumps(trainer_state(20)).encode(),
    "tensorboard": b"".join(
        record(b"\x09" + bytes(8) + b"\x10" + bytes([n]) + b"\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x80\x3f")
        for n in range(8)
    ),
}


def outcome(path: Path, kind: Kind) -> RunState | str:
    """What reading a log comes to; every event can be written, and is within the limits of all events."""
    tail, state = ForeignTail(ForeignRun("x", path, kind), {}), RunState()
    try:
        for _ in range(1000):
            events = tail.read()
            for event in events:
                from_json(to_json(event))
                state.apply(event)
            if not events and not tail.has_more:
                return state
    except InputError as error:
        return str(error)
    raise AssertionError("it does not end")


def mutated(content: bytes, random: Random) -> bytes:
    """A log with some bytes changed, doubled, cut out or replaced by what is hard to read."""
    text = bytearray(content)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(text) + 1)
        odd = [
            b"nan",
            b"-inf",
            b"1e999",
            b'"',
            b"\0",
            b"\xff\xfe",
            b"\n\n",
            b"{",
            b"[" * 50,
            b",,,,",
            b"9" * 400,
            b"-1",
        ]
        match random.randrange(4):
            case 0:
                text[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                text[at:at] = random.choice(odd)
            case 2:
                del text[at : at + random.randrange(20)]
            case _:
                text[at:at] = text[max(0, at - random.randrange(200)) : at]
    return bytes(text)


@pytest.mark.parametrize("kind", NAMES)
def test_damaged_logs_of_every_format_are_read_or_refused(tmp_path: Path, kind: Kind) -> None:
    random, path = Random(kind), tmp_path / NAMES[kind]
    read = 0
    for _ in range(80):
        content = mutated(SEEDS[kind], random)
        path.write_bytes(content)
        found = outcome(path, kind)
        read += isinstance(found, RunState) and found.started is not None
        with path.open("ab") as file:
            file.write(mutated(SEEDS[kind], random))
        outcome(path, kind)
    assert read > 4, "most are too damaged, and some are not"


@pytest.mark.parametrize("kind", NAMES)
def test_random_bytes_are_read_or_refused(tmp_path: Path, kind: Kind) -> None:
    random, path = Random(kind), tmp_path / NAMES[kind]
    for size in (0, 1, 2, 12, 50, 1000, 100_000):
        path.write_bytes(random.randbytes(size))
        outcome(path, kind)


def test_a_log_that_is_changed_at_random_while_it_is_followed_is_read(tmp_path: Path) -> None:
    random, path = Random(5), tmp_path / "log.csv"
    path.write_bytes(SEEDS["csv"])
    tail, state = ForeignTail(ForeignRun("x", path, "csv"), {}), RunState()
    for _ in range(100):
        try:
            for event in tail.read():
                state.apply(event)
        except InputError:
            pass
        path.write_bytes(mutated(path.read_bytes()[:5000] or b"x", random))


HOSTILE: dict[str, tuple[Kind, Callable[[], bytes]]] = {
    "millions of columns": ("csv", lambda: b"loss," * 2_000_000 + b"\n" + b"1," * 2_000_000 + b"\n"),
    "thousands of columns": (
        "csv",
        lambda: (",".join(f"n{n}" for n in range(50_000)) + "\n" + ("1," * 49_999 + "1\n") * 20).encode(),
    ),
    "an endless line": ("csv", lambda: HEAD.encode() + b"1" * (20 << 20)),
    "nothing but separators": ("csv", lambda: HEAD.encode() + b"," * (9 << 20)),
    "nothing but line ends": ("csv", lambda: HEAD.encode() + b"\n" * (9 << 20)),
    "quotes without end": ("csv", lambda: HEAD.encode() + b'"1,1\n' * 100_000),
    "numbers of a hundred thousand digits": ("csv", lambda: HEAD.encode() + (b"1" * 100_000 + b",1\n") * 20),
    "steps up and down": ("csv", lambda: HEAD.encode() + b"5,1\n1,1\n" * 50_000),
    "steps beyond all bounds": ("csv", lambda: HEAD.encode() + b"-5,1\n1e300,inf\nnan,nan\n9e99,1e308\n"),
    "names without end": (
        "json-lines",
        lambda: b"".join(b'{"n%d": 1, "step": %d}\n' % (n, n) for n in range(50_000)),
    ),
    "brackets": ("json-lines", lambda: b'{"a":' * 100_000 + b"\n" + b"[" * 900_000 + b"\n"),
    "a huge object": ("json-lines", lambda: b'{"a": [' + b"1," * 400_000 + b"1]}\n"),
    "a history of everything": (
        "trainer-state",
        lambda: (
            b'{"log_history": [' + b'1,[],{},"x",{"step": "a", "loss": [1]},' * 50_000 + b'{"loss": 1, "step": 1}]}'
        ),
    ),
    "a record without end": ("tensorboard", lambda: record(b"", length=1 << 62)),
    "records of fields without end": (
        "tensorboard",
        lambda: record(b"\x10\x01\x2a\x02\x0a\x00" + b"\x38\x01" * 500_000) * 12,
    ),
    "records of nothing": ("tensorboard", lambda: record(b"") * 200_000),
    "records of noise": ("tensorboard", lambda: b"".join(record(Random(n).randbytes(60)) for n in range(2000))),
    "tags without end": (
        "tensorboard",
        lambda: b"".join(
            record(b"\x09" + bytes(8) + b"\x10\x01\x2a\x0f\x0a\x0d\x0a\x06" + b"%06d" % n + b"\x15\x00\x00\x80\x3f")
            for n in range(5000)
        ),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_logs_take_bounded_memory(tmp_path: Path, name: str) -> None:
    kind, content = HOSTILE[name]
    path = tmp_path / NAMES[kind]
    path.write_bytes(content())
    tracemalloc.start()
    found = outcome(path, kind)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY
    if isinstance(found, RunState):
        assert len(found.metrics) <= MAX_SERIES
