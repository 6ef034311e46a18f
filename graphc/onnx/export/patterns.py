"""Patterns: what several primitives together are called in ONNX.

Most rows build with ``graphc.lib`` what the operator means: Nodes that are equal are one Node, so a Node is an instance
of the pattern exactly if it is what was built.
"""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir import dtype as dt
from graphc.ir.node import Node, const_value
from graphc.lib import math as lib_math
from graphc.lib import nn, reduction
from graphc.onnx.export.draws import drawn_bits, fraction, normal, uniform
from graphc.onnx.export.elements import combined
from graphc.onnx.export.emitter import Emitter, Form, Value, is_splat
from graphc.onnx.export.movement import turned
from graphc.onnx.export.normalised import batch_normalised, layer_normalised
from graphc.onnx.export.pools import averaged, depthwise, pooled_maximum
from graphc.onnx.export.products import matrix, plan_conv
from graphc.onnx.export.reductions import write_sorted, written_reduce
from graphc.prims.dims import as_node, size_of

_GELU = 20  # the opset that has it
_FLOATS = (dt.f16, dt.bf16, dt.f32, dt.f64)
_MOST_AXES = 8


# --------------------------------------------------------------------------------- one operator of one operand


def _unary(kind: str, x: Node, **attrs) -> Form:
    """An element-wise operator in place of several."""
    return Form((x,), lambda e, node: combined(e, node, (x,), lambda names: e.typed(kind, names, x.dtype, **attrs)))


def _along(kind: str, x: Node, axis: int) -> Form:
    """An operator along an axis, wherever that lies."""

    def write(e: Emitter, node: Node) -> Value:
        value = e.found[x]
        if value.perm is not None and value.covers(x.shape):
            return Value(e.typed(kind, [value.name], x.dtype, axis=value.perm.index(axis)), value.sizes, value.perm)
        return Value(e.typed(kind, [e.full(x)], x.dtype, axis=axis), node.shape)

    return Form((x,), write)


def _relu(e: Emitter, node: Node) -> Form | None:
    for zero, x in (node.inputs, node.inputs[::-1]):
        if is_splat(zero, 0) and node.dtype in _FLOATS and not is_splat(x):
            return _unary("Relu", x)
    return None


def _clip(e: Emitter, node: Node) -> Form | None:
    """``min(max(x, low), high)``, or the other way round where that is the same."""
    other = "min" if node.op == "max" else "max"
    for limit, inner in (node.inputs, node.inputs[::-1]):
        if const_value(limit) is None or inner.op != other:
            continue
        for second, x in (inner.inputs, inner.inputs[::-1]):
            if const_value(second) is None or const_value(x) is not None:
                continue
            low, high = (second, limit) if node.op == "min" else (limit, second)
            if not const_value(low) <= const_value(high):
                continue
            kind = x.dtype

            def write(e: Emitter, node: Node, x=x, low=low, high=high, kind=kind) -> Value:
                bounds = [e.const(const_value(v), kind) for v in (low, high)]
                return combined(e, node, (x,), lambda names: e.typed("Clip", [*names, *bounds], kind))

            return Form((x,), write)
    return None


def _softmax(e: Emitter, node: Node) -> Form | None:
    for top, _ in (node.inputs, node.inputs[::-1]):
        if top.op != "exp" or top.inputs[0].op != "sub":
            continue
        x = top.inputs[0].inputs[0]
        for axis in range(min(len(x.shape), _MOST_AXES)):
            if node in (nn.softmax(x, axis), _plain_softmax(x, axis)):
                return _along("Softmax", x, axis)
    return None


def _plain_softmax(x: Node, axis: int) -> Node:
    """As one writes it."""
    top = lib_math.subtract(x, _kept(x, "max", axis))
    return lib_math.divide(lib_math.exp(top), _kept(lib_math.exp(top), "sum", axis))


