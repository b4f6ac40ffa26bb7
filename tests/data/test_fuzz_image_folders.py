"""However a folder of images is made, its images have the labels and the sets that they were made for.

It takes the number of examples from `CIFAR_TUI_FUZZ_EXAMPLES`, and draws others each time where that is given.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from cifar_tui.data import sources
from cifar_tui.data.dataset import Source, Split, fingerprint, split
from cifar_tui.data.image_folder.class_names import canonical
from cifar_tui.data.images.input_files import find
from cifar_tui.errors import InputError

GIVEN = os.environ.get("CIFAR_TUI_FUZZ_EXAMPLES")


def examples(number: int) -> settings:
    # Making a folder smaller and smaller takes minutes: only where there is time.
    phases = tuple(Phase) if GIVEN else (Phase.explicit, Phase.generate)
    return settings(max_examples=int(GIVEN or number), derandomize=GIVEN is None, deadline=None, phases=phases)


FORMATS = ("PNG", "BMP", "TIFF", "PPM", "QOI", "SGI", "GIF")
"""Those that keep a colour as it is."""
SUFFIXES = ("", ".png", ".jpg", ".JPEG", ".jfif", ".txt", ".tif", ".webp", ".0001", ". ")
CLASS_NAMES = (
    *("cat", "dog", "Zebra", "0", "1", "10", "a b", "x" * 200, "[red]", "-rf", "~", "café", "cafe", "ß", "ss"),
    *("猫", "ねこ", "고양이", "قطة", "बिल्ली", "क्\u200dष", "می\u200cخواهم", "👩\u200d🚀", "\u202egnp"),
)
"""No two are the same but for upper case or form."""
NAMES: dict[str, tuple[str, ...]] = {
    "train": ("train", "Train", "TRAINING", "training_set", "train-images", "train2017"),
    "validation": ("val", "valid", "Validation", "dev", "VAL", "val_set"),
    "test": ("test", "Test", "testing", "TEST_SET", "test images"),
}
OUTER = ("train", "Training_Data", "test", "val2017")
FORMS: st.SearchStrategy[Literal["NFC", "NFD"]] = st.sampled_from(["NFC", "NFD"])
JUNK = (".DS_Store", "Thumbs.db", "desktop.ini", "._a.png", ".hidden/a.png", "__MACOSX/cat/a.png", "@eaDir/a.png")
WRAPPERS = ("", "archive", "data/images", "pets/pets/pets")
SHADES = {"train": 40, "validation": 120, "test": 200}
"""The green of the images of each set: that of the training images where it is split off from them."""


@cache
def picture(kind: str, red: int, green: int, blue: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (3, 2), (red, green, blue)).save(file, kind)
    return file.getvalue()


@dataclass
class Made:
    """A folder of images as it was made.

    Attributes:
        images: How many there are of each class, by the set.
        others: Files that are no images, and not hidden.
        is_split_up: Whether a set is beside a folder of others that could be one.
    """

    classes: list[str]
    images: dict[str, Counter[int]] = field(default_factory=dict)
    others: int = 0
    is_split_up: bool = False


def put(data: st.DataObject, path: Path, made: Made, role: str, label: int, number: int) -> None:
    """An image, at some depth, with some name, of some format."""
    inner = data.draw(st.sampled_from(["", "", "deep", "deep/er", "train", "cat"]))
    suffix, kind = data.draw(st.sampled_from(SUFFIXES)), data.draw(st.sampled_from(FORMATS))
    file = path / inner / f"{number}{suffix}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(picture(kind, 10 * label, SHADES[role], number))
    made.images[role][label] += 1


def make(data: st.DataObject, root: Path) -> Made:
    """A folder of images, laid out in one of the ways that are known."""
    names = data.draw(st.lists(st.sampled_from(CLASS_NAMES), min_size=2, max_size=5, unique=True))
    made = Made(sorted(map(canonical, names)))
    roles = ["train", *data.draw(st.sampled_from([[], ["validation"], ["test"], ["validation", "test"]]))]
    alone = roles == ["train"] and data.draw(st.booleans())
    place = root / data.draw(st.sampled_from(WRAPPERS))
    # Two sets or more may be in a folder that is called as one of them; then, none may be beside it.
    outer = data.draw(st.sampled_from(["", *OUTER])) if len(roles) > 1 else ""
    made.is_split_up = bool(outer) and len(roles) == 3 and data.draw(st.integers(0, 3)) == 0
    for role in roles:
        made.images[role] = Counter()
        within = place if made.is_split_up and role == roles[-1] else place / outer
        folder = place if alone else within / data.draw(st.sampled_from(NAMES[role]))
        if folder == place / outer:
            folder = folder.with_name(folder.name + "_1")
        if not alone and data.draw(st.booleans()):
            folder /= folder.name
        for label, name in enumerate(made.classes):
            if role != "train" and data.draw(st.integers(0, 4)) == 0:
                continue
            form = data.draw(FORMS)
            # One that is left apart would be a folder within a folder.
            least = 1 if role != "train" else data.draw(st.sampled_from([1, 2, 3, 5]))
            for number in range(data.draw(st.integers(least, 8))):
                put(data, folder / unicodedata.normalize(form, name), made, role, label, number)
            if data.draw(st.booleans()):
                (folder / unicodedata.normalize(form, name) / "labels.csv").write_text("no, image")
                made.others += 1
        for junk in data.draw(st.lists(st.sampled_from(JUNK), max_size=3)):
            for where in (root, folder, folder / made.classes[0]):
                if where.is_dir():
                    (where / junk).parent.mkdir(parents=True, exist_ok=True)
                    (where / junk).write_bytes(picture("PNG", 255, 255, 255))
    return made


def read(root: Path) -> Source:
    return sources.read(str(root), None, lambda *_: None)


def colours(part: Split) -> Counter[tuple[int, int]]:
    """The classes and sets that images show, counted; each has its own class for its label."""
    pixels = part.images[:, :, 16, 16].tolist()
    assert [red // 10 for red, _, _ in pixels] == part.labels.tolist()
    return Counter((red // 10, green) for red, green, _ in pixels)


def shown(made: Made, *roles: str) -> Counter[tuple[int, int]]:
    return Counter({(label, SHADES[role]): n for role in roles for label, n in made.images[role].items() if n})


@examples(15)
@given(st.data(), st.integers(0, 2**32))
def test_every_image_has_the_label_and_the_set_that_it_was_made_for(data: st.DataObject, seed: int) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", f"{place}/cache")
        root = Path(place, "images")
        root.mkdir()
        made = make(data, root)
        refused, source, dataset = "", None, None
        try:
            source = read(root)
            dataset = split(source, seed)
        except InputError as error:
            refused = str(error)
        assert refused.isprintable()
        if source is None or dataset is None:
            few = made.is_split_up or max(made.images["train"].values()) < 3 or sum(made.images["train"].values()) < 4
            assert few or "folders of the same names" in refused or "names of sets" in refused, refused
            return
        assert not made.is_split_up
        given_sets = [role for role in made.images if made.images[role]]
        assert list(dataset.classes) == made.classes
        parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
        for role in ("validation", "test"):
            if role in given_sets:
                assert colours(parts.pop(role)) == shown(made, role)
        assert sum((colours(part) for part in parts.values()), Counter()) == shown(made, "train")
        per_class = dataset.train.labels.bincount(minlength=len(made.classes)).tolist()
        assert min(per_class) > 0, "every class has training images"
        if "validation" not in given_sets:
            held_out = dataset.validation.labels.bincount(minlength=len(made.classes)).tolist()
            assert all(n or alone == 1 for n, alone in zip(held_out, per_class, strict=True))
        assert sum(int(note.partition(" ")[0]) for note in dataset.notes if " no image" in note) == made.others
        again = read(root)
        assert fingerprint(again) == fingerprint(source) == dataset.fingerprint
        assert (again.classes, again.notes, again.splits) == (source.classes, source.notes, source.splits)
        assert split(again, seed).validation.images.equal(dataset.validation.images)
        assert len(find([str(root)])) == sum(sum(n.values()) for n in made.images.values()) + made.others


PARTS = st.sampled_from([
    *("train", "Train", "val", "valid", "test", "testing", "cat", "dog", "cafe\u0301", "caf\u00e9", "images", "labels"),
    *("__MACOSX", ".git", "train2017", "x" * 200, "\x1b[2J", "\udcff", "a\nb"),
])  # fmt: skip
TREES = st.lists(st.tuples(st.lists(PARTS, min_size=1, max_size=4), st.integers(0, 6)), max_size=12)


@examples(30)
@given(TREES)
def test_whatever_the_tree_nothing_but_a_line_of_error_comes_of_it(tree: list[tuple[list[str], int]]) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", f"{place}/cache")
        root = Path(place, "images")
        root.mkdir()
        for names, count in tree:
            folder = root.joinpath(*names)
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                (folder / f"{number}.png").write_bytes(picture("PNG", len(names), number, count))
        refused, dataset = "", None
        try:
            dataset = split(read(root), 0)
        except InputError as error:
            refused = str(error)
        assert refused.isprintable()
        if dataset is None:
            assert refused.startswith(("--data: ", str(root)))
            return
        assert dataset.splits.isprintable()
        assert all(note.isprintable() for note in dataset.notes)
        assert min(dataset.train.labels.bincount(minlength=len(dataset.classes)).tolist()) > 0
