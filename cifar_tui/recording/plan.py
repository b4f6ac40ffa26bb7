"""What a script says of its training before it begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cifar_tui.confusion_matrix import MAX_CLASSES
from cifar_tui.errors import InputError
from cifar_tui.formatting import shortened
from cifar_tui.records import MAX_CONFIG, MAX_TEXT

SOURCE = "script"
"""Of every recording."""
MAX_PLANNED = 10**12
MAX_CONFIG_BYTES = 2_000_000
"""Of all options, as JSON."""


@dataclass(slots=True)
class Plan:
    """As the arguments of `record` have it, checked; `batches` may be found out later."""

    name: str
    epochs: int | None
    batches: int | None
    batch_size: int | None
    model: str
    data: str
    classes: tuple[str, ...]
    config: dict[str, str]

    @staticmethod
    def of(
        name: str,
        epochs: int | None,
        batches: int | None,
        batch_size: int | None,
        model: str | None,
        data: str,
        classes: Iterable[str],
        config: Mapping[str, Any] | object | None,
    ) -> Plan:
        """Check the arguments of `record`.

        Raises:
            InputError: One of these is unusable; the message names it.
        """
        for what, number in (("epochs", epochs), ("batches", batches), ("batch_size", batch_size)):
            if number is not None and (type(number) is not int or not 1 <= number <= MAX_PLANNED):
                raise InputError(f"{what} is {shortened(number)}: give a whole number from 1 on, or leave it out")
        if isinstance(classes, str):
            raise InputError(f"classes is {shortened(classes)}: give a list of names")
        named = tuple(map(str, classes))
        if len(named) > MAX_CLASSES:
            raise InputError(f"classes are {len(named)}: {MAX_CLASSES} are the most")
        options = dict(_flat(_mapping(config)))
        if len(options) > MAX_CONFIG:
            raise InputError(f"config has {len(options)} options: {MAX_CONFIG} are the most")
        size = sum(len(json.dumps(part)) for option in options.items() for part in option)
        if size > MAX_CONFIG_BYTES:
            raise InputError(f"config has {size:,} bytes: {MAX_CONFIG_BYTES:,} are the most")
        return Plan(name, epochs, batches, batch_size, str(model or name), str(data or ""), named, options)


def _mapping(config: Mapping[str, Any] | object | None) -> Mapping[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return config
    try:
        return vars(config)
    except TypeError:
        raise InputError(f"config is {shortened(config)}: give a mapping, or vars(args)") from None


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in config.items():
        if isinstance(value, Mapping) and value and prefix.count(".") < 10:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"[:MAX_TEXT], _text(value)[:MAX_TEXT]


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  (options are of any class, and a run is not to fail by the look of one)
        return f"a {type(value).__name__}"
