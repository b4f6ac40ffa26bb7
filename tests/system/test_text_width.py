"""Text by the columns that it takes on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cifar_tui.system.text_width import LONGEST, characters, cut, cut_before, end, padded, wrapped

SCRIPTS = "猫狗鸟飛行機한국어 क्षत्रिय हिन्दी ภาษาไทยที่น้ำ عربي نمی‌خواهم éét́ 👩‍🔬🇩🇪🇯🇵❤️👍🏽"
TEXT = st.text(st.sampled_from(SCRIPTS + "abc ")) | st.text()
WIDTHS = st.integers(-1, 40)


@given(TEXT, WIDTHS)
def test_what_is_cut_fits_and_begins_as_the_text_does(text: str, width: int) -> None:
    found = cut(text, width)
    assert cell_len(found) <= max(0, width)
    assert len(found) <= LONGEST * max(0, width) + 1
    assert found == text or width <= 0 or (found.endswith("…") and text.startswith(found[:-1]))


@given(TEXT, WIDTHS)
def test_what_is_cut_before_fits_and_ends_as_the_text_does(text: str, width: int) -> None:
    found = cut_before(text, width)
    assert cell_len(found) <= max(0, width)
    assert found == text or width <= 0 or (found.startswith("…") and text.endswith(found[1:]))


@pytest.mark.parametrize("width", range(1, 60))
def test_no_character_is_torn(width: int) -> None:
    whole = [part for part, _ in characters(SCRIPTS)]
    assert {"한", "क्ष", "त्रि", "ที่", "น้ำ", "é", "👩‍🔬", "🇩🇪", "🇯🇵", "❤️", "👍🏽"} <= {*whole}
    kept = characters(cut(SCRIPTS, width)[:-1])
    assert [part for part, _ in kept] == whole[: len(kept)]
    last = [part for part, _ in characters(end(SCRIPTS, width))]
    assert last == whole[len(whole) - len(last) :]


def test_a_letter_with_marks_without_end_is_no_way_to_write_without_end() -> None:
    assert len(cut("x" + "\u0301" * 10_000, 20)) <= 20 * LONGEST + 1
    assert len(end("x" + "\u0301" * 10_000, 20)) <= 20 * LONGEST


def test_columns_are_filled_by_width() -> None:
    assert padded("猫", 4) == "猫  "
    assert padded("猫", 4, right=True) == "  猫"
    assert padded("猫猫猫", 4) == "猫猫猫"


@given(TEXT, st.integers(2, 40))
def test_wrapped_lines_fit_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cell_len(line) <= width for line in lines)
    kept = [c for c in text if not c.isspace() and unicodedata.category(c) != "Cc"]
    assert [c for line in lines for c in line if not c.isspace() and unicodedata.category(c) != "Cc"] == kept


def test_a_sentence_without_spaces_is_wrapped() -> None:
    assert wrapped("猫狗鸟飞机", 6) == ["猫狗鸟", "飞机"]
