"""The options of one training run, whose defaults are the reference protocol's, and those of its health check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from cifar_tui.declarations import Option, declare, declare_repeated, declared, flag
from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened, suggestion
from cifar_tui.recipes import RECIPES, recipe

DEFAULT_RUNS_DIR = "runs"
DEFAULT_MODELS = ("cnn", "mlp")
"""What is trained where no model is named."""
NAMED_DATA = ("cifar10", "digits")
"""What `data` may name beside the path of a folder of images."""
IMAGE_SIZE = 32
"""Height and width of every image that a model sees, in pixels."""

MAX_SEED = 2**63 - 1
MAX_COUNT = 1_000_000
MAX_THREADS = 1024

TRAINING = "Training options"
COMPUTE = "Compute options"
RUN = "Run options"
HEALTH = "Health check options"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """All options of one training run, checked.

    Raises:
        InputError: A value is out of range; the message names the option and what it takes.
    """

    model: str = declare(
        Option(
            "cnn",
            "Model to train, by name, or a class of your own as module:Class.",
            group=TRAINING,
            syntax="a model's name, or a class as package.module:Class",
            repeated=DEFAULT_MODELS,
            metavar="MODEL",
        )
    )
    model_dir: str | None = declare(
        Option(
            None,
            "Folder that holds the module of a class of your own.",
            group=TRAINING,
            path=True,
            default_text="the current folder",
        )
    )
    data: str = declare(
        Option(
            "cifar10",
            "Images to train on: cifar10, digits, or a folder of images by class.",
            group=TRAINING,
            choices=NAMED_DATA,
            path=True,
        )
    )
    data_dir: str | None = declare(
        Option(
            None,
            "Folder that holds CIFAR-10, or to download it to.",
            group=TRAINING,
            path=True,
            default_text="the user's cache",
        )
    )
    epochs: int = declare(
        Option(50, "Passes over the training images, at most.", group=TRAINING, low=1, high=MAX_COUNT)
    )
    batch_size: int = declare(
        # Batch normalisation has no variance to take over a single image.
        Option(256, "Images per optimizer step.", group=TRAINING, low=2, high=MAX_COUNT)
    )
    lr: float = declare(
        Option(
            0.001,
            "AdamW's initial learning rate; the one-cycle schedule sets its own from the first batch on.",
            group=TRAINING,
            above=0.0,
        )
    )
    max_lr: float = declare(
        Option(
            0.01,
            "Peak of the learning rate schedule; one-cycle starts at a twenty-fifth of it.",
            group=TRAINING,
            above=0.0,
        )
    )
    weight_decay: float = declare(Option(1e-4, "AdamW's weight decay.", group=TRAINING, low=0.0))
    patience: int = declare(
        Option(
            10,
            "Epochs without a better validation accuracy before early stopping.",
            group=TRAINING,
            low=1,
            high=MAX_COUNT,
        )
    )
    device: str = declare(
        Option(
            "auto",
            "Device to use: auto, cpu, cuda or cuda:N.",
            group=COMPUTE,
            choices=("auto", "cpu", "cuda"),
            pattern=r"auto|cpu|cuda(:\d{1,3})?",
            syntax="auto, cpu, cuda or cuda:N",
            metavar="DEVICE",
        )
    )
    devices: str = declare(
        Option(
            "1",
            "Devices of this machine to train on together, one process each: a number, or all its GPUs.",
            group=COMPUTE,
            choices=("1", "all"),
            pattern=r"all|[1-9]\d{0,2}|10[01]\d|102[0-4]",
            syntax="a whole number from 1 to 1024, or all",
            metavar="N",
        )
    )
    precision: str = declare(
        Option(
            "auto",
            "Floating-point format; auto is bf16 where the device multiplies it natively, else fp32.",
            group=COMPUTE,
            choices=("auto", "fp32", "bf16"),
        )
    )
    threads: int = declare(
        # How many cores a process can keep busy: see `system.processors`.
        Option(
            0,
            "CPU threads; 0 is one for each core that may be used. Results depend on it.",
            group=COMPUTE,
            low=0,
            high=MAX_THREADS,
        )
    )
    seed: int = declare(
        Option(
            0,
            "Random seed; the same seed and options give the same results.",
            group=TRAINING,
            low=0,
            high=MAX_SEED,
        )
    )
    recipe: str = declare(
        Option(
            "protocol",
            "The reference protocol, or fast: fewer epochs, with defaults of its own.",
            group=TRAINING,
            choices=RECIPES,
        )
    )
    checkpoint_seconds: float = declare(
        Option(60.0, "Longest time between two checkpoints, in seconds.", group=RUN, above=0.0)
    )
    name: str | None = declare(
        Option(
            None,
            "What the run's id ends in.",
            group=RUN,
            pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
            syntax="up to 64 letters, digits, '.', '_' and '-', a letter or digit first",
            default_text="the model's name",
            metavar="NAME",
        )
    )

    def __post_init__(self) -> None:
        for name, option in OPTIONS.items():
            option.check(getattr(self, name), flag(name))

    @property
    def run_name(self) -> str:
        """What the run's id ends in: without a name the model's, of a class of the user's own the class's."""
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
            name = key.replace("-", "_")
            if name not in OPTIONS:
                raise InputError(f"{source}: unknown option {shortened(key)}{suggestion(name, OPTIONS)}")
            values[name] = OPTIONS[name].check(value, f"{source}: {key}")
        given = cls(**values)
        return cls(**(dict(recipe(given.recipe, given.model).options) | values))


OPTIONS = declared(TrainingConfig)
"""The declarations by field name."""


ALL = "all"
TOPICS = (
    "not-finite", "loss-spike", "diverging", "gradient-norm", "plateau", "overfitting", "no-progress",
    "throughput", "gpu-idle", "gpu-throttled", "gpu-memory", "host-memory", "disk",
)  # fmt: skip
"""What the health check looks for."""
MOMENTARY = frozenset(
    ("no-progress", "throughput", "gpu-idle", "gpu-throttled", "gpu-memory", "host-memory", "disk"),
)
"""Those of them that say nothing of a run that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthOptions:
    """When the health check warns. They change nothing in the training, and are not kept with the run."""

    mute: tuple[str, ...] = declare_repeated(
        Option(
            None,
            "Leave this topic out of the health check, such as plateau; all turns the check off.",
            group=HEALTH,
            choices=(ALL, *TOPICS),
            repeated=(),
            metavar="TOPIC",
        )
    )
    spike_deviations: float = declare(
        Option(
            10.0,
            "Report a loss spike when the loss is this many standard deviations above its running median.",
            group=HEALTH,
            above=0.0,
        )
    )
    plateau_epochs: int = declare(
        Option(
            0,
            "Report a plateau after this many epochs without a better validation; 0: after seven tenths of --patience, "
            "or 10 epochs where there is none.",
            group=HEALTH,
            low=0,
            high=MAX_COUNT,
        )
    )
    stall_seconds: float = declare(
        Option(
            120.0,
            "Report no progress after this many seconds without a batch, and never before ten times the longest wait "
            "so far.",
            group=HEALTH,
            above=0.0,
        )
    )
    throughput_drop: float = declare(
        Option(
            0.5,
            "Report a training that has lost this share of its median speed for a minute; 0.5 is half.",
            group=HEALTH,
            above=0.0,
            high=1,
        )
    )
    gpu_temperature: float = declare(
        Option(88.0, "Report a GPU that is this hot, in degrees Celsius.", group=HEALTH, above=0.0)
    )
    memory_limit: float = declare(
        Option(
            0.95, "Report when this share of a GPU's or the host's memory is in use.", group=HEALTH, above=0.0, high=1
        )
    )
    disk_reserve: float = declare(
        Option(
            2.0,
            "Report when less disk space than this is free for the run's folder, in GiB; 0: never.",
            group=HEALTH,
            low=0.0,
        )
    )

    def watches(self, topic: str) -> bool:
        """Whether this is to be looked for."""
        return ALL not in self.mute and topic not in self.mute


HEALTH_OPTIONS = declared(HealthOptions)
"""The declarations by field name."""
DEFAULT_HEALTH = HealthOptions()


def model_word(model: str) -> str:
    """A model in one word, as a part of a run's name: `net` of `my_models:Net`."""
    return re.sub(r"[^a-z0-9_-]", "", model.rpartition(":")[2].lower()).strip("_-")[:40] or "model"


def is_path(name: str, value: object) -> TypeGuard[str]:
    """Whether a value of the option of this name is a path; None and the name of a data set are none."""
    return name in OPTIONS and OPTIONS[name].is_path(value)
