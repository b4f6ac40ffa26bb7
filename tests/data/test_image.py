"""One image file of whatever kind: shown upright at 32×32 RGB, or left out for a reason that is said."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from cifar_tui.data.images import decode_memory, decoder, resize
from cifar_tui.data.images.decode_memory import MemoryBudget
from tests.support.images import write_bomb, write_image, write_unusable

RED = (200, 30, 60)


@pytest.fixture(autouse=True)
def prepared() -> None:
    decoder.prepare()


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (32, 32), (33, 31), (300, 200), (2, 4000)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tif", ".ppm"])
def test_any_size_and_kind_becomes_32_by_32(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    pixels = decoder.decode(write_image(tmp_path / f"x{suffix}", RED, size))
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.reshape(3, -1).astype(int) - np.array(RED)[:, None]).max() <= 4


def test_shrinking_does_not_alias(tmp_path: Path) -> None:
    checks = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checks).save(tmp_path / "x.png")
    assert np.abs(decoder.decode(tmp_path / "x.png").astype(int) - 127).max() <= 2


def test_a_photograph_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[:32] = 255  # white above, as the sensor saw it
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: white right
    Image.fromarray(pixels).save(tmp_path / "x.jpg", exif=exif)
    upright = decoder.decode(tmp_path / "x.jpg")
    assert upright[:, :, 20:].min() > 240
    assert upright[:, :, :12].max() < 15


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparent_parts_lie_on_white(tmp_path: Path, suffix: str) -> None:
    clear = decoder.decode(write_image(tmp_path / f"clear{suffix}", (0, 0, 0, 0)))
    half = decoder.decode(write_image(tmp_path / f"half{suffix}", (0, 0, 0, 128)))
    assert clear.min() == 255
    assert 125 <= half.min() <= half.max() <= 129


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.new("L", (32, 32), 255)
    grey.paste(0, (0, 0, 32, 16))
    if mode == "I;16":
        grey_16 = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        grey_16.save(tmp_path / "x.png")
    else:
        grey.convert(mode).save(tmp_path / ("x.tif" if mode == "CMYK" else "x.png"))
    (path,) = tmp_path.glob("x.*")
    pixels = decoder.decode(path)
    assert pixels[:, :16].max() <= 2
    assert pixels[:, 16:].min() >= 253


def test_sixteen_bits_keep_their_scale(tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 0x4080, dtype=np.uint16)).save(tmp_path / "x.png")
    assert set(decoder.decode(tmp_path / "x.png").flatten().tolist()) == {0x40}


def test_a_telephones_multi_picture_photograph_is_one_image(tmp_path: Path) -> None:
    large, small = (Image.new("RGB", (size, size), RED) for size in (64, 32))
    large.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[small])
    assert decoder.decode(tmp_path / "x.jpg").shape == (3, 32, 32)


def test_each_unusable_file_says_why(tmp_path: Path) -> None:
    for name, reason in write_unusable(tmp_path).items():
        with pytest.raises(decoder.UnusableImage) as raised:
            decoder.decode(tmp_path / name)
        assert (name, str(raised.value)) == (name, reason)


def test_the_largest_image_allowed_is_not_refused_for_its_size(tmp_path: Path) -> None:
    write_bomb(tmp_path / "x.png", 10_000, 5_000)
    with pytest.raises(decoder.UnusableImage, match="damaged"):
        decoder.decode(tmp_path / "x.png")


# As a whole, and channel by channel

SIZES = [(1, 1), (1, 700), (700, 1), (31, 33), (32, 900), (90, 41), (333, 200), (120, 901)]
"""Pillow resizes the rows first for some of these shapes, the columns first for others."""


def picture(mode: str, size: tuple[int, int]) -> Image.Image:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8))
    if mode == "I;16":
        return Image.fromarray(np.asarray(noise.convert("L")).astype(np.uint16) * 257)
    return noise.convert("RGB").quantize(16) if mode == "P" else noise.convert(mode)


def as_a_whole(path: Path) -> bytes:
    """What a picture comes to that is turned, converted and resized at once."""
    with Image.open(io.BytesIO(path.read_bytes())) as whole:
        whole.draft(None, (64, 64))
        upright = ImageOps.exif_transpose(whole)
        if upright.mode.startswith("I"):
            upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
        if upright.has_transparency_data:
            upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
        small = upright.convert("RGB").resize((32, 32), Image.Resampling.LANCZOS)
        return np.asarray(small).transpose(2, 0, 1).tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *[(mode, ".png") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
        *[("RGBA", ".webp"), ("RGBA", ".tif"), ("L", ".tif"), ("I;16", ".tif"), ("RGB", ".jpg"), ("CMYK", ".jpg")],
    ],
)
def test_channel_by_channel_the_pixels_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, suffix: str, size: tuple[int, int]
) -> None:
    drawing = picture(mode, size)
    # Each way to turn a picture with one size at least, and all ways with one size.
    for orientation in range(9) if size == (90, 41) else (0, 1 + SIZES.index(size)):
        exif = Image.Exif()
        if orientation:
            exif[0x0112] = orientation
        path = tmp_path / f"{orientation}{suffix}"
        drawing.save(path, exif=exif)
        whole = as_a_whole(path)
        assert decoder.decode(path).tobytes() == whole
        for strip in (1, 1000):
            monkeypatch.setattr(resize, "STRIP_PIXELS", strip)
            assert decoder.decode(path).tobytes() == whole, orientation


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_channel_by_channel_a_transparent_colour_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    drawing = picture(mode, (90, 300))
    transparent = bytes(range(0, 256, 16)) if mode == "P" else drawing.getpixel((10, 10))
    drawing.save(tmp_path / "x.png", transparency=transparent)
    monkeypatch.setattr(resize, "STRIP_PIXELS", 1000)
    assert decoder.decode(tmp_path / "x.png").tobytes() == as_a_whole(tmp_path / "x.png")


# Memory

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="Linux tells the peak")  # noqa: PTH110

PEAK = """
import sys, threading
from cifar_tui.data.images import decoder

