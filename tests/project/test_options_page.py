"""docs/options.md is generated from the declarations of the options."""

from __future__ import annotations

import re
from pathlib import Path

from cifar_tui.cli.launch_options import KNOWN
from cifar_tui.declarations import read_file
from tests.project import options_page


def test_the_page_is_up_to_date() -> None:
    made = options_page.page()
    assert options_page.PATH.read_text() == made, "run python -m tests.project.options_page"


def test_its_configuration_file_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", options_page.PATH.read_text(), re.DOTALL)
    (tmp_path / "example.toml").write_text(example)
    assert read_file(tmp_path / "example.toml", KNOWN)["batch_size"] == 128
