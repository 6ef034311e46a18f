"""Making the fast callable of a program: the table that call.ll reads, and the Python function over it."""

from __future__ import annotations

import ctypes
import weakref
from typing import Callable

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.program import Signature
from graphc.runtime.arena import Arena
from graphc.runtime.arguments import Arguments
from graphc.runtime.box import Box
from graphc.runtime.library import Library
from graphc.runtime.turn import Turn

_SINGLE, _RELEASE_GIL, _STATIC, _ALONE, _TOGETHER = 1, 2, 4, 8, 16
_NEW, _IN_PLACE, _COPIED = 0, 1, 2
_NUMBER_KINDS = {dt.f32: 1, dt.f64: 2, dt.i32: 3, dt.i64: 4, dt.b1: 5}
_FASTCALL = 0x80
_GATE, _SEEN = 23, 24  # words of the table
_NEVER = -1  # the number of no change


class _Table(np.ndarray):
    """The words that native code reads; ``keep`` holds everything that they point at."""


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


_methods: dict[tuple[int, str], _MethodDef] = {}  # Python keeps pointers to them for good


def native_callable(
    support: Library,
    name: str,
    signature: Signature,
    library: Library,
    constants: int,
    arena: Arena,
    arguments: Arguments,
    returned: tuple[int, ...],
    single: bool,
    release_gil: bool,
    turn: Turn | None,
    writes: bool,
    slow: Callable,
    failed: Callable,
    keep: tuple,
    sealed: bool = False,
    box: Box | None = None,
    numbers: bool = True,
) -> Callable:
    """A callable that checks its arguments and runs the program natively.

    Args:
        support: the native support library.
        constants: address of the program's constants.
        returned: positions of the outputs to hand out, ascending.
        turn: where given, runs wait for each other: those that have ``writes`` for all, others for these.
        slow: ``slow(exact, *given)`` is called where an argument does not fit as it is; ``exact`` is this callable
            without that way out: it answers NotImplemented.
        failed: called with the error code of a program that stopped; raises.
        keep: what must live as long as the callable.
        sealed: results are read-only.
        box: where given, the callable takes and answers with boxes; NotImplemented where the arguments do not fit.
        numbers: Python numbers are taken for scalars.
    """
    dynamic = len(arguments.fixed_symbols) < len(signature.symbols)
    dims = np.array(arguments.initial, dtype=np.int64)
    inputs = np.zeros(len(signature.inputs), dtype=np.int64)
    for position, array in arguments.bound.items():
        inputs[position] = address_of(array)
    records, rules = _argument_records(arguments, numbers)
    outputs = _output_records(signature, arguments, returned, sealed)
    slots = _empty_slots(2 * len(signature.outputs))
    ranks = sum(p.type.rank for p in signature.outputs)
    shapes = np.zeros(ranks, dtype=np.int64)
    entry = [library.address(name + suffix) for suffix in ("", "_arena", "_shapes")]
    scratch = 0
    if not dynamic:
        scratch = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(entry[1])(address_of(dims))
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(entry[2])(address_of(dims), address_of(shapes))
    flags = _SINGLE * single | _RELEASE_GIL * release_gil | _STATIC * (not dynamic)
    flags |= (_ALONE if writes else _TOGETHER) * (turn is not None)
    table = np.zeros(25, dtype=np.int64).view(_Table)

    reference = weakref.ref(table)  # a plain reference would be a cycle

    def fallback(*given):
        return slow(_function(support, "gc_call_exact", reference()), *given)

    table[:] = [
        *entry, constants, arena.address,
        len(arguments.rules), len(signature.inputs), len(signature.outputs), len(signature.symbols), flags,
        id(fallback), id(failed), address_of(inputs), address_of(dims), address_of(records), address_of(outputs),
        address_of(slots), scratch, address_of(shapes), ranks, len(returned),
        0 if turn is None else turn.address, 0 if box is None else address_of(box.words), 0, _NEVER,
    ]  # fmt: skip
    table.keep = (library, arena, arguments, inputs, dims, records, rules, outputs, slots, shapes, fallback, failed, turn, box, keep)
    return _function(support, "gc_call" if box is None else "gc_call_boxed", table)


def gated_callable(support: Library, boxed: Callable, gate: np.ndarray) -> Callable:
    """A callable that takes boxes, as ``boxed`` does, but answers NotImplemented until ``let_pass``, or behind a shut gate.

    Args:
        gate: two words: the number of the latest change, and the thread that may pass.
    """
    table = boxed.__self__
    table.keep += (gate,)
    table[_GATE] = address_of(gate)
    return _function(support, "gc_call_gated", table)


def let_pass(gated: Callable, change: int | None) -> None:
    """Let calls pass as long as the gate tells of this change; None: let none pass."""
    gated.__self__[_SEEN] = _NEVER if change is None else change


def address_of(array: np.ndarray) -> int:
    """Where the first element of an array lies."""
    return array.__array_interface__["data"][0]


def _argument_records(arguments: Arguments, numbers: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    records = np.zeros((len(arguments.rules), 6), dtype=np.int64)
    rules = []
    for record, rule in zip(records, arguments.rules):
        dtype = rule.param.type.dtype
        dims = np.array(rule.dims, dtype=np.int64).reshape(len(rule.dims), 2)
        rules.append(dims)
        number, scalar = (0, 0) if rule.dims else (_NUMBER_KINDS.get(dtype, 0), id(dtype.numpy.type))
        record[:] = rule.position, id(dtype.numpy), len(rule.dims), number * numbers, address_of(dims), scalar
    return records, rules


def _output_records(signature: Signature, arguments: Arguments, returned: tuple[int, ...], sealed: bool) -> np.ndarray:
    records = np.zeros((len(signature.outputs), 6), dtype=np.int64)
    donors = dict(signature.donated)
    for position, (record, param) in enumerate(zip(records, signature.outputs)):
        donor = donors.get(position)
        mode = _NEW if donor is None else _IN_PLACE if donor in arguments.bound else _COPIED
        dtype = param.type.dtype
        record[:] = mode, id(dtype.numpy), param.type.rank, donor or 0, (position in returned) * (1 + sealed), dtype.numpy.itemsize
    return records


def _empty_slots(count: int) -> np.ndarray:
    """Object references that start as null; NumPy drops what is in them in the end."""
    slots = np.empty(count, dtype=object)
    ctypes.memset(address_of(slots), 0, slots.nbytes)  # they were None, which does not mind
    return slots


def _function(support: Library, symbol: str, table: _Table) -> Callable:
    """A built-in function whose ``self`` is the table."""
    address = support.address(symbol)
    method = _methods.get((address, symbol))
    if method is None:
        method = _MethodDef(b"run", address, _FASTCALL, b"Runs the program on the given arrays.")
        method = _methods.setdefault((address, symbol), method)
    make = _new_function
    return make(ctypes.byref(method), table, None)


_new_function = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(
    ("PyCFunction_NewEx", ctypes.pythonapi)
)
