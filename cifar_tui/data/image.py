"""One image file, of whatever size and kind, as the 32×32 RGB pixels that a model sees."""

from __future__ import annotations

import errno
import os
import warnings
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffTags, UnidentifiedImageError

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data import memory
from cifar_tui.data.resize import FILTER, resize
from cifar_tui.files import open_to_read

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
"""What the names of image files end in, in lower case."""

MAX_PIXELS = 50_000_000
"""Images that declare more pixels are not decoded: a few kilobytes can unpack to gigabytes. Where a decoder needs more
memory than the picture, fewer are too many; see `memory`."""

MAX_BYTES = 1 << 30
"""Larger files are not opened; the pixels that are allowed have 400 MB at most, uncompressed."""

__all__ = ["FILTER", "MAX_BYTES", "MAX_PIXELS", "SUFFIXES", "UnusableImage", "decode", "prepare"]

# Only what the suffixes promise: a file cannot have itself opened by one of Pillow's rarer and less tried readers.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_ORIENTATION = 0x0112
_FEW_PIXELS = 1_000_000
"""So few are not what takes a picture's memory: it is its tiles, or the file."""


class UnusableImage(Exception):  # noqa: N818 - what it is about: the file is at fault, not the program
    """This file is left out; the message says why in a few words."""


def decode(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The pixels of an image file, (3, 32, 32) uint8, RGB.

    The picture is turned upright as its EXIF data say and resized whole to 32×32, without regard to its proportions.
    Transparent parts are laid on white, the paper that drawings and icons are made for. Links are followed.

    Safe to call from several threads, which together take 300 MB at most: a thread whose picture does not fit beside
    the others waits. Call `prepare` once before.

    Raises:
        UnusableImage: No image, a damaged, animated or far too large one, or one whose values have no known range.
    """
    try:
        with open_to_read(Path(path)) as file:
            rgb = _decoded(file)
    except UnusableImage:
        raise
    except UnidentifiedImageError:
        raise UnusableImage("not an image") from None
    except Image.DecompressionBombError:
        raise UnusableImage("far too many pixels") from None
    except memory.TooMuchMetadata as error:
        raise UnusableImage(str(error)) from None
    except OSError as error:
        if error.errno == errno.EINVAL and error.filename is not None:
            raise UnusableImage("no file, but a folder or a device") from None
        raise UnusableImage(error.strerror or "damaged") from None
    # Pillow's decoders raise whatever the damage in a file makes of them: struct, value, key, syntax errors.
    except Exception:  # noqa: BLE001
        raise UnusableImage("damaged") from None
    return np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1))


def prepare() -> None:
    """Load the decoders, have them return memory, and keep their warnings on odd files off the screen."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    Image.init()
    memory.return_freed_memory()


def _decoded(file: BinaryIO) -> Image.Image:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise UnusableImage("empty")
    if size > MAX_BYTES:
        raise UnusableImage(f"larger than {MAX_BYTES >> 30} GiB")
    reader = memory.Reader(file)
    with ExitStack() as opening:
        opening.enter_context(memory.METADATA.of(memory.opening_bytes(size)))
        with Image.open(reader, formats=_FORMATS) as image:
            need = _need(image, reader, size)
            # Closed, the picture is gone from memory before its room is another's.
            with memory.PICTURES.of(need), closing(image):
                opening.close()
                _check_rest(image, reader)
                reader.begin_pixels(image)
                image.load()
                return resize(image, image.getexif().get(_ORIENTATION, 1), _rgb)


def _need(image: Image.Image, reader: memory.Reader, file_size: int) -> int:
    """The memory that decoding this image takes."""
    whole = width, height = image.size
    too_many = UnusableImage(f"{width}×{height} pixels are too many")
    if width * height > MAX_PIXELS:
        raise too_many
    if _has_no_range(image):
        raise UnusableImage("32-bit values of no known range")
    if image.format == "PNG":
        memory.check_chunks(reader)
    # Lets the JPEG decoder halve a large photograph while it decodes, down to twice the size needed.
    image.draft(None, (2 * IMAGE_SIZE, 2 * IMAGE_SIZE))
    need = memory.decoding_bytes(image, whole, reader, file_size)
    if need > memory.PICTURE_BYTES:
        raise too_many if width * height > _FEW_PIXELS else UnusableImage("it takes too much memory to decode")
    return need


def _check_rest(image: Image.Image, reader: memory.Reader) -> None:
    if image.format == "GIF":
        reader.allowed += memory.GIF_BYTES * image.width * image.height
    # A telephone's multi-picture JPEG is one photograph and its smaller copies.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise UnusableImage("animated, or several pictures in one")
    if image.format == "TIFF":
        # Pillow reads them while it loads the pixels, when nobody counts, unless it has read them before.
        exif = image.getexif()
        for group in TiffTags.TAGS_V2_GROUPS:
            if group in exif:
                exif.get_ifd(group)


def _has_no_range(image: Image.Image) -> bool:
    return image.mode == "F" or (image.mode == "I" and image.format != "PNG")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
