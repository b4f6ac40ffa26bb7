"""The reference protocol's training augmentation, for whole batches, every image with parameters of its own.

Pixel for pixel what torchvision's transforms make of PIL images one by one, in this order:
`RandomHorizontalFlip(0.5)`, `RandomCrop(32, padding=4, padding_mode="reflect")`, `ColorJitter(0.2, 0.2, 0.2, 0.1)`,
`RandomRotation(15)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from cifar_tui.data.augmentation.color import HUE, blend, shift_hue
from cifar_tui.data.augmentation.geometry import PADDING, flip_and_crop, inverse_rotation, rotate
from cifar_tui.recipes import Recipe


@dataclass(frozen=True, slots=True)
class AugmentationPolicy:
    """The augmentation that a recipe uses.

    Attributes:
        flips: Whether images are mirrored.
        alternating: In every other epoch, half of them in the first, instead of each time by chance.
        padding: Pixels by which a crop may be off the centre, up to 4.
        colours_and_angles: Whether colours are jittered and images rotated.
    """

    flips: bool = True
    alternating: bool = False
    padding: int = PADDING
    colours_and_angles: bool = True

    @classmethod
    def of(cls, recipe: Recipe, *, flips: bool) -> AugmentationPolicy:
        """A recipe's, for images that may be mirrored or not."""
        return cls(flips, recipe.alternating, recipe.padding, recipe.colours_and_angles)


@dataclass(frozen=True, slots=True)
class AugmentationParameters:
    """Randomly drawn parameters for n images; all on the CPU, so that every device augments alike.

    Attributes:
        flip: (n,) bool; whether to mirror left and right.
        top: (n,) int64; the crop's first row in the padded image, from 0 to 8.
        left: (n,) int64; its first column, from 0 to 8.
        factors: (n, 3) float32; of brightness, contrast and saturation, from 0.8 to 1.2.
        hue: (n,) float32; from -0.1 to 0.1 turns.
        order: (n, 4) int64; BRIGHTNESS, CONTRAST, SATURATION and HUE (0 to 3) in the order in which to apply them.
        angle: (n,) float32; from -15 to 15 degrees, counter-clockwise.
    """

    flip: Tensor
    top: Tensor
    left: Tensor
    factors: Tensor
    hue: Tensor
    order: Tensor
    angle: Tensor

    @classmethod
    def concatenated(cls, parts: Sequence[AugmentationParameters]) -> AugmentationParameters:
        """The parameters of several batches, one after the other."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def sample_parameters(count: int, generator: torch.Generator, policy: AugmentationPolicy) -> AugmentationParameters:
    """Draw augmentation parameters for `count` images.

    Args:
        count: The number of images, n.
        generator: A CPU generator; the only source of randomness.
        policy: Whether images are mirrored, and how far crops may be off the centre; all else is drawn the same.
    """
    edges = (PADDING - policy.padding, PADDING + policy.padding + 1)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(count, *shape).uniform_(low, high, generator=generator)

    return AugmentationParameters(
        flip=uniform(0, 1) < (0.5 if policy.flips else 0),
        top=torch.randint(*edges, (count,), generator=generator),
        left=torch.randint(*edges, (count,), generator=generator),
        factors=uniform(0.8, 1.2, 3),
        hue=uniform(-0.1, 0.1),
        order=uniform(0, 1, 4).argsort(1),
        angle=uniform(-15, 15),
    )


def augment(
    images: Tensor, indices: Tensor, parameters: AugmentationParameters, *, colours_and_angles: bool = True
) -> Tensor:
    """Pick images and augment them, on their device and without waiting for it.

    Args:
        images: (N, 3, 32, 32) uint8, RGB, contiguous; the whole training set.
        indices: (n,) int64 on the CPU; which images to take.
        parameters: Their augmentation.
        colours_and_angles: Whether that goes beyond mirroring and cropping.

    Returns:
        (n, 3, 32, 32) float32, whole numbers from 0 to 255.
    """
    if not colours_and_angles:
        places = (indices, parameters.flip, parameters.top, parameters.left)
        return flip_and_crop(images, *(to_device(values, images.device) for values in places)).float()
    # Sorted by when their hue turns, images have it turned at one go, between the blends that come before and after.
    place = (parameters.order == HUE).long().argmax(1)
    hue_order = place.argsort(stable=True)

    def sorted_on_device(values: Tensor) -> Tensor:
        return to_device(values[hue_order], images.device)

    batch = flip_and_crop(
        images,
        sorted_on_device(indices),
        sorted_on_device(parameters.flip),
        sorted_on_device(parameters.top),
        sorted_on_device(parameters.left),
    ).float()

    # An operation's number is its column among the factors.
    blends = parameters.order[parameters.order != HUE].view(-1, 3)
    factors = sorted_on_device(parameters.factors.gather(1, blends)).unbind(1)
    operations = sorted_on_device(blends).unbind(1)
    hue = sorted_on_device(parameters.hue)
    # Images from `later[i]` on have more than i blends before their hue turns.
    later = place.bincount(minlength=4).cumsum(0)[:3].tolist()
    for first, operation, factor in zip(later, operations, factors, strict=True):
        batch[first:] = blend(batch[first:], operation[first:], factor[first:])
    batch = shift_hue(batch, hue)
    for first, operation, factor in zip(later, operations, factors, strict=True):
        batch[:first] = blend(batch[:first], operation[:first], factor[:first])

    batch = batch.index_select(0, to_device(hue_order.argsort(), images.device))
    return rotate(batch, to_device(inverse_rotation(parameters.angle), images.device))


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """A CPU tensor on `device`, without waiting for the copy.

    Each copy has pinned memory of its own, which torch's allocator does not give out again before the copy is done.
    """
    if device.type != "cuda":
        return values.to(device)
    return values.contiguous().pin_memory().to(device, non_blocking=True)
