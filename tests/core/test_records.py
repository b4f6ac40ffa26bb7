"""Records and summaries of runs of several processes, and of runs that earlier versions recorded."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cifar_tui.errors import InputError
from cifar_tui.events import Resumed
from cifar_tui.records import MAX_PROCESSES, MAX_TEXT, ProcessRecord, RunRecord, Summary, summarize
from cifar_tui.state.run_state import RunState
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stored_run import stored_run
from cifar_tui.system.untrusted import codec
from tests.support.recorded import on_hosts, recorded_state, run_record

Edit = Callable[[dict[str, Any]], None]


def rewritten(folder: RunFolder, edit: Edit) -> RunFolder:
    """The folder, with another record."""
    content = codec.encode(run_record(processes=on_hosts(2, 2)))
    edit(content)
    folder.config_file.write_text(json.dumps(content))
    return folder


def without_processes(content: dict[str, Any]) -> None:
    del content["processes"], content["launch"]


@pytest.fixture
def folder(tmp_path: Any) -> RunFolder:
    (tmp_path / "run").mkdir()
    return RunFolder(tmp_path / "run")


def test_a_record_holds_the_processes_of_a_run_by_rank(folder: RunFolder) -> None:
    record = rewritten(folder, lambda _: None).read_record()
    assert record.processes == tuple(on_hosts(2, 2))
    assert stored_run(folder).processes == 4


def test_a_run_of_an_earlier_version_is_one_of_a_single_process(folder: RunFolder) -> None:
    record = rewritten(folder, without_processes).read_record()
    assert (record.processes, record.launch) == ((), "")
    assert stored_run(folder).processes == 1
    summary = summarize(record, RunState())
    assert (summary.processes, summary.hosts) == (1, 1)


def test_a_summary_has_the_speed_of_a_run_without_a_whole_epoch_too() -> None:
    state = RunState()
    assert summarize(run_record(), state).images_per_second is None
    state.images_per_second = 910.04
    assert summarize(run_record(), state).images_per_second == 910.0


def test_a_summary_of_an_earlier_version_says_nothing_of_processes() -> None:
    content = codec.encode(summarize(run_record(), recorded_state()))
    del content["processes"], content["hosts"]
    read = codec.decode_known(Summary, content)
    assert (read.processes, read.hosts) == (None, None)


@pytest.mark.parametrize(
    "processes", ["gpu-1", [{"host": "gpu-1"}], [["gpu-1", "cpu", "a"]], [{}] * (MAX_PROCESSES + 1)]
)
def test_a_record_with_damaged_processes_is_refused(folder: RunFolder, processes: Any) -> None:
    with pytest.raises(InputError, match="damaged, processes"):
        rewritten(folder, lambda content: content.update(processes=processes)).read_record()


def test_the_texts_of_a_process_are_cut(folder: RunFolder) -> None:
    long = {"host": "h" * 99_999, "device": "cpu", "device_name": ""}
    (process,) = rewritten(folder, lambda content: content.update(processes=[long])).read_record().processes
    assert process == ProcessRecord(host="h" * MAX_TEXT, device="cpu", device_name="")


def test_a_summary_counts_the_processes_that_trained_last() -> None:
    record: RunRecord = run_record(processes=on_hosts(2, 2))
    assert (summarize(record, RunState()).processes, summarize(record, RunState()).hosts) == (4, 2)
    state = recorded_state(processes=4, hosts=2)
    assert (summarize(record, state).processes, summarize(record, state).hosts) == (4, 2)
    state.apply(Resumed(t=99.0, epoch=3, batch=0, samples=2000, device="cuda:0", processes=1, hosts=1))
    assert (summarize(record, state).processes, summarize(record, state).hosts) == (1, 1)


def test_a_resumption_that_names_no_processes_keeps_them() -> None:
    state = recorded_state(processes=4, hosts=2)
    state.apply(Resumed(t=99.0, epoch=3, batch=0, samples=2000, device="cuda:0", precision="bf16", threads=1))
    assert state.started is not None
    assert (state.started.processes, state.started.hosts, state.started.precision) == (4, 2, "bf16")
