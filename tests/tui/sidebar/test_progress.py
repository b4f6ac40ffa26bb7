"""What a person reads of a run's progress, in every state and at every size."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from cifar_tui.events import Note
from cifar_tui.formatting import UNKNOWN, time_left
from cifar_tui.records import Summary
from cifar_tui.tui.sidebar.progress import ProgressPanel, picture
from cifar_tui.tui.theme import Look
from cifar_tui.tui.view import Context
from tests.support.panel_states import ENTRIES, a_batch, begun, check_lines, entry, looks, names, sizes, text
from tests.support.recorded import ID

LOOK = Look()


def shown(name: str, width: int = 38, height: int = 8) -> list[str]:
    return text(picture(ENTRIES[name], LOOK, width, height))


@given(names, looks, sizes)
@settings(max_examples=300)
def test_every_state_fits_every_size_and_every_terminal(name: str, look: Look, size: tuple[int, int]) -> None:
    check_lines(picture(ENTRIES[name], look, *size), size, look)


def test_a_run_under_way_shows_its_epoch_its_speed_its_times_and_its_figures() -> None:
    assert shown("later") == [
        "► running                 epoch 3 of 3",
        "epoch  ████████████░░░░░░░░░░░     2/4",
        "run    ███████████████████░░░░    83 %",
        "time   13 s, < 10 s left",
        "speed  250 images/s",
        "best   50.00 % in epoch 1",
        "train  50.00 %  loss 1.5000",
        "val    50.00 %  loss 1.5000",
    ]


def test_before_the_first_whole_epoch_the_training_so_far_stands_for_it() -> None:
    lines = shown("first epoch")
    assert lines[0].endswith("epoch 1 of 3")
    assert lines[-1] == "train  25.00 %  loss 1.5000"
    assert not any(line.startswith(("best", "val")) for line in lines)


def test_what_is_not_known_yet_is_left_out() -> None:
    assert [line for line in shown("begun") if line.startswith("time")] == ["time   0.0 s"]
    assert "left" not in shown("begun", 120, 1)[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ready", "○ ready"),
        ("starting", "… loading"),
        ("first epoch", "► running"),
        ("validating", "► running: validation"),
        ("testing", "► running: test"),
        ("pausing", "… pausing after this batch…"),
        ("paused", "║ paused"),
        ("stopping", "… stopping after this batch…"),
        ("finished", "✓ finished"),
        ("stopped", "■ stopped"),
        ("interrupted", "! interrupted"),
        ("diverged", "∞ diverged"),
        ("failed", "× failed"),
    ],
)
@pytest.mark.parametrize("height", [1, 8])
def test_the_status_comes_first_in_a_glyph_and_in_words(name: str, words: str, height: int) -> None:
    first = shown(name, 60, height)[0]
    assert first.startswith(words)
    assert first[len(words) :][:2].strip() == ""


def test_loading_shows_how_much_of_it_is_done_in_its_own_unit() -> None:
    assert shown("fetching")[1:] == ["fetching cifar-10-python.tar.gz", "███████░░░░░░░░░ 70.0 of 170.5 MB"]
    assert shown("counting")[1:] == ["looking for images", "1,234"]
    assert shown("resuming")[2] == "████░░░░░░░░░░░░ 25 %"
    assert shown("resuming", 80, 1) == ["… loading  decoding images  ██░░░░░░░░ 25 %"]


def test_what_went_wrong_is_shown_in_full_and_the_figures_stay() -> None:
    assert shown("failed")[1:3] == ["out of memory at batch size 256: try", "--batch-size 128"]
    assert shown("failed", 80, 1) == ["× failed  out of memory at batch size 256: try --batch-size 128"]
    assert shown("diverged")[1] == "the loss is NaN"


def test_a_run_that_cannot_be_read_says_why_and_claims_no_epochs() -> None:
    damaged = entry(
        under_way=False, config=None, summary=Summary(id=ID, state="failed", message="config.json is damaged")
    )
    assert text(picture(damaged, LOOK, 38, 8))[:2] == ["× failed", "config.json is damaged"]
    assert text(picture(damaged, LOOK, 80, 1)) == [f"× failed  best {UNKNOWN}  {UNKNOWN}  config.json is damaged"]


@pytest.mark.parametrize("look", [LOOK, Look(ascii=True)])
def test_a_long_warning_is_cut_with_a_mark(look: Look) -> None:
    state = begun(1)
    state.apply(Note(t=2.0, level="warning", message="the loss rises " * 9 + "; stop it", topic="diverging"))
    rows = [row for row in text(picture(entry(state), look, 38, 12)) if "the loss" in row]
    assert len(rows) == 3
    assert rows[0].startswith("! the loss rises")
    assert rows[2].endswith(look.text("…"))


def test_an_ended_run_has_no_time_left_and_shows_its_test() -> None:
    lines = shown("finished")
    assert lines[0].endswith("3 of 3 epochs")
    assert not any("left" in line for line in [*lines, *shown("finished", 100, 1)])
    assert any(line.startswith("test   94.46 %") for line in lines)
    assert "test 94.46 %" in shown("finished", 60, 1)[0]


def test_an_earlier_run_that_is_not_read_yet_shows_its_summary() -> None:
    known = entry(
        under_way=False,
        config=None,
        summary=Summary(id=ID, state="stopped", epochs=3, planned_epochs=9, best_val_accuracy=0.7, seconds=100),
    )
    assert text(picture(known, LOOK, 38, 8)) == [
        "■ stopped                3 of 9 epochs",
        *["time   1 min 40 s", "best   70.00 %", f"test   {UNKNOWN}"],
    ]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (20, "► running  epoch 3/3"),
        (58, "► running  epoch 3/3  ████████░░ 83 %  < 10 s left"),
        (70, "► running  epoch 3/3  ████████░░ 83 %  < 10 s left  best 50.00 %"),
        (100, "► running  epoch 3/3  ████████░░ 83 %  < 10 s left  best 50.00 %  250 images/s  13 s"),
    ],
)
def test_one_line_keeps_what_matters_most(width: int, line: str) -> None:
    assert shown("later", width, 1) == [line]


def test_one_line_names_the_run_where_there_are_others() -> None:
    (row,) = text(picture(ENTRIES["later"], LOOK, 58, 1, "cnn 15:09"))
    assert row == "cnn 15:09  ► running  epoch 3/3  ████████░░ 83 %"
    (row,) = text(picture(ENTRIES["later"], LOOK, 12, 1, "cnn 15:09"))
    assert row == "► running"


def test_few_lines_keep_what_matters_most() -> None:
    assert [line.split()[0] for line in shown("later", 38, 3)] == ["►", "run", "time"]
    assert [line.split()[0] for line in shown("later", 38, 5)] == ["►", "epoch", "run", "time", "best"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "< 10 s"),
        (9.9, "< 10 s"),
        (12.4, "10 s"),
        (57.4, "55 s"),
        (58.0, "1 min"),
        (186.0, "3 min 10 s"),
        (598.0, "10 min"),
        (1450.0, "24 min"),
        (3590.0, "1 h 00 min"),
        (7500.0, "2 h 05 min"),
        (35_700.0, "9 h 55 min"),
        (35_990.0, "10 h"),
        (86_400.0, "24 h"),
        (200_000.0, "2 d 08 h"),
        (math.nan, UNKNOWN),
        (math.inf, UNKNOWN),
    ],
)
def test_the_time_left_is_rounded_coarsely(seconds: float, words: str) -> None:
    assert time_left(seconds) == words


@given(st.floats(60, 1e6), st.floats(-0.005, 0.005))
def test_a_small_change_of_the_time_left_moves_its_words_by_one_step_at_most(seconds: float, change: float) -> None:
    steps = {time_left(seconds * (1 + change * part / 20)) for part in range(21)}
    assert len(steps) <= 2 + (seconds > 35_000)


async def test_a_batch_writes_only_the_figures_that_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = ProgressPanel(titles=("progress",))

    class Host(App[None]):
        CSS = "ProgressPanel { width: 38; height: 8; }"

        def compose(self) -> ComposeResult:
            yield panel

    state = begun(1)
    chosen = entry(state)
    async with Host().run_test(size=(40, 10)):
        panel.show(Context(chosen, look=LOOK))
        written: list[int] = []
        monkeypatch.setattr(
            panel, "refresh", lambda *regions: written.append(sum(region.area for region in regions) or 304)
        )
        panel.show(Context(chosen, look=LOOK))
        assert written == [], "of which a redraw of the whole panel, its title included, would be one"
        state.apply(a_batch(1, 2))
        panel.show(Context(chosen, look=LOOK))
        assert 0 < sum(written) < 80
        panel.show(Context(chosen, look=LOOK, name=f"cnn-{'x' * 40} 03-14 15:09"))
        assert panel.border_title == "progress · cnn-xxxx…xxxx 03-14 15:09", "in two columns less than the panel"
