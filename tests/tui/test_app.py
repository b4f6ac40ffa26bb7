"""The dashboard by its keys, on a fake trainer: what each key does, and what the screen says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.geometry import Size
from textual.screen import Screen

from cifar_tui.errors import InputError
from cifar_tui.events import Note, Paused, Resumed
from cifar_tui.runs.messages import Ended, Loading
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.tui.app import Dashboard
from cifar_tui.tui.keys import KEYS, PANEL_GROUPS
from cifar_tui.tui.main_screen import SMALLEST, MainScreen
from cifar_tui.tui.runtime import in_turn
from tests.support.dashboard import Desk, FakeSession, dashboard, digits, recorded_folder, session_of
from tests.support.recorded import batch
from tests.tui.textual_compat import LayoutCounter


async def test_the_ready_runs_and_the_earlier_ones_are_there_from_the_start(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path) as desk:
        await desk.shows("ready", "cnn", "mlp", "old", "stopped", "1 run in", "cpu: a fast one")
        assert desk.session.runs == []


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


async def test_a_run_that_was_seen_in_its_folder_before_it_told_of_itself_has_one_row(tmp_path: Path) -> None:
    async with dashboard(tmp_path, "mlp") as desk:
        await desk.press("s")
        run = await desk.run()
        folder = recorded_folder(tmp_path, "mlp")
        await desk.shows("stopped", "1 run under way")
        run.folder = folder
        run.begin(batch(1, 1))
        await desk.until(lambda: "stopped" not in desk.screen())
        assert len(desk.app.roster) == 1


async def test_start_starts_all_ready_runs_at_once(tmp_path: Path) -> None:
    async with dashboard(tmp_path, start=True) as desk:
        await desk.until(lambda: len(desk.session.runs) == 2)
        assert [run.config.model for run in desk.session.runs] == ["cnn", "mlp"]
        await desk.shows("2 runs under way")


async def test_stopping_is_asked_about_answered_at_once_and_shown_until_it_is_done(tmp_path: Path) -> None:
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
        await desk.shows("■ stopped", "nothing runs")


async def test_p_pauses_after_the_batch_and_lets_go_on(tmp_path: Path) -> None:
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


async def test_r_goes_on_with_an_earlier_run_where_it_stopped(tmp_path: Path) -> None:
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


async def test_a_run_that_cannot_begin_says_why(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("s")
        run = await desk.run()
        run.error = InputError("--device cuda: no usable NVIDIA GPU was found")
        run.tell(Ended(run.error))
        await desk.shows("× failed", "no usable NVIDIA GPU was found")


async def test_missing_images_become_a_question(tmp_path: Path) -> None:
    async with dashboard(tmp_path, data="cifar10") as desk:
        desk.session.missing_in = tmp_path / "cache"
        await desk.press("s")
        await desk.shows("CIFAR-10 is not on this machine", "170 MB", "digits")
        await desk.press("escape")
        assert desk.session.runs == []
        await desk.press("s")
        await desk.shows("CIFAR-10 is not on this machine")
        await desk.press("d")
        assert (await desk.run()).config.data == "digits"


async def test_a_question_about_missing_images_is_asked_once_for_all_runs(tmp_path: Path) -> None:
    async with dashboard(tmp_path, data="cifar10") as desk:
        desk.session.missing_in = tmp_path / "cache"
        await desk.press("S")
        await desk.shows("CIFAR-10 is not on this machine")
        await desk.press("f")
        await desk.until(lambda: len(desk.session.runs) == 2)
        assert {run.config.data for run in desk.session.runs} == {"cifar10"}
        assert isinstance(desk.app.screen, MainScreen)


async def test_n_makes_a_run_from_the_selected_ones_options(tmp_path: Path) -> None:
    async with dashboard(tmp_path, epochs=9) as desk:
        await desk.press("n")
        await desk.until(lambda: not isinstance(desk.app.screen, MainScreen))
        await desk.press("ctrl+s")
        await desk.shows("0/9", "is ready")
        assert desk.app.selected is list(desk.app.roster)[2]
        assert desk.session.runs == []


async def test_marked_runs_are_compared_earlier_ones_too(tmp_path: Path) -> None:
    recorded_folder(tmp_path, "first", epochs=1)
    recorded_folder(tmp_path, "second", epochs=3)
    async with dashboard(tmp_path) as desk:
        await desk.shows("first", "second")
        await desk.press("end", "space", "up", "space", "c")
        await desk.until(lambda: all(entry.state for entry in desk.app.roster.marked))
        assert {entry.name for entry in desk.app.roster.marked} == {"first", "second"}
        await desk.shows("50.00 %")
        assert desk.view == "compare"


async def test_the_views_change_by_their_keys_and_a_modal_takes_them(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        for key, view in (("2", "confusion"), ("4", "compare"), ("5", "log"), ("6", "device"), ("1", "charts")):
            await desk.press(key)
            assert desk.view == view
        await desk.press("question_mark")
        await desk.shows("The loss on a logarithmic scale")
        await desk.press("2")
        assert desk.view == "charts"
        await desk.press("escape")
        assert isinstance(desk.app.screen, MainScreen)


async def test_the_filter_shows_the_runs_that_match_and_escape_shows_all(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.press("slash", *"mlp")
        assert [entry.name for entry in desk.app.main.runs.entries] == ["mlp"]
        await desk.press("enter", "s")
        assert (await desk.run()).config.model == "mlp"
        await desk.press("slash", "escape")
        assert len(desk.app.main.runs.entries) == 2


async def test_what_is_typed_at_once_after_the_filters_key_belongs_to_the_filter(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead("/", *"stop")
        await desk.until(lambda: desk.app.main.filter is not None and desk.app.main.filter.value == "stop")
        assert desk.session.runs == []


async def test_e_writes_the_report_of_a_run_as_far_as_it_is_recorded(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "20250101-000000-old")
    recorded_folder(tmp_path, "old")
    async with dashboard(tmp_path) as desk:
        await desk.shows("old")
        await desk.press("end", "e")
        await desk.until((folder.path / "report.md").exists)
        await desk.shows("its report is")


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


async def test_an_error_while_news_are_shown_ends_the_dashboard_and_loses_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FakeSession(tmp_path)
    app = Dashboard(tmp_path, digits("cnn"), session_of(session))

    async def fail() -> None:
        async with app.run_test() as pilot:
            desk = Desk(app, pilot, session)
            await desk.press("s")
            run = await desk.run()
            monkeypatch.setattr(app, "_tell", lambda entry, message: 1 / 0)
            run.begin(batch(1, 1))
            run.end("stopped")
            await desk.until(lambda: not app.is_running)

    with pytest.raises(ZeroDivisionError):  # Textual's pilot raises it once more.
        await fail()
    assert isinstance(app.failure, ZeroDivisionError)
    assert app.roster.under_way == []


async def test_what_libraries_print_lands_in_the_log(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        desk.app.printed("a line from C")
        await desk.press("5")
        await desk.shows("a line from C")


async def test_notes_and_epochs_of_a_run_are_told_in_the_log(tmp_path: Path) -> None:
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
        assert not desk.app.go_on_headless


@pytest.mark.parametrize(
    ("answer", "asked", "headless"),
    [("s", ["start", "stopped"], False), ("h", ["start"], True), ("ctrl+c", ["start", "stopped"], False)],
)
async def test_q_asks_what_is_to_become_of_runs_under_way(
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
        assert desk.app.go_on_headless is headless
        run.tell(batch(1, 2))
        assert desk.app.inbox.queue.qsize() >= 1, "kept for who waits for the runs"


async def test_no_terminal_is_too_small_to_say_so(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=(40, 10)) as desk:
        assert f"needs {SMALLEST[0]} columns" in desk.screen()
        await desk.pilot.resize_terminal(*SMALLEST)
        await desk.shows("cnn", "mlp", "ready")
        await desk.pilot.resize_terminal(3, 1)
        await desk.pilot.resize_terminal(200, 60)
        await desk.shows("cnn", "learning rate")


@pytest.mark.parametrize("opens", ["?", "n", "s"])
async def test_a_key_right_after_escape_is_not_lost_to_the_box_that_it_closes(tmp_path: Path, opens: str) -> None:
    async with dashboard(tmp_path) as desk:
        if opens == "s":
            await desk.press("s")
            (await desk.run()).begin(batch(1, 1))
        await desk.press(opens)
        assert desk.app.screen is not desk.app.main
        await desk.type_ahead("escape", "5")
        await desk.until(lambda: desk.app.screen is desk.app.main)
        await desk.until(lambda: desk.view == "log")


@pytest.mark.parametrize("keys", [("?", "escape"), ("n", "escape"), ("n", "escape", "/", "n", "escape")])
async def test_keys_pressed_ahead_act_in_turn(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead(*keys, "5")
        await desk.until(lambda: desk.view == "log")
        assert desk.app.screen is desk.app.main
        await desk.until(lambda: desk.app.filter_words == [])
        await desk.shows("cnn", "mlp")


async def test_what_is_typed_ahead_of_a_box_is_written_into_it(tmp_path: Path) -> None:
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead("/", "m", "l")
        await desk.until(lambda: desk.app.filter_words == ["ml"])


async def test_a_key_whose_effect_is_never_heard_of_holds_up_the_next_one_for_a_moment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_turn, "PATIENCE", 0.01)
    monkeypatch.setattr(in_turn.Handled, "bubble", False)
    async with dashboard(tmp_path) as desk:
        await desk.type_ahead("?", "escape", "5")
        await desk.until(lambda: desk.view == "log")


async def test_changes_of_size_that_overtake_each_other_come_to_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with dashboard(tmp_path) as desk:
        LayoutCounter(monkeypatch, MainScreen, limit=100)
        for size in (Size(100, 30), Size(1, 1), Size(59, 14), Size(120, 40)):
            desk.app.main.post_message(events.Resize(size, size))
            desk.app.main.call_later(lambda: None)
        await desk.pilot.pause()
        assert desk.app.main.size == (120, 40)


@pytest.mark.parametrize("opens", ["", "?", "n", "ctrl+p", "q"])
async def test_the_smallest_terminals_come_to_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: str) -> None:
    async with dashboard(tmp_path) as desk:
        if opens == "q":
            await desk.press("s")
            (await desk.run()).begin(batch(1, 1))
        if opens:
            await desk.press(opens)
            assert desk.app.screen is not desk.app.main
        layouts = LayoutCounter(monkeypatch, Screen, limit=16)
        for size in ((1, 1), (1, 60), (3, 2), (58, 1)):
            layouts.count = 0
            await desk.pilot.resize_terminal(*size)
            await desk.pilot.pause(0.4)
            assert desk.app.screen.size == size


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
async def test_every_view_is_drawn_at_every_size_for_every_state(tmp_path: Path, size: tuple[int, int]) -> None:
    async with dashboard(tmp_path, size=size) as desk:
        for key in "24561":
            await desk.press(key)
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1, float("nan")), batch(1, 2, float("inf")))
        await desk.until(lambda: desk.app.selected and desk.app.selected.status == "running")
        for key in "24561xlz+-":
            await desk.press({"+": "plus", "-": "minus"}.get(key, key))
        run.learn(3)
        run.end("finished")
        await desk.until(lambda: desk.app.selected and desk.app.selected.status == "finished")
        for key in ("2", "left", "4", "space", "4", "5", "6", "1", "left", "left", "right", "escape"):
            await desk.press(key)
        await desk.shows("finished")


async def test_an_error_of_the_dashboard_ends_it_and_is_kept_for_a_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = FakeSession(tmp_path)
    app = Dashboard(tmp_path, digits("cnn"), session_of(session))

    async def fail() -> None:
        async with app.run_test() as pilot:
            monkeypatch.setattr(MainScreen, "draw_selected", lambda _self: 1 / 0)
            app.call_later(app.fill)
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):  # Textual's pilot raises it once more.
        await fail()
    assert isinstance(app.failure, ZeroDivisionError)
    assert "draw_selected" in app.failure_traceback


def test_each_key_is_bound_once_and_has_its_action() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)
    names = [name for key in KEYS for name in key.keys.split(",")]
    assert len(set(names)) == len(names)
    for key in KEYS:
        action = key.action.partition("(")[0].rpartition(".")[2]
        owner = MainScreen if key.group in PANEL_GROUPS else Dashboard
        assert hasattr(owner, f"action_{action}"), key.id


async def test_the_footer_names_the_keys_that_matter_now(tmp_path: Path) -> None:
    async with dashboard(tmp_path, size=SMALLEST) as desk:

        def footer() -> str:
            return desk.screen().splitlines()[-1]

        await desk.until(lambda: "s start" in footer() and "q quit" in footer())
        await desk.press("s")
        run = await desk.run()
        run.begin(batch(1, 1))
        await desk.until(lambda: "s stop" in footer() and "p pause" in footer() and "q quit" in footer())
        run.tell(Paused(t=1.0, epoch=1, batch=1))
        await desk.until(lambda: "p go on" in footer())
        run.end("stopped")
        await desk.until(lambda: "r resume" in footer() and "s stop" not in footer())
        await desk.press("/", *"nothing", "enter")
        await desk.until(lambda: "n new run" in footer() and footer().count("new") == 1)
