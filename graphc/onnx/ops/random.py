"""Random operators: normal and uniform numbers, Bernoulli trials, draws of classes."""

from __future__ import annotations

from graphc.errors import DtypeError, FormatError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.lib import math, random
from graphc.onnx.call import Call, element_of_value
from graphc.onnx.draws import place_of
from graphc.onnx.ops.casts import cast_to, plain
from graphc.onnx.ops.precision import working
from graphc.onnx.registry import operator
from graphc.onnx.values import ELEMENTS, describe


def _place(call: Call) -> tuple[Node, Node]:
    return place_of(call, call.float("seed", None))


def _floating(call: Call, default: DType | None = None) -> DType:
    """The dtype of the numbers."""
    found = call.element("dtype", None)
    dtype = found.carrier if found is not None and not found.is_narrow else default if found is None else None
    if dtype is None or not dtype.is_float:
        shown = found if found is not None else default.name
        raise DtypeError(f"{call.op}: draws floats, not {shown}")
    return dtype


def _sizes(call: Call) -> list[int]:
    sizes = call.ints("shape")
    if any(d < 0 for d in sizes):
        raise FormatError(f"{call.op}: attribute 'shape' is {sizes}")
    return sizes


def _like(call: Call) -> tuple[tuple, DType]:
    x = call.carried(0)
    return x.shape, _floating(call, element_of_value(x).carrier)


def _normal(call: Call, shape, dtype: DType) -> Node:
    return random.normal(*_place(call), shape, call.float("mean", 0.0), call.float("scale", 1.0), dtype)


def _uniform(call: Call, shape, dtype: DType) -> Node:
    return random.uniform(*_place(call), shape, call.float("low", 0.0), call.float("high", 1.0), dtype)


@operator("RandomNormal")
def random_normal(call: Call):
    """Normally distributed numbers of a given shape."""
    return _normal(call, _sizes(call), _floating(call, dt.f32))


@operator("RandomUniform")
def random_uniform(call: Call):
    """Uniformly distributed numbers of a given shape."""
    return _uniform(call, _sizes(call), _floating(call, dt.f32))


@operator("RandomNormalLike")
def random_normal_like(call: Call):
    """Normally distributed numbers of the shape of a tensor."""
    return _normal(call, *_like(call))


@operator("RandomUniformLike")
def random_uniform_like(call: Call):
    """Uniformly distributed numbers of the shape of a tensor."""
    return _uniform(call, *_like(call))


@operator("Bernoulli")
def bernoulli(call: Call):
    """1 with the probability that each element is, else 0."""
    x = call[0]
    if not x.dtype.is_float:
        raise DtypeError(f"Bernoulli: probabilities are floats, got {describe(x)}")
    kind = working(x.dtype)
    drawn = random.uniform(*_place(call), x.shape, 0.0, 1.0, kind)
    return cast_to(math.less(drawn, plain(x, kind)), call.element("dtype", element_of_value(x)))


@operator("Multinomial")
def multinomial(call: Call):
    """Numbers of classes, drawn for each row of unnormalised log-probabilities."""
    kind, count = call.element("dtype", ELEMENTS[6]), call.int("sample_size", 1)
    if kind.carrier not in (dt.i32, dt.i64):
        raise DtypeError(f"Multinomial: answers with int32 or int64, not with {kind}")
    if count < 1:
        raise FormatError(f"Multinomial: attribute 'sample_size' is {count}")
    return random.categorical(*_place(call), call[0], count, kind.carrier)
