"""The filter of the runs table: what a person types, and which runs it leaves."""

import signal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.config import TrainingConfig
from cifar_tui.records import Labels
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.run_options import RunOptions
from cifar_tui.tui.runs.table import query
from cifar_tui.tui.runs.table.model import TableModel
from cifar_tui.tui.runs.table.patterns import TimeLimitError, compile_pattern, time_limit
from tests.support.panel_states import earlier

RUNS = (
    Entry(0, config=TrainingConfig(model="my_models:Net", data="digits", epochs=5, max_lr=0.5)),
    earlier(1, "20260314-150926-cnn", state="finished", model="cnn", data="cifar10", epochs=12, planned_epochs=50,
            best_val_accuracy=0.91, seconds=7200.0, parameters=1_200_000, device="cuda:0",
            options={"max_lr": 0.01, "batch_size": 256}),
    earlier(2, "20260315-101500-mlp", state="running", model="mlp", data="/data/my images", epochs=3, planned_epochs=9,
            best_val_accuracy=0.5, seconds=30.0, parameters=900, options={"max_lr": 0.1, "batch_size": 64}),
    earlier(3, "20260316-000000-net", state="failed", model="net", source="script",
            options={"opt/lr": 0.01, "depth": "resnet18", "max_lr": "0.01x"}),
)  # fmt: skip


def model(*runs: Entry) -> TableModel:
    made = TableModel()
    made.fill(runs or RUNS)
    return made


def found(typed: str) -> tuple[list[int], str]:
    """The numbers of the runs that match, and what is wrong."""
    made = model()
    made.set_filter(typed)
    return [entry.number for entry in made.entries], made.filter.problem


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("", [0, 1, 2, 3]),
        ("  ", [0, 1, 2, 3]),
        ("CNN", [1]),
        ("cnn cifar", [1]),
        ("cnn mlp", []),
        ("0315", [2]),
        ('"my images"', [2]),
        ("my_models:Net", [0]),
        ("state:run", [2]),
        ("status=running", [2]),
        ("state!=running", [0, 1, 3]),
        ("model=net", [0, 3]),
        ("model:net", [0, 3]),
        ("best>0.9", [1]),
        ("best>90", [1]),
        ("best>=50%", [1, 2]),
        ("best=0.91", [1]),
        ("best<0.9", [2]),
        ("best!=0.5", [0, 1, 3]),
        ("epochs<10", [0, 2]),
        ("epoch>3", [1]),
        ("time>1h", [1]),
        ("time<1min", [2]),
        ("parameters>1M", [1]),
        ("parameters<1k", [2]),
        ("started>2026-03-15", [2, 3]),
        ("started:2026-03-14", [1]),
        ("max_lr=0.01", [1]),
        ("max-lr<0.2", [1, 2]),
        ("MAX_LR=0.5", [0]),
        ("batch-size>64", [0, 1]),
        ("opt/lr=1e-2", [3]),
        ("depth=resnet18", [3]),
        ("depth>resnet9", [3]),
        ("depth>9", []),
        ('data="/data/my images"', [2]),
        ('data="my images"', [2]),
        ("/^(running|failed) /", [2, 3]),
        ("/my images/ state:run", [2]),
        ("best val>0.9", [1]),
        ("Best val>0.4 state:run", [2]),
        ("re:CNN$|mlp", [2]),
        ("re:cnn", [1]),
        ("run~^[cm]", [1, 2]),
        ("/data", [2]),
        ("cuda:0", []),
        ("device:cuda", [1]),
        ("tags:x", []),
    ],
)
def test_a_filter_leaves_the_runs_that_match_all_of_it(typed: str, numbers: list[int]) -> None:
    assert found(typed) == (numbers, "")


def test_a_run_is_found_by_the_start_that_its_name_shows() -> None:
    first, second = (earlier(n, f"2026031{n}-150926-cnn", state="finished", model="cnn") for n in (4, 5))
    first.label, second.label = "03-14 15:09", "03-15 15:09"
    made = model(first, second)
    made.set_filter("03-15")
    assert list(made.entries) == [second]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("best>", "a value is missing after best>"),
        ("best>high", "best> takes a number, not 'high'"),
        ("nothing=1", "no run has 'nothing'"),
        ("/(/", "is no regular expression"),
        ("run~[", "is no regular expression"),
        ("re:", "an expression is missing"),
        ("re:" + "a" * 201, "at most 200 characters"),
        ("x" * 501, "at most 500 characters"),
    ],
)
def test_a_part_that_is_no_filter_is_said_and_left_out(typed: str, problem: str) -> None:
    numbers, said = found(f"state:run {typed}" if len(typed) < 500 else typed)
    assert problem in said
    assert len(typed) > 500 or numbers == [2], "the rest of it counts"


@given(st.text(alphabet='ab01.<>=!~:/\\"()[]{}*+?|^$ -%é\n', max_size=60))
def test_whatever_is_typed_is_a_filter(typed: str) -> None:
    numbers, _ = found(typed)
    assert set(numbers) <= {0, 1, 2, 3}


@given(st.dictionaries(st.text(max_size=9), st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=9))))
def test_damaged_runs_are_filtered_and_sorted_too(options: dict[str, Any]) -> None:
    made = model(*RUNS, earlier(4, options=options))
    for name in ["best", "state", "model", *options]:
        made.sort_by(name)
        assert len(made.entries) == 5
        made.set_filter(f'"{name}">1')
        made.set_filter("")


@pytest.mark.parametrize("expression", ["/(a+)+$/", "/(a|a)*b/", "run~(a+)+$", r"/(.*)*\d(.*)*X/"])
def test_an_expression_that_takes_for_ever_is_left_out_after_a_moment(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "SECONDS", 0.05)
    made = model(earlier(1, f"20260314-150926-{'a' * 60}!"), earlier(2, state="finished"))
    made.set_filter(f"{expression} state:fin")  # Without the limit, it would not return in a person's life.
    assert "takes too long" in made.filter.problem
    assert [entry.number for entry in made.entries] == [2]


def test_the_time_limit_leaves_the_timer_of_others_as_it_was() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    kept = signal.setitimer(signal.ITIMER_REAL, 30.0)
    try:
        with pytest.raises(TimeLimitError), time_limit(0.02):
            compile_pattern("(a+)+$").search("a" * 60 + "!")
        with time_limit(5):
            pass
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < remaining <= 30
        assert rung == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, *kept)
        signal.signal(signal.SIGALRM, before)


def test_tags_and_notes_are_searched_and_compared() -> None:
    tagged = earlier(1, state="finished")
    tagged.labels = Labels(tags=("baseline", "wide net"), note="the learning rate was too high")
    made = model(tagged, *RUNS[2:])
    for typed in ("tag=baseline", "tags:wide", '"too high"', "note:rate", "baseline"):
        made.set_filter(typed)
        assert [entry.number for entry in made.entries] == [1], typed


def test_an_option_is_asked_for_once_it_is_named() -> None:
    made = TableModel()
    made.fill([earlier(1, state="finished")])
    asked = []
    for typed in ("best>0.5 word", "depth=18"):
        made.set_filter(typed)
        asked.append(made.misses_options)
    assert asked == [False, True]
    assert "no run has 'depth'" in made.filter.problem
    made.all[0].options = RunOptions({"depth": 18})
    made.fill(made.all)
    assert (made.filter.problem, len(made.entries)) == ("", 1)
