"""Hand-written nests against the NumPy definitions: run by the kernel oracle, and natively for several targets."""

import ctypes
import zlib
from functools import partial

import numpy as np
import pytest

import graphc.prims  # noqa: F401  (declares the rows)
from graphc.codegen.llvm.emit import kernel_text
from graphc.codegen.python import run_kernel
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.order import toposort
from graphc.ir.kernel import Kernel
from graphc.ir.node import Node, symbol
from graphc.ir.target import X86_64, X86_64_V3, X86_64_V4
from graphc.ir.type import Type
from graphc.ir.verify_kernel import verify_kernel
from graphc.lower.nests import NESTS
from graphc.lower.nests.conv import direct
from graphc.prims.table import TABLE, apply, row
from tests.machine_code import host_targets, loaded

TARGETS = (X86_64_V4, X86_64_V3, X86_64)
SIZE = {"n": 3, "m": 70}  # values of the symbols in the shapes below
FUNCTIONS = {name: r.numpy for name, r in TABLE.items() if r.scalar}


def floats(dtype=dt.f32, special=()):
    def make(rng, shape):
        x = rng.standard_normal(shape).astype(dtype.numpy)
        for k, value in enumerate(special):
            if x.size:
                x.flat[(k * 7 + 1) % x.size] = value
        return x

    return make


def whole(low, high, dtype=dt.i32):
    return lambda rng, shape: rng.integers(low, high, shape, endpoint=True).astype(dtype.numpy)


def conv_attrs(rank=2, stride=1, low=0, high=0, dilation=1, x_dilation=1, groups=1):
    spread = [v if isinstance(v, tuple) else (v,) * rank for v in (stride, low, high, dilation, x_dilation)]
    return dict(zip(("stride", "low", "high", "dilation", "x_dilation"), spread), groups=groups)


def window_attrs(axes, size, stride, dilation, shape):
    return dict(shape=shape, axes=axes, size=size, stride=stride, dilation=dilation)



F, H, B, D = floats(), floats(dt.f16), floats(dt.bf16), floats(dt.f64)
ODD = floats(special=(np.nan, np.inf, -np.inf, -0.0, np.nan))
INDEX = whole(-1, 4)

