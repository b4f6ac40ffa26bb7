"""What the health check finds stays in the state until it is over, bounded; of an ended run, what is its own stays."""

from cifar_tui.events import Note
from cifar_tui.records import summarize
from cifar_tui.state.open_warnings import MAX_TOPIC, MAX_WARNINGS
from cifar_tui.state.run_state import RunState
from tests.support.recorded import finished, fold, run_record, started


def found(topic: str, level: str = "warning") -> Note:
    return Note(t=1.0, level=level, message=f"{topic}: 3", topic=topic)  # type: ignore[arg-type]


def test_a_warning_lasts_until_a_note_of_its_topic_says_that_it_is_over() -> None:
    state = fold([started(), found("plateau"), found("loss-spike"), found("plateau")])
    assert list(state.warnings) == ["loss-spike", "plateau"], "the newest is the last one"
    state.apply(found("plateau", "info"))
    assert list(state.warnings) == ["loss-spike"]
    state.apply(Note(t=2.0, level="warning", message="a note of a script"))
    assert list(state.warnings) == ["loss-spike"]
    state.apply(started())
    assert state.warnings == {}, "it has started over"


def test_what_was_wrong_with_the_machine_says_nothing_of_a_run_that_has_ended() -> None:
    state = fold([started(), *map(found, ("disk", "no-progress", "overfitting", "gpu-idle")), finished("finished")])
    assert list(state.warnings) == ["overfitting"]
    assert summarize(run_record(), state).warnings == ["overfitting"]


def test_a_strangers_topics_are_bounded() -> None:
    state = RunState()
    for number in range(1000):
        state.apply(found(f"topic-{number}"))
    state.apply(found("x" * (MAX_TOPIC + 1)))
    assert len(state.warnings) == MAX_WARNINGS
