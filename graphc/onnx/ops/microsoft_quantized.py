"""Quantised operators of ONNX Runtime's domain com.microsoft: arithmetic, activations, pooling, matrix products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import linalg, math, nn, reduction, shape
from graphc.lib.promote import as_node, broadcast_to
from graphc.onnx.call import Call, element_of_value
from graphc.onnx.ops.axes import axis_in
from graphc.onnx.ops.integer_products import by_rows, centred, product, requantized, scale_in, whole
from graphc.onnx.ops.pooling import average_pool
from graphc.onnx.ops.quantization import UINT8, dequantized, is_one, quantized, scale_of_range
from graphc.onnx.registry import MICROSOFT, operator
from graphc.onnx.values import Element
from graphc.prims.table import apply


def _single(call: Call, v: Node) -> Node:
    if not is_one(v):
        raise call.wrong("scales and zero points must be single numbers")
    return shape.reshape(v, ())


def _floats(call: Call, k: int, scale: int, zero: int) -> Node:
    """The numbers that input ``k`` stands for, by one scale and one zero point."""
    x = whole(call, k)
    points = broadcast_to(_single(call, whole(call, zero)), x.shape) if call.has(zero) else None
    wide = broadcast_to(_single(call, math.cast(scale_in(call, scale), dt.f32)), x.shape)
    return dequantized(x, wide, points, dt.f32)


def _integers(call: Call, x: Node, scale: int, zero: int, default: Element = UINT8):
    """Floats quantised by one scale and one zero point, in the type of the zero point."""
    wide = broadcast_to(_single(call, math.cast(scale_in(call, scale), dt.f32)), x.shape)
    if not call.has(zero):
        return quantized(x, wide, None, default)
    points = broadcast_to(_single(call, whole(call, zero)), x.shape)
    return quantized(x, wide, points, element_of_value(call.value(zero)))


# ------------------------------------------------------------------------------------------- element-wise


def _binary(function: Callable) -> Callable:
    """Two quantised operands: each has a scale and a zero point behind it, then come those of the result."""
    return lambda call: _integers(call, function(_floats(call, 0, 1, 2), _floats(call, 3, 4, 5)), 6, 7)


def _unary(function: Callable) -> Callable:
    """One quantised operand: scale and zero point of it, then those of the result."""
    return lambda call: _integers(call, function(call, _floats(call, 0, 1, 2)), 3, 4, element_of_value(call.value(0)))


def _leaky(call: Call, x: Node) -> Node:
    return nn.leaky_relu(x, call.float("alpha", 0.01))


def _softmax(call: Call, x: Node) -> Node:
    axis = axis_in(call, call.int("axis", -1), len(x.shape))
    if call.int("opset", 13) >= 13 or axis == len(x.shape) - 1:
        return nn.softmax(x, axis)
    raise call.refuse("a softmax over several axes (opset below 13)")


def _spatial(call: Call, x: Node) -> tuple[int, ...]:
    return tuple(range(1, len(x.shape) - 1)) if call.int("channels_last", 0) else tuple(range(2, len(x.shape)))


def _mean(call: Call, x: Node) -> Node:
    return reduction.reduce_mean(x, _spatial(call, x), True)


def _pooled(call: Call, x: Node) -> Node:
    if call.int("channels_last", 0):
        raise call.refuse("channels_last")
    return average_pool(replace(call, inputs=(x,)))


def _reduced(call: Call, x: Node) -> Node:
    axes = call.ints("axes", None)
    return reduction.reduce_mean(x, None if axes is None else axes, bool(call.int("keepdims", 1)))


operator("QLinearAdd", domain=MICROSOFT)(_binary(math.add))
operator("QLinearMul", domain=MICROSOFT)(_binary(math.multiply))
operator("QLinearSigmoid", domain=MICROSOFT)(_unary(lambda call, x: math.sigmoid(x)))
for _name, _function in (("LeakyRelu", _leaky), ("Softmax", _softmax), ("GlobalAveragePool", _mean),
                         ("AveragePool", _pooled), ("ReduceMean", _reduced)):  # fmt: skip
    operator(f"QLinear{_name}", domain=MICROSOFT)(_unary(_function))


@operator("QLinearConcat", domain=MICROSOFT)
def concat(call: Call):
    """Quantised tensors one after the other; scale and zero point of the result come first."""
    if len(call) < 5 or (len(call) - 2) % 3:
        raise FormatError(f"QLinearConcat: takes a scale, a zero point and 3 inputs for each part, not {len(call)}")
    parts = [_floats(call, k, k + 1, k + 2) for k in range(2, len(call), 3)]
    return _integers(call, shape.concat(parts, call.int("axis")), 0, 1)


@operator("QLinearWhere", domain=MICROSOFT)
def where(call: Call):
    """One of two quantised operands."""
    return _integers(call, math.where(call[0], _floats(call, 1, 2, 3), _floats(call, 4, 5, 6)), 7, 8)


# ---------------------------------------------------------------------------------------- matrix products


@operator("QGemm", domain=MICROSOFT)
def gemm(call: Call):
    """``alpha * A @ B + C`` of quantised matrices, as quantised numbers or, without scale, as floats."""
    a, b = centred(call, 0, 2, True), centred(call, 3, 5, False)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise call.wrong("needs two matrices")
    if call.int("transB", 0) and call.has(5) and not is_one(whole(call, 5)):
        raise call.refuse("zero points by column of a transposed matrix")
    total = linalg.matmul(a, b, bool(call.int("transA", 0)), bool(call.int("transB", 0)))
    if call.has(6):
        total = math.add(total, broadcast_to(whole(call, 6), total.shape))
    scale = math.multiply(_single(call, scale_in(call, 1)), by_rows(call, scale_in(call, 4), 2, False))
    scale = math.multiply(scale, call.float("alpha", 1.0))
    if not call.has(7):
        return math.multiply(math.cast(total, dt.f32), scale)
    zero = _single(call, whole(call, 8)) if call.has(8) else None
    element = element_of_value(call.value(8 if call.has(8) else 0))
    return requantized(total, math.divide(scale, _single(call, scale_in(call, 7))), zero, element)


def _scaled(call: Call, total: Node, scales: tuple[Node, Node], bias: int) -> Node:
    found = math.multiply(math.cast(total, scales[0].dtype), math.multiply(*scales))
    return math.add(found, call[bias]) if call.has(bias) else found


@operator("MatMulIntegerToFloat", domain=MICROSOFT)
def matmul_to_float(call: Call):
    """The product of quantised matrices as floats, plus a bias."""
    a, b = centred(call, 0, 4, True), centred(call, 1, 5, False)
    scales = by_rows(call, scale_in(call, 2), len(a.shape), True), by_rows(call, scale_in(call, 3), len(b.shape), False)
    return _scaled(call, product(call, a, b), scales, 6)


@operator("DynamicQuantizeMatMul", domain=MICROSOFT)
def dynamic_matmul(call: Call):
    """A matrix of floats, quantised by its own range, times a quantised matrix."""
    x, b = call[0], centred(call, 1, 3, False)
    scale, zero = scale_of_range(x)
    whole_x = quantized(x, broadcast_to(scale, x.shape), broadcast_to(zero, x.shape), UINT8)
    a = math.subtract(math.cast(whole_x, dt.i32), math.cast(zero, dt.i32))
    return _scaled(call, product(call, a, b), (scale, by_rows(call, scale_in(call, 2), len(b.shape), False)), 4)


@operator("MatMulNBits", domain=MICROSOFT)
def matmul_bits(call: Call):
    """A matrix of floats times the transpose of one whose numbers have few bits, quantised in blocks."""
    x, bits, block = call[0], call.int("bits", 4), call.int("block_size")
    rows, depth = call.int("N"), call.int("K")
    if bits not in (2, 4, 8) or block < 1 or rows < 1 or depth < 1:
        raise FormatError(f"MatMulNBits: bits={bits}, block_size={block}, N={rows}, K={depth} are not possible")
    if call.has(4):
        raise call.refuse("a group index")
    blocks = -(-depth // block)
    codes = _unpacked(whole(call, 1), bits, (rows, blocks, -1))
    codes = shape.part(codes, 2, 0, block)
    scale = shape.reshape(scale_in(call, 2), (rows, blocks, 1))
    distance = math.subtract(math.cast(codes, scale.dtype), _centres(call, bits, rows, blocks, scale.dtype))
    weight = math.multiply(distance, scale)
    weight = shape.part(shape.reshape(weight, (rows, blocks * block)), 1, 0, depth)
    found = product(call, x, shape.transpose(math.cast(weight, x.dtype)))
    return math.add(found, call[5]) if call.has(5) else found


def _unpacked(packed: Node, bits: int, sizes: tuple) -> Node:
    """Codes of so many bits, the lowest first, from bytes whose last axis holds them."""
    count = 8 // bits
    packed = shape.reshape(packed, sizes)
    mask = math.full_like(packed, (1 << bits) - 1)
    parts = [apply("and", apply("shr", packed, math.full_like(packed, bits * k)), mask) for k in range(count)]
    if count == 1:
        return parts[0]
    return shape.reshape(shape.stack(parts, -1), (*packed.shape[:-1], packed.shape[-1] * count))


def _centres(call: Call, bits: int, rows: int, blocks: int, dtype) -> Node:
    """The zero points of the blocks as floats [rows, blocks, 1], or one for all."""
    if not call.has(3):
        return as_node(float(1 << (bits - 1)), dtype)
    given = call[3]
    if given.dtype.is_float:
        return shape.reshape(math.cast(given, dtype), (rows, blocks, 1))
    codes = shape.part(_unpacked(given, bits, (rows, -1)), 1, 0, blocks)
    return shape.reshape(math.cast(codes, dtype), (rows, blocks, 1))
