"""How a folder of images is laid out: which of its folders are the training, validation and test images, by class."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cifar_tui.data.image_folder.class_names import canonical, class_of, group_by_class, quote_names
from cifar_tui.data.image_folder.files import files, folders, is_image
from cifar_tui.errors import InputError

LAYOUT = (
    "a folder of images holds train/<class>/ and, for sets of their own, val/<class>/ and test/<class>/, "
    "or the class folders alone"
)
DEEPEST = 4
"""The most folders, each with nothing but one folder in it, that the images may be nested in."""

_SET_DEPTH = 3
"""How far below a folder of sets there are images: set, set in a folder of the same name, class."""

Role = Literal["train", "validation", "test"]
_MORE = r"([-_ .]?(set|images?|imgs?|data|\d+))?"
_ROLES: dict[Role, re.Pattern[str]] = {
    "train": re.compile("train(ing)?" + _MORE),
    "validation": re.compile("(val(id(ation)?)?|dev)" + _MORE),
    "test": re.compile("test(ing)?" + _MORE),
}
"""Names of folders that hold one of the sets, regardless of case."""


@dataclass(frozen=True, slots=True)
class Part:
    """The folder of one set of images.

    Attributes:
        path: Where its class folders are.
        classes: The names of these, by the class.
    """

    path: Path
    classes: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, path: Path) -> Part:
        """What is in a folder of classes, in the order of their names."""
        return cls(path, group_by_class(folders(path)))


@dataclass(frozen=True, slots=True)
class Layout:
    """Which folders are used for which set.

    Attributes:
        root: The folder that was named.
        train: The training images, and others that are split off from these.
        whole: Whether the class folders are no set's, but stand there by themselves.
        validation: None: they are split off.
        test: None: they are split off.
        notes: What the user should know about the rest.
    """

    root: Path
    train: Part
    whole: bool
    validation: Part | None
    test: Part | None
    notes: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """One line that says which images are used for what."""
        where = f"the class folders of {self.shown(self.train.path)}" if self.whole else self.shown(self.train.path)
        validation = (
            self.shown(self.validation.path) if self.validation else "a tenth of each class of these, or one image"
        )
        test = self.shown(self.test.path) if self.test else "a fifth of each class of these"
        return f"training images are those of {where}; validation images: {validation}; test images: {test}"

    def shown(self, path: str | Path) -> str:
        """A path below the folder that was named; quoted, so that no character of it acts on a terminal."""
        relative = Path(path).relative_to(self.root)
        return repr(self.root.name if relative == Path() else str(relative))


def find_by_first_rules(root: Path) -> Layout:
    """The layout by the first rules: nothing but `train` and, for a test set of its own, `test`.

    Raises:
        InputError: It is none.
        OSError: A folder cannot be read.
    """
    train, test = (
        Part(path, {name: (name,) for name in folders(path, rules=1)}) if path.is_dir() else None
        for path in (root / "train", root / "test")
    )
    if train is None:
        raise InputError(f"--data: {str(root)!r} has no folder 'train'; {LAYOUT}")
    _check_classes(train)
    if unknown := [name for name in (test.classes if test else ()) if name not in train.classes]:
        raise _unknown_classes(root / "test", unknown)
    return Layout(root, train, whole=False, validation=None, test=test)


def find(root: Path) -> Layout:
    """Find out what the folders of a folder of images are for.

    Raises:
        InputError: They are not laid out in any way that is known, or in more than one.
        OSError: A folder cannot be read.
    """
    place, skipped = _place(root)
    inner = folders(place)
    roles = {name: role for name in inner if (role := _role(name))}
    for role in _ROLES:
        if len(same := [name for name in inner if roles.get(name) == role]) > 1:
            raise InputError(
                f"--data: {quote_names(same)} in {str(place)!r} could each hold the {role} images; "
                "rename or remove all but one"
            )
    others = [name for name in inner if name not in roles]
    if not roles:
        return _whole(root, place, skipped)
    named = {role: place / name for name, role in roles.items()}
    if "train" not in named:
        raise _no_training_images(place, list(roles), others)
    train = Part.of(_unwrapped(named["train"], "train"))
    _check_classes(train, others)
    _check_holds_no_sets(train)
    notes = [f"not used: {quote_names([*skipped, *others])}"] if skipped or others else []
    held_out: dict[Role, Part | None] = {"validation": None, "test": None}
    for role in held_out:
        if role in named:
            held_out[role], note = _held_out(_unwrapped(named[role], role), role, train)
            notes += note
    return Layout(root, train, False, held_out["validation"], held_out["test"], tuple(notes))


def _place(root: Path) -> tuple[Path, list[str]]:
    """The folder at or below `root` whose folders are the sets or the classes, and what is skipped beside it."""
    place, skipped = root, list[str]()
    for _ in range(DEEPEST + 1):
        inner = folders(place)
        holders = [name for name in inner if _holds_sets(place / name)]
        if any(map(_role, inner)):
            # Beside sets, a folder may hold files of another kind in folders that are called so.
            holders = [name for name in holders if _role(name) or shows_images(place / name, _SET_DEPTH)]
            if not holders:
                return place, skipped
        elif len(inner) == 1 and not any(map(is_image, files(place))):
            place /= inner[0]
            continue
        if not holders:
            break
        others = [name for name in inner if name not in holders]
        if len(holders) > 1 or any(_may_be_used(place / name) for name in others):
            raise InputError(
                f"--data: {quote_names(holders)} in {str(place)!r} {'hold' if len(holders) > 1 else 'holds'} a folder "
                f"of training images, beside others; give the path of one of them: {LAYOUT}"
            )
        place, skipped = place / holders[0], [*skipped, *others]
    # A single class in folders of its own, or nothing at all: it is the folder that was named that lacks something.
    return (place, skipped) if len(folders(place)) > 1 else (root, [])


def _whole(root: Path, place: Path, skipped: Sequence[str]) -> Layout:
    """The layout of class folders that stand by themselves."""
    train = Part.of(place)
    if not train.classes:
        raise InputError(f"--data: {str(place)!r} has no folder 'train' and no class folders; {LAYOUT}")
    _check_classes(train)
    _check_holds_no_sets(train)
    within = {name: _sets_alone_in(place / name) for name in folders(place)}
    with_sets = [name for name in within if within[name]]
    if len(with_sets) > 1 or any(len(sets) > 1 for sets in within.values()):
        names = quote_names(sorted({each for sets in within.values() for each in sets}))
        hold = "hold" if len(with_sets) > 1 else "holds"
        raise InputError(
            f"--data: {quote_names(with_sets)} in {str(place)!r} {hold} folders of the names of sets, {names}; these "
            f"are to hold the class folders, and not the other way round: {LAYOUT}"
        )
    seen: dict[str, str] = {}
    shared: dict[tuple[str, str], int] = {}
    for name in folders(place):
        for each in map(canonical, _folders_within(place / name)):
            pair = (seen.setdefault(each, name), name)
            shared[pair] = shared.get(pair, 0) + 1
            if pair[0] != name and shared[pair] > 1:
                raise InputError(
                    f"--data: {quote_names(pair)} in {str(place)!r} hold folders of the same names, so that these may "
                    "be the classes, or those; name those that are sets train, val or test, or, where they are the "
                    f"classes, move all of them into {str(place / 'train')!r}"
                )
    notes = [f"not used: {quote_names(skipped)}"] if skipped else []
    return Layout(root, train, True, None, None, tuple(notes))


def _held_out(path: Path, role: Role, train: Part) -> tuple[Part | None, list[str]]:
    """A set of its own, its folders by the class that has training images; or none, and why."""
    inner, classes = folders(path), list(train.classes)
    known = {name: found for name in inner if (found := class_of(name, classes)) is not None}
    unknown = [name for name in inner if name not in known]
    if sets := [name for name in unknown if _role(name) and folders(path / name)]:
        raise _sets_within(path, sets)
    if not known and len(unknown) < 2:
        return None, [
            f"{str(path.name)!r} is not used as {role} images: they are in no folders that are named after the classes"
        ]
    if unknown:
        raise _unknown_classes(path, unknown)
    by_class = {name: tuple(folder for folder in inner if known[folder] == name) for name in classes}
    return Part(path, {name: folders for name, folders in by_class.items() if folders}), []


def _check_classes(train: Part, beside: Sequence[str] = ()) -> None:
    """Check that there are two classes, with names that can be shown."""
    if len(train.classes) < 2:
        instead = (
            f"; if {train.path.name!r} is a class, as {quote_names(beside)}, move all of them into one folder 'train'"
        )
        raise InputError(
            f"--data: it takes two classes to tell apart, and {str(train.path)!r} holds "
            f"{quote_names(list(train.classes)) or 'no class folder'}; {LAYOUT}{instead if beside else ''}"
        )
    for name in train.classes:
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
            raise InputError(
                f"--data: class folder {name!r} has characters in its name that cannot be shown; rename it"
            )


def _check_holds_no_sets(part: Part) -> None:
    """Check that no class folder is a set, or a folder of the same classes."""
    names = [name for inner in part.classes.values() for name in inner]
    sets = [name for name in names if _role(name)]
    # Of one class that is called so, there is one folder of images.
    if len(sets) > 1 or any(len(folders(part.path / name)) > 1 for name in sets):
        raise _sets_within(part.path, sets)
    for name in names:
        if len(same := part.classes.keys() & set(map(canonical, _folders_within(part.path / name)))) > 1:
            raise InputError(
                f"--data: {name!r} in {str(part.path)!r} is beside folders of the same names as it holds, "
                f"{quote_names(sorted(same))}; move or remove it, or them"
            )


def _sets_within(path: Path, sets: Sequence[str]) -> InputError:
    return InputError(
        f"--data: {str(path)!r} holds folders of the names of sets, {quote_names(sets)}; move or remove what is "
        f"beside the sets, or give the path of the folder that they are in: {LAYOUT}"
    )


def _unknown_classes(path: Path, unknown: Sequence[str]) -> InputError:
    return InputError(
        f"--data: {str(path)!r} has classes without training images: {quote_names(unknown)}; "
        "add training images of them or remove them"
    )


def _no_training_images(place: Path, sets: Sequence[str], others: Sequence[str]) -> InputError:
    if not others:
        return InputError(f"--data: {str(place)!r} has no folder 'train' beside {quote_names(sets)}; {LAYOUT}")
    return InputError(
        f"--data: {str(place)!r} has no folder 'train', but {quote_names(sets)} beside {quote_names(others)}; make a "
        "folder 'train' and move the class folders with training images into it, also "
        f"{quote_names(sets)} if that is a class"
    )


def _holds_sets(path: Path) -> bool:
    """Whether there is a folder of training images, by class, in this one; beside another set, if this may be one."""
    roles = {role for name in folders(path) if (role := _role(name)) and folders(path / name)}
    return "train" in roles and (len(roles) > 1 or not _role(path.name))


def _role(name: str) -> Role | None:
    return next((role for role, pattern in _ROLES.items() if pattern.fullmatch(name.casefold())), None)


def _may_be_used(path: Path) -> bool:
    """Whether this, beside a folder of sets, may be a set or have images of its own."""
    return bool(_role(path.name) and folders(path)) or shows_images(path, _SET_DEPTH)


def _unwrapped(path: Path, role: Role) -> Path:
    """The folder itself, or the one in it that holds all, as in `test_set/test_set/<class>`."""
    for _ in range(DEEPEST):
        inner = folders(path)
        is_same = len(inner) == 1 and (inner[0] == path.name or _role(inner[0]) == role)
        if not is_same or not folders(path / inner[0]):
            break
        path /= inner[0]
    return path


def _folders_within(path: Path) -> list[str]:
    """The folders in a folder, or in the one that is all there is in it and is not called as a set is."""
    inner = folders(path)
    for _ in range(DEEPEST):
        if len(inner) != 1 or _role(inner[0]) or files(path):
            break
        path /= inner[0]
        inner = folders(path)
    return inner


def _sets_alone_in(path: Path) -> list[str]:
    """The folders in this one that are called as sets are, unless there are images beside them."""
    return [] if any(map(is_image, files(path))) else [name for name in _folders_within(path) if _role(name)]


def shows_images(path: Path, depth: int = 1) -> bool:
    """Whether there are images, by their names, in a folder or those in it, so deep: this may be a home."""
    if any(map(is_image, files(path))):
        return True
    return depth > 0 and any(shows_images(path / name, depth - 1) for name in folders(path))
