"""TensorBoard's event files: the records in their bytes. Its own reader, in Python, reads one of any size whole."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER, FRAME = 12, 16
"""Bytes before a record, its length and a checksum of that, and all beside it."""
MAX_RECORD = 1 << 20
"""Bytes of a record that is read: larger ones hold images, sounds and graphs."""
MAX_KNOWN = 10_000
"""Headers that are remembered: a log has records of a few lengths."""


@dataclass(frozen=True, slots=True)
class Records:
    """Whole records in some bytes.

    Attributes:
        starts: Where the content of each starts that is not too large.
        lengths: The bytes of their contents.
        end: Where the next record begins.
        large: How many bytes that has, if it is too large and reaches behind the end; else 0.
        damaged: Whether there is something else there.
    """

    starts: list[int]
    lengths: list[int]
    end: int
    large: int = 0
    damaged: bool = False


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC_TABLE = _crc_table()


def masked_crc(data: bytes) -> int:
    """The checksum that the format has of some bytes: CRC-32C, rotated and shifted."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def split_records(data: bytes, known: dict[bytes, int]) -> Records:
    """The records in some bytes.

    Args:
        data: From the start of a record on.
        known: The lengths by the headers that were checked before; it is added to.
    """
    starts: list[int] = []
    lengths: list[int] = []
    # A million times, these lines are most of the time.
    known_length, add_start, add_length = known.get, starts.append, lengths.append
    at, end = 0, len(data) - FRAME
    while at <= end:
        length = known_length(data[at : at + HEADER])
        if length is None:
            header = data[at : at + HEADER]
            length, crc = struct.unpack("<QI", header)
            if masked_crc(header[:8]) != crc:
                return Records(starts, lengths, at, damaged=True)
            if len(known) > MAX_KNOWN:
                known.clear()
            known[header] = length
        if at + length > end:
            return Records(starts, lengths, at, large=length + FRAME if length > MAX_RECORD else 0)
        if length <= MAX_RECORD:
            add_start(at + HEADER)
            add_length(length)
        at += length + FRAME
    return Records(starts, lengths, at)
