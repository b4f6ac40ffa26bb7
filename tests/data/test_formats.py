"""What an image file is its content says, and what its values mean the file says, or else their range."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import AvifImagePlugin, EpsImagePlugin, Image, QoiImagePlugin, features

from cifar_tui.data.images import decode_memory, decoder
from tests.support.images import write_folder, write_image, write_tiff
from tests.support.program import TRAIN, call, control_characters, prepare_project

RED = (200, 30, 60)
RAMP = np.tile(np.linspace(0, 1, 32), (32, 1))
EXPECTED = np.rint(RAMP * 255)
READ = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "QOI", "SGI", "MPO"]
with_avif = pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")


@pytest.fixture(autouse=True)
def ready() -> None:
    decoder.prepare()


def write(path: Path, format_name: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Image.new("RGB", (40, 40), RED).save(file, format_name)
    return path


def said_of(path: Path) -> str:
    with pytest.raises(decoder.UnusableImage) as raised:
        decoder.decode(path)
    return str(raised.value)


# Content


@pytest.mark.parametrize("name", ["x", "x.jfif", "x.jpe", "x.png", "x.txt", "IMG 1.jpg.download"])
@pytest.mark.parametrize("format_name", [*READ, pytest.param("AVIF", marks=with_avif)])
def test_a_format_is_known_by_its_content(tmp_path: Path, format_name: str, name: str) -> None:
    pixels = decoder.decode(write(tmp_path / name, format_name))
    assert np.abs(pixels.reshape(3, -1).astype(int) - np.array(RED)[:, None]).max() <= 4


@pytest.mark.parametrize(("format_name", "suffix"), [("TGA", ".tga"), ("TGA", ".TGA"), ("PCX", ".pcx")])
def test_what_content_does_not_tell_is_known_by_its_name_alone(tmp_path: Path, format_name: str, suffix: str) -> None:
    assert tuple(decoder.decode(write(tmp_path / f"x{suffix}", format_name))[:, 0, 0]) == RED
    with pytest.raises(decoder.NotAnImage):
        decoder.decode(write(tmp_path / "x.dat", format_name))


@pytest.mark.parametrize("format_name", ["EPS", "ICO", "ICNS", "PDF", "DDS", "IM", "MSP", "XBM"])
@pytest.mark.parametrize("suffix", [".png", ".{}", ""])
def test_no_other_reader_is_handed_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str, suffix: str
) -> None:
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("a program was run"))
    mode = {"MSP": "1", "XBM": "1"}.get(format_name, "RGB")
    path = tmp_path / f"x{suffix.format(format_name.lower())}"
    with path.open("wb") as file:
        Image.new(mode, (64, 64)).save(file, format_name)
    assert said_of(path).startswith("not an image")


def bitmap(width: int, height: int, compression: int) -> bytes:
    """The header of a bitmap of 256 colours."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 1, 1, 256, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + header + bytes(1024)


@pytest.mark.parametrize("rules", [1, 2])
@pytest.mark.parametrize(
    "header",
    [
        b"qoif" + struct.pack(">IIBB", 2500, 2001, 3, 0),
        b"P3 2500 2001 255\n",
        b"P5 2500 2001 1023\n",
        bitmap(2500, 2001, compression=1),
    ],
)
def test_what_is_decoded_in_python_may_have_fewer_pixels(tmp_path: Path, header: bytes, rules: int) -> None:
    (tmp_path / "x.png").write_bytes(header)
    with pytest.raises(decoder.UnusableImage) as raised:
        decoder.decode(tmp_path / "x.png", rules)
    reason = "2500×2001 pixels are too many in a format that is slow to decode"
    assert (str(raised.value) == reason) == (rules > 1), "earlier runs had such images"


@pytest.mark.parametrize("header", [b"P6 2500 2001 255\n", b"P5 2500 2001 65535\n", bitmap(2500, 2001, compression=0)])
def test_what_is_decoded_fast_may_have_more(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "x").write_bytes(header)
    assert "damaged" in said_of(tmp_path / "x")


