"""Random graphs in every way of running them against the meaning of their primitives; one way for each seed here.

GRAPHC_FUZZ=2000 tries that many seeds, GRAPHC_FUZZ=5000:7000 those from 5000 on. tools/fuzz.py tries all ways.
"""

from __future__ import annotations

import os

import pytest

from graphc.prims.table import TABLE
from tests.fuzz import checks
from tests.fuzz.random_graphs import random_case
from tests.fuzz.shrink import graphs_in
from tests.native import host_targets

TARGETS = host_targets()
QUICK, STEP = 200, 10  # seeds; seeds of one test
MANY = 300  # seeds whose graphs use most of the table
MORE_TARGETS = 16  # of so many seeds one is tried on every target
UNUSUAL = frozenset(
    "print check act python after count_up_to check_numerics eig cholesky lu qr eigh svd solve inverse det slogdet "
    "triangular_solve matrix_function text measure".split()
)  # effects, and what few graphs of the quick suite have


def seeds() -> range:
    """The seeds to try, of the quick suite or as the environment says."""
    wanted = os.environ.get("GRAPHC_FUZZ", str(QUICK))
    first, _, last = wanted.rpartition(":")
    return range(int(first or 0), int(last))


@pytest.mark.skipif(not TARGETS, reason="needs an x86-64 CPU")
@pytest.mark.parametrize("first", seeds()[::STEP])
def test_random_graphs(first):
    for seed in range(first, min(first + STEP, seeds().stop)):
        way = checks.QUICK[seed % len(checks.QUICK)]
        try:
            case = random_case(seed)
            checks.check(case, (way,))
            if seed % MORE_TARGETS == 0:
                checks.native(case, checks.interpret(case.graph, *case.arrays), TARGETS)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {way}: {type(error).__name__}: {error}") from error


def test_a_seed_always_makes_the_same_graph():
    for seed in (3, 14, 15):
        assert str(random_case(seed).graph) == str(random_case(seed).graph)


def test_graphs_use_the_table():
    """Most rows that have a way down, or a NumPy definition for numbers, come about in some hundred graphs."""
    used = set()
    for seed in range(MANY):
        graph = random_case(seed).graph
        for one in (graph, *graphs_in(graph)):
            used.update(n.op for n in one.nodes)
    native = {name for name, row in TABLE.items() if row.native}
    missing = native - used - UNUSUAL
    assert len(missing) <= len(native) // 8, missing
    assert len(used - native) >= 8
