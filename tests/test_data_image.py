"""One image file of whatever kind: shown upright at 32×32 RGB, or left out for a reason that is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifar_tui.data import image
from tests.images import write_bomb, write_image, write_unusable

RED = (200, 30, 60)


@pytest.fixture(autouse=True)
def prepared() -> None:
    image.prepare()


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (32, 32), (33, 31), (300, 200), (2, 4000)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tif", ".ppm"])
def test_any_size_and_kind_becomes_32_by_32(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    pixels = image.decode(write_image(tmp_path / f"x{suffix}", RED, size))
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.reshape(3, -1).astype(int) - np.array(RED)[:, None]).max() <= 4


def test_shrinking_does_not_alias(tmp_path: Path) -> None:
    checks = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checks).save(tmp_path / "x.png")
    assert np.abs(image.decode(tmp_path / "x.png").astype(int) - 127).max() <= 2


def test_a_photograph_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[:32] = 255  # white above, as the sensor saw it
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: white right
    Image.fromarray(pixels).save(tmp_path / "x.jpg", exif=exif)
    upright = image.decode(tmp_path / "x.jpg")
    assert upright[:, :, 20:].min() > 240
    assert upright[:, :, :12].max() < 15


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparent_parts_lie_on_white(tmp_path: Path, suffix: str) -> None:
    clear = image.decode(write_image(tmp_path / f"clear{suffix}", (0, 0, 0, 0)))
    half = image.decode(write_image(tmp_path / f"half{suffix}", (0, 0, 0, 128)))
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
    pixels = image.decode(path)
    assert pixels[:, :16].max() <= 2
    assert pixels[:, 16:].min() >= 253


def test_sixteen_bits_keep_their_scale(tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 0x4080, dtype=np.uint16)).save(tmp_path / "x.png")
    assert set(image.decode(tmp_path / "x.png").flatten().tolist()) == {0x40}


def test_a_telephones_multi_picture_photograph_is_one_image(tmp_path: Path) -> None:
    large, small = (Image.new("RGB", (size, size), RED) for size in (64, 32))
    large.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[small])
    assert image.decode(tmp_path / "x.jpg").shape == (3, 32, 32)


def test_each_unusable_file_says_why(tmp_path: Path) -> None:
    for name, reason in write_unusable(tmp_path).items():
        with pytest.raises(image.UnusableImage) as raised:
            image.decode(tmp_path / name)
        assert (name, str(raised.value)) == (name, reason)


def test_the_largest_image_allowed_is_not_refused_for_its_size(tmp_path: Path) -> None:
    write_bomb(tmp_path / "x.png", 10_000, 5_000)
    with pytest.raises(image.UnusableImage, match="damaged"):
        image.decode(tmp_path / "x.png")
