"""Runs of earlier releases: their images are read to the same pixels, labels and sets as when they were recorded."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from cifar_tui.data import sources
from cifar_tui.data.dataset import fingerprint
from tests.support.images import write_tiff

# The fingerprints that the last release before rules 2 gave these folders. All images are 32×32 and without loss, so
# that neither an encoder nor a filter has a part in them.
RECORDED = {
    "split": "2bdd06abca6a93af02860f85674c9f2f28675abcee2ebe434d90260dc607047b",
    "sets": "06054ccdfc163840241b2e1a57519e53a46599570b0825c10e658ea4e7d007f8",
    "system folder": "f9e5cb8b82bb1e19c70f28062b3832a0c617d349eb0761532fcf927692a06cb4",
}
SIZE = 32
UPRIGHT, SIDEWAYS = 1, 6


def noise(seed: int, *shape: int, kind: str = "u1") -> np.ndarray:
    """Numbers that are the same with every release of NumPy."""
    count = int(np.prod(shape)) * np.dtype(kind).itemsize
    blocks = [struct.pack("<I", zlib.crc32(struct.pack("<II", seed, at))) for at in range(count // 4 + 1)]
    return np.frombuffer(b"".join(blocks)[:count], kind).reshape(shape)


def png(values: np.ndarray, orientation: int = UPRIGHT, significant: int = 0) -> bytes:
    """A PNG of grey, RGB or RGBA values of 8 or 16 bits, with the chunks that say the depth and which way is up."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    samples = values.shape[2] if values.ndim == 3 else 1
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8 * values.itemsize, {1: 0, 3: 2, 4: 6}[samples], 0, 0, 0)
    rows = values.astype(values.dtype.newbyteorder(">"))
    content = chunk(b"IHDR", header)
    if significant:
        content += chunk(b"sBIT", bytes([significant] * samples))
    if orientation != UPRIGHT:
        content += chunk(
            b"eXIf", b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 274, 3, 1, orientation, 0) + bytes(4)
        )
    content += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b"")


def bmp(values: np.ndarray) -> bytes:
    header = struct.pack(
        "<IHHIIiiHHIIiiII", 54 + values.size, 0, 0, 54, 40, SIZE, SIZE, 1, 24, 0, values.size, 1, 1, 0, 0
    )
    return b"BM" + header + values[::-1, :, ::-1].tobytes()


def write_class(folder: Path, seed: int) -> None:
    """Files of every kind that the first rules told from others."""
    rgb = [noise(100 * seed + number, SIZE, SIZE, 3) for number in range(12)]
    wide = noise(100 * seed + 50, SIZE, SIZE, kind="<u2")
    (folder / "deep" / "er").mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}.png").write_bytes(png(rgb[number]))
    (folder / "deep" / "er" / "B.BMP").write_bytes(bmp(rgb[6]))
    (folder / "a png.jpg").write_bytes(png(rgb[7]))
    (folder / "sideways.png").write_bytes(png(rgb[8], SIDEWAYS))
    (folder / "clear.png").write_bytes(png(noise(100 * seed + 51, SIZE, SIZE, 4)))
    (folder / "plain.ppm").write_bytes(b"P3 32 32 200\n" + b" ".join(b"%d" % v for v in (rgb[9] % 200).flatten()))
    (folder / "raw.pgm").write_bytes(b"P5 32 32 1023\n" + (wide % 1024).astype(">u2").tobytes())
    (folder / "wide.png").write_bytes(png(wide))
    (folder / "dark.png").write_bytes(png(wide % 4096, significant=12))
    (folder / "dark rgb.png").write_bytes(png(noise(100 * seed + 52, SIZE, SIZE, 3, kind="<u2") % 4096))
    write_tiff(folder / "wide.tif", wide)
    write_tiff(folder / "turned.tiff", rgb[10], {274: SIDEWAYS})
    write_tiff(folder / "said.tif", wide % 4096, {281: 4095})
    write_tiff(folder / "real.tif", noise(100 * seed + 53, SIZE, SIZE).astype("<f4"))
    write_tiff(folder / "long.tif", noise(100 * seed + 54, SIZE, SIZE, kind="<i4"))
    # What they passed over or left out.
    for name in (".hidden.png", ".hidden/a.png", "a.jfif", "a.pnm", "a.qoi", "no suffix", "Thumbs.db", "Icon\r"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(png(rgb[11]))
    (folder / "text.png").write_text("no image")
    (folder / "nowhere.png").symlink_to("nothing")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe.png")
    # And what they did not: the folders that systems put there.
    for name in ("@eaDir/0.png/SMALL.png", "__MACOSX/0.png", "lost+found/0.png", "$RECYCLE.BIN/0.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(noise(100 * seed + 60 + len(name), SIZE, SIZE, 3)))


def write(root: Path, name: str) -> Path:
    """One of the folders whose fingerprints were recorded."""
    classes = ("@eaDir", "cat") if name == "system folder" else ("Cat", "café", "dog")
    for seed, of_class in enumerate(classes):
        write_class(root / "train" / of_class, seed)
        if name == "sets":
            write_class(root / "val" / of_class, 10 + seed)
            write_class(root / "test" / of_class, 20 + seed)
    (root / "train" / ".git").mkdir()
    (root / "train" / "list.csv").touch()
    return root


@pytest.mark.parametrize("name", RECORDED)
def test_a_folder_has_the_fingerprint_that_runs_of_it_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = sources.read(str(write(tmp_path / "images", name)), None, lambda *_: None, rules=1)
    assert fingerprint(source) == RECORDED[name]
