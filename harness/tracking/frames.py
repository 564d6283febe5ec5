"""The frame of a Weights & Biases log: the log format of LevelDB behind a head of its own.

Newer versions of the library have no reader in Python; this one reads the logs of all, and tells of any damage.
"""

import struct
import zlib
from collections.abc import Iterator

_BLOCK = 1 << 15
_HEAD = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
_FRAME = struct.Struct("<IHB")
"""Checksum of kind and data, length of data, kind."""
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_AFTER = {None: (_WHOLE, _FIRST), _WHOLE: (_WHOLE, _FIRST), _LAST: (_WHOLE, _FIRST)}


class DamagedLog(Exception):
    """What follows cannot be read; the message says why and from which byte on."""


def payloads(content: bytes) -> Iterator[bytes]:
    """The records of a log, from its bytes, in order.

    Errors: ``DamagedLog`` where the first comes that is not whole, after all those before it.
    """
    if content[: len(_HEAD)] != _HEAD:
        raise DamagedLog("this is no log of Weights & Biases")
    place, last, parts = len(_HEAD), None, []
    while place < len(content):
        room = _BLOCK - place % _BLOCK
        if room < _FRAME.size:
            place += room
            continue
        kind, data = _frame(content, place)
        if kind not in _AFTER.get(last, (_MIDDLE, _LAST)):
            raise DamagedLog(f"a part of a record is missing at byte {place}")
        parts.append(data)
        if kind in (_WHOLE, _LAST):
            yield b"".join(parts)
            parts = []
        last, place = kind, place + _FRAME.size + len(data)
    if parts:
        raise DamagedLog(f"cut off at byte {len(content)}")


def _frame(content: bytes, place: int) -> tuple[int, bytes]:
    begin = place + _FRAME.size
    if begin > len(content):
        raise DamagedLog(f"cut off at byte {len(content)}")
    checksum, length, kind = _FRAME.unpack_from(content, place)
    data = content[begin : begin + length]
    if len(data) < length:
        raise DamagedLog(f"cut off at byte {len(content)}")
    if zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
        raise DamagedLog(f"changed after it was written, at byte {place}")
    return kind, data
