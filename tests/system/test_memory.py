"""Memory that is freed is used again."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, threading
from cifar_tui.system.memory import release_freed_memory, retain_freed_memory

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(48 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def main() -> None:
    print(faults(), faults())
    release_freed_memory()
    print(faults(), faults())

if sys.argv[1] == "keep":
    retain_freed_memory()
thread = threading.Thread(target=main)
thread.start()
thread.join()
"""


def seen(how: str) -> list[int]:
    command = [sys.executable, "-c", FAULTS, how]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [int(word) for word in output.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_thread_uses_what_was_freed_again_until_it_is_given_back() -> None:
    pages = (48 << 20) // 4096
    assert min(seen("leave")) > pages / 2, "each allocation is a new one"
    first, second, after, again = seen("keep")
    assert min(first, after) > pages / 2
    assert max(second, again) < pages / 100
