"""Logs as other tools write them, and the runs that are read of them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cifar_tui.events import AnyEvent
from cifar_tui.foreign_logs.finder import Finder
from cifar_tui.foreign_logs.foreign_run import ForeignRun, ForeignTail
from cifar_tui.foreign_logs.formats.event_records import masked_crc
from cifar_tui.foreign_logs.names import Role
from cifar_tui.state.run_state import RunState

KERAS = """epoch,accuracy,learning_rate,loss,val_accuracy,val_loss
0,0.31,0.001,1.9,0.40,1.7
1,0.45,0.001,1.5,0.52,1.3
2,0.55,0.0005,1.2,0.50,1.4
"""
ULTRALYTICS = """                  epoch,             time,         train/box_loss,   metrics/mAP50(B),\
metrics/mAP50-95(B),  val/box_loss,              lr/pg0
                      1,          10.5216,                1.2163,            0.5531,           0.3210,   \
  1.1023,            0.003
                      2,          20.1034,                1.1007,            0.6012,           0.3900,   \
  1.0501,            0.002
"""
LIGHTNING = """epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_acc,val_loss
,0.001,4,,,,
0,,4,,2.1,,
,0.0009,9,,,,
0,,9,,1.8,,
0,,9,,,0.41,1.75
0,,9,1.95,,,
1,,14,,1.6,,
1,,19,,1.4,,
1,,19,,,0.52,1.5
1,,19,1.5,,,
"""


def trainer_state(steps: int = 20, *, max_steps: int = 40, epochs: int = 2) -> dict[str, Any]:
    """A state of Hugging Face's Trainer that logs every five steps and evaluates every ten."""
    history: list[dict[str, float]] = []
    for step in range(5, steps + 1, 5):
        at = {"epoch": step / (max_steps / epochs), "step": step}
        history.append({"loss": 2 - step / 40, "grad_norm": 1.5, "learning_rate": 5e-5, **at})
        if step % 20 == 0:
            history.append({"eval_loss": 1.5, "eval_accuracy": step / 100, "eval_runtime": 1.2, **at})
    return {
        "best_metric": None,
        "epoch": steps / 20,
        "global_step": steps,
        "max_steps": max_steps,
        "num_train_epochs": epochs,
        "log_history": history,
    }


def write_json_lines(path: Path, objects: Sequence[Mapping[str, object]]) -> None:
    """Append an object a line."""
    with path.open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in objects)


def record(content: bytes, *, length: int | None = None) -> bytes:
    """A record of an event file; of another length than its content has, if that is given."""
    head = struct.pack("<Q", len(content) if length is None else length)
    return head + struct.pack("<I", masked_crc(head)) + content + struct.pack("<I", masked_crc(content))


def run_at(*paths: Path) -> ForeignRun:
    """The only run at these paths."""
    (run,) = Finder([str(path) for path in paths]).find()
    return run


def read(path: Path, choices: Mapping[Role, str] | None = None) -> RunState:
    """The state that the log there makes."""
    return run_at(path).follow(choices or {})[0]


def read_events(path: Path, choices: Mapping[Role, str] | None = None) -> list[AnyEvent]:
    """All events of the log there."""
    return all_events(ForeignTail(run_at(path), choices or {}))


def all_events(tail: ForeignTail) -> list[AnyEvent]:
    """What there is to read."""
    found: list[AnyEvent] = []
    while (events := tail.read()) or tail.has_more:
        found += events
    return found
