"""Runs graphs natively for the tests: lowered, verified, compiled without LLVM passes, called on poisoned memory."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from functools import lru_cache

import numpy as np

import graphc.prims  # noqa: F401  (declares the rows)
from graphc.codegen.llvm.module import program_text
from graphc.ir.graph import Graph
from graphc.ir.node import symbol
from graphc.ir.program import Host, Program
from graphc.ir.segments import segments
from graphc.ir.target import AARCH64, Target
from graphc.ir.verify import verify_program
from graphc.ir.verify_kernel import verify_kernel
from graphc.lower.lower import lower
from graphc.prims.interpret import bind_symbols, concrete, dim_value
from graphc.prims.table import row
from graphc.runtime.library import Library
from tests import machine_code

SPLITS = (1, 2, 3)
GUARD = 64  # poisoned bytes behind every buffer, which must survive
# Runs a parallel loop as gc_parts pieces, the last one first.
POOL = """
@gc_parts = global i64 1
define void @gc_parallel(ptr %f, ptr %c, i64 %n, i64 %g) nounwind {
entry:
  %parts = load i64, ptr @gc_parts
  br label %loop
loop:
  %k = phi i64 [ %parts, %entry ], [ %j, %next ]
  %j = sub i64 %k, 1
  %a = mul i64 %n, %j
  %lo = sdiv i64 %a, %parts
  %b = mul i64 %n, %k
  %hi = sdiv i64 %b, %parts
  %some = icmp slt i64 %lo, %hi
  br i1 %some, label %call, label %next
call:
  call void %f(ptr %c, i64 %lo, i64 %hi)
  br label %next
next:
  %more = icmp sgt i64 %j, 0
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


def host_targets() -> tuple[Target, ...]:
    """The targets whose code this CPU can run, the best first; the last one has no vectors and no fma."""
    return tuple(t for t in machine_code.host_targets() if t is not AARCH64)


def verified(graph: Graph, target: Target) -> Program:
    """The lowered graph, after the verifiers have seen it."""
    program = lower(graph, target)
    verify_program(program)
    for kernel in program.kernels:
        verify_kernel(kernel)
    return program


@lru_cache(maxsize=8)
def _library(text: str, target: Target, names: tuple[str, ...]) -> Library:
    return machine_code.loaded(text, target, *names)


class Memory:
    """One buffer: poisoned with 0xFF bytes (NaN), 64-byte aligned or deliberately not, and guarded behind its end."""

    def __init__(self, size: int, shift: int = 0):
        self.raw = np.full(size + GUARD + 128, 0xFF, np.uint8)
        self.begin = -self.raw.ctypes.data % 64 + shift
        self.size = size

    @property
    def address(self) -> int:
        return self.raw.ctypes.data + self.begin

    def array(self, dtype, shape) -> np.ndarray:
        """A view of the first bytes."""
        count = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        return self.raw[self.begin : self.begin + count].view(dtype).reshape(shape)

    def check(self, what: str) -> None:
        """Nothing around the buffer was written."""
        outside = np.concatenate([self.raw[: self.begin], self.raw[self.begin + self.size :]])
        assert (outside == 0xFF).all(), f"{what}: memory around the buffer was written"


class Native:
    """A graph compiled for one target."""

    def __init__(self, graph: Graph, target: Target):
        self.graph = graph
        self.program = verified(graph, target)
        self.parts = segments(self.program)
        # The program's name is no part of the code: equal texts share one library.
        text = program_text(replace(self.program, name="p"), target, "main", POOL)
        names = ["main"] if len(self.parts) == 1 and not isinstance(self.parts[0], Host) else [
            f"main_{k}" for k in self.parts if not isinstance(k, Host)]  # fmt: skip
        self._library = library = _library(text, target, (*names, "main_arena", "gc_parts"))
        pointers = [ctypes.c_void_p] * 5
        self._functions = [ctypes.CFUNCTYPE(ctypes.c_int, *pointers)(library.address(n)) for n in names]
        self._arena = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(library.address("main_arena"))
        self._parts = ctypes.c_int64.from_address(library.address("gc_parts"))

    def __call__(self, *arrays, parts: int = 1, symbols: dict | None = None) -> tuple:
        """The outputs, computed with every parallel loop cut into ``parts`` pieces."""
        arrays = [np.asarray(a, order="C") for a in arrays]
        env = bind_symbols(self.graph.inputs, arrays, symbols)
        signature = self.program.signature
        inputs = [self._filled(a) for a in arrays]
        outputs = [self._empty(p.type, env) for p in signature.outputs]
        dims = (ctypes.c_int64 * (len(signature.symbols) + 1))(*[env[symbol(s)] for s in signature.symbols])
        size = self._arena(dims)
        assert size == dim_value(signature.arena, env)
        arena = Memory(size)
        blob = Memory(max(len(self.program.constants), 1))
        blob.array(np.uint8, len(self.program.constants))[:] = np.frombuffer(self.program.constants.view, np.uint8)
        self._parts.value = parts
        self._run(inputs, outputs, dims, blob, arena, env)
        for memory in (*inputs, *outputs, arena):
            memory.check(self.graph.name)
        over = dict(signature.donated)
        for k, (memory, a) in enumerate(zip(inputs, arrays)):
            kept = k in over.values() or memory.array(np.uint8, a.nbytes).tobytes() == a.tobytes()
            assert kept, f"input {k} was written"
        results = []
        for k, (p, memory) in enumerate(zip(signature.outputs, outputs)):
            memory = inputs[over[k]] if k in over else memory
            results.append(memory.array(p.type.dtype.numpy, concrete(p.type, env).shape).copy())
        return tuple(results)

    @staticmethod
    def _filled(array: np.ndarray) -> Memory:
        memory = Memory(array.nbytes, array.dtype.itemsize)
        memory.array(array.dtype, array.shape)[...] = array
        return memory

    @staticmethod
    def _empty(type, env: dict) -> Memory:
        shape = concrete(type, env).shape
        return Memory(int(np.prod(shape, dtype=np.int64)) * type.dtype.size, type.dtype.size)

    def _run(self, inputs: list, outputs: list, dims, blob: Memory, arena: Memory, env: dict) -> None:
        places = {"input": inputs, "output": outputs}
        buffers = {b.name: b for b in self.program.buffers}
        tables = [(ctypes.c_void_p * (len(side) + 1))(*[m.address for m in side]) for side in (inputs, outputs)]
        functions = iter(self._functions)

        def view(name: str) -> np.ndarray:
            buffer = buffers[name]
            kind, where = buffer.place
            shape = concrete(buffer.type, env).shape
            if kind in places:
                return places[kind][where].array(buffer.type.dtype.numpy, shape)
            base, offset = blob if kind == "constant" else arena, dim_value(where, env)
            size = int(np.prod(shape, dtype=np.int64)) * buffer.type.dtype.size
            return base.array(np.uint8, base.size)[offset : offset + size].view(buffer.type.dtype.numpy).reshape(shape)

        for part in self.parts:
            if not isinstance(part, Host):
                assert next(functions)(*tables, dims, blob.address, arena.address) == 0
                continue
            attrs = {name: concrete(value, env) for name, value in part.attrs}
            with np.errstate(all="ignore"):
                values = row(part.op).numpy(*[view(a).copy() for a in part.args], **attrs)
            for name, value in zip(part.results, values if isinstance(values, tuple) else (values,)):
                view(name)[...] = value


@lru_cache(maxsize=64)
def compiled(graph: Graph, target: Target) -> Native:
    """A graph compiled for a target, kept for some time."""
    return Native(graph, target)


def run_native(graph: Graph, arrays, target: Target, parts: int = 1, symbols: dict | None = None) -> tuple:
    """The outputs of a graph computed by code for ``target``.

    Args:
        arrays: one array per input.
        parts: into how many pieces parallel loops are cut.
        symbols: values of symbolic dimensions {symbol Node: int} that the shapes of the inputs do not tell.
    """
    return compiled(graph, target)(*arrays, parts=parts, symbols=symbols)


def bits_equal(a: np.ndarray, b: np.ndarray) -> bool:
    """The same dtype, shape and bits; one NaN is as good as another."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "iub":
        return bool((a == b).all())
    a, b = np.ascontiguousarray(a).reshape(-1), np.ascontiguousarray(b).reshape(-1)
    if a.dtype.kind == "c":
        a, b = a.view(a.real.dtype), b.view(b.real.dtype)
    unsigned = np.dtype(f"u{a.dtype.itemsize}")
    same = a.view(unsigned) == b.view(unsigned)
    with np.errstate(all="ignore"):
        return bool((same | ((a != a) & (b != b))).all())
