"""What a folder of runs holds is measured: runs, checkpoints, the trash, and nothing that a link leads to."""

from cifar_tui.store import run_folder
from cifar_tui.store.order import trash
from cifar_tui.store.order.holdings import measure
from cifar_tui.store.run_folder import RunFolder
from tests.support.recorded import CREATED, RECORD


def test_runs_checkpoints_and_the_trash_are_measured(folder: RunFolder) -> None:
    runs = folder.path.parent
    (folder.checkpoints / "last.pt").write_bytes(b"x" * 3_000_000)
    (folder.checkpoints / "best.pt").hardlink_to(folder.checkpoints / "last.pt")
    other = run_folder.create(runs, "mlp", CREATED, lambda _: RECORD)
    other.log_file.write_bytes(b"x" * 1_000_000)
    (other.path / "link").symlink_to(folder.path)
    (runs / "20260101-000000-link").symlink_to(folder.path)
    found = measure(runs)
    assert (found.runs, found.checkpoints, found.deleted, found.trash) == (2, 3_000_000, 0, 0)
    assert 4_000_000 < found.size < 4_100_000
    trash.delete(other, CREATED.astimezone())
    found = measure(runs)
    assert (found.runs, found.deleted) == (1, 1)
    assert 3_000_000 < found.size < 3_100_000
    assert 1_000_000 < found.trash < 1_100_000
