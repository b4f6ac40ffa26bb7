"""Train image classifiers and watch them learn, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cifar_tui.recording.recording import Recording, record

__all__ = ["Recording", "__version__", "record"]


def __getattr__(name: str) -> Any:
    """The public names, which are imported when they are used: the command line is not to wait for them."""
    if name in ("Recording", "record"):
        from cifar_tui.recording import recording

        return getattr(recording, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
