"""A run's stream as it grows: what a process that does not own the run sees of it."""

from __future__ import annotations

from cifar_tui.errors import InputError
from cifar_tui.events import AnyEvent, EventError, from_json
from cifar_tui.state import RunState
from cifar_tui.store import fold
from cifar_tui.store.run_folder import RunFolder
from cifar_tui.store.stream import MOST_LINE

MOST_BYTES = 1 << 20
"""Of one look: a stream that has grown long meanwhile is read piece by piece."""


class Tail:
    """Reads the whole lines that have come since the last look; a torn last line waits for its rest."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._at = 0

    def begin(self) -> RunState:
        """The fold of all that is there.

        Raises:
            InputError: The stream is there, but cannot be read.
        """
        state, self._at = fold.read(self._folder.events_file, self._folder.state_file)
        while events := self.more():
            for event in events:
                state.apply(event)
        return state

    def skip(self) -> None:
        """Begin with what comes from now on."""
        status = self._folder.files.status(self._folder.events_file.name)
        self._at = status.st_size if status else 0

    def more(self) -> list[AnyEvent]:
        """The events since the last look, in order; lines that are none are left out.

        Raises:
            InputError: The stream is there, but cannot be read.
        """
        events: list[AnyEvent] = []
        try:
            with self._folder.files.open_to_read(self._folder.events_file.name) as stream:
                while not events:
                    stream.seek(self._at)
                    data = stream.read(MOST_BYTES)
                    end = data.rfind(b"\n") + 1
                    if not end and len(data) == MOST_BYTES:
                        data += stream.readline(MOST_LINE)
                        # A line that is longer than any event is none, and is passed over piece by piece.
                        end = len(data) if data.endswith(b"\n") or len(data) > MOST_LINE else 0
                    if not end:
                        break
                    self._at += end
                    for line in data[:end].splitlines():
                        try:
                            events.append(from_json(line.decode(errors="replace")))
                        except EventError:
                            continue
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"{self._folder.events_file}: cannot be read: {error.strerror}") from None
        return events
