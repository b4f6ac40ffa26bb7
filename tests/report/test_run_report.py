"""The report reads right for every way in which a run can end, and shows what comes from outside as text."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cifar_tui.config import TrainingConfig
from cifar_tui.confusion_matrix import ConfusionMatrix
from cifar_tui.events import Metric, Note, RunStatus
from cifar_tui.formatting import printable
from cifar_tui.report.markdown_syntax import escape
from cifar_tui.report.run_report import report_md
from cifar_tui.state.run_state import RunState
from tests.support.hostile import HOSTILE
from tests.support.recorded import ID, MATRIX, recorded_state, run_record

PICTURES = {"curves.png", "confusion_matrix.png", "predictions.png"}
FILES = {"metrics.csv", "confusion_matrix.csv", *PICTURES}
TABLE_TAGS = {"table", "thead", "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    """A rendered report: its text, its tags, and what it refers to."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: Counter[str] = Counter()
        self.links: list[str | None] = []
        self.feed(MarkdownIt("commonmark").enable("table").render(markdown))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.links += [value for name, value in attrs if name in ("src", "href")]


def summary(report: str) -> str:
    return report.split("\n\n")[1]


def test_the_summary_has_the_model_the_data_and_the_result() -> None:
    report = report_md(recorded_state(), run_record(), FILES)

    assert report.startswith("# cnn on cifar10\n\n")
    assert summary(report) == (
        "The model cnn, with 5,859,210 parameters, was trained on cifar10: 1,000 training, 100 validation and 1,101 "
        "test images of 3 classes. Training ran to its planned end, 3 epochs. It took 2 h 03 min, at 250 images/s, on "
        "AMD EPYC 9654 (cpu) in fp32. Validation accuracy was highest after epoch 2, with 70.00 %. **On the test "
        "images, the weights of epoch 2 reach an accuracy of 94.46 %.**"
    )


def test_metrics_have_a_table_of_their_own() -> None:
    state = recorded_state()
    assert "## Metrics" not in report_md(state, run_record(), FILES)
    for number, value in enumerate((3.0, math.nan, 1.5, 2.0)):
        state.apply(Metric(t=9.0, samples=3000 + number, values={"grad|norm": value}))
    report = report_md(state, run_record(), FILES)
    assert "| grad\\|norm | 2 | 1.5 | 3 |" in report


@pytest.mark.parametrize(
    ("ending", "message", "epochs", "sentence"),
    [
        ("finished", "all epochs done", 3, "Training ran to its planned end, 3 epochs."),
        (
            "finished",
            "early stopping: no better validation accuracy for 10 epochs",
            2,
            "Early stopping ended the training after 2 of 3 epochs: no better validation accuracy for 10 epochs.",
        ),
        ("stopped", "stopped after batch 12.", 1, "The run was stopped after 1 of 3 epochs: stopped after batch 12."),
        ("stopped", "", 0, "The run was stopped after 0 of 3 epochs."),
        ("interrupted", "stopped by SIGTERM", 2, "The run was interrupted after 2 of 3 epochs: stopped by SIGTERM."),
        ("diverged", "the loss is NaN", 0, "Training diverged after 0 of 3 epochs: the loss is NaN."),
        ("failed", "out of memory", 1, "The run failed after 1 of 3 epochs: out of memory."),
        (None, "", 0, "The run is running: 0 of 3 epochs are done."),
        (None, "", 1, "The run is running: 1 of 3 epochs is done."),
    ],
)
def test_the_summary_says_how_the_run_ended(ending: RunStatus | None, message: str, epochs: int, sentence: str) -> None:
    accuracies = [(0.4, 0.5), (0.6, 0.7), (0.65, 0.68)][:epochs]
    report = report_md(recorded_state(accuracies, test=None, ending=ending, message=message), run_record(), FILES)

    assert f" {sentence} " in summary(report)
    assert "There is no test result." in summary(report)
    assert ("No epoch was completed" in summary(report)) == (epochs == 0)
    assert f"| Epochs | {epochs} of 3 |" in report
    assert "Test, class by class" not in report
    assert ("## Learning" in report) == (epochs > 0)


def test_a_run_that_failed_before_its_first_event_has_a_report() -> None:
    assert "The run is running: 0 of 3 epochs are done." in report_md(RunState(), run_record(), set())


