"""Global settings of torch that a user's class may change, restored after its code has run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def preserve_torch_settings() -> Iterator[None]:
    """Leave gradients, the default dtype and device, and the number of threads as they are now.

    They are the thread's or the process's: our own arithmetic, and the other runs', would follow them.
    """
    gradients, dtype, threads = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()
    device = torch.get_default_device()
    try:
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        if torch.get_default_device() != device:
            torch.set_default_device(None)
