"""The batched augmentation against torchvision's transforms of PIL images, one image at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional

from cifar_tui.data.augmentation.augment import (
    AugmentationParameters,
    AugmentationPolicy,
    ColourParameters,
    augment,
    degrees,
    sample_parameters,
)
from cifar_tui.data.augmentation.color import BRIGHTNESS, CONTRAST, HUE, SATURATION, blend, shift_hue
from cifar_tui.data.augmentation.geometry import flip_and_crop, inverse_rotation, rotate
from cifar_tui.data.random_bits import random_bits, uniform, whole_number
from cifar_tui.data.seeds import derive_seed

ADJUSTMENTS: dict[int, Callable[[Image.Image, float], Image.Image]] = {
    BRIGHTNESS: functional.adjust_brightness,
    CONTRAST: functional.adjust_contrast,
    SATURATION: functional.adjust_saturation,
    HUE: functional.adjust_hue,
}


def random_images(count: int, seed: int = 0) -> Tensor:
    """(count, 3, 32, 32) uint8: noise, smooth gradients with noise, and few-coloured images by turns."""
    torch_generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(256, (count, 3, 32, 32), generator=torch_generator)
    ramp = torch.linspace(0, 1, 32)
    ends = torch.randint(256, (3, count, 3, 1, 1), generator=torch_generator)
    smooth = ends[0] + (ends[1] - ends[0]) * ramp + (ends[2] - ends[0]) * ramp[:, None] + noise / 16
    few = noise // 128 * 255
    kinds = torch.stack([noise.float(), smooth, few.float()])
    return kinds[torch.arange(count) % 3, torch.arange(count)].clamp(0, 255).to(torch.uint8)


def edge_images() -> Tensor:
    """(n, 3, 32, 32) uint8: each of one colour, from black over primaries and greys to white; and striped."""
    levels = (0, 1, 127, 128, 254, 255)
    colours = torch.tensor([(r, g, b) for r in levels for g in levels for b in levels], dtype=torch.uint8)
    plain = colours[:, :, None, None].expand(-1, -1, 32, 32)
    stripes = plain.clone()
    stripes[:, :, ::2] = 255 - stripes[:, :, ::2]
    return torch.cat([plain, stripes])


IMAGES = torch.cat([random_images(120), edge_images()])


def each(images: Tensor, transform: Callable[[Image.Image, int], Image.Image]) -> Tensor:
    """(n, 3, 32, 32) uint8: every image, as PIL has it, transformed together with its number."""
    results = [transform(functional.to_pil_image(image), number) for number, image in enumerate(images)]
    return torch.stack([functional.pil_to_tensor(result) for result in results])


def assert_same_pixels(ours: Tensor, reference: Tensor) -> None:
    assert ours.shape == reference.shape
    different = (ours != reference).flatten(1).any(1).nonzero().flatten().tolist()
    assert not different, f"images {different[:10]} differ"


def pil_flip_and_crop(image: Image.Image, flip: bool, top: int, left: int) -> Image.Image:
    image = functional.horizontal_flip(image) if flip else image
    padded = functional.pad(image, [4], padding_mode="reflect")
    cut: Image.Image = functional.crop(padded, top, left, 32, 32)
    return cut


def drawn(count: int, *, seed: int = 0, epoch: int = 1, **policy: bool | int) -> AugmentationParameters:
    """The parameters of the first `count` images of a training set."""
    return sample_parameters(torch.arange(count), seed, epoch, AugmentationPolicy(**policy))  # type: ignore[arg-type]


def colours_of(draws: AugmentationParameters) -> ColourParameters:
    assert draws.colours is not None
    return draws.colours


def values_of(draws: AugmentationParameters) -> dict[str, Tensor]:
    """All that was drawn, by name."""
    colours = colours_of(draws)
    values = {"flip": draws.flip, "top": draws.top, "left": draws.left}
    return values | {field.name: getattr(colours, field.name) for field in fields(ColourParameters)}


def pil_pipeline(image: Image.Image, draws: AugmentationParameters, i: int) -> Image.Image:
    """What the protocol's torchvision transforms do to one image, given what they draw."""
    image = pil_flip_and_crop(image, bool(draws.flip[i]), int(draws.top[i]), int(draws.left[i]))
    colours = colours_of(draws)
    factors = [*colours.factors[i].tolist(), colours.hue[i].item()]
    for operation in colours.order[i].tolist():
        image = ADJUSTMENTS[operation](image, factors[operation])
    rotated: Image.Image = functional.rotate(image, degrees(colours.angle)[i].item())
    return rotated


@pytest.mark.parametrize("operation", [BRIGHTNESS, CONTRAST, SATURATION])
def test_blends_equal_torchvision(operation: int) -> None:
    count = len(IMAGES)
    factor = torch.empty(count).uniform_(0.8, 1.2, generator=torch.Generator().manual_seed(operation))
    factor[::7] = torch.tensor([0.8, 1.0, 1.2, 0.0, 0.5, 2.0, 7.5]).repeat(count)[: len(factor[::7])]
    ours = blend(IMAGES.float(), torch.full((count,), operation), factor)
    assert_same_pixels(ours, each(IMAGES, lambda image, i: ADJUSTMENTS[operation](image, factor[i].item())))


