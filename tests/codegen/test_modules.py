"""Programs in several modules: each kernel once, what lies elsewhere declared, and the same bits as in one module."""

import functools

import numpy as np
import pytest

import graphc.codegen.llvm.module
import graphc.compile
from graphc.codegen.llvm.module import program_modules, program_text
from graphc.ir.parser import parse
from graphc.ir.target import X86_64_V3
from graphc.options import Options

GRAPH = parse("""
graph @layers(%x: f32[n,24], %w: f32[24,16], %v: f32[16,8]) {
  %a: f32[n,16] = dot(%x, %w, transpose_x=false, transpose_y=false)
  %b: f32[n,16] = tanh(%a)
  %c: f32[n,8] = dot(%b, %v, transpose_x=false, transpose_y=false)
  %d: f32[n,8] = exp(%c)
  return %b, %d
}
""")


@pytest.fixture(scope="module")
def program():
    return graphc.compile.lower_graph(graphc.compile.optimise(GRAPH), Options())


def test_every_kernel_is_in_one_module_and_the_entry_in_the_last(program):
    whole = program_text(program, X86_64_V3, "gc_layers")
    kernels = [line.split("@k_")[1].split("(")[0] for line in whole.splitlines()
               if line.startswith("define internal void @k_") and "ptr %context" not in line]  # fmt: skip
    parts = list(program_modules(program, X86_64_V3, "gc_layers", size=1))
    assert len(parts) == len(kernels) > 1
    for kernel in kernels:
        assert [f"define hidden void @k_{kernel}(" in part for part in parts].count(True) == 1
    assert [part.count("define i32 @gc_layers(") for part in parts] == [0] * (len(parts) - 1) + [1]
    assert sum(part.count("declare hidden void @k_") for part in parts) == len(kernels) - 1
    (one,) = program_modules(program, X86_64_V3, "gc_layers", size=10**9)
    assert one.replace("define hidden", "define internal") == whole


def test_the_results_do_not_depend_on_the_modules(program, monkeypatch):
    rng = np.random.default_rng(3)
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in ((5, 24), (24, 16), (16, 8))]
    expected = graphc.compile.load(graphc.compile.assemble(program))(*arrays)
    monkeypatch.setattr(graphc.codegen.llvm.module, "program_modules", functools.partial(program_modules, size=1))
    found = graphc.compile.load(graphc.compile.assemble(program))(*arrays)
    for x, y in zip(expected, found):
        assert x.tobytes() == y.tobytes()
