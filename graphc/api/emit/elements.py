"""Primitives that compute elements or move them, as TensorFlow's nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.emit.emitter import Emitter, NoForm, Value
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const_value

_UNARY = {
    "neg": "Neg", "abs": "Abs", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "round": "Rint", "sqrt": "Sqrt",
    "rsqrt": "Rsqrt", "exp": "Exp", "expm1": "Expm1", "log": "Log", "log1p": "Log1p", "sin": "Sin", "cos": "Cos",
    "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf", "erfinv": "Erfinv", "lgamma": "Lgamma",
    "digamma": "Digamma", "sigmoid": "Sigmoid", "isfinite": "IsFinite", "conj": "Conj",
}  # fmt: skip
_BINARY = {
    "add": "AddV2", "sub": "Sub", "mul": "Mul", "div": "RealDiv", "floordiv": "FloorDiv", "mod": "FloorMod",
    "pow": "Pow", "max": "Maximum", "min": "Minimum", "atan2": "Atan2", "shl": "LeftShift", "shr": "RightShift",
    "lt": "Less", "le": "LessEqual",
}  # fmt: skip
_BITS = {"and": ("LogicalAnd", "BitwiseAnd"), "or": ("LogicalOr", "BitwiseOr"), "xor": ("NotEqual", "BitwiseXor")}
_REDUCTIONS = {"sum": "Sum", "prod": "Prod", "max": "Max", "min": "Min", "all": "All", "any": "Any"}
_SPECIAL = {
    "erfc": "Erfc", "igamma": "Igamma", "igammac": "Igammac", "zeta": "Zeta", "polygamma": "Polygamma",
    "betainc": "Betainc", "bessel_i0e": "BesselI0e", "bessel_i1e": "BesselI1e", "ndtri": "Ndtri",
}  # fmt: skip


def stretched(values: list[Value], node: Node) -> tuple:
    """The sizes of an element-wise result of values that are broadcast."""
    rank = max(len(v.sizes) for v in values)
    sizes = []
    for k in range(1, rank + 1):
        own = [v.sizes[-k] for v in values if len(v.sizes) >= k]
        sizes.append(1 if all(d == 1 and type(d) is int for d in own) else node.shape[-k])
    return tuple(sizes[::-1])


def _elementwise(kind: str) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        values = [e.loose(x) for x in node.inputs]
        extra = {"incompatible_shape_error": True} if kind in ("Equal", "NotEqual") else {}
        name = e.add(kind, [v.name for v in values], T=node.inputs[0].dtype, **extra)
        return Value(name, stretched(values, node))

    return write


def _bits(e: Emitter, node: Node) -> Value:
    kind = _BITS[node.op][node.dtype is not dt.b1]
    if not kind.startswith("Logical"):
        return _elementwise(kind)(e, node)
    values = [e.loose(x) for x in node.inputs]
    return Value(e.add(kind, [v.name for v in values]), stretched(values, node))


def _not(e: Emitter, node: Node) -> Value:
    value = e.loose(node.inputs[0])
    if node.dtype is dt.b1:
        return Value(e.add("LogicalNot", [value.name]), value.sizes)
    return Value(e.add("Invert", [value.name], T=node.dtype), value.sizes)


def _trunc(e: Emitter, node: Node) -> Value:
    value, kind = e.loose(node.inputs[0]), {"T": node.dtype}
    down = e.add("Floor", [e.add("Abs", [value.name], **kind)], **kind)
    return Value(e.add("Mul", [e.add("Sign", [value.name], **kind), down], **kind), value.sizes)


def _select(e: Emitter, node: Node) -> Value:
    values = [e.loose(x) for x in node.inputs]
    return Value(e.add("SelectV2", [v.name for v in values], T=node.dtype), stretched(values, node))


def _fma(e: Emitter, node: Node) -> Value:
    x, y, z = [e.loose(v) for v in node.inputs]
    product = e.add("Mul", [x.name, y.name], T=node.dtype)
    return Value(e.add("AddV2", [product, z.name], T=node.dtype), stretched([x, y, z], node))


def _cast(e: Emitter, node: Node) -> Value:
    value, source = e.loose(node.inputs[0]), node.inputs[0].dtype
    return Value(e.cast(value.name, source, node.dtype), value.sizes)


def _bitcast(e: Emitter, node: Node) -> Value:
    value, source = e.loose(node.inputs[0]), node.inputs[0].dtype
    return Value(e.add("Bitcast", [value.name], T=source, type=node.dtype), value.sizes)


def _complex(e: Emitter, node: Node) -> Value:
    values = [e.loose(x) for x in node.inputs]
    name = e.add("Complex", [v.name for v in values], T=node.inputs[0].dtype, Tout=node.dtype)
    return Value(name, stretched(values, node))


def _part(kind: str) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        value = e.loose(node.inputs[0])
        return Value(e.add(kind, [value.name], T=node.inputs[0].dtype, Tout=node.dtype), value.sizes)

    return write


def _special(e: Emitter, node: Node) -> Value:
    kind = _SPECIAL.get(node.attr("function"))
    if kind is None:
        raise NoForm(f"the function {node.attr('function')}")
    return _elementwise(kind)(e, node)


def _const(e: Emitter, node: Node) -> Value:
    array = node.attr("value").array
    return Value(e.const(array, node.dtype), array.shape)


def _symbol(e: Emitter, node: Node) -> Value:
    return Value(e.cast(e.size(node), dt.i32, dt.i64), ())


def _alias(e: Emitter, node: Node) -> Value:
    value = e.loose(node.inputs[0])
    return value if value.sizes != node.inputs[0].shape else Value(value.name, node.shape)


def _reshape(e: Emitter, node: Node) -> Value:
    if not e.loose(node.inputs[0]).sizes and node.inputs[0].shape:
        return e.loose(node.inputs[0])
    return Value(e.reshaped(e.full(node.inputs[0]), node.shape, node.dtype), node.shape)


def _broadcast(e: Emitter, node: Node) -> Value:
    x, axes = node.inputs[0], node.attr("axes")
    value = e.loose(x)
    own = (1,) * (len(x.shape) - len(value.sizes)) + value.sizes
    lifted = [1] * len(node.shape)
    for axis, d in zip(axes, own):
        lifted[axis] = d
    wanted = _without_lead(tuple(lifted))
    if wanted == _without_lead(value.sizes):
        return value if len(value.sizes) <= len(node.shape) else Value(value.name, wanted)
    return Value(e.reshaped(value.name, wanted, node.dtype), wanted)


def _without_lead(sizes: tuple) -> tuple:
    k = 0
    while k < len(sizes) and type(sizes[k]) is int and sizes[k] == 1:
        k += 1
    return sizes[k:]


def _transpose(e: Emitter, node: Node) -> Value:
    perm = e.const(node.attr("perm"), dt.i32)
    return Value(e.add("Transpose", [e.full(node.inputs[0]), perm], T=node.dtype, Tperm=dt.i32), node.shape)


def _slice(e: Emitter, node: Node) -> Value:
    x, step = node.inputs[0], node.attr("step")
    begin = end = 0
    starts, stops = [], []
    for k, (a, b, n) in enumerate(zip(node.attr("start"), node.attr("stop"), x.shape)):
        begin |= (a == 0) << k
        end |= (b is n or b == n) << k
        starts.append(0 if a == 0 else a)
        stops.append(0 if b is n or b == n else b)
    names = [e.shape(tuple(starts)), e.shape(tuple(stops)), e.const(step, dt.i32)]
    name = e.add("StridedSlice", [e.full(x), *names], T=node.dtype, Index=dt.i32, begin_mask=begin, end_mask=end,
                 ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)  # fmt: skip
    return Value(name, node.shape)


def _pad(e: Emitter, node: Node) -> Value:
    x, value = node.inputs
    pairs = [*zip(node.attr("low"), node.attr("high"))]
    if all(type(v) is int for pair in pairs for v in pair):
        amounts = e.const(np.array(pairs, np.int32).reshape(len(pairs), 2), dt.i32)
    else:
        rows = [e.shape(pair) for pair in pairs]
        amounts = e.add("Pack", rows, N=len(rows), T=dt.i32, axis=0)
    if const_value(value) == 0 and node.dtype is not dt.b1:
        return Value(e.add("Pad", [e.full(x), amounts], T=node.dtype, Tpaddings=dt.i32), node.shape)
    return Value(e.add("PadV2", [e.full(x), amounts, e.full(value)], T=node.dtype, Tpaddings=dt.i32), node.shape)


def _reverse(e: Emitter, node: Node) -> Value:
    axes = e.const(node.attr("axes"), dt.i32)
    return Value(e.add("ReverseV2", [e.full(node.inputs[0]), axes], T=node.dtype, Tidx=dt.i32), node.shape)


def _concat(e: Emitter, node: Node) -> Value:
    names = [e.full(x) for x in node.inputs]
    axis = e.const(node.attr("axis"), dt.i32)
    return Value(e.add("ConcatV2", [*names, axis], N=len(names), T=node.dtype, Tidx=dt.i32), node.shape)


def _reduce(e: Emitter, node: Node) -> Value:
    kind = _REDUCTIONS[node.attr("kind")]
    attrs = {} if kind in ("All", "Any") else {"T": node.dtype}
    axes = e.const(node.attr("axes"), dt.i32)
    return Value(e.add(kind, [e.full(node.inputs[0]), axes], keep_dims=False, Tidx=dt.i32, **attrs), node.shape)


def _argreduce(e: Emitter, node: Node) -> Value:
    kind = {"max": "ArgMax", "min": "ArgMin"}[node.attr("kind")]
    axis, x = e.const(node.attr("axis"), dt.i32), node.inputs[0]
    return Value(e.add(kind, [e.full(x), axis], T=x.dtype, Tidx=dt.i32, output_type=node.dtype), node.shape)


def _cumulate(e: Emitter, node: Node) -> Value:
    kind = {"sum": "Cumsum", "prod": "Cumprod"}.get(node.attr("kind"))
    if kind is None:
        raise NoForm("a running extreme")
    axis = e.const(node.attr("axis"), dt.i32)
    name = e.add(kind, [e.full(node.inputs[0]), axis], T=node.dtype, Tidx=dt.i32, exclusive=node.attr("exclusive"),
                 reverse=node.attr("reverse"))  # fmt: skip
    return Value(name, node.shape)


def _iota(e: Emitter, node: Node) -> Value:
    axis, kind = node.attr("axis"), node.dtype
    count = node.shape[axis]
    line = e.add("Range", [e.const(0, dt.i32), e.size(count), e.const(1, dt.i32)], Tidx=dt.i32)
    line = e.cast(line, dt.i32, kind)
    sizes = (count, *[1] * (len(node.shape) - axis - 1))
    return Value(line if len(sizes) == 1 else e.reshaped(line, sizes, kind), sizes)


def _random_bits(e: Emitter, node: Node) -> Value:
    """Numbers that TensorFlow draws in place of ours."""
    if not e.fresh:
        raise NoForm("random numbers of an operation that TensorFlow draws otherwise")
    limits = np.iinfo(np.int32)
    bounds = [e.const(v, dt.i32) for v in (limits.min, limits.max)]
    raw = e.add("RandomUniformInt", [e.shape(node.shape), *bounds], T=dt.i32, Tout=dt.i32, seed=0, seed2=0)
    return Value(e.add("Bitcast", [raw], T=dt.i32, type=dt.u32), node.shape)


def _nonzero(e: Emitter, node: Node) -> Value:
    return Value(e.add("Where", [e.full(node.inputs[0])], T=dt.b1), node.shape)


ELEMENT_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {
    **{op: _elementwise(kind) for op, kind in {**_UNARY, **_BINARY, "eq": "Equal", "ne": "NotEqual"}.items()},
    **dict.fromkeys(_BITS, _bits), "not": _not, "trunc": _trunc, "select": _select, "fma": _fma, "cast": _cast,
    "bitcast": _bitcast, "complex": _complex, "real": _part("Real"), "imag": _part("Imag"), "special": _special,
    "const": _const, "symbol": _symbol, "ensure": _alias, "stop": _alias, "transfer": _alias, "guard": _alias, "reshape": _reshape,
    "broadcast": _broadcast, "transpose": _transpose, "slice": _slice, "pad": _pad, "reverse": _reverse,
    "concat": _concat, "reduce": _reduce, "argreduce": _argreduce, "cumulate": _cumulate, "iota": _iota,
    "random_bits": _random_bits, "nonzero": _nonzero,
}  # fmt: skip
