"""The benchmarks' own parts: the other side of the comparisons learns as the protocol does, and the tables add up."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cuda, distributed, hour, learning, reference_loop, throughput
from benchmarks.costs import metrics
from benchmarks.throughput import Seen
from cifar_tui import models
from tests.support.images import write_folder


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_the_reference_models_are_the_protocols(name: str) -> None:
    theirs, ours = getattr(reference_loop, name)(10), models.build(name, 10)
    assert [p.shape for p in theirs.parameters()] == [p.shape for p in ours.parameters()]


def test_the_reference_loop_trains_and_validates(tmp_path: Path) -> None:
    data = write_folder(tmp_path, {f"{split}/{name}": 10 for split in ("train", "test") for name in ("cat", "dog")})
    rows = list(reference_loop.train("mlp", str(data), epochs=2, seed=0, device="cpu", batch_size=6, planned=3))
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all(row["images"] == 18 and 0 <= row["val_accuracy"] <= 1 for row in rows)
    assert all(row["seconds"] >= row["training_seconds"] > 0 for row in rows)


def test_a_part_of_a_folder_has_the_first_images_of_each_class(tmp_path: Path) -> None:
    write_folder(tmp_path, {f"{split}/{name}": 6 for split in ("train", "test") for name in ("cat", "dog")})
    part = Path(throughput.part_of(str(tmp_path), 8, tmp_path / "part"))
    counts = {f"{d.parent.name}/{d.name}": len(list(d.iterdir())) for d in part.glob("*/*")}
    assert counts == {"train/cat": 4, "train/dog": 4, "test/cat": 1, "test/dog": 1}


def test_the_table_has_medians_and_the_ratios_of_pairs() -> None:
    def seen(seconds: float) -> Seen:
        return Seen([100.0, seconds], images=1000, memory=throughput.MIB, accuracy=0.5)

    *_, row = throughput.table(
        [("mlp", seen(1.0), seen(4.0)), ("mlp", seen(2.0), seen(4.0)), ("mlp", seen(1), seen(5))]
    )
    assert row == "| mlp | 250 | 1,000 | 4.00 (2.00–5.00) | 1 beside 1 | 50.00% beside 50.00% |"


def test_an_hour_of_events_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hour, "WARM_UP", 1)
    monkeypatch.setattr(hour, "BATCHES", 30)
    assert isinstance(hour.growth(1), int)


def test_all_figures_of_a_device_can_be_measured_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["cuda", "--device", "cpu", "--epochs", "1", "--rounds", "1", "--models", "mlp"])
    cuda.main()
    rows = dict(line.strip("| ").rsplit(" | ", 1) for line in capsys.readouterr().out.splitlines()[4:])
    assert float(rows["its images/s"].replace(",", "")) > 1
    assert 0 < float(rows["its share of the device's peak"].rstrip("%")) < 150
    assert float(rows["images/s with the dashboard ÷ headless"].partition(" ")[0]) > 0
    assert "mlp, fast, 1 epochs" in rows


def test_the_cost_of_metrics_can_be_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--images", "64", "--batch-sizes", "16", "--epochs", "2", "--rounds", "1", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["metrics", *small])
    metrics.main()
    printed = capsys.readouterr().out
    (row,) = [line for line in printed.splitlines() if line.startswith("| mlp | 16 | 100 batches |")]
    *_, ratio, share = row.strip(" |").split(" | ")
    assert float(ratio.partition(" ")[0]) > 0
    assert 0 < float(share.rstrip("%")) < 100
    assert "% of a core; its event has" in printed


def test_the_time_to_an_accuracy_ends_with_the_first_epoch_that_has_it() -> None:
    trained = cuda.Trained([2.0, 3.0, 4.0], [0.1, 0.5, 0.4], 100, 0.4)
    assert (trained.until(0.1), trained.until(0.4), trained.until(0.6)) == (2.0, 5.0, None)


def test_training_on_an_image_takes_three_times_its_forward_pass() -> None:
    weights = 3072 * 1024 + 1024 * 512 + 512 * 10
    assert cuda.training_flop("mlp") == 3 * 2 * weights


def test_what_is_learnt_is_told_apart_from_float32_seed_by_seed() -> None:
    seen = {("mlp", "float32"): [0.40, 0.50], ("mlp", "bf16"): [0.41, 0.52]}
    assert list(learning.table(seen))[2:] == [
        "| mlp | float32 | 40.00%, 50.00% | 45.00% | +0.00 |",
        "| mlp | bf16 | 41.00%, 52.00% | 46.50% | +1.50 |",
    ]


def test_scaling_is_measured_with_the_same_batch_and_with_the_same_for_each_process() -> None:
    ways = [(side.processes, side.batch_size, side.threads) for side in distributed.sides(4, cores=2)]
    assert ways == [(1, 256, 2), (2, 256, 1), (2, 512, 1), (4, 256, 1), (4, 1024, 1)]


def test_the_slowest_process_computes_its_share_of_the_images() -> None:
    epochs = [{"images_per_second": 100.0, "slowest_images_per_second": 80.0}]
    assert distributed.seen(epochs, 2) == distributed.Seen(100.0, 0.625)


def test_scaling_is_compared_within_a_round() -> None:
    alone, both = distributed.sides(2, cores=2)[:2]
    rounds = {
        alone: [distributed.Seen(100.0, None), distributed.Seen(200.0, None)],
        both: [distributed.Seen(90.0, 0.8), distributed.Seen(220.0, 0.9)],
    }
    assert list(distributed.table(rounds, {2: 0.01}))[2:] == [
        "| 1 × 2 | 256 | 150 | 1 |  |  |",
        "| 2 × 1 | 256 | 155 | 1.000 (0.900–1.100) | 85.0% | 10.0 ms, 0.6% |",
    ]
