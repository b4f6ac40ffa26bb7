"""What images in pixels take of textual-image's insides is what it was."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest
from PIL.Image import Image, fromarray
from rich.console import Console, RenderableType
from textual_image.renderable import tgp

from cifar_tui.tui.images.textual_image_compat import CHUNK, CollectedImage


@pytest.fixture
def image() -> Image:
    """An image that takes more than one message."""
    return fromarray(np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8))


def rendered(image: RenderableType) -> list[str]:
    return [segment.text for segment in Console(width=16, height=16).render(image)]


def without_number(messages: str) -> str:
    return re.sub(r"(?<=[G,])i=\d+", "i=N", messages)


def test_the_collected_messages_are_those_that_the_library_writes(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected = CollectedImage(image, 16, 8)
    lines = rendered(collected)
    monkeypatch.setattr(sys, "__stdout__", written := io.StringIO())
    theirs = rendered(tgp.Image(image, width=16, height=8))
    assert without_number(collected.messages) == without_number(written.getvalue())
    assert collected.messages.count("\x1b_G") > 2
    assert max(map(len, re.findall(r";([^\x1b]*)", collected.messages))) == CHUNK
    assert [len(line) for line in lines] == [len(line) for line in theirs]
    assert f"i={collected.terminal_image_id}," in collected.messages


def test_an_image_that_is_rendered_again_is_not_sent_again(image: Image) -> None:
    collected = CollectedImage(image, 16, 8)
    lines, messages = rendered(collected), collected.messages
    assert rendered(collected) == lines
    assert collected.messages == messages