def _kept(x: Node, kind: str, axis: int) -> Node:
    return (reduction.reduce_max if kind == "max" else reduction.reduce_sum)(x, axis, True)


def _log_softmax(e: Emitter, node: Node) -> Form | None:
    shifted = node.inputs[0]
    if shifted.op != "sub":
        return None
    x = shifted.inputs[0]
    if not x.dtype.is_float:
        return None
    for axis in range(min(len(x.shape), _MOST_AXES)):
        if node is nn.log_softmax(x, axis):
            return _along("LogSoftmax", x, axis)
    return None


def _gelu(e: Emitter, node: Node) -> Form | None:
    half = node.inputs[0]
    if e.opset < _GELU or half.op != "mul" or not node.dtype.is_float:
        return None
    x = half.inputs[0]
    for approximate in ("none", "tanh"):
        if node is nn.gelu(x, approximate == "tanh"):
            return _unary("Gelu", x, approximate=approximate)
    return None


def _selu(e: Emitter, node: Node) -> Form | None:
    inner = node.inputs[0]
    if inner.op != "select" or not node.dtype.is_float or node is not nn.selu(inner.inputs[2]):
        return None
    return _unary("Selu", inner.inputs[2], alpha=float(nn.SELU_ALPHA), gamma=float(nn.SELU_SCALE))


def _chosen(e: Emitter, node: Node) -> Form | None:
    """``LeakyRelu`` and ``Elu``."""
    condition, yes, no = node.inputs
    if condition.op != "lt" or not node.dtype.is_float:
        return None
    x, slope = yes, _factor(no)
    if slope is not None and node is nn.leaky_relu(x, slope):
        return _unary("LeakyRelu", x, alpha=float(slope))
    x = no
    alpha = _factor(yes)
    if alpha is not None and node is nn.scaled_elu(x, alpha):
        return _unary("Elu", x, alpha=float(alpha))
    return None


def _factor(node: Node) -> float | None:
    """The number of a product with one."""
    if node.op != "mul":
        return None
    return next((v for v in map(const_value, node.inputs) if v is not None), None)


def _softplus(e: Emitter, node: Node) -> Form | None:
    positive = node.inputs[0]
    if positive.op != "select" or not node.dtype.is_float or node.inputs[1].op != "log1p":
        return None
    x = positive.inputs[2]
    return _unary("Softplus", x) if node is nn.softplus(x) else None


def _softsign(e: Emitter, node: Node) -> Form | None:
    x = node.inputs[0]
    return _unary("Softsign", x) if node.dtype.is_float and node is nn.softsign(x) else None


# ----------------------------------------------------------------------------------------- means and products


def _mean(e: Emitter, node: Node) -> Form | None:
    """A sum divided by the number of its elements."""
    total, count = node.inputs
    shaped = total
    if total.op == "reshape" and total.inputs[0].op == "reduce":
        shaped = total.inputs[0]
    if shaped.op != "reduce" or shaped.attr("kind") != "sum" or not node.dtype.is_float:
        return None
    x, axes = shaped.inputs[0], shaped.attr("axes")
    many = size_of([x.shape[a] for a in axes])
    if not _counts(count, many) or (e.exact and type(many) is not int):  # of nothing the mean is NaN, not 0
        return None

    def write(e: Emitter, _: Node) -> Value:
        value = written_reduce(e, shaped, x, "mean", axes)
        if shaped is total:
            return value
        value = e.in_order(value)
        return Value(e.reshaped(value.name, value.sizes, node.shape), node.shape)

    return Form((x,), write)


def _counts(count: Node, many) -> bool:
    """Whether a divisor is a number of elements."""
    while count.op in ("broadcast", "reshape"):
        count = count.inputs[0]
    value = const_value(count)
    if type(many) is int:
        return value is not None and value == many and many > 0
    return count.op == "cast" and count.inputs[0] is as_node(many)