def test_hue_equals_torchvision() -> None:
    factor = torch.linspace(-0.5, 0.5, len(IMAGES))
    factor[::3] = torch.linspace(-0.1, 0.1, len(factor[::3]))
    ours = shift_hue(IMAGES.float(), factor)
    assert_same_pixels(ours, each(IMAGES, lambda image, i: ADJUSTMENTS[HUE](image, factor[i].item())))


def test_hue_equals_torchvision_for_a_million_colours() -> None:
    level = torch.arange(256, dtype=torch.uint8)
    green, blue = torch.meshgrid(level, level, indexing="ij")
    images = torch.stack([torch.stack([red.expand(256, 256), green, blue]) for red in level[::15]])
    factor = torch.linspace(-0.1, 0.1, len(images))
    reference = each(images, lambda image, i: ADJUSTMENTS[HUE](image, factor[i].item()))
    assert_same_pixels(shift_hue(images.float(), factor), reference)


def test_flip_and_crop_equals_torchvision() -> None:
    corners = [(flip, top, left) for flip in (False, True) for top in range(9) for left in range(9)]
    flip, top, left = (torch.tensor(values) for values in zip(*corners, strict=True))
    indices = torch.randperm(len(IMAGES), generator=torch.Generator().manual_seed(3))[: len(corners)]

    ours = flip_and_crop(IMAGES, indices, flip, top, left)
    reference = each(
        IMAGES[indices], lambda image, i: pil_flip_and_crop(image, bool(flip[i]), int(top[i]), int(left[i]))
    )
    assert_same_pixels(ours, reference)


def test_rotation_equals_torchvision() -> None:
    images = random_images(400)
    angle = torch.empty(400).uniform_(-15, 15, generator=torch.Generator().manual_seed(4))
    special = [0.0, -0.0, 15.0, -15.0, 1e-6, -1e-6, 45.0, 90.0, -90.0, 180.0, 270.0, 359.9, 0.9, -0.9]
    angle[: len(special)] = torch.tensor(special)
    ours = rotate(images.float(), inverse_rotation(angle))
    assert_same_pixels(ours, each(images, lambda image, i: functional.rotate(image, angle[i].item())))


def test_whole_augmentation_equals_torchvision_for_every_order() -> None:
    orders = torch.tensor(list(permutations(range(4)))).repeat_interleave(12, 0)
    count = len(orders)
    draws = drawn(count, seed=1)
    draws = replace(draws, colours=replace(colours_of(draws), order=orders))
    indices = torch.randperm(len(IMAGES), generator=torch.Generator().manual_seed(5))[:count]
    reference = each(IMAGES[indices], lambda image, i: pil_pipeline(image, draws, i))
    assert_same_pixels(augment(IMAGES, indices, draws), reference)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_small_batches_equal_torchvision(count: int) -> None:
    images = random_images(count)
    for number in range(12):
        draws = drawn(count, epoch=number)
        expected = [pil_pipeline(functional.to_pil_image(image), draws, i) for i, image in enumerate(images)]
        reference = torch.stack([functional.pil_to_tensor(image) for image in expected])
        assert_same_pixels(augment(images, torch.arange(count), draws), reference)


def test_augmenting_leaves_the_images_as_they_were() -> None:
    images = IMAGES.clone()
    augment(images, torch.arange(len(images)), drawn(len(images)))
    assert torch.equal(images, IMAGES)


DRAWN = 24_000
DRAWS = drawn(DRAWN)
COLOURS = colours_of(DRAWS)
ANGLE = degrees(COLOURS.angle)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (COLOURS.factors[:, 0], 0.8, 1.2),
        (COLOURS.factors[:, 1], 0.8, 1.2),
        (COLOURS.factors[:, 2], 0.8, 1.2),
        (COLOURS.hue, -0.1, 0.1),
        (ANGLE, -15.0, 15.0),
    ],
    ids=["brightness", "contrast", "saturation", "hue", "angle"],
)
def test_continuous_draws_are_uniform_over_the_protocols_range(values: Tensor, low: float, high: float) -> None:
    position = ((values.double() - low) / (high - low)).sort().values
    assert position[0] >= -1e-6
    assert position[-1] <= 1 + 1e-6
    distance = (position - (torch.arange(DRAWN) + 0.5) / DRAWN).abs().max().item()
    assert distance < 2.5 / DRAWN**0.5  # Kolmogorov-Smirnov, p < 1e-5


@pytest.mark.parametrize(
    ("values", "categories"),
    [
        (DRAWS.flip.long(), 2),
        (DRAWS.top, 9),
        (DRAWS.left, 9),
        (COLOURS.order @ torch.tensor([64, 16, 4, 1]), 24),
        (DRAWS.top * 9 + DRAWS.left, 81),
    ],
    ids=["flip", "top", "left", "order", "top and left together"],
)
def test_discrete_draws_are_uniform(values: Tensor, categories: int) -> None:
    counts = values.unique(return_counts=True)[1]
    assert len(counts) == categories
    expected = DRAWN / categories
    chi_square = ((counts - expected) ** 2 / expected).sum().item()
    freedom = categories - 1
    assert chi_square < freedom + 6 * (2 * freedom) ** 0.5


