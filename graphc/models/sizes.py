"""Open sizes of a model that are given a number, for a program that is smaller and faster; and a fixed batch made open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.errors import ShapeError, UsageError, located
from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.ir.graph import Graph
from graphc.ir.node import Node, symbol_name
from graphc.passes.open_batch import open_batch
from graphc.passes.specialise import specialise

SYMBOLIC = "symbolic"


def with_sizes(
    graph: Graph, sizes: Mapping[str, int], batch: int | str | None = None, note: Callable[[str], None] = lambda text: None
) -> Graph:
    """The graph with numbers for open sizes.

    Args:
        sizes: by the names that ``graphc inspect`` shows, or by input and axis, such as ``x.0``. All axes that must have
            the same size get it.
        batch: the size of the first axis of every input where that is open; ``symbolic`` leaves it open. Where every first axis has
            a number, that of the first input is made open before, see ``passes.open_batch``.
        note: is told of which inputs the batch is.

    Raises:
        UsageError: there is no size of a name, it is given twice, or the batch is fixed.
        ShapeError: with these sizes, shapes do not fit together.
    """
    if batch not in (None, SYMBOLIC) and (isinstance(batch, (bool, str)) or batch < 1):
        raise UsageError(f"batch={batch!r}: give a number, 1 or more, or {SYMBOLIC!r}")
    if batch is not None and not _open_inputs(graph):
        if batch == next((x.shape[0] for x in graph.inputs if x.shape), None):
            batch = None  # it has that size already
        else:
            with located(None):
                graph = open_batch(graph)
            note(f"the batch was of fixed size: axis 0 of {', '.join(_open_inputs(graph))}")
    if not sizes and batch in (None, SYMBOLIC):
        return graph
    signature = Stages(graph).program.signature
    shown = Sizes(signature)
    values: dict[str, int] = {}
    for name, size in sizes.items():
        _enter(values, shown.symbol(name), size, name)
    if batch not in (None, SYMBOLIC):
        names = _open_inputs(graph)
        for size, name in [(p.type.shape[0], p.name) for p in signature.inputs if p.name in names]:
            if isinstance(size, Node):
                _enter(values, symbol_name(size), int(batch), "of the batch")
            elif size != batch:  # a check in the model says so
                raise UsageError(f"the model takes no other size than {size} for axis 0 of {name}, so no batch of {batch}")
        note(f"batch of {batch}: axis 0 of {', '.join(names)}")
    try:
        with located(None):  # no line of the model gave a number
            return specialise(graph, _in_graph(graph, signature, values))
    except ShapeError as error:
        given = [*(f"{name} = {size}" for name, size in sizes.items()), *([f"batch = {batch}"] if batch is not None else [])]
        raise ShapeError(f"with {', '.join(given)}: {error}") from None


def _open_inputs(graph: Graph) -> list[str]:
    """The inputs whose first axis has no number."""
    return [x.attr("name") for x in graph.inputs if x.shape and isinstance(x.shape[0], Node)]


def _enter(values: dict[str, int], symbol: str, size: int, name: str) -> None:
    if not isinstance(size, int):
        raise UsageError(f"size {name} = {size!r} must be a number")
    if size < 0:
        raise UsageError(f"size {name} = {size} must be 0 or more")
    if values.setdefault(symbol, size) != size:
        raise UsageError(f"size {name} is {size}, but it is {values[symbol]} too")


def _in_graph(graph: Graph, signature, values: Mapping[str, int]) -> dict[Node, int]:
    """The same sizes by the symbols of the graph; those that must be equal are one symbol in a compiled program."""
    found: dict[Node, int] = {}
    for x, param in zip(graph.inputs, signature.inputs):
        for own, compiled in zip(x.shape, param.type.shape):
            if isinstance(own, Node) and own.op == "symbol" and symbol_name(compiled) in values:
                found[own] = values[symbol_name(compiled)]
    return found