@pytest.mark.parametrize(
    "content", [b"P1 is no picture", b"\0" * 100, b"%!PS\n", b"GIF", b"\n\2\1\1", b"RIFF", b"qoif"]
)
def test_what_is_no_image_is_told_without_being_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content + b"\0" * 5_000_000)
    read = decode_memory.Reader.read
    taken = 0

    def counted(reader: decode_memory.Reader, size: int | None = -1, /) -> bytes:
        nonlocal taken
        part = read(reader, size)
        taken += len(part)
        return part

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode_memory.Reader, "read", counted)
        assert said_of(tmp_path / "x")
    assert taken < 10_000


def test_a_photograph_that_needs_a_package_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    for brand in (b"heic", b"heix", b"mif1"):
        (tmp_path / "x.jpg").write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(100))
        decoder.prepare()
        assert said_of(tmp_path / "x.jpg") == "HEIC: pip install 'cifar-tui[heic]' to have it read"


def test_a_photograph_is_read_once_the_package_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Photograph(QoiImagePlugin.QoiImageFile):
        format = "HEIF"
        is_animated = True  # Parts of one photograph.

        def _open(self) -> None:
            assert self.fp is not None
            self.fp.seek(12)
            self.fp = io.BytesIO(self.fp.read())
            super()._open()

    def register() -> None:
        Image.register_open("HEIF", Photograph, lambda prefix: prefix[8:12] == b"heic")

    package = ModuleType("pillow_heif")
    package.register_heif_opener = register  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", package)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    decoder.prepare()
    content = write(tmp_path / "x", "QOI").read_bytes()
    (tmp_path / "x").write_bytes(b"\0\0\0\x18ftypheic" + content)
    assert tuple(decoder.decode(tmp_path / "x")[:, 0, 0]) == RED
    with pytest.raises(decoder.NotAnImage):
        decoder.decode(write(tmp_path / "y.txt", "PDF"))


def test_a_pillow_without_avif_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(100))
    monkeypatch.setattr(AvifImagePlugin, "SUPPORTED", False)
    assert said_of(tmp_path / "x") == "AVIF, which this Pillow does not read: pip install 'pillow>=11.3'"
    monkeypatch.delitem(Image.OPEN, "AVIF")  # As in one that does not know it at all.
    assert said_of(tmp_path / "x").startswith("AVIF, which this Pillow does not read")


@with_avif
def test_an_avif_has_as_many_pixels_as_its_decoder_has_room_for(tmp_path: Path) -> None:
    Image.new("RGB", (5000, 3000)).save(tmp_path / "x.avif", speed=10)
    assert said_of(tmp_path / "x.avif") == "5000×3000 pixels are too many"


# Values


def decoded(path: Path) -> tuple[NDArray[Any], str]:
    pixels, remark = decoder.decode_with_note(path)
    assert (pixels == pixels[0]).all()
    return pixels[0].astype(int), remark


