"""Several processes train one run as one process would."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.ranks import processes


def learn(folder: Path, count: int, model: str = "plain", **options: Any) -> list[Any]:
    """What each of so many processes has learned in a folder of this number."""
    options = {"batch_size": 7, "epochs": 8} | options
    own = folder / str(count)
    own.mkdir(exist_ok=True)
    return processes.call("learn", folder, str(own), model, options, processes=count)


def test_losses_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    ((alone,), (first, second), three) = (learn(tmp_path, count) for count in (1, 2, 3))
    assert len(alone["learned"]) > 50
    for others in (first, second, *three):
        for ours, theirs in zip(alone["learned"], others["learned"], strict=True):
            assert theirs == pytest.approx(ours, abs=1e-5)
    assert first["weights"] == second["weights"]
    assert len({each["weights"] for each in three}) == 1


@pytest.mark.parametrize("model", ["mlp", "counting"])
def test_a_run_of_three_processes_is_resumed_bit_for_bit(tmp_path: Path, model: str) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    whole.mkdir()
    resumed.mkdir()
    (uninterrupted, *_) = learn(whole, 3, model, epochs=2)
    (stopped, *_) = processes.call("stop_early", tmp_path, str(resumed), model, processes=3)
    assert stopped == "stopped: enough in epoch 1, after batch 5 of 6"
    (rest, *others) = processes.call(
        "learn", tmp_path, str(resumed), model, {"batch_size": 7, "epochs": 2}, processes=3
    )
    assert rest["learned"] == uninterrupted["learned"][5:]
    assert {each["weights"] for each in (rest, *others)} == {uninterrupted["weights"]}


@pytest.mark.parametrize("of_rank", [0, 1])
def test_a_stop_of_any_process_ends_all_after_the_same_batch(tmp_path: Path, of_rank: int) -> None:
    first, second = processes.call("requested", tmp_path, str(tmp_path), "stop", of_rank)
    assert first["outcome"].startswith(f"stopped: asked of rank {of_rank} in epoch 1, after batch ")
    assert (first["outcome"], first["batches"]) == (second["outcome"], second["batches"])


def test_a_pause_holds_all_processes_after_the_same_batch(tmp_path: Path) -> None:
    first, second = processes.call("requested", tmp_path, str(tmp_path), "pause", 0)
    (paused, *_) = [told for told in first["told"] if told[0] == "Paused"]
    assert paused in second["told"]
    assert ["Resumed", *paused[1:]] in first["told"]
    assert first["outcome"] == second["outcome"] == "finished: trained for 2 epochs"


def test_a_checkpoint_that_another_process_is_asked_for_is_written_by_rank_0(tmp_path: Path) -> None:
    first, second = processes.call("requested", tmp_path, str(tmp_path), "checkpoint", 1)
    (written, *_) = [told for told in first["told"] if told[0] == "Checkpoint"]
    assert written[1] == 1
    assert written[2] > 1
    assert not [told for told in second["told"] if told[0] == "Checkpoint"]


def test_an_error_of_one_process_ends_the_others_with_its_message(tmp_path: Path) -> None:
    first, second = processes.call("fail", tmp_path, str(tmp_path), "raise")
    assert first.startswith("ProcessFailedError: rank 1 on ")
    assert first.endswith(": out of ideas")
    assert second == "CifarTuiError: out of ideas"


def test_a_killed_process_is_named_by_the_others(tmp_path: Path) -> None:
    first, second, third = processes.call("fail", tmp_path, str(tmp_path), "kill", processes=3)
    assert second is None
    for other in (first, third):
        assert other.startswith("LostProcessError: rank 1 on ")
        assert other.endswith(" was lost; the run can be resumed from its last checkpoint")


def test_a_process_that_hangs_ends_the_wait_of_the_others(tmp_path: Path) -> None:
    first, _ = processes.call("hang", tmp_path, str(tmp_path), "hang")
    assert first.startswith("LostProcessError: rank 1 on ")
    assert " does not answer; " in first


def test_a_loss_that_one_process_alone_has_infinite_names_it(tmp_path: Path) -> None:
    first, second = processes.call("diverge", tmp_path, str(tmp_path))
    assert "DivergedError: the loss of batch 1 on rank 1 on " in first
    assert first == second


def test_processes_with_other_images_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    first, second = processes.call("differ", tmp_path)
    assert first == second
    assert first.startswith("InputError: rank 1 on ")
    assert "has another images than rank 0 on" in first


def test_processes_with_other_code_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    for how, what in (("layers", "shapes of the model"), ("source", "source of the model")):
        first, second = processes.call("differ_in_class", tmp_path, how)
        assert first == second
        assert f"has another {what} than rank 0 on" in first


def test_an_evaluation_that_is_shared_out_is_that_of_one_process(tmp_path: Path) -> None:
    (alone,) = processes.call("evaluated", tmp_path, processes=1)
    for found in processes.call("evaluated", tmp_path, processes=2):
        assert found == alone


def test_gradients_are_averaged_by_the_share_of_each_process_whatever_their_type(tmp_path: Path) -> None:
    for found in processes.call("averaged", tmp_path):
        filters, doubles, complexes, only_one, unused = found["gradients"]
        assert filters[0][0] == [[0.75, 1.75], [2.75, 3.75]]
        assert doubles == [0.75, 1.75]
        assert complexes == [[0, 0.75], [0, 1.75]]
        assert only_one == [0.75]
        assert unused is None
        assert found["losses"] == [0.25, 1.5]
        assert found["correct"] == 1


def test_a_step_is_measured_by_the_gradient_of_the_whole_batch_in_every_process(tmp_path: Path) -> None:
    (alone,) = processes.call("measure", tmp_path, str(tmp_path), processes=1)
    (tmp_path / "both").mkdir()
    first, second = processes.call("measure", tmp_path, str(tmp_path / "both"))
    assert len(alone) == 3
    assert first == second
    for ours, theirs in zip(alone, first, strict=True):
        assert theirs == pytest.approx(ours, rel=1e-3)


def test_the_devices_of_other_hosts_are_reported_with_each_epoch(tmp_path: Path) -> None:
    first, second = processes.call("report_devices", tmp_path, str(tmp_path))
    assert first == second == ["host 1", 1, "host 1", 2]


def test_processes_on_cpus_say_that_they_normalise_by_their_own_images(tmp_path: Path) -> None:
    first, second = processes.call("note", tmp_path, str(tmp_path))
    assert any("batch normalisation: each process" in message for message in first["notes"])
    assert first["slowest"] == second["slowest"]
    assert first["slowest"][0] in (0, 1)
    assert first["slowest"][1] > 0
