"""TensorBoard's event files, as its own writer and those of other tools write them."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.any_training.foreign_logs import write_event_file
from cifar_tui.events import Batch, Epoch, Note, RunStarted
from cifar_tui.foreign_logs.foreign_run import ForeignTail
from cifar_tui.foreign_logs.formats.event_layouts import MAX_FIELDS, LayoutReader
from cifar_tui.foreign_logs.formats.event_records import split_records
from cifar_tui.foreign_logs.formats.event_scalars import ScalarReader
from tests.support.foreign_logs.written_logs import all_events, read, read_events, record, run_at

event_pb2 = pytest.importorskip("tensorboard.compat.proto.event_pb2")
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader  # noqa: E402
from tensorboard.compat.proto import summary_pb2, tensor_pb2  # noqa: E402
from tensorboard.summary.writer.event_file_writer import EventFileWriter  # noqa: E402

Point = tuple[str, int, float]


def scalar(tag: str, value: float, *, tensor: bool = False) -> Any:
    """A scalar as PyTorch's writer has it, or as TensorFlow 2's."""
    if not tensor:
        return summary_pb2.Summary.Value(tag=tag, simple_value=value)
    content = tensor_pb2.TensorProto(dtype=1, tensor_content=struct.pack("<f", value))
    metadata = summary_pb2.SummaryMetadata(plugin_data={"plugin_name": "scalars"})
    return summary_pb2.Summary.Value(tag=tag, tensor=content, metadata=metadata)


def event(step: int, *values: Any) -> Any:
    return event_pb2.Event(wall_time=1e9 + step / 10, step=step, summary=summary_pb2.Summary(value=values))


def write(folder: Path, points: Sequence[Point], *, tensor: bool = False) -> Path:
    """Write an event file with TensorBoard's own writer."""
    writer = EventFileWriter(str(folder))
    for tag, step, value in points:
        writer.add_event(event(step, scalar(tag, value, tensor=tensor)))
    writer.close()
    (file,) = folder.glob("*tfevents*")
    return file


def by_tensorboard(file: Path) -> Iterator[tuple[float, int, str, float]]:
    """What TensorBoard's own reader finds."""
    for each in LegacyEventFileLoader(str(file)).Load():
        for value in each.summary.value:
            content = value.tensor.tensor_content
            number = struct.unpack("<f", content)[0] if content else value.simple_value
            yield each.wall_time, each.step, value.tag, number


def by_columns(file: Path) -> list[tuple[float, int, str, float]]:
    reader, data = ScalarReader(100), file.read_bytes()
    records = split_records(data, {})
    assert records.end == len(data)
    points = reader.read(data, records)
    names = list(reader.tags)
    columns = (points.times, points.steps, points.series, points.values)
    rows = zip(*map(np.ndarray.tolist, columns), strict=True)
    return [(t, int(step), names[tag], value) for t, step, tag, value in rows]


@pytest.mark.parametrize("tensor", [False, True])
def test_points_are_those_that_tensorboards_own_reader_finds(tmp_path: Path, *, tensor: bool) -> None:
    random = np.random.default_rng(1)
    tags = ("loss", "very/long/" + "x" * 130, "b", "lr")
    points = [(tag, step, float(random.normal())) for step in (0, 1, 5, *range(100, 20_000, 77)) for tag in tags]
    file = write(tmp_path, points, tensor=tensor)
    assert by_columns(file) == list(by_tensorboard(file))


def test_records_of_several_scalars_and_of_other_things_are_read_in_order(tmp_path: Path) -> None:
    writer = EventFileWriter(str(tmp_path))
    for step in range(50):
        writer.add_event(event(step, scalar("a", step), scalar("b", -step)))
        histogram = summary_pb2.Summary.Value(tag="h", histo=summary_pb2.HistogramProto(bucket=[1.0] * (step % 7)))
        writer.add_event(event(step, histogram))
        writer.add_event(event(step, summary_pb2.Summary.Value(tag="text", tensor=tensor_pb2.TensorProto(dtype=7))))
    writer.close()
    (file,) = tmp_path.iterdir()
    assert by_columns(file) == [each for each in by_tensorboard(file) if each[2] in "ab"]


def test_the_benchmarks_file_is_a_valid_one(tmp_path: Path) -> None:
    write_event_file(tmp_path / "events.out.tfevents.1", 2000)
    assert len(list(by_tensorboard(tmp_path / "events.out.tfevents.1"))) == 2000


