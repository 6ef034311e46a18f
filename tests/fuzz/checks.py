"""What must hold for a graph, and the ways to run it: optimised or not, without a pass, on threads, from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from graphc.compile import compile_graph, optimise
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.target import X86_64
from graphc.ir.verify import verify_graph
from graphc.options import Options
from graphc.passes.pipeline import PIPELINE, infer, pass_name
from graphc.prims.interpret import interpret
from graphc.runtime.support import load_support
from tests.fuzz.random_graphs import Case
from tests.native import SPLITS, bits_equal, host_targets, run_native

PASSES = tuple(dict.fromkeys(map(pass_name, PIPELINE)))
NEEDED = frozenset({"inline_calls", "split_complex", "require", "unify_dims"})  # lowering asks for what they do
HARNESS = frozenset({"call", "cond", "loop", "while", "text", "unique", "nonzero", "measure"})  # not for tests.native


class Wrong(AssertionError):
    """A result that is not what it should be; ``kind`` names the way in which it is not."""

    def __init__(self, kind: str, message: str):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def compare(case: Case, right: tuple, found: tuple, what: str) -> None:
    """Outputs are near what they should be, and equal where no rounding is left to the implementation."""
    if len(right) != len(found):
        raise Wrong("number of outputs", f"{what}: {len(found)} instead of {len(right)}")
    for k, (w, r, far) in enumerate(zip(right, found, case.tolerance)):
        w, r = np.asarray(w), np.asarray(r)
        if w.dtype != r.dtype or w.shape != r.shape:
            raise Wrong("type", f"{what}: output {k} is {r.dtype}{r.shape}, not {w.dtype}{w.shape}")
        wrong = _wrong(w, r, far)
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0])
            sample = f"at {tuple(map(int, at))} {r[at]} instead of {w[at]} (tolerance {far:.3g})"
            raise Wrong("value", f"{what}: output {k} has {wrong.sum()} of {wrong.size} wrong, {sample}")


def _wrong(w: np.ndarray, r: np.ndarray, far: float) -> np.ndarray:
    if w.dtype == object:
        return np.array(w != r)
    with np.errstate(all="ignore"):
        same = (w == r) | ((w != w) & (r != r))
        if not far:
            return np.array(~same)
        wide = np.complex128 if w.dtype.kind == "c" else np.float64
        return np.array(~(same | (np.abs(w.astype(wide) - r.astype(wide)) <= far)))


def same_bits(first: tuple, second: tuple, what: str) -> None:
    for k, (a, b) in enumerate(zip(first, second)):
        a, b = np.asarray(a), np.asarray(b)
        if not (np.array_equal(a, b) if a.dtype == object else bits_equal(a, b)):
            raise Wrong("bits", f"{what}: output {k} has other bits")


# ------------------------------------------------------------------------------------------- variations


def compiled(graph: Graph, options: Options) -> Callable:
    return compile_graph(graph, options)


def copies(arrays) -> list:
    """Arrays that a run may write over, where the graph donates them."""
    return [np.array(a) for a in arrays]


def optimised(case: Case, right: tuple, skip: tuple = ()) -> None:
    """As compiled: after all passes, or all but some."""
    what = f"without {', '.join(skip)}" if skip else "compiled"
    compare(case, right, compiled(case.graph, Options(cache=False, skip=skip))(*copies(case.arrays)), what)


def threads(case: Case, right: tuple) -> None:
    """One thread and two give the same bits."""
    support, run = load_support(), compiled(case.graph, Options(cache=False))
    try:
        support.set_threads(1)
        one = run(*copies(case.arrays))
        support.set_threads(2)
        two = run(*copies(case.arrays))
    finally:
        support.set_threads(2)
    same_bits(one, two, "one thread and two")
    compare(case, right, one, "on threads")


def disk(case: Case, right: tuple) -> None:
    """The program that was just compiled and the one that the cache holds give the same bits."""
    run = compiled(case.graph, Options())
    first = run(*copies(case.arrays))
    del run
    second = compiled(case.graph, Options())(*copies(case.arrays))
    same_bits(first, second, "from the cache on disk")
    compare(case, right, first, "from the cache on disk")


def read_back(graph: Graph) -> Graph:
    """The graph that its text describes."""
    blobs: dict = {}
    return parse(graph_text(graph, blobs), blobs)


def taken(graph: Graph, values: tuple) -> tuple:
    """The values without the one that guards became, which must not refuse them."""
    if not graph.outputs or graph.outputs[-1].op != "refusal":
        return values
    *values, code = values
    if code:
        raise Wrong("refusal", f"values are refused: {graph.outputs[-1].attr('reasons')[int(code) - 1][0]}")
    return tuple(values)


def as_text(case: Case, right: tuple) -> None:
    """The text gives the graph back, before the passes and after them; what the passes made means the same."""
    verify_graph(case.graph, infer)
    better = optimise(case.graph)
    for graph in (case.graph, better):
        again = read_back(graph)
        if str(again) != str(graph) or (not graph.measures and again != graph):
            raise Wrong("text", f"the text does not give the graph back\n{graph}")
    compare(case, right, taken(better, interpret(better, *case.arrays)), "interpreted optimised graph")


def native(case: Case, right: tuple, targets=None) -> None:
    """Raw and optimised code in poisoned memory, in several pieces; the same bits wherever that is promised."""
    targets = host_targets()[:1] if targets is None else targets
    for what, graph in (("raw graph", case.graph), ("optimised graph", optimise(case.graph))):
        if any(n.op in HARNESS or not _is_native(n) for n in graph.nodes):
            continue
        first = None
        for target in targets:
            found = run_native(graph, case.arrays, target)
            compare(case, right, found, f"{what} on {target.name}")
            for parts in SPLITS[1:]:
                same_bits(
                    found, run_native(graph, case.arrays, target, parts), f"{what} on {target.name} in {parts} parts"
                )
            if target is not X86_64:
                first = first or found
                same_bits(first, found, f"{what} on {target.name}")


def _is_native(node: Node) -> bool:
    return all(t.dtype.is_native for t in getattr(node.type, "items", (node.type,)))


def _without(name: str) -> Callable:
    return lambda case, right: optimised(case, right, (name,))


VARIATIONS: dict[str, Callable] = {
    "compiled": optimised, "text": as_text, "threads": threads, "disk": disk, "native": native,
    **{f"skip:{name}": _without(name) for name in PASSES if name not in NEEDED},
}  # fmt: skip
QUICK = (*VARIATIONS, "compiled", "native", "compiled", "native")


def check(case: Case, variations: Iterable[str]) -> None:
    """Raise where one of the variations does not give what the primitives mean."""
    right = interpret(case.graph, *case.arrays)
    for name in variations:
        VARIATIONS[name](case, right)
