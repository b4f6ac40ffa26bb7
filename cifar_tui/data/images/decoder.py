"""One image file, of whatever size and kind, as the 32×32 RGB pixels that a model sees."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import warnings
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffTags, UnidentifiedImageError

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data.image_folder.files import RULES
from cifar_tui.data.images import bit_depth, decode_memory
from cifar_tui.data.images.bit_depth import DeclaredRange, ValueRange
from cifar_tui.data.images.resize import FILTER, resize
from cifar_tui.system.files import open_to_read

MAX_PIXELS = 50_000_000
"""Images that declare more pixels are not decoded: a few kilobytes can unpack to gigabytes. Where a decoder needs more
memory than the picture, fewer are too many; see `memory`."""

MAX_SLOW_PIXELS = 5_000_000
"""Of what Pillow decodes in Python, at up to a second a megapixel, during which nothing else runs."""

MAX_BYTES = 1 << 30
"""Larger files are not opened; the pixels that are allowed have 400 MB at most, uncompressed."""

__all__ = [
    "FILTER",
    "MAX_BYTES",
    "MAX_PIXELS",
    "MAX_SLOW_PIXELS",
    "NotAnImage",
    "UnusableImage",
    "begins_as_image",
    "decode",
    "decode_with_note",
    "formats",
    "prepare",
]

# A file cannot have itself opened by any other of Pillow's readers: some run programs (EPS), some unpack without bounds
# (FITS), some open pictures within pictures whose size nobody has seen before (ICO, ICNS, BLP, IPTC), and some stand
# for formats that they cannot read.
_FIRST_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_FORMATS = (*_FIRST_FORMATS, "AVIF", "HEIF", "QOI", "SGI", "SUN")
_BY_NAME = {".tga": "TGA", ".icb": "TGA", ".vda": "TGA", ".vst": "TGA", ".pcx": "PCX"}
"""Formats that cannot be recognized by the content of a file."""
_ONE_PICTURE = ("MPO", "HEIF")
"""Formats of telephones, which keep smaller copies or parts beside the photograph."""
_BEGINNING = 64
"""Bytes."""
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ORIENTATION = 0x0112
_FEW_PIXELS = 1_000_000
"""So few are not what takes a picture's memory: it is its tiles, or the file."""


class UnusableImage(Exception):  # noqa: N818 - what it is about: the file is at fault, not the program
    """This file is skipped; the message says why in a few words."""


class NotAnImage(UnusableImage):
    """This file is not an image."""


def decode(path: str | os.PathLike[str], rules: int = RULES) -> NDArray[np.uint8]:
    """The pixels of an image file, as `decode_with_note` gives them."""
    return decode_with_note(path, rules)[0]


def decode_with_note(path: str | os.PathLike[str], rules: int = RULES) -> tuple[NDArray[np.uint8], str]:
    """The pixels of an image file, (3, 32, 32) uint8, RGB, and how its values were read, where that was guessed.

    The content decides the format, not the name.

    The picture is turned upright as its EXIF data say and resized whole to 32×32, without regard to its proportions.
    Transparent parts are laid on white, the paper that drawings and icons are made for. Links are followed.

    Safe to call from several threads, which together take 300 MB at most: a thread whose picture does not fit beside
    the others waits. Call `prepare` once before.

    Raises:
        NotAnImage: It is none.
        UnusableImage: A damaged, animated or far too large image, or one of a kind that is not read.
    """
    try:
        with open_to_read(Path(path)) as file:
            rgb, note = _decoded(file, Path(path).suffix.lower(), rules)
    except UnusableImage:
        raise
    except UnidentifiedImageError:
        raise _unidentified(Path(path)) from None
    except Image.DecompressionBombError:
        raise UnusableImage("far too many pixels") from None
    except decode_memory.TooMuchMetadata as error:
        raise UnusableImage(str(error)) from None
    except OSError as error:
        if error.errno == errno.EINVAL and error.filename is not None:
            raise UnusableImage("no file, but a folder, a pipe or a device") from None
        raise UnusableImage(error.strerror or "damaged") from None
    # Pillow's decoders raise whatever the damage in a file makes of them: struct, value, key, syntax errors.
    except Exception:  # noqa: BLE001
        raise UnusableImage("damaged") from None
    return np.ascontiguousarray(np.asarray(rgb).transpose(2, 0, 1)), note


def prepare() -> None:
    """Load the decoders, have them return memory, and silence their warnings on odd files."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    Image.init()
    with contextlib.suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
    decode_memory.return_freed_memory()


def formats(rules: int = RULES) -> tuple[str, ...]:
    """The formats that are read, by Pillow's names."""
    return tuple(name for name in (_FIRST_FORMATS if rules == 1 else _FORMATS) if name in Image.OPEN)


def begins_as_image(path: str) -> bool:
    """Whether a file starts with the signature of an image format."""
    try:
        with open_to_read(Path(path)) as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        return False
    return any(_is_accepted(name, beginning) for name in _FORMATS) or _is_heic(beginning)


def _is_accepted(name: str, beginning: bytes) -> bool:
    _, accept = Image.OPEN.get(name, (None, None))
    return accept is not None and bool(accept(beginning))


def _is_heic(beginning: bytes) -> bool:
    return beginning[4:8] == b"ftyp" and beginning[8:12] in _HEIC


