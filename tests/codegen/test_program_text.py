"""Programs as modules with the C ABI: places, copies, branches, loops, segments, the arena and the header."""

import ctypes

import numpy as np
import pytest
from native import POOL, Fenced, host_targets

from graphc.codegen.header import header_text
from graphc.codegen.llvm.module import program_text
from graphc.errors import CompileError
from graphc.ir import dtype as dt
from graphc.ir.node import symbol
from graphc.ir.parser import parse
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Param, Program, Repeat, Signature
from graphc.ir.segments import segments
from graphc.ir.target import AARCH64
from graphc.ir.type import Type
from graphc.runtime.jit import assembly
from tests.machine_code import loaded

N = symbol("n")
ROW = Type(dt.f32, (N,))
ONE = Type(dt.f32, ())
INDEX, FLAG = Type(dt.i64, ()), Type(dt.b1, ())

ADD = parse("""
kernel @add(x: f32[n], y: f32[n], o: f32[n] written) dims(n) {
  for i below n in n vector {
    o[i] = x[i] + y[i]
  }
}
""")
PLUS = parse("""
kernel @plus(x: f32[n], y: f32[n], o: f32[n] written) dims(n) {
  for i below n in n vector {
    o[i] = x[i] + y[i]
  }
}
""")
SMALL = parse("kernel @small(x: f32[], limit: f32[], o: b1[] written) {\n o[] = x[] < limit[]\n}\n")
COUNT = parse("kernel @count(i: i64[], o: f32[] written) {\n o[] = o[] + cast(i[], f32)\n}\n")


def program(steps, inputs=2, arena=0, kernels=(ADD, PLUS, SMALL, COUNT), outputs=(ROW,), extra=()):
    buffers = [Buffer(f"x{k}", ROW, ("input", k)) for k in range(inputs)]
    buffers += [Buffer(f"o{k}", t, ("output", k)) for k, t in enumerate(outputs)]
    signature = Signature(tuple(Param(f"x{k}", ROW) for k in range(inputs)),
                          tuple(Param(f"o{k}", t) for k, t in enumerate(outputs)), ("n",), (), arena)
    return Program("test", signature, (*buffers, *extra), kernels, tuple(steps))


class Native:
    """A compiled program; calls check nothing."""

    def __init__(self, program: Program, target, entry="run"):
        self.program = program
        self.text = program_text(program, target, entry)
        parts = segments(program)
        names = [f"{entry}_{k}" for k in parts if isinstance(k, int)] if len(parts) > 1 else [entry]
        text = self.text.replace("declare void @gc_parallel(ptr, ptr, i64, i64)", POOL)
        self.library = loaded(text, target, *names, f"{entry}_arena", f"{entry}_shapes")
        self.entry = entry

    def function(self, name, result, count):
        return ctypes.CFUNCTYPE(result, *[ctypes.c_void_p] * count)(self.library.address(name))

    def __call__(self, inputs, outputs, n, constants=b"", entry=None):
        dims = (ctypes.c_int64 * 1)(n)
        size = self.function(self.entry + "_arena", ctypes.c_int64, 1)(dims)
        arena = Fenced(np.zeros(max(size, 1), np.uint8))
        memory = [[Fenced(a) for a in arrays] for arrays in (inputs, outputs)]
        tables = [(ctypes.c_void_p * max(len(m), 1))(*[f.pointer for f in m]) for m in memory]
        data = Fenced(np.frombuffer(constants or b"\0", np.uint8))
        assert self.function(entry or self.entry, ctypes.c_int32, 5)(*tables, dims, data.pointer, arena.pointer) == 0
        return [f.view.copy() for f in memory[1]]


@pytest.fixture(params=host_targets(), ids=lambda t: t.name)
def target(request):
    return request.param


def floats(n):
    return np.random.default_rng(n).standard_normal(n).astype(np.float32)


def test_launches_over_arena_constants_and_copies(target):
    extra = (Buffer("t", ROW, ("arena", 64)), Buffer("u", ROW, ("arena", 64 + N * 4)),
             Buffer("c", ROW, ("constant", 8)))
    steps = [Launch("add", ("x0", "x1", "t"), (N,)), Launch("plus", ("t", "c", "u"), (N,)), Copy("u", "o0")]
    native = Native(program(steps, arena=64 + N * 8, extra=extra), target)
    for n in (0, 3, 50):
        x, y, c = floats(n), floats(n)[::-1].copy(), floats(n) * 2
        (out,) = native([x, y], [np.zeros(n, "f")], n, b"\0" * 8 + c.tobytes() + b"\0" * 64)
        assert np.array_equal(out, x + y + c)
    assert native.text.count("define internal void @k_") == 1  # add and plus are the same