def _with_bias(e: Emitter, node: Node) -> Form | None:
    """A product or convolution and what is added to each of its columns or channels."""
    for product, bias in (node.inputs, node.inputs[::-1]):
        if bias.op != "broadcast" or len(bias.attr("axes")) != 1 or not node.dtype.is_float:
            continue
        (axis,), last = bias.attr("axes"), len(node.shape) - 1
        if product.op == "dot" and last == 1 == axis:
            return _gemm(product, bias.inputs[0])
        if product.op == "conv" and axis == last:
            return plan_conv(e, product, bias.inputs[0])
        if product.op == "transpose" and product.inputs[0].op == "conv" and product.attr("perm")[axis] == last:
            return _turned(plan_conv(e, product.inputs[0], bias.inputs[0]), product.attr("perm"))
    return None


def _turned(form: Form | None, perm: tuple) -> Form | None:
    """What a form makes with its axes moved."""
    return form and Form(form.needs, lambda e, node: turned(e, form.write(e, node), perm))


def _gemm(product: Node, bias: Node) -> Form:
    x, y = product.inputs
    flags = product.attr("transpose_x"), product.attr("transpose_y")

    def write(e: Emitter, node: Node) -> Value:
        names, attrs = [], {}
        for letter, operand, flag in zip("AB", (x, y), flags):
            turned = flag and e.writer.array(e.full(operand)) is None
            names.append(e.full(operand) if turned or not flag else matrix(e, operand, True))
            attrs |= {f"trans{letter}": 1} if turned else {}
        return Value(e.typed("Gemm", [*names, e.full(bias)], node.dtype, **attrs), node.shape)

    return Form((x, y, bias), write)


def _rows_by_matrix(e: Emitter, node: Node) -> Form | None:
    """A matrix for all rows of a batch: ``MatMul`` needs no reshaping."""
    product = node.inputs[0]
    if product.op != "dot" or len(product.shape) != 2 or product.attr("transpose_x") or len(node.shape) < 3:
        return None
    rows, y = product.inputs
    if (
        rows.op != "reshape"
        or rows.inputs[0].shape[:-1] != node.shape[:-1]
        or rows.inputs[0].shape[-1] != rows.shape[-1]
    ):
        return None
    x, flag = rows.inputs[0], product.attr("transpose_y")
    return Form((x, y), lambda e, n: Value(e.typed("MatMul", [e.full(x), matrix(e, y, flag)], n.dtype), n.shape))


def _largest(e: Emitter, node: Node) -> Form | None:
    """The first elements of what was sorted."""
    picked = node.inputs[0]
    if picked.op != "item" or picked.inputs[0].op != "sort":
        return None
    source, index = picked.inputs[0], picked.attr("index")
    axis = source.attr("axis")
    whole = all(a == axis or (n is m or n == m) for a, (n, m) in enumerate(zip(node.shape, picked.shape)))
    if not whole or any(v != 0 for v in node.attr("start")) or any(v != 1 for v in node.attr("step")):
        return None
    return Form(source.inputs, lambda e, n: write_sorted(e, source, index, n.shape[axis]))


# ------------------------------------------------------------------------------------------------- the table

Row = Callable[[Emitter, Node], Form | None]
PATTERNS: dict[str, tuple[Row, ...]] = {
    "max": (pooled_maximum, _clip, _relu), "min": (_clip,), "mul": (_softmax, _gelu, _selu, layer_normalised),
    "div": (averaged, _softmax, _mean, _softsign), "sub": (_log_softmax, uniform), "select": (_chosen,),
    "add": (batch_normalised, layer_normalised, _with_bias, _softplus), "reshape": (_rows_by_matrix, normal),
    "slice": (_largest,),
    "call": (depthwise,), "bitcast": (fraction,), "random_bits": (drawn_bits,),
}  # fmt: skip


def matched(e: Emitter, node: Node) -> Form | None:
    """How a Node is written as part of a pattern; None where it is in none."""
    for row in PATTERNS.get(node.op, ()):
        found = row(e, node)
        if found is not None:
            return found
    return None
