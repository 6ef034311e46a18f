"""Host steps on resources (queues, readers) and through Python functions: each takes a token and makes the next."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

import numpy as np

from graphc.errors import (
    DtypeError, GraphcError, InvalidArgumentError, OutOfRangeError, ResourceExhaustedError, UnimplementedError,
    UnknownError, here, raised_at,
)  # fmt: skip
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.sizes import sized
from graphc.ir.type import TupleType, Type
from graphc.prims import accumulators, iterators, printer, queues, readers
from graphc.prims.dims import zeros
from graphc.prims.order import item
from graphc.prims.running import checked_ranks, once, resource
from graphc.prims.table import Prim, apply, declare

_TOKEN = np.zeros(0, np.uint8)


def _type(token: Type, *inputs: Type, results: tuple, sizes: tuple = (), **attrs):
    """``results`` are pairs of dtype and sizes, of which -1 is known only while running."""
    open_sizes = iter(sizes)
    types = [Type(d, tuple([next(open_sizes) if _is_open(n) else n for n in shape])) for d, shape in results]
    return TupleType((token, *types)) if types else token


def _is_open(size) -> bool:
    return type(size) is int and size < 0


def _answer(key: str, found, results: tuple):
    checked_ranks(key, found, results)
    return (_TOKEN, *found) if results else _TOKEN


# ------------------------------------------------------------------------------------------ resources


def _act_array(token, *arrays, definition, method, key, results, partner=""):
    target = resource(definition, made)
    others = (resource(partner, made),) if partner else ()
    gives_way = getattr(target, "gives_way", None)
    outside = None  # what is quick, or gives way by itself, is done where it stands
    if gives_way is None or not gives_way(method, arrays):
        outside = lambda: _outside(getattr(target, method), others, arrays)  # noqa: E731
    return _answer(key, once(key, lambda: getattr(target, method)(*others, *arrays), outside), results)


def _outside(method: Callable, others: tuple, arrays) -> Callable:
    """A call for later, when the arrays are not there any more."""
    kept = [a.copy() for a in arrays]
    return lambda: method(*others, *kept)


def made(definition: str):
    """The resource that a text defines, as it is at first."""
    label = json.loads(definition)[0]
    return next(module.made(definition) for ending, module in _MODULES if label.endswith(ending))


_MODULES = (("Queue", queues), ("Accumulator", accumulators), ("Print", printer), ("Reader", readers),
            ("Iterator", iterators), ("Dataset", iterators))  # fmt: skip


declare(Prim("act", _type, _act_array, native=False))


def act(
    token: Node, *inputs: Node, definition: str, method: str, key: str, results=(), partner: str = ""
) -> list[Node]:
    """Call a method of a resource; the next token and the results.

    Args:
        definition: the resource as a text; key: names this operation.
        results: pairs of dtype and sizes; -1 is known only while running.
        partner: another resource that the method is given first.
    """
    attrs = {"definition": definition, "method": method, "key": key, "results": tuple(results)}
    attrs |= {"partner": partner} if partner else {}
    return _applied("act", (token, *inputs), attrs)


def _applied(op: str, inputs: tuple, attrs: dict) -> list[Node]:
    count = sum(_is_open(n) for _, shape in attrs["results"] for n in shape)
    node = sized(op, inputs, attrs, _type, count, here()) if count else apply(op, *inputs, **attrs)
    return [item(node, k) for k in range(len(attrs["results"]) + 1)] if attrs["results"] else [node]


# ------------------------------------------------------------------------------------------- functions


def _python_array(token, *arrays, callback, key, results):
    def call(*given):
        return converted(callback(*[a.copy() for a in given or arrays]), tuple([d for d, _ in results]), key)

    return _answer(key, once(key, call, lambda: _outside(call, (), arrays)), results)


def converted(answer, dtypes: tuple, label: str) -> list[np.ndarray]:
    """What a user's function answered, a value or a list of them, as arrays of the dtypes that were promised.

    Raises:
        InvalidArgumentError: the number of values, or a dtype, is another.
    """
    if not dtypes:
        return []
    label = label.partition("?")[0]
    values = list(answer) if isinstance(answer, (list, tuple)) else [answer]
    if len(values) != len(dtypes):
        what = f"{label}: the function answers with {len(values)} values, but Tout has {len(dtypes)}"
        raise InvalidArgumentError(what)
    return [_converted(v, d, f"{label}: value {k}") for k, (v, d) in enumerate(zip(values, dtypes))]


def _converted(value, dtype: dt.DType, label: str) -> np.ndarray:
    if dtype is dt.string:
        array = np.array(value, dtype=object)
        text = [e if isinstance(e, bytes) else str(e).encode() for e in array.reshape(-1)]
        found = np.empty(len(text), object)
        found[:] = text
        return found.reshape(array.shape)
    array = np.asarray(value)
    is_python = not isinstance(value, (np.ndarray, np.generic))
    if array.dtype != dtype.numpy and not (is_python and np.can_cast(array.dtype, dtype.numpy, "same_kind")):
        found = "None" if value is None else f"of {array.dtype}"
        advice = "return a value" if value is None else f"convert it, as with np.{dtype.name}(value)"
        what = f"{label} of the function is {found}, but Tout says {dtype.name}; {advice}"
        raise InvalidArgumentError(what)
    return np.array(array, dtype=dtype.numpy)


_ERRORS = (
    (StopIteration, OutOfRangeError),
    ((TypeError, ValueError), InvalidArgumentError),
    (MemoryError, ResourceExhaustedError),
    (NotImplementedError, UnimplementedError),
    (Exception, UnknownError),
)


def told(function: Callable) -> Callable:
    """A user's function, whose errors come out as TensorFlow's."""

    @functools.wraps(function)
    def told_function(*values):
        try:
            return function(*values)
        except GraphcError:
            raise
        except Exception as error:
            kind = next(to for of, to in _ERRORS if isinstance(error, of))
            name = getattr(function, "__name__", repr(function))
            what, at = str(error).partition("\n  at ")[0], raised_at(error)
            inside = "" if at is None else f"\n  in {at}: {at.source}"
            raise kind(f"{name} raised {type(error).__name__}: {what}{inside}") from error

    return told_function


def _python_vjp(g, out, token, *inputs, callback, key, results, sizes=()):
    """A second call of Python for the cotangents, if the function has ``slopes``."""
    slopes = getattr(callback, "slopes", None)
    if slopes is None or all(x is None for x in g[1:]):
        return (None,) * (len(inputs) + 1)
    upstream = [zeros(t) if x is None else x for x, t in zip(g[1:], out.type.items[1:])]
    places = [k for k, x in enumerate(inputs) if x.dtype.is_inexact]
    wanted = tuple([(inputs[k].dtype, inputs[k].shape) for k in places])
    is_sized = any(type(n) is not int for t in out.type.items[1:] for n in t.shape)
    # After the call itself only if that makes sizes: it would be made again where a loop runs back.
    before = item(out, 0) if is_sized else zeros(token.type)
    made = python(before, *inputs, *upstream, callback=slopes, key=f"{key}/slopes", results=wanted)[1:]
    found = dict(zip(places, made))
    return (None, *[found.get(k) for k in range(len(inputs))])


declare(Prim("python", _type, _python_array, vjp=_python_vjp, native=False))


def python(token: Node, *inputs: Node, callback: Callable, key: str, results) -> list[Node]:
    """What a Python function answers for the arrays of ``inputs``: the next token and the results; see ``act``.

    Where the callback has an attribute ``slopes``, that is its gradient: a function of the inputs and the cotangents of
    all results that answers with the cotangents of the floating inputs.
    """
    attrs = {"callback": callback, "key": key, "results": tuple(results)}
    return _applied("python", (token, *inputs), attrs)


# ---------------------------------------------------------------------------------------------- counting


def _limited_type(current: Type, limit: int) -> Type:
    if current.dtype not in (dt.i32, dt.i64) or current.shape != ():
        raise DtypeError(f"count_up_to: counts in a scalar i32 or i64, not in {current}")
    return current


def _limited_array(current, limit):
    if current >= limit:
        raise OutOfRangeError(f"Reached limit of {limit}")
    return np.array(current + 1, current.dtype)


declare(Prim("count_up_to", _limited_type, _limited_array, native=False))


def _after_type(value: Type, *before: Type) -> Type:
    return value


declare(Prim("after", _after_type, lambda value, *before: value, native=False, vjp=None))
