"""Public functions of TensorFlow 1 from lib functions: one line per name, with the old names of arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping

from graphc.api import lift as api
from graphc.api.lift import tensors_in, whole
from graphc.api.op import Op
from graphc.api.recorder import recorder_for
from graphc.v1.graph import get_default_graph

REDUCTION = {"reduction_indices": "axis", "keep_dims": "keepdims"}
DIMENSION = {"dimension": "axis", "dim": "axis"}


def op(kind: str, function: Callable, tensors: str = "", name: str | None = None,
       spellings: Mapping | None = None) -> Callable:  # fmt: skip
    """A function that adds an operation to the graph of its operands; see ``graphc.api.op.Op`` for the arguments."""
    public = api.lift(Op(_UNNAMED, kind, function, tensors, name), get_default_graph, spellings)
    public.__module__ = __name__
    return public


_UNNAMED = "op"


def name_functions(namespace: Mapping) -> None:
    """Call the functions that ``op`` made in a module by the names they were assigned to, for help and messages."""
    for name, value in namespace.items():
        if inspect.isfunction(value) and value.__name__ == _UNNAMED and value.__module__ == __name__:
            value.__name__ = value.__qualname__ = name
            value.__module__ = namespace["__name__"]


def construct(
    kind, default_name, function, arguments: Mapping, groups: Mapping, lists: Iterable = (), name=None, effect=None
):
    """The operation ``function(**arguments)``, see ``graphc.api.lift.construct``."""
    graph = graph_of(arguments.values())
    return api.construct(graph, kind, default_name, function, arguments, groups, lists, name, effect)


def random_op(kind: str, default_name: str, function, arguments: Mapping, groups: Mapping, seed, name=None):
    """Like ``construct`` for a lib function that draws: ``function(key, counter, **arguments)``."""
    graph = graph_of(arguments.values())
    key, counter, effect = graph.draw(whole(default_name, "seed", seed))
    return construct(kind, default_name, api.drawn(function, key, counter), arguments, groups, (), name, effect)


def graph_of(values):
    """The graph of the first tensor among the values, or the default one."""
    return recorder_for(tensors_in(values), get_default_graph)
