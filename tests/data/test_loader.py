"""The batches that training and evaluation get."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision import transforms

from cifar_tui.data.augmentation.augment import AugmentationPolicy, augment, sample_parameters
from cifar_tui.data.dataset import Split
from cifar_tui.data.loader import TrainingBatches, evaluation_batches, normalise, on_device
from cifar_tui.errors import InputError

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")

Batches = list[tuple[Tensor, Tensor]]


def numbered(count: int) -> Split:
    """`count` images of noise, each labelled with its number."""
    noise = torch.randint(256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    return Split(noise.to(torch.uint8), torch.arange(count))


def training_batches(
    split: Split, batch_size: int, *, seed: int = 0, flips: bool = True, rank: int = 0, processes: int = 1
) -> TrainingBatches:
    return TrainingBatches(
        split,
        batch_size=batch_size,
        seed=seed,
        device=CPU,
        policy=AugmentationPolicy(flips=flips),
        rank=rank,
        processes=processes,
    )


def assert_same(ours: Iterable[tuple[Tensor, Tensor]], others: Iterable[tuple[Tensor, Tensor]]) -> None:
    for (images, labels), (other_images, other_labels) in zip(ours, others, strict=True):
        assert torch.equal(labels, other_labels)
        assert torch.equal(images, other_images)


@given(count=st.integers(2, 60), batch_size=st.integers(2, 25))
@settings(max_examples=60)
def test_an_epoch_has_each_image_once_and_no_batch_of_one(count: int, batch_size: int) -> None:
    batches = training_batches(numbered(count), batch_size)
    seen = [labels for _, labels in batches.epoch(1)]
    sizes = [len(labels) for labels in seen]
    assert torch.cat(seen).sort().values.tolist() == list(range(count))
    assert len(sizes) == batches.batches
    assert [batches.samples_before(batch) for batch in range(batches.batches + 1)] == [
        sum(sizes[:batch]) for batch in range(len(sizes) + 1)
    ]
    assert all(size == batch_size for size in sizes[:-1])
    assert 2 <= sizes[-1] <= batch_size + 1


@given(count=st.integers(2, 60), batch_size=st.integers(2, 25), data=st.data())
@settings(max_examples=30)
def test_an_epoch_entered_at_a_batch_goes_on_as_one_that_got_there(
    count: int, batch_size: int, data: st.DataObject
) -> None:
    split = numbered(count)
    whole = list(training_batches(split, batch_size).epoch(4))
    start = data.draw(st.integers(0, len(whole)))
    assert_same(training_batches(split, batch_size).epoch(4, start), whole[start:])


@given(count=st.integers(2, 60), batch_size=st.integers(2, 25), processes=st.integers(2, 5), start=st.integers(0, 3))
@settings(max_examples=40)
def test_processes_share_out_the_batches_of_a_single_one(
    count: int, batch_size: int, processes: int, start: int
) -> None:
    split = numbered(count)
    alone = training_batches(split, batch_size)
    together = [training_batches(split, batch_size, rank=rank, processes=processes) for rank in range(processes)]
    parts = zip(*(each.epoch(3, start) for each in together), strict=True)
    for batch, ((images, labels), shares) in enumerate(zip(alone.epoch(3, start), parts, strict=True), start):
        weights = [each.share(batch).weight for each in together]
        assert sum(weights) == pytest.approx(1)
        if len(labels) < 2 * processes:
            # Too small to be shared out: each of them computes it whole.
            assert all(torch.equal(share[0], images) and torch.equal(share[1], labels) for share in shares)
            assert len(set(weights)) == 1
            continue
        assert torch.equal(torch.cat([share[0] for share in shares]), images)
        assert torch.equal(torch.cat([share[1] for share in shares]), labels)
        assert weights == [len(share[1]) / len(labels) for share in shares]
        assert min(len(share[1]) for share in shares) >= 2


def test_batches_are_the_protocols_augmentation_of_the_labelled_images() -> None:
    split = numbered(100)
    for images, labels in training_batches(split, 30, seed=5).epoch(2):
        draws = sample_parameters(labels, 5, 2, AugmentationPolicy())
        assert torch.equal(images, normalise(augment(split.images, labels, draws)))


def test_batches_follow_from_seed_and_epoch_alone() -> None:
    split = numbered(90)
    batches = training_batches(split, 30, seed=1)
    torch.manual_seed(1)
    first = list(batches.epoch(1))
    state = torch.get_rng_state()
    list(batches.epoch(2))
    assert_same(batches.epoch(1), first)
    assert torch.equal(torch.get_rng_state(), state)

    for other in (batches.epoch(2), training_batches(split, 30, seed=2).epoch(1)):
        images, labels = next(iter(other))
        assert not torch.equal(labels, first[0][1])
        assert not torch.equal(images, first[0][0])


def test_images_without_flips_are_never_mirrored() -> None:
    # White on the left: mirrored images, and only they, are darker there.
    images = torch.zeros(200, 3, 32, 32, dtype=torch.uint8)
    images[..., :16] = 255
    split = Split(images, torch.arange(200))

    def mirrored(flips: bool) -> float:
        batches = training_batches(split, 50, flips=flips).epoch(1)
        parts = torch.cat([inputs[..., 8:24, :].mean((1, 2)) for inputs, _ in batches])
        return (parts[:, :16].mean(1) < parts[:, 16:].mean(1)).double().mean().item()

    assert mirrored(flips=False) == 0
    assert 0.3 < mirrored(flips=True) < 0.7


def test_where_flips_take_turns_each_image_is_mirrored_in_every_other_epoch() -> None:
    split = numbered(80)
    style = AugmentationPolicy(alternating=True, padding=0, colours_and_angles=False)
    batches = TrainingBatches(split, batch_size=30, seed=0, device=CPU, policy=style)
    originals = normalise(split.images)

    def mirrored(epoch: int) -> Tensor:
        found = torch.zeros(len(split), dtype=torch.bool)
        for images, labels in batches.epoch(epoch):
            found[labels] = (images == originals[labels].flip(3)).flatten(1).all(1)
            assert torch.equal(torch.where(found[labels, None, None, None], images.flip(3), images), originals[labels])
        return found

    first, second, third = (mirrored(epoch) for epoch in (1, 2, 3))
    assert 0.3 < first.double().mean() < 0.7
    assert torch.equal(second, ~first)
    assert torch.equal(third, first)


def test_images_that_may_not_be_mirrored_take_no_turns() -> None:
    split = numbered(40)
    style = AugmentationPolicy(flips=False, alternating=True, padding=0, colours_and_angles=False)
    batches = TrainingBatches(split, batch_size=30, seed=0, device=CPU, policy=style)
    for epoch in (1, 2):
        for images, labels in batches.epoch(epoch):
            assert torch.equal(images, normalise(split.images)[labels])


@given(padding=st.integers(0, 4))
def test_a_crop_is_as_far_off_the_centre_as_its_padding_lets_it(padding: int) -> None:
    draws = sample_parameters(torch.arange(300), 0, 1, AugmentationPolicy(padding=padding))
    for first in (draws.top, draws.left):
        assert (first - 4).unique().tolist() == list(range(-padding, padding + 1))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_batches_are_float32_in_range_and_in_the_memory_format(memory_format: torch.memory_format) -> None:
    split = numbered(150)
    batches = TrainingBatches(
        split, batch_size=40, seed=0, device=CPU, policy=AugmentationPolicy(), memory_format=memory_format
    )
    for images, labels in [*batches.epoch(1), *evaluation_batches(split, CPU, memory_format, batch_size=40)]:
        assert images.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert images.shape == (len(labels), 3, 32, 32)
        assert images.is_contiguous(memory_format=memory_format)
        assert -1 <= images.min() < -0.99
        assert 0.9 < images.max() <= 1
    assert_same(batches.epoch(1), training_batches(split, 40).epoch(1))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_cannot_be_trained_on(count: int) -> None:
    with pytest.raises(InputError, match="at least 2 images"):
        training_batches(numbered(count), 8)


def test_images_laid_out_otherwise_give_the_same_batches() -> None:
    split = numbered(40)
    interleaved = Split(split.images.contiguous(memory_format=torch.channels_last), split.labels)
    assert_same(training_batches(interleaved, 16).epoch(1), training_batches(split, 16).epoch(1))


def test_evaluation_is_in_order_and_never_augmented() -> None:
    split = numbered(70)
    batches: Batches = list(evaluation_batches(split, CPU, batch_size=32))
    assert [len(labels) for _, labels in batches] == [32, 32, 6]
    assert torch.equal(torch.cat([labels for _, labels in batches]), split.labels)
    assert torch.equal(torch.cat([images for images, _ in batches]), normalise(split.images))


def test_normalising_is_torchvisions_bit_for_bit() -> None:
    levels = torch.arange(256, dtype=torch.uint8).expand(3, 1, 256)
    reference = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
    assert torch.equal(normalise(levels), reference(levels.permute(1, 2, 0).numpy()))
    assert torch.equal(normalise(levels.float()), normalise(levels))


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_cuda_gives_the_batches_of_the_cpu(memory_format: torch.memory_format) -> None:
    split = numbered(1500)
    cpu, cuda = (
        TrainingBatches(
            split, batch_size=256, seed=3, device=device, policy=AugmentationPolicy(), memory_format=memory_format
        )
        for device in (CPU, torch.device("cuda"))
    )
    assert_same(((images.cpu(), labels.cpu()) for images, labels in cuda.epoch(1)), cpu.epoch(1))
    on_cuda = evaluation_batches(split, torch.device("cuda"), memory_format)
    assert_same(((images.cpu(), labels.cpu()) for images, labels in on_cuda), evaluation_batches(split, CPU))


@pytest.mark.cuda
@needs_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_an_epoch_on_cuda_waits_for_the_device_at_its_beginning_alone() -> None:
    device = torch.device("cuda")
    split = on_device(numbered(5000), device)
    batches = TrainingBatches(split, batch_size=256, seed=0, device=device, policy=AugmentationPolicy())
    epoch = batches.epoch(1)
    seen = len(next(epoch)[1])
    torch.cuda.set_sync_debug_mode("error")
    try:
        seen += sum(len(labels) for _, labels in epoch)
        seen += sum(len(labels) for _, labels in evaluation_batches(split, device))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert seen == 2 * 5000
