"""The form of a new run: all options, checked by the configuration as they are typed, by keyboard alone."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.widgets import Input

from cifar_tui.config import OPTIONS, TrainingConfig
from cifar_tui.tui.dialogs.new_run import COMMON, FURTHER, NewRun, NewRunRequest, _text, _value, problem_of
from cifar_tui.tui.theme import Look
from cifar_tui.tui.widgets.choice_field import ChoiceField
from tests.support.dashboard import ScreenHost
from tests.tui.textual_compat import screen_strips

SMALLEST = (60, 15)


def configs(app: ScreenHost) -> list[TrainingConfig | None]:
    """What was wanted, none of it in the background."""
    assert not any(wanted is not None and wanted.detached for wanted in app.answers)
    return [wanted and wanted.config for wanted in app.answers]


def host(options: TrainingConfig | None = None, look: Look | None = None) -> ScreenHost:
    return ScreenHost(lambda: NewRun(options or TrainingConfig(data="digits"), look or Look()))


def field(app: ScreenHost, option: str) -> Input | ChoiceField:
    assert isinstance(app.screen, NewRun)
    return app.screen._fields[option]


async def type_into(app: ScreenHost, pilot: Any, option: str, text: str) -> None:
    control = field(app, option)
    assert isinstance(control, Input)
    control.focus()
    control.value = text
    await pilot.pause()


def test_every_option_of_training_is_in_the_form_once() -> None:
    assert sorted([*COMMON, *FURTHER]) == sorted(each.name for each in fields(TrainingConfig))


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_numbers_are_shown_so_that_they_are_read_as_the_same_number(value: float) -> None:
    assert _value("lr", _text(value)) == value


async def test_an_untouched_form_gives_the_options_it_began_with_under_no_name() -> None:
    options = TrainingConfig(
        model="mlp", data="digits", epochs=7, lr=3e-5, checkpoint_seconds=2.5, device="cuda:1", seed=2**63 - 1
    )
    app = host(replace(options, name="first"))
    async with app.run_test(size=SMALLEST) as pilot:
        for keys in (["ctrl+s"], ["enter"], ["down", "enter"], ["escape"], ["ctrl+c"]):
            await pilot.press(*keys)
            app.open(NewRun(options, Look()))
            await pilot.pause()
        assert configs(app) == [options, options, options, None, None]


async def test_what_is_typed_and_picked_is_what_the_run_gets() -> None:
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"ml", "right", "down", "down", *"12")
        await type_into(app, pilot, "max_lr", "1e-3")
        await type_into(app, pilot, "name", "try-2")
        await pilot.press("ctrl+s")
        assert configs(app) == [TrainingConfig(model="mlp", data="digits", epochs=12, max_lr=0.001, name="try-2")]


async def test_another_recipe_brings_its_own_defaults_and_leaves_what_was_typed() -> None:
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        await type_into(app, pilot, "max_lr", "0.002")
        recipe = field(app, "recipe")
        recipe.focus()
        await pilot.press("right", "ctrl+s")
        given = {"data": "digits", "recipe": "fast", "max_lr": 0.002}
        assert configs(app) == [TrainingConfig.from_dict(given)]
        app.open(NewRun(TrainingConfig.from_dict({"model": "mlp", "data": "digits", "recipe": "fast"}), Look()))
        await pilot.pause()
        field(app, "recipe").focus()
        await pilot.press("right", "ctrl+s")
        assert configs(app)[1:] == [TrainingConfig(model="mlp", data="digits")]


async def test_a_wrong_value_is_refused_however_soon_after_it_the_run_is_created() -> None:
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        control = field(app, "epochs")
        assert isinstance(control, Input)
        assert isinstance(app.screen, NewRun)
        control.value = "many"
        app.screen.action_create()
        await pilot.pause()
        assert app.answers == []
        assert app.focused is control


@pytest.mark.parametrize(
    ("option", "text", "says"),
    [
        ("epochs", "0", "epochs takes a whole number from 1 to 1000000, not 0"),
        ("epochs", "", "epochs takes a whole number from 1 to 1000000, not ''"),
        ("epochs", "1.5", "epochs takes a whole number from 1 to 1000000, not '1.5'"),
        ("batch_size", "1", "batch-size takes a whole number from 2 to 1000000, not 1"),
        ("lr", "0", "lr takes a number above 0, not 0"),
        ("lr", "nan", "lr takes a number above 0, not nan"),
        ("lr", "fast", "lr takes a number above 0, not 'fast'"),
        ("seed", "9" * 5000, "seed takes a whole number from 0 to 9223372036854775807, not '999"),
        ("device", "gpu", "device takes auto, cpu, cuda or cuda:N, not 'gpu'"),
        ("name", "a b", "name takes up to 64 letters"),
        ("data", "", "data takes cifar10, digits or a path, not ''"),
        ("data", "/no/such", "data takes cifar10, digits or a folder of images, not '/no/such'"),
        ("data", "~nobody-here", "data: '~nobody-here' leads nowhere, there is no user 'nobody-here'"),
        ("data", "$NOWHERE_AT_ALL/x", "data: the variable $NOWHERE_AT_ALL of '$NOWHERE_AT_ALL/x' is not set"),
        ("data_dir", "\0", "data-dir takes a path"),
        ("model_dir", "\0", "model-dir takes a path"),
    ],
)
def test_a_wrong_value_is_refused_in_the_configurations_words(option: str, text: str, says: str) -> None:
    assert problem_of(option, text).startswith(says)
    assert problem_of(option, _text(getattr(TrainingConfig(), option))) == ""


async def test_a_wrong_value_is_marked_as_it_is_typed_and_makes_no_run() -> None:
    app = host()
    async with app.run_test(size=(120, 40)) as pilot:
        await type_into(app, pilot, "batch_size", "1")
        await type_into(app, pilot, "lr", "fast")
        said = "\n".join(app.text())
        assert "lr takes a number above 0, not 'fast'" in said
        assert "× batch-size" in said
        assert "× lr" in said
        await pilot.press("ctrl+s")
        assert app.answers == []
        assert app.focused is field(app, "batch_size"), "the first field that is wrong has the focus"
        assert "batch-size takes a whole number from 2" in "\n".join(app.text())
        await pilot.press("2")
        await type_into(app, pilot, "lr", "0.1")
        assert "×" not in "".join(app.text())


async def test_folders_are_given_as_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path)
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        await type_into(app, pilot, "data", "pets")
        await type_into(app, pilot, "data_dir", "cache")
        await pilot.press("enter")
        assert configs(app) == [TrainingConfig(data=str(tmp_path / "pets"), data_dir=str(tmp_path / "cache"))]


async def test_options_of_an_earlier_run_that_hold_no_more_are_marked_at_once() -> None:
    app = host(TrainingConfig(data="/no/such/folder", model="gone"))
    async with app.run_test(size=(80, 24)):
        assert "× data" in "\n".join(app.text())
        assert "× model" in "\n".join(app.text())


async def test_a_class_of_ones_own_is_typed_and_its_folder_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "mine.py").write_text("class Net(Module): ...\n")
    monkeypatch.chdir(tmp_path)
    app = host()
    async with app.run_test(size=SMALLEST) as pilot:
        await type_into(app, pilot, "model", "mine:Net")
        assert "there is no module 'mine' in the current folder" in "\n".join(app.text())
        await pilot.press("enter")
        assert app.answers == []
        await type_into(app, pilot, "model_dir", "nets")
        await pilot.press("enter")
        monkeypatch.chdir(tmp_path / "nets")
        app.open(NewRun(TrainingConfig(data="digits"), Look()))
        await pilot.pause()
        await type_into(app, pilot, "model", "mine:Net")
        await pilot.press("enter")
        wanted = TrainingConfig(model="mine:Net", model_dir=str(tmp_path / "nets"), data="digits")
        assert configs(app) == [wanted, wanted]


async def test_every_field_is_reached_by_arrows_and_in_view_with_its_help_on_the_smallest_screen() -> None:
    app = host()
    async with app.run_test(size=SMALLEST) as pilot:
        for option in (*COMMON, *FURTHER):
            control = field(app, option)
            assert app.focused is control
            assert app.screen.region.contains_region(control.region)
            said = "\n".join(app.text())
            assert f"► {option.replace('_', '-')} " in said
            assert OPTIONS[option].help[:20] in said
            await pilot.press("down")
        assert app.focused is field(app, "model")


async def test_a_wide_screen_has_two_columns_of_fields() -> None:
    app = host()
    async with app.run_test(size=(120, 40)) as pilot:
        assert field(app, "model").region.y == field(app, FURTHER[0]).region.y
        assert all(app.screen.region.contains_region(each.region) for each in app.screen.query("Input, ChoiceField"))
        await pilot.resize_terminal(80, 24)
        assert field(app, "model").region.y < field(app, FURTHER[0]).region.y


async def test_the_focus_and_what_is_picked_are_seen_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = host(look=Look(colour=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down")
        reversed_ = [
            segment.text.strip()
            for strip in screen_strips(app.screen)
            for segment in strip
            if segment.style is not None and segment.style.reverse and segment.text.strip()
        ]
        assert reversed_ == ["New run", "► data", "digits"]
        assert "[protocol] fast" in "\n".join(app.text())


async def test_the_form_is_ascii_where_the_terminal_has_no_more() -> None:
    app = host(look=Look(ascii=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await type_into(app, pilot, "epochs", "x")
        assert "".join(app.text()).isascii()


async def test_values_that_do_not_fit_beside_each_other_are_shown_one_at_a_time() -> None:
    values = [f"a-long-value-{n}" for n in range(9)]
    app = App[None]()
    async with app.run_test(size=(80, 24)) as pilot:
        pick = ChoiceField(values, values[0], Look())
        await app.mount(pick)
        assert pick.render().plain == "[a-long-value-0] 1/9"
        pick.focus()
        await pilot.press("left", "left")
        assert pick.render().plain == "[a-long-value-7] 8/9"


async def test_the_form_survives_a_screen_that_is_too_small_for_it() -> None:
    app = host()
    async with app.run_test(size=(80, 24)) as pilot:
        for size in ((12, 4), (1, 1)):
            await pilot.resize_terminal(*size)
            await pilot.press("down", "5")
        await pilot.press("ctrl+s")
        assert app.answers == []
        assert field(app, "data").value == "5"


async def test_a_run_can_be_wanted_in_the_background() -> None:
    app = host()
    async with app.run_test(size=SMALLEST) as pilot:
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert app.answers == [NewRunRequest(TrainingConfig(data="digits"), detached=True)]
