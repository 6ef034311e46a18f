"""Classes whose objects are buffers: Python 3.12 has ``__buffer__``, in older ones a slot of the type is filled."""

from __future__ import annotations

import ctypes
import platform
import sys

import numpy as np

from graphc.runtime.support import load_support

_SLOT = 160  # where a type object has its PyBufferProcs, of which the first is what makes a buffer
_ATTRIBUTE = "array"
_kept: list = []  # what slots point at, for good


def offer_buffers(kind: type) -> bool:
    """Let ``memoryview`` of an object of this class show its attribute ``array``, an array.

    Returns:
        whether that works here; where ``__buffer__`` does, nothing is changed.
    """
    if sys.version_info >= (3, 12):
        return True
    if platform.python_implementation() != "CPython" or not _is_as_expected(kind):
        return False
    prototype = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)

    def first(value, view, flags):
        """Put the native function in place, which later calls meet, and do its work this once."""
        try:
            address = _native_address()
            _slots(kind)[0] = address
            return prototype(address)(value, view, flags)
        except Exception:  # noqa: BLE001  ctypes cannot hand it on: Python says that there was an error
            return -1

    entry = prototype(first)
    _kept.append(entry)
    _slots(kind)[0] = ctypes.cast(entry, ctypes.c_void_p).value
    return True


def _slots(kind: type):
    """The functions of a type's buffers as words, a null pointer where there are none."""
    return ctypes.cast(ctypes.c_void_p.from_address(id(kind) + _SLOT).value, ctypes.POINTER(ctypes.c_void_p))


def _is_as_expected(kind: type) -> bool:
    """Whether types look as this module believes."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or _slots(int):
        return False
    return all(_slots(known) and _slots(known)[0] for known in (bytes, memoryview, np.ndarray)) and bool(_slots(kind))


def _native_address() -> int:
    library = load_support().library
    python = ctypes.pythonapi
    functions = [ctypes.cast(f, ctypes.c_void_p).value
                 for f in (python.PyObject_GetAttr, python.PyObject_GetBuffer, python.Py_DecRef)]  # fmt: skip
    words = np.array([id(_ATTRIBUTE), *functions], dtype=np.uint64)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.address("gc_buffer_configure"))(words.ctypes.data)
    return library.address("gc_buffer_get")
