"""The private parts of textual-image that images in pixels depend on, all of them.

`tests/tui/images/test_textual_image_compat.py` fails when a release changes one; `pyproject.toml` bounds its version.

When it is imported, the library queries the terminal for its abilities where `sys.__stdout__` is one, and would take
what is typed meanwhile for the reply. While the dashboard runs, `sys.__stdout__` is a pipe (`runtime.output_capture`).
"""

from __future__ import annotations

from PIL.Image import Image
from textual_image.renderable import tgp

CHUNK = 4096
"""The most characters of an image's data in one message, by the protocol."""


class CollectedImage(tgp.Image):
    """An image whose messages to the terminal are collected in `messages`.

    textual-image has no way to be given a stream: it writes to `sys.__stdout__`, amid what Textual writes there.
    """

    def __init__(self, image: Image, width: int, height: int) -> None:
        super().__init__(image, width=width, height=height)
        self.messages = ""

    def _send_image_to_terminal(self, width: int, height: int) -> None:
        self.terminal_image_id = next(self._image_id_counter)
        data = self._image_data.scaled(width, height).to_base64()
        for start in range(0, len(data), CHUNK):
            more = int(start + CHUNK < len(data))
            self._collect(f"i={self.terminal_image_id},m={more},f=100,q=2;{data[start : start + CHUNK]}")

    def _create_virtual_placement(self, width: int, height: int) -> None:
        self._collect(f"a=p,i={self.terminal_image_id},c={width},r={height},U=1,q=2")

    def _collect(self, message: str) -> None:
        self.messages += f"\x1b_G{message}\x1b\\"