# (primitive, attributes, ((shape, values), ...)); a text in a shape is a dimension over symbols
SAMPLES = [
    ("gather", dict(batch=0), (((5, 7), F), ((6, 1), INDEX))),
    ("gather", dict(batch=0), (((5, 4), F), ((2, 6, 2), INDEX))),
    ("gather", dict(batch=1), ((("n", 5, 3, 2), F), (("n", 6, 2), INDEX))),
    ("gather", dict(batch=0), ((("m",), H), ((130, 1), whole(-1, 71, dt.i64)))),
    ("gather", dict(batch=0), (((4, 3), whole(0, 1, dt.b1)), ((2, 1), INDEX))),
    ("gather", dict(batch=0), (((4, 3), F), ((2, 0), INDEX))),
    ("gather", dict(batch=0), (((0, 3), F), ((2, 1), INDEX))),
    *[("scatter", dict(kind=kind, batch=0), (((5, 3), F), ((9, 1), INDEX), ((9, 3), F)))
      for kind in ("add", "set", "max", "min", "mul")],
    ("scatter", dict(kind="add", batch=1), ((("n", 5, 4), F), (("n", 9, 2), INDEX), (("n", 9), F))),
    ("scatter", dict(kind="max", batch=0), (((5, "m"), ODD), ((4, 1), INDEX), ((4, "m"), ODD))),
    ("scatter", dict(kind="add", batch=0), (((5, 600), whole(0, 9)), ((6, 1), INDEX), ((6, 600), whole(0, 9)))),
    ("scatter", dict(kind="set", batch=0), (((5, 2), H), ((9, 1), INDEX), ((9, 2), H))),
    ("scatter", dict(kind="set", batch=0), (((5,), F), ((0, 1), INDEX), ((0,), F))),
    *[("sort", dict(axis=axis, descending=descending), ((shape, values),))
      for shape, axis in (((2, 9), 1), ((9, 2), 0), (("n", "m"), 1), ((2, 1), 1), ((2, 0), 1), ((5, "n", 2), 1))
      for values in (ODD, whole(-2, 2)) for descending in (False, True)],
    *[("sort", dict(axis=axis, descending=descending), ((shape, values),))
      for shape, axis in (((2, 1000), 1), ((500, "n"), 0)) for descending in (False, True)
      for values in (ODD, whole(0, 2**32 - 1, dt.u32), whole(-128, 127, dt.i8), whole(-2, 2, dt.i64), D)],
    ("sort", dict(axis=0, descending=True), (((17,), H),)),
    ("sort", dict(axis=0, descending=False), (((17,), B),)),
    ("sort", dict(axis=0, descending=True), (((6,), whole(0, 1, dt.b1)),)),
    *[("cumulate", dict(kind=kind, axis=axis, exclusive=exclusive, reverse=reverse), ((shape, whole(-3, 3)),))
      for shape, axis in (((2, 9), 1), ((4, 9, 3), 1), (("n", "m"), 0)) for kind in ("sum", "prod", "max", "min")
      for exclusive in (False, True) for reverse in (False, True)],
    ("cumulate", dict(kind="sum", axis=0, exclusive=False, reverse=False), (((33,), F),)),
    ("cumulate", dict(kind="sum", axis=0, exclusive=True, reverse=False), (((33, 2), H),)),
    ("cumulate", dict(kind="max", axis=1, exclusive=False, reverse=True), ((("n", 5), ODD),)),
    ("cumulate", dict(kind="prod", axis=0, exclusive=False, reverse=False), (((0, 2), F),)),
    *[("argreduce", dict(kind=kind, axis=axis, dtype=dtype), ((shape, values),))
      for shape, axis in (((2, 9), 1), ((2, 300), 1), ((9, 5), 0), (("n", "m"), 1), (("m", "n"), 0), ((2, "n"), 1),
                          ((65, 3), 1), ((130, 10), 1), ((64, 1), 1), ((3, 43, 31), 2), (("n", 7), 1))
      for kind, dtype, values in (("max", dt.i64, whole(0, 9)), ("min", dt.i32, ODD), ("max", dt.i32, H))],
    ("unwindow", window_attrs((1,), (3,), (1,), (1,), ("n", 7, 2)), ((("n", 5, 2, 3), F),)),
    ("unwindow", window_attrs((0,), (3,), (2,), (2,), (10,)), (((3, 3), F),)),
    ("unwindow", window_attrs((1, 2), (2, 3), (2, 2), (1, 2), (2, 7, 9, 4)), (((2, 3, 3, 4, 2, 3), F),)),
    ("unwindow", window_attrs((1, 2), (2, 2), (2, 1), (1, 1), (2, 6, 5)), (((2, 3, 4, 2, 2), H),)),
    ("unwindow", window_attrs((0,), (2,), (2,), (1,), ("m", 2)), ((("m//2", 2, 2), F),)),
    *[("random_bits", dict(shape=shape), (((2,), whole(0, 2**32 - 1, dt.u32)), ((), whole(0, 2**63 - 1, dt.u64))))
      for shape in ((), (3,), (4,), (5, 9), ("m", 30), (0, 2))],
    ("conv", conv_attrs(low=1, high=1), (((2, 6, 9, 3), F), ((3, 3, 3, 5), F))),
    ("conv", conv_attrs(low=1, high=1), ((("n", 7, 7, 2), F), ((3, 3, 2, 35), F))),
    ("conv", conv_attrs(), ((("n", 4, 20, 2), F), ((1, 1, 2, 3), F))),
    ("conv", conv_attrs(stride=2, low=(0, 1), high=1, dilation=(1, 2)), (((2, 4, 17, 2), F), ((2, 3, 2, 3), F))),
    ("conv", conv_attrs(x_dilation=2, low=2, high=(1, 2)), (((1, 4, 5, 3), F), ((3, 3, 3, 5), F))),
    ("conv", conv_attrs(low=(-1, -2), high=(0, -1)), (((1, 7, 8, 3), F), ((2, 2, 3, 5), F))),
    ("conv", conv_attrs(stride=(1, 2), low=(-1, -3), high=(0, -1), x_dilation=(1, 3)),
     (((1, 7, 8, 3), F), ((2, 2, 3, 5), F))),
    ("conv", conv_attrs(1, low=1, high=1, groups=2, x_dilation=2), ((("n", 9, 4), F), ((3, 2, 6), F))),
    ("conv", conv_attrs(1, low=1, high=1, groups=4, stride=2), ((("n", 9, 4), F), ((3, 1, 8), F))),
    ("conv", conv_attrs(1, groups=2), (((1, 5, 6), F), ((2, 3, 34), F))),
    ("conv", conv_attrs(3, low=(0, 1, 0), high=(0, 0, 1)), (((2, 3, 4, 5, 2), F), ((2, 2, 2, 2, 3), F))),
    ("conv", conv_attrs(low=1), (((2, 5, 6, "n"), F), ((3, 3, "n", 4), F))),
    ("conv", conv_attrs(1, low=1), ((("n", "m", 2), F), ((3, 2, 4), F))),
    ("conv", conv_attrs(1, low=1), (((2, 9, 3), H), ((3, 3, 4), H))),
    ("conv", conv_attrs(1, low=1), (((2, 9, 3), B), ((3, 3, 4), B))),
    ("conv", conv_attrs(1, low=1), (((2, 9, 3), D), ((3, 3, 20), D))),
    ("conv", conv_attrs(1, low=1), (((2, 9, 3), whole(-99, 99, dt.i8)), ((3, 3, 4), whole(-99, 99, dt.i8)))),
    ("conv", conv_attrs(0), (((5, 3), F), ((3, 4), F))),
    ("conv", conv_attrs(1), (((0, 9, 3), F), ((3, 3, 4), F))),
    ("conv", conv_attrs(1), (((2, 9, 0), F), ((3, 0, 4), F))),
]  # fmt: skip


