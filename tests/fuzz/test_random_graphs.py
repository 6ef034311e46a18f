"""Random graphs as native code against the meaning of their primitives: raw, optimised, in pieces, for several targets.

GRAPHC_FUZZ=2000 tries that many seeds, GRAPHC_FUZZ=5000:7000 those from 5000 on.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from graphc.ir.graph import Graph
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.target import X86_64
from graphc.ir.verify import verify_graph
from graphc.passes.pipeline import infer, run
from graphc.prims.interpret import interpret
from tests.fuzz.random_graphs import Case, random_case
from tests.native import SPLITS, bits_equal, host_targets, run_native

TARGETS = host_targets()
QUICK, MORE_TARGETS, STEP = 150, 15, 10  # seeds; seeds that are tried on every target; seeds of one test
ULPS = 400  # how many roundings of the largest magnitude an output may be away


def seeds() -> range:
    """The seeds to try, of the quick suite or as the environment says."""
    wanted = os.environ.get("GRAPHC_FUZZ", str(QUICK))
    first, _, last = wanted.rpartition(":")
    return range(int(first or 0), int(last))


def compare(case: Case, right: tuple, found: tuple, what: str) -> None:
    """Outputs are near what they should be, and equal where no rounding is left to the implementation."""
    assert len(right) == len(found)
    for k, (w, r, noise, scale) in enumerate(zip(right, found, case.noise, case.scale)):
        same = w.dtype == r.dtype and w.shape == r.shape
        assert same, f"{what}: output {k} is {r.dtype}{r.shape}, not {w.dtype}{w.shape}"
        if not noise:
            wrong = ~((w == r) | ((w != w) & (r != r)))
        else:
            far = np.abs(w.astype(np.float64) - r.astype(np.float64))
            wrong = ~(far <= min(ULPS * noise, 0.1) * max(scale, 1.0))
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0])
            sample = f"at {tuple(map(int, at))} {r[at]} instead of {w[at]}"
            raise AssertionError(f"{what}: output {k} has {wrong.sum()} of {wrong.size} wrong, {sample}\n{case.graph}")


def check_code(case: Case, graph: Graph, right: tuple, what: str, targets) -> None:
    """One form of the graph on every target, and the same bits wherever that is promised."""
    first = None
    for target in targets:
        found = run_native(graph, case.arrays, target)
        compare(case, right, found, f"{what} on {target.name}")
        for parts in SPLITS[1:]:
            again = run_native(graph, case.arrays, target, parts)
            same = all(map(bits_equal, found, again))
            assert same, f"{what} on {target.name}: other bits in {parts} parts\n{case.graph}"
        if target is not X86_64:
            first = first or found
            assert all(map(bits_equal, first, found)), f"{what}: {target.name} has other bits\n{case.graph}"


def read_back(graph: Graph) -> Graph:
    """The graph that its text describes."""
    blobs: dict = {}
    return parse(graph_text(graph, blobs), blobs)


def check_seed(seed: int, targets) -> None:
    case = random_case(seed)
    graph = case.graph
    verify_graph(graph, infer)
    assert read_back(graph) == graph, f"the text does not give the graph back\n{graph}"
    right = interpret(graph, *case.arrays)
    check_code(case, graph, right, "raw graph", targets)
    better = run(graph)
    compare(case, right, interpret(better, *case.arrays), "interpreted optimised graph")
    check_code(case, better, right, "optimised graph", targets)


@pytest.mark.skipif(not TARGETS, reason="needs an x86-64 CPU")
@pytest.mark.parametrize("first", seeds()[::STEP])
def test_random_graphs(first):
    for seed in range(first, min(first + STEP, seeds().stop)):
        try:
            check_seed(seed, TARGETS if seed % STEP * MORE_TARGETS < QUICK // STEP else TARGETS[:1])
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
