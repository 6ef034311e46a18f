"""Every sample of every primitive as code for machines that this one is not: the bits that its own code gives."""

from __future__ import annotations

from functools import lru_cache

import pytest

from graphc.ir.graph import Graph
from graphc.ir.segments import segments
from graphc.ir.target import AARCH64, RISCV64, X86_64, X86_64_V2, X86_64_V3
from graphc.lower.lower import lower
from graphc.runtime.host import runs_here
from tests.e2e.test_rows_compiled import OPS, merged
from tests.emulated import Run, emulate, needs_emulator
from tests.native import bits_equal
from tests.samples import SAMPLES

PARTS = 8
SYMBOLIC = {"add", "reduce", "dot", "conv", "gather", "scatter", "loop", "while"}  # also with a size known at run time only
WITHOUT_FMA = (("dot", "dot4", "fma", "exp", "floor", "select"), ("conv", "reduce", "log", "tanh", "erf"), ("cast",))
needs_v3 = pytest.mark.skipif(not runs_here(X86_64_V3), reason="needs an x86-64-v3 processor, to compare with")


@lru_cache(maxsize=2)
def groups(ops: tuple[str, ...]) -> list[tuple[list, Graph, tuple]]:
    """(samples, graph, arrays) of what is native code from end to end, one program for each primitive and size."""
    found: dict[tuple, list] = {}
    functions: list[str] = []
    for sample in SAMPLES:
        if sample.op not in ops:
            continue
        if sample.op == "special":  # long code of one kind: one sample of every other function
            functions.append(sample.attrs["function"])
            if functions.count(functions[-1]) > 1 or len(set(functions)) % 2:
                continue
        for symbolic in (False, True) if sample.op in SYMBOLIC else (False,):
            graph = sample.graph(symbolic)
            if graph is not None and segments(lower(graph, X86_64_V3)) == [0]:
                key = sample.op, symbolic and sample.arrays[0].shape[0]
                found.setdefault(key, []).append((sample, graph))
    return [
        (members, merged([g for _, g in members]), tuple([a for s, _ in members for a in s.arrays]))
        for members in found.values()
    ]


@lru_cache(maxsize=2)
def answers(ops: tuple[str, ...], target, every: int = 1) -> list[tuple]:
    return emulate(target, [Run(lower(graph, target), graph, arrays) for _, graph, arrays in groups(ops)[::every]])


def check(ops: tuple[str, ...], target, reference, every: int = 1) -> None:
    """Both targets give every sample the same bits; or those of every second group, or so."""
    for (members, _, _), right, found in zip(groups(ops)[::every], answers(ops, reference)[::every], answers(ops, target, every)):
        pairs = iter(zip(right, found))
        for sample, graph in members:
            for _, (a, b) in zip(graph.outputs, pairs):
                assert bits_equal(a, b), f"{sample.id}: {reference.name} and {target.name} differ\n{a}\n{b}"


@needs_v3
@needs_emulator(AARCH64)
@needs_emulator(RISCV64)
@pytest.mark.parametrize("part", range(PARTS))
def test_machines_with_fma(part):
    ops = tuple(OPS[part::PARTS])
    check(ops, AARCH64, X86_64_V3)
    check(ops, RISCV64, X86_64_V3, every=2)  # the nests among the others are in the models too


@pytest.mark.skipif(not runs_here(X86_64_V2), reason="needs an x86-64-v2 processor")
@pytest.mark.parametrize("ops", WITHOUT_FMA)
def test_vectors_without_fma(ops):
    check(ops, X86_64_V2, X86_64)
