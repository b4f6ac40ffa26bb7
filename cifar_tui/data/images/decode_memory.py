"""The memory that decoding takes: an upper bound for each image file, and as many at once as fit together."""

from __future__ import annotations

import ctypes
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from cifar_tui.data.images.resize import STRIP_PIXELS

METADATA_BYTES = 10 << 20
"""How much of a file is read beside its pixels: Pillow keeps profiles, texts and thumbnails in memory. Of WebP,
of AVIF and of HEIC, which it reads whole, this is all."""
COPIES = 3
"""How often what is read beside the pixels is in memory at most: as it was read, joined, and cut into its parts."""
PICTURE_BYTES = 265 * 10**6
"""For all pictures that are being decoded. Together with `METADATA_BYTES` in `COPIES`, below 300 MB."""

_MMAP_THRESHOLD = -3
"""The parameter of glibc's mallopt, as its malloc.h numbers it."""
_READ = 1 << 20
"""A decoder that asks for more at once gets so much, and asks again."""
_WEBP = 17
"""Bytes per pixel, of which 16 are measured: Pillow decodes WebP as an animation, on two canvases, and copies the
pixels twice."""
_AVIF = 20
"""Bytes per pixel, of which 12 are measured with transparency; planes of ten bits, not halved, take four more."""
_HEIF = 20
"""Bytes per pixel: it is decoded as AVIF is, by another library."""
_GIF = 3.5
"""Bytes per pixel: comments, which are read and joined up to the end of the file to see whether there is a second
frame. The picture has a byte, and comes after that."""
_SIMPLE = ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "tiff_ccitt", "group3", "group4")
"""TIFF's compressions that are unpacked to where the pixels are wanted."""
_CODEC = 8
"""Bytes per pixel that the other compressions, which are image formats of their own, and YCbCr colours need besides."""
_TILE_WIDTH, _TILE_LENGTH, _ROWS_PER_STRIP, _ORIENTATION = 322, 323, 278, 274
_SAMPLES, _BITS, _PHOTOMETRIC, _YCBCR = 277, 258, 262, 6
GIF_BYTES = 1.51
"""How many bytes a GIF file has per pixel at most: codes have 12 bits, and 255 bytes one that counts them."""


class TooMuchMetadata(Exception):  # noqa: N818 - what it is about: the file is at fault, not the program
    """A file holds too much beside its pixels; the message says so in a few words."""

    def __init__(self, message: str = "too much beside the pixels, such as texts or profiles") -> None:
        super().__init__(message)


class Reader(io.BufferedReader):
    """An image file as Pillow reads it: so much beside the pixels, and never much at once."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(io.FileIO(file.fileno(), closefd=False))
        self.metadata = 0
        """Bytes that were read so far beside the pixels."""
        self.allowed = float(METADATA_BYTES)
        self._at_once = 0

    def begin_pixels(self, image: Image.Image) -> None:
        """Count what is read from now on as pixels, as far as it is read in the decoder's blocks."""
        # A strip of a TIFF file is asked for as a whole, a plain PPM file by megabytes; shorter answers do for both.
        self._at_once = _READ if image.format in ("TIFF", "PPM") else ImageFile.MAXBLOCK

    def read(self, size: int | None = -1, /) -> bytes:
        """At most so many bytes of the file.

        Raises:
            TooMuchMetadata: They are not pixels, and too many.
        """
        asked = sys.maxsize if size is None or size < 0 else size
        if self._at_once == _READ or asked <= self._at_once:
            return super().read(min(asked, self._at_once))
        content = super().read(min(asked, int(self.allowed) - self.metadata + 1))
        self.metadata += len(content)
        if self.metadata > self.allowed:
            whole = f"more than {METADATA_BYTES >> 20} MiB in a format that is read whole"
            raise TooMuchMetadata(*([whole] if asked == sys.maxsize else []))
        return content


class MemoryBudget:
    """Memory that threads share: each waits, in turn, until there is enough of it."""

    def __init__(self, size: int) -> None:
        self._free = self.size = size
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Take so much, all of it at most, and give it back."""
        size = min(size, self.size)
        # One thread waits for room, the others for their turn: small pictures do not pass a large one without end.
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify()


METADATA = MemoryBudget(COPIES * METADATA_BYTES)
PICTURES = MemoryBudget(PICTURE_BYTES)


def return_freed_memory() -> None:
    """Return freed memory of pictures to the system at once.

    By default glibc comes to keep blocks of up to 32 MB for the thread that freed them, so that each thread ends with a
    picture's memory of its own. Where the C library is another, it stays as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 1 << 20)


def opening_bytes(file_size: int) -> int:
    """The memory that opening a file takes at most."""
    return COPIES * min(file_size, METADATA_BYTES)