def test_a_folder_is_a_run_of_steps_and_validations(tmp_path: Path) -> None:
    points: list[Point] = []
    for step in range(1, 101):
        points += [("train_loss", step, 1 / step), ("lr-Adam", step, 0.01), ("epoch", step, (step - 1) // 50)]
        if step % 50 == 0:
            points += [("val_loss", step, 2 / step), ("val_acc", step, 0.5 + step / 1000), ("val_f1x", step, 0.25)]
    write(tmp_path / "exp" / "version_3", points)
    state = read(tmp_path)
    assert state.started is not None
    assert (state.started.id, state.started.source) == ("exp/version_3", "TensorBoard")
    assert (state.samples, round(state.lr, 6), round(state.t, 6)) == (100, 0.01, 9.9)
    assert [(e.epoch, e.samples) for e in state.epochs] == [(1, 50), (2, 100)]
    assert [e.val_accuracy for e in state.epochs] == pytest.approx([0.55, 0.6])
    assert state.epochs[0].train_loss == pytest.approx(sum(1 / step for step in range(1, 51)) / 50)
    assert [point.mean for point in state.metrics["validation/f1x"].points] == [0.25, 0.25]
    assert state.images_per_second == pytest.approx(10, rel=0.1)


def test_kerass_folders_of_splits_are_one_run_of_epochs(tmp_path: Path) -> None:
    write(tmp_path / "fit" / "train", [("epoch_loss", n, 1.0 - n / 10) for n in range(3)], tensor=True)
    validated = [
        (tag, n, value) for n in range(3) for tag, value in (("epoch_loss", 2.0 - n), ("epoch_accuracy", n / 4))
    ]
    write(tmp_path / "fit" / "validation", validated, tensor=True)
    run = run_at(tmp_path)
    state, _ = run.follow({})
    assert run.id == "fit"
    assert [(e.epoch, e.val_loss, e.val_accuracy) for e in state.epochs] == [(1, 2, 0), (2, 1, 0.25), (3, 0, 0.5)]
    assert [e.train_loss for e in state.epochs] == pytest.approx([1.0, 0.9, 0.8])


def test_validations_by_epochs_beside_a_training_by_batches_stand_where_the_training_is(tmp_path: Path) -> None:
    points: list[Point] = []
    for epoch in range(3):
        points += [("loss", epoch * 100 + batch, 1.0) for batch in range(0, 100, 10)]
        points += [("val/accuracy", epoch, 0.1 * epoch)]
    write(tmp_path, points)
    state = read(tmp_path)
    assert [(e.epoch, e.samples) for e in state.epochs] == [(1, 90), (2, 190), (3, 290)]


def test_a_training_that_was_resumed_has_a_second_file(tmp_path: Path) -> None:
    write(tmp_path / "a", [("loss", step, 1.0) for step in range(1, 11)]).rename(tmp_path / "events.out.tfevents.1.x")
    write(tmp_path / "b", [("loss", step, 9.0) for step in range(6, 13)]).rename(tmp_path / "events.out.tfevents.2.x")
    state = read(tmp_path)
    assert [(p.last, p.mean) for p in state.batch_loss.points] == [
        *((step, 1.0) for step in range(1, 7)),
        *((step, 9.0) for step in range(6, 13)),
    ]


def test_a_record_of_any_size_is_skipped_without_reading_it_whole(tmp_path: Path) -> None:
    file = write(tmp_path, [("loss", 1, 0.5)])
    image = summary_pb2.Summary.Value(tag="i", image=summary_pb2.Summary.Image(encoded_image_string=bytes(6 << 20)))
    with file.open("ab") as stream:
        stream.write(record(event(1, image).SerializeToString()))
        stream.write(record(event(2, scalar("loss", 0.25)).SerializeToString()))
        stream.write(record(b"", length=1 << 40))
    assert [(e.samples, e.loss) for e in read_events(tmp_path) if isinstance(e, Batch)] == [(1, 0.5), (2, 0.25)]


def test_a_diverged_loss_is_read_as_nan(tmp_path: Path) -> None:
    write(tmp_path, [("loss", 1, 0.5), ("loss", 2, math.nan), ("val_loss", 2, math.nan)])
    events = read_events(tmp_path)
    assert [repr(e.loss) for e in events if isinstance(e, Batch)] == ["0.5", "nan"]
    assert [repr(e.val_loss) for e in events if isinstance(e, Epoch)] == ["nan"]


def test_one_call_reads_one_piece_however_little_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(record(bytes(1 << 20)) * 9 + record(event(1, scalar("loss", 0.5)).SerializeToString()))
    tail = ForeignTail(run_at(path), {})
    assert (tail.read(), tail.has_more) == ([], True)
    assert (tail.read(), tail.has_more) == ([], True)
    assert [e.loss for e in tail.read() if isinstance(e, Batch)] == [0.5]


def test_of_a_record_of_many_fields_the_first_are_read() -> None:
    values = [scalar(f"t{n}", n) for n in range(1000)]
    reader, content = LayoutReader(int(1.5 * MAX_FIELDS)), event(1, *values).SerializeToString()
    layouts = [reader.layout_of(content) for _ in range(3)]
    assert [len(layout.values) // 100 if layout else None for layout in layouts] == [3, 1, None]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_hole_is_read_when_it_is_filled(tmp_path: Path, *, at_once: bool) -> None:
    """A network file system may show zeros where another machine has written already."""
    path = tmp_path / "events.out.tfevents.1"
    records = [record(event(step, scalar("loss", 0.5)).SerializeToString()) for step in range(1, 20)]
    hole = b"".join(records[5:])
    path.write_bytes(b"".join(records[:5]) + bytes(len(hole)))
    tail = ForeignTail(run_at(path), {})
    first = all_events(tail)
    assert all_events(tail) == []
    for filled in [hole] if at_once else [hole[:50] + bytes(len(hole) - 50), hole]:
        with path.open("r+b") as file:
            file.seek(sum(map(len, records[:5])))
            file.write(filled)
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
        first += all_events(tail)
    assert [e.samples for e in first if isinstance(e, Batch)] == list(range(1, 20))
    assert not [e for e in first if isinstance(e, RunStarted)][1:]


def test_what_follows_a_damaged_record_is_left_out_and_the_log_says_so(tmp_path: Path) -> None:
    file = write(tmp_path, [("loss", 1, 0.5)])
    with file.open("ab") as stream:
        stream.write(b"x" * 40)
    events = read_events(tmp_path)
    assert [e.loss for e in events if isinstance(e, Batch)] == [0.5]
    assert [e.level for e in events if isinstance(e, Note) and "damaged" in e.message] == ["warning"]
