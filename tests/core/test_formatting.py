"""Values as a person reads them."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.formatting import (
    JOINERS,
    SIGNS,
    UNKNOWN,
    count,
    devices,
    distance,
    duration,
    four_digits,
    percent,
    plural,
    points,
    printable,
    rate,
    short,
    slowest_process,
)

KEPT = {*JOINERS, *SIGNS}
"""They stand where scripts have them."""


@given(st.text(st.characters(exclude_categories=())))
def test_printable_text_holds_no_character_that_acts_on_a_terminal(text: str) -> None:
    shown = printable(text)

    assert not {unicodedata.category(c) for c in shown if c not in KEPT} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        *("", "plane", "tree frog", "Käfer 鸟 🐦", "a\\b$`|<>"),
        *("日本\u3000語", "한국어", "عربي", "می\u200cخواهم", "خانه\u200c", "हिन्दी क्\u200dष", "ภาษาไทยที่", "e\u0301"),
        *("👩\u200d🔬", "❤️", "🏳️\u200d🌈", "👍🏽", "🇩🇪", "\U0001fae9", "10\u00a0km", "\u0600١", "\ue0a0", "ᠠ\u180eᠠ"),
    ],
)
def test_text_that_prints_is_kept(text: str) -> None:
    assert printable(text) == text


def test_control_characters_escapes_and_bidi_overrides_are_shown_as_escapes() -> None:
    assert printable("a\n\t\x1b[31m\u202eb\udcff\x85") == r"a\n\t\x1b[31m\u202eb\udcff\x85"


@pytest.mark.parametrize(
    "text",
    [
        *("\u200e", "\u200f", "\u061c", "\u2066", "\u2069", "\u2028", "\u2029", "\ufeff", "\u00ad", "\u2060", "\uffff"),
        *(
            "\U000e0041",
            "\U0001ffff",
            "cat\u200cdog",
            "cat\u200ddog",
            "猫\u200d犬",
            "\u200dع",
            "م\u200d\u200dن",
            "م\u200d",
        ),
    ],
)
def test_what_is_not_seen_is_shown_as_its_escape_where_no_script_needs_it(text: str) -> None:
    assert printable(text).isprintable()
    assert "\\" in printable(text)


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.9195, "91.95 %"),
        (0.0, "0.00 %"),
        (1.0, "100.00 %"),
        (math.nan, UNKNOWN),
        (math.inf, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_fractions_are_percentages_with_two_decimals(fraction: float | None, text: str) -> None:
    assert percent(fraction) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (-1e-9, "0.0 s"),
        (4.24, "4.2 s"),
        (9.949, "9.9 s"),
        (9.95, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185.0, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7384.0, "2 h 03 min"),
        (86_399.0, "1 d 00 h"),
        (100_800.0, "1 d 04 h"),
        (math.nan, UNKNOWN),
        (math.inf, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_differences_of_accuracies_are_in_points() -> None:
    assert (points(0.3541), points(-0.002), points(math.nan)) == ("+35.41", "−0.20", UNKNOWN)
    assert distance(-0.3541) == distance(0.3541) == "35.41 points"


def test_counts_have_thousands_separators_and_nouns_their_plural() -> None:
    assert (count(45_000), plural(1, "epoch"), plural(0, "epoch"), plural(1500, "image")) == (
        "45,000",
        "1 epoch",
        "0 epochs",
        "1,500 images",
    )


def test_several_processes_have_a_device_each_and_one_has_its_own() -> None:
    assert devices("cuda:1", 1) == "cuda:1"
    assert devices("cpu", 2) == "2 × cpu"
    assert devices("cuda:0", 8, 2) == "8 × cuda on 2 hosts"


def test_the_slowest_process_is_named_where_it_is_known() -> None:
    assert slowest_process(1240.4, 3) == "slowest process 1,240 (rank 3)"
    assert slowest_process(None, None) == slowest_process(math.nan, 3) == ""


@pytest.mark.parametrize(
    ("value", "full", "brief"),
    [
        (0.0, "0", "0"),
        (0.12345, "0.1235", ".123"),
        (1.5, "1.5", "1.5"),
        (999.6, "999.6", "1k"),
        (1234.0, "1234", "1.2k"),
        (99_600.0, "99,600", "100k"),
        (999_949.0, "999,949", "1M"),
        (-12.345, "-12.35", "-12.3"),
        (0.0005, "0.0005", "5e-4"),
        (1.234e-9, "1.23e-9", "1e-9"),
        (4e12, "4.00e12", "4e12"),
        (math.nan, UNKNOWN, UNKNOWN),
    ],
)
def test_any_number_is_written_in_few_characters(value: float, full: str, brief: str) -> None:
    assert (four_digits(value), short(value)) == (full, brief)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-99, max_value=1e99))
def test_a_short_number_has_at_most_five_characters(value: float) -> None:
    assert len(short(value)) <= 5


def test_a_speed_has_three_digits_and_its_unit() -> None:
    assert [rate(v, "steps") for v in (0.1234, 5.678, 1234.0)] == ["0.123 steps/s", "5.68 steps/s", "1,230 steps/s"]
    assert [rate(v, "images") for v in (None, math.nan, 0.0)] == ["– images/s"] * 3
