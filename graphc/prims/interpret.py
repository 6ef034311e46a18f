"""Running graphs by the NumPy meaning of every row: the oracle for everything else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from graphc.errors import CompileError, FeedError, GraphError, ShapeError, explain
from graphc.ir.dtype import DType
from graphc.ir.graph import Graph, close
from graphc.ir.order import toposort
from graphc.ir.node import Node
from graphc.ir.sizes import made_by
from graphc.ir.type import TupleType, Type
from graphc.prims.table import row

_ARITHMETIC = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floordiv": lambda a, b: a // b if b else 0,
    "mod": lambda a, b: a % b if b else 0,
    "min": lambda a, b: min(a, b),
    "max": lambda a, b: max(a, b),
}


def dim_value(dim, env: dict) -> int:
    """The number a dimension stands for, given {symbol Node: int}.

    Raises:
        FeedError: a symbol has no value.
        GraphError: the dimension is no arithmetic over symbols.
    """
    if not isinstance(dim, Node):
        return int(dim)
    if dim in env:
        return int(env[dim])
    if dim.op == "const":
        return int(dim.attr("value").array)
    if dim.op == "symbol":
        raise FeedError(f"dimension {dim} has no value: no input has it in its shape")
    if dim.op not in _ARITHMETIC:
        raise GraphError(f"a dimension cannot use {dim.op}")
    return _ARITHMETIC[dim.op](*[dim_value(x, env) for x in dim.inputs])


class _Body:
    """A Graph in an attribute together with the symbols' values: what control rows call."""

    def __init__(self, graph: Graph, symbols: dict):
        self.graph, self.symbols = graph, symbols
        self._plan: _Plan | None = None  # made by the first call, as loops call again and again

    @property
    def outputs(self) -> list[tuple[tuple, DType]]:
        """Shape and dtype of every result."""
        return [(concrete(y.type, self.symbols).shape, y.dtype) for y in self.graph.outputs]

    def __call__(self, *arrays):
        if self._plan is None:
            self._plan = _Plan(self.graph.roots, self.graph.inputs, self.symbols)
        values = self._plan.run(dict(zip(self.graph.inputs, [np.asarray(a) for a in arrays])))
        return tuple(values[len(self.graph.measures) :])


def concrete(value, symbols: dict):
    """An attribute, Type or tuple of them with every dimension as an int and every Graph as a callable."""
    if isinstance(value, Node):
        return dim_value(value, symbols)
    if isinstance(value, tuple):
        return tuple([concrete(v, symbols) for v in value])
    if isinstance(value, Type):
        return Type(value.dtype, concrete(value.shape, symbols))
    if isinstance(value, TupleType):
        return TupleType(concrete(value.items, symbols))
    return _Body(value, symbols) if isinstance(value, Graph) else value


def bind_symbols(inputs: Sequence[Node], arrays: Sequence[np.ndarray], symbols: dict | None = None) -> dict:
    """The values of the symbolic dimensions of ``inputs``, taken from the shapes of ``arrays``.

    Raises:
        ShapeError: a rank or size does not fit, or one symbol would have two values.
    """
    env = dict(symbols or {})
    for x, array in zip(inputs, arrays):
        if array.ndim != x.type.rank:
            raise ShapeError(f"input {x.attr('name')}: {array.ndim} axes given for {x.type}")
        for d, n in zip(x.shape, array.shape):
            if isinstance(d, Node) and d.op == "symbol" and env.setdefault(d, n) != n:
                raise ShapeError(f"input {x.attr('name')}: shape {array.shape} given for {x.type}, but {d} is {env[d]}")
    for x, array in zip(inputs, arrays):
        for d, n in zip(x.shape, array.shape):
            if (wanted := dim_value(d, env)) != n:
                raise ShapeError(f"input {x.attr('name')}: shape {array.shape} given for {x.type} ({d} is {wanted})")
    return env


def _fed(x: Node, value) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype == x.dtype.numpy:
        return array
    if x.dtype.kind == "s" and array.dtype.kind in "SUO":
        return array.astype(object)
    raise FeedError(f"input {x.attr('name')}: an array of {array.dtype} given for {x.type}")


def interpret(graph: Graph, *arrays, symbols: dict | None = None) -> tuple:
    """The outputs of ``graph`` for these arrays, one per input, in order.

    Args:
        symbols: values of symbolic dimensions {symbol Node: int} that the shapes of the inputs do not tell.

    Raises:
        FeedError: an array is missing, one too many, or of another dtype; a dimension has no value.
        ShapeError: an array does not fit the type of its input.
    """
    graph = close(graph)
    if len(arrays) != len(graph.inputs):
        raise FeedError(f"{graph.name}: {len(arrays)} arrays given for {len(graph.inputs)} inputs")
    arrays = [_fed(x, a) for x, a in zip(graph.inputs, arrays)]
    sizes = bind_symbols(graph.inputs, arrays, symbols)
    plan = _Plan(graph.roots, graph.inputs, sizes) if sizes or graph.measures else _static_plan(graph)
    with np.errstate(all="ignore"):
        return tuple(plan.run(dict(zip(graph.inputs, arrays)))[len(graph.measures) :])