def test_the_speed_is_all_images_over_all_training_time() -> None:
    state = recorded_state(speeds=[100.0, 400.0, 250.0])

    seconds = 1000 / 100 + 1000 / 400 + 1000 / 250
    assert f"| Training speed | {3000 / seconds:.0f} images/s |" in report_md(state, run_record(), FILES)


def test_only_files_that_are_there_are_referred_to() -> None:
    state, record = recorded_state(), run_record()

    assert sorted(filter(None, Page(report_md(state, record, FILES)).links)) == sorted(FILES)
    assert Page(report_md(state, record, FILES)).tags["img"] == 3
    assert Page(report_md(state, record, {"curves.png"})).links == ["curves.png"]
    assert Page(report_md(state, record, set())).links == []


def test_recall_and_precision_are_those_of_the_single_images() -> None:
    names = ("plane", "bird", "fish")
    images = [(i, j) for i, row in enumerate(MATRIX) for j, n in enumerate(row) for _ in range(n)]
    report = report_md(recorded_state(), run_record(), FILES)

    for k, name in enumerate(names[:2]):
        of_class = [predicted == k for true, predicted in images if true == k]
        taken = [true == k for true, predicted in images if predicted == k]
        recall, precision = (f"{100 * sum(hits) / len(hits):.2f} %" for hits in (of_class, taken))
        assert f"| {name} | {sum(of_class):,} of {len(of_class):,} | {recall} | {precision} |" in report
    assert "| fish | 0 of 1 | 0.00 % | 0.00 % |" in report


def test_a_class_without_images_or_predictions_has_no_scores() -> None:
    report = report_md(recorded_state(test=ConfusionMatrix.of(((3, 0, 0), (1, 2, 0), (0, 0, 0)))), run_record(), FILES)

    assert "| fish | 0 of 0 | – | – |" in report


def test_the_most_confused_pairs_are_listed_the_most_first() -> None:
    report = report_md(recorded_state(), run_record(), FILES)

    pairs = [line for line in report.splitlines() if line.startswith("- ") and "predicted as “" in line]
    assert pairs == [
        "- 27 of 1,000 “bird” predicted as “plane” (2.70 %)",
        "- 23 of 1,000 “bird” predicted as “fish” (2.30 %)",
        "- 6 of 100 “plane” predicted as “fish” (6.00 %)",
        "- 4 of 100 “plane” predicted as “bird” (4.00 %)",
        "- 1 of 1 “fish” predicted as “bird” (100.00 %)",
    ]


def test_a_test_without_confusions_says_so() -> None:
    report = report_md(recorded_state(test=ConfusionMatrix.of(((1, 0, 0), (0, 1, 0), (0, 0, 1)))), run_record(), FILES)

    assert "No test image was misclassified." in report


def test_the_gap_is_measured_at_the_best_and_at_the_last_epoch() -> None:
    report = report_md(recorded_state([(0.4, 0.5), (0.6, 0.7), (0.9, 0.65)]), run_record(), FILES)

    assert (
        "After the best epoch, 2, accuracy was 60.00 % in training and 70.00 % in validation: training is 10.00 points "
        "below validation. After the last epoch, 3, accuracy was 90.00 % in training and 65.00 % in validation: "
        "training is 25.00 points above validation." in report
    )


@pytest.mark.parametrize(
    ("last", "verdict"),
    [
        ((0.95, 0.80), "**The model over-fits**"),
        ((0.93, 0.90), "**The model over-fits slightly.**"),
        ((0.95, 0.94), "Neither over- nor under-fitting shows."),
        ((0.55, 0.56), "**under-fitting**: 45.00 % of the training images and 44.00 % of"),
        ((math.nan, 0.9), "cannot be judged"),
    ],
)
def test_over_and_under_fitting_are_judged_from_the_gap(last: tuple[float, float], verdict: str) -> None:
    verdicts = ("over-fits", "shows.", "under-fitting**", "cannot be judged")
    report = report_md(recorded_state([(0.4, 0.5), last]), run_record(), FILES)

    assert verdict in report
    assert sum(words in report for words in verdicts) == 1


