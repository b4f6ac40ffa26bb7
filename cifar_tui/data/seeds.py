"""Seeds for every random draw of a run: each follows from where in the training it is drawn, and nothing before."""

from __future__ import annotations

import hashlib

DRAWS = 2
"""The version of the rules by which batches are drawn: a run that began under others continues with other batches."""


def derive_seed(seed: int, epoch: int, batch: int, purpose: str) -> int:
    """A seed from 0 to 2**63 - 1 for the draws of one purpose in one batch; batch 0 stands for the whole epoch.

    Keys of neighbouring batches, epochs or seeds have nothing in common, nor have their low 32 bits, which are all that
    torch's CPU generator takes.
    """
    digest = hashlib.sha256(f"{seed}/{epoch}/{batch}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
