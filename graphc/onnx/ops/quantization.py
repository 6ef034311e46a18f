"""Numbers on a grid: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, by tensor, axis or block."""

from __future__ import annotations

from graphc.errors import DtypeError, FormatError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node
from graphc.lib import math, reduction, shape, small_floats
from graphc.lib.promote import broadcast_to
from graphc.onnx.call import Call, element_of_value
from graphc.onnx.ops.axes import axis_in
from graphc.onnx.ops.casts import cast_to, decoded, plain
from graphc.onnx.ops.precision import widened, working
from graphc.onnx.ops.sizes import differ
from graphc.onnx.registry import MICROSOFT, operator
from graphc.onnx.values import ELEMENTS, Element, Narrow, describe, node_of, typed
from graphc.prims.table import apply

UINT8 = ELEMENTS[2]
_GRIDS = {
    "uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767),
    "uint4": (0, 15), "int4": (-8, 7), "uint2": (0, 3), "int2": (-2, 1),
}  # fmt: skip


def numbers(value: Node | Narrow) -> Node:
    """A tensor of any numeric element type as floats or integers that a register holds."""
    return decoded(value) if isinstance(value, Narrow) else value


def is_one(v: Node) -> bool:
    """Whether a scale or zero point is one number for everything."""
    return not v.shape or v.shape == (1,)


def spread(call: Call, v: Node, x, axis: int, block: int) -> Node:
    """A scale or zero point for every element of ``x``.

    Args:
        axis: along which ``v`` is a vector or has blocks. block: how many elements each number is for; 0 for a vector.

    Raises:
        ShapeError: they do not fit.
    """
    rank = len(x.shape)
    if is_one(v):
        return broadcast_to(shape.reshape(v, ()), x.shape)
    axis = 0 if rank == 1 and len(v.shape) == 1 else axis_in(call, axis, rank)
    if len(v.shape) == 1 and not (block and rank == 1):
        if differ(v.shape, x.shape[axis : axis + 1]):
            raise call.wrong(f"{v.shape[0]} scales do not fit the {x.shape[axis]} places of axis {axis}")
        return apply("broadcast", shape.ensure_shape(v, [x.shape[axis]]), shape=x.shape, axes=(axis,))
    if block < 1 or len(v.shape) != rank:
        raise call.wrong("a scale is a scalar, a vector, or, with a block_size, of as many axes as what it is for")
    wide = shape.repeat(v, block, axis)
    wanted = tuple(x.shape[axis] if k == axis else d for k, d in enumerate(x.shape))
    have, need = wide.shape[axis], wanted[axis]
    if type(have) is int and type(need) is int and not need <= have < need + block:
        raise call.wrong(f"{v.shape[axis]} blocks of {block} do not fit the {need} places of axis {axis}")
    return shape.ensure_shape(wide if have == need else shape.part(wide, axis, 0, need), wanted)


def rounded(x: Node, zero: Node | None, element: Element) -> Node | Narrow:
    """Floats as integers of a type: the nearest (halves to even), moved by the zero point, within the type's range.

    Args:
        zero: integers of the same shape, or None.
    """
    low, high = _GRIDS[element.name]
    whole = widened(apply("round", x))
    if zero is not None:
        whole = apply("add", whole, math.cast(zero, whole.dtype))
    inside = math.minimum(math.maximum(whole, float(low)), float(high))
    return typed(math.cast(inside, element.carrier), element)


def is_grid(element: Element) -> bool:
    """Whether it is an integer type that floats are quantised to."""
    return element.name in _GRIDS


def quantized(x: Node, scale: Node, zero, element: Element, saturate: bool = True) -> Node | Narrow:
    """Floats divided by a scale, in ``element``; all of one shape, ``zero`` may be None."""
    moved = apply("div", x, scale)
    if is_grid(element):
        return rounded(moved, None if zero is None else numbers(zero), element)
    if zero is not None and not element.name.startswith("float8"):
        moved = apply("add", moved, plain(zero, moved.dtype))
    return cast_to(moved, element, saturate)


def dequantized(x, scale: Node, zero, dtype: DType) -> Node:
    """The numbers that a quantised tensor stands for; ``scale`` and ``zero`` (or None) are of its shape."""
    is_float8, x = isinstance(x, Narrow) and x.element.name.startswith("float8"), numbers(x)
    if zero is not None and not is_float8:
        kind = x.dtype if x.dtype.is_float else dt.i32
        x = apply("sub", math.cast(x, kind), math.cast(numbers(zero), kind))
    work = working(dtype)
    return math.cast(apply("mul", math.cast(x, work), math.cast(scale, work)), dtype)


