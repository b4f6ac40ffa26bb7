"""A folder of images, `train/<class>/…` and optionally `test/<class>/…`, decoded once and then cached."""

from __future__ import annotations

import os
import stat
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import PIL
import torch
from torch import Tensor

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data import cache, image
from cifar_tui.data.dataset import Progress, Source, Split, with_own_test
from cifar_tui.data.files import ImageFile, folders, image_files
from cifar_tui.errors import InputError
from cifar_tui.paths import absolute

_LAYOUT = "a folder of images holds train/<class>/ and, for a test set of its own, test/<class>/"
_NAMED = 3
"""How many files or classes a message names."""


class _Listing(NamedTuple):
    root: Path
    classes: tuple[str, ...]
    train: list[ImageFile]
    test: list[ImageFile]
    """Empty where there is no test folder."""

    def shown(self, file: ImageFile) -> str:
        """A file's path within the folder; quoted, so that no character of it reaches a terminal as a command."""
        return repr(os.path.relpath(file.path, self.root))


def read(path: str, progress: Progress) -> Source:
    """All images of a folder, resized to 32×32; labels are the places of the sorted class names.

    Image files count at any depth below their class folder. Names that begin with a dot, and files that are no images
    by their name, are passed over; images that cannot be used are left out, counted and named in a note. Symbolic
    links are followed, except links to folders below a class folder, which could go round in circles. Without a
    `test` folder every fifth image of a class is for the test.

    Raises:
        InputError: The folder cannot be read, is not laid out so, or lacks images.
    """
    try:
        listing = _list(absolute(path), progress)
    except OSError as error:
        reason = error.strerror
        where = getattr(error, "filename", None) or path
        raise InputError(f"--data: cannot read {str(where)!r}: {reason}; {_LAYOUT}") from None
    reader = f"folder 2 {IMAGE_SIZE} {image.FILTER} {image.MAX_PIXELS} {PIL.__version__} {path} {listing.classes}"
    files = (*listing.train, *listing.test)
    key = cache.key(reader, ((file.path, file.size, file.changed) for file in files))
    return cache.through(key, lambda: _read(path, listing, progress))


def _list(root: Path, progress: Progress) -> _Listing:
    if not stat.S_ISDIR(root.stat().st_mode):
        raise InputError(f"--data: {str(root)!r} is a file; {_LAYOUT}")
    if not (root / "train").is_dir():
        found = folders(root)
        move = f"; move its class folders ({_some(found)}) into {str(root / 'train')!r}" if found else ""
        raise InputError(f"--data: {str(root)!r} has no folder 'train'; {_LAYOUT}{move}")
    classes = folders(root / "train")
    if len(classes) < 2:
        raise InputError(
            f"--data: it takes two classes to tell apart, and {str(root / 'train')!r} holds "
            f"{_some(classes) or 'no class folder'}; {_LAYOUT}"
        )
    for name in classes:
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
            raise InputError(
                f"--data: class folder {name!r} has characters in its name that cannot be shown; rename it"
            )
    labels = {name: label for label, name in enumerate(classes)}
    has_test = (root / "test").is_dir()
    tested = folders(root / "test") if has_test else []
    if unknown := [name for name in tested if name not in labels]:
        raise InputError(
            f"--data: {str(root / 'test')!r} has classes that {str(root / 'train')!r} lacks: {_some(unknown)}; "
            "add training images of them or remove them"
        )
    train: list[ImageFile] = []
    test: list[ImageFile] = []
    for files, part, names in ((train, "train", classes), (test, "test", tested)):
        for name in names:
            of_class = sorted(image_files(root / part / name, labels[name]))
            if part == "train" and not of_class:
                raise InputError(
                    f"--data: class {name!r} has no image in {str(root / part / name)!r}; "
                    f"add some ({' '.join(image.SUFFIXES)}) or remove the folder"
                )
            files += of_class
            progress("looking for images", len(train) + len(test), 0)
    if has_test and not test:
        raise InputError(f"--data: {str(root / 'test')!r} has no images; add test/<class>/ folders or remove it")
    return _Listing(root, tuple(classes), train, test)


def _read(name: str, listing: _Listing, progress: Progress) -> Source:
    files = [*listing.train, *listing.test]
    images, left_out = _decoded(files, progress)
    labels = torch.tensor([file.label for file in files])
    usable = torch.ones(len(files), dtype=torch.bool)
    usable[list(left_out)] = False
    count = len(listing.train)
    train = _usable(images[:count], labels[:count], usable[:count])
    test = _usable(images[count:], labels[count:], usable[count:])
    notes = []
    if left_out:
        named = [f"{listing.shown(files[index])} ({why})" for index, why in sorted(left_out.items())[:_NAMED]]
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        notes.append(f"{len(left_out)} of {len(files)} image files are left out: {', '.join(named)}{more}")
    for label, of_class in enumerate(listing.classes):
        if not (train.labels == label).any():
            index = next(index for index, file in enumerate(files) if file.label == label)
            raise InputError(
                f"--data: no image of class {of_class!r} can be used; the first is "
                f"{listing.shown(files[index])} ({left_out[index]}); add images or remove the class"
            )
    if not listing.test:
        train, test = with_own_test(train)
        notes.append(f"there is no folder 'test': every fifth image of each class, {len(test)} in all, is for the test")
    if not len(test):
        raise InputError(f"--data: {str(listing.root)!r} has too few images to test on; add some")
    if missing := [of_class for label, of_class in enumerate(listing.classes) if not (test.labels == label).any()]:
        notes.append(f"no test images of {_some(missing)}")
    return Source(name=name, train=train, test=test, classes=listing.classes, notes=tuple(notes))


def _decoded(files: list[ImageFile], progress: Progress) -> tuple[Tensor, dict[int, str]]:
    """The pixels of these files, (N, 3, 32, 32) uint8, and why some, by index, have none."""
    image.prepare()
    images = torch.zeros((len(files), 3, IMAGE_SIZE, IMAGE_SIZE), dtype=torch.uint8)
    pixels = images.numpy()
    left_out: dict[int, str] = {}
    done = bytearray(len(files))
    stopped = threading.Event()
    indices = iter(range(len(files)))

    def work() -> None:
        for index in indices:
            if stopped.is_set():
                return
            try:
                pixels[index] = image.decode(files[index].path)
            except image.UnusableImage as error:
                left_out[index] = str(error)
            done[index] = 1

    workers = torch.get_num_threads()
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        try:
            running = {pool.submit(work) for _ in range(workers)}
            while running:
                finished, running = wait(running, timeout=0.1)
                progress("decoding images", done.count(1), len(files))
                for future in finished:
                    future.result()
        finally:
            stopped.set()
    return images, left_out


def _usable(images: Tensor, labels: Tensor, usable: Tensor) -> Split:
    return Split(images, labels) if usable.all() else Split(images[usable], labels[usable])


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(repr(name) for name in names[:_NAMED]) + more
