"""The section of a report with what the health check has found."""

from __future__ import annotations

from cifar_tui.events import Note
from cifar_tui.formatting import count, duration
from cifar_tui.report.markdown_syntax import escape
from cifar_tui.state.run_state import RunState

SHOWN = 30
"""Findings that are listed, at most: the last ones."""


def health_section(state: RunState) -> list[str]:
    """What has gone wrong when, and whether it was over before the end; nothing where nothing has."""
    found: list[tuple[Note, Note | None]] = []
    open_: dict[str, int] = {}
    for note in state.notes:
        if not note.topic:
            continue
        if note.level in ("warning", "error"):
            open_[note.topic] = len(found)
            found.append((note, None))
        elif (at := open_.pop(note.topic, None)) is not None:
            found[at] = found[at][0], note
    if not found:
        return []
    lines = [_line(begun, over) for begun, over in found[-SHOWN:]]
    if len(found) > SHOWN:
        lines.insert(0, f"- ({count(len(found) - SHOWN)} earlier ones left out)")
    return ["## Health", "While it trained, the health check found:", "\n".join(lines)]


def _line(begun: Note, over: Note | None) -> str:
    ending = "" if over is None else f" It was over after {duration(over.t)}: {escape(over.message)}."
    return f"- After {duration(begun.t)}: {escape(begun.message)}.{ending}"
