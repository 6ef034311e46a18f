"""Sample operands for every primitive: one line each; all backends and all facets are tested with this table."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from graphc import prims
from graphc.errors import DtypeError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import INDEX, symbol
from graphc.ir.type import TupleType, Type

_random = np.random.default_rng(20)


@dataclass(frozen=True, eq=False)
class Sample:
    """One application of one primitive.

    Attributes:
        arrays: the operands.
        expected: what an independent expression answers (a tuple for several results), or None.
        smooth: the operands lie where the primitive is differentiable; they are f64 then.
        symbolic: attributes as a function of the symbol that stands for the leading size of the first operand.
        ulp: how far, in units of the last place, a compiled backend may be from the NumPy meaning.
        symmetric: the operand is a symmetric matrix, and gradients count only along symmetric changes.
        unique: False where several answers are right (signs of eigenvectors), so that values cannot be compared.
    """

    op: str
    arrays: tuple
    attrs: dict = field(default_factory=dict)
    expected: object = None
    smooth: bool = False
    symbolic: Callable | None = None
    ulp: float = 4
    unique: bool = True
    symmetric: bool = False
    note: str = ""

    @property
    def id(self) -> str:
        shapes = "-".join(f"{dt.as_dtype(a.dtype).short}{list(a.shape)}" for a in self.arrays)
        extra = "-".join(str(v) for v in self.attrs.values() if isinstance(v, (int, str, tuple)))
        return "-".join(p for p in (self.op, shapes, extra, self.note) if p).replace(" ", "")

    def graph(self, symbolic: bool = False) -> Graph | None:
        """A Graph of the primitive over inputs x0, x1, ...

        With ``symbolic``, leading sizes equal to that of the first operand become the symbol n; None where the
        primitive does not allow that.
        """
        if not symbolic:
            return self._build(lambda position, array: array.shape, self.attrs)
        if not self.arrays or not self.arrays[0].ndim or not self.arrays[0].shape[0]:
            return None
        n, size = symbol("n"), self.arrays[0].shape[0]
        attrs = self.symbolic(n) if self.symbolic else self.attrs
        for shared in (True, False):
            shape = _leading(n, size, shared)
            try:
                return self._build(shape, attrs)
            except (ShapeError, DtypeError):
                continue
        return None

    def _build(self, shape: Callable, attrs: dict) -> Graph:
        types = [Type(dt.as_dtype(a.dtype), shape(k, a)) for k, a in enumerate(self.arrays)]
        inputs = tuple([input_node(f"x{k}", type) for k, type in enumerate(types)])
        node = prims.apply(self.op, *inputs, **attrs)
        count = len(node.type.items) if isinstance(node.type, TupleType) else 0
        outputs = tuple([prims.item(node, k) for k in range(count)]) if count else (node,)
        return Graph(self.op, inputs, outputs)


def _leading(n, size: int, shared: bool) -> Callable:
    def shape(position, array):
        fits = array.ndim and array.shape[0] == size and (shared or position == 0)
        return (n, *array.shape[1:]) if fits else array.shape

    return shape


SAMPLES: list[Sample] = []


def sample(op: str, *arrays, expected=None, smooth=False, symbolic=None, ulp=4, unique=True, symmetric=False, note="",
           **attrs) -> None:  # fmt: skip
    """Enter one sample; keywords that are not fields of Sample are attributes of the primitive."""
    arrays = tuple([np.asarray(a) for a in arrays])
    SAMPLES.append(Sample(op, arrays, attrs, expected, smooth, symbolic, ulp, unique, symmetric, note))


def floats(*shape, dtype=np.float64, low=-1.0, high=1.0):
    """Uniform floats."""
    return _random.uniform(low, high, shape).astype(dtype)


def ints(*shape, dtype=np.int32, low=-9, high=10):
    """Uniform integers in [low, high)."""
    return _random.integers(low, high, shape).astype(dtype)


F16, BF16, F32, F64 = np.float16, dt.bf16.numpy, np.float32, np.float64
FLOATS = (F16, BF16, F32, F64)
INTS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
NAN, INF = np.nan, np.inf
SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, 0.999, -0.3, 1e-4, 7.25, -11.0, 60.0,
           -90.0, 1e30, -1e30, 1e-40, 6e-5]  # fmt: skip


def special(dtype):
    """The values at which implementations differ."""
    with np.errstate(over="ignore"):
        return np.array(SPECIAL).astype(np.float32 if dtype == BF16 else dtype).astype(dtype)


def edges(dtype):
    """Limits and small values of an integer type."""
    limits = np.iinfo(dtype)
    return np.array([limits.min, limits.max, 0, 1, 2, 3, 7, limits.max - 1, limits.min + 1, limits.max // 3], dtype)


def pairs(values):
    """Every value with every value, as two flat arrays."""
    x, y = np.meshgrid(values, values)
    return x.ravel(), y.ravel()


# ------------------------------------------------------------------------------------------ element-wise

_ROOM = {"log": (0.2, 3), "sqrt": (0.2, 3), "rsqrt": (0.2, 3), "log1p": (-0.5, 2), "asin": (-0.9, 0.9),
         "acos": (-0.9, 0.9),
         "acosh": (1.2, 3), "atanh": (-0.9, 0.9), "erfinv": (-0.9, 0.9), "lgamma": (-2.9, 4), "digamma": (-2.9, 4),
         "tan": (-1.2, 1.2)}  # fmt: skip
_PYTHON = {"expm1": math.expm1, "log1p": math.log1p, "erf": math.erf, "lgamma": math.lgamma, "asinh": math.asinh,
           "tanh": math.tanh, "cosh": math.cosh, "sinh": math.sinh, "atan": math.atan, "tan": math.tan,
           "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "round": round, "sign": lambda x: (x > 0) - (x < 0),
           "rsqrt": lambda x: 1 / math.sqrt(x), "exp": math.exp, "floor": math.floor, "trunc": math.trunc}  # fmt: skip
FLAT = ("floor", "ceil", "round", "trunc", "sign")

for _op in ("neg abs sign floor ceil round sqrt rsqrt exp expm1 log log1p sin cos tan asin acos atan sinh cosh tanh "
            "asinh acosh atanh erf erfinv lgamma digamma sigmoid trunc").split():  # fmt: skip
    for _dtype in FLOATS:
        sample(_op, special(_dtype))
    _points = floats(3, 4, low=_ROOM.get(_op, (-2, 2))[0], high=_ROOM.get(_op, (-2, 2))[1])
    _expected = np.vectorize(_PYTHON[_op], otypes=[F64])(_points) if _op in _PYTHON else None
    sample(_op, _points, smooth=_op not in FLAT, expected=_expected)
    sample(_op, F32(0.75))
    sample(_op, np.zeros((0, 3), F32))
for _dtype in INTS:
    sample("neg", edges(_dtype))
    sample("abs", edges(_dtype))
    sample("sign", edges(_dtype))
    sample("not", edges(_dtype), expected=~edges(_dtype))
    sample("popcount", edges(_dtype), expected=np.array(
        [bin(int(v) % 2 ** (8 * np.dtype(_dtype).itemsize)).count("1") for v in edges(_dtype)], _dtype))  # fmt: skip
sample("not", np.array([True, False]), expected=np.array([False, True]))
for _dtype in FLOATS:
    sample("isfinite", special(_dtype), expected=np.array([math.isfinite(v) for v in special(_dtype).astype(F64)]))
sample("digamma", np.array([1.0, 0.5, 2.0, -0.5]), ulp=16, expected=np.array(
    [-0.5772156649015329, -1.9635100260214235, 0.42278433509846713, 0.03648997397857652]))  # fmt: skip
sample("erfinv", np.array([0.5, -0.1, 1 - 1e-12, 1e-300, 1.0, -1.0, 2.0]), ulp=16, expected=np.array(
    [0.4769362762044699, -0.08885599049425769, 5.042031898572696, 8.86226925452758e-301, INF, -INF, NAN]))  # fmt: skip
sample("lgamma", np.array([0.0, -1.0, 0.5, 1.0, 171.5, INF]), ulp=16,
       expected=np.array([INF, INF, 0.5723649429247001, 0.0, 709.1431630309283, INF]))  # fmt: skip
sample("round", np.array([0.5, 1.5, -0.5, -2.5, 2.5], F32), expected=np.array([0, 2, -0.0, -2, 2], F32))

for _dtype in FLOATS:
    for _op in "add sub mul div floordiv mod pow max min atan2 eq ne lt le".split():
        sample(_op, *pairs(special(_dtype)[:20]))
for _dtype in INTS:
    for _op in "add sub mul floordiv mod max min and or xor eq ne lt le".split():
        sample(_op, *pairs(edges(_dtype)))
    sample("pow", *pairs(np.array([0, 1, 2, 3, 7, 11], _dtype)))
    _amounts = np.array([0, 1, 5, 7, 8, 31, 64, 3, 63, 100], _dtype)
    sample("shl", edges(_dtype), _amounts)
    sample("shr", edges(_dtype), _amounts)
sample("pow", np.array([-1, -1, 1, 2, 0, -3]), np.array([-3, -2, -5, -1, -1, -2]),
       expected=np.array([-1, 1, 1, 0, 0, 0]))
sample("shl", np.array([1, 1], np.int32), np.array([33, 31], np.int32), expected=np.array([2, -(2**31)], np.int32))
sample("floordiv", np.array([7, -7, 7, -7, 5], np.int32), np.array([2, 2, -2, -2, 0], np.int32),
       expected=np.array([3, -4, -4, 3, 0], np.int32))  # fmt: skip
sample("mod", np.array([7, -7, 7, -7, 5], np.int32), np.array([2, 2, -2, -2, 0], np.int32),
       expected=np.array([1, 1, -1, -1, 0], np.int32))  # fmt: skip
sample("mod", np.array([5.5, -5.5, 5.5]), np.array([2.0, 2.0, -2.0]), expected=np.array([1.5, 0.5, -0.5]))
for _op in ("and", "or", "xor", "eq", "ne"):
    sample(_op, np.array([True, True, False, False]), np.array([True, False, True, False]))
for _op in "add sub mul div max min pow atan2 mod".split():
    _y = floats(3, 4) if _op == "pow" else floats(3, 4, low=2.1, high=3) * [1, -1, 1, -1]
    sample(_op, floats(3, 4, low=0.6, high=2), _y, smooth=True)
    sample(_op, F32(1.25), F32(-0.5))
    sample(_op, np.zeros((2, 0), F32), np.zeros((2, 0), F32))
sample("select", np.array([True, False, True]), special(F32)[:3], special(F32)[3:6])
sample("select", np.array([[True, False]]), floats(1, 2), floats(1, 2), smooth=True)
sample("select", np.array(False), np.int8(3), np.int8(-4), expected=np.int8(-4))
for _dtype in FLOATS:
    sample("fma", *pairs(special(_dtype)[:12]), floats(144, dtype=_dtype))
sample("fma", np.float32([1 + 2**-12]), np.float32([1 + 2**-12]), np.float32([-1 - 2**-11]),
       expected=np.float32([2**-24]))
sample("fma", np.array([1 + 2.0**-30]), np.array([1 + 2.0**-30]), np.array([-1 - 2.0**-29]),
       expected=np.array([2.0**-60]))
sample("fma", np.array([1 + 2**-7]).astype(BF16), np.array([1 + 2**-7]).astype(BF16),
       np.array([-1 - 2**-6]).astype(BF16),
       expected=np.array([2**-14]).astype(BF16))  # fmt: skip
sample("fma", floats(5), floats(5), floats(5), smooth=True)
sample("fma", ints(5), ints(5), ints(5))

_ALL = (dt.b1, *map(dt.as_dtype, INTS + FLOATS))
for _target in _ALL:
    for _source in FLOATS:
        sample("cast", special(_source), dtype=_target)
    for _source in INTS:
        sample("cast", edges(_source), dtype=_target)
    sample("cast", np.array([True, False]), dtype=_target)
sample("cast", np.array([NAN, INF, -INF, 3e9, -3e9, 2.9, -2.9], F32), dtype=dt.i32,
       expected=np.array([0, 2**31 - 1, -(2**31), 2**31 - 1, -(2**31), 2, -2], np.int32))  # fmt: skip
sample("cast", np.array([NAN, -1.0, 300.0, 255.0]), dtype=dt.u8, expected=np.array([0, 0, 255, 255], np.uint8))
sample("cast", floats(3), dtype=dt.f64, smooth=True)
for _source, _target in ((F32, dt.i32), (np.int32, dt.f32), (F64, dt.u64), (np.int8, dt.u8), (F16, dt.bf16)):
    sample("bitcast", ints(2, 3).astype(_source), dtype=_target)

_ANYWHERE = ("erfc", "bessel_i0", "bessel_i0e", "bessel_i1", "bessel_i1e", "bessel_j0", "bessel_j1", "dawsn", "fresnel_cos",
             "fresnel_sin")
_POSITIVE = ("bessel_k0", "bessel_k0e", "bessel_k1", "bessel_k1e", "bessel_y0", "bessel_y1", "expint", "spence")
for _function in (*_ANYWHERE, *_POSITIVE):
    _low = 0.3 if _function in _POSITIVE else -3
    sample("special", floats(3, 4, low=_low, high=3), function=_function, smooth=True, ulp=64)
    _far = floats(12, low=_low * 5, high=30).astype(F32)
    sample("special", np.concatenate([_far, special(F32)]), function=_function)
for _function, _high in (("erfcinv", 1.9), ("ndtri", 0.95)):
    sample("special", floats(3, 4, low=0.05, high=_high), function=_function, smooth=True, ulp=64)
    sample("special", special(F32), function=_function)
sample("special", floats(3, 4, low=1.5, high=6), floats(3, 4, low=0.5, high=6), function="zeta", ulp=64)
sample("special", np.array([0.0, 1.0, 2.0, 1.5]), floats(4, low=0.5, high=6), function="polygamma", ulp=64)
for _function in ("igamma", "igammac", "igamma_slope"):
    sample("special", floats(3, 4, low=0.3, high=40), floats(3, 4, low=0.3, high=40), function=_function, ulp=2000)
    sample("special", special(F32), special(F32)[::-1].copy(), function=_function)
sample("special", *[floats(3, 4, low=0.3, high=9) for _ in "ab"], floats(3, 4, low=0.1, high=0.9), function="betainc",
       ulp=500)  # fmt: skip
sample("special", floats(5, low=0.5, high=3).astype(BF16), function="bessel_k0")

_z = [(floats(4) + 1j * floats(4)).astype(t) for t in (np.complex64, np.complex128) for _ in range(2)]
for _op in ("add", "sub", "mul", "div", "pow", "eq", "ne"):
    sample(_op, _z[0], _z[1])
    sample(_op, _z[2], _z[3])
for _op in "neg exp log sqrt sin cos tanh isfinite".split():
    sample(_op, _z[0])
    sample(_op, _z[2])
sample("cast", _z[0], dtype=dt.f32, expected=_z[0].real)
sample("cast", floats(3, dtype=F32), dtype=dt.c64)

# ---------------------------------------------------------------------------------------------- movement

sample("iota", shape=(3, 4), axis=1, dtype=dt.i64, expected=np.tile(np.arange(4), (3, 1)))
sample("iota", shape=(3, 4), axis=0, dtype=dt.f32)
sample("iota", shape=(0,), axis=0, dtype=dt.i32)
sample("iota", shape=(5,), axis=0, dtype=dt.bf16)
for _old, _new in (((2, 3, 4), (6, 4)), ((6, 4), (2, 3, 2, 2)), ((2, 3, 4), (4, 3, 2)), ((2, 1, 3), (6,)),
                   ((6,), (1, 6, 1)),
                   ((1,), ()), ((), (1, 1)), ((0, 3), (5, 0)), ((4, 5, 6), (4, 2, 15)), ((8, 3), (3, 8))):  # fmt: skip
    _x = floats(*_old)
    sample("reshape", _x, shape=_new, smooth=_x.size > 0,
           expected=np.arange(_x.size).reshape(_new) * 0 + _x.reshape(_new))
sample("reshape", ints(4, 6), shape=(8, 3), symbolic=lambda n: {"shape": (n * 2, 3)})
sample("reshape", ints(4, 6), shape=(24,), symbolic=lambda n: {"shape": (n * 6,)})
sample("reshape", floats(5, 6, dtype=F32), shape=(5, 2, 3), symbolic=lambda n: {"shape": (n, 2, 3)})
sample("reshape", floats(4, 6), shape=(8, 3), smooth=True, symbolic=lambda n: {"shape": (n * 2, 3)}, note="symbolic")
sample("broadcast", floats(3), shape=(2, 3, 4), axes=(1,), smooth=True,
       symbolic=lambda n: {"shape": (2, n, 4), "axes": (1,)})
sample("broadcast", F32(2), shape=(2, 2), axes=())
sample("broadcast", floats(2, 3), shape=(2, 0, 3), axes=(0, 2))
sample("broadcast", np.array([True, False]), shape=(2, 3), axes=(0,),
       symbolic=lambda n: {"shape": (n, 3), "axes": (0,)})
sample("transpose", floats(2, 3, 4), perm=(2, 0, 1), smooth=True)
sample("transpose", ints(5, 7, dtype=np.int8), perm=(1, 0))
sample("transpose", np.zeros((0, 2), F32), perm=(1, 0))
sample("transpose", np.float32(1), perm=())
_x = floats(7, 5)
sample("slice", _x, start=(1, 0), stop=(6, 5), step=(1, 1), smooth=True, expected=_x[1:6],
       symbolic=lambda n: {"start": (1, 0), "stop": (n - 1, 5), "step": (1, 1)})  # fmt: skip
sample("slice", _x, start=(1, 1), stop=(7, 4), step=(3, 2), smooth=True, expected=_x[1:7:3, 1:4:2],
       symbolic=lambda n: {"start": (1, 1), "stop": (n, 4), "step": (3, 2)})  # fmt: skip
sample("slice", _x, start=(0, 2), stop=(7, 5), step=(4, 1), smooth=True, expected=_x[::4, 2:])
sample("slice", _x, start=(2, 3), stop=(2, 5), step=(1, 1))
sample("pad", floats(3, 2), np.array(0.5), low=(1, 0), high=(2, 1), smooth=True,
       symbolic=lambda n: {"low": (1, 0), "high": (2, 1)})  # fmt: skip
sample("pad", ints(2, 2), np.int32(7), low=(0, 0), high=(0, 3))
sample("pad", np.zeros((0, 2), F32), np.float32(NAN), low=(2, 0), high=(1, 0))
sample("pad", floats(4, dtype=F32), np.float32(-0.0), low=(0,), high=(0,))
sample("pad", np.float32(1), np.float32(2), low=(), high=())
sample("reverse", floats(3, 4, 2), axes=(0, 2), smooth=True)
sample("reverse", ints(4, dtype=np.uint8), axes=(0,))
sample("concat", floats(2, 3), floats(4, 3), floats(1, 3), axis=0, smooth=True)
sample("concat", ints(2, 3), ints(2, 0), ints(2, 2), axis=1)
sample("concat", floats(2, dtype=F32), axis=0)
_x = floats(9, 8)
sample("window", _x, axes=(0, 1), size=(3, 2), stride=(2, 1), dilation=(1, 3), smooth=True)
sample("window", floats(7, 3, dtype=F32), axes=(0,), size=(3,), stride=(1,), dilation=(1,))
sample("window", ints(5), axes=(0,), size=(5,), stride=(2,), dilation=(1,))
sample("unwindow", floats(4, 5, 3, 2), shape=(9, 8), axes=(0, 1), size=(3, 2), stride=(2, 1), dilation=(1, 3),
       smooth=True)
sample("unwindow", floats(2, 2, dtype=F32), shape=(7,), axes=(0,), size=(2,), stride=(3,), dilation=(1,))
sample("unwindow", ints(5, 3), shape=(7,), axes=(0,), size=(3,), stride=(1,), dilation=(1,))
sample("ensure", floats(3, 2), shape=(3, 2), smooth=True, symbolic=lambda n: {"shape": (3, 2)})
sample("stop", floats(3, 2))
sample("transfer", floats(3, 2), source="", device="cuda:0", smooth=True)

# -------------------------------------------------------------------------------------------- reductions

for _dtype in FLOATS:
    for _kind in ("sum", "prod", "max", "min"):
        sample("reduce", floats(4, 5, 3, dtype=_dtype, low=0.5, high=1.5), kind=_kind, axes=(1,), ulp=8)
    for _kind in ("max", "min"):
        sample("reduce", np.array([[1, NAN, 2], [INF, -INF, 0], [-0.0, 3, 3]]).astype(_dtype), kind=_kind, axes=(1,))
        sample("argreduce", np.array([[1, NAN, NAN], [INF, -INF, 0], [3, 3, -4]]).astype(_dtype), kind=_kind, axis=1,
               dtype=dt.i32)
    for _kind in ("sum", "prod", "max", "min"):
        for _exclusive, _reverse in ((False, False), (True, False), (False, True), (True, True)):
            sample("cumulate", floats(3, 6, dtype=_dtype, low=0.5, high=1.5), kind=_kind, axis=1, exclusive=_exclusive,
                   reverse=_reverse, ulp=8)  # fmt: skip
for _dtype in INTS:
    for _kind in ("sum", "prod", "max", "min"):
        sample("reduce", np.tile(edges(_dtype), (2, 1)), kind=_kind, axes=(0,))
        sample("cumulate", edges(_dtype), kind=_kind, axis=0, exclusive=False, reverse=False)
    sample("argreduce", edges(_dtype), kind="max", axis=0, dtype=dt.i64)
for _kind in ("all", "any"):
    sample("reduce", ints(3, 4, low=0, high=2).astype(bool), kind=_kind, axes=(1,))
    sample("reduce", np.zeros((2, 0), bool), kind=_kind, axes=(1,))
for _kind in ("sum", "prod", "max", "min"):
    sample("reduce", floats(3, 4, 2), kind=_kind, axes=(0, 2), smooth=True)
    sample("reduce", floats(5), kind=_kind, axes=(0,), smooth=True)
    sample("reduce", np.zeros((0, 3), F32), kind=_kind, axes=(0,))
    for _exclusive, _reverse in ((False, False), (True, False), (False, True), (True, True)):
        _x = floats(4, 3)
        if _kind in ("max", "min") and _exclusive:  # the identity is infinite: no finite differences there
            sample("cumulate", _x, kind=_kind, axis=0, exclusive=True, reverse=_reverse)
        else:
            sample("cumulate", _x, kind=_kind, axis=0, exclusive=_exclusive, reverse=_reverse, smooth=True)
_x = floats(3, 4)
sample("reduce", _x, kind="sum", axes=(0,), expected=np.array([math.fsum(c) for c in _x.T]))
sample("reduce", np.array([2.0, 0.0, 3.0, -4.0]), kind="prod", axes=(0,), smooth=True, note="zero")
sample("reduce", np.array([2.0, 0.0, 0.0, -4.0]), kind="prod", axes=(0,), smooth=True, note="zeros")
sample("cumulate", np.array([2.0, 0.0, 3.0, 0.0, 1.5]), kind="prod", axis=0, exclusive=False, reverse=False,
       smooth=True,
       note="zeros")  # fmt: skip
sample("cumulate", np.zeros((0, 2), F32), kind="sum", axis=0, exclusive=True, reverse=False)
sample("reduce", floats(300, 70, dtype=F32), kind="sum", axes=(0,), ulp=64)
sample("reduce", floats(3, 5000, dtype=F32), kind="sum", axes=(1,), ulp=64)
sample("reduce", np.full((4096,), 0.1, F16), kind="sum", axes=(0,),
       expected=np.float32(4096 * np.float32(F16(0.1))).astype(F16))

# ------------------------------------------------------------------------------------------ contractions

for _dtype in FLOATS + INTS:
    _make = floats if _dtype in FLOATS else ints
    _low = {} if _dtype in FLOATS else {"low": 0}
    sample("dot", _make(4, 7, dtype=_dtype, **_low), _make(7, 5, dtype=_dtype, **_low), transpose_x=False,
           transpose_y=False, ulp=64)
for _tx in (False, True):
    for _ty in (False, True):
        _x, _y = floats(2, 3, 4), floats(2, 4, 5)
        sample("dot", np.swapaxes(_x, 1, 2) if _tx else _x, np.swapaxes(_y, 1, 2) if _ty else _y, transpose_x=_tx,
               transpose_y=_ty, smooth=True, expected=np.einsum("bmk,bkn->bmn", _x, _y), ulp=16)  # fmt: skip
sample("dot", np.zeros((3, 0), F32), np.zeros((0, 2), F32), transpose_x=False, transpose_y=False)
sample("dot", np.zeros((0, 3), F32), np.zeros((3, 2), F32), transpose_x=False, transpose_y=False)
sample("dot", floats(70, 130, dtype=F32), floats(130, 66, dtype=F32), transpose_x=False, transpose_y=False, ulp=512)


def conv(x, w, stride=1, low=0, high=0, dilation=1, x_dilation=1, groups=1, **fields):
    """A convolution with the same numbers for every spatial axis, or tuples."""
    count = x.ndim - 2
    numbers = dict(stride=stride, low=low, high=high, dilation=dilation, x_dilation=x_dilation)
    attrs = {k: v if isinstance(v, tuple) else (v,) * count for k, v in numbers.items()}
    sample("conv", x, w, **attrs, groups=groups, ulp=256, **fields)


conv(floats(2, 6, 5, 3), floats(3, 2, 3, 4), smooth=True)
conv(floats(2, 6, 5, 3), floats(3, 2, 3, 4), stride=(2, 1), low=(1, 0), high=(1, 1), smooth=True)
conv(floats(1, 7, 2), floats(3, 2, 3), stride=2, dilation=2, low=2, high=1, smooth=True)
conv(floats(1, 4, 2), floats(3, 2, 3), x_dilation=2, low=1, high=2, smooth=True)
conv(floats(2, 5, 4), floats(2, 2, 6), groups=2, stride=2, high=1, smooth=True)
conv(floats(2, 5, 4), floats(3, 1, 8), groups=4, low=1, high=1, smooth=True)
conv(floats(2, 5, 2), floats(2, 2, 3), low=2, high=3, smooth=True)
sample("correlate", floats(2, 6, 5, 3), floats(2, 6, 4, 2), kernel=(3, 2), stride=(1, 1), low=(1, 0), dilation=(1, 1),
       ulp=256, smooth=True)  # fmt: skip
sample("correlate", floats(2, 7, 3), floats(2, 4, 2), kernel=(3,), stride=(2,), low=(2,), dilation=(2,), ulp=256,
       smooth=True)  # fmt: skip
conv(floats(2, 6, 2), floats(2, 2, 3), low=-1, high=-2, smooth=True)
conv(floats(3, 4), floats(4, 2), smooth=True)
conv(floats(1, 4, 3, 3, 2), floats(2, 2, 2, 2, 3), smooth=True)
conv(floats(1, 9, 9, 3, dtype=F32), floats(3, 3, 3, 16, dtype=F32), stride=2, low=1, high=1)

def words(*shape):
    """Words whose bytes have any value."""
    return _random.integers(-(2**31), 2**31, shape).astype(np.int32)


sample("madd4", words(40), words(40), words(40))
sample("madd4", np.int32([-1]), np.int32([0x7F7F7F7F]), np.int32([0]), expected=np.int32([4 * 255 * 127]))
for _x, _y, _tx, _ty in ((words(4, 3), words(3, 5), False, False), (words(2, 13, 9), words(2, 33, 9), False, True),
                         (words(3, 14), words(3, 40), True, False), (words(1, 0), words(0, 2), False, False)):  # fmt: skip
    sample("dot4", _x, _y, transpose_x=_tx, transpose_y=_ty)
for _x, _w, _fields in ((words(2, 6, 5, 1), words(3, 3, 1, 4), dict(stride=(2, 1), low=(1, 1), high=(1, 2), fill=255)),
                        (words(1, 7, 4), words(3, 2, 6), dict(stride=(1,), low=(1,), high=(1,), groups=2, fill=3)),
                        (words(1, 5, 5, 2), words(1, 1, 2, 3), dict(stride=(1, 1), low=(0, 0), high=(0, 0), fill=0))):  # fmt: skip
    _one = (1,) * (_x.ndim - 2)
    sample("conv4", _x, _w, **{"dilation": _one, "x_dilation": _one, "groups": 1, **_fields})
conv(floats(1, 5, 5, 2, dtype=F16), floats(3, 3, 2, 4, dtype=F16))
conv(floats(1, 5, 5, 2, dtype=BF16), floats(3, 3, 2, 4, dtype=BF16))
conv(ints(1, 5, 2), ints(3, 2, 4))
conv(np.zeros((0, 5, 2), F32), floats(3, 2, 4, dtype=F32))

# ---------------------------------------------------------------------------------------------- indexing

_x = floats(5, 4, 3)
sample("gather", _x, np.array([[0], [4], [2], [0]], np.int32), batch=0, smooth=True, expected=_x[[0, 4, 2, 0]])
sample("gather", _x, np.array([[[0, 1], [4, 3]], [[5, 0], [0, -1]]]), batch=0, smooth=True)
sample("gather", floats(2, 5, 3), np.array([[[0], [4]], [[3], [3]]], np.int32), batch=1, smooth=True)
sample("gather", floats(2, 5), np.array([[[0], [4]], [[3], [7]]], np.int32), batch=1)
sample("gather", ints(4, 2), np.zeros((0, 1), np.int32), batch=0)
sample("gather", ints(4), np.array([2]), batch=0)
sample("gather", floats(3, 2, dtype=F32), np.zeros((2, 0), np.int32), batch=0)
for _kind in ("add", "set", "max", "min", "mul"):
    sample("scatter", floats(5, 3), np.array([[0], [4], [4], [7], [-1]], np.int32), floats(5, 3), kind=_kind, batch=0,
           smooth=True)
    sample("scatter", floats(2, 4), np.array([[[0], [2], [2]], [[3], [3], [3]]]), floats(2, 3), kind=_kind, batch=1,
           smooth=True)
    sample("scatter", ints(3, 3), np.array([[0, 1], [2, 2], [0, 1]], np.int32), ints(3), kind=_kind, batch=0)
    sample("scatter", ints(3), np.zeros((0, 1), np.int32), ints(0), kind=_kind, batch=0)
sample("scatter", floats(3), np.array([[1], [1], [1], [2]]), np.array([0.0, 2.0, 3.0, 0.0]), kind="mul", batch=0,
       note="zeros")
sample("scatter", np.zeros(3), np.array([[1], [1]]), np.array([5.0, 6.0]), kind="set", batch=0,
       expected=np.array([0, 6.0, 0]))

# ------------------------------------------------------------------------------------------------- order

for _descending in (False, True):
    sample("sort", floats(3, 5), axis=1, descending=_descending, smooth=True)
    sample("sort", floats(6, 2), axis=0, descending=_descending, smooth=True)
    for _dtype in FLOATS:
        sample("sort", np.array([3, NAN, -1, 3, INF, -INF, 0.5, NAN, -1]).astype(_dtype), axis=0,
               descending=_descending)
    for _dtype in INTS:
        sample("sort", edges(_dtype), axis=0, descending=_descending)
    sample("sort", np.array([True, False, True]), axis=0, descending=_descending)
    sample("sort", np.zeros((2, 0), F32), axis=1, descending=_descending)
sample("sort", np.array([2, 1, 2, 3], np.int32), axis=0, descending=True,
       expected=(np.array([3, 2, 2, 1], np.int32), np.array([3, 0, 2, 1], np.int32)))  # fmt: skip

# ------------------------------------------------------------------------------------------------ random

_KEY = np.array([0x12345678, 0x9ABCDEF0], np.uint32)
sample("random_bits", np.zeros(2, np.uint32), np.uint64(0), shape=(4,),
       expected=np.array([0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8], np.uint32))  # fmt: skip
sample("random_bits", _KEY, np.uint64(2**40 + 3), shape=(3, 5))
sample("random_bits", _KEY, np.uint64(1), shape=())
sample("random_bits", _KEY, np.uint64(1), shape=(0, 2))
sample("random_bits", _KEY, np.array([2**64 - 2, 7], np.uint64), shape=(3, 5))
sample("swaps", np.array([2, 1, 2, 0, 9], np.int64), expected=np.array([3, 1, 0, 2, 4], np.int64))
sample("swaps", np.zeros(0, np.int64))

# ----------------------------------------------------------------------------------------------- control


def _inputs(*shapes, dtype=dt.f64):
    return [input_node(f"a{k}", Type(dtype, shape)) for k, shape in enumerate(shapes)]


def _call_graphs():
    x, y = _inputs((3,), (3,))
    plain = Graph("product", (x, y), (x * prims.sin(y), x + y))
    g0, g1, o0, o1 = (input_node(name, x.type) for name in ("g0", "g1", "o0", "o1"))
    gradient = Graph("product_gradient", (g0, g1, o0, o1, x, y), (g0 * prims.sin(y) + g1, g0 * x * prims.cos(y) + g1))
    return plain, gradient


def _while_graphs():
    k, x = input_node("k", Type(dt.i32, ())), input_node("x", Type(dt.f32, (3,)))
    return Graph("test", (k, x), (k < 5,)), Graph("body", (k, x), (k + 1, x * 2.0))


def _loop_graph():
    i = input_node("i", INDEX)
    c, d, x, w = _inputs((2,), (), (2,), (2,))
    n = input_node("n", Type(dt.i64, ()))
    grown = c * w + prims.sin(x) * prims.broadcast(d, (2,), ())
    size = prims.cast(i + n, dt.f64)
    outputs = (grown, d + prims.reduce(x, "sum", (0,)) * size, n + 2, grown * x, d * d, i)
    return Graph("body", (i, c, d, n, x, w), outputs)


def _rnn_graph():
    i = input_node("i", INDEX)
    h, x, w = (input_node(name, Type(dt.f32, (4,))) for name in "hxw")
    new = prims.tanh(h * w + x)
    return Graph("body", (i, h, x, w), (new, new))


_plain, _gradient = _call_graphs()
sample("call", floats(3), floats(3), graph=_plain, gradient=None, smooth=True)
sample("call", floats(3), floats(3), graph=_plain, gradient=_gradient, smooth=True, note="gradient")
_a, _b = _inputs((3,), (2,))
_then = Graph("then", (_a, _b), (prims.exp(_a), prims.reduce(_a, "sum", (0,))))
_orelse = Graph("orelse", (_a, _b), (_a * _a, prims.reduce(prims.sin(_b), "prod", (0,))))
sample("cond", np.array(True), floats(3), floats(2), then=_then, orelse=_orelse, smooth=True, note="then")
sample("cond", np.array(False), floats(3), floats(2), then=_then, orelse=_orelse, smooth=True, note="else")
_test, _body = _while_graphs()
sample("while", np.int32(0), floats(3, dtype=F32), test=_test, body=_body)
sample("while", np.int32(9), floats(3, dtype=F32), test=_test, body=_body)
sample("loop", floats(2), floats(), np.int64(3), floats(4, 2), floats(2), count=4, carries=3, scanned=1,
       body=_loop_graph(), smooth=True)
sample("loop", floats(4, dtype=F32), floats(6, 4, dtype=F32), floats(4, dtype=F32), count=6, carries=1, scanned=1,
       body=_rnn_graph(), ulp=64)
sample("loop", floats(4, dtype=F32), np.zeros((0, 4), F32), floats(4, dtype=F32), count=0, carries=1, scanned=1,
       body=_rnn_graph())
sample("loop", floats(2), floats(), np.int64(3), floats(4, 2), floats(2), count=4, carries=3, scanned=1,
       body=_loop_graph(), backwards=True, smooth=True, note="backwards")


def host_double(x):
    """A callback for the host row."""
    return 2 * x, np.asarray(x).sum()


sample("host", floats(3), callback=host_double, types=(Type(dt.f64, (3,)), Type(dt.f64, ())))

# ---------------------------------------------------------------------------------------- linear algebra


def definite(*shape, dtype=F64):
    """Symmetric positive definite matrices."""
    a = floats(*shape)
    return (a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])).astype(dtype)


def triangle(*shape, dtype=F64):
    """Well-conditioned square matrices."""
    return (floats(*shape) + 3 * np.eye(shape[-1])).astype(dtype)


sample("check_numerics", floats(2, 3), smooth=True, message="x")
sample("guard", np.array([[0, 1], [2, 0]], np.int32), kind="index", limits=(3, 2), what="gather_nd")
sample("guard", np.array([-1, 3]), kind="divisor", limits=(), what="floordiv")
sample("refusal", np.array(False), np.array(True), reasons=(("first", "a.py:1"), ("second", "a.py:2")))
sample("cholesky", definite(2, 3, 3), smooth=True, symmetric=True)
sample("cholesky", definite(4, 4, dtype=F32), ulp=64)
sample("cholesky", -definite(2, 2))
for _lower in (False, True):
    for _adjoint in (False, True):
        sample("triangular_solve", triangle(2, 3, 3), floats(2, 3, 2), lower=_lower, adjoint=_adjoint, smooth=True)
sample("lu", floats(2, 4, 4), smooth=True)
sample("lu", np.zeros((0, 3, 3)))
sample("lu", floats(2, 3, 3), exchanges=True, smooth=True)
sample("lu", floats(2, 5, 3), exchanges=True)
sample("lu", np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]), exchanges=True)
sample("qr", floats(2, 4, 3), smooth=True)
sample("qr", floats(3, 3), smooth=True)
sample("qr", floats(2, 5), smooth=True)
sample("eigh", definite(2, 3, 3), smooth=True, unique=False)
sample("svd", floats(2, 4, 3), smooth=True, unique=False)
sample("svd", floats(3, 3), smooth=True, unique=False)
sample("svd", floats(2, 4), smooth=True, unique=False)
sample("svd", floats(4, 3), full=True, unique=False)
sample("qr", floats(4, 3), full=True)
sample("eig", floats(2, 3, 3), unique=False)
for _adjoint in (False, True):
    sample("solve", triangle(2, 3, 3), floats(2, 3, 2), adjoint=_adjoint, smooth=True)
sample("inverse", triangle(2, 3, 3), smooth=True)
sample("inverse", triangle(3, 3, dtype=F32), ulp=64)
sample("det", triangle(2, 3, 3), smooth=True)
sample("det", np.zeros((0, 0)))
sample("slogdet", triangle(2, 3, 3), smooth=True)
for _kind in ("exp", "sqrt"):
    sample("matrix_function", triangle(2, 3, 3), kind=_kind, smooth=True)
sample("matrix_function", triangle(3, 3).astype(np.complex128), kind="log")

# ------------------------------------------------------------------------------------------------ complex


def complexes(*shape, dtype=np.complex128):
    """Complex numbers."""
    return (floats(*shape) + 1j * floats(*shape)).astype(dtype)


sample("complex", floats(2, 3), floats(2, 3), smooth=True)
sample("complex", floats(3).astype(F32), floats(3).astype(F32))
for _op in ("real", "imag", "conj"):
    sample(_op, complexes(2, 3), smooth=True)
    sample(_op, complexes(3, dtype=np.complex64))
sample("view", complexes(2, 3), dtype=dt.f64, smooth=True)
sample("view", floats(3, 2), dtype=dt.c128, smooth=True)
sample("view", np.arange(6, dtype=np.int32).reshape(3, 2), dtype=dt.i64)
sample("view", np.arange(6, dtype=np.int32), dtype=dt.i16)
for _kind in ("fft", "ifft"):
    sample("fft", complexes(2, 3, 4), kind=_kind, axes=(1, 2), length=0, smooth=True)
    sample("fft", complexes(5, dtype=np.complex64), kind=_kind, axes=(0,), length=0)
sample("fft", floats(2, 3, 4), kind="rfft", axes=(1, 2), length=0, smooth=True)
sample("fft", floats(7), kind="rfft", axes=(0,), length=0, smooth=True)
sample("fft", complexes(2, 3, 4), kind="irfft", axes=(1, 2), length=7, smooth=True)
sample("fft", complexes(5), kind="irfft", axes=(0,), length=8, smooth=True)
