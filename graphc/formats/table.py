"""Sorted tables of bytes to bytes in LevelDB's file format, as TensorFlow uses it for the index of a checkpoint.

A table is data blocks, an empty block for filters, an index block (last key of a block -> place of the block) and a
footer of 48 bytes: the places of the latter two blocks, zeros, and a magic number. A block is entries, whose keys share
prefixes with the key before, and the places of the entries that do not; a byte for the compression and a check sum of
all of it stand behind each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from graphc.errors import DataLossError, UsageError, explain
from graphc.formats.crc32c import masked
from graphc.formats.varint import read_varint, varint

_FOOTER = 48
_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_TRAILER = 5  # compression, check sum
_BLOCK = 262144  # bytes after which a block is full
_RESTART = 16  # entries of a data block that may share prefixes


def encode(items: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The table of keys and values.

    Args:
        items: pairs in ascending order of the keys.

    Raises:
        UsageError: a key is not greater than the one before.
    """
    out, index = bytearray(), _Block(1)
    block, last, waiting = _Block(_RESTART), None, None
    for key, value in items:
        if last is not None and key <= last:
            raise UsageError(explain(f"table: key {key!r} does not come after {last!r}"))
        if waiting is not None:
            index.add(_separator(last, key), waiting)
            waiting = None
        block.add(key, value)
        last = key
        if block.size >= _BLOCK:
            waiting, block = _append(out, block), _Block(_RESTART)
    if block.count:
        waiting = _append(out, block)
    if waiting is not None:
        index.add(_successor(last), waiting)
    places = _append(out, _Block(_RESTART)) + _append(out, index)
    return bytes(out + _padded(places) + _MAGIC)


def decode(data, source: str) -> dict[bytes, bytes]:
    """The keys and values of a table, in order. Every length, place and check sum is checked before it is used.

    Args:
        data: the bytes of the file; source: its name, for messages.

    Raises:
        DataLossError: any byte is not as it was written.
    """
    data = bytes(data)
    if len(data) < _FOOTER or data[-8:] != _MAGIC:
        raise _damaged(source, f"it has {len(data)} bytes and does not end as a table does")
    footer = data[-_FOOTER:-8]
    filters, at = _place(footer, 0, source)
    index, _ = _place(footer, at, source)
    if footer != _padded(_written(filters) + _written(index)):
        raise _damaged(source, "its footer is changed")
    if sum(index) + _TRAILER + _FOOTER != len(data) or sum(filters) + _TRAILER != index[0]:
        raise _damaged(source, "the places in its footer do not fit its length")
    if any(True for _ in _entries(_block(data, filters, source), source)):
        raise _damaged(source, "it has filters, which no checkpoint has")
    found: dict[bytes, bytes] = {}
    last, end = None, 0
    for key, value in _entries(_block(data, index, source), source):
        place, used = _place(value, 0, source)
        if used != len(value) or place[0] != end:
            raise _damaged(source, f"the place of a block in its index is {place[0]}, not {end}")
        end = sum(place) + _TRAILER
        for inner, content in _entries(_block(data, place, source), source):
            if last is not None and inner <= last:
                raise _damaged(source, f"key {inner!r} stands after {last!r}")
            found[inner], last = content, inner
        if last is None or last > key:
            raise _damaged(source, "a key is beyond what its index says")
    if end != filters[0]:
        raise _damaged(source, f"its index ends at byte {end}, not at {filters[0]}")
    return found


class _Block:
    """A block that is being written."""

    def __init__(self, interval: int):
        self._interval, self._data, self._restarts = interval, bytearray(), [0]
        self._last, self.count = b"", 0

    @property
    def size(self) -> int:
        return len(self._data) + 4 * len(self._restarts) + 4

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self.count % self._interval:
            shared = _shared(self._last, key)
        elif self.count:
            self._restarts.append(len(self._data))
        for number in (shared, len(key) - shared, len(value)):
            self._data += varint(number)
        self._data += key[shared:] + value
        self._last, self.count = key, self.count + 1

    def finished(self) -> bytes:
        return bytes(self._data) + struct.pack(f"<{len(self._restarts) + 1}I", *self._restarts, len(self._restarts))


def _append(out: bytearray, block: _Block) -> bytes:
    """Add a block to a file; its place."""
    content = block.finished()
    place = _written((len(out), len(content)))
    content += b"\0"  # not compressed
    out += content + struct.pack("<I", masked(content))
    return place


def _shared(a: bytes, b: bytes) -> int:
    """How many bytes two keys begin with alike."""
    count, most = 0, min(len(a), len(b))
    while count < most and a[count] == b[count]:
        count += 1
    return count


def _separator(low: bytes, high: bytes) -> bytes:
    """A short key that is at least ``low`` and less than ``high``."""
    at = _shared(low, high)
    if at < min(len(low), len(high)) and low[at] < 0xFF and low[at] + 1 < high[at]:
        return low[:at] + bytes([low[at] + 1])
    return low


def _successor(key: bytes) -> bytes:
    """A short key that is at least ``key``."""
    for k, byte in enumerate(key):
        if byte != 0xFF:
            return key[:k] + bytes([byte + 1])
    return key


def read_number(data, at: int) -> tuple[int, int]:
    """The number of 64 bits that stands at a place, and the place after it; -1 where there is none."""
    number, at = read_varint(data, at, len(data))
    return (number, at) if number >> 64 == 0 else (-1, at)


def _written(place: tuple[int, int]) -> bytes:
    return varint(place[0]) + varint(place[1])


def _padded(places: bytes) -> bytes:
    """The footer without the magic number."""
    return places + bytes(_FOOTER - 8 - len(places))


def _place(data, at: int, source: str) -> tuple[tuple[int, int], int]:
    """Offset and length of a block as written at ``at``, and the place after them."""
    offset, at = read_number(data, at)
    length, at = read_number(data, at)
    if offset < 0 or length < 0:
        raise _damaged(source, "the place of a block cannot be read")
    return (offset, length), at


def _block(data, place: tuple[int, int], source: str):
    """The verified content of a block."""
    offset, length = place
    end = offset + length
    if end + _TRAILER > len(data) - _FOOTER:
        raise _damaged(source, f"the block at byte {offset} reaches beyond the end")
    if struct.unpack("<I", data[end + 1 : end + _TRAILER])[0] != masked(data[offset : end + 1]):
        raise _damaged(source, f"the check sum of the {length} bytes from byte {offset} is wrong")
    if data[end] != 0:
        what = f"{source}: the block at byte {offset} is compressed (kind {data[end]}), which is not supported"
        raise DataLossError(explain(what))
    return data[offset:end]


def _entries(block, source: str) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a block."""
    count = struct.unpack("<I", block[-4:])[0] if len(block) >= 4 else -1
    end = len(block) - 4 * (count + 1)
    if count < 0 or end < 0:
        raise _damaged(source, "a block is too short")
    key, at = b"", 0
    while at < end:
        shared, at = read_number(block, at)
        own, at = read_number(block, at)
        size, at = read_number(block, at)
        if min(shared, own, size) < 0 or shared > len(key) or at + own + size > end:
            raise _damaged(source, "an entry of a block does not fit into it")
        key = key[:shared] + block[at : at + own]
        at += own + size
        yield key, block[at - size : at]


def _damaged(source: str, what: str) -> DataLossError:
    return DataLossError(explain(f"{source}: the file is damaged: {what}"))
