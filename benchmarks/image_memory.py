"""Memory that decoding an image file takes, by format, up to the largest accepted size.

Run it with `python -m benchmarks.image_memory`, on Linux; it needs 1 GB of disk for a while.
"""

from __future__ import annotations

import argparse
import platform
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

MEASURE = """
import sys, threading, time
from cifar_tui.data.images import decoder

def bytes_of(what):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(what))

def decode():
    try:
        decoder.decode(path)
    except decoder.UnusableImage as error:
        refused.append(str(error))

small, path, count, refused = sys.argv[1], sys.argv[2], int(sys.argv[3]), []
decoder.prepare()
decoder.decode(small)
open("/proc/self/clear_refs", "w").write("5")  # Forget the peak so far, which includes the imports.
before, start = bytes_of("VmRSS"), time.perf_counter()
threads = [threading.Thread(target=decode) for _ in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(bytes_of("VmHWM") - before, time.perf_counter() - start, *refused[:1], sep="\\n")
"""
"""Decode a file in several threads; print the additional bytes, the seconds, and why it was refused."""

WIDTH, HEIGHT = 10_000, 5_000
Writer = Callable[[Image.Image, Path], None]


def _save(**options: Any) -> Writer:
    return lambda picture, path: picture.save(path, **options)


def _write_png(path: Path, size: tuple[int, int], kind: tuple[int, int, int], rows: list[bytes], text: bytes) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, kind[0], kind[1], 0, 0, kind[2]))
    pack = zlib.compressobj(1)
    data = b"".join(map(pack.compress, rows)) + pack.flush()
    content = chunk(b"IDAT", data) + (chunk(b"tEXt", text) if text else b"") + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + content)


def _interlaced(picture: Image.Image, path: Path) -> None:
    """A grey image in the seven passes of Adam7, which Pillow can read but not write."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = [
        b"\0" + b"\x60" * 3 * len(range(left, picture.width, across))
        for left, top, across, down in passes
        for _ in range(top, picture.height, down)
    ]
    _write_png(path, picture.size, (8, 2, 1), rows, b"")


def _with_text(_: Image.Image, path: Path) -> None:
    _write_png(path, (32, 32), (8, 2, 0), [b"\0" * 97] * 32, b"k\0" + b"x" * 300_000_000)


def _sixteen_bits(picture: Image.Image, path: Path) -> None:
    Image.fromarray(np.asarray(picture).astype(np.uint16) * 257).save(path, compress_level=1)


KINDS: tuple[tuple[str, str, str, float, Writer], ...] = (
    ("PNG, RGB", "RGB", "png", 50, _save(compress_level=1)),
    ("PNG, RGBA", "RGBA", "png", 50, _save(compress_level=1)),
    ("PNG, interlaced", "L", "png", 50, _interlaced),
    ("PNG, 16 bits", "L", "png", 50, _sixteen_bits),
    ("PNG, 32×32 and 300 MB of text", "L", "png", 50, _with_text),
    ("JPEG, baseline", "RGB", "jpg", 50, _save(subsampling=0)),
    ("JPEG, progressive 4:2:0", "RGB", "jpg", 50, _save(progressive=True, subsampling=2)),
    ("JPEG, progressive 4:4:4", "RGB", "jpg", 50, _save(progressive=True, subsampling=0)),
    ("JPEG, progressive 4:4:4", "RGB", "jpg", 42, _save(progressive=True, subsampling=0)),
    ("WebP", "RGB", "webp", 50, _save()),
    ("WebP", "RGB", "webp", 14, _save()),
    ("WebP, alpha", "RGBA", "webp", 14, _save()),
    ("WebP, lossless", "RGB", "webp", 10, _save(lossless=True, quality=0, method=0)),
    ("TIFF, uncompressed", "RGB", "tif", 50, _save()),
    ("TIFF, deflated in one strip", "RGB", "tif", 50, _save(compression="tiff_adobe_deflate", tiffinfo={278: HEIGHT})),
    ("TIFF, deflated in one strip", "RGB", "tif", 24, _save(compression="tiff_adobe_deflate", tiffinfo={278: HEIGHT})),
    ("TIFF, LZW in small strips", "RGB", "tif", 30, _save(compression="tiff_lzw")),
    ("GIF", "P", "gif", 50, _save()),
    ("BMP", "RGB", "bmp", 50, _save()),
    ("PPM", "RGB", "ppm", 50, _save()),
)
"""Name, mode, suffix, megapixels, and how it is written."""


def measure(small: Path, path: Path, threads: int = 1) -> list[str]:
    """The lines of `MEASURE`."""
    command = [sys.executable, "-c", MEASURE, str(small), str(path), str(threads)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def row(name: str, megapixels: float, measured: list[str]) -> str:
    """A row of the table."""
    peak, seconds, *refused = measured
    outcome = refused[0] if refused else f"{float(seconds):.1f} s"
    return f"| {name} | {megapixels:g} | {int(peak) / 1e6:.0f} MB | {outcome} |"


def main() -> None:
    """Write a file of each format, measure it, print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    Image.MAX_IMAGE_PIXELS = None
    print(f"Pillow {PIL.__version__}, Python {platform.python_version()}\n")
    print("| | megapixels | peak above the baseline | |")
    print("|---|---:|---:|---|")
    noise = np.random.default_rng(0).integers(0, 256, (50, 100, 4), dtype=np.uint8)
    whole = Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small.png")
        whole.crop((0, 0, 40, 40)).save(small)
        for name, mode, suffix, megapixels, write in KINDS:
            path = Path(folder, f"picture.{suffix}")
            write(whole.crop((0, 0, WIDTH, round(megapixels * 1e6 / WIDTH))).convert(mode), path)
            print(row(name, megapixels, measure(small, path)), flush=True)
            path.unlink()
        for megapixels, threads in ((50, 4), (6, 16)):
            path = Path(folder, "picture.png")
            whole.crop((0, 0, WIDTH, round(megapixels * 1e6 / WIDTH))).save(path, compress_level=1)
            print(row(f"PNG, RGBA, in {threads} threads", megapixels, measure(small, path, threads)), flush=True)


if __name__ == "__main__":
    main()
