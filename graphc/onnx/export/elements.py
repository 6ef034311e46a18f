"""Primitives that compute element by element, as ONNX's nodes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.graph import Graph
from graphc.ir.node import Node, const, const_value
from graphc.ir.type import Type
from graphc.onnx.export.emitter import Emitter, Form, NoForm, Value, as_itself
from graphc.onnx.export.kinds import carrier, number
from graphc.onnx.export.ranges import interval
from graphc.prims.control import results_of
from graphc.prims.pullback import fresh_inputs
from graphc.prims.table import apply
from graphc.prims.while_loop import while_

_UNARY = {
    "neg": "Neg", "abs": "Abs", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "round": "Round", "sqrt": "Sqrt",
    "exp": "Exp", "log": "Log", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos",
    "atan": "Atan",
    "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf",
    "sigmoid": "Sigmoid",
}  # fmt: skip
_BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min"}
_TESTS = {"lt": "Less", "le": "LessOrEqual", "eq": "Equal"}
_BITS = {"and": ("And", "BitwiseAnd"), "or": ("Or", "BitwiseOr"), "xor": ("Xor", "BitwiseXor")}
_BITWISE, _TEXT, _BITCAST = 18, 19, 26  # opsets that have the operators

# ------------------------------------------------------------------------------------- operands in one order


def laid_out(e: Emitter, nodes) -> tuple[list[Value], tuple | None]:
    """Values that may be broadcast together, and the order of the axes in which they lie."""
    values = [e.found[x] for x in nodes]
    perm = next((v.perm for v in values if v.perm is not None), None)
    if perm is None or not all(_fits(v, perm) for v in values):
        return [e.loose(x) for x in nodes], None
    return [v if v.perm is not None else _moved(e, v, perm) for v in values], perm


def _fits(value: Value, perm: tuple) -> bool:
    """Whether a value lies in an order, or is cheap to bring there: at most one of its axes is not 1."""
    if value.perm is not None:
        return value.perm == perm
    return sum(1 for d in value.sizes if d != 1) <= 1


def _moved(e: Emitter, value: Value, perm: tuple) -> Value:
    if not any(d != 1 for d in value.sizes):
        return Value(e.reshaped(value.name, value.sizes, ()), (), perm) if value.sizes else value
    whole = (1,) * (len(perm) - len(value.sizes)) + value.sizes
    sizes = tuple([whole[p] for p in perm])
    while sizes and sizes[0] == 1:
        sizes = sizes[1:]
    return Value(e.reshaped(value.name, value.sizes, sizes), sizes, perm)


def stretched(values: list[Value], node: Node, perm: tuple | None) -> tuple:
    """The sizes of an element-wise result of values that are broadcast."""
    rank = max(len(v.sizes) for v in values)
    shape = node.shape if perm is None else tuple([node.shape[p] for p in perm])
    sizes = []
    for k in range(1, rank + 1):
        own = [v.sizes[-k] for v in values if len(v.sizes) >= k]
        sizes.append(1 if all(type(d) is int and d == 1 for d in own) else shape[-k])
    return tuple(sizes[::-1])


def combined(e: Emitter, node: Node, operands, write: Callable[[list[str]], str]) -> Value:
    """The value of ``write(names)`` for operands that are broadcast together."""
    values, perm = laid_out(e, operands)
    sizes = stretched(values, node, perm)
    name = write([v.name for v in values])
    return Value(name, sizes, perm if perm is not None and len(sizes) == len(perm) else None)


# ------------------------------------------------------------------------------------------------ operators


def _elementwise(kind: str) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        return combined(e, node, node.inputs, lambda names: e.typed(kind, names, node.inputs[0].dtype))

    return write


def _test(kind: str) -> Callable:
    def write(e: Emitter, node: Node) -> Value:
        _expect_comparable(e, node)
        return combined(e, node, node.inputs, lambda names: e.typed(kind, names, node.inputs[0].dtype, dt.b1))

    return write


def _expect_comparable(e: Emitter, node: Node) -> None:
    if node.inputs[0].dtype is dt.string and e.opset < _TEXT:
        raise NoForm(f"{node.op} of strings, which opset {_TEXT} has")


def _ne(e: Emitter, node: Node) -> Value:
    _expect_comparable(e, node)
    kind = node.inputs[0].dtype
    if kind is dt.b1:
        return combined(e, node, node.inputs, lambda names: e.op("Xor", names))
    return combined(e, node, node.inputs, lambda names: e.op("Not", [e.typed("Equal", names, kind, dt.b1)]))


def _bits(e: Emitter, node: Node) -> Value:
    logical, bitwise = _BITS[node.op]
    kind = logical if node.dtype is dt.b1 else bitwise
    if kind is bitwise and e.opset < _BITWISE:
        raise NoForm(f"{node.op} of bits ({node.dtype.name}), which opset {_BITWISE} has")
    return combined(e, node, node.inputs, lambda names: e.op(kind, names))


def _not(e: Emitter, node: Node) -> Value:
    kind = node.dtype

    def write(names: list[str]) -> str:
        if kind is dt.b1:
            return e.op("Not", names)
        if e.opset >= _BITWISE:
            return e.op("BitwiseNot", names)
        return e.typed("Sub", [e.const(-1 if kind.kind == "i" else np.iinfo(kind.numpy).max, kind), *names], kind)

    return combined(e, node, node.inputs, write)


def _neg(e: Emitter, node: Node) -> Value:
    kind = node.dtype
    if kind.kind != "u":
        return _elementwise("Neg")(e, node)
    return combined(e, node, node.inputs, lambda names: e.typed("Sub", [e.const(0, kind), *names], kind))


def _rsqrt(e: Emitter, node: Node) -> Value:
    kind = node.dtype

    def write(names: list[str]) -> str:
        return e.typed("Reciprocal", [e.typed("Sqrt", names, kind)], kind)

    return combined(e, node, node.inputs, write)


def _trunc(e: Emitter, node: Node) -> Value:
    kind = node.dtype

    def write(names: list[str]) -> str:
        down = e.typed("Floor", [e.typed("Abs", names, kind)], kind)
        return e.typed("Mul", [e.typed("Sign", names, kind), down], kind)

    return combined(e, node, node.inputs, write)


def _isfinite(e: Emitter, node: Node) -> Value:
    kind = node.inputs[0].dtype

    def write(names: list[str]) -> str:
        tests = [e.typed(test, names, kind, dt.b1) for test in ("IsInf", "IsNaN")]
        return e.op("Not", [e.op("Or", tests)])

    return combined(e, node, node.inputs, write)


def _fma(e: Emitter, node: Node) -> Value:
    kind = node.dtype

    def write(names: list[str]) -> str:
        return e.typed("Add", [e.typed("Mul", names[:2], kind), names[2]], kind)

    return combined(e, node, node.inputs, write)


def where(e: Emitter, condition: str, x: str, y: str, kind: DType) -> str:
    """``Where``, in a type that runtimes have it for."""
    wide = carrier("Where", kind, e.opset)
    return e.cast(e.op("Where", [condition, e.cast(x, kind, wide), e.cast(y, kind, wide)]), wide, kind)


def _select(e: Emitter, node: Node) -> Value:
    return combined(e, node, node.inputs, lambda names: where(e, *names, node.dtype))


# ------------------------------------------------------------------------------------------------ types


def _cast(e: Emitter, node: Node) -> Value:
    (x,) = node.inputs
    source, target = x.dtype, node.dtype

    def write(names: list[str]) -> str:
        plain = e.cast(names[0], source, target)
        if not (e.exact and source.is_float and target.is_integer) or _fits_in(x, target):
            return plain
        return _saturated(e, names[0], source, plain, target)

    return combined(e, node, node.inputs, write)


def _fits_in(x: Node, target: DType) -> bool:
    """Whether every value is known to lie where the target has a number for it."""
    low, high = interval(x)
    limits = np.iinfo(target.numpy)
    return low is not None and high is not None and low > limits.min - 1 and high < limits.max + 1


def _saturated(e: Emitter, x: str, source: DType, plain: str, target: DType) -> str:
    """A float as an integer: beyond the limits the nearest limit, NaN 0."""
    if source in (dt.f16, dt.bf16):
        x, source = e.cast(x, source, dt.f32), dt.f32
    limits = np.iinfo(target.numpy)
    for bound, kind in ((limits.max, "GreaterOrEqual"), (limits.min, "LessOrEqual")):
        edge = float(bound + 1) if kind == "GreaterOrEqual" else float(bound)
        if not math.isfinite(float(np.asarray(edge, source.numpy))):
            continue
        outside = e.typed(kind, [x, e.const(edge, source)], source, dt.b1)
        plain = where(e, outside, e.const(bound, target), plain, target)
    return where(e, e.typed("IsNaN", [x], source, dt.b1), e.const(0, target), plain, target)


def _bitcast(e: Emitter, node: Node) -> Value:
    source, target = node.inputs[0].dtype, node.dtype

    def write(names: list[str]) -> str:
        if source.is_integer and target.is_integer:
            return e.cast(names[0], source, target)
        if e.opset < _BITCAST:
            raise NoForm(f"bitcast from {source.name} to {target.name}, which opset {_BITCAST} has")
        return e.op("BitCast", names, to=number(target))

    return combined(e, node, node.inputs, write)


# ------------------------------------------------------------------------------- division as Python has it


def _floordiv(e: Emitter, node: Node) -> Value:
    x, y = node.inputs
    if node.dtype.is_float:
        return combined(e, node, node.inputs, lambda names: _float_floordiv(e, *names, node.dtype))
    return combined(e, node, node.inputs, lambda names: _int_floordiv(e, *names, x, y))


def _mod(e: Emitter, node: Node) -> Value:
    x, y = node.inputs
    if node.dtype.is_float:
        return combined(e, node, node.inputs, lambda names: _float_mod(e, *names, node.dtype)[1])
    kind = node.dtype

    def write(names: list[str]) -> str:
        return e.typed("Mod", [names[0], _divisor(e, names[1], y, x)], kind)

    return combined(e, node, node.inputs, write)


def _divisor(e: Emitter, name: str, y: Node, x: Node) -> str:
    """A divisor that no processor stumbles over: 1 in place of 0, and of -1, by which the smallest has no quotient."""
    kind, low = y.dtype, interval(y)[0]
    if low is not None and low > 0:
        return name
    bad = e.typed("Equal", [name, e.const(0, kind)], kind, dt.b1)
    if kind.kind == "i":
        bad = e.op("Or", [bad, e.typed("Equal", [name, e.const(-1, kind)], kind, dt.b1)])
    return where(e, bad, e.const(1, kind), name, kind)


def _int_floordiv(e: Emitter, x: str, y: str, left: Node, right: Node) -> str:
    kind = left.dtype
    divisor = _divisor(e, y, right, left)
    quotient = e.typed("Div", [x, divisor], kind)
    low, above = interval(left)[0], interval(right)[0]
    plain = above is not None and above > 0
    if kind.kind == "i" and not (plain and low is not None and low >= 0):
        zero = e.const(0, kind)
        rest = e.typed("Mod", [x, divisor], kind)
        uneven = e.op("Not", [e.typed("Equal", [rest, zero], kind, dt.b1)])
        below = e.typed("Less", [quotient_sign(e, x, divisor, kind, plain), zero], kind, dt.b1)
        lower = e.typed("Sub", [quotient, e.const(1, kind)], kind)
        quotient = where(e, e.op("And", [uneven, below]), lower, quotient, kind)
    if not plain:
        if kind.kind == "i":
            minus = e.typed("Equal", [y, e.const(-1, kind)], kind, dt.b1)
            quotient = where(e, minus, e.typed("Sub", [e.const(0, kind), x], kind), quotient, kind)
        nothing = e.typed("Equal", [y, e.const(0, kind)], kind, dt.b1)
        quotient = where(e, nothing, e.const(0, kind), quotient, kind)
    return quotient


def quotient_sign(e: Emitter, x: str, y: str, kind: DType, positive: bool) -> str:
    """A number that is negative where a quotient is; ``positive``: the divisor is."""
    if positive:
        return x
    return e.typed("Mul", [e.typed("Sign", [x], kind), e.typed("Sign", [y], kind)], kind)


def _float_mod(e: Emitter, x: str, y: str, kind: DType) -> tuple[str, str, str]:
    """What division leaves with the sign of x, and with that of y; and whether these differ."""
    zero = e.const(0, kind)
    rest = e.typed("Mod", [x, y], kind, fmod=1)
    there = e.op("Not", [e.typed("Equal", [rest, zero], kind, dt.b1)])
    signs = [e.typed("Less", [v, zero], kind, dt.b1) for v in (rest, y)]
    differs = e.op("And", [there, e.op("Xor", signs)])
    return rest, where(e, differs, e.typed("Add", [rest, y], kind), rest, kind), differs


def _float_floordiv(e: Emitter, x: str, y: str, kind: DType) -> str:
    one, half = e.const(1, kind), e.const(0.5, kind)
    rest, _, differs = _float_mod(e, x, y, kind)
    exact = e.typed("Div", [e.typed("Sub", [x, rest], kind), y], kind)
    exact = where(e, differs, e.typed("Sub", [exact, one], kind), exact, kind)
    down = e.typed("Floor", [exact], kind)
    more = e.typed("Less", [half, e.typed("Sub", [exact, down], kind)], kind, dt.b1)
    down = where(e, more, e.typed("Add", [down, one], kind), down, kind)
    nothing = e.typed("Equal", [y, e.const(0, kind)], kind, dt.b1)
    return where(e, nothing, e.typed("Div", [x, y], kind), down, kind)


# ------------------------------------------------------------------------- what other primitives can say


def _plan_pow(e: Emitter, node: Node) -> Form:
    x, y = node.inputs
    if not node.dtype.is_integer:
        return Form(node.inputs, _elementwise("Pow"))
    exponent = const_value(y)
    if exponent in (1, 2, 3):
        return as_itself(x if exponent == 1 else x * x if exponent == 2 else x * x * x)
    return as_itself(_integer_power(x, y))


def _integer_power(x: Node, y: Node) -> Node:
    """Squares multiplied, as often as the exponent has bits; what a negative exponent makes is 0, 1 or -1."""
    zero, one, two = (const(v, x.type) for v in (0, 1, 2))
    negative = apply("lt", y, zero)
    start = apply("max", y, zero) if x.dtype.kind == "i" else y
    square, left, product = fresh_inputs([x.type] * 3, (), "power")
    odd = apply("ne", apply("mod", left, two), zero)
    some = apply("reduce", apply("lt", zero, left), kind="any", axes=tuple(range(x.type.rank))) if x.shape else \
        apply("lt", zero, left)  # fmt: skip
    inputs = (square, left, product)
    body = (square * square, apply("floordiv", left, two), apply("select", odd, product * square, product))
    found = results_of(while_(x, start, one, test=Graph("left", inputs, (some,)), body=Graph("square", inputs, body)))[
        2
    ]
    if x.dtype.kind != "i":
        return found
    even = apply("eq", apply("mod", y, two), zero)
    minus = apply("select", even, one, const(-1, x.type))
    inverse = apply("select", apply("eq", x, one), one, zero)
    inverse = apply("select", apply("eq", x, const(-1, x.type)), minus, inverse)
    return apply("select", negative, inverse, found)


def _shift(left: bool) -> Callable:
    direction = "LEFT" if left else "RIGHT"

    def write(e: Emitter, node: Node) -> Value:
        kind = node.dtype
        wide = dt.u64 if kind.bits == 64 else dt.u32
        bits = e.const(kind.bits, kind)

        def shifted(names: list[str]) -> str:
            x, y = names
            amount = e.cast(e.typed("Mod", [y, bits], kind), kind, wide)
            if left or kind.kind == "u":
                return e.cast(e.op("BitShift", [e.cast(x, kind, wide), amount], direction=direction), wide, kind)
            minus, below = e.const(-1, kind), e.typed("Less", [x, e.const(0, kind)], kind, dt.b1)
            inverted = e.typed("Sub", [minus, x], kind)
            positive = e.cast(where(e, below, inverted, x, kind), kind, wide)
            found = e.cast(e.op("BitShift", [positive, amount], direction=direction), wide, kind)
            return where(e, below, e.typed("Sub", [minus, found], kind), found, kind)

        return combined(e, node, node.inputs, shifted)

    return write


def _plan_expm1(e: Emitter, node: Node) -> Form:
    """By the hyperbolic tangent near 0, where ``exp(x) - 1`` would lose digits."""
    (x,) = node.inputs
    half = apply("tanh", x * 0.5)
    near = (half + half) / (1 - half)
    return as_itself(apply("select", apply("lt", apply("abs", x), const(0.5, x.type)), near, apply("exp", x) - 1))


def _plan_log1p(e: Emitter, node: Node) -> Form:
    """The error of ``1 + x`` is corrected for."""
    (x,) = node.inputs
    wide = x + 1
    itself = apply("or", apply("eq", wide, const(1, x.type)), apply("eq", x, const(math.inf, x.type)))
    return as_itself(apply("select", itself, x, apply("log", wide) * (x / (wide - 1))))


def _plan_atan2(e: Emitter, node: Node) -> Form:
    y, x = node.inputs
    zero, one = const(0, x.type), const(1, x.type)

    def negative(v: Node) -> Node:
        """Also of -0."""
        return apply("lt", apply("select", apply("eq", v, zero), one / v, v), zero)

    a, b = apply("abs", y), apply("abs", x)
    small, large = apply("min", a, b), apply("max", a, b)
    ratio = apply(
        "select", apply("eq", small, large), apply("select", apply("eq", large, zero), zero, one), small / large
    )
    angle = apply("atan", ratio)
    angle = apply("select", apply("lt", b, a), math.pi / 2 - angle, angle)
    angle = apply("select", negative(x), math.pi - angle, angle)
    return as_itself(apply("select", negative(y), apply("neg", angle), angle))


def _plan_popcount(e: Emitter, node: Node) -> Form:
    """Bits of one, two, four ... neighbours added."""
    if e.opset < _BITWISE:
        raise NoForm(f"popcount, whose operators opset {_BITWISE} has")
    (x,) = node.inputs
    wide = Type(dt.u64 if node.dtype.bits == 64 else dt.u32, node.shape)
    unsigned = apply("bitcast", x, dtype=dt.by_short(f"u{x.dtype.bits}")) if x.dtype.kind == "i" else x
    count, bits = (unsigned if unsigned.type == wide else apply("cast", unsigned, dtype=wide.dtype)), wide.dtype.bits
    step = 1
    while step < bits:
        mask = const(sum(((1 << step) - 1) << k for k in range(0, bits, 2 * step)), wide)
        count = apply("and", count, mask) + apply("and", apply("shr", count, const(step, wide)), mask)
        step *= 2
    return as_itself(apply("cast", count, dtype=node.dtype) if node.dtype is not wide.dtype else count)


def _const(e: Emitter, node: Node) -> Value:
    return constant(e, node.attr("value").array)


def constant(e: Emitter, array: np.ndarray) -> Value:
    """A value that is known.

    Raises:
        NoForm: it has bytes that are no text.
    """
    if array.dtype == object:
        try:
            [s.decode() for s in array.reshape(-1) if isinstance(s, bytes)]
        except UnicodeDecodeError:
            raise NoForm("a constant of bytes that are no UTF-8 text") from None
    return Value(e.writer.const(array), array.shape)


def _symbol(e: Emitter, node: Node) -> Value:
    return Value(e.size(node), ())


def _iota(e: Emitter, node: Node) -> Value:
    shape, axis, kind = node.shape, node.attr("axis"), node.dtype
    if type(shape[axis]) is int:
        name = e.const(np.arange(shape[axis]), kind)
    else:
        name = e.op("Range", [e.const(0, dt.i64), e.size(shape[axis]), e.const(1, dt.i64)])
        name = e.cast(name, dt.i64, kind)
    sizes = (shape[axis],) + (1,) * (len(shape) - axis - 1)
    return Value(e.reshaped(name, (shape[axis],), sizes), sizes)


ELEMENT_FORMS: dict[str, Callable[[Emitter, Node], Value]] = {
    **{op: _elementwise(kind) for op, kind in (_UNARY | _BINARY).items()},
    **{op: _test(kind) for op, kind in _TESTS.items()},
    **dict.fromkeys(_BITS, _bits), "ne": _ne, "not": _not, "neg": _neg, "rsqrt": _rsqrt, "trunc": _trunc,
    "isfinite": _isfinite, "fma": _fma, "select": _select, "cast": _cast, "bitcast": _bitcast, "floordiv": _floordiv,
    "mod": _mod, "shl": _shift(True), "shr": _shift(False), "const": _const, "symbol": _symbol, "iota": _iota,
}  # fmt: skip
ELEMENT_PLANS: dict[str, Callable[[Emitter, Node], Form]] = {
    "pow": _plan_pow, "expm1": _plan_expm1, "log1p": _plan_log1p, "atan2": _plan_atan2, "popcount": _plan_popcount,
}  # fmt: skip
