"""The start-up test of the fast call path: a small program is called through it, and every answer is checked."""

from __future__ import annotations

import sys

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.node import symbol
from graphc.ir.program import Param, Signature
from graphc.ir.type import Type
from graphc.runtime.arena import Arena
from graphc.runtime.arguments import Arguments
from graphc.runtime.library import Library
from graphc.runtime.native_call import native_callable

_FELL_BACK = object()


def why_wrong(library: Library) -> str:
    """What the fast call path got wrong; empty if it works. ``call_layout`` must have found nothing before."""
    try:
        call = _probe(library)
        for check, reason in _CHECKS:
            if not check(call):
                return f"the start-up test of native calls failed: {reason}"
    except Exception as error:  # whatever goes wrong in a test, the answer is to use the slow path
        return f"the start-up test of native calls failed ({type(error).__name__}: {error})"
    return ""


def _probe(library: Library):
    """The program ``gc_probe`` of the support library: x + y + s for vectors x, y and a scalar s."""
    vector, scalar = Type(dt.f32, (symbol("n"),)), Type(dt.f32, ())
    inputs = (Param("x", vector), Param("y", vector), Param("s", scalar))
    signature = Signature(inputs, (Param("out", vector),), ("n",))
    return native_callable(
        library, "gc_probe", signature, library, 0, Arena(library), Arguments("gc_probe", signature),
        (0,), True, True, None, False, lambda exact, *given: _FELL_BACK, _unexpected, (),
    )  # fmt: skip


def _unexpected(code: int):
    raise RuntimeError(f"error code {code}")


def _computes(call) -> bool:
    x = np.arange(5, dtype=np.float32)
    results = [call(x, x, s) for s in (0.5, 2, np.array(3, np.float32), np.float32(4))]
    wanted = [x + x + s for s in (0.5, 2, 3, 4)]
    return all(type(r) is np.ndarray and r.dtype == np.float32 and (r == w).all() for r, w in zip(results, wanted))


def _rejects(call) -> bool:
    x = np.zeros(4, np.float32)
    unfit = (
        (x, x),
        (x, x, 0.0, 0.0),
        (x, x[:3], 0.0),
        (x, np.zeros(4), 0.0),
        (x, np.zeros((2, 2), np.float32), 0.0),
        (x, np.zeros(8, np.float32)[::2], 0.0),
        (x, x, "0"),
        (x, x, np.float64(0)),
        (x, x, np.int32(0)),
        (x, np.float32(0), 0.0),
        (x, x, True),
        (x, x, 2**24 + 1),
        (x, None, 0.0),
        ([0.0] * 4, x, 0.0),
    )
    return all(call(*given) is _FELL_BACK for given in unfit)


def _counts_references(call) -> bool:
    x, scalar, number = np.zeros(3, np.float32), np.zeros((), np.float32), np.float32(1)
    watched = (x, scalar, number)
    before = [sys.getrefcount(o) for o in watched]
    for _ in range(20):
        call(x, x, scalar)
        call(x, x, number)
        call(x, None, scalar)
    return [sys.getrefcount(o) for o in watched] == before


def _keeps_results_apart(call) -> bool:
    """A result that somebody holds, or looks at through a view, is never written again."""
    x = np.ones(3, np.float32)
    held = [call(x, x, float(k)) for k in range(6)]
    view = call(x, x, 50.0)[1:]
    for k in range(6):
        call(x, x, 100.0 + k)
    return all((r == 2 + k).all() for k, r in enumerate(held)) and (view == 52).all() and len({id(r) for r in held}) == 6


_CHECKS = (
    (_computes, "wrong results"),
    (_rejects, "unfit arguments were accepted"),
    (_counts_references, "references leaked"),
    (_keeps_results_apart, "a result was overwritten"),
)
