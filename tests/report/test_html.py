"""A report as one HTML file: it needs no network, runs nothing, and shows what comes from outside as text."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt

from cifar_tui.analysis.calibration import calibrate
from cifar_tui.errors import InputError
from cifar_tui.events import Evaluated, Note, RunFinished, to_json
from cifar_tui.formatting import printable
from cifar_tui.report.html import page
from cifar_tui.report.run_files import write_html, write_run_files
from cifar_tui.report.run_report import report_md
from tests.support.hostile import HOSTILE, Page
from tests.support.program import invoke
from tests.support.recorded import recorded_state, run_record, some_examples, some_predictions
from tests.support.training_runs import finished_run

PICTURE = b"\x89PNG"


def hostile_report() -> str:
    notes = [Note(t=1.0, level="error", message=message) for message in HOSTILE]
    state = recorded_state(classes=HOSTILE, notes=notes, ending="failed", message=HOSTILE[1])
    config = run_record(name=HOSTILE[2], classes=HOSTILE, command=("cifar-tui", *HOSTILE))
    calibration = calibrate(np.array([0.5, 0.9]), np.array([False, True]))
    return report_md(state, config, {"curves.png", "calibration.png", "metrics.csv"}, calibration)


def test_it_refers_to_nothing_and_runs_nothing_whatever_the_names_are() -> None:
    text = page(hostile_report(), lambda name: PICTURE)
    shown = Page(text)

    for hostile in HOSTILE:
        assert shown.text.count(printable(hostile)) >= 3
    assert shown.refers == [f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"] * 2
    assert not shown.tags.keys() & {"script", "a", "link", "iframe", "object", "form", "base"}
    assert not re.search(r"url\(|@import|@font-face", text)
    assert shown.tags["h1"] == shown.tags["title"] == 1
    assert "default-src 'none'" in text
    assert "(prefers-color-scheme: dark)" in text
    assert 'name="viewport"' in text


def test_it_has_the_words_of_the_markdown_and_no_others() -> None:
    markdown = hostile_report()
    (body,) = re.findall(r"<body>(.*)</body>", page(markdown, lambda name: None), re.DOTALL)
    plain = MarkdownIt("commonmark").enable("table").render(markdown)

    def words(html: str) -> list[str]:
        return Page(html).text.split()

    pictures = ["Learning", "curves", "Accuracy", "against", "confidence"]
    assert sorted(words(body)) == sorted([*words(plain), *pictures]), "a picture that is missing is told by its title"


def test_markup_in_the_text_stays_text() -> None:
    shown = Page(page("# a\n\n<b>x</b> <script>1</script> [y](javascript:1) ![z](../z.png)\n", lambda name: None))

    assert not shown.tags.keys() & {"b", "script", "a", "img"}
    assert "<script>1</script>" in shown.text


def test_report_writes_the_page_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = finished_run(tmp_path / "runs")
    at = ("--runs-dir", folder.path.parent)

    assert invoke("report", "tiny", *at) == 0
    assert capsys.readouterr().out == f"{folder.path / 'report.md'}\n"
    assert (folder.path / "report.md").exists()
    assert not (folder.path / "report.html").exists()

    assert invoke("report", "tiny", "--html", *at) == 0
    assert capsys.readouterr().out == f"{folder.path / 'report.html'}\n"
    shown = Page((folder.path / "report.html").read_text(encoding="utf-8"))
    for name in ("curves.png", "confusion_matrix.png"):
        content = base64.b64encode((folder.path / name).read_bytes()).decode()
        assert f"data:image/png;base64,{content}" in shown.refers

    assert invoke("report", "tiny", "--output", tmp_path / "sent.html", *at) == 0
    assert (tmp_path / "sent.html").read_bytes() == (folder.path / "report.html").read_bytes()
    with pytest.raises(InputError, match=r"ends in \.html"):
        invoke("report", "tiny", "--output", tmp_path / "report.md", *at)
    with pytest.raises(InputError, match="there is no folder"):
        invoke("report", "tiny", "--output", tmp_path / "none" / "x.html", *at)


def test_the_report_of_a_run_whose_process_died_says_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = finished_run(tmp_path / "runs")
    kept = [e for e in folder.events() if not isinstance(e, RunFinished | Evaluated)]
    folder.events_file.write_text("".join(f"{to_json(event)}\n" for event in kept))

    assert invoke("report", "tiny", "--runs-dir", folder.path.parent) == 0

    assert "The run was interrupted after 3 of 3 epochs." in (folder.path / "report.md").read_text(encoding="utf-8")


def test_a_page_that_is_there_is_written_again_with_the_report(tmp_path: Path) -> None:
    write_run_files(tmp_path, run_record(), recorded_state(), some_examples(), some_predictions())
    write_html(tmp_path, tmp_path / "report.html")
    assert Page((tmp_path / "report.html").read_text(encoding="utf-8")).tags["img"] == 4

    assert write_run_files(tmp_path, run_record(), recorded_state(test=None, ending="stopped")) == []

    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "There is no test result." in text
    assert Page(text).tags["img"] == 1


def test_a_page_shows_pictures_of_its_own_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "run" / "report.md").write_text("# a\n\n![b](../secret.png) ![c](/etc/passwd) ![d](config.json)\n")

    write_html(tmp_path / "run", tmp_path / "out.html")

    assert Page((tmp_path / "out.html").read_text()).tags["img"] == 0
    with pytest.raises(InputError, match="cannot be read"):
        write_html(tmp_path, tmp_path / "out.html")
    with pytest.raises(InputError, match="cannot be written"):
        write_html(tmp_path / "run", tmp_path / "none" / "out.html")
