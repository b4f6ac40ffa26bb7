"""Each format as the tools write it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from cifar_tui.events import Batch, Epoch, Metric, Note, RunStarted
from tests.support.foreign_logs.written_logs import (
    KERAS,
    LIGHTNING,
    ULTRALYTICS,
    all_events,
    read,
    read_events,
    run_at,
    trainer_state,
    write_json_lines,
)


def test_kerass_rows_are_epochs(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(KERAS)
    state = read(tmp_path / "log.csv")
    assert [(e.epoch, e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy) for e in state.epochs] == [
        (1, 1.9, 0.31, 1.7, 0.40),
        (2, 1.5, 0.45, 1.3, 0.52),
        (3, 1.2, 0.55, 1.4, 0.50),
    ]
    assert state.best is not None
    assert (state.best.epoch, state.epochs[-1].lr, state.batch_loss.points) == (2, 0.0005, [])
    assert state.started is not None
    assert (state.started.source, state.started.unit, state.started.train_samples) == ("CSV", "steps", 1)


def test_ultralytics_rows_are_epochs_with_metrics(tmp_path: Path) -> None:
    (tmp_path / "train3").mkdir()
    (tmp_path / "train3" / "results.csv").write_text(ULTRALYTICS)
    state = read(tmp_path)
    assert state.started is not None
    assert state.started.id == "train3"
    assert [(e.epoch, e.train_loss, e.val_loss, e.val_accuracy, e.t) for e in state.epochs] == [
        (1, 1.2163, 1.1023, 0.3210, 10.5216),
        (2, 1.1007, 1.0501, 0.3900, 20.1034),
    ]
    assert [point.mean for point in state.metrics["metrics/mAP50(B)"].points] == [0.5531, 0.6012]
    assert state.lr == 0.002


def test_lightnings_rows_are_steps_and_epochs(tmp_path: Path) -> None:
    (tmp_path / "version_0").mkdir()
    (tmp_path / "version_0" / "metrics.csv").write_text(LIGHTNING)
    events = read_events(tmp_path)
    batches = [(e.epoch, e.samples, e.loss, e.lr) for e in events if isinstance(e, Batch)]
    assert batches == [(1, 4, 2.1, 0.001), (1, 9, 1.8, 0.0009), (2, 14, 1.6, 0.0009), (2, 19, 1.4, 0.0009)]
    epochs = [(e.epoch, e.samples, e.train_loss, e.val_loss, e.val_accuracy) for e in events if isinstance(e, Epoch)]
    assert epochs == [(1, 9, 1.95, 1.75, 0.41), (2, 19, 1.5, 1.5, 0.52)]
    assert isinstance(events[0], RunStarted)


def test_an_epoch_without_a_loss_of_its_own_has_the_mean_of_its_steps(tmp_path: Path) -> None:
    rows = ["epoch,step,loss,val_loss", "1,1,4,", "1,2,2,", "1,2,,9", "2,3,1,", "2,4,nan,", "2,4,,8"]
    (tmp_path / "log.csv").write_text("\n".join(rows) + "\n")
    assert [e.train_loss for e in read(tmp_path / "log.csv").epochs] == [3.0, 1.0]


def test_hugging_faces_history_has_steps_evaluations_and_the_plan(tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text(json.dumps(trainer_state(40)))
    state = read(tmp_path)
    assert state.started is not None
    assert (state.started.epochs, state.started.batches, state.started.source) == (2, 20, "Hugging Face")
    assert [(e.epoch, e.samples, e.val_loss, e.val_accuracy) for e in state.epochs] == [
        (1, 20, 1.5, 0.2),
        (2, 40, 1.5, 0.4),
    ]
    assert len(state.batch_loss.points) == 8
    assert state.metrics.keys() == {"grad_norm", "validation/runtime"}
    assert (state.status, state.finished and state.finished.message) == ("finished", "all its steps are done")


def test_evaluations_within_an_epoch_are_counted_as_epochs_and_said_so(tmp_path: Path) -> None:
    log = [{"step": s, "epoch": s / 20, "eval_loss": 1.0 / s} for s in (5, 10, 15, 20, 25)]
    write_json_lines(tmp_path / "log.jsonl", log)
    state = read(tmp_path / "log.jsonl")
    assert [(e.epoch, e.samples) for e in state.epochs] == [(1, 5), (2, 10), (3, 15), (4, 20), (5, 25)]
    assert any("more than once" in note.message for note in state.notes)


def test_json_lines_may_hold_objects_in_objects_and_lines_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(
        'no json\n[1]\n{"step": 1, "train": {"loss": 0.5, "name": "x", "deep": {"a": {"b": 1}}}, "ok": true}\n'
    )
    write_json_lines(path, [{"step": 2, "train": {"loss": 0.25}}, {"step": 2, "val": {"loss": 1, "recall": 0.5}}])
    events = read_events(path)
    assert [(e.samples, e.loss) for e in events if isinstance(e, Batch)] == [(1, 0.5), (2, 0.25)]
    assert [(e.samples, e.train_loss, e.val_loss) for e in events if isinstance(e, Epoch)] == [(2, 0.375, 1.0)]
    assert [(e.split, e.values) for e in events if isinstance(e, Metric)] == [("validation", {"recall": 0.5})]


def test_percentages_become_fractions_from_the_first_row_on_and_the_note_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_json_lines(path, [{"epoch": 1, "loss": 3, "val_acc": 0.9}, {"epoch": 2, "loss": 2, "val_acc": 35.0}])
    state = read(path)
    assert [e.val_accuracy for e in state.epochs] == pytest.approx([0.009, 0.35])
    assert any("in percent: val_acc" in note.message for note in state.notes)


@pytest.mark.parametrize(("found", "fractions"), [([0.5, 1.0000001], [0.5, 1.0000001]), ([50, 100.00001], [0.5, 1.0])])
def test_a_rounded_accuracy_is_of_the_kind_of_the_others(
    tmp_path: Path, found: list[float], fractions: list[float]
) -> None:
    write_json_lines(tmp_path / "log.jsonl", [{"epoch": n, "loss": 1, "val_acc": each} for n, each in enumerate(found)])
    assert [e.val_accuracy for e in read(tmp_path / "log.jsonl").epochs] == pytest.approx(fractions, rel=1e-6)


def test_a_log_of_metrics_alone_has_a_speed_in_steps(tmp_path: Path) -> None:
    log = [{"timestamp": 1e9 + step / 10, "step": step, "reward": 1.0, "length": 5} for step in range(0, 100, 10)]
    write_json_lines(tmp_path / "log.jsonl", log)
    state = read(tmp_path / "log.jsonl")
    assert (state.samples, list(state.metrics), state.epochs) == (90, ["reward", "length"], [])
    assert state.images_per_second == pytest.approx(10)


def test_the_first_note_says_what_was_taken_for_what(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(KERAS)
    (note,) = [e.message for e in read_events(tmp_path / "log.csv") if isinstance(e, Note)]
    assert note == (
        "read as: epoch = epoch, lr = learning_rate, loss = loss, accuracy = accuracy,"
        " val-loss = val_loss, val-accuracy = val_accuracy"
    )


def test_a_person_can_say_what_is_what(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("it;obj;held_out\n10;0.5;\n20;0.4;0.7\n")
    state = read(tmp_path / "log.csv", {"step": "it", "loss": "obj", "val-loss": "held_out", "lr": "rate"})
    assert [(p.last, p.mean) for p in state.batch_loss.points] == [(10, 0.5), (20, 0.4)]
    assert [(e.samples, e.val_loss) for e in state.epochs] == [(20, 0.7)]
    assert any(note.level == "warning" and "'rate'" in note.message for note in state.notes)


@pytest.mark.parametrize(
    ("content", "losses"),
    [
        ("step,loss\r\n1,0.5\r\n2,0.25\r\n", [0.5, 0.25]),
        ('"step","loss"\n"1","0.5"\n', [0.5]),
        ("\ufeff# made by hand\nstep\tloss\n1\t-5e-1\n", [-0.5]),
        ("step,loss,\n1,0.5,\n2,0.25\n3\n4,0.1,0.2,0.3\n", [0.5, 0.25, 0.1]),
        ("step;loss\n1;0,5\n2;0,25\n", [0.5, 0.25]),
        ("step,loss\n1,9999999999999999999\n2,999999999999999999\n", [1e19, 1e18]),
        ("step,loss\n1,none\n2,inf\n3,0.12345678901234567\n\n4,1.5", [math.inf, 0.12345678901234567, 1.5]),
    ],
)
def test_csv_of_any_kind_is_read(tmp_path: Path, content: str, losses: list[float]) -> None:
    path = tmp_path / "log.csv"
    path.write_text(content)
    import os

    os.utime(path, (1e9, 1e9))
    found = [e.loss for e in read_events(path) if isinstance(e, Batch) and not math.isnan(e.loss)]
    assert found == pytest.approx(losses, rel=1e-15)


@pytest.mark.parametrize("name", ["log.jsonl", "log.csv"])
def test_rows_that_name_their_split_are_of_that_split(tmp_path: Path, name: str) -> None:
    rows = []
    for epoch in (1, 2):
        rows += [("train", epoch, (epoch - 1) * 3 + step, 0.5, epoch / 10) for step in (1, 2, 3)]
        rows += [("Val", epoch, 0, 5.0, epoch / 10)]
    names = ("phase", "epoch", "step", "loss", "lr")
    if name == "log.csv":
        text = "\n".join(",".join(map(str, row)) for row in [names, *rows])
        (tmp_path / name).write_text(text + "\n")
    else:
        write_json_lines(tmp_path / name, [dict(zip(names, row, strict=True)) for row in rows])
    state = read(tmp_path / name)
    assert [(e.epoch, e.samples, e.train_loss, e.val_loss) for e in state.epochs] == [
        (1, 3, 0.5, 5.0),
        (2, 6, 0.5, 5.0),
    ]
    assert [(point.last, point.mean) for point in state.batch_loss.points] == [(n, 0.5) for n in range(1, 7)]
    assert (state.samples, state.lr, state.resumptions, list(state.metrics)) == (6, 0.2, [], [])


def test_a_single_row_of_an_earlier_step_is_no_return(tmp_path: Path) -> None:
    """Several processes may log to one file, one a little behind the others."""
    path = tmp_path / "log.jsonl"
    write_json_lines(path, [{"step": step, "loss": 1.0} for step in (1, 3, 2, 4, 3, 5, 4)])
    state, tail = run_at(path).follow({})
    assert (state.resumptions, state.samples, len(state.batch_loss.points)) == ([], 5, 7)
    write_json_lines(path, [{"step": 4, "loss": 2.0}])
    for event in all_events(tail):
        state.apply(event)
    assert [event.samples for event in state.resumptions] == [4]


def test_steps_that_count_within_each_epoch_are_counted_on(tmp_path: Path) -> None:
    rows = [(epoch, batch, 0.5) for epoch in (1, 2, 3) for batch in range(4)]
    text = "".join(f"{epoch},{batch},{loss}\n" for epoch, batch, loss in rows)
    (tmp_path / "log.csv").write_text("epoch,batch,loss\n" + text)
    assert [e.samples for e in read_events(tmp_path / "log.csv") if isinstance(e, Batch)] == list(range(12))


def test_a_training_that_was_resumed_continues_from_there(tmp_path: Path) -> None:
    log = [{"step": s, "loss": 1.0, "val_loss": 1.0} for s in (1, 2, 3, 4)]
    log += [{"step": s, "loss": 9.0, "val_loss": 9.0} for s in (3, 4)]
    write_json_lines(tmp_path / "log.jsonl", log)
    state = read(tmp_path / "log.jsonl")
    assert [(p.last, p.mean) for p in state.batch_loss.points] == [(1, 1), (2, 1), (3, 1), (3, 9), (4, 9)]
    assert [(e.samples, e.val_loss) for e in state.epochs] == [(1, 1), (2, 1), (3, 1), (3, 9), (4, 9)]


def test_a_training_that_has_diverged_is_seen_in_every_format(tmp_path: Path) -> None:
    """NaN, of which each format has its own."""
    history = [{"step": n, "loss": n and math.nan} for n in (0, 1, 2)] + [{"step": 2, "eval_loss": math.nan}]
    write_json_lines(tmp_path / "log.jsonl", history)
    (tmp_path / "quoted.jsonl").write_text((tmp_path / "log.jsonl").read_text().replace("NaN", '"NaN"'))
    (tmp_path / "log.csv").write_text("step,loss,val_loss\n0,0,\n1,nan,\n2,NaN,\n2,,nan\n")
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    for name in ("log.jsonl", "quoted.jsonl", "log.csv", "hf"):
        events = read_events(tmp_path / name)
        assert [repr(e.loss) for e in events if isinstance(e, Batch)] == ["0.0", "nan", "nan"], name
        assert [(e.samples, repr(e.val_loss)) for e in events if isinstance(e, Epoch)] == [(2, "nan")], name


def test_an_epoch_in_which_all_is_nan_is_an_epoch(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(KERAS + "3,NA,0.001,nan,NA,nan\n4,0.1,0.001,nan,0.1,nan\n")
    epochs = read(tmp_path / "log.csv").epochs
    assert [e.epoch for e in epochs] == [1, 2, 3, 4, 5]
    assert all(math.isnan(value) for e in epochs[3:] for value in (e.train_loss, e.val_loss))
    assert [e.val_accuracy for e in epochs[4:]] == [0.1]


def test_nan_in_the_columns_that_a_row_does_not_measure_is_a_filler(tmp_path: Path) -> None:
    rows = ["step,loss,acc,val_loss,val_acc", "1,0.5,0.2,nan,nan", "2,0.4,0.2,nan,nan", "2,nan,nan,0.7,0.3"]
    rows += ["3,nan,0.1,nan,nan", "3,nan,nan,nan,0.1"]
    (tmp_path / "log.csv").write_text("\n".join(rows) + "\n")
    events = read_events(tmp_path / "log.csv")
    assert [repr(e.loss) for e in events if isinstance(e, Batch)] == ["0.5", "0.4", "nan"]
    assert [(e.samples, repr(e.val_loss)) for e in events if isinstance(e, Epoch)] == [(2, "0.7"), (3, "nan")]


def test_nan_of_a_long_log_is_kept(tmp_path: Path) -> None:
    rows = [f"{step},{'nan' if step == 12_345 else -0.5}\n" for step in range(1, 30_001)]
    (tmp_path / "log.csv").write_text("step,loss\n" + "".join(rows))
    assert [e.samples for e in read_events(tmp_path / "log.csv") if isinstance(e, Batch) and math.isnan(e.loss)] == [
        12_345
    ]


def test_spikes_of_a_long_log_are_kept(tmp_path: Path) -> None:
    rows = [f"{step},{0.5 if step != 12_345 else 77}\n" for step in range(1, 30_001)]
    (tmp_path / "log.csv").write_text("step,loss\n" + "".join(rows))
    state = read(tmp_path / "log.csv")
    assert max(point.high for point in state.batch_loss.points) == 77
    assert state.samples == 30_000
    assert sum(point.count for point in state.batch_loss.points) < 6000
