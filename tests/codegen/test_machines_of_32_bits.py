"""Element-wise rows as code for machines of 32 bits: near their NumPy meaning, with the bits of other machines of their kind."""

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.target import THUMBV7EM, WASM32
from graphc.prims.interpret import interpret
from graphc.prims.table import TABLE
from tests.e2e.test_rows_compiled import assert_close, merged, per_sample
from tests.machines32 import PEERS, run32
from tests.native import bits_equal, host_targets, run_native
from tests.samples import SAMPLES

KINDS = {dt.f32, dt.f64, dt.f16, dt.i8, dt.u32, dt.i64, dt.b1}
EXPENSIVE = {dt.f64, dt.f16}  # where helpers of the C library, here in Python, do them
NEEDS = {WASM32: "wasmtime", THUMBV7EM: "unicorn"}
HALF = ("add", "exp", "max", "neg", "select", "sqrt")  # the others compute in f32 in the same way
GROUP = 40


def chosen(kinds: set) -> list[tuple]:
    """One sample of each element-wise row for each of some types, and its graph."""
    found = {}
    for sample in SAMPLES:
        row, graph = TABLE.get(sample.op), sample.graph(False)
        if row is None or row.scalar is None or graph is None:
            continue
        types = tuple(x.dtype for x in graph.inputs)
        if dt.f16 in types and sample.op not in HALF:
            continue
        if kinds.issuperset(n.dtype for n in graph.nodes):
            found.setdefault((sample.op, types), (sample, graph))
    return list(found.values())


@pytest.mark.parametrize("target", PEERS, ids=lambda t: t.name)
def test_rows(target):
    pytest.importorskip(NEEDS[target])
    samples, peer = chosen(KINDS if target.double else KINDS - EXPENSIVE), PEERS[target] if PEERS[target] in host_targets() else None
    assert len({s.op for s, _ in samples}) > 50
    for start in range(0, len(samples), GROUP):
        part = samples[start : start + GROUP]
        graph, arrays = merged([g for _, g in part]), [a for s, _ in part for a in s.arrays]
        values = [interpret(g, *s.arrays) for s, g in part]
        flat = run32(graph, arrays, target)
        for (sample, _), right, found in zip(part, values, per_sample(values, flat)):
            assert_close(sample, target, right, found)
        if peer is None:
            continue
        for x, y in zip(flat, run_native(graph, arrays, peer)):
            if target.fuses(dt.f64) == peer.fuses(dt.f64) or x.dtype != np.float64:
                assert bits_equal(x, y)
