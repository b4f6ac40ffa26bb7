"""The pages agree with the code: links, paths, the tables of keys, events and figures."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from cifar_tui.events import AnyEvent
from tests.project.documents import KEYS_PAGE, PAGES, ROOT, anchors, links, page_with_keys

RUN_FOLDER = (ROOT / "docs" / "run-folder.md").read_text()
PATH = r"`((?:cifar_tui|tests|benchmarks|docs)/[\w/.*-]+)`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", ["architecture.md", "glossary.md"])
def test_every_path_and_name_exists(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert re.findall(PATH, text)
    for path in re.findall(PATH, text):
        assert list(ROOT.glob(path.rstrip("/"))), path
    # `path` (`Name`, `name`)
    for path, named in re.findall(PATH + r" \(((?:`[\w.]+`(?:, )?)+)\)", text):
        content = (ROOT / path).read_text()
        for symbol in re.findall(r"[\w.]+", named):
            for part in symbol.split("."):
                assert re.search(rf"\b{part}\b", content), f"{symbol} in {path}"


def test_every_page_is_reached_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md") if "://" not in link}
    assert {page for page in PAGES if page.name != "README.md"} <= linked | {ROOT / "README.md"}
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_the_table_of_keys_is_that_of_the_code() -> None:
    assert KEYS_PAGE.read_text() == page_with_keys(), "run python -m tests.project.documents"


def test_the_table_of_events_has_every_field() -> None:
    section = RUN_FOLDER.partition("## `events.jsonl`")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (`.*`) \|$", section, re.MULTILINE)
    documented = {name: re.findall(r"`(\w+)`", fields) for name, fields in rows}
    events = {each.type: [f.name for f in dataclasses.fields(each) if f.name != "t"] for each in get_args(AnyEvent)}
    assert documented == events
