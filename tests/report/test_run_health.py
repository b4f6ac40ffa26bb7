"""A report says what the health check has found, when, and whether it was over."""

from cifar_tui.events import Note
from cifar_tui.report.run_health import SHOWN, health_section
from cifar_tui.report.run_report import notes_section
from tests.support.recorded import recorded_state

SPIKE = Note(t=185.0, level="warning", message="loss spike: 2.3 <b>", topic="loss-spike")
OVER = Note(t=240.0, level="info", message="the loss is back", topic="loss-spike")
PLAIN = Note(t=1.0, level="warning", message="it has no checkpoint")


def test_findings_have_a_section_and_other_notes_theirs() -> None:
    state = recorded_state(notes=[PLAIN, SPIKE, OVER, SPIKE])
    heading, _, lines = health_section(state)
    first, second = lines.splitlines()
    assert heading == "## Health"
    assert first.startswith("- After 3 min 05 s: loss spike: 2.3 ")
    assert first.endswith("It was over after 4 min 00 s: the loss is back.")
    assert "<b>" not in first
    assert "It was over" not in second
    assert notes_section(state) == ["## Notes of the run", "- 1.0 s, warning: it has no checkpoint"]


def test_a_run_of_which_nothing_was_found_has_no_section_and_a_long_list_is_cut() -> None:
    assert health_section(recorded_state(notes=[PLAIN])) == []
    many = health_section(recorded_state(notes=[SPIKE, OVER] * (SHOWN + 5)))[-1].splitlines()
    assert many[0] == "- (5 earlier ones left out)"
    assert len(many) == SHOWN + 1
