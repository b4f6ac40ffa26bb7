"""What comes from outside is never run, never leads out of the folder of runs, and is shown as text."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cifar_tui.headless.displays import LogDisplay
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.training.checkpoints import storage
from tests.support.cifar_archive import BASE, FILENAME, build, lead_here
from tests.support.command import error_line, only_run
from tests.support.dashboard import dashboard, recorded_folder
from tests.support.hostile import MaliciousPickle, snapshot
from tests.support.images import write_unusable
from tests.support.program import (
    TRAIN,
    UNEXPECTED,
    call,
    control_characters,
    interrupted_run,
    prepare_project,
    replace_file,
)

MARKUP = "[red]cat"
BIDI = "[x]\u202egod"
HOSTILE_ID = "20260101-000000-[b]x\x1b[2J\x1b]0;owned\x07\u202e"


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return prepare_project(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Whatever would wait without end, such as for a pipe, ends its test."""

    def ring(*_: object) -> None:
        raise TimeoutError("it waits without end")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_no_checkpoint_that_is_a_pickle_is_run(cwd: Path) -> None:
    folder = interrupted_run(cwd)
    for name in (storage.LAST, storage.PREVIOUS, storage.BEST):
        replace_file(folder / "checkpoints" / name, pickle.dumps(MaliciousPickle(cwd / "acted")))
    before = snapshot(folder)
    for command in ("resume", "evaluate"):
        assert "not a checkpoint of cifar-tui, or damaged" in error_line(call([command, folder.name], cwd))
    assert snapshot(folder) == before
    assert not (cwd / "acted").exists()