def sample_name(sample) -> str:
    op, attrs, inputs = sample
    return f"{op}-{zlib.crc32(repr((attrs, [s for s, _ in inputs])).encode()) % 10**6}"


def dims_of(shape, fixed: bool) -> tuple:
    names = SIZE if fixed else {name: symbol(name) for name in SIZE}
    return tuple(eval(d, {}, names) if isinstance(d, str) else d for d in shape)


def instance(sample, fixed: bool) -> tuple[Node, list[np.ndarray]]:
    """The Node, with symbols or their values, and arrays for its inputs."""
    op, attrs, inputs = sample
    attrs = {k: dims_of(v, fixed) if k == "shape" else v for k, v in attrs.items()}
    rng = np.random.default_rng(1)
    arrays = [np.asarray(values(rng, dims_of(shape, True))) for shape, values in inputs]
    nodes = [
        input_node(f"x{k}", Type(dt.as_dtype(a.dtype), dims_of(shape, fixed)))
        for k, (a, (shape, _)) in enumerate(zip(arrays, inputs))
    ]
    return apply(op, *nodes, **attrs), arrays


def expected(sample, arrays) -> tuple:
    op, attrs, _ = sample
    result = row(op).numpy(*arrays, **{k: dims_of(v, True) if k == "shape" else v for k, v in attrs.items()})
    return result if isinstance(result, tuple) else (result,)


def number(dim) -> int:
    """The value of a dimension for the sizes of the symbols here."""
    if not isinstance(dim, Node):
        return dim
    values = {}
    for n in toposort((dim,)):
        if n.op == "symbol":
            values[n] = np.int64(SIZE[n.attr("name")])
        elif n.op == "const":
            values[n] = n.attr("value").array[()]
        else:
            values[n] = FUNCTIONS[n.op](*[values[x] for x in n.inputs])
    return int(values[dim])


def memory(kernel: Kernel, arrays) -> dict:
    """An array for every parameter of a kernel; what is written starts as garbage."""
    given = {f"x{k}": a for k, a in enumerate(arrays)}
    out = {}
    for array in kernel.arrays:
        size = number(array.type.size)
        if array.name in given:
            assert given[array.name].size == size
            out[array.name] = np.ascontiguousarray(given[array.name])
        else:
            out[array.name] = np.full(size, 77, np.uint8).astype(array.type.dtype.numpy)
    return out


def interpret(kernel: Kernel, arrays: dict) -> None:
    run_kernel(kernel, arrays, SIZE, FUNCTIONS)


