"""The bundled digits: real, upright, and split the same for every seed."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits

from cifar_tui.data import sources
from cifar_tui.data.dataset import Source, fingerprint, split


@pytest.fixture(scope="module")
def digits() -> Source:
    return sources.read("digits", None, lambda *_: None)


def test_they_are_32_pixels_rgb_bytes_of_ten_classes_that_no_mirror_keeps(digits: Source) -> None:
    for part in (digits.train, digits.test):
        assert part.images.dtype == torch.uint8
        assert part.images.shape == (len(part), 3, 32, 32)
        assert part.labels.dtype == torch.int64
        assert torch.equal(part.images[:, 0], part.images[:, 1])
        assert torch.equal(part.images[:, 0], part.images[:, 2])
    assert digits.classes == tuple("0123456789")
    assert not digits.flips
    assert digits.name == "digits"


def test_each_image_shrinks_back_to_the_bundled_one_of_its_label(digits: Source) -> None:
    images = torch.cat([digits.train.images, digits.test.images])[:, 0]
    labels = torch.cat([digits.train.labels, digits.test.labels])
    bundled = load_digits()
    small = images.reshape(-1, 8, 4, 8, 4).double().mean((2, 4)).flatten(1) * (16 / 255)
    nearest = torch.cdist(small, torch.from_numpy(bundled.data)).argmin(1)
    assert len(images) == 1797
    assert len(nearest.unique()) > 1790  # two that are nearly the same may change places
    assert torch.equal(labels, torch.from_numpy(bundled.target)[nearest])
    assert images.min() == 0
    assert images.max() == 255


def test_a_fifth_of_each_class_is_for_the_test(digits: Source) -> None:
    train, test = digits.train.labels.bincount(), digits.test.labels.bincount()
    assert (test / (train + test) - 0.2).abs().max() < 0.01


def test_reading_again_gives_the_same(digits: Source) -> None:
    torch.manual_seed(5)
    assert fingerprint(sources.read("digits", None, lambda *_: None)) == fingerprint(digits)


def test_no_test_image_is_a_training_image(digits: Source) -> None:
    train = {image.numpy().tobytes() for image in digits.train.images}
    assert not train & {image.numpy().tobytes() for image in digits.test.images}


def test_which_images_are_held_out_for_validation_depends_on_the_seed_alone(digits: Source) -> None:
    first, again, other = (split(digits, seed) for seed in (1, 1, 2))
    assert len(first.validation) == round(len(digits.train) / 10)
    assert len(first.train) + len(first.validation) == len(digits.train)
    assert torch.equal(first.validation.images, again.validation.images)
    assert not torch.equal(first.validation.images, other.validation.images)
    assert torch.equal(first.test.images, other.test.images)
    assert first.fingerprint == again.fingerprint == other.fingerprint


def test_where_the_bundled_file_is_not_in_its_usual_place_they_are_the_same(
    digits: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifar_tui.data.digits.find_spec", lambda _: None)
    assert fingerprint(sources.read("digits", None, lambda *_: None)) == fingerprint(digits)
