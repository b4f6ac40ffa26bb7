"""The reference protocol's training augmentation, for whole batches, every image with parameters of its own.

Pixel for pixel what torchvision's transforms make of PIL images one by one, in this order:
`RandomHorizontalFlip(0.5)`, `RandomCrop(32, padding=4, padding_mode="reflect")`, `ColorJitter(0.2, 0.2, 0.2, 0.1)`,
`RandomRotation(15)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import torch
from torch import Tensor

from cifar_tui.data.augmentation.color import HUE, blend, shift_hue
from cifar_tui.data.augmentation.geometry import PADDING, flip_and_crop, inverse_rotation, rotate
from cifar_tui.data.random_bits import random_bits, uniform, whole_number
from cifar_tui.data.seeds import derive_seed
from cifar_tui.recipes import Recipe

ANGLES = 2**16
"""How many angles a rotation is drawn from: two neighbours move no corner of an image by a thousandth of a pixel."""


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
class ColourParameters:
    """Randomly drawn colour jitter and rotation of n images, on the images' device.

    Attributes:
        factors: (n, 3) float32; of brightness, contrast and saturation, from 0.8 to 1.2.
        hue: (n,) float32; from -0.1 to 0.1 turns.
        order: (n, 4) int64; BRIGHTNESS, CONTRAST, SATURATION and HUE (0 to 3) in the order in which to apply them.
        angle: (n,) int64; of the rotation, from 0 to `ANGLES` - 1: see `degrees`.
    """

    factors: Tensor
    hue: Tensor
    order: Tensor
    angle: Tensor


@dataclass(frozen=True, slots=True)
class AugmentationParameters:
    """Randomly drawn parameters for n images, on the images' device.

    Attributes:
        flip: (n,) bool; whether to mirror left and right.
        top: (n,) int64; the crop's first row in the padded image, from 0 to 8.
        left: (n,) int64; its first column, from 0 to 8.
        colours: Those of the colours and the angle; None where these stay as they are.
    """

    flip: Tensor
    top: Tensor
    left: Tensor
    colours: ColourParameters | None

    def part(self, first: int, last: int) -> AugmentationParameters:
        """Those of images `first` to `last` - 1."""
        colours, part = self.colours, slice(first, last)
        if colours is not None:
            colours = ColourParameters(
                colours.factors[part], colours.hue[part], colours.order[part], colours.angle[part]
            )
        return AugmentationParameters(self.flip[part], self.top[part], self.left[part], colours)

    def hue_starts(self, ends: Sequence[int]) -> list[list[int]]:
        """Sort out, for parts that end before these images, when the hue of how many turns; waits for the device.

        Returns:
            For each part how many of its images turn their hue before their first, second and third other operation.
        """
        if self.colours is None:
            return [[] for _ in ends]
        turned = (self.colours.order == HUE).long().cumsum(1)[:, :3].cumsum(0)
        at_ends = torch.tensor(ends, device=turned.device) - 1
        totals = torch.cat([turned.new_zeros(1, 3), turned.index_select(0, at_ends)])
        starts: list[list[int]] = totals.diff(dim=0).tolist()
        return starts


def sample_parameters(indices: Tensor, seed: int, epoch: int, policy: AugmentationPolicy) -> AugmentationParameters:
    """Draw augmentation parameters of images: they follow from the seed, the epoch and the image.

    Args:
        indices: (n,) int64; the images, by their numbers in the training set. What is drawn lies on their device.
        seed: The run's.
        epoch: Counted from 1.
        policy: Whether images are mirrored, how far crops may be off the centre, what else there is; all is drawn the
            same whatever else is.
    """

    def bits(purpose: str, epoch: int = epoch) -> Tensor:
        return random_bits(derive_seed(seed, epoch, 0, purpose), indices)

    place, edges = bits("flip and crop"), (PADDING - policy.padding, PADDING + policy.padding + 1)
    if not policy.flips:
        flip = torch.zeros_like(indices, dtype=torch.bool)
    elif policy.alternating:
        flip = (bits("flips", 0) < 0) ^ (epoch % 2 == 0)
    else:
        flip = place < 0
    return AugmentationParameters(
        flip=flip,
        top=whole_number(place, 0, 24, *edges),
        left=whole_number(place, 24, 24, *edges),
        colours=_sample_colours(bits) if policy.colours_and_angles else None,
    )


def _sample_colours(bits: Callable[[str], Tensor]) -> ColourParameters:
    first, second, third = bits("brightness and contrast"), bits("saturation and hue"), bits("order and angle")
    factors = (uniform(first, 0, 0.8, 1.2), uniform(first, 24, 0.8, 1.2), uniform(second, 0, 0.8, 1.2))
    return ColourParameters(
        factors=torch.stack(factors, 1),
        hue=uniform(second, 24, -0.1, 0.1),
        order=_tables(third.device).orders.index_select(0, whole_number(third, 0, 32, 0, 24)),
        angle=whole_number(third, 32, 16, 0, ANGLES),
    )


def augment(
    images: Tensor, indices: Tensor, parameters: AugmentationParameters, hue_starts: Sequence[int] | None = None
) -> Tensor:
    """Pick images and augment them, on their device.

    Args:
        images: (N, 3, 32, 32) uint8, RGB, contiguous; the whole training set.
        indices: (n,) int64 on their device; which images to take.
        parameters: Their augmentation, likewise.
        hue_starts: Those of `parameters`, where they are known; else this waits for the device to know them.

    Returns:
        (n, 3, 32, 32) float32, whole numbers from 0 to 255.
    """
    colours, places = parameters.colours, (indices, parameters.flip, parameters.top, parameters.left)
    if colours is None:
        return flip_and_crop(images, *places).float()
    if hue_starts is None:
        (hue_starts,) = parameters.hue_starts([len(indices)])
    # Sorted by when their hue turns, images have it turned at one go, between the blends that come before and after.
    place = (colours.order == HUE).long().argmax(1)
    by_place = place.argsort(stable=True)
    batch = flip_and_crop(images, *(values.index_select(0, by_place) for values in places)).float()

    # An operation's number is its column among the factors.
    blends = colours.order.gather(1, _tables(images.device).others.index_select(0, place)).index_select(0, by_place)
    factors = colours.factors.index_select(0, by_place).gather(1, blends).unbind(1)
    # Images from `hue_starts[i]` on have more than i blends before their hue turns.
    steps = list(zip(hue_starts, blends.unbind(1), factors, strict=True))
    for first, operation, factor in steps:
        batch[first:] = blend(batch[first:], operation[first:], factor[first:])
    batch = shift_hue(batch, colours.hue.index_select(0, by_place))
    for first, operation, factor in steps:
        batch[:first] = blend(batch[:first], operation[:first], factor[:first])

    batch = batch.index_select(0, by_place.argsort())
    return rotate(batch, _tables(images.device).rotations.index_select(0, colours.angle))


def degrees(angle: Tensor) -> Tensor:
    """The angles of these numbers, float32 from -15 to 15 degrees, counter-clockwise."""
    return ((angle.double() + 0.5) * (30 / ANGLES) - 15).float()


@dataclass(frozen=True, slots=True)
class _Tables:
    """What small numbers stand for, on one device.

    Attributes:
        orders: (24, 4) int64; the orders of four operations.
        others: (4, 3) int64; by a place in an order, the other places.
        rotations: (ANGLES, 2, 3) float32; the matrices of all angles.
    """

    orders: Tensor
    others: Tensor
    rotations: Tensor


@cache
def _tables(device: torch.device) -> _Tables:
    """The tables, computed on the CPU: another device may round a cosine differently."""
    others = [[place for place in range(4) if place != left_out] for left_out in range(4)]
    return _Tables(
        torch.tensor(list(permutations(range(4)))).to(device),
        torch.tensor(others).to(device),
        inverse_rotation(degrees(torch.arange(ANGLES))).to(device),
    )
