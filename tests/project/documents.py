"""The pages of the documentation: their links, their commands, and the parts that are generated from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cifar_tui.tui.keys import KEYS

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)
KEYS_PAGE = ROOT / "docs" / "dashboard.md"
_KEYS_BEGIN, _KEYS_END = "<!-- keys: generated from cifar_tui/tui/keys.py -->\n", "<!-- end of keys -->\n"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the line that comes before it."""

    page: str
    language: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        yield Block(page.name, language, text)


def commands() -> dict[str, str]:
    """Every command of the pages, without its comment, and the first page that has it."""
    found: dict[str, str] = {}
    for page in PAGES:
        for block in blocks(page):
            lines = block.text.splitlines()
            if block.language == "console":
                lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
            elif block.language != "sh":
                continue
            for line in lines:
                found.setdefault(line.partition(" #")[0].strip(), block.page)
    return found


def outputs() -> dict[str, list[str]]:
    """Each command that a page shows the output of, and the lines of that."""
    found: dict[str, list[str]] = {}
    for block in (block for page in PAGES for block in blocks(page) if block.language == "console"):
        first, *lines = block.text.splitlines()
        found[first.removeprefix("$ ")] = lines
    return found


def anchors(page: Path) -> set[str]:
    """What a link may name on a page: its headings, as GitHub spells them, and its own anchors."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    named = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return named | set(re.findall(r'<a id="([\w-]+)">', text))


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links and pictures."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


def keys_table() -> str:
    """The dashboard's keys as a table, a group after the other."""
    lines = ["| key | action |", "|---|---|"]
    for group, keys in groupby(KEYS, lambda key: key.group):
        lines.append(f"| **{group}** | |")
        lines += [f"| `{key.name}` | {key.help} |" for key in keys]
    return "\n".join(lines) + "\n"


def page_with_keys() -> str:
    """The dashboard's page with the table of keys that the code has."""
    before, _, rest = KEYS_PAGE.read_text().partition(_KEYS_BEGIN)
    return f"{before}{_KEYS_BEGIN}{keys_table()}{_KEYS_END}{rest.partition(_KEYS_END)[2]}"


if __name__ == "__main__":
    KEYS_PAGE.write_text(page_with_keys())
