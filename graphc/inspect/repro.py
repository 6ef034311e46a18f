"""A wrong result as a small Python program: the graph as text, without weights, compiled and compared again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from graphc.compile import has_callbacks
from graphc.errors import UsageError
from graphc.inspect.stages import Stages
from graphc.ir.data import Data
from graphc.ir.dtype import as_dtype, by_short
from graphc.ir.graph import Graph
from graphc.ir.machine import DEFAULT
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.verify import verify_graph
from graphc.options import Options
from graphc.passes.canonical import canonical
from graphc.passes.nested import graphs_in
from graphc.passes.pipeline import infer

_PROGRAM = '''"""Compiles {name} and compares it with what its operations mean; exit status 1 where a result is changed."""

import sys

from graphc.inspect.bisect import bisect
from graphc.inspect.repro import rebuilt, seeded
from graphc.options import Options
{imports}
# dtype, shape, and the range of the random numbers that stand for each weight and input
WEIGHTS = {{
{weights}}}
INPUTS = [
{inputs}]
TEXT = {text}

verdict = bisect(rebuilt(TEXT, WEIGHTS), seeded(INPUTS, seed=1), Options({options}){until})
print(verdict)
sys.exit(verdict.culprit is not None)
'''


def repro(graph: Graph, arrays: Sequence[np.ndarray], options: Options = Options(), until: str | None = None) -> str:
    """The text of a Python program that builds a graph, runs ``graphc.inspect.bisect`` on it and says what it found.

    Constants of more than eight elements, which the text of a graph only names, and the inputs are seeded random numbers of
    the same dtype, shape and range. Strings and the few elements of short constants stay as they are; the user's lines are
    left out.

    Args:
        arrays: one for each input. until: the name of a pass after which to stop.

    Raises:
        UsageError: the graph calls Python functions, which no text holds; no pass is called ``until``.
    """
    if has_callbacks(graph):
        called = {str(n.location or n.op) for _, nodes in graphs_in(graph) for n in nodes if n.op in ("host", "python")}
        raise UsageError(f"{graph.name} calls Python functions, which the text of a graph cannot hold: "
                         f"{', '.join(sorted(called))}; leave them out of the model, or use graphc bisect on the model itself")  # fmt: skip
    graph = canonical(graph)
    if until is not None:
        Stages(graph, options).find_pass(until)
    blobs: dict = {}
    text = graph_text(graph, blobs, locations=False)
    weights = "".join([f"    {digest!r}: {_described(array)!r},\n" for digest, array in blobs.items()])
    inputs = "".join([f"    {_described(np.asarray(a))!r},  # {x.attr('name')}\n" for x, a in zip(graph.inputs, arrays, strict=True)])
    stop = f", until={until!r}" if until is not None else ""
    imports = "from graphc.ir.machine import Machine\n" if options.machine != DEFAULT else ""
    return _PROGRAM.format(
        name=graph.name.replace("\\", "").replace('"', ""), imports=imports, weights=weights, inputs=inputs, text=_quoted(text),
        options=_settings(options), until=stop,
    )  # fmt: skip


def _settings(options: Options) -> str:
    """The arguments of Options that differ from those of new ones; the cache is not asked."""
    usual = Options()
    changed = [f"{f.name}={getattr(options, f.name)!r}" for f in fields(options) if getattr(options, f.name) != getattr(usual, f.name)]
    return ", ".join([text for text in changed if not text.startswith("cache=")])


def _quoted(text: str) -> str:
    return f"r'''\n{text}'''" if "'''" not in text else repr(text)


def _described(array: np.ndarray) -> tuple:
    """The short name of an array's dtype, its shape, and the smallest and largest finite element."""
    short = as_dtype(array.dtype).short
    if array.dtype == object:
        return short, array.shape, 0, 0
    if array.dtype.kind in "biu":
        return (short, array.shape, int(array.min()), int(array.max())) if array.size else (short, array.shape, 0, 0)
    parts = array.astype(np.complex128)
    values = np.concatenate([parts.real.reshape(-1), parts.imag.reshape(-1) if array.dtype.kind == "c" else []])
    values = values[np.isfinite(values)]
    return (short, array.shape, float(values.min()), float(values.max())) if values.size else (short, array.shape, 0.0, 0.0)


def seeded(described: Sequence[tuple], seed: int) -> list[np.ndarray]:
    """Random arrays of these (dtype, shape, smallest, largest), the same ones each time; strings are numbers as text."""
    random, arrays = np.random.default_rng(seed), []
    for short, shape, low, high in described:
        dtype = by_short(short)
        if dtype.kind == "s":
            values = np.array([str(n) for n in range(int(np.prod(shape, dtype=np.int64)))], object).reshape(shape)
        elif isinstance(low, int):
            kind = np.uint64 if high >= 1 << 63 else np.int64
            values = random.integers(low, high, shape, kind, endpoint=True)
        else:
            values = low + random.random(shape) * (high - low)
            values = values + 1j * (low + random.random(shape) * (high - low)) if dtype.kind == "c" else values
        arrays.append(np.asarray(values).astype(dtype.numpy))
    return arrays


def rebuilt(text: str, weights: dict[str, tuple]) -> Graph:
    """The graph that a text describes, with random constants in place of those that it names.

    Raises:
        FormatError: the text is malformed. GraphError, ShapeError, DtypeError: what it describes is no legal graph.
    """
    blobs, names = {}, {}
    for digest, array in zip(weights, seeded(list(weights.values()), seed=0)):
        names[digest] = Data(array).digest
        blobs[names[digest]] = array
    text = re.sub(r"(#[a-z][a-z0-9]*\[[0-9,]*\]:)([0-9a-f]+)", lambda found: found[1] + names[found[2]], text)
    graph = parse(text, blobs)
    verify_graph(graph, infer)
    return graph
