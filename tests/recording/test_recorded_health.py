"""The training of a script is checked by its own process: what is found is in its stream, and can be muted."""

import json
import math
from pathlib import Path

import pytest

from cifar_tui import record
from cifar_tui.errors import InputError


def topics(runs: Path, losses: list[float], *mute: str) -> list[str]:
    """What is found in a script that logs these losses."""
    with record("net", runs_dir=runs, quiet=True, mute=mute) as run:
        for number, loss in enumerate(losses):
            run.log(loss=loss)
            if number % 10 == 9:
                # Each validation ends an epoch, and so writes what was logged.
                run.validated(loss=1.0 / number)
    assert run.folder is not None
    lines = (run.folder / "events.jsonl").read_text().splitlines()
    return [event["topic"] for event in map(json.loads, lines) if event["type"] == "note" and event["topic"]]


def test_nan_in_a_script_is_reported(tmp_path: Path) -> None:
    losses = [*[1.0] * 200, *[math.nan] * 60]
    assert topics(tmp_path, losses) == ["not-finite"]
    assert topics(tmp_path, losses, "all") == []


def test_an_unknown_topic_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mute takes all, not-finite, loss-spike"):
        record("net", runs_dir=tmp_path, mute=["spikes"])
