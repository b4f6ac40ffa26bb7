"""Seeds for every random draw of a run: each follows from where in the training it is drawn, and nothing before."""

from __future__ import annotations

import hashlib

import torch


def derive_seed(seed: int, epoch: int, batch: int, purpose: str) -> int:
    """A seed from 0 to 2**63 - 1 for the draws of one purpose in one batch.

    Keys of neighbouring batches, epochs or seeds have nothing in common, nor have their low 32 bits, which are all that
    torch's CPU generator takes.
    """
    digest = hashlib.sha256(f"{seed}/{epoch}/{batch}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def derive_generator(seed: int, epoch: int, batch: int, purpose: str) -> torch.Generator:
    """A CPU generator of its own for the draws of one purpose in one batch."""
    return torch.Generator().manual_seed(derive_seed(seed, epoch, batch, purpose))
