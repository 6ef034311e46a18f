"""CRC-32C (Castagnoli), the check sum of TensorFlow's records and checkpoints, over many bytes at a time."""

from __future__ import annotations

import numpy as np

_LANE = 256  # bytes that one lane takes


def _table() -> np.ndarray:
    """The check sum's change for each byte."""
    value = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        value = np.where(value & 1, value >> 1 ^ np.uint32(0x82F63B78), value >> 1).astype(np.uint32)
    return value


_BYTE = _table()
_STEPS = _BYTE.tolist()


def _after_zeros() -> list[list[int]]:
    """What a lane of zeros makes of a check sum: one table for each of its four bytes."""
    state = (np.arange(256, dtype=np.uint32)[None, :] << np.arange(0, 32, 8, dtype=np.uint32)[:, None]).astype(
        np.uint32
    )
    for _ in range(_LANE):
        state = _BYTE[state & 0xFF] ^ state >> 8
    return state.tolist()


_ZEROS = _after_zeros()


def crc32c(data: bytes) -> int:
    """The check sum of bytes, 32 bits."""
    state, whole = 0xFFFFFFFF, len(data) // _LANE * _LANE
    if whole >= 4 * _LANE:
        lanes = np.frombuffer(data, np.uint8, whole).reshape(-1, _LANE)
        sums = np.zeros(len(lanes), np.uint32)
        for column in np.ascontiguousarray(lanes.T):
            sums = _BYTE[(sums ^ column) & 0xFF] ^ sums >> 8
        first, second, third, fourth = _ZEROS
        for lane in sums.tolist():
            state = (
                first[state & 255] ^ second[state >> 8 & 255] ^ third[state >> 16 & 255] ^ fourth[state >> 24] ^ lane
            )
        data = data[whole:]
    for byte in data:
        state = _STEPS[(state ^ byte) & 255] ^ state >> 8
    return state ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    """The check sum as files hold it: turned and moved, so that a sum of data with sums in it stays meaningful."""
    value = crc32c(data)
    return (value >> 15 | value << 17) + 0xA282EAD8 & 0xFFFFFFFF
