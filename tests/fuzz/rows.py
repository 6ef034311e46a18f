"""Random applications of the rows that the usual ways of growing do not reach, and all element-wise ones."""

from __future__ import annotations

import numpy as np

from graphc import prims as p
from graphc.ir import dtype as dt
from graphc.ir.data import Data
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.prims.control import results_of
from graphc.prims.data import text
from graphc.prims.host import register_callback
from graphc.prims.table import TABLE, apply

BINARY = frozenset("add sub mul div floordiv mod pow max min atan2 and or xor shl shr eq ne lt le".split())
LATE = frozenset("cast bitcast special select fma madd4".split())  # element-wise, but with attributes or other operands
ELEMENT_WISE = tuple(sorted(n for n, row in TABLE.items() if row.scalar is not None and n not in LATE))
SPECIAL = tuple(p.FUNCTIONS)
THREE = frozenset({"betainc"})
TWO = frozenset({"zeta", "polygamma", "igamma", "igammac", "igamma_slope"})

register_callback("fuzz_turned", lambda x: x[::-1] if x.ndim else x)
register_callback("fuzz_halves", lambda x: (x // 2, x - x // 2))


# ----------------------------------------------------------------------------------------- element-wise


def unit(x: Node) -> Node:
    """Between 0.1 and 0.9."""
    return p.add(p.mul(p.sigmoid(x), const(0.8, x.type)), const(0.1, x.type))


def positive(x: Node) -> Node:
    return p.add(p.abs(x), const(0.5, x.type))


def within(x: Node) -> Node:
    """Between -0.9 and 0.9."""
    return p.mul(p.tanh(x), const(0.9, x.type))


def above_one(x: Node) -> Node:
    return p.add(p.abs(x), const(1.25, x.type))


DOMAIN = {
    "sqrt": p.abs, "rsqrt": positive, "log": positive, "log1p": p.abs, "exp": p.tanh, "expm1": p.tanh, "sinh": p.tanh,
    "cosh": p.tanh, "tan": within, "asin": within, "acos": within, "atanh": within, "acosh": above_one,
    "erfinv": within,
    "lgamma": positive, "digamma": positive, "pow": positive, "atan2": positive,
}  # fmt: skip


def element_wise(m) -> Node:
    x = m.some()
    choice = m.below(10)
    if choice == 0:
        return p.cast(x, m.pick(m.dtypes))
    if choice == 1:
        return p.select(m.like(x, dt.b1), x, m.like(x))
    if choice == 2 and x.dtype.kind in "iuf":
        return p.fma(x, m.like(x), m.like(x))
    if choice == 3 and m.chance(0.5):
        return bits_as(m, x)
    op = m.pick([n for n in ELEMENT_WISE if n in _NAMES_OF.get(x.dtype.kind, ELEMENT_WISE)])
    first = DOMAIN[op](x) if op in DOMAIN and x.dtype.is_float else x
    if op not in BINARY:
        return apply(op, first)
    y = m.like(x)
    if op == "div":
        y = p.add(p.mul(y, y), const(1, x.type)) if x.dtype.is_float else p.add(p.mul(y, p.conj(y)), const(1, x.type))
    elif op == "pow" and x.dtype.is_float:
        y = p.tanh(y)
    elif op == "pow":
        y = p.and_(y, const(3, y.type))
    return apply(op, first, y)


_NAMES_OF = {
    "b": frozenset("not and or xor eq ne".split()),
    "c": frozenset("neg add sub mul div eq ne abs exp sqrt log sin cos tanh".split()),
}


def bits_as(m, x: Node) -> Node:
    """The same bits as another dtype."""
    same = [d for d in dt.ALL if d.bits == x.dtype.bits and d.kind in "iu"] if x.dtype.kind in "iuf" else []
    if not same:
        return p.stop(x)
    found = p.bitcast(x, m.pick(same))
    return p.and_(found, const(127, found.type)) if m.chance(0.5) else p.bitcast(found, x.dtype)


def special_function(m) -> Node:
    x = m.some(lambda y: y.dtype.is_float) or m.input(Type(dt.f32, (5,)))
    name = m.pick(SPECIAL)
    count = 3 if name in THREE else 2 if name in TWO else 1
    args = [unit(a) for a in (x, m.like(x), m.like(x))[:count]]
    if name == "zeta":
        args[0] = p.add(args[0], const(1.5, x.type))
    if name == "polygamma":
        args[0] = const(m.pick((1, 2, 3)), x.type)
    return p.apply("special", *args, function=name)


# --------------------------------------------------------------------------------------------- nests


def convolution(m) -> Node:
    spatial, groups = m.pick((1, 2, 2, 3)), m.pick((1, 1, 2))
    c, o = m.pick((1, 2, 3, 8)) * groups, m.pick((1, 4, 17)) * groups
    sizes = [m.pick((3, 4, 6)) for _ in range(spatial)]
    kernel = [m.pick((1, 2, 3)) for _ in range(spatial)]
    lead = m.n if m.symbolic and m.chance(0.5) else m.pick((1, 2))
    dtype = m.pick((dt.f32, dt.f32, dt.f64, dt.bf16, dt.i32))
    x, w = m.stretched(Type(dtype, (lead, *sizes, c))), Type(dtype, (*kernel, c // groups, o))
    x = m.input(Type(dtype, (lead, *sizes, c))) if x is None or m.chance(0.5) else x
    w = const(m.array(w), w) if m.chance(0.5) else m.input(w)
    stride, dilation = ([m.pick((1, 1, 2)) for _ in range(spatial)] for _ in range(2))
    x_dilation = [m.pick((1, 1, 1, 2)) for _ in range(spatial)]
    low, high = ([m.pick((0, 1, 2, -1) if m.chance(0.2) else (0, 1, 2)) for _ in range(spatial)] for _ in range(2))
    return p.conv(x, w, stride, low, high, dilation, x_dilation, groups)


def random_numbers(m) -> Node:
    key = const(np.array([m.below(1000), 7], np.uint32))
    counter = const(np.uint64(m.below(9))) if m.chance(0.5) else const(np.array([2**64 - 1 - m.below(3), 5], np.uint64))
    shape = m.shape()
    found = p.random_bits(key, counter, shape)
    if m.chance(0.3):
        return found
    bits = p.shr(found, const(8, found.type))
    return p.mul(p.cast(bits, dt.f32), const(2.0**-24, found.type.with_dtype(dt.f32)))


def swapped(m) -> Node:
    count = m.n if m.symbolic and m.chance(0.5) else m.pick((1, 4, 9))
    return p.swaps(m.input(Type(dt.i64, (count,)), low=-1, high=9))


# ------------------------------------------------------------------------------------------ complex, host


def complex_part(m) -> Node:
    z = m.some(lambda y: y.dtype.is_complex)
    if z is None or m.chance(0.4):
        x = m.some(lambda y: y.dtype in (dt.f32, dt.f64)) or m.input(Type(dt.f32, (4,)))
        return p.complex_(x, m.like(x))
    return m.pick((p.real, p.imag, p.conj, p.abs))(z)


def viewed(m) -> Node:
    """Complex elements as pairs, or pairs as complex elements."""
    z = m.some(lambda y: y.dtype.is_complex and y.type.rank > 0)
    if z is not None:
        return p.view(z, dt.real_of(z.dtype))
    x = m.some(
        lambda y: y.dtype in (dt.f32, dt.f64) and y.type.rank and type(y.shape[-1]) is int and y.shape[-1] % 2 == 0
    )
    return p.view(
        x if x is not None else m.input(Type(dt.f32, (3, 4))), dt.c64 if x is None or x.dtype is dt.f32 else dt.c128
    )


def transform(m) -> Node:
    z = m.some(lambda y: y.type.rank > 0 and y.dtype in (dt.c64, dt.c128, dt.f32, dt.f64))
    z = m.input(Type(dt.c64, (2, 5))) if z is None else z
    axes = (z.type.rank - 1,)
    if not z.dtype.is_complex:
        return p.fft(z, "rfft", axes)
    if m.chance(0.3) and m.numbers(z.shape)[-1] > 1:
        return p.fft(z, "irfft", axes, (z.shape[-1] - 1) * 2)
    return p.fft(z, m.pick(("fft", "ifft")), axes)


def matrices(m) -> tuple:
    """Something of linear algebra, for matrices that are far from singular."""
    dtype, size = m.pick((dt.f32, dt.f64, dt.c64)), m.pick((1, 2, 3, 4))
    lead = (m.n,) if m.symbolic and m.chance(0.3) else (2,) if m.chance(0.3) else ()
    x = m.stretched(Type(dtype, (*lead, size, size)))
    x = x if x is not None and m.chance(0.5) else m.input(Type(dtype, (*lead, size, size)))
    diagonal = const(np.diag(np.arange(4, 4 + 3 * size, 3)[:size]).astype(dtype.numpy))
    a = p.add(x, p.broadcast(diagonal, x.shape, (x.type.rank - 2, x.type.rank - 1)))
    turned = p.transpose(a, [*range(a.type.rank - 2), a.type.rank - 1, a.type.rank - 2])
    square = p.dot(a, p.conj(turned) if dtype.is_complex else turned)
    choices = [lambda: p.cholesky(square), lambda: p.solve(a, x, m.chance(0.5)), lambda: p.inverse(a), lambda: p.det(a),
               lambda: p.slogdet(square), lambda: p.triangular_solve(a, x, m.chance(0.5), m.chance(0.5)),
               lambda: p.item(p.eigh(square), 0), lambda: p.qr(a, m.chance(0.5)), lambda: p.item(p.svd(a), 0),
               lambda: p.lu(a), lambda: p.abs(p.reduce(p.item(p.eig(a), 0), "sum", (a.type.rank - 2,))),
               lambda: p.matrix_function(p.mul(x, const(0.25, x.type)), "exp")]  # fmt: skip
    found = m.pick(choices)()
    return results_of(found)


def called_back(m) -> tuple:
    """Named Python functions."""
    x = m.some(lambda y: y.dtype.kind in "iuf" and y.dtype not in (dt.f16, dt.bf16)) or m.input(Type(dt.f32, (3,)))
    if x.dtype.is_integer:
        return results_of(p.host(x, callback="fuzz_halves", types=(x.type, x.type)))
    return (p.host(x, callback="fuzz_turned", types=(x.type,)),)


# --------------------------------------------------------------------------------- sizes found while running


def found_places(m) -> Node:
    mask = m.some(lambda y: y.dtype is dt.b1 and y.type.rank > 0)
    return p.nonzero(mask if mask is not None else m.input(Type(dt.b1, (3, 5))))


def kept_rows(m) -> Node:
    """The rows of a value where a mask is true."""
    x = m.some(lambda y: y.type.rank > 0) or m.input(Type(dt.f32, (6, 2)))
    if all(type(d) is int and d > 0 for d in x.shape[1:]):
        first = p.slice(x, [0] * x.type.rank, [x.shape[0]] + [1] * (x.type.rank - 1))
        mask = m.like(p.reshape(first, (x.shape[0],)), dt.b1)
    else:
        mask = m.input(Type(dt.b1, (x.shape[0],)))
    return p.gather(x, p.nonzero(mask))


def different(m) -> tuple:
    x = m.some(lambda y: y.type.rank > 0 and y.dtype.kind in "biuf") or m.input(Type(dt.i32, (9,)))
    return p.unique(x, m.below(x.type.rank))


def counted(m) -> Node:
    """Something as long as a sum says."""
    mask = m.some(lambda y: y.dtype is dt.b1 and y.type.rank > 0)
    mask = m.input(Type(dt.b1, (7,))) if mask is None else mask
    count = p.reduce(p.cast(mask, dt.i64), "sum", range(mask.type.rank))
    size = p.measured(count)
    x = m.some(lambda y: y.type.rank == 0 and y.dtype.kind in "biuf") or const(1.5, Type(dt.f32, ()))
    if m.chance(0.5):
        return p.iota((size,), 0, m.pick((dt.i32, dt.i64)))
    return p.broadcast(x, (size, 2))


def words(m, shape: tuple) -> Node:
    """A constant of strings."""
    kind = Type(dt.string, shape)
    return text(Data(m.array(kind)), kind)


def strings(m) -> Node:
    """Strings, moved about."""
    if m.chance(0.6):
        return p.stop(m.input(Type(dt.i32, (2,))))
    shape = m.pick(((), (3,), (2, 2)))
    x = words(m, shape)
    if not shape:
        return x
    return m.pick([lambda: x, lambda: p.reverse(x, (0,)), lambda: p.concat(x, x), lambda: p.reshape(x, (x.type.size,)),
                   lambda: p.unique(x)[0], lambda: p.gather(x, const(np.array([[1], [0], [9]])))])()  # fmt: skip


def checked_size(m) -> Node:
    """A value under sizes that only its user knows."""
    x = m.some(lambda y: y.type.rank > 0) or m.input(Type(dt.f32, (6, 2)))
    return p.ensure(x, (*x.shape[:-1], m.numbers(x.shape)[-1]))


COMMON = (special_function, convolution, complex_part, matrices)
MAKERS = COMMON * 2 + (
    convolution, random_numbers, swapped, viewed, transform, called_back, found_places, kept_rows, different, counted,
    strings, checked_size,
)  # fmt: skip
