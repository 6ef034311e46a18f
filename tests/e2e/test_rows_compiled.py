"""Every sample of every primitive as native code: against its NumPy meaning, across targets, however loops are cut."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, rebuild
from graphc.prims.interpret import interpret
from graphc.prims.table import TABLE
from tests.native import SPLITS, bits_equal, host_targets, run_native
from tests.samples import SAMPLES

TARGETS = host_targets()
BEST = TARGETS[:-1] or TARGETS
SHAPED = {"reshape", "slice", "pad", "reduce", "dot", "conv", "gather", "scatter", "loop"}  # symbolic on every target
WITNESSES = {"add", "cast", "erf", "eq", "select"}  # element-wise rows whose symbolic loops are tried on the best targets, not one
OPS = sorted({s.op for s in SAMPLES} - {"refusal"})  # which ends the run, see test_runtime_checks
GROUP = 60  # samples of one program
ROUNDED_SUMS = {"call", "cond", "while", "loop"}
ZEROS = {"lgamma", "digamma"}  # off by up to 16 roundings of 1 near their zeros
EPSILON = {dt.f16: 2.0**-10, dt.bf16: 2.0**-7, dt.f32: 2.0**-23, dt.f64: 2.0**-52}


def merged(graphs: list[Graph]) -> Graph:
    """One graph that computes all of them, each from its own inputs."""
    inputs, outputs = [], []
    for k, graph in enumerate(graphs):
        memo = {x: input_node(f"s{k}_{x.attr('name')}", x.type) for x in graph.inputs}
        inputs += memo.values()
        outputs += rebuild(graph.outputs, lambda node, new: None, dict(memo))
    return Graph("samples", tuple(inputs), tuple(outputs))


@lru_cache(maxsize=4)
def groups(op: str, symbolic: bool) -> list[tuple[list, Graph, list, list]]:
    """(samples, graph, arrays, values) of samples whose symbol has one value, as many as go into one program."""
    found: dict[object, list] = {}
    for sample in SAMPLES:
        if sample.op == op and (graph := sample.graph(symbolic)) is not None:
            size = sample.arrays[0].shape[0] if symbolic else None
            found.setdefault(size, []).append((sample, graph))
    result = []
    for members in found.values():
        for start in range(0, len(members), GROUP):
            part = members[start : start + GROUP]
            values = [interpret(graph, *sample.arrays) for sample, graph in part]
            arrays = [a for sample, _ in part for a in sample.arrays]
            result.append(([s for s, _ in part], merged([g for _, g in part]), arrays, values))
    return result


def per_sample(values: list, results: tuple) -> list[tuple]:
    """The flat results of a merged graph, one tuple per sample."""
    flat = iter(results)
    return [tuple([next(flat) for _ in v]) for v in values]


def slack(sample, target, right: np.ndarray):
    """The size to which an absolute error is relative, where a relative one would ask too much."""
    if sample.op == "fma" and not target.fuses(dt.as_dtype(sample.arrays[0].dtype)):  # rounded twice
        x, y, z = [np.abs(v.astype(np.float64)) for v in sample.arrays]
        with np.errstate(all="ignore"):
            return x * y + z
    if sample.op in ROUNDED_SUMS or sample.ulp > 4:
        return np.abs(right[np.isfinite(right)]).max(initial=1)
    return 1.0 if sample.op in ZEROS else 0.0


def assert_close(sample, target, right: tuple, found: tuple) -> None:
    for k, (w, r) in enumerate(zip(right, found)):
        assert w.dtype == r.dtype and w.shape == r.shape
        dtype = dt.as_dtype(w.dtype)
        if not dtype.is_float:
            where = f"{sample.id} result {k} on {target.name}"
            assert np.array_equal(w, r), f"{where}\n{sample.arrays}\nright {w}\nfound {r}"
            continue
        a, b = w.astype(np.float64), r.astype(np.float64)
        tolerance = max(sample.ulp, 16 if sample.op in ZEROS else 0) * EPSILON[dtype]
        tiny = float(np.finfo(np.float32 if dtype is dt.bf16 else w.dtype).smallest_normal)
        scale = slack(sample, target, a)
        with np.errstate(all="ignore"):
            right_here = (a == b) | (np.isnan(a) & np.isnan(b))
            right_here |= np.abs(a - b) <= tolerance * np.maximum(np.maximum(np.abs(a), scale), tiny)
        if not right_here.all():
            wrong = np.flatnonzero(~right_here.ravel())[:8]
            inputs = [np.broadcast_to(x, w.shape).ravel()[wrong] if x.size == w.size else x for x in sample.arrays]
            raise AssertionError(f"{sample.id} result {k} on {target.name}\noperands {inputs}\n"
                                 f"right {w.ravel()[wrong]}\nfound {r.ravel()[wrong]}")


def check_group(samples, graph, arrays, values, targets) -> None:
    first = None
    for target in targets:
        runs = [run_native(graph, arrays, target, parts) for parts in SPLITS]
        for parts, run in zip(SPLITS[1:], runs[1:]):
            for sample, a, b in zip(samples, per_sample(values, runs[0]), per_sample(values, run)):
                assert all(map(bits_equal, a, b)), f"{sample.id}: other bits when loops are cut into {parts}"
        for sample, right, found in zip(samples, values, per_sample(values, runs[0])):
            if sample.unique:
                assert_close(sample, target, right, found)
        if target.fma:
            first = first or (target, runs[0])
            for sample, a, b in zip(samples, per_sample(values, first[1]), per_sample(values, runs[0])):
                assert all(map(bits_equal, a, b)), f"{sample.id}: {first[0].name} and {target.name} differ\n{a}\n{b}"


@pytest.mark.skipif(not TARGETS, reason="needs an x86-64 CPU")
@pytest.mark.parametrize("op", OPS)
def test_static(op):
    for group in groups(op, False):
        check_group(*group, TARGETS)


@pytest.mark.skipif(not TARGETS, reason="needs an x86-64 CPU")
@pytest.mark.parametrize("op", OPS)
def test_symbolic(op):
    alike = TABLE[op].scalar is not None and op not in WITNESSES  # of these the loops are those of every other
    targets = TARGETS if op in SHAPED else BEST[:1] if alike else BEST
    for group in groups(op, True):
        check_group(*group, targets)
