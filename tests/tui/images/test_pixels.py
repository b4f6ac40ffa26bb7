"""Images in real pixels, where the terminal draws them; half blocks and every key where it does not."""

from __future__ import annotations

import importlib.util
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from textual import events
from textual.message import Message

from cifar_tui.errors import InputError
from cifar_tui.tui.images import pixel_support
from cifar_tui.tui.images.pixel_support import KittyDriver, QueryingDriver, ReplyParser, TerminalIdentified
from cifar_tui.tui.images.pixels import Pixels
from cifar_tui.tui.images.thumbnails import Layout, thumbnail
from cifar_tui.tui.textual_compat import KeyParser, TerminalDriver
from cifar_tui.tui.theme import Look
from tests.support.panel_states import LOADED, images_panel, text
from tests.support.program import invoke
from tests.support.terminal import Screen, Terminal
from tests.support.terminal_images import KITTY_ANSWERS, PLACEHOLDER, Kitty

LOOK = Look()
NOISE = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
REPLY = KITTY_ANSWERS[pixel_support.QUERY.encode()].decode()


def parsed(messages: Iterable[Message]) -> list[str]:
    """Keys, and names in brackets."""
    found = []
    for message in messages:
        if isinstance(message, TerminalIdentified):
            found.append(f"<{message.name}>")
        elif isinstance(message, events.Key):
            found.append(message.key)
    return found


# The query


@pytest.mark.parametrize(
    ("name", "able"),
    [
        ("kitty(0.41.1)", True),
        ("kitty(0.28.0)", True),
        ("kitty(1.0)", True),
        ("ghostty 1.2.0", True),
        ("kitty(0.26.5)", False),
        ("kitty", False),
        ("ghostty-web 0.4.0", False),
        ("ghostty (another)", False),
        ("WezTerm 20240203-110809-5046fc22", False),
        ("XTerm(379)", False),
        ("tmux 3.5a", False),
        ("", False),
    ],
)
def test_only_terminals_that_are_known_to_draw_pixels_are_sent_any(name: str, able: bool) -> None:
    assert TerminalIdentified(name, pytest.fail).draws_pixels == able


@pytest.mark.parametrize("cut", range(3, len(REPLY)))
def test_the_reply_is_removed_from_what_is_typed_also_in_pieces(cut: int) -> None:
    parser = ReplyParser(pytest.fail)
    said = [word for piece in ("a" + REPLY[:cut], REPLY[cut:] + "b", "c") for word in parsed(parser.feed(piece))]
    assert sorted(said) == ["<kitty(0.41.1)>", "a", "b", "c"]
    assert said.index("a") < said.index("b") < said.index("c")


def test_without_a_reply_every_key_is_parsed_at_once() -> None:
    parser = ReplyParser(pytest.fail)
    assert parsed(parser.feed("ab")) == ["a", "b"]
    assert parsed(parser.feed("\x1b[A")) == ["up"]
    assert parsed(parser.feed("\x1bP")) == parsed(KeyParser().feed("\x1bP"))
    for _ in range(10):
        list(parser.feed("\x1bP>|" + "x" * 100))
        assert len(parser._partial) < 300, "what never ends is not waited for"


def test_nothing_is_queried_where_pixels_are_not_wanted_or_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert pixel_support.driver_class("auto", ascii_only=False) is QueryingDriver
    assert pixel_support.driver_class("kitty", ascii_only=False) is KittyDriver
    assert pixel_support.driver_class("blocks", ascii_only=False) is TerminalDriver
    assert pixel_support.driver_class("auto", ascii_only=True) is TerminalDriver
    with monkeypatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        assert pixel_support.driver_class("kitty", ascii_only=False) is TerminalDriver


