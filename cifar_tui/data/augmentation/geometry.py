"""Flip, crop and rotation of image batches, each image with its own parameters, pixel for pixel as Pillow does them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cifar_tui.config import IMAGE_SIZE

PADDING = 4
"""Pixels by which a random crop may be off the centre, in each direction."""

_LAST = IMAGE_SIZE - 1


def flip_and_crop(images: Tensor, indices: Tensor, flip: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Pick images, mirror some, then cut each out of its reflect-padded self.

    As torchvision's `RandomHorizontalFlip` and then `RandomCrop(32, padding=4, padding_mode="reflect")`.

    Args:
        images: (N, 3, 32, 32), contiguous, of any type.
        indices: (n,) integer; which images to take.
        flip: (n,) bool; whether to mirror left and right.
        top: (n,) int64; the crop's first row in the padded image, from 0 to 8.
        left: (n,) int64; its first column, from 0 to 8.

    Returns:
        (n, 3, 32, 32) of the type of `images`.
    """
    count, channels = indices.shape[0], images.shape[1]
    rows, columns = _reflected(top), _reflected(left)
    columns = torch.where(flip[:, None], _LAST - columns, columns)
    planes = indices[:, None] * channels + torch.arange(channels, device=images.device)
    lines = planes[:, :, None] * IMAGE_SIZE + rows[:, None, :]
    cut = images.view(-1, IMAGE_SIZE).index_select(0, lines.flatten()).view(count, -1, IMAGE_SIZE)
    return cut.gather(2, columns[:, None, :].expand_as(cut)).view(count, channels, IMAGE_SIZE, IMAGE_SIZE)


def _reflected(first: Tensor) -> Tensor:
    """(n, 32) source positions along one side, of a crop that starts at position `first` of the padded side."""
    position = first[:, None] + torch.arange(IMAGE_SIZE, device=first.device) - PADDING
    return _LAST - (_LAST - position.abs()).abs()


def inverse_rotation(angle: Tensor) -> Tensor:
    """Pillow's way from a pixel of the rotated image back to one of the original, in 16.16 fixed point.

    The arithmetic of Pillow's `Image.rotate` (the matrix) and of its C code for affine transforms (the fixed point).

    Args:
        angle: (n,) degrees, counter-clockwise, on the CPU: another device may round a cosine differently.

    Returns:
        (n, 2, 3) float32, whole numbers below 2**24: the source's column and its row; each by column, by row, and at
        pixel (0, 0).
    """
    radians = -torch.deg2rad(angle.double().remainder(360))
    cos, sin = radians.cos().round(decimals=15), radians.sin().round(decimals=15)
    centre = IMAGE_SIZE / 2
    # Pixels are taken at their middle, half a pixel on in both directions.
    column = cos * -centre + sin * -centre + centre + (cos * 0.5 + sin * 0.5)
    row = -sin * -centre + cos * -centre + centre + (-sin * 0.5 + cos * 0.5)
    matrices = torch.stack([cos, sin, column, -sin, cos, row], 1).view(-1, 2, 3)
    return (matrices * 65536 + 0.5).floor().float()


def rotate(images: Tensor, matrices: Tensor) -> Tensor:
    """Rotate each image about its centre: nearest pixel, 0 where there is none.

    As torchvision's `rotate` of a PIL image with its default interpolation and fill.

    Args:
        images: (n, 3, 32, 32) float32.
        matrices: (n, 2, 3) float32, from `inverse_rotation`.

    Returns:
        (n, 3, 32, 32) float32.
    """
    steps = torch.arange(IMAGE_SIZE, device=images.device)
    by_column, by_row, first = matrices[..., None, None].unbind(2)
    source = (first + by_row * steps[:, None] + by_column * steps).mul_(1 / 65536).floor_()
    # The middle of each source pixel, where the image runs from -1 to 1: exact, so `grid_sample` rounds nothing.
    grid = source.mul_(2 / IMAGE_SIZE).add_(1 / IMAGE_SIZE - 1).movedim(1, 3)
    return functional.grid_sample(images, grid, mode="nearest", padding_mode="zeros", align_corners=False)
