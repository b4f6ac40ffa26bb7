"""The dashboard by its keys, on a fake trainer: what each key does, and what the screen shows of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.events import Note, Paused, Resumed
from cifar_tui.runs.messages import Ended, Loading
from cifar_tui.store.catalog import Watcher
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.log.message_line import MessageLine
from cifar_tui.tui.main_screen import MainScreen
from tests.support.dashboard import DashboardPilot, FakeWorkspace, dashboard, digits, recorded_folder, workspace_of
from tests.support.recorded import batch


async def test_the_ready_runs_and_the_earlier_ones_are_there_from_the_start(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path) as desk:
        await desk.shows("ready", "cnn", "mlp", "old", "stopped", "1 run in")
        assert desk.workspace.runs == []


async def test_another_theme_colours_the_last_message_too(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        desk.app.status_log.write("take care", level="warning")
        message = desk.app.main.query_one(MessageLine)
        for theme in ("dark", "light"):
            desk.app.themes.preview(theme)
            warning = desk.app.themes.look.warning
            await desk.until(lambda: any(style == warning for _, style, _ in message.lines(80, 1)[0]))  # noqa: B023


async def test_the_title_says_that_the_runs_are_read_until_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded_folder(tmp_path, "old")
    may_read, poll = threading.Event(), Watcher.poll
    monkeypatch.setattr(Watcher, "poll", lambda watcher: may_read.wait(60) and poll(watcher))
    async with dashboard(tmp_path) as desk:
        await desk.shows("reading /")
        may_read.set()
        await desk.shows("1 run in")


async def test_s_starts_the_selected_run_which_is_then_watched_live(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("down", "s")
        run = await desk.run()
        assert run.config.model == "mlp"
        await desk.shows("loading")
        run.tell(Loading("reading digits", 1, 2))
        run.begin(batch(1, 1), batch(1, 2))
        await desk.shows("running", "1/5")
        run.learn(2)
        await desk.shows("50.00 %", "2/5")


async def test_a_run_that_is_found_in_its_folder_before_its_first_message_has_one_row(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "mlp") as desk:
        await desk.press("s")
        run = await desk.run()
        folder = recorded_folder(tmp_path, "mlp")
        await desk.shows("stopped", "1 run active")
        run.folder = folder
        run.begin(batch(1, 1))
        await desk.until(lambda: "stopped" not in desk.screen())
        assert len(desk.app.runs) == 1


async def test_start_starts_all_ready_runs_at_once(tmp_path: Path) -> None:
    async with dashboard(tmp_path, start=True) as desk:
        await desk.until(lambda: len(desk.workspace.runs) == 2)
        assert [run.config.model for run in desk.workspace.runs] == ["cnn", "mlp"]
        await desk.shows("2 runs active")


async def test_s_asks_before_it_stops_a_run_and_shows_stopping_until_the_end(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.learn(1)
        await desk.shows("running")
        await desk.press("s")
        await desk.shows("Stop cnn?", "checkpoint")
        await desk.press("escape")
        assert run.asked == ["start"]
        await desk.press("s", "s")
        await desk.shows("stopping after this batch")
        assert run.asked == ["start", "stopped"]
        run.end("stopped")
        await desk.shows("■ stopped", "idle")


async def test_p_pauses_after_the_batch_and_resumes(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1))
        await desk.shows("running")
        await desk.press("p")
        await desk.shows("pausing after this batch")
        run.tell(Paused(t=1.0, epoch=1, batch=1))
        await desk.shows("║ paused")
        await desk.press("p")
        run.tell(Resumed(t=3.0, epoch=1, batch=1, samples=10))
        await desk.shows("► running")
        assert run.asked == ["start", "pause", "resume"]


async def test_r_resumes_an_earlier_run_where_it_stopped(tmp_path: Path) -> None:
    folder = recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path) as desk:
        await desk.shows("old")
        await desk.press("end", "r")
        run = await desk.run()
        assert run.folder == folder
        run.tell(Resumed(t=99.0, epoch=3, batch=0, samples=80), batch(3, 1))
        await desk.shows("► running", "3/5")


async def test_a_trainers_error_is_a_failed_run_with_its_message_and_no_dead_app(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.learn(1)
        run.end("failed", RuntimeError("the disk is on fire"))
        await desk.shows("× failed", "the disk is on fire")
        await desk.press("down", "s")
        assert (await desk.run()).config.model == "mlp"


async def test_a_run_that_cannot_start_says_why(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.error = InputError("--device cuda: no usable NVIDIA GPU was found")
        run.tell(Ended(run.error))
        await desk.shows("× failed", "no usable NVIDIA GPU was found")


async def test_missing_images_become_a_question(tmp_path: Path) -> None:
    async with dashboard(tmp_path, data="cifar10") as desk:
        desk.workspace.missing_in = tmp_path / "cache"
        await desk.press("s")
        await desk.shows("CIFAR-10 is not on this machine", "170 MB", "digits")
        await desk.press("escape")
        assert desk.workspace.runs == []
        await desk.press("s")
        await desk.shows("CIFAR-10 is not on this machine")
        await desk.press("d")
        assert (await desk.run()).config.data == "digits"


async def test_a_question_about_missing_images_is_asked_once_for_all_runs(tmp_path: Path) -> None:
    async with dashboard(tmp_path, data="cifar10") as desk:
        desk.workspace.missing_in = tmp_path / "cache"
        await desk.press("S")
        await desk.shows("CIFAR-10 is not on this machine")
        await desk.press("f")
        await desk.until(lambda: len(desk.workspace.runs) == 2)
        assert {run.config.data for run in desk.workspace.runs} == {"cifar10"}
        assert isinstance(desk.app.screen, MainScreen)


async def test_n_creates_a_run_from_the_selected_ones_options(tmp_path: Path) -> None:
    async with dashboard(tmp_path, epochs=9) as desk:
        await desk.press("n")
        await desk.until(lambda: not isinstance(desk.app.screen, MainScreen))
        await desk.press("ctrl+s")
        await desk.shows("0/9", "is ready")
        assert desk.app.selected is list(desk.app.runs)[2]
        assert desk.workspace.runs == []


async def test_marked_runs_are_compared_earlier_ones_too(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "first", epochs=1)
    recorded_folder(tmp_path, "second", epochs=3)
    async with dashboard(tmp_path) as desk:
        await desk.shows("first", "second")
        await desk.press("end", "space", "up", "space", "c")
        await desk.until(lambda: all(entry.state for entry in desk.app.runs.marked))
        assert {entry.name for entry in desk.app.runs.marked} == {"first", "second"}
        await desk.shows("50.00 %")
        assert desk.view == "compare"


async def test_the_views_change_by_their_keys_unless_a_dialog_is_open(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        for key, view in (("2", "confusion"), ("4", "compare"), ("5", "log"), ("6", "device"), ("1", "charts")):
            await desk.press(key)
            assert desk.view == view
        await desk.press("question_mark")
        await desk.shows("Y axes on a logarithmic scale")
        await desk.press("2")
        assert desk.view == "charts"
        await desk.press("escape")
        assert isinstance(desk.app.screen, MainScreen)


async def test_the_filter_shows_the_runs_that_match_and_escape_shows_all(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("slash", *"mlp")
        assert [entry.name for entry in desk.app.main.table.entries] == ["mlp"]
        await desk.press("enter", "s")
        assert (await desk.run()).config.model == "mlp"
        await desk.press("slash", "escape")
        assert len(desk.app.main.table.entries) == 2


async def test_e_writes_the_report_of_a_run_as_far_as_it_is_recorded(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "20250101-000000-old")
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path) as desk:
        await desk.shows("old")
        await desk.press("end", "e")
        await desk.until((folder.path / "report.md").exists)
        await desk.shows("report written:")


async def test_a_run_whose_events_are_gone_says_so(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old").events_file.unlink()
    async with dashboard(tmp_path) as desk:
        await desk.shows("old")
        await desk.press("end")
        await desk.shows("damaged or missing")


async def test_textuals_own_key_for_leaving_asks_too(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1))
        await desk.shows("running")
        await desk.press("ctrl+q")
        await desk.shows("Quit?")
        assert run.asked == ["start"]


async def test_an_error_while_messages_are_shown_ends_the_dashboard_and_loses_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FakeWorkspace(tmp_path)
    app = Dashboard(tmp_path, digits("cnn"), workspace_of(session))

    async def fail() -> None:
        async with app.run_test() as pilot:
            desk = DashboardPilot(app, pilot, session)
            await desk.press("s")
            run = await desk.run()
            monkeypatch.setattr(app.status_log, "report", lambda entry, message: 1 / 0)
            run.begin(batch(1, 1))
            run.end("stopped")
            await desk.until(lambda: not app.is_running)

    with pytest.raises(ZeroDivisionError):  # Textual's pilot raises it once more.
        await fail()
    assert isinstance(app.failure, ZeroDivisionError)
    assert app.runs.active == []


async def test_what_libraries_print_lands_in_the_log_which_opens_at_its_end(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        for number in range(60):
            desk.app.print_to_log(f"line {number} from C")
        await desk.press("5")
        await desk.shows("line 58 from C")  # The last one is in the line below, too.


async def test_a_long_message_is_wrapped_below_its_beginning_also_when_it_came_while_the_log_was_hidden(
    tmp_path: Path,
) -> None:
    async with dashboard(tmp_path, size=(100, 30)) as desk:
        desk.app.print_to_log("before " + "word " * 20)
        await desk.press("5")
        await desk.shows("before word")
        await desk.press("1")
        desk.app.print_to_log("hidden " + "word " * 15)
        await desk.press("5")
        await desk.shows("hidden word")
        lines = desk.screen().splitlines()
        at = next(y for y, line in enumerate(lines) if "hidden word" in line)
        first, more = lines[at], lines[at + 1]
        assert first.count("word") > 5
        assert more.index("word") == first.index("cifar-tui")


async def test_notes_and_epochs_of_a_run_are_in_the_log(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.learn(1)
        run.tell(Note(t=5.0, level="warning", message="two images were left out"))
        run.end("finished")
        await desk.press("5")
        await desk.shows("epoch 1/5", "two images were left out", "finished: done")


async def test_q_leaves_at_once_when_nothing_runs(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("q")
        await desk.until(lambda: not desk.app.is_running)
        assert not desk.app.continue_headless


@pytest.mark.parametrize(
    ("answer", "asked", "headless"),
    [("s", ["start", "stopped"], False), ("h", ["start"], True), ("ctrl+c", ["start", "stopped"], False)],
)
async def test_q_asks_what_to_do_with_active_runs(
    tmp_path: Path, answer: str, asked: list[str], headless: bool
) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1))
        await desk.shows("running")
        await desk.press("q")
        await desk.shows("Quit?", "cnn")
        await desk.press("escape", "q", answer)
        await desk.until(lambda: not desk.app.is_running)
        assert run.asked == asked
        assert desk.app.continue_headless is headless
        run.tell(batch(1, 2))
        assert desk.app.inbox.queue.qsize() >= 1, "kept for who waits for the runs"


async def test_an_error_of_the_dashboard_ends_it_and_is_kept_for_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FakeWorkspace(tmp_path)
    app = Dashboard(tmp_path, digits("cnn"), workspace_of(session))

    async def fail() -> None:
        async with app.run_test() as pilot:
            monkeypatch.setattr(MainScreen, "draw_selected", lambda _self: 1 / 0)
            app.call_later(app.main.fill)
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):  # Textual's pilot raises it once more.
        await fail()
    assert isinstance(app.failure, ZeroDivisionError)
    assert "draw_selected" in app.failure_traceback
