"""Small folders of images by set and class, made by Pillow, and what comes of reading them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifar_tui.data import sources
from cifar_tui.data.dataset import Source, Split
from cifar_tui.errors import InputError


def write_image(path: Path, colour: tuple[int, ...] = (200, 30, 60), size: tuple[int, int] = (32, 32)) -> Path:
    """An image of one colour (3 numbers: RGB, 4: RGBA), in the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "RGB" if len(colour) == 3 else "RGBA"
    Image.new(mode, size, colour).save(path)
    return path


def write_folder(root: Path, counts: dict[str, int]) -> Path:
    """Noise images, each another one, in folders such as `train/cat`."""
    random = np.random.default_rng(0)
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            noise = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / name / f"{index:03}.png")
    return root


def write_bomb(path: Path, width: int, height: int) -> None:
    """A PNG of a few bytes that declares so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))


def write_tiff(path: Path, values: np.ndarray, tags: dict[int, int] | None = None, bits: int = 0) -> Path:
    """A TIFF of grey or RGB values of any kind of number, as it is in memory, with other tags in the place of its own.

    Args:
        path: Where to put it.
        values: (H, W) or (H, W, 3), of either byte order; of twelve bits, packed bytes.
        tags: Whole numbers.
        bits: Of a value, where that is not the size of a number.
    """
    mark, kind = (">", b"MM\0*") if values.dtype.byteorder == ">" else ("<", b"II*\0")
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, samples = values.shape[0], values.shape[1], values.shape[2] if values.ndim == 3 else 1
    number = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    own = {256: width, 257: height, 258: bits or 8 * values.itemsize, 259: 1, 262: 2 if samples == 3 else 1, 273: 8}
    own |= {277: samples, 278: height, 279: values.nbytes, 339: number} | (tags or {})
    content, entries, extra = values.tobytes(), b"", b""
    end = 8 + len(content) + 2 + 12 * len(own) + 4
    for tag, value in sorted(own.items()):
        if tag in (258, 339) and samples == 3:
            entries += struct.pack(mark + "HHII", tag, 3, 3, end + len(extra))
            extra += struct.pack(mark + "3H", *[value] * 3)
        elif tag in (340, 341):
            # As many bytes as these take, they stand in the entry itself.
            entries += struct.pack(mark + "HHIi", tag, 9, 1, value)
        else:
            entries += struct.pack(mark + "HHII", tag, 4, 1, value)
    header = kind + struct.pack(mark + "I", 8 + len(content))
    path.write_bytes(header + content + struct.pack(mark + "H", len(own)) + entries + bytes(4) + extra)
    return path


def write_unusable(folder: Path) -> dict[str, str]:
    """One file of each kind that cannot be used, and the reason that is given for it."""
    write_image(folder / "whole.jpg", size=(200, 200))
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("not an image")
    (folder / "broken-link.png").symlink_to("nowhere")
    frames = [Image.new("RGB", (32, 32), colour) for colour in ((200, 30, 60), (255, 255, 255))]
    for name in ("animated.gif", "animated.png", "pages.tif"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    write_bomb(folder / "large.png", 10_000, 5_001)
    write_bomb(folder / "larger.png", 10_000, 10_000)
    write_bomb(folder / "largest.png", 50_000, 50_000)
    write_bomb(folder / "none.png", 0, 10)
    write_tiff(folder / "double.tif", np.zeros((32, 32), "<f8"))
    return {
        "cut.jpg": "damaged",
        "empty.png": "empty",
        "text.png": "not an image",
        "broken-link.png": "No such file or directory",
        "animated.gif": "animated, or several pictures in one",
        "animated.png": "animated, or several pictures in one",
        "pages.tif": "animated, or several pictures in one",
        "large.png": "10000×5001 pixels are too many",
        "larger.png": "10000×10000 pixels are too many",
        "largest.png": "far too many pixels",
        "none.png": "damaged, or a rare kind of image",
        "double.tif": "damaged, or a rare kind of image",
    }


CLASSES = ("ant", "bee", "cat")
SCRIPTS = ("猫", "ねこ", "고양이", "قطة", "बिल्ली", "क्\u200dष", "می\u200cخواهم", "👩\u200d🚀", "x" * 200)
"""Names of classes in other scripts."""
TENTH, FIFTH = "a tenth of each class of these, or one image", "a fifth of each class of these"


def write(root: Path, sets: dict[str, int], classes: tuple[str, ...] = CLASSES) -> Path:
    """So many images of each class in each of these folders: red tells the class, green the folder, blue the image."""
    for number, (folder, count) in enumerate(sets.items()):
        for label, name in enumerate(classes):
            for index in range(count):
                write_image(root / folder / name / f"{index}.png", (label, number, index))
    return root


def read(root: Path, rules: int = 2) -> Source:
    source = sources.read(str(root), None, lambda *_: None, rules=rules)
    for part in filter(None, (source.train, source.validation, source.test)):
        assert part.labels.tolist() == part.images[:, 0, 0, 0].tolist(), "each image has its own class"
    return source


def folders_of(part: Split | None) -> set[int]:
    """The folders, by their numbers, that the images of a split come from."""
    assert part is not None
    return set(part.images[:, 1, 0, 0].tolist())


def refusal(root: Path) -> str:
    with pytest.raises(InputError) as raised:
        read(root)
    message = str(raised.value)
    assert message.isprintable()
    assert message.startswith("--data: ")
    return message


def in_words(train: str, validation: str = TENTH, test: str = FIFTH) -> str:
    return f"training images are those of {train}; validation images: {validation}; test images: {test}"
