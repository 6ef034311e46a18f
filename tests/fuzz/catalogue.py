"""Random operations of the public catalogue, applied to values at hand and to arguments made up for them."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil

import numpy as np

import graphc.api.names as names
from graphc import prims as p
from graphc.api.op import Op
from graphc.errors import GraphcError, UsageError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from tests.fuzz.rows import positive, unit

DISCRETE = frozenset("indices segment_ids labels ids condition mask a b".split())
TRIES = 4
LEFT_OUT = frozenset("debugging control codec autodiff strings".split())  # effects, bodies, no numbers
VALUES = {
    "strides": lambda m, x: m.pick((1, 2)), "padding": lambda m, x: m.pick(("SAME", "VALID")), "ksize": lambda m, x: 2,
    "shape": lambda m, x: m.pick(((3,), (2, 3), (4, 1))), "size": lambda m, x: (4, 5), "axis": lambda m, x: _axis(m, x),
    "num_segments": lambda m, x: 4, "num": lambda m, x: 5, "k": lambda m, x: 1, "rate": lambda m, x: 0.5,
    "block_size": lambda m, x: 2, "lower": lambda m, x: -1, "upper": lambda m, x: 1, "shift": lambda m, x: 1,
    "num_lower": lambda m, x: 1, "num_upper": lambda m, x: 1, "clip_norm": lambda m, x: 1.5, "alpha": lambda m, x: 0.3,
    "depth": lambda m, x: 4, "multiples": lambda m, x: [2] * x.type.rank,
    "paddings": lambda m, x: [[1, 2]] * x.type.rank,
    "num_or_size_splits": lambda m, x: 1, "frame_length": lambda m, x: 4, "frame_step": lambda m, x: 2,
    "window_length": lambda m, x: 5, "delta": lambda m, x: 0.1, "max_delta": lambda m, x: 0.2,
    "max_val": lambda m, x: 1.0,
    "target_height": lambda m, x: 7, "target_width": lambda m, x: 4, "central_fraction": lambda m, x: 0.6,
    "contrast_factor": lambda m, x: 1.3, "saturation_factor": lambda m, x: 1.3, "variance_epsilon": lambda m, x: 1e-3,
    "dtype": lambda m, x: m.pick(("float32", "float64", "int32")), "axes": lambda m, x: 1, "seed": lambda m, x: (1, 2),
    "begin": lambda m, x: [0] * x.type.rank, "num_rows": lambda m, x: 3, "stride": lambda m, x: 1,
    "block_shape": lambda m, x: [1, 2], "crops": lambda m, x: [[0, 0]] * 2, "dims": lambda m, x: (2, 3),
    "num_samples": lambda m, x: 3, "num_partitions": lambda m, x: 3, "T": lambda m, x: "quint8", "q": lambda m, x: 0.5,
    "max_output_size": lambda m, x: 3, "window_shape": lambda m, x: 2,
    "pooling_type": lambda m, x: m.pick(("AVG", "MAX")),
    "pooling_ratio": lambda m, x: 1.4, "crop_size": lambda m, x: (3, 2), "end": lambda m, x: [2] * x.type.rank,
    "sizes": lambda m, x: (1, 2, 2, 1), "rates": lambda m, x: (1, 1, 1, 1), "type": lambda m, x: "int32",
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
            if not op.effect and module not in LEFT_OUT and op.tensors:
                found.append(op)
    return tuple(sorted(found, key=lambda op: op.names))


def composite(m) -> list[Node]:
    """The results of one random operation of the catalogue; a few tries find operands that it takes."""
    for _ in range(TRIES):
        op = m.pick(operations())
        for _ in range(TRIES):
            try:
                arguments, given = _arguments(m, op)
                results = op.function(*given, **arguments)
            except GraphcError:
                continue
            except Exception as error:  # how operands are refused is what the tests of the operations look at
                raise UsageError(f"{op.names}: {type(error).__name__}: {error}") from error
            results = results if isinstance(results, (list, tuple)) else (results,)
            return [y for y in results if isinstance(y, Node) and isinstance(y.type, Type)]
    return []


def _operand(m) -> Node:
    """A value for the first operand: one at hand, or an input of a kind that some operations ask for."""
    if m.chance(0.55):
        x = m.some(lambda y: y.dtype.kind in "fc") if m.chance(0.7) else m.some(lambda y: y.dtype.kind in "biufc")
        if x is not None:
            return x if m.chance(0.6) or not x.dtype.is_float else m.pick((unit, positive))(x)
    lead = m.n if m.symbolic and m.chance(0.5) else 2
    dtype, side = m.pick((dt.f32, dt.f32, dt.f64)), m.pick((2, 3))
    shapes = (
        (lead, 6, 5, 2),
        (lead, 6, 4, 3),
        (lead, 7, 4),
        (lead, 4, 5, 4, 2),
        (lead, side, side),
        (side, side),
        (5,),
    )
    kinds = [Type(dtype, shape) for shape in shapes]
    kinds += [Type(dt.i32, (lead, 4)), Type(dt.i64, (6,)), Type(dt.b1, (lead, 3))]
    kinds += [Type(m.pick((dt.c64, dt.c128)), (lead, 4)), Type(dt.c64, (2, 3, 4))]
    kind = m.pick(kinds)
    if kind.dtype.is_integer:
        return m.input(kind, low=0, high=4)
    return m.input(kind)


def _arguments(m, op: Op) -> tuple[dict, list]:
    """Keyword arguments, and those that must go by position."""
    parameters = list(inspect.signature(op.function).parameters.values())
    given = []
    if op.random:
        given = [const(np.array([m.below(99), 3], np.uint32)), const(np.uint64(m.below(99)))]
        parameters = parameters[2:]
    tensors = {n.lstrip("*"): n.startswith("*") for n in op.tensors.replace("|", " ").split()}
    found, first = {}, None
    for q in parameters:
        if q.name in tensors:
            many = tensors[q.name]
            if not (q.default is q.empty or first is None or m.chance(0.4)):
                continue
            value = _operand(m) if first is None else _tensor(m, q.name, first)
            first = value if first is None else first
            value = [value, _tensor(m, q.name, first)] if many else value
            if q.kind is q.VAR_POSITIONAL:
                given += value
            else:
                found[q.name] = value
        elif q.default is q.empty and q.kind not in (q.VAR_POSITIONAL, q.VAR_KEYWORD):
            if q.name not in VALUES:
                raise UsageError(f"no value for {q.name}")
            found[q.name] = VALUES[q.name](m, first if first is not None else const(1.0))
        elif q.name in OPTIONAL and m.chance(0.5):
            found[q.name] = _axis(m, first) if q.name == "axis" and first is not None else m.chance(0.5)
    return found, given


def _tensor(m, name: str, x: Node) -> Node:
    if name in ("filters", "filter") and x.type.rank > 2:
        return m.input(Type(x.dtype, (*[2] * (x.type.rank - 2), x.shape[-1], 3)))
    if name in DISCRETE and m.chance(0.7):
        if m.chance(0.4):
            return m.like(x, dt.b1)
        return m.input(Type(m.pick((dt.i32, dt.i64)), x.shape[:1]), low=0, high=3)
    if name == "seed":
        return const(np.array([m.below(99), 2], np.int32))
    choice = m.below(10)
    if choice == 0:
        return m.some()
    if choice == 1 and x.type.rank:
        return m.like(p.reshape(p.slice(x, [0] * x.type.rank, [1] * (x.type.rank - 1) + [x.shape[-1]]), (x.shape[-1],)))
    return m.like(x) if choice < 9 else const(m.pick((0.5, 1.0, 2.0)), Type(x.dtype, ()))
