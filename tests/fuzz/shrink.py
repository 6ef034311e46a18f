"""Smaller graphs that are like a given one: the candidates among which a reducer looks for those that still fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from graphc.errors import GraphcError
from graphc.ir.graph import Graph, input_node, instantiate, rebuild
from graphc.ir.data import Data
from graphc.ir.node import Node, const, make
from graphc.ir.order import toposort
from graphc.ir.sizes import symbols_in
from graphc.ir.type import TupleType, Type
from graphc.ir.verify import verify_graph
from graphc.passes.pipeline import infer
from graphc.prims.interpret import bind_symbols, dim_value, value_of
from graphc.prims.order import item
from tests.fuzz.sample import Sample

_LEAVES = ("input", "const", "symbol")
_KEPT = ("axis", "axes", "perm", "index", "carries", "scanned", "groups", "batch", "dtype")  # which, not how much


def candidates(sample: Sample) -> Iterator[Sample]:
    """Legal samples that are smaller in some way, the greatest steps first."""
    for way in (_fewer_outputs, _without_donations, _cut, _bodies, _shorter, _plainer_attributes, _plainer_values):
        for found in way(sample):
            legal = _legal(found)
            if legal is not None and size_of(legal) < size_of(sample):
                yield legal


def size_of(sample: Sample) -> tuple:
    """What a reduction makes smaller, the most important first."""
    graph = sample.graph
    nodes = [n for n in graph.nodes if n.op not in _LEAVES]
    inner = sum(len(g.nodes) for g in graphs_in(graph))
    count = sum(a.size for a in sample.arrays) + sum(n.attr("value").array.size for n in graph.nodes if n.op == "const")
    attrs = sum(_weight(v) for n in graph.nodes for k, v in n.attrs)
    dims = sum(abs(d) if type(d) is int else 64 for n in graph.nodes for t in _types(n) for d in t.shape)
    rough = sum(float(np.abs(a.astype(np.complex128)).sum()) + len(set(a.reshape(-1).tolist())) for a in sample.arrays
                if a.dtype != object and a.size and np.isfinite(a.astype(np.complex128)).all())  # fmt: skip
    return (len(nodes) + inner, len(graph.outputs), len(graph.donated), len(graph.inputs), dims + count, attrs, rough)


def _weight(value) -> int:
    if type(value) is tuple:
        return sum(map(_weight, value))
    return abs(value) if type(value) is int else 0


def _types(node: Node) -> tuple:
    return getattr(node.type, "items", (node.type,))


def graphs_in(graph: Graph) -> list[Graph]:
    """The graphs in attributes, at every depth."""
    found, pending = [], [graph]
    while pending:
        inner = [v for n in pending.pop().nodes for _, v in n.attrs if isinstance(v, Graph)]
        found += inner
        pending += inner
    return found


def _legal(sample: Sample) -> Sample | None:
    """The sample without inputs that nothing uses, if the graph is legal."""
    graph = sample.graph
    reached = set(graph.nodes)
    needed = {s for n in graph.nodes for s in symbols_in((n.attrs, n.type))} | {
        n for n in graph.nodes if n.op == "symbol"
    }
    kept = [k for k, x in enumerate(graph.inputs) if x in reached]
    told = {s for k in kept for s in graph.inputs[k].shape}
    for k, x in enumerate(graph.inputs):
        if k not in kept and (set(x.shape) & needed) - told:
            kept.append(k)
            told |= set(x.shape)
    kept.sort()
    if not graph.donated and len(kept) < len(graph.inputs):
        graph = replace(graph, inputs=tuple([graph.inputs[k] for k in kept]))
        sample = replace(sample, graph=graph, arrays=tuple([sample.arrays[k] for k in kept]))
    try:
        verify_graph(graph, infer)
        bind_symbols(graph.inputs, sample.arrays)
    except (GraphcError, AttributeError, TypeError, ValueError, KeyError, IndexError):
        return None
    return sample


# ------------------------------------------------------------------------------------------------ nodes


def _fewer_outputs(sample: Sample) -> Iterator[Sample]:
    graph, outputs = sample.graph, sample.graph.outputs
    if len(outputs) > 1:
        ways = [[k] for k in range(len(outputs))] + [
            [j for j in range(len(outputs)) if j != k] for k in range(len(outputs))
        ]
        for kept in ways:
            place = {k: new for new, k in enumerate(kept)}
            donated = tuple([(place[a], b) for a, b in graph.donated if a in place])
            smaller = replace(graph, outputs=tuple([outputs[k] for k in kept]), names=(), donated=donated)
            yield replace(sample, graph=smaller)
    for k, m in enumerate(graph.measures):
        yield replace(sample, graph=replace(graph, measures=graph.measures[:k] + graph.measures[k + 1 :]))
    for k, y in enumerate(outputs):
        for x in y.inputs:
            if not isinstance(x.type, TupleType):
                changed = (*outputs[:k], x, *outputs[k + 1 :])
                yield replace(sample, graph=replace(graph, outputs=changed, donated=()))


def _without_donations(sample: Sample) -> Iterator[Sample]:
    if sample.graph.donated:
        yield replace(sample, graph=replace(sample.graph, donated=()))


def _cut(sample: Sample) -> Iterator[Sample]:
    """A Node becomes one of its operands, an input with its value, or a constant."""
    graph = sample.graph
    values = _values(sample)
    names = {x.attr("name") for x in graph.inputs}
    fresh = next(f"y{k}" for k in range(10_000) if f"y{k}" not in names)
    for node in reversed(graph.nodes):
        if node.op in _LEAVES or isinstance(node.type, TupleType):
            continue
        for x in node.inputs:
            if x.type == node.type:
                yield replace(sample, graph=_replaced(graph, node, x))
        if node in values:
            new = input_node(fresh, node.type)
            cut = _replaced(graph, node, new)
            yield replace(sample, graph=replace(cut, inputs=(*cut.inputs, new)), arrays=(*sample.arrays, values[node]))
            if values[node].size and node.dtype.is_native:
                yield replace(sample, graph=_replaced(graph, node, const(values[node].reshape(-1)[0], node.type)))


def _values(sample: Sample) -> dict:
    """Values of the Nodes, as far as the interpreter gets."""
    graph = sample.graph
    values = dict(zip(graph.inputs, map(np.asarray, sample.arrays)))
    symbols = bind_symbols(graph.inputs, sample.arrays)
    with np.errstate(all="ignore"):
        for node in toposort(graph.roots, values):
            try:
                values[node] = value_of(node, [values[x] for x in node.inputs], symbols)
            except Exception:  # what is wrong with the row is for the child to say
                break
    return {n: np.asarray(v) for n, v in values.items() if not isinstance(v, tuple)}


def _replaced(graph: Graph, old: Node, new: Node) -> Graph:
    return graph.with_roots(rebuild(graph.roots, lambda node, inputs: None, {old: new}))


# ----------------------------------------------------------------------------------------------- bodies


def _bodies(sample: Sample) -> Iterator[Sample]:
    graph = sample.graph
    for node in graph.nodes:
        for name, inner in node.attrs:
            if not isinstance(inner, Graph):
                continue
            arguments = node.inputs[1:] if node.op == "cond" else node.inputs
            if node.op != "loop" and name != "test" and len(arguments) == len(inner.inputs):
                yield from _in_place(sample, node, instantiate(inner, arguments)[len(inner.measures) :])
            for part in inner.nodes:
                if part.op in _LEAVES or isinstance(part.type, TupleType):
                    continue
                same = [x for x in part.inputs if x.type == part.type]
                for new in (*same, const(1, part.type)) if part.dtype.is_native else same:
                    changed = _replaced(inner, part, new)
                    attrs = tuple([(k, changed if k == name else v) for k, v in node.attrs])
                    yield replace(sample, graph=_replaced(graph, node, make(node.op, node.inputs, attrs, node.type)))


def _in_place(sample: Sample, node: Node, results: list) -> Iterator[Sample]:
    if not isinstance(node.type, TupleType):
        yield replace(sample, graph=_replaced(sample.graph, node, results[0]))
        return
    items = [item(node, k) for k in range(len(node.type.items))]
    roots = rebuild(sample.graph.roots, lambda n, inputs: None, dict(zip(items, results)))
    yield replace(sample, graph=sample.graph.with_roots(roots))


# ------------------------------------------------------------------------------------------------ sizes


def _shorter(sample: Sample) -> Iterator[Sample]:
    graph = sample.graph
    symbols = bind_symbols(graph.inputs, sample.arrays)
    for s in graph.symbols:
        yield from _resized(sample, s, symbols[s], int(symbols[s]))
        for size in _smaller(symbols[s]):
            arrays = [_cut_array(a, x.type, s, size, {**symbols, s: size}) for x, a in zip(graph.inputs, sample.arrays)]
            yield replace(sample, arrays=tuple(arrays))
    lengths = {d for n in (*graph.inputs, *graph.nodes) for t in _types(n) for d in t.shape if type(d) is int and d > 1}
    for old in sorted(lengths, reverse=True):
        for new in _smaller(old):
            yield from _resized(sample, old, old, new)


def _smaller(n: int) -> list[int]:
    return sorted({k for k in (1, 2, 3, n // 2, n - 1) if 0 < k < n})


def _cut_array(array, given: Type, old, size: int, symbols: dict):
    array = np.asarray(array)
    wanted = [size if _same(d, old) else dim_value(d, symbols) for d in given.shape]
    return np.resize(array, wanted) if array.size else np.zeros(wanted, array.dtype)


def _same(d, old) -> bool:
    return d is old or (type(d) is type(old) is int and d == old)


def _resized(sample: Sample, old, was: int, new: int) -> Iterator[Sample]:
    """Every dimension ``old`` becomes ``new``, where the rules of all rows agree."""
    graph, memo = sample.graph, {}

    def changed(value):
        if isinstance(value, Type):
            return value.with_shape(changed(value.shape))
        if type(value) is tuple:
            return tuple(map(changed, value))
        return new if _same(value, old) else value

    symbols = bind_symbols(graph.inputs, sample.arrays)
    try:
        for node in toposort((*graph.inputs, *graph.roots)):
            if node.op in ("input", "const"):
                kind = changed(node.type)
                attrs = node.attrs
                if node.op == "const" and node.type != kind and not node.attr("value").is_splat:
                    attrs = (("value", Data(_cut_array(node.attr("value").array, node.type, old, new, symbols))),)
                memo[node] = make(node.op, (), attrs, kind)
                continue
            if node.op == "symbol":
                memo[node] = const(new) if node is old else node
                continue
            operands = tuple([memo[x] for x in node.inputs])
            attrs = tuple([(k, changed(v) if k not in _KEPT else v) for k, v in node.attrs])
            memo[node] = make(node.op, operands, attrs, infer(node.op, [x.type for x in operands], dict(attrs)))
    except (GraphcError, ValueError, TypeError, IndexError, KeyError):  # this size is bound to others
        return
    roots = [memo[x] for x in graph.roots]
    smaller = replace(graph, inputs=tuple([memo[x] for x in graph.inputs])).with_roots(roots)
    arrays = [_cut_array(a, x.type, old, new, symbols) for x, a in zip(graph.inputs, sample.arrays)]
    yield replace(sample, graph=smaller, arrays=tuple(arrays))


# ---------------------------------------------------------------------------------- attributes and values


def _plainer_attributes(sample: Sample) -> Iterator[Sample]:
    for node in sample.graph.nodes:
        for name, value in node.attrs:
            if name in _KEPT or not _weight(value):
                continue
            for plain in (0, 1, 2):
                for new in _with_one(value, plain):
                    attrs = tuple([(k, new if k == name else v) for k, v in node.attrs])
                    changed = make(node.op, node.inputs, attrs, node.type)
                    yield replace(sample, graph=_replaced(sample.graph, node, changed))


def _with_one(value, plain: int) -> Iterator:
    if type(value) is int:
        if plain < abs(value):
            yield plain
        return
    for k, v in enumerate(value):
        if type(v) is int and plain < abs(v):
            yield (*value[:k], plain, *value[k + 1 :])


def _plainer_values(sample: Sample) -> Iterator[Sample]:
    for node in sample.graph.nodes:
        if node.op == "const" and not node.attr("value").is_splat and node.dtype.is_native and node.type.size:
            yield replace(
                sample, graph=_replaced(sample.graph, node, const(node.attr("value").array.reshape(-1)[0], node.type))
            )
    for k, array in enumerate(sample.arrays):
        array = np.asarray(array)
        if array.dtype == object or not array.size:
            continue
        plain = [np.zeros_like(array), np.ones_like(array)]
        with np.errstate(all="ignore"):
            plain += [np.rint(array.real).astype(array.dtype)] if array.dtype.kind not in "biu" else []
        plain += [np.full_like(array, array.reshape(-1)[j]) for j in range(min(array.size, 3))]
        for new in plain:
            if new.tobytes() != array.tobytes():
                yield replace(sample, arrays=(*sample.arrays[:k], new, *sample.arrays[k + 1 :]))
