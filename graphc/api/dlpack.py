"""DLPack: memory shared with other libraries, in both directions and without copies."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, UnavailableError, UsageError, explain

CPU, _HOSTS = 1, (1, 3, 11)  # what memory DLPack's numbers of devices mean that the CPU reads: its own, pinned ones


def exported(array: np.ndarray, stream=None, max_version=None, dl_device=None, copy=None):
    """A capsule of a read-only array's memory.

    Consumers of DLPack 1.0 learn that it must not be written to; the old form cannot say that.

    Raises:
        UsageError: a stream is given, which CPUs do not have. UnavailableError: another device is asked for.
        DtypeError: DLPack, or NumPy's form of it, has no such dtype.
    """
    if stream is not None:
        raise UsageError(explain(f"__dlpack__: the CPU has no streams, got stream={stream!r}"))
    if dl_device is not None and tuple(dl_device) != (CPU, 0):
        what = f"__dlpack__: the tensor is in the memory of the CPU, (1, 0), not of {dl_device}"
        raise UnavailableError(explain(what))
    if array.dtype.kind not in "biufc" or array.dtype.type.__module__ != "numpy":
        raise DtypeError(explain(f"DLPack has no elements of {array.dtype}; use tf.cast first"))
    if copy:
        return array.copy().__dlpack__() if max_version is None else array.copy().__dlpack__(max_version=max_version)
    if max_version is not None and max_version[0] >= 1:
        return array.__dlpack__(max_version=max_version)
    return _unlocked(array).__dlpack__()


class _Shared:
    """The memory of an array as NumPy's array interface describes it, said to be writable."""

    def __init__(self, array: np.ndarray):
        interface = dict(array.__array_interface__)
        interface["data"] = interface["data"][0], False
        self.__array_interface__, self.array = interface, array


def _unlocked(array: np.ndarray) -> np.ndarray:
    """The same memory without the mark that it must not be written to; it lives as long as this."""
    return np.asarray(_Shared(array)) if array.size else array.copy()


class _Capsule:
    """A capsule as an object that has it to give."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **kwargs):
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU, 0


def imported(source) -> np.ndarray:
    """The memory that a capsule, or an object with ``__dlpack__``, describes, as a read-only array without a copy.

    Raises:
        UsageError: it is neither, or the capsule was used before.
        UnavailableError: the memory is not that of the CPU.
    """
    if type(source).__name__ == "PyCapsule":
        if '"used_' in repr(source):
            raise UsageError(explain("from_dlpack: the capsule was used before; each gives its memory away once"))
        source = _Capsule(source)
    elif not hasattr(source, "__dlpack__"):
        what = "a DLPack capsule or an object with __dlpack__"
        raise UsageError(explain(f"from_dlpack: needs {what}, got {type(source).__name__}"))
    elif source.__dlpack_device__()[0] not in _HOSTS:
        device = tuple(map(int, source.__dlpack_device__()))
        what = f"from_dlpack: the data is on device {device}, which the CPU cannot read; copy it first"
        raise UnavailableError(explain(what))
    try:
        array = np.from_dlpack(source)
    except (ValueError, BufferError, RuntimeError, TypeError) as error:
        raise UsageError(explain(f"from_dlpack: {error}")) from None
    array.flags.writeable = False
    return array
