"""One image file, of whatever size and kind, as the 32×32 RGB pixels that a model sees."""

from __future__ import annotations

import os
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cifar_tui.config import IMAGE_SIZE

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
"""What the names of image files end in, in lower case."""

MAX_PIXELS = 50_000_000
"""Images that declare more pixels are not decoded: a few kilobytes can unpack to gigabytes."""

FILTER = Image.Resampling.LANCZOS
"""How images are resized; Pillow widens the filter by the scale, so that nothing aliases when an image shrinks."""

# Only what the suffixes promise: a file cannot have itself opened by one of Pillow's rarer and less tried readers.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_SIZE = (IMAGE_SIZE, IMAGE_SIZE)


class UnusableImage(Exception):  # noqa: N818 - what it is about: the file is at fault, not the program
    """This file is left out; the message says why in a few words."""


def decode(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The pixels of an image file, (3, 32, 32) uint8, RGB.

    The picture is turned upright as its EXIF data say and resized whole to 32×32, without regard to its proportions.
    Transparent parts are laid on white, the paper that drawings and icons are made for. Safe to call from several
    threads; call `prepare` once before.

    Raises:
        UnusableImage: No image, a damaged, animated or far too large one, or one whose values have no known range.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _check(image)
            # Lets the JPEG decoder halve a large photograph while it decodes, down to twice the size needed.
            image.draft(None, (2 * IMAGE_SIZE, 2 * IMAGE_SIZE))
            ImageOps.exif_transpose(image, in_place=True)
            rgb = _rgb(image).resize(_SIZE, FILTER)
    except UnusableImage:
        raise
    except UnidentifiedImageError:
        raise UnusableImage("empty" if _is_empty(path) else "not an image") from None
    except Image.DecompressionBombError:
        raise UnusableImage("far too many pixels") from None
    except OSError as error:
        raise UnusableImage(error.strerror or "damaged") from None
    # Pillow's decoders raise whatever the damage in a file makes of them: struct, value, key, syntax errors.
    except Exception:  # noqa: BLE001
        raise UnusableImage("damaged") from None
    return np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1))


def prepare() -> None:
    """Load the decoders, and keep their warnings on odd files, which `decode` judges itself, off the screen."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    Image.init()


def _check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnusableImage(f"{width}×{height} pixels are too many")
    # A telephone's multi-picture JPEG is one photograph and its smaller copies.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise UnusableImage("animated, or several pictures in one")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise UnusableImage("32-bit values of no known range")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _is_empty(path: str | os.PathLike[str]) -> bool:
    return os.stat(path).st_size == 0  # noqa: PTH116 - takes what open takes