def test_every_order_is_a_permutation() -> None:
    assert torch.equal(COLOURS.order.sort(1).values, torch.arange(4).expand(DRAWN, 4))
    assert DRAWS.top.min() >= 0
    assert DRAWS.top.max() <= 8


def test_draws_are_independent_of_each_other_and_from_image_to_image() -> None:
    columns = [DRAWS.flip, DRAWS.top, DRAWS.left, *COLOURS.factors.unbind(1), COLOURS.hue, ANGLE]
    columns += [COLOURS.order[:, place] == HUE for place in range(3)]
    here = torch.stack([column.double() for column in columns])
    ours = len(columns) - 3  # the places of one operation exclude each other
    correlation = torch.corrcoef(torch.cat([here[:, 1:], here[:, :-1]]))
    within, across = correlation[: len(columns), : len(columns)], correlation[: len(columns), len(columns) :]
    limit = 5 / DRAWN**0.5
    assert (within[:ours] - torch.eye(len(columns))[:ours]).abs().max() < limit
    assert across.abs().max() < limit


def test_draws_are_independent_from_epoch_to_epoch_and_from_seed_to_seed() -> None:
    others = [drawn(DRAWN, epoch=2), drawn(DRAWN, seed=1), drawn(DRAWN, epoch=2, seed=1)]
    for name in values_of(DRAWS):
        here = [values_of(each)[name].double().flatten() for each in (DRAWS, *others)]
        correlation = torch.corrcoef(torch.stack(here)) - torch.eye(len(here))
        assert correlation.abs().max() < 5 / DRAWN**0.5


def test_without_flips_only_the_flip_is_missing() -> None:
    flipping, fixed = values_of(drawn(100)), values_of(drawn(100, flips=False))
    assert flipping.pop("flip").any()
    assert not fixed.pop("flip").any()
    assert all(torch.equal(flipping[name], fixed[name]) for name in flipping)


def test_images_augmented_together_are_those_augmented_apart() -> None:
    images, draws = random_images(60), drawn(60)
    parts = [(0, 1), (1, 30), (30, 60)]
    apart = [augment(images, torch.arange(*part), draws.part(*part)) for part in parts]
    assert torch.equal(augment(images, torch.arange(60), draws), torch.cat(apart))
    known = draws.hue_starts([last for _, last in parts])
    for part, starts, expected in zip(parts, known, apart, strict=True):
        assert torch.equal(augment(images, torch.arange(*part), draws.part(*part), starts), expected)


@given(shuffled=st.permutations(range(40)), seed=st.integers(0, 2**63 - 1), epoch=st.integers(1, 10**6))
@settings(max_examples=30)
def test_what_is_drawn_for_an_image_follows_from_seed_epoch_and_image_alone(
    shuffled: list[int], seed: int, epoch: int
) -> None:
    whole = values_of(drawn(40, seed=seed, epoch=epoch))
    others = torch.tensor(shuffled[:7])
    part = values_of(sample_parameters(others, seed, epoch, AugmentationPolicy()))
    assert all(torch.equal(whole[name][others], part[name]) for name in whole)


def test_random_bits_are_splitmix64s() -> None:
    # The first numbers of its reference implementation for the seed 1234567.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [bits % 2**64 for bits in random_bits(1234567, torch.arange(4)).tolist()] == expected


def test_numbers_made_of_random_bits_stay_in_their_range() -> None:
    ends = torch.tensor([0, -1, 2**63 - 1, -(2**63)])
    for first in (0, 8, 32):
        numbers = whole_number(ends, first, 32, -4, 5)
        assert numbers.min() == -4
        assert numbers.max() == 4
        values = uniform(ends, first, -0.1, 0.1)
        assert values.dtype == torch.float32
        assert values.min() == torch.tensor(-0.1)
        assert 0.0999 < values.max() <= torch.tensor(0.1)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_cuda_draws_what_the_cpu_draws() -> None:
    images = torch.arange(DRAWN)
    on_cuda = values_of(sample_parameters(images.cuda(), 3, 5, AugmentationPolicy()))
    on_cpu = values_of(sample_parameters(images, 3, 5, AugmentationPolicy()))
    assert all(torch.equal(on_cuda[name].cpu(), on_cpu[name]) for name in on_cpu)


def test_each_part_of_a_key_changes_it() -> None:
    keys = {
        derive_seed(seed, epoch, batch, purpose)
        for seed in (0, 1, 2**63 - 1)
        for epoch in range(20)
        for batch in range(20)
        for purpose in ("augment", "order")
    }
    assert len(keys) == 3 * 20 * 20 * 2
    assert all(0 <= value < 2**63 for value in keys)
    assert len({value & 0xFFFFFFFF for value in keys}) == len(keys)


def test_a_key_never_changes_so_that_old_runs_resume() -> None:
    assert derive_seed(0, 1, 2, "augment") == 681164528823434397