def _points(call: Call, x) -> tuple[Node, Node | Narrow | None]:
    """Scale and zero point (or None) for every element."""
    axis, block = call.int("axis", 1), call.int("block_size", 0)
    if block < 0:
        raise FormatError(f"{call.op}: block_size must not be negative, it is {block}")
    scale = numbers(call.carried(1))
    if not (scale.dtype.is_float or scale.dtype is dt.i32):
        raise DtypeError(f"{call.op}: scales are floats, got {describe(call.inputs[1])}")
    if not call.has(2):
        return spread(call, scale, x, axis, block), None
    zero = call.carried(2)
    node = node_of(zero)
    if node.shape != scale.shape and not (is_one(node) and is_one(scale)):
        if len(node.shape) != len(scale.shape) or all(type(d) is int for d in (*node.shape, *scale.shape)):
            raise call.wrong("scale and zero point differ in shape")
    return spread(call, scale, x, axis, block), typed(spread(call, node, x, axis, block), element_of_value(zero))


@operator("QuantizeLinear")
@operator("QuantizeLinear", domain=MICROSOFT)
def quantize_linear(call: Call):
    """Floats divided by scales and rounded, plus zero points."""
    x = call[0]
    element = element_of_value(call.carried(2)) if call.has(2) else call.element("output_dtype", UINT8)
    if call.has(2) and call.element("output_dtype", element) is not element:
        raise FormatError(f"QuantizeLinear: output_dtype differs from the zero point's type, {element}")
    if not is_grid(element) and not (element.is_small_float and element.name in small_floats.FORMATS):
        raise DtypeError(f"QuantizeLinear: {element} is no type that floats are quantised to")
    scale, zero = _points(call, x)
    wanted = call.element("precision", None)
    given = element_of_value(call.value(1)).carrier
    work = wanted.carrier if wanted is not None else given if given.is_float else dt.f32
    if not work.is_float or not (x.dtype.is_float or x.dtype is dt.i32):
        raise DtypeError(f"QuantizeLinear: cannot divide {describe(x)} in {work.name}")
    return quantized(math.cast(x, work), math.cast(scale, work), zero, element, bool(call.int("saturate", 1)))


@operator("DequantizeLinear")
@operator("DequantizeLinear", domain=MICROSOFT)
def dequantize_linear(call: Call):
    """Integers or small floats less their zero points, times scales."""
    x = call.carried(0)
    if not (isinstance(x, Narrow) or x.dtype.is_integer):
        raise DtypeError(f"DequantizeLinear: input 0 must be of integers or small floats, got {describe(x)}")
    if call.has(2) and element_of_value(call.carried(2)) is not element_of_value(x):
        what = f"DequantizeLinear: {describe(x)} and its zero point {describe(call.inputs[2])} differ in type"
        raise DtypeError(what)
    scale, zero = _points(call, x)
    kind = call.element("output_dtype", None)
    dtype = kind.carrier if kind is not None else scale.dtype
    if not dtype.is_float or (kind is not None and kind.is_narrow):
        raise DtypeError(f"DequantizeLinear: answers with floats, not with {dtype.name}")
    return dequantized(x, scale, zero, dtype)


def scale_of_range(x: Node) -> tuple[Node, Node]:
    """The scale and the zero point (u8), as scalars, by which uint8 covers 0 and all elements of ``x``."""
    high, low = (math.cast(reduce(x), dt.f32) for reduce in (reduction.reduce_max, reduction.reduce_min))
    high, low = math.maximum(high, 0.0), math.minimum(low, 0.0)
    width = apply("select", apply("eq", high, low), math.full_like(high, 1), apply("sub", high, low))
    scale = apply("div", width, math.full_like(width, 255))
    start = apply("neg", apply("div", low, scale))
    inside = math.minimum(math.maximum(start, 0.0), 255.0)
    return scale, math.cast(apply("round", inside), dt.u8)


@operator("DynamicQuantizeLinear")
def dynamic_quantize_linear(call: Call):
    """Floats as uint8 by their own range, and that scale and zero point."""
    x = call[0]
    if x.dtype is not dt.f32:
        raise DtypeError(f"DynamicQuantizeLinear: needs float32, got {describe(x)}")
    scale, zero = scale_of_range(x)
    return [quantized(x, broadcast_to(scale, x.shape), broadcast_to(zero, x.shape), UINT8), scale, zero]
