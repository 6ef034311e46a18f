"""A graph with the arrays it is run on and the way in which it is run, as one text file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np

from graphc.errors import FormatError
from graphc.ir.dtype import as_dtype, by_short
from graphc.ir.graph import Graph
from graphc.ir.data import Data
from graphc.ir.node import Node
from graphc.ir.parser import parse
from graphc.ir.printer import graph_text
from graphc.ir.type import Type
from graphc.prims.interpret import concrete
from graphc.inspect.noise import tolerances
from tests.fuzz.random_graphs import Case

_ARRAY = re.compile(r"# (input|constant) (\S+) ([a-z0-9]+) (\[[0-9, ]*\]) = (.*)")
_VARIATION = re.compile(r"# variation: (\S+)")
_BLOB = re.compile(r"#([a-z]+[0-9]*)\[([0-9,]*)\]:([0-9a-f]+)")


@dataclass(frozen=True)
class Sample:
    """A graph, an array per input, and the name of a variation of ``checks``."""

    graph: Graph
    arrays: tuple
    variation: str = "compiled"

    @staticmethod
    def of(case: Case, variation: str) -> "Sample":
        return Sample(case.graph, case.arrays, variation)

    def case(self) -> Case:
        """With how exact the outputs can be asked to be."""
        return Case(self.graph, self.arrays, tolerances(self.graph, self.arrays))

    def text(self, notes: tuple = ()) -> str:
        """What ``read_sample`` reads back; ``notes`` stand in comments at the top."""
        blobs: dict = {}
        graph = graph_text(self.graph, blobs, locations=False)
        lines = [f"# {note}" for note in notes] + [f"# variation: {self.variation}"]
        named = [("input", x.attr("name"), a) for x, a in zip(self.graph.inputs, self.arrays)]
        named += [("constant", digest, a) for digest, a in blobs.items()]
        lines += [f"# {what} {name} {_array_text(array)}" for what, name, array in named]
        return "\n".join([*lines, graph])


def _array_text(array: np.ndarray) -> str:
    array = np.asarray(array)
    dtype, shape = as_dtype(array.dtype), list(array.shape)
    if dtype.is_complex:
        elements = array.reshape(-1).view(array.real.dtype).tolist()
    elif dtype.kind == "s":
        elements = [e.decode("latin-1") for e in array.reshape(-1)]
    else:
        elements = array.astype(np.float64 if dtype.is_float else array.dtype).reshape(-1).tolist()
    return f"{dtype.short} {shape} = {json.dumps(elements)}"


def _array(short: str, shape: str, elements: str) -> np.ndarray:
    dtype, found = by_short(short), json.loads(elements)
    if dtype.kind == "s":
        made = np.array([e.encode("latin-1") for e in found] + [None], object)[:-1]
    elif dtype.is_complex:
        made = np.array(found, np.float64).view(np.complex128).astype(dtype.numpy)
    else:
        made = np.array(found, np.float64 if dtype.is_float else dtype.numpy).astype(dtype.numpy)
    return made.reshape(json.loads(shape))


def read_sample(text: str, seed: int = 0, sizes: dict | None = None) -> Sample:
    """The sample of a text; inputs and constants that it does not give come from ``seed``.

    Args:
        sizes: values of symbols {name: int} for inputs that are made up; 3 for those not in it.
    """
    random = np.random.default_rng(seed)
    found = {(what, name): _array(*rest) for what, name, *rest in _ARRAY.findall(text)}
    variation = _VARIATION.search(text)
    blobs = {name: array for (what, name), array in found.items() if what == "constant"}

    def fill(match: re.Match) -> str:
        short, shape, digest = match.groups()
        if digest in blobs:
            return match.group()
        shape = tuple([int(d) for d in shape.split(",") if d])
        data = Data(_random(Type(by_short(short), shape), random))
        blobs[data.digest] = data.array
        return f"#{short}[{','.join(map(str, shape))}]:{data.digest}"

    graph = parse("\n".join([_BLOB.sub(fill, line) for line in text.splitlines() if not line.startswith("#")]), blobs)
    if not isinstance(graph, Graph):
        raise FormatError(f"a {type(graph).__name__} is given where a graph is wanted")
    symbols = _Sizes(sizes or {})
    symbols.learn([(x, found[key]) for x in graph.inputs if (key := ("input", x.attr("name"))) in found])
    arrays = [found.get(("input", x.attr("name"))) for x in graph.inputs]
    arrays = [_random(concrete(x.type, symbols), random) if a is None else a for x, a in zip(graph.inputs, arrays)]
    return Sample(graph, tuple(arrays), variation[1] if variation else "compiled")


class _Sizes(dict):
    """{symbol: size}, with a default."""

    def __init__(self, named: dict):
        super().__init__()
        self.named = named

    def learn(self, pairs) -> None:
        for x, array in pairs:
            self.update((d, n) for d, n in zip(x.shape, array.shape) if isinstance(d, Node) and d.op == "symbol")

    def __contains__(self, s) -> bool:
        return super().__contains__(s) or s.op == "symbol"

    def __missing__(self, s) -> int:
        return self.named.get(s.attr("name"), 3)


def _random(type: Type, random) -> np.ndarray:
    if type.dtype.kind == "b":
        return random.random(type.shape) < 0.5
    if type.dtype.kind == "s":
        return np.array(random.choice([b"", b"a", b"graph"], type.shape), object).reshape(type.shape)
    if type.dtype.is_integer:
        return np.asarray(random.integers(0, 4, type.shape)).astype(type.dtype.numpy)
    return np.asarray(random.standard_normal(type.shape)).astype(type.dtype.numpy)
