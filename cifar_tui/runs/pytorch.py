"""The import of PyTorch, which takes seconds and is safe on one thread at a time only."""

from __future__ import annotations

from cifar_tui.system.import_lock import import_lock


def import_pytorch() -> None:
    """Import PyTorch and the training room whole, before any other import on this thread asks for a part of them."""
    with import_lock:
        from cifar_tui.training import loop  # noqa: F401
