"""Notifications reach people by Apprise and by a command, harm no training, and leave no secrets behind."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.config import TOPICS, HealthOptions
from cifar_tui.errors import InputError
from cifar_tui.events import Note, to_json
from cifar_tui.headless.watching.attached import watch
from cifar_tui.runs import device_usage
from cifar_tui.runs.notifications import notifier as notifier_module
from cifar_tui.runs.notifications.notification import Notification, notification_of
from cifar_tui.runs.notifications.notifier import Notifier, without_secrets
from cifar_tui.runs.sinks.health import HealthSink
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from tests.support.command import only_run, summary
from tests.support.program import TRAIN, call, prepare_project
from tests.support.recorded import finished, started

SECRET = "s3cr3t-token"
FAKE_APPRISE = """
import os

class Apprise:
    def __init__(self):
        self.urls = []

    def add(self, url):
        self.urls.append(url)
        return not url.startswith("nothing")

    def notify(self, title, body, body_format):
        with open(os.environ["SENT"], "a") as file:
            file.write(f"{title}|{body}|{body_format}\\n")
        if "down" in self.urls[0]:
            raise OSError(f"cannot reach {self.urls[0]}")
        return "refused" not in self.urls[0]
"""
MESSAGE = Notification("cifar-tui: cnn finished", "test accuracy 93.00 %", "cnn", "finished")


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of what a package in Apprise's place has sent."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "apprise.py").write_text(FAKE_APPRISE)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.delitem(sys.modules, "apprise", raising=False)
    monkeypatch.setenv("SENT", str(tmp_path / "sent"))
    return tmp_path / "sent"


def send(notifier: Notifier, message: Notification = MESSAGE) -> list[str]:
    """What could not be sent."""
    problems: list[str] = []
    notifier.send(message, problems.append)
    notifier.close()
    return problems


def printing(path: Path) -> str:
    """A command that writes its arguments and its environment variables of this program."""
    code = (
        f"import json, os, sys; json.dump([sys.argv[1:], {{k: v for k, v in os.environ.items() if 'CIFAR_TUI' in k}}], "
        f"open({str(path)!r}, 'w'))"
    )
    return shlex.join([sys.executable, "-c", code])


def test_a_command_gets_title_and_text_as_words_and_no_shell_reads_them(tmp_path: Path) -> None:
    hostile = Notification("cifar-tui: $(touch x) `id`; cnn", "'; rm -rf ~ #\\", "cnn", "finished")
    assert send(Notifier(command=printing(tmp_path / "given")), hostile) == []
    arguments, environment = json.loads((tmp_path / "given").read_text())
    assert arguments == [hostile.title, hostile.body]
    assert environment["CIFAR_TUI_TITLE"] == hostile.title
    assert environment["CIFAR_TUI_EVENT"] == "finished"
    assert "CIFAR_TUI_NOTIFY" not in environment


def test_a_text_is_on_one_line_and_looks_like_no_option() -> None:
    note = Note(t=1.0, level="warning", message="--output=/etc/passwd\x1b]0;\n", topic="loss-spike")
    made = notification_of(note, "cnn")
    assert made is not None
    assert made.body == "output=/etc/passwd\\x1b]0;\\n"
    long = notification_of(Note(t=1.0, level="warning", message="x" * 100_000, topic="disk"), "cnn")
    assert long is not None
    assert len(long.body) == 500
    assert long.body.endswith("x…")
    assert notification_of(finished("finished"), "cnn") is not None


def test_what_fails_is_one_line_and_the_next_one_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = shlex.join([sys.executable, "-c", "import sys; sys.exit('no \\x1b network')"])
    assert send(Notifier(command=failing)) == [
        f"--notify-command {Path(sys.executable).name}: exit status 1: no \\x1b network"
    ]
    assert send(Notifier(command="/nowhere/at-all")) == ["--notify-command at-all: No such file or directory"]
    with pytest.raises(InputError, match=r"^--notify-command: no closing quotation"):
        Notifier(command="it's")


def test_a_command_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[-1]

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(notifier_module, "COMMAND_SECONDS", 0.05)
    assert send(Notifier(command="sh -c 'sleep 1000'")) == ["--notify-command sh: killed after 0.05 s"]
    (process,) = started
    assert process.wait() == -signal.SIGKILL


def test_apprise_is_given_plain_text_and_its_failure_names_no_url(sent: Path) -> None:
    assert send(Notifier([f"json://{SECRET}@host"])) == []
    assert sent.read_text() == "cifar-tui: cnn finished|test accuracy 93.00 %|text\n"
    (refused,) = send(Notifier([f"json://refused/{SECRET}"]))
    (down,) = send(Notifier([f"json://down/{SECRET}"]))
    assert "not delivered" in refused
    assert down == "notification not sent: OSError"
    with pytest.raises(InputError, match="begins with 'nothing'") as error:
        Notifier([f"nothing://{SECRET}"])
    assert SECRET not in str(error.value)


def test_without_apprise_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'cifar-tui\[notify\]'"):
        Notifier(["ntfy://x"])


def test_urls_and_commands_are_left_out_of_command_lines() -> None:
    given = ["--notify", SECRET, "--epochs", "3", f"--notify={SECRET}", "--notify-command", f"curl {SECRET}"]
    kept = ["--notify", "URL", "--epochs", "3", "--notify=URL", "--notify-command", "COMMAND"]
    assert without_secrets(given) == kept
    assert without_secrets([f"--notify-command=curl -H a={SECRET}"]) == ["--notify-command=COMMAND"]


def test_a_headless_run_sends_its_warnings_and_its_end_and_keeps_them_in_its_folder(
    tmp_path: Path, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cwd, given_to_command = prepare_project(tmp_path, monkeypatch), tmp_path / "given"
    for name in ("CIFAR_TUI_NOTIFY", "CIFAR_TUI_NOTIFY_COMMAND"):
        monkeypatch.setenv(name, "")  # Processes that it starts are to get them.
    monkeypatch.setattr(device_usage, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(device_usage, "SAMPLE_SECONDS", 0.01)
    given = ["--epochs", "100", "--patience", "100", "--disk-reserve", "1e9"]
    given += [word for topic in TOPICS if topic != "disk" for word in ("--mute", topic)]
    ways = ["--notify", f"json://{SECRET}@host", "--notify-command", f"{printing(given_to_command)} {SECRET}"]
    result = call([*TRAIN, *given, *ways], cwd)
    assert result.returncode == 0, result.stderr
    folder = only_run(cwd)
    lines = sent.read_text().splitlines()
    assert [line.partition("|")[0].rpartition("mlp")[2] for line in lines] == [": disk", " finished"]
    assert "disk nearly full: " in lines[0]
    assert "test accuracy" in lines[1]
    assert json.loads(given_to_command.read_text())[1]["CIFAR_TUI_EVENT"] == "finished"
    assert "warning: disk nearly full: " in result.stdout
    notes = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines() if '"note"' in line]
    assert [note["level"] for note in notes if note["topic"] == "disk"] == ["warning"]
    assert summary(folder)["warnings"] == [], "a disk that was full then is no warning of a run that has ended"
    report = (folder / "report.md").read_text()
    assert "## Health" in report
    assert re.search(r"^- After .*: disk nearly full: .*\.$", report, re.MULTILINE)
    everything = "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())
    assert SECRET not in everything + result.stdout + result.stderr
    assert os.environ["CIFAR_TUI_NOTIFY"] == f"json://{SECRET}@host", "for runs in the background"


def test_a_check_that_fails_is_one_note_and_the_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, event: object) -> None:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr(HealthCheck, "apply", fail)
    sink = HealthSink(HealthOptions(), 10, RunState())
    for _ in range(3):
        sink.record(finished("finished"))
    (note,) = sink.trouble(1.0)
    assert note.message.startswith("the health check has failed, and checks no more: ")
    assert sink.trouble(1.0) == []


def test_who_watches_a_run_is_notified_when_its_process_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path / "20260101-000000-cnn")
    folder.path.mkdir()
    (folder.path / "events.jsonl").write_text(to_json(started()) + "\n")
    alive = [True, False]
    monkeypatch.setattr("cifar_tui.headless.watching.attached.is_held", lambda _: alive.pop(0))
    watch(folder, as_json=False, health=HealthOptions(), notifier=Notifier(command=printing(tmp_path / "given")))
    assert json.loads((tmp_path / "given").read_text())[0][1] == "its process died"