def run_native(target, kernel: Kernel, arrays: dict) -> None:
    """The kernel compiled for this machine, without threads."""
    parameters = [f"ptr %a{k}" for k in range(len(kernel.arrays))] + [f"i64 %d{k}" for k in range(len(kernel.dims))]
    text = kernel_text(kernel, target).replace("declare void @gc_parallel(ptr, ptr, i64, i64)", "")
    text = f"""target triple = "{target.triple}"
{text}
define void @entry({", ".join(parameters)}) {{
  call void @k_{kernel.name}({", ".join(parameters)})
  ret void
}}
define void @gc_parallel(ptr %f, ptr %context, i64 %extent, i64 %grain) {{
  call void %f(ptr %context, i64 0, i64 %extent)
  ret void
}}
"""
    library = loaded(text, target, "entry")
    types = [ctypes.c_void_p] * len(kernel.arrays) + [ctypes.c_int64] * len(kernel.dims)
    call = ctypes.CFUNCTYPE(None, *types)(library.address("entry"))
    call(*[a.ctypes.data for a in arrays.values()], *[SIZE[d.attr("name")] for d in kernel.dims])


def results(kernel: Kernel, arrays, run) -> list[np.ndarray]:
    space = memory(kernel, arrays)
    run(kernel, space)
    for k, a in enumerate(arrays):
        np.testing.assert_array_equal(space[f"x{k}"].reshape(a.shape), a)
    return [a for name, a in space.items() if name.startswith("out")]


def close(got, want, op: str) -> None:
    assert got.size == want.size and got.dtype == want.dtype
    got = got.reshape(want.shape)
    if want.dtype.kind in "fV" and op in ("conv", "cumulate", "scatter", "unwindow"):
        loose = 1e-2 if want.dtype.itemsize == 2 else 2e-5
        got, want = got.astype(np.float64), want.astype(np.float64)
        np.testing.assert_allclose(got, want, rtol=loose, atol=loose)
    else:
        np.testing.assert_array_equal(got, want)


def is_symbolic(sample) -> bool:
    """Whether the sizes of a sample may be known or not."""
    return any(isinstance(d, str) for shape in (*[s for s, _ in sample[2]], sample[1].get("shape", ())) for d in shape)


@pytest.mark.parametrize(
    "sample, fixed",
    [(s, True) for s in SAMPLES] + [(s, False) for s in SAMPLES if is_symbolic(s)],
    ids=lambda v: ("symbolic", "fixed")[v] if isinstance(v, bool) else sample_name(v),
)
def test_nest_computes_its_primitive(sample, fixed):
    node, arrays = instance(sample, fixed)
    want = expected(sample, arrays)
    reference = None
    for target in TARGETS:
        kernel = NESTS[row(sample[0]).nest](node, target)
        verify_kernel(kernel)
        runs = [interpret] if target is X86_64_V4 and sum(a.size for a in arrays) < 500 else []
        runs += [partial(run_native, target)] if target in host_targets() else []
        for run in runs:
            got = results(kernel, arrays, run)
            for g, w in zip(got, want, strict=True):
                close(g, w, sample[0])
            if target.fma:
                bits = [g.tobytes() for g in got]
                reference = reference or bits
                assert bits == reference, "another target or form gives other bits"


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s[0] == "conv"], ids=sample_name)
def test_tiled_and_direct_convolutions_agree_bit_for_bit(sample):
    node, arrays = instance(sample, False)
    kernel = direct(node)
    verify_kernel(kernel)
    run = partial(run_native, X86_64_V4) if X86_64_V4 in host_targets() else interpret
    (plain,), (tiled,) = results(kernel, arrays, run), results(NESTS["conv"](node, X86_64_V4), arrays, run)
    assert plain.tobytes() == tiled.tobytes()


def test_dims_follow_first_appearance_and_makers_are_deterministic():
    for sample in SAMPLES:
        node, _ = instance(sample, False)
        first, second = (NESTS[row(sample[0]).nest](node, X86_64_V4) for _ in range(2))
        assert first == second
        assert {d.attr("name") for d in first.dims} <= set(SIZE)


def test_every_nest_of_this_table_has_a_row():
    assert {r.nest for r in TABLE.values()} >= set(NESTS)