def evaluate(nodes: Iterable[Node], env: dict, symbols: dict | None = None) -> list:
    """Values of ``nodes``, given {Node: array} for what they are computed from and {symbol Node: int}.

    An intermediate value is dropped after its last use.
    """
    with np.errstate(all="ignore"):
        return _Plan(tuple(nodes), env, dict(symbols or {})).run(env)


class _Plan:
    """The order in which Nodes are evaluated, and what is dropped when; made once for runs with the same sizes."""

    def __init__(self, nodes: tuple[Node, ...], given: Iterable[Node], symbols: dict):
        self.nodes, self.symbols = nodes, symbols
        order = toposort(nodes, given)
        last: dict[Node, int] = {}
        for k, node in enumerate(order):
            for x in node.inputs:
                last[x] = k
        kept, self.steps = set(nodes), []
        for k, node in enumerate(order):
            done = tuple([x for x in dict.fromkeys(node.inputs) if last[x] == k and x not in kept])
            self.steps.append((node, node.inputs, done))
        self._meanings: list[Callable | None] = [None] * len(order)
        self._measures = any(made_by(node) for node in order)

    def run(self, env: dict) -> list:
        """Values of the nodes for arrays of what they are computed from."""
        symbols = dict(self.symbols) if self._measures else self.symbols
        values, meanings = dict(env), self._meanings
        for k, (node, inputs, done) in enumerate(self.steps):
            meaning = meanings[k]
            if meaning is None:
                meaning = _meaning(node, symbols)
                if not self._measures:
                    meanings[k] = meaning
            values[node] = meaning([values[x] for x in inputs])
            for x in done:
                del values[x]
        return [values[x] for x in self.nodes]


@functools.lru_cache(maxsize=4)
def _static_plan(graph: Graph) -> _Plan:
    """The plan of a closed graph of known sizes: finite differences run one graph hundreds of times."""
    return _Plan(graph.roots, graph.inputs, {})


def value_of(node: Node, arrays: Sequence, symbols: dict):
    """The value of one Node from the values of its inputs; an array, or a tuple of arrays for several results.

    Raises:
        CompileError: the row's meaning contradicts its type rule.
        FeedError: the Node is an input without a value.
    """
    return _meaning(node, symbols)(arrays)


def _meaning(node: Node, symbols: dict) -> Callable[[Sequence], object]:
    """The function from the values of a Node's inputs to its own, with sizes as they are in ``symbols``, which it may add to."""
    if node.op == "const":
        value = np.broadcast_to(node.attr("value").array, concrete(node.type, symbols).shape)
        return lambda arrays: value
    if node.op == "symbol":
        size = np.asarray(dim_value(node, symbols), np.int64)
        return lambda arrays: size
    if node.op == "input":
        raise FeedError(f"input {node.attr('name')} of {node.type} has no value")
    attrs = {name: concrete(value, symbols) for name, value in node.attrs if name != "sizes"}
    function, makes = row(node.op).numpy, made_by(node)
    several = isinstance(node.type, TupleType)
    wanted = None if makes else concrete(node.type, symbols)

    def meaning(arrays: Sequence):
        result = function(*arrays, **attrs)
        if makes:
            _measure(node, result, symbols)
        types = concrete(node.type, symbols) if wanted is None else wanted
        if several:
            return tuple([_checked(node, np.asarray(r), t) for r, t in zip(result, types.items)])
        return _checked(node, np.asarray(result), types)

    return meaning


def _measure(node: Node, result, symbols: dict) -> None:
    """Enter the sizes that a Node makes into ``symbols``."""
    types, arrays = (node.type.items, result) if isinstance(node.type, TupleType) else ((node.type,), (result,))
    made = set(made_by(node))
    for type, array in zip(types, arrays):
        symbols.update((d, n) for d, n in zip(type.shape, np.shape(array)) if d in made)


def _checked(node: Node, array: np.ndarray, wanted: Type) -> np.ndarray:
    if array.dtype != wanted.dtype.numpy or array.shape != wanted.shape:
        what = f"{node.op}: the value is {array.dtype}{list(array.shape)} instead of {wanted}"
        raise CompileError(explain(what, location=node.location))
    return array
