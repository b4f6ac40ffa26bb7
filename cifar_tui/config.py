"""A run's options: their defaults (the reference protocol's), their limits, and the TOML file they can come from."""

from __future__ import annotations

import contextlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeGuard, get_type_hints

from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened, suggestion
from cifar_tui.recipes import RECIPES, recipe
from cifar_tui.system import paths

DEFAULT_RUNS_DIR = "runs"
NAMED_DATA = ("cifar10", "digits")
"""What `data` may name beside the path of a folder of images."""
PATH_OPTIONS = ("data", "data_dir", "model_dir", "runs_dir")
"""The options of a run that take a path; `data` may name a data set instead."""
IMAGE_SIZE = 32
"""Height and width of every image that a model sees, in pixels."""

MAX_SEED = 2**63 - 1
MAX_COUNT = 1_000_000
MAX_THREADS = 1024
PRECISIONS = ("auto", "fp32", "bf16")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """All options of one training run, checked.

    Raises:
        InputError: A value is out of range; the message names the option and what it takes.
    """

    model: str = "cnn"
    """A model by name, or a class of the user's own as `package.module:Class`."""
    model_dir: str | None = None
    """Where the module of a class of the user's own is looked for first."""
    data: str = "cifar10"
    """`cifar10`, `digits`, or the path of a folder of images."""
    data_dir: str | None = None
    """Where to look for CIFAR-10 first, and to put it."""
    epochs: int = 50
    batch_size: int = 256
    lr: float = 0.001
    """What AdamW is made with; the one-cycle schedule sets its own rate from the first batch on."""
    max_lr: float = 0.01
    """The peak of the schedule; the one-cycle schedule starts at a twenty-fifth of it."""
    weight_decay: float = 1e-4
    patience: int = 10
    """Epochs without a better validation accuracy after which training ends."""
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    """CPU threads of the training; 0 is one for each core that the process can keep busy, see `system.processors`."""
    seed: int = 0
    recipe: str = "protocol"
    checkpoint_seconds: float = 60.0
    """The longest time between two checkpoints."""
    name: str | None = None
    """What the run's id ends in; None takes the model's name, of a class of the user's own the class's."""

    def __post_init__(self) -> None:
        _check_whole("epochs", self.epochs, 1, MAX_COUNT)
        # Batch normalisation has no variance to take over a single image.
        _check_whole("batch-size", self.batch_size, 2, MAX_COUNT)
        _check_number("lr", self.lr, 0.0, exclusive=True)
        _check_number("max-lr", self.max_lr, 0.0, exclusive=True)
        _check_number("weight-decay", self.weight_decay, 0.0)
        _check_whole("patience", self.patience, 1, MAX_COUNT)
        _check_whole("threads", self.threads, 0, MAX_THREADS)
        _check_whole("seed", self.seed, 0, MAX_SEED)
        _check_number("checkpoint-seconds", self.checkpoint_seconds, 0.0, exclusive=True)
        _check_choice("precision", self.precision, PRECISIONS)
        _check_choice("recipe", self.recipe, RECIPES)
        if not _DEVICE.fullmatch(self.device):
            raise InputError(f"--device takes auto, cpu, cuda or cuda:N, not {shortened(self.device)}")
        for option in ("model", "model_dir", "data", "data_dir"):
            value = getattr(self, option)
            if value is not None:
                paths.check_path(option.replace("_", "-"), value)
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise InputError(
                f"--name takes up to 64 letters, digits, '.', '_' and '-', a letter or digit first,"
                f" not {shortened(self.name)}"
            )

    @property
    def run_name(self) -> str:
        """What the run's id ends in."""
        return self.name or model_word(self.model)

    def to_dict(self) -> dict[str, Any]:
        """All options by name, as JSON and TOML have them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, options: Mapping[str, Any], source: str = "the options") -> TrainingConfig:
        """The configuration of these options, the others at the defaults of its recipe for its model.

        Args:
            options: Values by field name; a dash may stand for an underscore.
            source: Where they come from, for the message.

        Raises:
            InputError: An unknown option, or a value of a wrong type or out of range.
        """
        values: dict[str, Any] = {}
        for key, value in options.items():
            field = key.replace("-", "_")
            if field not in _HINTS:
                raise InputError(f"{source}: unknown option {shortened(key)}{suggestion(field, _HINTS)}")
            values[field] = _typed(field, value, source)
        given = cls(**values)
        return cls(**(dict(recipe(given.recipe, given.model).options) | values))


_HINTS: dict[str, str] = {f.name: str(f.type).partition(" ")[0] for f in fields(TrainingConfig)}
_FILE_HINTS = _HINTS | {"runs_dir": "str"}
_OPTIONAL = {name for name, hint in get_type_hints(TrainingConfig).items() if "None" in str(hint)}


def model_word(model: str) -> str:
    """A model in one word, as a part of a run's name: `net` of `my_models:Net`."""
    return re.sub(r"[^a-z0-9_-]", "", model.rpartition(":")[2].lower()).strip("_-")[:40] or "model"


def is_path(field: str, value: object) -> TypeGuard[str]:
    """Whether this is a path, as the value of the option of this field; None and the name of a data set are none."""
    return field in PATH_OPTIONS and isinstance(value, str) and not (field == "data" and value in NAMED_DATA)


def expanded_options(options: dict[str, Any], base: Path | None = None) -> dict[str, Any]:
    """The options of a run by field name, paths expanded, and so `data` where it is no data set's name.

    Raises:
        InputError: As `paths.expand_path`.
    """
    return options | {
        field: paths.expand_path(field.replace("_", "-"), value, base)
        for field, value in options.items()
        if is_path(field, value)
    }


def read_config_file(path: Path) -> dict[str, Any]:
    """The options of a TOML file by field name, `runs_dir` too; `model` may be one name or a list of names.

    Raises:
        InputError: No such file, no TOML, an unknown key, or a value of a wrong type.
    """
    try:
        content = path.read_bytes()
        # TOML is in UTF-8; editors of some systems put a mark before it, or write UTF-16.
        options = tomllib.loads(content.decode(json.detect_encoding(content)))
    except OSError as error:
        raise InputError(f"--config: cannot read {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # Also: a number of so many digits that Python refuses to read it.
        raise InputError(f"--config: {str(path)!r} is not TOML: {error}") from None
    values: dict[str, Any] = {}
    for key, value in options.items():
        field = key.replace("-", "_")
        if field == "model" and isinstance(value, list):
            values[field] = [_typed(field, item, str(path)) for item in value]
        elif field in _FILE_HINTS:
            values[field] = _typed(field, value, str(path))
        else:
            raise InputError(f"{path}: unknown option {shortened(key)}{suggestion(field, _FILE_HINTS)}")
    return values


def _typed(field: str, value: Any, source: str) -> Any:
    hint = _FILE_HINTS[field]
    if value is None and field in _OPTIONAL:
        return None
    if hint == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            return float(value)
    if (hint == "int" and type(value) is int) or (hint == "str" and isinstance(value, str)):
        return value
    wanted = {"float": "a number", "int": "a whole number", "str": "a string"}[hint]
    raise InputError(f"{source}: {field} takes {wanted}, not {shortened(value)}")


def _check_whole(option: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"--{option} takes a whole number from {low} to {high}, not {shortened(value)}")


def _check_number(option: str, value: float, low: float, *, exclusive: bool = False) -> None:
    if not math.isfinite(value) or value < low or (exclusive and value == low):
        raise InputError(f"--{option} takes a number {'above' if exclusive else 'from'} {low:g}, not {value:g}")


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"--{option} takes {', '.join(choices)}, not {shortened(value)}")
