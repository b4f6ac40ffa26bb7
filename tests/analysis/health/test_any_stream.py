"""Whatever a stream says, the health check reads on, says each thing once, and stays small."""

import pickle
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cifar_tui.analysis.health.health_check import HealthCheck
from cifar_tui.events import AnyEvent, Metric, Paused, Resumed
from tests.support.others.health_streams import a_batch, an_epoch, own, usage
from tests.support.others.script_runs import script_started

FLOATS = st.floats() | st.sampled_from([0.0, 1e308, -1e308, 1e-320, 0.5])
TIMES = st.floats(0, 1e12)


@st.composite
def streams(draw: st.DrawFn) -> list[AnyEvent]:
    number, value, t = st.integers(1, 60), FLOATS, TIMES
    kinds: list[st.SearchStrategy[AnyEvent]] = [
        st.builds(
            lambda n, loss, t, speed, lr: a_batch(n, loss, t=t, speed=speed, lr=lr),
            number, value, t, value, value,
        ),
        st.builds(
            lambda n, a, b, c, lr: replace(an_epoch(n, a, b, accuracy=c, lr=lr), images_per_second=b),
            number, value, value, value, value,
        ),
        st.builds(lambda t, v: Metric(t=t, samples=1, values={"grad_norm": v}), t, value),
        st.builds(lambda t, rank: usage(t, free=0.1, used=0.99, rank=rank, temperature=99.0), t, st.integers(0, 3)),
        st.builds(lambda t, epoch: Resumed(t=t, epoch=epoch, batch=0, samples=0), t, number),
        st.builds(lambda t: Paused(t=t, epoch=1, batch=1), t),
    ]  # fmt: skip
    first: AnyEvent = draw(st.sampled_from([own(), script_started()]))
    return [first, *[event for event in draw(st.lists(st.one_of(kinds), max_size=80)) for _ in range(3)]]


@given(streams())
def test_no_stream_breaks_it(events: list[AnyEvent]) -> None:
    found = HealthCheck()
    current: set[str] = set()
    for event in events:
        for note in found.apply(event):
            assert note.message.isprintable()
            assert len(note.message) < 500
            assert (note.level == "info") == (note.topic in current), "what begins has not begun, what ends has"
            current ^= {note.topic}
    found.look(1e12)


def test_a_long_run_takes_as_little_memory_as_a_short_one() -> None:
    found, sizes = HealthCheck(), []
    found.apply(own())
    for number in range(1, 4001):
        found.apply(a_batch(number, 1.0 + number % 7))
        if number % 20 == 0:
            found.apply(an_epoch(number // 20, 1.0 + number % 3))
            found.apply(usage(number / 10))
        if number % 2000 == 0:
            sizes.append(len(pickle.dumps(vars(found))))
    assert sizes[1] < 1.1 * sizes[0]