def megabytes(what):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(what))

decoder.prepare()
decoder.decode(sys.argv[1])
open("/proc/self/clear_refs", "w").write("5")
before = megabytes("VmRSS")
threads = [threading.Thread(target=decoder.decode, args=(path,)) for path in sys.argv[2:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(megabytes("VmHWM") - before)
"""


def peak(small: Path, *paths: Path) -> float:
    """How many megabytes a process takes to decode these at once, over what it has after a small one."""
    command = [sys.executable, "-c", PEAK, str(small), *map(str, paths)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def write_png(path: Path, width: int, height: int, before: bytes = b"", after: bytes = b"", more: bytes = b"") -> Path:
    """An RGBA picture of one colour, with other chunks around its pixels, and more after the pixels in their chunk."""
    pack = zlib.compressobj(1)
    row = b"\0" + b"\x40\x80\xc0\x80" * width
    pixels = b"".join(pack.compress(row) for _ in range(height)) + pack.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    content = head + before + chunk(b"IDAT", pixels + more) + after + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


@needs_proc
def test_fifty_megapixels_with_transparency_take_less_than_300_mb(tmp_path: Path) -> None:
    small = write_png(tmp_path / "small.png", 40, 40)
    assert 150 < peak(small, write_png(tmp_path / "large.png", 10_000, 5_000)) < 300


@needs_proc
def test_many_threads_share_the_300_mb(tmp_path: Path) -> None:
    small = write_png(tmp_path / "small.png", 40, 40)
    large = write_png(tmp_path / "large.png", 4_000, 4_000)
    assert peak(small, *[large] * 6) < 300


def test_room_is_given_in_turn_and_a_large_one_is_not_passed_without_end() -> None:
    room, order = MemoryBudget(10), list[str]()

    def take(name: str, size: int, inside: threading.Event | None = None) -> threading.Thread:
        def run() -> None:
            with room.reserve(size):
                order.append(name)
                if inside:
                    inside.wait(10)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def waits(count: int) -> None:
        while len(order) < count:
            pass

    end = threading.Event()
    threads = [take("small", 4, end)]
    waits(1)
    threads.append(take("all of it", 99))
    while not room._turn.locked():
        pass
    threads.append(take("small, later", 1))
    assert order == ["small"]
    end.set()
    for thread in threads:
        thread.join(10)
    assert order == ["small", "all of it", "small, later"]
    with pytest.raises(KeyError), room.reserve(10):
        raise KeyError
    with room.reserve(10):
        pass


BESIDE = "too much beside the pixels, such as texts or profiles"
MUCH = bytes(decode_memory.METADATA_BYTES)


def test_texts_before_or_after_the_pixels_of_a_png_are_bounded(tmp_path: Path) -> None:
    private = chunk(b"prVt", bytes(60_000)) * 200
    for name, around in {
        "before": {"before": chunk(b"tEXt", b"k\0" + MUCH)},
        "after": {"after": chunk(b"tEXt", b"k\0" + MUCH)},
        "many": {"after": private},
        "unused pixels": {"after": chunk(b"IDAT", MUCH + MUCH)},
        "the rest of the pixels": {"more": MUCH + MUCH},
    }.items():
        path = write_png(tmp_path / "x.png", 32, 32, **around)
        with pytest.raises(decoder.UnusableImage) as raised:
            decoder.decode(path)
        assert (name, str(raised.value)) == (name, BESIDE)
    decoder.decode(write_png(tmp_path / "x.png", 32, 32, chunk(b"tEXt", b"k\0" + bytes(1 << 19))))


def test_what_a_jpeg_gif_tiff_or_webp_holds_beside_its_pixels_is_bounded(tmp_path: Path) -> None:
    write_image(tmp_path / "x.jpg", RED)
    jpeg = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(jpeg[:2] + (b"\xff\xe7\xff\xff" + bytes(65533)) * 170 + jpeg[2:])
    write_image(tmp_path / "x.gif", RED)
    gif = (tmp_path / "x.gif").read_bytes()
    (tmp_path / "x.gif").write_bytes(gif[:-1] + b"!\xfe" + (b"\xff" + b"x" * 255) * 45_000 + b"\0;")
    Image.new("RGB", (32, 32)).save(tmp_path / "x.tif", tiffinfo={37724: MUCH + b"x"})
    write_image(tmp_path / "x.webp", RED)
    webp = (tmp_path / "x.webp").read_bytes() + b"JUNK" + struct.pack("<I", len(MUCH)) + MUCH
    (tmp_path / "x.webp").write_bytes(b"RIFF" + struct.pack("<I", len(webp) - 8) + webp[8:])
    for name, reason in {
        "x.jpg": BESIDE,
        "x.gif": BESIDE,
        "x.tif": BESIDE,
        "x.webp": "more than 10 MiB in a format that is read whole",
    }.items():
        with pytest.raises(decoder.UnusableImage) as raised:
            decoder.decode(tmp_path / name)
        assert (name, str(raised.value)) == (name, reason)


def test_a_tiff_whose_tile_is_larger_than_it_is_refused(tmp_path: Path) -> None:
    side, tile = 20_000, zlib.compress(bytes(1000))
    values = {256: 32, 257: 32, 258: 8, 259: 8, 262: 1, 277: 1, 322: side, 323: side, 324: 8 + 2 + 12 * 10 + 4}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in (values | {325: len(tile)}).items())
    (tmp_path / "x.tif").write_bytes(b"II*\0" + struct.pack("<IH", 8, 10) + entries + bytes(4) + tile)
    with pytest.raises(decoder.UnusableImage, match="it takes too much memory to decode"):
        decoder.decode(tmp_path / "x.tif")


@pytest.mark.parametrize(
    ("suffix", "height", "options"),
    [
        (".jpg", 5_000, {"progressive": True, "subsampling": 0}),
        (".tif", 5_000, {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 5_000}}),
        (".webp", 1_600, {}),
    ],
)
def test_a_decoder_that_needs_more_than_the_picture_has_fewer_pixels(
    tmp_path: Path, suffix: str, height: int, options: dict[str, Any]
) -> None:
    Image.new("RGB", (10_000, height)).save(tmp_path / f"x{suffix}", None, **options)
    with pytest.raises(decoder.UnusableImage, match=f"10000×{height} pixels are too many"):
        decoder.decode(tmp_path / f"x{suffix}")


def test_a_jpeg_of_several_scans_is_known_without_being_called_progressive(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    Image.new("RGB", (10_000, 5_000)).save(path, subsampling=0)
    content = path.read_bytes()
    decoder.decode(path)
    scan = content.index(b"\xff\xda")
    path.write_bytes(content[:scan] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + content[scan + 14 :])
    with pytest.raises(decoder.UnusableImage, match="10000×5000 pixels are too many"):
        decoder.decode(path)


# Files


def test_a_file_of_many_gigabytes_is_not_opened(tmp_path: Path) -> None:
    os.truncate(write_image(tmp_path / "x.png"), 5 << 30)
    with pytest.raises(decoder.UnusableImage, match="larger than 1 GiB"):
        decoder.decode(tmp_path / "x.png")


def test_links_are_followed_and_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(write_image(tmp_path / "x.png", RED))
    assert (decoder.decode(tmp_path / "link.png")[:, 0, 0] == RED).all()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "device.png").symlink_to("/dev/zero")
    for name in ("pipe.png", "folder.png", "device.png"):
        with pytest.raises(decoder.UnusableImage, match="no file, but a folder, a pipe or a device"):
            decoder.decode(tmp_path / name)
