"""Colour jitter of image batches, each image with its own parameters, pixel for pixel as Pillow does it.

Images are (n, 3, 32, 32) float32, RGB, holding whole numbers from 0 to 255: float32 computes with these exactly, and
nothing is converted between two operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
"""The operations, numbered as torchvision's `ColorJitter` numbers them."""


def blend(images: Tensor, operation: Tensor, factor: Tensor) -> Tensor:
    """Change brightness, contrast or saturation: blend each image with black, with its mean grey, or with its greys.

    As torchvision's `adjust_brightness`, `adjust_contrast` and `adjust_saturation` of PIL images.

    Args:
        images: (n, 3, 32, 32) float32, whole numbers from 0 to 255.
        operation: (n,) int64; BRIGHTNESS, CONTRAST or SATURATION.
        factor: (n,) float32; 0 gives the other image, 1 changes nothing, above 1 goes away from it.

    Returns:
        New images of the same kind.
    """
    operation, factor = operation[:, None, None, None], factor[:, None, None, None]
    greys = _greys(images)
    mean = (greys.mean((2, 3), keepdim=True) + 0.5).floor()
    other = greys * (operation == SATURATION) + mean * (operation == CONTRAST)
    # Each step rounds to float32, as Pillow's C code does; a fused multiply-add (`addcmul`, `lerp`) would not.
    return images.sub(other).mul_(factor).add_(other).clamp_(0, 255).floor_()


def _greys(images: Tensor) -> Tensor:
    """(n, 1, 32, 32) luma by Pillow's 16-bit weights; every sum is below 2**24, so exact in float32."""
    red, green, blue = images.unbind(1)
    greys = (red * 19595).add_(green, alpha=38470).add_(blue, alpha=7471).add_(32768)
    return greys.mul_(1 / 65536).floor_()[:, None]


def shift_hue(images: Tensor, factor: Tensor) -> Tensor:
    """Turn the hue, by way of 8-bit HSV.

    As torchvision's `adjust_hue` of PIL images. Back to RGB, channel c is `V - V S w_c(H)`, rounded, where the weight
    w_c runs from 0 to 1 with the hue. In whole numbers, w in 85ths, that is `V - V S w / (255 * 85)`; it never
    comes nearer to a half than float32 resolves.

    Args:
        images: (n, 3, 32, 32) float32, whole numbers from 0 to 255.
        factor: (n,) float32 from -0.5 to 0.5, in turns.

    Returns:
        New images of the same kind.
    """
    tables = _hue_tables(images.device)
    count, channels = images.shape[:2]
    pixels = images.flatten(2)
    red, green, blue = pixels.unbind(1)
    value, least = pixels.amax(1), pixels.amin(1)
    by_differences = (512 * red - 511 * green - blue + _NO_DIFFERENCE).int()
    hue = tables.hue.index_select(0, by_differences.flatten()).view(count, 1, -1)
    value_by_saturation = tables.value_by_saturation.index_select(0, (256 * value + least).int().flatten())

    shift = (factor.double() * 255).long()
    shifted = (torch.arange(256, device=images.device) + shift[:, None]) & 255
    weights = tables.weights.expand(count, -1, -1).gather(2, shifted[:, None].expand(-1, channels, -1))
    weight = weights.gather(2, hue.long().expand(-1, channels, -1))

    less = value_by_saturation.view(count, 1, -1) * weight * (1 / (255 * 85))
    return (value[:, None] + 0.5 - less).floor_().view(images.shape)


@dataclass(frozen=True, slots=True)
class _HueTables:
    """Pillow's conversions of every colour, small enough to stay in a processor's cache.

    Attributes:
        hue: (511 * 512,) uint8; H by 512 (R - G) + (G - B), above `_NO_DIFFERENCE`.
        value_by_saturation: (65536,) float32; V times S by 256 max(R, G, B) + min(R, G, B).
        weights: (3, 256) float32; the weight of each channel by H, in 85ths.
    """

    hue: Tensor
    value_by_saturation: Tensor
    weights: Tensor


_NO_DIFFERENCE = 255 * 512 + 256


@cache
def _hue_tables(device: torch.device) -> _HueTables:
    """The tables, asked of Pillow itself: its mix of float and double arithmetic has no simpler exact form."""
    difference = torch.arange(511 * 512)
    red_green, green_blue = difference // 512 - 255, difference % 512 - 256
    # The darkest colour with these differences; where there is none, the entry is never looked up.
    blue = torch.stack([torch.zeros_like(difference), -green_blue, -green_blue - red_green]).amax(0)
    colours = torch.stack([blue + green_blue + red_green, blue + green_blue, blue], 1).clamp(0, 255)
    hue = _to_hsv(colours)[:, 0]

    greatest, least = torch.meshgrid(torch.arange(256), torch.arange(256), indexing="ij")
    saturation = _to_hsv(torch.stack([greatest, least, least], 2).view(-1, 3))[:, 1]
    value_by_saturation = greatest.flatten() * saturation.float()

    # In sixths of a turn, from where the channel is at its least half a turn away from its greatest.
    sixths = (torch.tensor([5, 3, 1])[:, None] * 255 + 6 * torch.arange(256)) % (6 * 255)
    weights = torch.minimum(sixths, 4 * 255 - sixths).clamp(0, 255) / 3
    return _HueTables(hue.to(device), value_by_saturation.to(device), weights.to(device))


def _to_hsv(colours: Tensor) -> Tensor:
    """(n, 3) uint8 HSV of (n, 3) RGB colours, as Pillow converts them."""
    image = Image.fromarray(colours[None].to(torch.uint8).numpy())
    return torch.from_numpy(np.array(image.convert("HSV")))[0]