def test_no_code_is_run_that_a_run_folder_brings_along(cwd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = interrupted_run(cwd)
    monkeypatch.undo()
    (folder / "evil.py").write_text(f"open({str(cwd / 'acted')!r}, 'w')\n")
    (cwd / "elsewhere").symlink_to(folder)
    config = json.loads((folder / "config.json").read_text())
    for place in (folder, folder.parent, cwd / "elsewhere"):
        config["options"] |= {"model": "evil:Net", "model_dir": str(place)}
        replace_file(folder / "config.json", json.dumps(config).encode())
        for command in ("resume", "evaluate", "export"):
            extra = ["--format", "safetensors"] if command == "export" else []
            assert "lies in the folder of runs" in error_line(call([command, folder.name, *extra], cwd))
    assert not (cwd / "acted").exists()


@pytest.mark.parametrize("how", ["a folder of batches", "an archive"])
def test_no_batch_of_cifar10_is_unpickled_that_fails_its_checksum(
    cwd: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    archive = build()
    lead_here(monkeypatch, archive, "http://127.0.0.1:9/none")
    evil = pickle.dumps(MaliciousPickle(cwd / "acted"))
    if how == "an archive":
        (cwd / "mine").mkdir()
        with tarfile.open(cwd / "mine" / FILENAME, "w:gz") as tar:
            for name in archive.files:
                member = tarfile.TarInfo(f"{BASE}/{name}")
                member.size = len(evil)
                tar.addfile(member, io.BytesIO(evil))
    else:
        for path in archive.extract(cwd / "mine").iterdir():
            path.write_bytes(evil)
    line = error_line(call(["--no-ui", "--model", "mlp", "--data-dir", "mine"], cwd))
    assert "checksum" in line
    assert "--data digits" in line
    assert not (cwd / "acted").exists()
    assert not (cwd / "runs").exists()


@pytest.mark.parametrize("name", ["..", "../up", "/up", "a/b", "a\\b", "-x", ".x", "", "a\0b", MARKUP, BIDI, "x" * 65])
def test_no_name_leads_out_of_the_folder_of_runs_or_acts_on_a_terminal(cwd: Path, name: str) -> None:
    before = snapshot(cwd)
    for given in (["--name", name], ["--config", "named.toml"]):
        (cwd / "named.toml").write_text(f"name = {json.dumps(name)}\n")
        line = error_line(call([*TRAIN, *given], cwd))
        assert "name takes" in line
        assert not control_characters(line)
    (cwd / "named.toml").unlink()
    assert snapshot(cwd) == before


@pytest.mark.parametrize(
    "run", ["..", "../outside", "/etc", "a\0b", "x" * 5000, "loop", ".", "~", MARKUP, "\x1b[2J", ""]
)
def test_no_run_is_found_outside_the_folder_of_runs(cwd: Path, run: str) -> None:
    for name in ("outside", "runs/20260101-000000-x"):
        (cwd / name).mkdir(parents=True)
        (cwd / name / "config.json").write_text("{}")
    (cwd / "runs" / "loop").symlink_to("loop")
    before = snapshot(cwd)
    for command in ("evaluate", "resume", "attach", "stop", "pause", "checkpoint"):
        line = error_line(call([command, run], cwd))
        assert "no run" in line
        assert not control_characters(line)
    assert snapshot(cwd) == before


def test_names_of_devices_are_names_like_any_other(cwd: Path) -> None:
    for name in ("con", "NUL"):
        assert call([*TRAIN, "--epochs", "1", "--name", name, "--quiet"], cwd).returncode == 0
    assert sorted(path.name[16:] for path in (cwd / "runs").iterdir()) == ["NUL", "con"]


def test_what_a_config_says_of_ids_and_places_is_not_followed(cwd: Path) -> None:
    folder = interrupted_run(cwd)
    config = json.loads((folder / "config.json").read_text())
    config |= {"id": "../../outside", "runs_dir": "../../outside"}
    (folder / "config.json").write_text(json.dumps(config))
    outside = {name for name in snapshot(cwd) if not name.startswith("runs/")}
    result = call(["resume", folder.name], cwd)
    assert result.returncode == 0, result.stderr
    assert f"saved in runs/{folder.name}" in result.stdout
    assert {name for name in snapshot(cwd) if not name.startswith("runs/")} == outside
    assert only_run(cwd) == folder
    assert RunFolder(folder).read_summary().id == folder.name
    assert "outside" not in (folder / "report.md").read_text()


LINKS: dict[str, Callable[[Path, Path], object]] = {
    "events.jsonl": lambda folder, outside: (folder / "events.jsonl").symlink_to(outside / "precious"),
    "lock": lambda folder, outside: (folder / "lock").symlink_to(outside / "new"),
    "checkpoints": lambda folder, outside: (folder / "checkpoints").symlink_to(outside),
    "requests": lambda folder, outside: (folder / "requests").symlink_to(outside / "precious"),
    "report.md": lambda folder, outside: (folder / "report.md").symlink_to(outside / "precious"),
    "summary.json": lambda folder, outside: (folder / "summary.json").symlink_to(outside / "precious"),
}


@pytest.mark.parametrize("what", [*LINKS, "the folder itself"])
def test_nothing_is_written_through_a_link(cwd: Path, what: str) -> None:
    folder, outside = interrupted_run(cwd), cwd / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    if what == "the folder itself":
        folder.rename(cwd / "outside" / "run")
        folder.symlink_to(outside / "run")
    else:
        path = folder / what
        path.rename(cwd / "away") if path.exists() else None
        LINKS[what](folder, outside)
    before = snapshot(outside)
    result = call(["resume", folder.name], cwd)
    assert UNEXPECTED not in result.stderr
    assert snapshot(outside) == before
    if what in ("checkpoints", "the folder itself"):
        assert "is a link: a run is written to its own folder alone" in error_line(result)


def test_a_log_is_not_written_through_a_link(cwd: Path) -> None:
    (cwd / "precious").write_text("precious")
    (cwd / "log.txt").symlink_to(cwd / "precious")

    class Owner:
        folder = RunFolder(cwd)
        lost = False

    with pytest.raises(OSError, match="symbolic links"):
        LogDisplay(Owner()).print("x")  # type: ignore[arg-type]
    assert (cwd / "precious").read_text() == "precious"


def test_no_pipe_in_a_run_folder_is_waited_for(cwd: Path) -> None:
    folder = interrupted_run(cwd)
    names = [
        "summary.json",
        "state.json",
        "lock",
        "checkpoints/last.pt",
        "checkpoints/previous.pt",
        "checkpoints/best.pt",
    ]
    for name in (*names, "events.jsonl", "config.json"):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
        if name == "config.json":
            (folder / "summary.json").unlink()
            (folder / "summary.json").write_text("{}")
        for command in (["runs"], ["attach", folder.name], ["evaluate", folder.name], ["resume", folder.name]):
            result = call(command, cwd)
            assert UNEXPECTED not in result.stderr, result.stderr
            assert result.returncode in (0, 1, 2)


def test_class_names_are_text_wherever_they_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cwd = prepare_project(tmp_path, monkeypatch, classes=(MARKUP, BIDI))
    trained = call([*TRAIN, "--epochs", "1"], cwd)
    assert trained.returncode == 0, trained.stderr
    folder = only_run(cwd)
    evaluated = call(["evaluate", folder.name], cwd)
    for shown in (trained.stdout, trained.stderr, evaluated.stdout, (folder / "report.md").read_text()):
        assert not control_characters(shown)
    assert MARKUP in evaluated.stdout
    assert r"[x]\u202egod" in evaluated.stdout
    assert r"\[red\]cat" in (folder / "report.md").read_text()
    named = cwd / "images" / "train" / "a\x1b[2Jb"
    named.mkdir()
    line = error_line(call([*TRAIN, "--epochs", "1"], cwd))
    assert r"a\x1b[2Jb" in line


def test_a_folders_name_and_what_its_files_say_are_text_wherever_they_are_shown(cwd: Path) -> None:
    folder = cwd / "runs" / HOSTILE_ID
    interrupted_run(cwd).rename(folder)
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    lines[0] |= dict.fromkeys(("id", "model", "data", "device", "precision"), HOSTILE_ID)
    lines.append({"type": "note", "t": 99, "level": "warning", "message": HOSTILE_ID})
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | dict.fromkeys(("state", "model", "data"), HOSTILE_ID)))
    for command in ("runs", "attach", "evaluate", "stop", "resume"):
        result = call([command, *([] if command == "runs" else [HOSTILE_ID])], cwd)
        shown = result.stdout + result.stderr
        assert not control_characters(shown), command
        assert r"[b]x\x1b[2J" in shown, command
    assert not control_characters((folder / "report.md").read_text())


