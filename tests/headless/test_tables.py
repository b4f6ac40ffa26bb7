"""The table of runs has a column of what is wrong, where anything is."""

from cifar_tui.headless.tables import runs_table
from cifar_tui.records import Summary

FINE = Summary(id="20260101-000000-cnn", state="running")
ILL = Summary(id="20260102-000000-mlp", state="running", warnings=["plateau", "dis\x1b[2Jk"])


def test_warnings_have_a_column_where_there_are_any() -> None:
    assert "health" not in runs_table([FINE]).plain
    table = runs_table([FINE, ILL]).plain
    assert "health" in table.splitlines()[0]
    assert "plateau, dis\\x1b[2Jk" in table.splitlines()[-1]
