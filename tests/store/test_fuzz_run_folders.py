"""Whatever a folder of runs or a configuration file holds: one line of error at most, and nothing written elsewhere.

It takes the number of examples from `CIFAR_TUI_FUZZ_EXAMPLES`, and draws others each time where that is given.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifar_tui.store import state_file
from cifar_tui.training import loop
from cifar_tui.tui.runs.entry import Entry
from tests.support.dashboard import DashboardPilot, dashboard
from tests.support.program import TRAIN, UNEXPECTED, call, control_characters, memory_limit, prepare_project
from tests.support.recorded import state_json_text

GIVEN = os.environ.get("CIFAR_TUI_FUZZ_EXAMPLES")


def examples(number: int) -> settings:
    return settings(max_examples=int(GIVEN or number), derandomize=GIVEN is None)


HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, -(2**64), 10**400, 0.5, -0.5, 1e-308, 1e308, -1e308, math.nan, math.inf,
    "", "x", "\x1b[2J\x1b]0;title\x07", "[red]x[/red]", "[/]", "[link=file:///x]", "\u202egnp.exe", "\ud800", "a\0b",
    "../../outside", "/dev/full", "~nobody/x", "con", "x" * 5000, "a\nb\r\tc", "running", "paused",
    [], {}, [[]], [1, 2], ["x"], {"a": 1}, [[[[[[[[1]]]]]]]],
]  # fmt: skip
"""What stands in a value's place."""
MODULES = [
    "antigravity:X", "this:X", "os:system", "pip.__main__:main", "runs.RUN.payload:Net", "runs.RUN:Net",
    "RUN.payload:Net", "payload:Net", "elsewhere:Net", "a.b.c:D", "x" * 300 + ":Y", "\u202ex:Y", "payload:Net; x",
]  # fmt: skip
"""Classes that a model may be said to be: RUN stands for the run's folder."""
PLACES = ["", ".", "runs", "runs/RUN", "outside", "runs/RUN/code.zip", "/nowhere", "x" * 5000]
"""Where these may be said to be."""
TEXTS = st.sampled_from([
    b"", b"{", b"[]", b"null", b"\xff\xfe", b"\0" * 100, b"[" * 100_000, b"1" * 5000, b"{}\n{}\n",
    b"[" + b"[[]]," * 1_000_000 + b"1]", b'{"a": "' + b"x" * 20_000_000 + b'"}', b" " * 20_000_000,
    b'{"type":"note","t":1,"level":"info","message":"' + b"x" * 20_000_000 + b'"}\n',
])  # fmt: skip
SPARSE = 400_000_000
"""Bytes of a file that is nearly all holes."""
KINDS = ("a folder", "a link", "a hard link", "a pipe", "holes")
LIMIT = 300_000_000
"""Bytes of memory that a command may take beyond what the process has."""
FILES = [
    "config.json", "summary.json", "state.json", "events.jsonl", "metrics.csv", "predictions.safetensors", "report.md",
    "report.html", "predictions.png", "model.safetensors", "log.txt", "requests", "lock", "export", "tensorboard",
    "validation_predictions.safetensors", "labels.json",
    *(f"checkpoints/{name}.pt" for name in ("last", "previous", "best")),
]  # fmt: skip


def tensors(data: st.DataObject) -> bytes:
    """A file of tensors of kinds and shapes that may be none of ours."""
    kinds = st.sampled_from(["I64", "F32", "BF16", "F8_E4M3", "BOOL", "F64", "X"])
    shapes = st.sampled_from([[362], [362, 10], [0], [], [2**40], [-1], [1, 2**62], [3, 0]])
    header = {
        name: {"dtype": data.draw(kinds), "shape": data.draw(shapes), "data_offsets": [first, first + 362]}
        for name, first in (("labels", 0), ("probabilities", 362))
    }
    about = data.draw(st.sampled_from([{"epoch": "2", "fingerprint": "x"}, {}, {"epoch": "9" * 5000}, {"epoch": 2}]))
    text = json.dumps({"__metadata__": about} | header).encode()
    size = data.draw(st.sampled_from([len(text), 0, 2**62, len(text) + 1]))
    return size.to_bytes(8, "little") + text + bytes(724)


