"""Random operations of the public catalogue, applied to values at hand and to arguments made up for them."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil

import numpy as np

import graphc.api.names as names
from graphc.api.op import Op
from graphc.errors import GraphcError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from tests.fuzz.rows import positive, unit

DISCRETE = frozenset("indices segment_ids labels ids condition mask a b".split())
IMAGES = frozenset("strides ksize padding images image input value features".split())
WINDOWS = frozenset("strides ksize filters filter pool_size".split())
VALUES = {
    "strides": lambda m, x: m.pick((1, 2)), "padding": lambda m, x: m.pick(("SAME", "VALID")), "ksize": lambda m, x: 2,
    "shape": lambda m, x: m.pick(((3,), (2, 3), (4, 1))), "size": lambda m, x: (4, 5), "axis": lambda m, x: _axis(m, x),
    "num_segments": lambda m, x: 4, "num": lambda m, x: 5, "k": lambda m, x: 1, "rate": lambda m, x: 0.5,
    "block_size": lambda m, x: 2, "lower": lambda m, x: -1, "upper": lambda m, x: 1, "shift": lambda m, x: 1,
    "num_lower": lambda m, x: 1, "num_upper": lambda m, x: 1, "clip_norm": lambda m, x: 1.5, "alpha": lambda m, x: 0.3,
    "depth": lambda m, x: 4, "multiples": lambda m, x: [2] * x.type.rank, "paddings": lambda m, x: [[1, 2]] * x.type.rank,
    "num_or_size_splits": lambda m, x: 1, "frame_length": lambda m, x: 4, "frame_step": lambda m, x: 2,
    "window_length": lambda m, x: 5, "delta": lambda m, x: 0.1, "max_delta": lambda m, x: 0.2, "max_val": lambda m, x: 1.0,
    "target_height": lambda m, x: 7, "target_width": lambda m, x: 4, "central_fraction": lambda m, x: 0.6,
    "contrast_factor": lambda m, x: 1.3, "saturation_factor": lambda m, x: 1.3, "variance_epsilon": lambda m, x: 1e-3,
    "dtype": lambda m, x: m.pick(("float32", "float64", "int32")), "axes": lambda m, x: 1, "seed": lambda m, x: (1, 2),
    "begin": lambda m, x: [0] * x.type.rank, "num_rows": lambda m, x: 3, "stride": lambda m, x: 1,
    "dilations": lambda m, x: 1, "offset_height": lambda m, x: 0, "offset_width": lambda m, x: 0,
}  # fmt: skip
OPTIONAL = ("axis", "keepdims", "exclusive", "reverse", "keep_dims")


def _axis(m, x: Node):
    return m.below(max(x.type.rank, 1)) - (x.type.rank if m.chance(0.3) else 0)


@functools.cache
def operations() -> tuple[Op, ...]:
    """The rows of the catalogue whose operands can be floating and that have no effects."""
    found = []
    for module in sorted(m.name for m in pkgutil.iter_modules(names.__path__)):
        for op in getattr(importlib.import_module(f"{names.__name__}.{module}"), "ROWS", ()):
            if not op.effect and module not in ("debugging", "control", "codec", "autodiff") and op.tensors:
                found.append(op)
    return tuple(sorted(found, key=lambda op: op.names))


def composite(m) -> list[Node]:
    """The floating, integer or bool results of one random operation of the catalogue."""
    op = m.pick(operations())
    arguments, given = _arguments(m, op)
    try:
        results = op.function(*given, **arguments)
    except GraphcError:
        raise
    except Exception as error:  # how operands are refused is what the tests of the operations look at
        raise UsageError(f"{op.names}: {type(error).__name__}: {error}") from error
    results = results if isinstance(results, (list, tuple)) else (results,)
    return [y for y in results if isinstance(y, Node) and isinstance(y.type, Type)]


def _arguments(m, op: Op) -> tuple[dict, list]:
    """Keyword arguments, and those that must go by position."""
    parameters = list(inspect.signature(op.function).parameters.values())
    given = []
    if op.random:
        given = [const(np.array([m.below(99), 3], np.uint32)), const(np.uint64(m.below(99)))]
        parameters = parameters[2:]
    tensors = {n.lstrip("*"): n.startswith("*") for n in op.tensors.replace("|", " ").split()}
    windows = any(q.name in WINDOWS for q in parameters)
    if windows and m.chance(0.8):
        x = m.input(Type(m.pick((dt.f32, dt.f32, dt.f64)), (m.n if m.symbolic and m.chance(0.5) else 2, 6, 5, 2)))
    else:
        x = m.some(lambda y: y.dtype.kind in "iufc") or m.input(Type(dt.f32, (3, 4)))
    x = x if m.chance(0.6) or not x.dtype.is_float else m.pick((unit, positive))(x)
    found, first = {}, x
    for q in parameters:
        if q.name in tensors:
            value = [_tensor(m, q.name, first), _tensor(m, q.name, first)] if tensors[q.name] else (
                x if first is x and not found else _tensor(m, q.name, first))  # fmt: skip
            if q.kind is q.VAR_POSITIONAL:
                given += value
                continue
            if q.default is q.empty or m.chance(0.2):
                found[q.name] = value
        elif q.default is q.empty and q.kind not in (q.VAR_POSITIONAL, q.VAR_KEYWORD):
            if q.name not in VALUES:
                raise UsageError(f"no value for {q.name}")
            found[q.name] = VALUES[q.name](m, x)
        elif q.name in OPTIONAL and m.chance(0.5):
            found[q.name] = _axis(m, x) if q.name == "axis" else m.chance(0.5)
    return found, given


def _tensor(m, name: str, x: Node) -> Node:
    if name in ("filters", "filter") and x.type.rank > 2:
        return m.input(Type(x.dtype, (*[2] * (x.type.rank - 2), x.shape[-1], 3)))
    if name in DISCRETE and m.chance(0.7):
        return m.input(Type(m.pick((dt.i32, dt.i64)), x.shape[:1]), low=0, high=3) if m.chance(0.6) else m.like(x, dt.b1)
    return m.like(x) if m.chance(0.8) else m.some()