async def test_the_dashboard_shows_what_runs_say_as_text(tmp_path: Path) -> None:
    plain = recorded_folder(tmp_path, "x").path
    folder = RunFolder(plain.rename(tmp_path / f"20250101-000000-{MARKUP}\x1b[2J\u202e"))
    record = folder.read_record()
    options = replace(record.options, data=f"/x/{MARKUP}\x1b[2J\u202e", data_dir=MARKUP, device="cpu")
    folder.write_record(replace(record, options=options))
    lines = [json.loads(line) for line in folder.events_file.read_text().splitlines()]
    names = [f"{MARKUP}{number}\x1b\u202e" for number in range(len(lines[0]["classes"]))]
    lines[0] |= {"classes": names} | dict.fromkeys(("model", "data", "device", "precision"), f"{MARKUP}\x1b[2J")
    lines[-1]["message"] = f"[/]{MARKUP}\x1b[2J"
    folder.events_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder.write_summary(replace(folder.read_summary(), model=f"[/]{MARKUP}", data=f"[/]{MARKUP}"))
    (tmp_path / "20250101-000001-broken[red]").mkdir()
    (tmp_path / "20250101-000001-broken[red]" / "summary.json").write_text("[/]")
    async with dashboard(tmp_path, "mlp", size=(160, 40)) as desk:
        await desk.until(lambda: len(desk.app.runs) == 3)
        await desk.press("down")
        await desk.shows("broken[red]", "summary.json: damaged")
        await desk.press("n", "escape")
        await desk.shows("config.json: cannot be read")
        await desk.press("down")
        await desk.shows(r"[/][red]cat\x1b[2J")
        for key, shown in (("2", "[red]cat0"), ("6", r"[red]cat\x1b[2J"), ("5", "broken[red]"), ("n", "[red]cat")):
            await desk.press(key)
            await desk.shows(shown)
            assert not control_characters(desk.screen())


def test_every_image_that_is_a_bomb_or_none_is_left_out_by_its_name(cwd: Path) -> None:
    reasons = write_unusable(cwd / "unusable")
    places = [cwd / "images" / "train" / "cat", cwd / "images" / "train" / "dog"]
    left = sorted(reasons)
    while left:
        some, left = left[:3], left[3:]
        for name, place in zip(some, [*places, places[0]], strict=False):
            (cwd / "unusable" / name).rename(place / f"[red]{name}")
        result = call([*TRAIN, "--epochs", "1"], cwd)
        assert result.returncode == 0, result.stderr
        for name, place in zip(some, [*places, places[0]], strict=False):
            why = "" if reasons[name] == "not an image" else f" ({reasons[name]})"
            assert f"[red]{name}'{why}" in result.stdout
            (place / f"[red]{name}").unlink()


@pytest.mark.parametrize(
    "text",
    [
        "epochs = 0x" + "f" * 5000,
        "epochs = " + "9" * 5000,
        "lr = " + "9" * 400,
        "lr = nan",
        "lr = -inf",
        "model = " + "[" * 5000,
        "model = []",
        'model = [["mlp"]]',
        'model = "../../x"',
        'runs-dir = ""',
        'runs-dir = "a\\u0000b"',
        'data = "a\\u0000b"',
        'data-dir = "~nobody-at-all/x"',
        'name = "\\u001b[2J"',
        '"\\u001b[2J" = 1',
        '"' + "x" * 100_000 + '" = 1',
        "epochs = 2026-01-01",
        "seed = true",
        "epochs = {a = 1}",
        "[epochs]",
        "\x00",
        "\x1b[2J",
    ],
    ids=str.__len__,
)
def test_a_configuration_file_that_is_odd_is_one_line(cwd: Path, text: str) -> None:
    (cwd / "odd.toml").write_text(text)
    before = snapshot(cwd)
    line = error_line(call(["--no-ui", "--data", "digits", "--config", "odd.toml", "--epochs", "0"], cwd))
    assert not control_characters(line)
    assert len(line) < 1000
    assert snapshot(cwd) == before
