"""What there is to say of a run beside its results, in sections of labelled values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cifar_tui.config import OPTIONS, TrainingConfig
from cifar_tui.declarations import flag
from cifar_tui.formatting import UNKNOWN, count, devices, duration, plural
from cifar_tui.records import RunRecord, ScriptRecord
from cifar_tui.tui.runs.entry import Entry
from cifar_tui.tui.runs.source import source
from cifar_tui.tui.runs.table.fields import FIELDS, started_at

MOST_OPTIONS, MOST_VERSIONS, MOST_CLASSES = 300, 100, 30
"""How many are named: those of a script may be anybody's."""
FINGERPRINT = 16
"""Characters of a fingerprint: enough to tell two apart."""
LONGEST_COMMAND = 4000
"""Characters of a command line."""
PARTS_OF_DATA = ("data", "data_dir")
"""Options that are listed with the data."""

Record = RunRecord | ScriptRecord
Tone = Literal["strong", "plain", "dim"]


@dataclass(frozen=True, slots=True)
class Detail:
    """One value.

    Attributes:
        label: What it is.
        value: As a person reads it.
        tone: How much it is worth a look.
        default: What it would be usually, where it is something else.
    """

    label: str
    value: str
    tone: Tone = "plain"
    default: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Values under a heading."""

    title: str
    details: tuple[Detail, ...]


def sections(entry: Entry, record: Record | None) -> list[Section]:
    """All that is known of a run; sections of which nothing is known are left out.

    Args:
        entry: The run.
        record: The content of its `config.json`; None where it has none, or it is not read yet.
    """
    options = record.options if isinstance(record, RunRecord) else entry.config
    found = [_run(entry)]
    if isinstance(record, ScriptRecord):
        found.append(Section("options of the script", _script_options(record.config)))
    elif options is not None:
        found += _options(options)
    found.append(Section("data", _data(entry, record)))
    found.append(Section("model and device", _machine(entry, record)))
    found.append(Section("where", _place(entry, record)))
    if record is not None:
        versions = list(record.versions.items())
        rows = [Detail(name, version) for name, version in versions[:MOST_VERSIONS]]
        found.append(Section("versions", tuple(rows + _more(len(versions), MOST_VERSIONS))))
    return [section for section in found if section.details]


def _run(entry: Entry) -> Section:
    message = entry.error or (entry.summary.message if entry.summary else "") or ""
    state = entry.state
    if not message and state is not None and state.finished is not None:
        message = state.finished.message
    rows = [Detail("state", f"{entry.status}{f': {message}' if message else ''}", tone="strong")]
    if entry.id:
        rows.append(Detail("id", entry.id))
    if started := started_at(entry.id):
        rows.append(Detail("started", started))
    seconds = FIELDS["time"].value(entry)
    if isinstance(seconds, int | float):
        rows.append(Detail("time", duration(seconds)))
    for name, label in (("epoch", "epochs"), ("best", "best validation"), ("test", "test")):
        if (shown := FIELDS[name].shown(entry)) != UNKNOWN:
            rows.append(Detail(label, shown))
    if entry.tags:
        rows.append(Detail("tags", ", ".join(entry.tags)))
    if entry.note:
        rows.append(Detail("note", entry.note))
    return Section(entry.full_name, tuple(rows))


def _options(options: TrainingConfig) -> list[Section]:
    """Those that differ from the defaults of the run's recipe, then the others."""
    usual = TrainingConfig.from_dict({"recipe": options.recipe, "model": options.model})
    changed, others = [], []
    for name in OPTIONS:
        value, default = getattr(options, name), getattr(usual, name)
        if name in PARTS_OF_DATA or (name == "model_dir" and value is None):
            continue
        label = flag(name).removeprefix("--")
        is_changed = value != default or (name == "recipe" and value != TrainingConfig().recipe)
        if is_changed:
            known = OPTIONS[name].default_text or _text(TrainingConfig().recipe if name == "recipe" else default)
            changed.append(Detail(label, _text(value), tone="strong", default=known))
        else:
            others.append(Detail(label, OPTIONS[name].default_text if value is None else _text(value), "dim"))
    title = "options at their defaults"
    return [Section("options that differ from the defaults", tuple(changed)), Section(title, tuple(others))]


def _script_options(config: Mapping[str, str]) -> tuple[Detail, ...]:
    rows = [Detail(name, value, tone="strong") for name, value in list(config.items())[:MOST_OPTIONS]]
    return tuple(rows + _more(len(config), MOST_OPTIONS))


def _data(entry: Entry, record: Record | None) -> tuple[Detail, ...]:
    if not isinstance(record, RunRecord):
        name = (record.data if record is not None else "") or str(FIELDS["data"].value(entry) or "")
        return (Detail("data", name, tone="strong"),) if name else ()
    data = record.dataset
    rows = [
        Detail("data", data.name, tone="strong"),
        Detail("images", f"{count(data.train)} train, {count(data.validation)} validation, {count(data.test)} test"),
        Detail("classes", _classes(data.classes)),
    ]
    if data.splits:
        rows.append(Detail("splits", data.splits))
    if record.options.data_dir:
        rows.append(Detail("folder", record.options.data_dir))
    return (*rows, Detail("fingerprint", f"{data.fingerprint[:FINGERPRINT]}…", "dim"))


def _classes(names: tuple[str, ...]) -> str:
    more = f", and {count(len(names) - MOST_CLASSES)} more" if len(names) > MOST_CLASSES else ""
    return f"{count(len(names))}: {', '.join(names[:MOST_CLASSES])}{more}"


def _machine(entry: Entry, record: Record | None) -> tuple[Detail, ...]:
    rows = [Detail("model", str(FIELDS["model"].value(entry) or UNKNOWN), tone="strong")]
    if (parameters := FIELDS["parameters"].shown(entry)) != UNKNOWN:
        rows.append(Detail("parameters", parameters))
    summary = entry.summary
    device = FIELDS["device"].value(entry)
    if device:
        processes = FIELDS["processes"].value(entry)
        used = devices(str(device), processes if isinstance(processes, int) else 1, (summary and summary.hosts) or 1)
        name = entry.device_name or (record.device_name if isinstance(record, RunRecord) else "")
        rows.append(Detail("device", f"{used}, {name}" if name else used))
    if precision := FIELDS["precision"].value(entry):
        rows.append(Detail("precision", str(precision)))
    if isinstance(record, RunRecord):
        rows.append(Detail("threads", plural(record.threads, "thread")))
        rows.append(Detail("seed", str(record.seed)))
    return tuple(rows)


def _place(entry: Entry, record: Record | None) -> tuple[Detail, ...]:
    rows = []
    if entry.folder is not None:
        rows.append(Detail("folder", str(Path(entry.folder.path).absolute()), tone="strong"))
    if entry.log is not None:
        rows.append(Detail("log", str(Path(entry.log.path).absolute()), tone="strong"))
    if recorder := source(entry):
        rows.append(Detail("recorded by", recorder))
    if record is not None:
        rows.append(Detail("command", shlex.join(record.command)[:LONGEST_COMMAND]))
        rows.append(Detail("created", record.created))
    return tuple(rows)


def _more(have: int, most: int) -> list[Detail]:
    return [Detail("", f"and {count(have - most)} more")] if have > most else []


def _text(value: object) -> str:
    return UNKNOWN if value is None else str(value)
