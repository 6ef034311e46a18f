"""Summary, Event and SummaryMetadata messages as bytes, the same as TensorFlow writes."""

from __future__ import annotations

import struct

import numpy as np

from graphc.prims import wire
from graphc.prims.tensor_proto import written


def number(field: int, value: float) -> bytes:
    """A field of a double; nothing where it is zero."""
    packed = struct.pack("<d", value)
    return wire.varint(field << 3 | wire.WIDE) + packed if packed != bytes(8) else b""


def _float(field: int, value: float) -> bytes:
    return wire.varint(field << 3 | wire.NARROW) + np.float32(value).tobytes()


def _whole(field: int, value: int) -> bytes:
    return wire.number_field(field, value) if value else b""


def _text(field: int, value) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return wire.field(field, value) if value else b""


def _value(tag, content: bytes) -> bytes:
    return wire.field(1, _text(1, tag) + content)


def scalar(tag, value) -> bytes:
    """A Summary with one number."""
    return _value(tag, _float(2, value))


def image(tag, height: int, width: int, channels: int, encoded: bytes) -> bytes:
    """A Summary with one image file."""
    return _value(tag, wire.field(4, _whole(1, height) + _whole(2, width) + _whole(3, channels) + _text(4, encoded)))


def audio(tag, rate: float, channels: int, frames: int, encoded: bytes) -> bytes:
    """A Summary with one sound file."""
    packed = _float(1, rate) if rate else b""
    content = packed + _whole(2, channels) + _whole(3, frames) + _text(4, encoded) + _text(5, "audio/wav")
    return _value(tag, wire.field(6, content))


def histogram(tag, low: float, high: float, count: float, total: float, squares: float, limits, counts) -> bytes:
    """A Summary with how many values are below each limit (and not below the one before)."""
    numbers = b"".join(number(k + 1, v) for k, v in enumerate((low, high, count, total, squares)))
    packed = [wire.field(k, np.asarray(v, "<f8").tobytes()) for k, v in ((6, limits), (7, counts))]
    return _value(tag, wire.field(5, numbers + b"".join(packed)))


def tensor(tag, array: np.ndarray, metadata: bytes | None = None) -> bytes:
    """A Summary with a whole tensor and what says how it is shown (a SummaryMetadata, or None for none)."""
    return _value(tag, wire.field(8, written(array)) + (b"" if metadata is None else wire.field(9, metadata)))


def metadata(plugin: str = "", content: bytes = b"", display_name=None, description=None) -> bytes:
    """A SummaryMetadata: which part of TensorBoard shows a tensor, and how it is called there."""
    shown = wire.field(1, _text(1, plugin) + _text(2, content)) if plugin else b""
    return shown + _text(2, display_name or b"") + _text(3, description or b"")


def values_of(summary: bytes) -> list[bytes]:
    """The serialized values in a Summary.

    Raises:
        DataLossError: it is damaged.
    """
    return [v for n, kind, v in wire.fields(summary) if n == 1 and kind == wire.BYTES]


def tag_of(value: bytes) -> bytes:
    """The tag of a serialized value."""
    return next((v for n, kind, v in wire.fields(value) if n == 1 and kind == wire.BYTES), b"")


def without_metadata(value: bytes) -> bytes:
    """A serialized value without its metadata; as it is if there are none."""
    kept, found = [], False
    for n, kind, v in wire.fields(value):
        found |= n == 9
        if n != 9:
            plain = kind in (wire.NARROW, wire.WIDE)
            kept.append(wire.varint(n << 3 | kind) + v if plain else
                        wire.field(n, v) if kind == wire.BYTES else wire.number_field(n, v))  # fmt: skip
    return b"".join(kept) if found else value


def joined(values) -> bytes:
    """A Summary of serialized values."""
    return b"".join(wire.field(1, v) for v in values)


# Which field of an Event holds what.
FILE_VERSION, GRAPH_DEF, SUMMARY, SESSION_LOG, TAGGED_RUN_METADATA, META_GRAPH_DEF = 3, 4, 5, 7, 8, 9


def event(wall_time: float, step: int | None, field: int, content: bytes) -> bytes:
    """An Event."""
    return number(1, wall_time) + _whole(2, step or 0) + wire.field(field, content)


def tagged_run_metadata(tag: str, run_metadata: bytes) -> bytes:
    """A TaggedRunMetadata."""
    return _text(1, tag) + _text(2, run_metadata)
