"""A folder of images by class, decoded once and then cached."""

from __future__ import annotations

import stat
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import PIL
import torch
from torch import Tensor

from cifar_tui.config import IMAGE_SIZE
from cifar_tui.data import cache
from cifar_tui.data.dataset import ProgressCallback, Source, Split, hold_out_test_images, missing_classes
from cifar_tui.data.image_folder import layout
from cifar_tui.data.image_folder.class_names import MAX_NAMES, quote_names
from cifar_tui.data.image_folder.files import RULES, ImageFile, files, folders, image_files, is_image
from cifar_tui.data.image_folder.layout import LAYOUT, Layout, Part
from cifar_tui.data.images import decoder
from cifar_tui.errors import InputError
from cifar_tui.formatting import count, plural
from cifar_tui.system.paths import absolute


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files of a folder, by what they are for.

    Attributes:
        notes: What is known before any file is opened.
    """

    layout: Layout
    train: list[ImageFile]
    validation: list[ImageFile]
    test: list[ImageFile]
    notes: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.layout.train.classes)


def read(path: str, progress: ProgressCallback, rules: int = RULES) -> Source:
    """All images of a folder, resized to 32×32; labels are the places of the sorted class names.

    Files at any depth below their class folder count, whatever they are called, except hidden ones and those that
    systems put beside a person's own. What is no image, or cannot be used, is left out, counted and named in a note.
    Symbolic links are followed, except links to folders below a class folder, which could go round in circles. Without
    a test set every fifth image of a class is for the test.

    Raises:
        InputError: The folder cannot be read, is not laid out in a known way, or lacks images.
    """
    decoder.prepare()
    with _explaining_errors(path):
        listing = _list(_root(path), progress, rules)
    how: tuple[object, ...] = (
        2,
        IMAGE_SIZE,
        decoder.FILTER,
        decoder.MAX_PIXELS,
        PIL.__version__,
        path,
        listing.classes,
    )
    if rules > 1:
        counts = tuple(len(part) for part in (listing.train, listing.validation, listing.test))
        how = (
            f"rules {rules}",
            *how,
            counts,
            decoder.MAX_SLOW_PIXELS,
            listing.layout.description,
            listing.notes,
            decoder.formats(rules),
        )
    paths = (*listing.train, *listing.validation, *listing.test)
    key = cache.key(" ".join(["folder", *map(str, how)]), ((file.path, file.size, file.changed) for file in paths))
    return cache.load_or_read(key, lambda: _read(path, listing, progress, rules))


def check(path: str) -> None:
    """Check that this path is a folder of images, judged by the names of its folders alone.

    Raises:
        InputError: There is none.
    """
    with _explaining_errors(path):
        found = layout.find(_root(path))
        if found.whole and not any(layout.shows_images(found.train.path / name) for name in folders(found.train.path)):
            raise InputError(f"--data: {path!r} has no class folders with images; {LAYOUT}")


@contextmanager
def _explaining_errors(path: str) -> Iterator[None]:
    """Turn errors of the file system into an `InputError` that says what is expected."""
    try:
        yield
    except OSError as error:
        reason = error.strerror
        where = getattr(error, "filename", None) or path
        raise InputError(f"--data: cannot read {str(where)!r}: {reason}; {LAYOUT}") from None


def _root(path: str) -> Path:
    root = absolute(path)
    if not stat.S_ISDIR(root.stat().st_mode):
        raise InputError(f"--data: {str(root)!r} is a file; unpack it if it is an archive: {LAYOUT}")
    return root


def _list(root: Path, progress: ProgressCallback, rules: int) -> _Listing:
    found = (layout.find if rules > 1 else layout.find_by_first_rules)(root)
    notes, listed = list(found.notes), [list[ImageFile]() for _ in range(3)]
    for part, of_part in zip((found.train, found.validation, found.test), listed, strict=True):
        if part is None:
            continue
        for name, inner in part.classes.items():
            of_part += _of_class(found, part, name, inner, rules)
            progress("looking for images", sum(map(len, listed)), 0)
        if not of_part:
            raise InputError(
                f"--data: {str(part.path)!r} has no images; add {part.path.name}/<class>/ folders or remove it"
            )
        if rules > 1:
            notes += _folder_notes(found, part)
    train, validation, test = listed
    return _Listing(found, train, validation, test, tuple(notes))


def _of_class(found: Layout, part: Part, name: str, inner: Sequence[str], rules: int) -> list[ImageFile]:
    """The files of a class."""
    label = list(found.train.classes).index(name)
    listed = sorted(file for each in inner for file in image_files(part.path / each, label, rules))
    if part is found.train and not _has_image(listed):
        raise InputError(
            f"--data: class {name!r} has no image in {str(part.path / inner[0])!r}; add some or remove the folder"
        )
    return listed


def _has_image(listed: Sequence[ImageFile]) -> bool:
    """Whether any of these files is an image, by its name or else by how it begins."""
    paths = [file.path for file in listed if file.regular]
    return any(map(is_image, paths)) or any(map(decoder.begins_as_image, paths))


def _folder_notes(found: Layout, part: Part) -> list[str]:
    """Notes on a set's folders."""
    merged = [name for name, inner in part.classes.items() if len(inner) > 1]
    notes = (
        [f"folders of {found.shown(part.path)} whose names are the same class: {quote_names(merged)}"] if merged else []
    )
    if stray := files(part.path):
        are = "is" if len(stray) == 1 else "are"
        notes.append(
            f"{plural(len(stray), 'file')} of {found.shown(part.path)} {are} in no class folder: {quote_names(stray)}"
        )
    return notes


