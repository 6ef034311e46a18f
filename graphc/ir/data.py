"""The contents of constants."""

from __future__ import annotations

import hashlib
import mmap

import numpy as np

from graphc.ir.digest import PIECE, digest_of_bytes

_SHORT = 64  # bytes that are rather kept than named
_LOOK = 64  # elements that say of most arrays that they are no repetition


class Data:
    """The bytes of a constant, compared by dtype, shape and content; never changed."""

    __slots__ = ("array", "key")

    def __init__(self, array):
        if _is_mapped(array):
            content = _content_of(array)
        elif _is_large(array):
            array, content = _copied(array)
        else:
            array = np.array(array, order="C", copy=True)
            array.flags.writeable = False
            content = _content_of(array)
        self.array = array
        self.key = (str(array.dtype), array.shape, content)

    @property
    def is_splat(self) -> bool:
        """True for one element that stands for every element of the node."""
        return self.array.ndim == 0

    def shortened(self) -> "Data":
        """One element where all are the same bits; else these data."""
        flat = self.array.reshape(-1)
        return Data(flat[0]) if _is_repetition(flat[:_LOOK]) and _is_repetition(flat) else self

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name the content."""
        return hashlib.sha256(repr(self.key).encode()).hexdigest()[:16]

    def __eq__(self, other):
        return isinstance(other, Data) and self.key == other.key

    def __hash__(self):
        return hash(self.key)


class Named(Data):
    """A constant of which only dtype, shape and digest are known, for looking at graphs: its elements read as zeros."""

    __slots__ = ("_digest",)

    def __init__(self, dtype: np.dtype, shape: tuple[int, ...], digest: str):
        self.array = np.broadcast_to(np.zeros((), dtype), shape)
        self.key = (str(dtype), shape, digest)
        self._digest = digest

    def shortened(self) -> "Named":
        """Itself: what is a repetition has no digest in a text."""
        return self

    @property
    def digest(self) -> str:
        return self._digest


def _content_of(array: np.ndarray) -> bytes:
    """What tells arrays of one dtype and shape apart: short content itself, a digest of more."""
    if array.dtype == object:
        content = repr(array.tolist()).encode()
    elif array.nbytes <= _SHORT:
        content = array.tobytes()
    else:
        content = array.reshape(-1).view(np.uint8)
    return digest_of_bytes(content) + b"#" if len(content) > _SHORT else content


def _is_large(array) -> bool:
    """Whether an array is better copied piece by piece, each of which is named while it is in the cache."""
    return isinstance(array, np.ndarray) and array.nbytes > PIECE and array.flags.c_contiguous and array.dtype != object


def _copied(array: np.ndarray) -> tuple[np.ndarray, bytes]:
    """A read-only copy and what tells it from others."""
    made = np.empty(array.shape, array.dtype)
    content = digest_of_bytes(np.asarray(array).reshape(-1).view(np.uint8), made.reshape(-1).view(np.uint8))
    made.flags.writeable = False
    return made, content + b"#"


def _is_mapped(array) -> bool:
    """Whether an array is a part of a file that nobody here can write to: large weights need no copy then."""
    if not isinstance(array, np.ndarray) or array.flags.writeable or not array.flags.c_contiguous:
        return False
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, memoryview) and array.readonly and isinstance(array.obj, mmap.mmap)


def _is_repetition(flat: np.ndarray) -> bool:
    """Whether all elements of a row are the same bits."""
    return flat.size == 1 or bool((flat.view(np.uint8).reshape(flat.size, -1) == flat[:1].view(np.uint8)).all())
