"""The memory of tensors on the CPU, kept for the next ones of their size instead of given back to the system.

Training asks for the same few sizes batch after batch. By default, the C library gives each large one back at once, and
the system hands it out again page by page, cleared: a quarter of a batch's time.
"""

from __future__ import annotations

import ctypes

# Parameters of glibc's mallopt, as its malloc.h numbers them.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_MOST = 2**31 - 1


def retain_freed_memory() -> None:
    """Have the C library keep the memory of freed tensors; to be called before threads that train are started.

    It is the whole process's. Where the C library is another than glibc, it stays as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        # Threads that come after this share one heap, which alone can be larger than 64 MiB.
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _MOST)


def release_freed_memory() -> None:
    """Return freed memory to the system, as at the end of a run."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
