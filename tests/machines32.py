"""Runs graphs as code for machines of 32 bits: lowered, verified, compiled, and called on guarded memory of an emulator or engine."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np

from graphc.codegen.llvm.module import program_text
from graphc.ir.graph import Graph
from graphc.ir.node import symbol
from graphc.ir.target import THUMBV7EM, WASM32, X86_64, X86_64_V3, Target
from graphc.prims.interpret import bind_symbols, concrete, dim_value, interpret
from graphc.runtime.jit import compile_object
from graphc.runtime.pool import pool_text
from graphc.runtime.wasm_link import link_module
from tests.native import bits_equal, host_targets, run_native, verified

PEERS = {WASM32: X86_64, THUMBV7EM: X86_64_V3}  # targets that compute the same bits, with an fma or without
_GUARD = 64


def machine(code: bytes, target: Target, exports: list[str]):
    """An object in a machine that runs it; what it needs is imported only here, as it may be missing."""
    if target is WASM32:
        from tests.wasm_engine import Wasm

        return Wasm(b"".join(link_module(code, exports, [])))
    from tests.cortex import Cortex

    return Cortex(code)


class Layout:
    """Arrays one after the other in the memory of a machine, each with poison behind it."""

    def __init__(self, machine):
        self.machine, self.at, self.guards = machine, machine.heap, []

    def put(self, content, shift: int = 0) -> int:
        """The address of a copy of the content, ``shift`` bytes after a multiple of 64."""
        place = self.at + -self.at % 64 + shift
        self.machine.write(place, bytes(content) + b"\xff" * _GUARD)
        self.at = place + len(content) + _GUARD
        self.guards.append(place + len(content))
        return place

    def check(self, what: str) -> None:
        """Nothing behind an array was written."""
        assert all(self.machine.read(g, _GUARD) == b"\xff" * _GUARD for g in self.guards), f"{what}: memory behind an array was written"


def check32(target: Target, graph: Graph, *arrays, rtol: float = 2e-5) -> None:
    """What a machine of 32 bits computes is near what the interpreter does, and has the bits of its peer."""
    found = run32(graph, arrays, target)
    for got, wanted in zip(found, interpret(graph, *arrays)):
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=1e-6)
    if PEERS[target] in host_targets():
        assert all(map(bits_equal, found, run_native(graph, arrays, PEERS[target])))


def run32(graph: Graph, arrays, target: Target, symbols: dict | None = None) -> tuple:
    """The outputs of a graph without host steps, computed by code for ``target``."""
    program = verified(graph, target)
    text = program_text(replace(program, name="p"), target, "main", pool_text(target))
    found = machine(compile_object(text, target), target, ["main", "main_arena", "main_shapes"])
    arrays = [np.asarray(a, order="C") for a in arrays]
    env = bind_symbols(graph.inputs, arrays, symbols)
    signature, memory = program.signature, Layout(found)
    inputs = [memory.put(a.tobytes(), a.dtype.itemsize) for a in arrays]
    over, outputs, shapes = dict(signature.donated), [], []
    for k, param in enumerate(signature.outputs):
        shapes.append((param.type.dtype.numpy, concrete(param.type, env).shape))
        size = int(np.prod(shapes[-1][1], dtype=np.int64)) * param.type.dtype.size
        outputs.append(inputs[over[k]] if k in over else memory.put(b"\xff" * size, param.type.dtype.size))
    dims = memory.put(struct.pack(f"<{len(signature.symbols)}q", *[env[symbol(s)] for s in signature.symbols]))
    size = found.call_wide("main_arena", dims)
    assert size == dim_value(signature.arena, env)
    arena, constants = memory.put(b"\xff" * size), memory.put(bytes(program.constants.view))
    tables = [memory.put(struct.pack(f"<{len(side)}I", *side)) for side in (inputs, outputs)]
    assert found.call("main", *tables, dims, constants, arena) == 0
    memory.check(graph.name)
    results = []
    for place, (dtype, shape) in zip(outputs, shapes):
        raw = found.read(place, int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize)
        results.append(np.frombuffer(raw, dtype).reshape(shape))
    return tuple(results)
