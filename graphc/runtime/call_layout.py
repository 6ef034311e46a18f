"""What the fast call path must know about Python and NumPy objects of this process, and whether it may believe it."""

from __future__ import annotations

import ctypes
import platform
import sys
import sysconfig

import numpy as np

from graphc.ir import dtype as dt

_PY_ARRAY_EMPTY = 184  # slot of the NumPy C API, the same since NumPy 1.0
_SET_HANDLER = 304  # likewise, since NumPy 1.22
_HANDLER = b"mem_handler"  # the name that NumPy expects of a capsule with a memory handler
_C_FUNCTIONS = (
    "PyTuple_New",
    "PyTuple_SetItem",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyObject_VectorcallDict",
    "PyLong_AsLongLongAndOverflow",
    "PyLong_FromLong",
)


def why_unusable() -> str:
    """The first reason why object headers cannot be read directly here; empty if they can."""
    for holds, reason in _CONDITIONS:
        try:
            if not holds():
                return reason
        except Exception as error:  # whatever goes wrong in looking, the answer is to use the slow path
            return f"{reason} ({type(error).__name__}: {error})"
    return ""


def python_addresses(handler: int) -> np.ndarray:
    """The words of ``@gc_python`` in call.ll: types and functions of this process.

    Args:
        handler: the address of the memory handler for large results.
    """
    return np.array([*_words(), *_memory_handler(handler)], dtype=np.uint64)


def _words() -> list[int]:
    words = [id(np.ndarray), id(float), id(int), _numpy_function(_PY_ARRAY_EMPTY)]
    words += [_function(name) for name in _C_FUNCTIONS]
    words += [id(NotImplemented)] + [_function(name) for name in ("PyErr_NoMemory", "Py_IncRef", "Py_DecRef")]
    names = ("PyErr_CheckSignals", "PyType_GenericAlloc", "PyTuple_GetItem", "PyThread_get_thread_ident")
    return [*words, id(True), id(False), *map(_function, names)]


def _memory_handler(address: int) -> list[int]:
    """PyDataMem_SetHandler and a capsule, which lives as long as the process, with the handler; zeros for an old NumPy."""
    if np.lib.NumpyVersion(np.__version__) < "1.22.0":
        return [0, 0]
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    capsule = make(address, _HANDLER, None)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(capsule))
    return [_numpy_function(_SET_HANDLER), id(capsule)]


def _function(name: str) -> int:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value


def _numpy_function(slot: int) -> int:
    """The address of a function in NumPy's table."""
    module = sys.modules.get("numpy._core._multiarray_umath") or sys.modules["numpy.core._multiarray_umath"]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = pointer(module._ARRAY_API, None)
    return ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[slot]


def _has_functions() -> bool:
    return all(_words())


def _is_plain_cpython() -> bool:
    return (
        platform.python_implementation() == "CPython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and not sysconfig.get_config_var("Py_TRACE_REFS")
        and getattr(sys, "_is_gil_enabled", lambda: True)()
    )


def _is_64_bit() -> bool:
    return ctypes.sizeof(ctypes.c_void_p) == 8 and ctypes.sizeof(ctypes.c_long) == 8 and sys.byteorder == "little"


def _read(kind, address: int):
    return kind.from_address(address).value


def _counts_references() -> bool:
    value = np.zeros(1)
    before = _read(ctypes.c_int32, id(value))
    more = [value, value]
    return before == 1 and _read(ctypes.c_int32, id(value)) == 1 + len(more)


def _reads_arrays() -> bool:
    """Each header field that the call path reads, against what Python says about the same array."""
    samples = (np.zeros((2, 3), np.float32), np.zeros((3, 4), np.int64)[:, ::2], np.zeros((), np.float64), np.zeros((2, 0)))
    return all(_reads_array(sample) for sample in samples) and np.ndarray.__weakrefoffset__ == 72


def _reads_array(array: np.ndarray) -> bool:
    at, pointer = id(array), ctypes.c_void_p
    flags = _read(ctypes.c_int32, at + 64)
    rank = _read(ctypes.c_int32, at + 24)
    dims = _read(pointer, at + 32)
    stated = (array.flags.c_contiguous, array.flags.owndata, array.flags.aligned, array.flags.writeable)
    return (
        _read(pointer, at + 8) == id(np.ndarray)
        and (_read(pointer, at + 16) or 0) == array.__array_interface__["data"][0]
        and rank == array.ndim
        and tuple(_read(ctypes.c_int64, dims + 8 * i) for i in range(rank)) == array.shape
        and (_read(pointer, at + 48) or 0) == (0 if array.base is None else id(array.base))
        and _read(pointer, at + 56) == id(array.dtype)
        and tuple(bool(flags & bit) for bit in (0x1, 0x4, 0x100, 0x400)) == stated
        and (_read(pointer, at + 72) or 0) == 0
    )


def _reads_numbers() -> bool:
    value = 1.25
    return _read(ctypes.c_double, id(value) + 16) == 1.25 and _read(ctypes.c_void_p, id(value) + 8) == id(float)


def _reads_scalars() -> bool:
    """The value of a NumPy scalar lies in the object, right behind its header."""
    return all(_reads_scalar(d.numpy) for d in dt.ALL if d is not dt.string)


def _reads_scalar(dtype: np.dtype) -> bool:
    raw = bytes(range(1, 1 + dtype.itemsize)) if dtype.kind != "b" else b"\1"
    value = np.frombuffer(raw, dtype)[0]
    return type(value) is dtype.type and ctypes.string_at(id(value) + 16, dtype.itemsize) == raw


def _makes_arrays() -> bool:
    """PyArray_Empty really is at its place in NumPy's table."""
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_int, ctypes.c_void_p, ctypes.py_object, ctypes.c_int)(
        _numpy_function(_PY_ARRAY_EMPTY)
    )
    shape, dtype = (ctypes.c_int64 * 2)(3, 5), np.dtype(np.float32)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(dtype))  # it takes over one reference
    made = make(2, ctypes.addressof(shape), dtype, 0)
    return type(made) is np.ndarray and made.shape == (3, 5) and made.dtype is dtype and made.flags.owndata


_CONDITIONS = (
    (_is_plain_cpython, "this is not CPython with a global interpreter lock"),
    (_is_64_bit, "this is not a little-endian 64-bit system"),
    (_counts_references, "reference counts are not kept where they are expected"),
    (_reads_arrays, "NumPy arrays are not laid out as expected"),
    (_reads_numbers, "Python floats are not laid out as expected"),
    (_reads_scalars, "NumPy scalars are not laid out as expected"),
    (_has_functions, "the C functions of Python and NumPy are not all there"),
    (_makes_arrays, "NumPy's function table is not as expected"),
)
