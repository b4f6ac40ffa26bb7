"""What the recorder needs of torch.distributed that is not public."""

from __future__ import annotations

from typing import Any


def default_store() -> Any:
    """The store by which the processes of this script have met, whatever it is; they have joined a group."""
    import torch.distributed.distributed_c10d as c10d

    return c10d._get_default_store()