def write_png(path: Path, values: NDArray[Any], significant: bytes = b"") -> Path:
    """A PNG of 16 bits: (H, W) grey, (H, W, 2) with transparency, or of 3 or 4 colours."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = values.shape[:2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[values.shape[2] if values.ndim == 3 else 1]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    said = chunk(b"sBIT", significant) if significant else b""
    content = head + said + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


def rgb(values: NDArray[Any]) -> NDArray[Any]:
    return np.stack([values] * 3, axis=-1)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("kind", ["png", "png rgb", "png rgba", "tiff <", "tiff >", "tiff < rgb", "tiff > rgb", "lzw"])
def test_sixteen_bits_of_which_fewer_are_used_are_not_black(tmp_path: Path, kind: str, bits: int) -> None:
    values = np.rint(RAMP * ((1 << bits) - 1)).astype("<u2")
    path = tmp_path / "x"
    match kind.split():
        case ["png"]:
            write_png(path, values)
        case ["png", "rgb"]:
            write_png(path, rgb(values))
        case ["png", "rgba"]:
            write_png(path, np.concatenate([rgb(values), np.full((32, 32, 1), 65535, "<u2")], axis=-1))
        case ["lzw"]:
            Image.fromarray(values).save(path, "TIFF", compression="tiff_lzw")
        case ["tiff", order, *colours]:
            write_tiff(path, (rgb(values) if colours else values).astype(f"{order}u2"))
    pixels, remark = decoded(path)
    assert np.abs(pixels - EXPECTED).max() <= 1
    assert remark == f"read as {bits}-bit by the largest value"


@pytest.mark.parametrize("kind", ["png", "png rgb", "tiff <", "tiff > rgb"])
def test_sixteen_bits_that_are_all_used_are_as_ever(tmp_path: Path, kind: str) -> None:
    values = np.rint(RAMP * 40_000).astype("<u2")
    values = rgb(values) if "rgb" in kind else values
    if kind.startswith("png"):
        write_png(tmp_path / "x", values)
    else:
        write_tiff(tmp_path / "x", values.astype(f"{kind[5]}u2"))
    pixels, remark = decoded(tmp_path / "x")
    assert np.array_equal(pixels, (RAMP * 40_000).round().astype(int) >> 8)
    assert remark == ""
    assert np.array_equal(decoder.decode(tmp_path / "x", rules=1), decoder.decode(tmp_path / "x"))


def test_the_depth_that_a_file_says_is_the_one_by_which_it_is_scaled(tmp_path: Path) -> None:
    dark = np.rint(RAMP * 800).astype("<u2")
    plain = write_tiff(tmp_path / "packed", packed(dark), {256: 32}, bits=12)
    for path in (
        write_png(tmp_path / "grey", dark, b"\x0c"),
        write_png(tmp_path / "rgb", rgb(dark), b"\x0c\x0c\x0c"),
        write_tiff(tmp_path / "max", dark, {281: 4095}),
        write_tiff(tmp_path / "max, big-endian", dark.astype(">u2"), {281: 4095}),
        write_tiff(tmp_path / "max rgb", rgb(dark), {281: 4095}),
        write_tiff(tmp_path / "signed", dark.astype("<i2"), {340: 0, 341: 4095}),
        plain,
    ):
        pixels, remark = decoded(path)
        assert np.abs(pixels - dark * (255 / 4095)).max() <= 1, path
        assert remark == "", path
    (tmp_path / "x.pgm").write_bytes(b"P5 32 32 4095\n" + dark.astype(">u2").tobytes())
    assert np.abs(decoded(tmp_path / "x.pgm")[0] - dark * (255 / 4095)).max() <= 1


def packed(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of twelve bits, two in three bytes."""
    first, second = values[:, ::2].astype(int), values[:, 1::2].astype(int)
    parts = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1)
    return parts.reshape(len(values), -1).astype(np.uint8)


def test_what_a_file_says_wrongly_is_not_followed(tmp_path: Path) -> None:
    full = np.rint(RAMP * 65535).astype("<u2")
    for path in (
        write_png(tmp_path / "as the standard says", full, b"\x0c"),
        write_tiff(tmp_path / "max", full, {281: 4095}),
        write_tiff(tmp_path / "0", full, {281: 0}),
    ):
        assert np.array_equal(decoded(path)[0], full >> 8), path


@pytest.mark.parametrize(
    ("values", "remark"),
    [
        ((RAMP * 4000 - 1000).astype("<i2"), "scaled from their own range"),
        ((RAMP * 4000 - 1000).astype(">i2"), "scaled from their own range"),
        ((RAMP * 1e6 - 5e5).astype("<i4"), "scaled from their own range"),
        ((RAMP * 1e6 - 5e5).astype(">i4"), "scaled from their own range"),
        ((RAMP * 4e9).astype("<u4"), "scaled from their own range"),
        ((RAMP * 4095).astype("<i4"), "read as 12-bit by the largest value"),
        ((RAMP * 7 - 3).astype("<f4"), "scaled from their own range"),
        ((RAMP * 7 - 3).astype(">f4"), "scaled from their own range"),
        (RAMP.astype("<f4"), "scaled from 0–1"),
    ],
)
def test_numbers_of_every_kind_are_scaled(tmp_path: Path, values: NDArray[Any], remark: str) -> None:
    pixels, said = decoded(write_tiff(tmp_path / "x", values))
    assert np.abs(pixels - EXPECTED).max() <= 1
    assert said == remark


def test_what_is_no_number_counts_as_black(tmp_path: Path) -> None:
    values = (RAMP * 8).astype("<f4")
    values[0, :] = np.nan
    values[1, :] = -np.inf
    assert decoded(write_tiff(tmp_path / "x", values))[0][:2].max() <= 10
    for constant in (np.nan, np.inf, 5.0):
        decoded(write_tiff(tmp_path / "x", np.full((32, 32), constant, "<f4")))