def decoding_bytes(image: Image.Image, whole: tuple[int, int], reader: Reader, file_size: int) -> int:
    """The memory that an image takes at most from its opening until it is 32×32.

    Args:
        image: Opened and not loaded, at the size at which it will be decoded.
        whole: Its size in the file.
        reader: What it was opened from.
        file_size: In bytes.
    """
    width, height = image.size
    pixels = width * height
    # While a strip is turned and converted, five copies of it exist, of four bytes a pixel, or of eight where it has
    # more than eight bits; a channel has one byte. For
    # each pixel of a row or a column, Pillow computes six weights of eight bytes, and holds 32 pixels in between.
    strip = 40 if image.mode.startswith(("I", "F")) else 20
    resizing = strip * max(min(pixels, STRIP_PIXELS), width, height) + pixels + 128 * (width + height)
    return int(_decoder_bytes(image, whole, reader, file_size)) + resizing + COPIES * reader.metadata


def _decoder_bytes(image: Image.Image, whole: tuple[int, int], reader: Reader, file_size: int) -> float:
    pixels = image.width * image.height
    match image.format:
        case "WEBP":
            return _WEBP * pixels
        case "AVIF":
            return _AVIF * pixels
        case "HEIF":
            return _HEIF * pixels
        case "GIF":
            return _GIF * pixels
        case "QOI":
            return 14 * pixels
        case "SGI":
            # Its pixels are unpacked from the whole file in memory.
            return 4 * pixels + 2 * file_size
        case "TIFF":
            return _tiff_bytes(image, file_size)
        case "PPM" if isinstance(image, ImageFile.ImageFile) and image.tile[0][0] != "raw":
            # Pillow's own decoders, in Python, collect all samples and copy them once.
            return (4 + 3 * len(image.getbands())) * pixels + 40 * _READ
        case "JPEG" | "MPO":
            return 4 * pixels + _coefficient_bytes(image, whole, reader)
        case _:
            # Pillow stores RGB, too, in four bytes.
            return 4 * pixels


def _tiff_bytes(image: Image.Image, file_size: int) -> int:
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    tags, (width, height) = image.tag_v2, image.size
    # Pillow turns TIFF files itself, the whole picture at once.
    picture: int = 4 * width * height * (2 if tags.get(_ORIENTATION, 1) != 1 else 1)
    if not image.use_load_libtiff:
        return picture
    # libtiff unpacks a whole strip or tile, however large the tile, and has the file mapped into memory.
    if _TILE_WIDTH in tags:
        block = tags[_TILE_WIDTH] * tags[_TILE_LENGTH]
    else:
        block = min(width * height, max(width, height) * tags.get(_ROWS_PER_STRIP, height))
    sample_bytes = tags.get(_SAMPLES, 1) * max(tags.get(_BITS, (1,))) / 8
    simple = image.info["compression"] in _SIMPLE and tags.get(_PHOTOMETRIC) != _YCBCR
    return picture + int(block * (sample_bytes + (0 if simple else _CODEC))) + file_size


def _coefficient_bytes(image: Image.Image, whole: tuple[int, int], reader: Reader) -> float:
    """What libjpeg keeps of a picture that comes in several scans: all coefficients, two bytes each."""
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    factors = [(across, down) for _, across, down, _ in image.layer]
    if "progressive" not in image.info and _is_one_scan(reader, len(factors)):
        return 0
    # In blocks of 8×8, and as many of them as the component with the most has.
    most_across, most_down = (max(factor) for factor in zip(*factors, strict=True))
    blocks: float = (whole[0] / (8 * most_across) + 1) * (whole[1] / (8 * most_down) + 1)
    return 2 * 64 * blocks * sum(across * down for across, down in factors)


def _is_one_scan(reader: Reader, components: int) -> bool:
    """Whether the first scan of a JPEG file has all components, so that no second one follows."""
    at = reader.tell()
    try:
        reader.seek(2)
        while (byte := reader.read(1)) and byte == b"\xff":
            while (marker := reader.read(1)) == b"\xff":
                pass
            length = int.from_bytes(reader.read(2), "big")
            if marker == b"\xda":
                return reader.read(1)[0] == components
            reader.seek(length - 2, io.SEEK_CUR)
        return False
    finally:
        reader.seek(at)


def check_chunks(reader: Reader) -> int:
    """See how much a PNG file holds beside its pixels: Pillow reads that also behind them, where nobody counts.

    Returns:
        How many bits of its colours are significant, 0 where it does not say.

    Raises:
        TooMuchMetadata: More than `METADATA_BYTES`.
    """
    at, metadata, significant = reader.tell(), 0, 0
    reader.seek(8)
    while len(head := io.BufferedReader.read(reader, 8)) == 8 and head[4:] != b"IEND":
        length = int.from_bytes(head[:4], "big")
        metadata += 8 if head[4:] == b"IDAT" else 8 + length
        if metadata > METADATA_BYTES:
            raise TooMuchMetadata
        if head[4:] == b"sBIT" and 1 <= length <= 4:
            bits = io.BufferedReader.read(reader, length)
            # Of a grey picture the first is that of its values, and of any other the last of four its transparency's.
            significant = max(bits[:3] if length > 2 else bits[:1], default=0)
            length = 0
        reader.seek(length + 4, io.SEEK_CUR)
    reader.seek(at)
    return significant