def test_branches(target):
    extra = (Buffer("flag", FLAG, ("arena", 0)), Buffer("first", ONE, ("input", 0)), Buffer("limit", ONE, ("input", 1)))
    steps = [Launch("small", ("first", "limit", "flag")),
             Branch("flag", (Copy("x0", "o0"), Launch("add", ("o0", "x1", "o0"), (N,))), (Copy("x1", "o0"),))]
    native = Native(program(steps, arena=64, extra=extra), target)
    x, y = np.float32([1, 5, 6]), np.float32([2, 7, 8])
    assert np.array_equal(native([x, y], [np.zeros(3, "f")], 3)[0], x + y)
    assert np.array_equal(native([y, x], [np.zeros(3, "f")], 3)[0], x)


def test_loops_that_count_and_loops_that_test(target):
    extra = (Buffer("i", INDEX, ("arena", 0)), Buffer("sum", ONE, ("output", 0)))
    counted = Repeat((Launch("count", ("i", "sum")),), count=N * 2, counter="i")
    native = Native(program([counted], inputs=0, arena=64, outputs=(ONE,), extra=extra), target)
    assert native([], [np.float32([0.5])], 4)[0] == 0.5 + sum(range(8))
    extra = (Buffer("flag", FLAG, ("arena", 0)), Buffer("limit", ONE, ("input", 1)),
             Buffer("value", ONE, ("output", 0)))
    doubled = Repeat((Launch("add", ("o0", "o0", "o0"), (N,)),), test=(Launch("small", ("value", "limit", "flag")),),
                     condition="flag")
    native = Native(program([Copy("x0", "o0"), doubled], arena=64, extra=extra), target)
    assert np.array_equal(native([np.float32([3, 1]), np.float32([40, 0])], [np.zeros(2, "f")], 2)[0], [48, 16])
    assert np.array_equal(native([np.float32([50, 1]), np.float32([40, 0])], [np.zeros(2, "f")], 2)[0], [50, 1])


def test_hosts_cut_a_program_into_segments(target):
    host = Host("lu", (), ("o0",), ("o0",))
    steps = [Copy("x0", "o0"), host, host, Launch("add", ("o0", "x1", "o0"), (N,))]
    cut = program(steps)
    assert segments(cut) == [0, host, host, 1]
    native = Native(cut, target)
    x, y = floats(5), floats(5) + 1
    (middle,) = native([x, y], [np.zeros(5, "f")], 5, entry="run_0")
    assert np.array_equal(native([x, y], [middle], 5, entry="run_1")[0], x + y)
    assert "@run(" not in native.text
    assert segments(program([host, *steps[:1]])) == [host, 0]
    assert segments(program([])) == [0] and segments(program([host])) == [0, host]
    alone = Native(program([host]), target)
    assert alone([x, y], [y], 5, entry="run_0")[0] is not None
    with pytest.raises(CompileError, match="inside a Branch"):
        program_text(program([Repeat((host,), count=2)]), target, "run")


def test_shapes(target):
    shaped = program([], outputs=(ROW, Type(dt.f32, (3, N * 2 + 1)), ONE))
    native = Native(shaped, target)
    shapes = (ctypes.c_int64 * 3)()
    native.function("run_shapes", None, 2)((ctypes.c_int64 * 1)(5), shapes)
    assert list(shapes) == [5, 3, 11]


def test_unknown_names_are_errors(target):
    with pytest.raises(CompileError, match="does not have: nothing"):
        program_text(program([Launch("nothing", ())]), target, "run")
    with pytest.raises(CompileError, match="no buffer z"):
        program_text(program([Copy("z", "o0")]), target, "run")
    with pytest.raises(CompileError, match="2 buffers"):
        program_text(program([Launch("add", ("x0", "x1"), (N,))]), target, "run")


def test_names_are_escaped(target):
    kernel = parse("kernel @k(x: f32[], o: f32[] written) {\n o[] = x[]\n}\n")
    odd = type(kernel)('a/b "c"', kernel.arrays, kernel.dims, kernel.body)
    text = program_text(program([Launch('a/b "c"', ("x0", "o0"))], kernels=(odd,)), target, "run-1")
    assert "run-1" in loaded(text, target, "run-1")


def test_other_machines():
    assert "run:" in assembly(program_text(program([Copy("x0", "o0")]), AARCH64, "run"), AARCH64)


def test_the_header_names_everything(golden):
    signature = Signature((Param("x", Type(dt.f32, (N, 28))), Param("mask", Type(dt.b1, (3,)))),
                          (Param("y", Type(dt.bf16, (N * 2,))),), ("n",), ((0, 0),), 4096)
    golden("codegen/header.h", header_text(signature, "my_model"))
