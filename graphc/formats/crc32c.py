"""CRC-32C (Castagnoli), the check sum of TensorFlow's records and checkpoints."""

from __future__ import annotations

import functools
import importlib

from graphc.errors import UnavailableError, explain

_ROTATED, _ADDED, _WORD = 15, 0xA282EAD8, 0xFFFFFFFF


@functools.lru_cache(None)
def _library():
    try:
        return importlib.import_module("google_crc32c")
    except ImportError as error:
        raise UnavailableError(
            explain(f"check sums need google-crc32c: pip install google-crc32c ({error})")
        ) from error


def extend(before: int, data) -> int:
    """The check sum of some data with check sum ``before`` and of ``data`` after it.

    Args:
        data: bytes, or a C-contiguous array of numbers, which is not copied.
    """
    return _library().extend(before, data)


def crc32c(data) -> int:
    """The check sum of bytes or of a C-contiguous array of numbers, 32 bits."""
    return extend(0, data)


def mask(value: int) -> int:
    """A check sum as files hold it: turned and moved, so that a sum of data with sums in it stays meaningful."""
    return (value >> _ROTATED | value << 32 - _ROTATED) + _ADDED & _WORD


def unmask(value: int) -> int:
    """The check sum that ``mask`` made this of."""
    turned = (value - _ADDED) & _WORD
    return (turned >> 32 - _ROTATED | turned << _ROTATED) & _WORD


def masked(data) -> int:
    """The check sum of bytes or of an array, as files hold it."""
    return mask(crc32c(data))
