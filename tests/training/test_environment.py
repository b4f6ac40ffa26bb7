"""A process reads from its environment which of several it is."""

from pathlib import Path

import pytest

from cifar_tui.errors import InputError
from cifar_tui.training.distributed import environment
from cifar_tui.training.distributed.environment import Worker

SECOND = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


def test_a_process_that_no_launcher_has_started_is_none_of_several() -> None:
    assert environment.current({}) is None
    assert environment.current({"RANK": "0", "WORLD_SIZE": "1"}) is None


def test_a_launcher_says_which_process_it_has_started() -> None:
    assert environment.current(SECOND) == Worker(3, 4, 1, 2)
    ours = SECOND | {"TORCHELASTIC_RUN_ID": "job", environment.LAUNCHER: "7", environment.EXCHANGE: "/tmp/there"}
    assert environment.current(ours) == Worker(3, 4, 1, 2, "job", 7, Path("/tmp/there"))


def test_a_process_that_is_alone_for_now_belongs_to_its_launch() -> None:
    left = {"RANK": "0", "WORLD_SIZE": "1", "TORCHELASTIC_RUN_ID": "job"}
    assert environment.current(left) == Worker(0, 1, 0, 1, "job")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"RANK": "one"}, "the launcher's RANK is 'one', which is no number; start the processes with torchrun"),
        ({"LOCAL_RANK": ""}, "the launcher's LOCAL_RANK is not set"),
        (
            {"RANK": "4"},
            "the launcher's RANK=4, WORLD_SIZE=4, LOCAL_RANK=1 and LOCAL_WORLD_SIZE=2 contradict each other",
        ),
        ({"LOCAL_WORLD_SIZE": "1"}, "contradict each other"),
    ],
)
def test_what_a_launcher_cannot_have_meant_is_refused(changed: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", "\\(")):
        environment.current(SECOND | changed)