def test_a_validation_loss_that_rose_is_reported() -> None:
    rose = recorded_state(losses=[(1.0, 0.9), (0.5, 0.6), (0.1, 0.95)])

    sentence = "Validation loss was lowest after epoch 2 (0.6000) and rose to 0.9500 by the end."
    assert sentence in report_md(rose, run_record(), FILES)
    assert "Validation loss was lowest" not in report_md(recorded_state(), run_record(), FILES)


def test_figures_that_are_not_finite_are_shown_as_unknown() -> None:
    state = recorded_state([(math.nan, math.nan)], losses=[(math.nan, math.inf)], speeds=[math.nan], ending="diverged")
    report = report_md(state, run_record(), FILES)

    assert "| Training loss, last epoch | – |" in report
    assert not re.search(r"\b(nan|inf)\b", report)


def test_notes_are_listed_without_those_for_debugging_and_the_last_ones_only() -> None:
    notes = [Note(t=61.0, level="warning", message=f"note {n}") for n in range(60)]
    notes.append(Note(t=1.0, level="debug", message="hidden"))
    report = report_md(recorded_state(notes=notes), run_record(), FILES)

    assert "- 1 min 01 s, warning: note 59" in report
    assert "- (10 earlier ones left out)\n- 1 min 01 s, warning: note 10\n" in report
    assert "hidden" not in report


def test_options_and_conditions_are_listed_in_full() -> None:
    record = run_record(TrainingConfig(epochs=3, max_lr=0.02, seed=7))
    report = report_md(recorded_state(resumed_after=1), record, FILES)

    for row in (
        "| --max-lr | 0.02 | 0.01 |",
        "| --seed | 7 | 0 |",
        "| --data-dir | – | – |",
        "| Device | AMD EPYC 9654 (cpu) |",
        "| Precision | fp32 |",
        "| CPU threads | 2 |",
        f"| Dataset fingerprint (SHA-256) | {'5f' * 32} |",
        "| Versions | cifar-tui 0.1.0, python 3.12.1, torch 2.15.0 |",
        "| Resumed | 1 time |",
    ):
        assert row in report


@pytest.mark.parametrize(
    ("ending", "resume"),
    [
        ("finished", False),
        ("diverged", False),
        ("stopped", True),
        ("interrupted", True),
        ("failed", True),
        (None, True),
    ],
)
def test_a_run_that_can_be_resumed_says_how(ending: RunStatus | None, resume: bool) -> None:
    report = report_md(recorded_state(ending=ending), run_record(), FILES)

    assert (f"\ncifar-tui resume {ID}\n" in report) == resume
    assert f"\ncifar-tui evaluate {ID}\n" in report
    assert ("try a lower one, such as `--max-lr 0.0033`" in report) == (ending == "diverged")


def test_a_run_without_a_checkpoint_can_neither_be_resumed_nor_evaluated() -> None:
    report = report_md(recorded_state([], ending="stopped"), run_record(), FILES)

    assert "cifar-tui resume" not in report
    assert "cifar-tui evaluate" not in report


def test_hostile_names_paths_and_messages_are_shown_as_text() -> None:
    notes = [Note(t=1.0, level="error", message=message) for message in HOSTILE]
    state = recorded_state(classes=HOSTILE, notes=notes, ending="failed", message=HOSTILE[1])
    options = TrainingConfig(epochs=3, data=HOSTILE[2])
    record = run_record(options, name=HOSTILE[2], classes=HOSTILE, command=("cifar-tui", *HOSTILE))
    record = replace(record, device_name=HOSTILE[0], versions=record.versions | {"torch": HOSTILE[0]})
    report = report_md(state, record, FILES)
    page = Page(report)

    for text in HOSTILE:
        # In the tables, the confusions and the notes.
        assert page.text.count(printable(text)) >= 3
    assert page.tags.keys() <= TABLE_TAGS | {"h1", "h2", "p", "strong", "ul", "li", "img", "a", "pre", "code"}
    assert set(page.links) == FILES
    assert report.replace("\n", "").isprintable()
    assert page.tags["h1"] == 1
    in_text = re.sub(r"```sh\n.*\n```", "", report)
    assert not re.search(r"(?<!\\)(://|@)|www\.", in_text)


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=())))
def test_escaped_text_renders_as_itself(text: str) -> None:
    page = Page(f"| a |\n| --- |\n| . {escape(text)} . |\n")

    assert f". {printable(text)} ." in page.text
    assert page.tags.keys() == TABLE_TAGS
