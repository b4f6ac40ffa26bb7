"""Command lines that train a run again, resume or evaluate it, for people to paste."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict

from cifar_tui.config import DEFAULT_HEALTH, DEFAULT_RUNS_DIR, HealthOptions, TrainingConfig, is_path
from cifar_tui.declarations import flag
from cifar_tui.records import Overrides
from cifar_tui.system.paths import absolute


def training_command(options: TrainingConfig, runs_dir: str) -> list[str]:
    """The words that train a run with these options, without those at their defaults."""
    # An option that is left out takes the recipe's default, which depends on the model.
    recipe = TrainingConfig.from_dict({"recipe": options.recipe, "model": options.model})
    defaults = recipe.to_dict() | {"recipe": TrainingConfig().recipe}
    # Without a model, every default model would be trained.
    words = ["cifar-tui", "--no-ui", "--model", options.model]
    for key, value in options.to_dict().items():
        if key != "model" and value is not None and value != defaults[key]:
            # With an equals sign, a value that begins with a dash is still a value.
            words += [f"{flag(key)}={value}"] if str(value).startswith("-") else [flag(key), str(value)]
    return words + _runs_dir(runs_dir)


def run_command(action: str, run_id: str, runs_dir: str) -> list[str]:
    """The words of `cifar-tui ACTION RUN` for a run of this folder of runs."""
    return ["cifar-tui", action, run_id, *_runs_dir(runs_dir)]


def list_command(runs_dir: str) -> list[str]:
    """The words of `cifar-tui runs` for this folder of runs."""
    return ["cifar-tui", "runs", *_runs_dir(runs_dir)]


def undo_command(runs_dir: str) -> list[str]:
    """The words that restore what was deleted last in this folder of runs."""
    return ["cifar-tui", "rm", "--undo", *_runs_dir(runs_dir)]


def override_options(overrides: Overrides) -> list[str]:
    """The words of these options for a stored run; paths are made absolute."""
    words = []
    for key, value in asdict(overrides).items():
        if value is not None:
            words.append(f"{flag(key)}={absolute(value) if is_path(key, value) else value}")
    return words


def health_options(options: HealthOptions) -> list[str]:
    """The words of these options of the health check, without those at their defaults."""
    words = []
    for key, value in asdict(options).items():
        if value != getattr(DEFAULT_HEALTH, key):
            words += [f"{flag(key)}={each}" for each in (value if isinstance(value, tuple) else (value,))]
    return words


def shell_line(words: Sequence[str]) -> str:
    """One printable line that bash and zsh split into exactly these words."""
    return " ".join(shlex.quote(word) if word.isprintable() else f"$'{_escaped(word)}'" for word in words)


def _escaped(word: str) -> str:
    # Bytes of a path that are not UTF-8 are surrogates in Python; byte by byte, they are right either way.
    return "".join(
        f"\\{c}" if c in "\\'" else c if c.isprintable() else "".join(f"\\x{b:02x}" for b in _bytes(c)) for c in word
    )


def _bytes(character: str) -> bytes:
    return character.encode("utf-8", "surrogateescape")


def _runs_dir(runs_dir: str) -> list[str]:
    return [] if runs_dir == DEFAULT_RUNS_DIR else ["--runs-dir", runs_dir]