@pytest.mark.parametrize(
    ("name", "pixels", "true_colour"),
    [
        *(("kitty(0.41.1)", True, True), ("ghostty 1.0", True, True), ("WezTerm 20240203", False, True)),
        *(("tmux 3.4", False, True), ("VTE(7600)", False, True), ("something else", False, False)),
    ],
)
def test_what_a_terminal_can_draw_is_known_by_its_name(
    name: str, pixels: bool, true_colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = TerminalIdentified(name, lambda _: None)
    assert (message.draws_pixels, message.has_true_colour) == (pixels, true_colour)
    monkeypatch.setattr(pixel_support, "is_installed", lambda: False)
    assert (message.draws_pixels, message.has_true_colour) == (False, true_colour)


def test_pixels_that_are_asked_for_by_name_take_what_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="auto, kitty or blocks, not 'sixel'"):
        invoke("--graphics", "sixel")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'cifar-tui\[graphics\]'"):
        invoke("--graphics", "kitty")


# The images


@pytest.mark.parametrize("columns", [32, 16])
def test_an_image_is_sent_pixel_for_pixel_and_text_of_its_size_stands_for_it(columns: int) -> None:
    written: list[str] = []
    rows = Pixels(written.append).draw(NOISE, columns, LOOK)
    kitty = Kitty("".join(written).encode())
    ((number, image),) = kitty.images.items()
    assert kitty.placed == {number: (columns, columns // 2)}
    scale = image.width // 32
    assert image.size == (32 * scale, 32 * scale)
    expected = NOISE.transpose(1, 2, 0).repeat(scale, axis=0).repeat(scale, axis=1)
    assert np.array_equal(np.asarray(image), expected)
    assert len(rows) == columns // 2
    texts = [part if isinstance(part, str) else part[0] for row in rows for part in row]
    assert [(cell_len(text), text.count(PLACEHOLDER)) for text in texts] == [(columns, columns)] * (columns // 2)


@pytest.mark.parametrize("look", [Look(colour=False), Look(ascii=True)])
def test_without_colour_and_in_ascii_characters_are_drawn(look: Look) -> None:
    assert Pixels(pytest.fail).draw(NOISE, 32, look) == thumbnail(NOISE, 32, look)


def test_half_blocks_are_drawn_where_the_library_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = Pixels(pytest.fail)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "cifar_tui.tui.images.textual_image_compat", None)
        assert pixels.draw(NOISE, 32, LOOK) == thumbnail(NOISE, 32, LOOK)
    assert pixels.draw(NOISE, 32, LOOK) == thumbnail(NOISE, 32, LOOK), "and again: a page is of one kind"


def test_pages_show_their_own_images_and_the_terminal_keeps_two_of_them() -> None:
    written: list[str] = []
    made = images_panel()
    made.draw_by(Pixels(written.append))
    size = 80, 21
    cards = Layout.of(size[0], size[1] - 2).cards
    for page in range(4):
        made.lines(*size)
        kitty = Kitty("".join(written).encode())
        shown = [np.asarray(image)[::10, ::10].transpose(2, 0, 1) for image in list(kitty.images.values())[-cards:]]
        numbers = made._own._indices()
        assert numbers is not None
        expected = LOADED.images[numbers[page * cards : (page + 1) * cards]]
        assert np.array_equal(np.stack(shown), expected)
        assert len(kitty.images) == cards * min(2, page + 1)
        made.loader.progress = f"evaluating {page} %"
        assert f"evaluating {page} %" in text(made.lines(*size))[0]
        assert Kitty("".join(written).encode()).sent == kitty.sent, "what is shown is not sent again"
        made.action_page(1)
    made.on_unmount()
    assert Kitty("".join(written).encode()).images == {}


# On a terminal


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that is finished, and has its test images' answers."""
    folder = tmp_path_factory.mktemp("runs")
    options = ("--data", "digits", "--model", "mlp", "--epochs", "1", "--batch-size", "128", "--threads", "1")
    assert invoke("--no-ui", "--quiet", *options, "--runs-dir", folder) == 0
    return folder


def dashboard(runs_dir: Path, *options: str, answers: Mapping[bytes, bytes], **env: str) -> Terminal:
    arguments = ("attach", "mlp", "--runs-dir", str(runs_dir), *options)
    return Terminal(
        [sys.executable, "-m", "cifar_tui", *arguments], env={"OMP_NUM_THREADS": "1", **env}, answers=answers
    )


def kitty_of(terminal: Terminal) -> Kitty:
    return Kitty(b"".join(data for _, data in terminal.chunks))


def parts(terminal: Terminal, screen: Screen) -> list[int]:
    """How many cells show each of the images that the screen shows."""
    return [cells for cells in kitty_of(terminal).shown(screen).values() if cells]


def wait_for_parts(terminal: Terminal, wanted: list[int]) -> None:
    terminal.wait_for(lambda _: terminal.text().count(PLACEHOLDER) == sum(wanted), 60)
    terminal.wait_for(lambda screen: parts(terminal, screen) == wanted)


def test_a_terminal_with_kittys_graphics_draws_the_images(runs_dir: Path) -> None:
    with dashboard(runs_dir, answers=KITTY_ANSWERS) as terminal:
        whole = [36 * 18] * 3
        terminal.wait_for("x axis")
        terminal.press("3")
        wait_for_parts(terminal, whole)
        first = kitty_of(terminal).images
        terminal.press("pagedown")
        terminal.wait_for("4–6 of")
        wait_for_parts(terminal, whole)
        terminal.press("pagedown")
        terminal.wait_for("7–9 of")
        # What was shown two pages ago goes.
        terminal.wait_for(lambda _: not first.keys() & kitty_of(terminal).images.keys())
        # What covers them hides parts of them, and they come back.
        terminal.press("?")
        terminal.wait_for("Esc closes")
        assert sum(parts(terminal, terminal.screen)) < sum(whole)
        terminal.press("escape")
        wait_for_parts(terminal, whole)
        terminal.press("1")
        terminal.wait_for("x axis")
        assert parts(terminal, terminal.screen) == []
        assert PLACEHOLDER not in terminal.text()
        terminal.press("3")
        wait_for_parts(terminal, whole)
        terminal.resize(100, 30)
        wait_for_parts(terminal, [32 * 16] * 2)
        # A terminal that is come back to has forgotten them.
        before = kitty_of(terminal).images
        terminal.signal(signal.SIGTSTP)
        terminal.wait_stopped()
        assert terminal.restored, terminal.unrestored
        assert PLACEHOLDER not in terminal.text()
        terminal.signal(signal.SIGCONT)
        terminal.wait_for("7–8 of")
        # At first it draws what it had drawn, until the terminal has told its name again.
        terminal.wait_for(lambda _: not before.keys() & kitty_of(terminal).images.keys())
        wait_for_parts(terminal, [32 * 16] * 2)
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
        assert kitty_of(terminal).images == {}
        assert PLACEHOLDER not in terminal.text()
        written = b"".join(data for _, data in terminal.chunks)
        assert b"\x1b[c" not in written, "nor does the library query the terminal"
        assert b"a=q" not in written


def test_without_an_answer_half_blocks_are_drawn_and_every_key_acts(runs_dir: Path) -> None:
    with dashboard(runs_dir, answers={}) as terminal:
        terminal.wait_for("x axis")
        terminal.press("3")
        terminal.wait_for(lambda _: terminal.text().count("▀") == 3 * 36 * 18, 60)
        terminal.press("1")
        terminal.wait_for("x axis")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert terminal.restored, terminal.unrestored
        written = b"".join(data for _, data in terminal.chunks)
        assert written.count(pixel_support.QUERY.encode()) == 1
        assert b"\x1b_G" not in written


def test_the_answer_of_another_terminal_is_no_key(runs_dir: Path) -> None:
    # As keys, these would put the log on, ask for a filter, and quit.
    with dashboard(runs_dir, answers=dict.fromkeys(KITTY_ANSWERS, b"\x1bP>|5/q\x1b\\")) as terminal:
        terminal.wait_for("x axis")
        terminal.press("2")
        terminal.wait_for("most confused")
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_a_terminal_that_is_said_to_be_able_is_not_queried(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[Message] = []
    monkeypatch.setattr(KittyDriver, "process_message", lambda _, message: posted.append(message))
    monkeypatch.setattr(KittyDriver, "write", pytest.fail)
    KittyDriver.make_parser(KittyDriver.__new__(KittyDriver))
    (identified,) = posted
    assert isinstance(identified, TerminalIdentified)
    assert identified.draws_pixels
