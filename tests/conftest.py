"""What holds for all tests."""

import gc
import itertools
import os
import signal
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, settings

from cifar_tui.system.memory import retain_freed_memory
from tests.support import fork_server

# Threads that wait for each other on shared cores take many times as long on such small tensors. The programs that
# tests start inherit it.
os.environ["OMP_NUM_THREADS"] = "1"

# As while the program trains: a fifth of the time of tests that train went into clearing pages.
retain_freed_memory()

# What tests have named as classes of their own is nobody else's to run.
_state = tempfile.TemporaryDirectory(prefix="cifar-tui-state-")
os.environ["XDG_STATE_HOME"] = _state.name

# Nor are this user's settings theirs to read or to change; each test has some of its own.
_config = tempfile.TemporaryDirectory(prefix="cifar-tui-config-")
_tests = itertools.count()


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the test's own, all at their defaults, and the colours that most terminals have."""
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{_config.name}/{next(_tests)}")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLORTERM", raising=False)


# In the background of a shell, and under nohup, they are ignored, by the programs that tests start too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The same examples each time, and no test fails because a machine is slow.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")

fork_server.enabled = sys.platform == "linux"


def pytest_collection_finish() -> None:
    """Leave what all tests share out of the garbage collector's rounds, which otherwise go through all of it."""
    gc.collect()
    gc.freeze()