def _unidentified(path: Path) -> UnusableImage:
    """Why no reader accepts a file."""
    with contextlib.suppress(OSError), open_to_read(path) as file:
        beginning = file.read(_BEGINNING)
        brands = beginning[8:] if beginning[4:8] == b"ftyp" else b""
        if b"avif" in brands or b"avis" in brands:
            return UnusableImage("AVIF, which this Pillow does not read: pip install 'pillow>=11.3'")
        if _is_heic(beginning):
            return UnusableImage("HEIC: pip install 'cifar-tui[heic]' to have it read")
        if begins_as_image(str(path)):
            return UnusableImage("damaged, or a rare kind of image")
    if name := Image.registered_extensions().get(path.suffix.lower()):
        return NotAnImage("not an image" if name in _FORMATS else f"not an image of a kind that is read: {name}")
    return NotAnImage("not an image")


def _decoded(file: BinaryIO, suffix: str, rules: int) -> tuple[Image.Image, str]:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise UnusableImage("empty")
    if size > MAX_BYTES:
        raise UnusableImage(f"larger than {MAX_BYTES >> 30} GiB")
    allowed = [*formats(rules), *([_BY_NAME[suffix]] if suffix in _BY_NAME and rules > 1 else [])]
    reader = decode_memory.Reader(file)
    with ExitStack() as opening:
        opening.enter_context(decode_memory.METADATA.reserve(decode_memory.opening_bytes(size)))
        with Image.open(reader, formats=allowed) as image:
            significant = decode_memory.check_chunks(reader) if image.format == "PNG" else 0
            said = DeclaredRange.by(image, significant) if rules > 1 else DeclaredRange()
            if rules == 1 and _had_no_range(image):
                raise UnusableImage("32-bit values of no known range")
            if rules > 1 and image.width * image.height > MAX_SLOW_PIXELS and _is_decoded_in_python(image):
                raise UnusableImage(f"{_too_many(image)} in a format that is slow to decode")
            need = _need(image, reader, size)
            twice = need + 4 * image.width * image.height <= decode_memory.PICTURE_BYTES
            if said.colours and twice:
                need += 4 * image.width * image.height
            # Closed, the picture is gone from memory before its room is another's.
            with decode_memory.PICTURES.reserve(need), closing(image):
                opening.close()
                _check_rest(image, reader)
                reader.begin_pixels(image)
                image.load()
                orientation = image.getexif().get(_ORIENTATION, 1)
                if rules == 1:
                    return resize(image, orientation, _first_rgb), ""
                note = ""
                if said.colours and bit_depth.is_dark(image):
                    note = bit_depth.brighten(image, _lower_bytes(image, reader) if twice else None, said)
                if not bit_depth.is_high_depth(image):
                    return resize(image, orientation, _rgb), note
                levels = bit_depth.levels(image, said)
                return resize(image, orientation, lambda part: _grey(part, levels, said)), levels.note


def _lower_bytes(image: Image.Image, reader: decode_memory.Reader) -> Image.Image | None:
    """The lower eight bits of a picture's colours of 16."""
    reader.seek(0)
    lower = Image.open(reader, formats=[image.format or ""])
    try:
        bit_depth.swap_bytes(lower)
        lower.load()
    except (ValueError, KeyError, OSError):  # Pillow does not unpack it so.
        return None
    return lower if lower.mode == image.mode and lower.size == image.size else None


def _need(image: Image.Image, reader: decode_memory.Reader, file_size: int) -> int:
    """The memory that decoding this image takes."""
    whole = width, height = image.size
    too_many = UnusableImage(_too_many(image))
    if width * height > MAX_PIXELS:
        raise too_many
    # Lets the JPEG decoder halve a large photograph while it decodes, down to twice the size needed.
    image.draft(None, (2 * IMAGE_SIZE, 2 * IMAGE_SIZE))
    need = decode_memory.decoding_bytes(image, whole, reader, file_size)
    if need > decode_memory.PICTURE_BYTES:
        raise too_many if width * height > _FEW_PIXELS else UnusableImage("it takes too much memory to decode")
    return need


def _too_many(image: Image.Image) -> str:
    return f"{image.width}×{image.height} pixels are too many"


def _is_decoded_in_python(image: Image.Image) -> bool:
    """Whether Pillow has no decoder in C for this image: QOI, plain PPM and the like."""
    return isinstance(image, ImageFile.ImageFile) and any(tile.codec_name in Image.DECODERS for tile in image.tile)


def _check_rest(image: Image.Image, reader: decode_memory.Reader) -> None:
    if image.format == "GIF":
        reader.allowed += decode_memory.GIF_BYTES * image.width * image.height
    if getattr(image, "is_animated", False) and image.format not in _ONE_PICTURE:
        raise UnusableImage("animated, or several pictures in one")
    if image.format == "TIFF":
        # Pillow reads them while it loads the pixels, when nobody counts, unless it has read them before.
        exif = image.getexif()
        for group in TiffTags.TAGS_V2_GROUPS:
            if group in exif:
                exif.get_ifd(group)


def _had_no_range(image: Image.Image) -> bool:
    return image.mode == "F" or (image.mode == "I" and image.format != "PNG")


def _first_rgb(image: Image.Image) -> Image.Image:
    """A strip in RGB, as by the first rules."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return _rgb(image)


def _grey(image: Image.Image, levels: ValueRange, said: DeclaredRange) -> Image.Image:
    return Image.fromarray(levels.to_bytes(bit_depth.values(image, said))).convert("RGB")


def _rgb(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
