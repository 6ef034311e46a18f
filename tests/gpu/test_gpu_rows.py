"""Every sample of every primitive on a CUDA device: the bits of the CPU, within a bound where tensor cores multiply."""

import numpy as np
import pytest

from graphc.compile import compile_graph
from graphc.errors import GraphcError
from graphc.ir import dtype as dt
from graphc.options import Options
from tests.e2e.test_rows_compiled import EPSILON, OPS, groups, per_sample
from tests.native import bits_equal

pytestmark = pytest.mark.gpu

ROWS = [op for op in OPS if op != "guard"]  # which names a line of whoever asked for it; samples have none
SUMS = ("dot", "conv", "correlate")  # which tensor cores do for halves, in another order


def agree(sample, right: tuple, found: tuple) -> bool:
    if sample.op in SUMS and any(dt.as_dtype(w.dtype) in (dt.f16, dt.bf16) for w in right):
        return all(close(w, r) for w, r in zip(right, found))
    return all(map(bits_equal, right, found))


def close(right: np.ndarray, found: np.ndarray) -> bool:
    """Up to two roundings of the largest value."""
    a, b = right.astype(np.float64), found.astype(np.float64)
    scale = np.abs(a[np.isfinite(a)]).max(initial=1)
    return bool((np.isclose(a, b, rtol=0, atol=2 * EPSILON[dt.as_dtype(right.dtype)] * scale, equal_nan=True)).all())


@pytest.mark.parametrize("symbolic", [False, True], ids=["static", "symbolic"])
@pytest.mark.parametrize("op", ROWS)
def test_rows(target, op, symbolic):
    found = groups(op, symbolic)
    if not found:
        pytest.skip(f"{op} has no sample of symbolic size")
    for samples, graph, arrays, values in found:
        on_cpu = compile_graph(graph, Options(cache=False))(*arrays)
        on_gpu = compile_graph(graph, Options(cache=False, target=target))(*arrays)
        for sample, right, here in zip(samples, per_sample(values, on_cpu), per_sample(values, on_gpu)):
            assert agree(sample, right, here), f"{sample.id}\n{sample.arrays}\nCPU {right}\n{target} {here}"


def test_errors_of_a_run_are_those_of_the_cpu(target):
    refusals = groups("refusal", False)
    for _, graph, arrays, _ in refusals:
        messages = []
        for options in (Options(cache=False), Options(cache=False, target=target)):
            with pytest.raises(GraphcError) as raised:
                compile_graph(graph, options)(*arrays)
            messages.append(str(raised.value))
        assert messages[0] == messages[1]