@dataclass(frozen=True, repr=False)
class Base:
    """A real run, as its files hold it."""

    folder: Path
    config: dict[str, Any]
    summary: dict[str, Any]
    state: dict[str, Any]
    events: list[dict[str, Any]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """A run as a process leaves it that was killed before its test."""
    with pytest.MonkeyPatch.context() as patch:
        cwd = prepare_project(tmp_path_factory.mktemp("base"), patch)
        patch.setattr(state_file, "MIN_BYTES", 1)
        trained = call([*TRAIN, "--epochs", "2"], cwd)
        assert trained.returncode == 0, trained.stderr
        (folder,) = (cwd / "runs").iterdir()
        lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        events = [event for event in lines if event["type"] != "run_finished" and event.get("split") != "test"]
        config, summary, state = (
            json.loads((folder / f"{name}.json").read_text()) for name in ("config", "summary", "state")
        )
        # What is read and written before and after the training is what matters here.
        patch.setattr(loop, "train", lambda *_, **__: loop.Outcome("stopped", "stopped by the test"))
        yield Base(folder, config, summary | {"state": "running"}, state, events)


def changed(data: st.DataObject, content: Any) -> Any:
    """`content` with something in it replaced, taken away or doubled."""
    content = copy.deepcopy(content)
    place, key = content, None
    while isinstance(place, dict | list) and place:
        inner = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        parent, key, place = place, inner, place[inner]
        if not (isinstance(place, dict | list) and place and data.draw(st.booleans())):
            break
    else:
        return data.draw(st.sampled_from(HOSTILE))
    what = data.draw(st.sampled_from(["replace", "replace", "replace", "remove", "double"]))
    if what == "remove":
        del parent[key]
    elif what == "double" and isinstance(parent, list):
        parent.insert(data.draw(st.integers(0, len(parent))), copy.deepcopy(place))
    else:
        parent[key] = data.draw(st.sampled_from(HOSTILE))
    return content


def mutated(data: st.DataObject, base: Base, folder: Path) -> None:
    """Write the run into `folder` with one to three things in it that are not as they should be."""
    files: dict[str, bytes | str | None] = {}
    objects = {"config.json": base.config, "summary.json": base.summary, "state.json": base.state}
    events = base.events
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(
            st.sampled_from(
                ["config.json", "summary.json", "state.json", "events.jsonl", "files", "files", "class", "tensors"]
            )
        )
        if name == "events.jsonl":
            events = changed(data, events)
            if not isinstance(events, list):
                events = [events]
        elif name == "files":
            files[data.draw(st.sampled_from(FILES))] = data.draw(st.one_of(TEXTS, st.none(), st.sampled_from(KINDS)))
        elif name == "class":
            model, place = (data.draw(st.sampled_from(choices)) for choices in (MODULES, PLACES))
            config = copy.deepcopy(objects["config.json"])
            if isinstance(config, dict) and isinstance(config.get("options"), dict):
                config["options"]["model"] = model.replace("RUN", folder.name)
                config["options"]["model_dir"] = place.replace("RUN", folder.name) or None
                objects["config.json"] = config
        elif name == "tensors":
            files["predictions.safetensors"] = tensors(data)
        else:
            objects[name] = changed(data, objects[name])
    shutil.copytree(base.folder, folder)
    (folder / "payload.py").write_text(f"open({str(folder.parent.parent / 'acted')!r}, 'w')\n")
    for name in ("events.jsonl", *objects):
        (folder / name).unlink()
    if data.draw(st.booleans()):
        # Not ignored: its hash is that of the events.
        (folder / "events.jsonl").write_bytes((base.folder / "events.jsonl").read_bytes())
    else:
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    for name, content in objects.items():
        kept = name == "state.json" and isinstance(content, dict)
        (folder / name).write_text(state_json_text(content) if kept else json.dumps(content))
    for name, instead in files.items():
        path = folder / name
        path.unlink(missing_ok=True)
        if isinstance(instead, bytes):
            path.write_bytes(instead)
        elif instead is not None:
            put(instead, path, folder.parent.parent / "outside" / "precious")


def put(kind: str, path: Path, precious: Path) -> None:
    """Have something of this kind stand in a file's place."""
    precious.parent.mkdir(exist_ok=True)
    precious.write_bytes(b"precious")
    match kind:
        case "a folder":
            path.mkdir()
        case "a link":
            path.symlink_to(precious)
        case "a hard link":
            path.hardlink_to(precious)
        case "a pipe":
            os.mkfifo(path)
        case "holes":
            path.touch()
            os.truncate(path, SPARSE)


def check(arguments: list[str], cwd: Path) -> None:
    """See that a command ends well, or with one line that a person can act on."""
    with memory_limit(LIMIT):
        result = call(arguments, cwd)
    said = [line for line in result.stderr.splitlines() if line.startswith("cifar-tui: ")]
    if UNEXPECTED in result.stderr or "Traceback" in result.stderr:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cifar_tui.cli.main._fail", lambda *_: pytest.fail(result.stderr))
            call([*arguments, "--debug"], cwd)
        pytest.fail(result.stderr)
    assert result.returncode in (0, 1, 2), result
    assert len(said) <= 1, result
    assert result.returncode != 2 or said, result
    assert not control_characters(result.stdout + result.stderr), result


NAMES = ["20260101-000000-mlp", "20260101-000000-[red]\x1b[2J\u202e"]
COMMANDS = [
    ["runs"], ["runs", "--json"], ["attach", "--no-ui"], ["attach", "--json"], ["stop"],
    ["evaluate"], ["evaluate", "--json"], ["resume"], ["resume", "--json"], ["report", "--html"],
    ["export", "--format", "csv"], ["export", "--format", "safetensors"], ["predict", "images/test"],
    ["prune", "--yes"], ["tag", "--add", "x"], ["note"],
]  # fmt: skip


@examples(80)
@given(st.data())
def test_no_content_of_a_run_folder_is_more_than_one_line_of_error(base: Base, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        cwd = Path(place)
        (cwd / "outside").mkdir()
        (cwd / "outside" / "config.json").write_text("{}")
        (cwd / "runs").mkdir()
        folder = cwd / "runs" / data.draw(st.sampled_from(NAMES))
        mutated(data, base, folder)
        for command in data.draw(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=2)):
            run = [] if command[0] == "runs" else [folder.name]
            check([command[0], *run, *command[1:]], cwd)
        assert [path.name for path in sorted(cwd.iterdir())] == ["outside", "runs"], "nothing acted"
        assert list((cwd / "runs").iterdir()) == [folder]
        (cwd / "outside" / "precious").touch()
        assert {path.name for path in (cwd / "outside").iterdir()} == {"config.json", "precious"}
        assert (cwd / "outside" / "config.json").read_text() == "{}"
        assert (cwd / "outside" / "precious").read_bytes() in (b"", b"precious")


@examples(2)
@given(st.data())
def test_the_dashboard_shows_a_folder_of_runs_whatever_is_in_them(base: Base, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        for number in range(2):
            mutated(data, base, Path(place) / f"2026010{number}-000000-[red]\x1b[2J\u202e")
        asyncio.run(looked_at(Path(place)))


async def read(desk: DashboardPilot, entry: Entry) -> None:
    """Wait until what can be read of a run is read."""
    with contextlib.suppress(AssertionError):  # It may be that nothing can.
        await desk.until(lambda: not entry.unread or "cannot be read" in desk.screen())


async def looked_at(runs_dir: Path) -> None:
    """Select each run, have each view drawn, mark it, ask for a run like it; at the end, compare them."""
    async with dashboard(runs_dir, "mlp") as desk:
        runs = len([path for path in runs_dir.iterdir() if any(file.is_file() for file in path.glob("*.json*"))])
        await desk.until(lambda: len(desk.app.runs) >= 1 + min(runs, 1))
        for _ in range(len(desk.app.runs) - 1):
            await desk.press("down")
            entry = desk.app.selected
            assert entry is not None
            await read(desk, entry)
            for key in ("2", "left", "v", "6", "5", "1", "x", "x", "l", "left", "left", "z", "space", "e", "n"):
                await desk.press(key)
                assert not control_characters(desk.screen()), key
            await desk.press("escape")
        await desk.press("c", "l", "x", "1")
        assert not control_characters(desk.screen())


TOML = st.sampled_from(
    [
        "epochs",
        "batch-size",
        "lr",
        "model",
        "data",
        "data-dir",
        "device",
        "name",
        "runs-dir",
        "seed",
        "x",
        '"\\u001b[2J"',
    ]
)
VALUES = st.recursive(
    st.sampled_from([
        "1", "-1", "0", "nan", "-inf", "1e400", "9" * 400, "9" * 5000, "0x" + "f" * 5000, "true", "2026-01-01", "''",
        "'mlp'", "'../../x'", "'~nobody/x'", '"a\\u0000b"', '"\\u001b]0;x\\u0007"', '"\\u202e[red]"',
        "'" + "x" * 5000 + "'", "=", "]",
    ]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: f"[{', '.join(values)}]"), inner.map("{{a = {}}}".format)
    ),
    max_leaves=5,
)  # fmt: skip


@examples(50)
@given(st.dictionaries(TOML, VALUES, max_size=4), st.binary(max_size=6))
def test_no_configuration_file_is_more_than_one_line_of_error(
    tmp_path_factory: pytest.TempPathFactory, options: dict[str, str], tail: bytes
) -> None:
    cwd = tmp_path_factory.mktemp("toml")
    text = "".join(f"{key} = {value}\n" for key, value in options.items())
    (cwd / "odd.toml").write_bytes(text.encode() + tail)
    # Nothing is trained: there is no such recipe.
    check(["--no-ui", "--config", "odd.toml", "--recipe", "none"], cwd)
    assert [path.name for path in cwd.iterdir()] == ["odd.toml"]