def test_large_pictures_come_to_the_same_as_small_ones(tmp_path: Path) -> None:
    for name, values in {
        "grey": np.rint(np.tile(np.linspace(0, 4095, 700), (900, 1))).astype("<u2"),
        "rgb": rgb(np.rint(np.tile(np.linspace(0, 4095, 700), (900, 1))).astype(">u2")),
    }.items():
        pixels, _ = decoded(write_tiff(tmp_path / name, values))
        assert np.abs(pixels - np.linspace(0, 255, 32 + 1)[:-1] - 4).max() <= 2, name


# In folders


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with images of many kinds, and with what is none."""
    cwd = prepare_project(tmp_path, monkeypatch)
    for name in ("cat", "dog"):
        for format_name in READ:
            write(cwd / "images" / "train" / name / f"{format_name} ohne Endung", format_name)
        write_tiff(cwd / "images" / "train" / name / "x.tif", np.rint(RAMP * 4095).astype("<u2"))
    train = cwd / "images" / "train"
    (train / "cat" / "photo.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (train / "dog" / "\x1b[2J注釈.xml").write_text("<annotation/>")
    for junk in ("Thumbs.db", "desktop.ini", ".DS_Store", "._x.jpg", "__MACOSX/cat/x.jpg"):
        (train / "dog" / junk).parent.mkdir(parents=True, exist_ok=True)
        (train / "dog" / junk).write_text("junk")
    return cwd


def test_what_a_folder_holds_is_trained_on_by_content_and_the_rest_named(mixed: Path) -> None:
    done = call([*TRAIN, "--epochs", "1"], mixed)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert not control_characters(said)
    assert r"1 of 56 files is no image: 'train/dog/\x1b[2J注釈.xml'" in said
    assert "1 of 55 image files is left out: 'train/cat/photo.HEIC' (HEIC: pip install 'cifar-tui[heic]'" in said
    assert (
        "2 image files with values of more than 8 bits, read as 12-bit by the largest value in 2: 'train/cat/x.tif'"
    ) in said
    (folder,) = (mixed / "runs").iterdir()
    assert "is no image" in (folder / "report.md").read_text()


def test_files_are_predicted_by_the_same_rules(mixed: Path) -> None:
    assert call([*TRAIN, "--epochs", "1"], mixed).returncode == 0
    (folder,) = (mixed / "runs").iterdir()
    done = call(["predict", folder.name, "images/train", "--json"], mixed)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * (8 + len(READ) + 1) + 2, "nothing that a system put there"
    assert sum('"error"' in line for line in lines) == 2
    assert sum('"true": "cat"' in line for line in lines) == sum('"true": "dog"' in line for line in lines)
    assert r"images/train/dog/\x1b[2J注釈.xml: not an image" in done.stderr


def test_images_below_class_folders_and_wrappers_are_labelled_as_a_data_set_labels_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cwd = prepare_project(tmp_path, monkeypatch, ("café", "dog"))
    assert call([*TRAIN, "--epochs", "1"], cwd).returncode == 0
    (folder,) = (cwd / "runs").iterdir()
    for path in ("a/b/cafe\u0301/deep/dog/er.png", "a/Dog/x.png", "a/fox/x.png"):
        write_image(cwd / "zip" / path)
    lines = call(["predict", folder.name, "zip", "--json"], cwd).stdout.splitlines()
    assert [('"true": "caf\\u00e9"' in line, '"true": "dog"' in line) for line in lines] == [
        (False, True), (True, False), (False, False),
    ]  # fmt: skip


def test_a_class_of_files_that_are_no_images_is_refused_before_any_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cwd = prepare_project(tmp_path, monkeypatch)
    write_folder(cwd / "images", {"train/labels": 0})
    for index in range(3):
        (cwd / "images" / "train" / "labels" / f"{index}.txt").write_text("0 0.5 0.5 1 1")
    done = call([*TRAIN, "--epochs", "1"], cwd)
    assert done.returncode == 2
    assert "class 'labels' has no image" in done.stderr
    assert not (cwd / "runs").exists()
