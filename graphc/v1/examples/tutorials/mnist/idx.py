"""The IDX format of the MNIST files: big-endian sizes and unsigned bytes, plain or compressed by gzip."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib

import numpy as np

from graphc.errors import FormatError, NotFoundError, explain

_UNSIGNED_BYTE = 0x08
_GZIP = b"\x1f\x8b"
_LARGEST = 1 << 34  # bytes: nobody means more, and a damaged size must not fill the memory


def read_idx(path: str | os.PathLike, rank: int) -> np.ndarray:
    """The array in an IDX file.

    Args:
        path: the file; one that starts as gzip does is decompressed, whatever it is called.
        rank: the number of dimensions it must have: 3 for images, 1 for labels.

    Returns:
        A uint8 array of ``rank`` dimensions.

    Raises:
        NotFoundError: there is no such file. FormatError: it is damaged, truncated, too long or of another kind.
    """
    path = os.fspath(path)
    head, body = _header_and_body(path, 4 + 4 * rank)
    zero, kind, dimensions = struct.unpack(">HBB", head[:4])
    if zero or kind != _UNSIGNED_BYTE or dimensions != rank:
        magic = int.from_bytes(head[:4], "big")
        raise _bad(path, f"its magic number is {magic}, not {0x800 + rank}: this is no IDX file of {_kinds(rank)}")
    shape = struct.unpack(f">{rank}I", head[4:])
    expected = math.prod(shape)
    if expected > _LARGEST or len(body) != expected:
        size = " x ".join(map(str, shape))
        what = "it is truncated" if len(body) < expected else "there is something behind them"
        raise _bad(path, f"its header says {size} = {expected} bytes, but {len(body)} follow: {what}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def write_idx(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write a uint8 array as an IDX file, compressed where the name ends in ``.gz``.

    Raises:
        FormatError: ``array`` is not of dtype uint8.
    """
    path, array = os.fspath(path), np.asarray(array)
    if array.dtype != np.uint8:
        raise FormatError(explain(f"write_idx: an array of uint8 is needed, got {array.dtype}"))
    data = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape) + array.tobytes()
    data = gzip.compress(data, 6, mtime=0) if path.endswith(".gz") else data
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)


def _header_and_body(path: str, header: int) -> tuple[bytes, bytes]:
    try:
        with open(path, "rb") as file:
            data = file.read()
        if data[:2] == _GZIP:
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise NotFoundError(explain(f"there is no file {path!r}")) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _bad(path, f"it cannot be decompressed ({error}): the download may have been cut short") from None
    except OSError as error:
        raise NotFoundError(explain(f"{path!r} cannot be read: {error.strerror or error}")) from None
    if len(data) < header:
        raise _bad(path, f"it has {len(data)} bytes, its header alone needs {header}: it is truncated")
    return data[:header], data[header:]


def _kinds(rank: int) -> str:
    return {1: "labels", 3: "images"}.get(rank, f"rank {rank}")


def _bad(path: str, what: str) -> FormatError:
    return FormatError(explain(f"{path!r} is damaged: {what}; delete it and get it anew"))