def _read(name: str, listing: _Listing, progress: ProgressCallback, rules: int) -> Source:
    found, listed = listing.layout, [*listing.train, *listing.validation, *listing.test]
    decoded = _decoded(listed, progress, rules)
    labels = torch.tensor([file.label for file in listed])
    usable = torch.ones(len(listed), dtype=torch.bool)
    usable[list(decoded.left_out)] = False
    parts, first = list[Split](), 0
    for part in (listing.train, listing.validation, listing.test):
        places = slice(first, first + len(part))
        first = places.stop
        parts.append(_usable(decoded.images[places], labels[places], usable[places]))
    train, validation, test = parts
    for label in map(listing.classes.index, missing_classes(train, listing.classes)):
        index = next(index for index, file in enumerate(listed) if file.label == label)
        raise InputError(
            f"--data: no image of class {listing.classes[label]!r} can be used; the first is "
            f"{found.shown(listed[index].path)} ({decoded.left_out[index]}); add images or remove the class"
        )
    if found.validation and not len(validation):
        raise InputError(f"--data: no image in {str(found.validation.path)!r} can be used; mend or remove the folder")
    notes = [*listing.notes, *_file_notes(found, listed, decoded)]
    if not found.test:
        train, test = hold_out_test_images(train, None if rules == 1 else _giving(train, found))
    if not found.test and rules == 1:
        notes.append(f"there is no folder 'test': every fifth image of each class, {len(test)} in all, is for the test")
    if not len(test):
        raise InputError(
            f"--data: {str(found.root)!r} has too few images to test on; add some: without a test "
            "set, one is split off classes of two images or more"
        )
    if missing := missing_classes(test, listing.classes):
        notes.append(f"no test images of {quote_names(missing)}")
    return Source(
        name=name,
        train=train,
        test=test,
        classes=listing.classes,
        notes=tuple(notes),
        validation=validation if found.validation else None,
        by_class=rules > 1,
        splits=found.description if rules > 1 else "",
        rules=rules,
    )


def _giving(train: Split, found: Layout) -> list[int]:
    """The classes that give test images: those that keep one for training and one for validation.

    Where none can, classes of two take turns, so that there is something to validate and to test on.
    """
    counts = list(enumerate(train.labels.bincount().tolist()))
    twos = [label for label, number in counts if number == 2]
    return [label for label, number in counts if number > 2] or (twos if found.validation else twos[::2])


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The decoded files of a listing.

    Attributes:
        images: (N, 3, 32, 32) uint8; of a file that is left out, zeros.
        left_out: Why files were skipped, by their place.
        others: The places of skipped files that are no images.
        guesses: How the values of the others were read, where that was guessed, by the file's place.
    """

    images: Tensor
    left_out: dict[int, str]
    others: set[int]
    guesses: dict[int, str]


def _file_notes(found: Layout, listed: Sequence[ImageFile], decoded: _Decoded) -> list[str]:
    """Notes on the files: those that are no images, those that cannot be used, those whose values were guessed."""
    others = {at: decoded.left_out[at] for at in decoded.others}
    broken = {at: why for at, why in decoded.left_out.items() if at not in others}
    notes = []
    if others:
        what = "is no image" if len(others) == 1 else "are no images"
        notes.append(f"{count(len(others))} of {plural(len(listed), 'file')} {what}: {_named(found, listed, others)}")
    if broken:
        of, are = plural(len(listed) - len(others), "image file"), "is" if len(broken) == 1 else "are"
        notes.append(f"{count(len(broken))} of {of} {are} left out: {_named(found, listed, broken, why=True)}")
    if decoded.guesses:
        kinds = [f"{guess} in {count(number)}" for guess, number in Counter(decoded.guesses.values()).most_common()]
        notes.append(
            f"{plural(len(decoded.guesses), 'image file')} with values of more than 8 bits, "
            f"{', '.join(kinds)}: {_named(found, listed, decoded.guesses)}"
        )
    return notes


def _named(found: Layout, listed: Sequence[ImageFile], which: Mapping[int, object], *, why: bool = False) -> str:
    """The first of some files, with what there is to say of each."""
    named = [
        found.shown(listed[at].path) + (f" ({what})" if why else "") for at, what in sorted(which.items())[:MAX_NAMES]
    ]
    return ", ".join(named) + (f" and {len(which) - MAX_NAMES} more" if len(which) > MAX_NAMES else "")


def _decoded(listed: Sequence[ImageFile], progress: ProgressCallback, rules: int) -> _Decoded:
    """The pixels of these files, and why some have none."""
    images = torch.zeros((len(listed), 3, IMAGE_SIZE, IMAGE_SIZE), dtype=torch.uint8)
    pixels = images.numpy()
    left_out: dict[int, str] = {}
    others: set[int] = set()
    guesses: dict[int, str] = {}
    done = bytearray(len(listed))
    stopped = threading.Event()
    indices = iter(range(len(listed)))

    def work() -> None:
        for index in indices:
            if stopped.is_set():
                return
            try:
                pixels[index], guess = decoder.decode_with_note(listed[index].path, rules)
            except decoder.UnusableImage as error:
                left_out[index] = str(error)
                if isinstance(error, decoder.NotAnImage):
                    others.add(index)
            else:
                if guess:
                    guesses[index] = guess
            done[index] = 1

    workers = torch.get_num_threads()
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        try:
            running = {pool.submit(work) for _ in range(workers)}
            while running:
                finished, running = wait(running, timeout=0.1)
                progress("decoding images", done.count(1), len(listed))
                for future in finished:
                    future.result()
        finally:
            stopped.set()
    return _Decoded(images, left_out, others, guesses)


def _usable(images: Tensor, labels: Tensor, usable: Tensor) -> Split:
    return Split(images, labels) if usable.all() else Split(images[usable], labels[usable])
