"""Each terminal is notified in its own way, and nothing in a text acts on it."""

import base64
import re

import pytest

from cifar_tui.tui.notifications.terminal import Method, method_of, sequences


@pytest.mark.parametrize(
    ("environment", "name", "method"),
    [
        ({"TERM": "xterm-kitty"}, "", "osc 99"),
        ({"TERM": "foot"}, "", "osc 777"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "", "osc 9"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "", "osc 777"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "", "osc 9"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "", "osc 9"),
        ({"TERM": "xterm-256color"}, "", "osc 777"),
        ({"TERM": "xterm-256color"}, "WezTerm 20240203", "osc 777"),
        ({"TERM": "xterm-256color"}, "kitty(0.35.2)", "osc 99"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/t,1,0", "TERM_PROGRAM": "tmux", "KITTY_WINDOW_ID": "1"}, "", "osc 99"),
        ({"TERM": "xterm-256color", "WT_SESSION": "1"}, "", "osc 777"),
        ({"TERM": "linux"}, "", "bell"),
    ],
)
def test_a_terminal_is_known_by_what_it_calls_itself(environment: dict[str, str], name: str, method: Method) -> None:
    assert method_of(environment, name) == method


def test_the_bell_comes_with_a_notification_of_the_terminals_kind() -> None:
    assert sequences("bell", "cifar-tui: cnn finished", "93 %", {}) == "\a"
    assert sequences("osc 9", "title", "body", {}) == "\a\x1b]9;title: body\a"
    assert sequences("osc 777", "a;title", "a;body", {}) == "\a\x1b]777;notify;a,title;a,body\a"


def test_kittys_notification_comes_in_chunks_of_one_number_that_add_up_to_the_text() -> None:
    body = "ü" * 600
    made = sequences("osc 99", "title", body, {})
    chunks = re.findall(r"\x1b]99;i=([\w-]+):d=([01]):p=(\w+):e=1;([A-Za-z0-9+/=]*)\x1b\\", made)
    assert made == "\a" + "".join(f"\x1b]99;i={i}:d={d}:p={p}:e=1;{text}\x1b\\" for i, d, p, text in chunks)
    assert len({number for number, *_ in chunks}) == 1
    assert [done for _, done, *_ in chunks] == [*"0" * (len(chunks) - 1), "1"], "only the last one is shown"
    assert all(len(text) <= 2048 for *_, text in chunks)
    whole = b"".join(base64.b64decode(text) for *_, part, text in chunks if part == "body").decode()
    assert whole == body[:200]
    other = sequences("osc 99", "title", "other", {})
    assert chunks[0][0] not in other, "it would take the place of the first one"


def test_tmux_and_screen_pass_them_on_and_ring_themselves() -> None:
    inside = sequences("osc 777", "title", "body", {"TMUX": "/tmp/tmux-0/default,1,0"})
    assert inside == "\a\x1bPtmux;\x1b\x1b]777;notify;title;body\a\x1b\\"
    assert sequences("osc 9", "title", "body", {"STY": "1.pts"}) == "\a\x1bP\x1b]9;title: body\a\x1b\\"
    kitty = sequences("osc 99", "title", "body", {"STY": "1.pts"})
    assert all(part.count("\x1b") == 3 for part in re.findall(r"\x1bP.*?\x1b\\", kitty)), "no end within the string"


@pytest.mark.parametrize("method", ["osc 9", "osc 777"])
def test_nothing_in_a_text_acts_on_the_terminal(method: Method) -> None:
    made = sequences(method, "a\x1b]0;title\a", "b\x9c\x07\x1b\\\n\u202e", {})
    plain = made.removeprefix("\a").removeprefix("\x1b]").removesuffix("\a")
    assert plain.isprintable(), repr(plain)
