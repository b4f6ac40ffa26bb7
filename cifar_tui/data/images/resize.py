"""A picture of any size made small, so that no second picture of its size is ever in memory."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image
from PIL.Image import Transpose

from cifar_tui.config import IMAGE_SIZE

FILTER = Image.Resampling.LANCZOS
"""How images are resized; Pillow widens the filter by the scale, so that nothing aliases when an image shrinks."""

STRIP_PIXELS = 1 << 18
"""How many pixels are turned and converted at a time; pictures that have no more are so as a whole."""

_SIZE = (IMAGE_SIZE, IMAGE_SIZE)
_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What turns a picture upright, by EXIF's orientation."""
_SIDEWAYS = (5, 6, 7, 8)
"""The orientations whose columns are the rows of the upright picture."""
_FROM_THE_END = (3, 4, 7, 8)
"""The orientations whose last row or column is the first row of the upright picture."""


def resize(image: Image.Image, orientation: int, to_rgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Turn a picture upright, convert it to RGB and resize it to 32×32.

    The result does not depend on how much of the picture is converted at a time. Pillow resizes each channel by
    itself, so one channel after the other is put together from converted strips and resized as a whole. Resizing the
    strips would take less memory still, but Pillow rounds between the rows and the columns, and by the shape of the
    whole chooses which of them comes first.

    Args:
        image: Loaded.
        orientation: EXIF's, 1 to 8; others count as 1.
        to_rgb: Convert a strip of the picture, pixel by pixel.
    """
    width, height = image.size
    if width * height <= STRIP_PIXELS:
        return to_rgb(_rows(image, orientation, 0, _height(image, orientation))).resize(_SIZE, FILTER)
    if orientation not in _UPRIGHT and image.mode in ("L", "RGB") and not image.has_transparency_data:
        return image.resize(_SIZE, FILTER).convert("RGB")
    channels = [_channel(image, orientation, to_rgb, number).resize(_SIZE, FILTER) for number in range(3)]
    return Image.merge("RGB", channels)


def _channel(
    image: Image.Image, orientation: int, to_rgb: Callable[[Image.Image], Image.Image], number: int
) -> Image.Image:
    height = _height(image, orientation)
    width = image.width * image.height // height
    channel = Image.new("L", (width, height))
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = to_rgb(_rows(image, orientation, top, min(top + rows, height)))
        channel.paste(strip.getchannel(number), (0, top))
    return channel


def _height(image: Image.Image, orientation: int) -> int:
    """Of the upright picture."""
    return image.width if orientation in _SIDEWAYS else image.height


def _rows(image: Image.Image, orientation: int, top: int, bottom: int) -> Image.Image:
    """These rows of the upright picture."""
    if orientation in _FROM_THE_END:
        height = _height(image, orientation)
        top, bottom = height - bottom, height - top
    box = (top, 0, bottom, image.height) if orientation in _SIDEWAYS else (0, top, image.width, bottom)
    strip = image.crop(box)
    return strip.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else strip
