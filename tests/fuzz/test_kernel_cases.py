"""Random graphs of one kind of kernel each, exactly what the interpreter says on every target."""

import pytest

from graphc.compile import optimise
from graphc.prims.interpret import interpret
from tests.fuzz.kernel_cases import KINDS, kernel_case
from tests.native import SPLITS, Native, bits_equal, host_targets

QUICK = 4  # seeds of each kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(QUICK))
def test_kernel_cases(kind, seed):
    graph, runs = kernel_case(kind, seed)
    better = optimise(graph)
    for target in host_targets():
        program = Native(better, target)
        for arrays in runs:
            right = interpret(graph, *arrays)
            for parts in SPLITS:
                found = program(*arrays, parts=parts)
                same = [bits_equal(r + 0, f + 0) for r, f in zip(right, found, strict=True)]
                assert all(same), f"{kind} {seed} on {target.name} in {parts} parts: {same}\n{graph}"
