"""A script in several processes, as torchrun starts them: rank 0 records."""

from __future__ import annotations

import os
import sys


def is_first() -> bool:
    """Whether this process is rank 0, or the only one."""
    return os.environ.get("RANK", "0") in ("", "0")


def are_several() -> bool:
    """Whether this process trains together with others through torch.distributed."""
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def agree(stop: bool) -> bool:
    """What rank 0 has been asked for, in all processes, which all call this after each epoch."""
    if not are_several():
        return stop
    import torch.distributed as dist

    said = [stop]
    dist.broadcast_object_list(said)
    return said[0]
