"""Order, grouping and scopes: control dependencies, groups, names, devices."""

from __future__ import annotations

from contextlib import contextmanager

from graphc.errors import GraphError, explain
from graphc.lib import math
from graphc.v1.define import graph_of, whole
from graphc.v1.graph import get_default_graph
from graphc.api.operators import Operators
from graphc.v1.tensor import Operation, Tensor


def control_dependencies(control_inputs):
    """Operations made inside run after ``control_inputs``; None forgets outer ones."""
    return get_default_graph().control_dependencies(control_inputs)


def device(device_name_or_function):
    """Operations made inside are marked with a device."""
    return get_default_graph().device(device_name_or_function)


@contextmanager
def name_scope(name, default_name=None, values=None):
    """Names inside begin with ``name/`` (``default_name/`` if it is None)."""
    graph = graph_of(values or [])
    with graph.as_default(), graph.name_scope(name if name is not None else default_name) as scope:
        yield scope


def op_scope(values, name, default_name=None):
    """The older form of ``name_scope``."""
    return name_scope(name, default_name, values)


def no_op(name=None) -> Operation:
    """An operation that does nothing but run after its control inputs."""
    graph = get_default_graph()
    return graph.create("NoOp", graph.unique_name(name or "NoOp"))


def group(*inputs, name=None, **kwargs) -> Operation:
    """An operation that runs after all ``inputs`` (Operations, Tensors, Variables, nested lists, None)."""
    flat = _flat(inputs)
    for item in flat:
        if not isinstance(item, (Operators, Operation)):
            raise GraphError(explain(f"group: {item!r} of type {type(item).__name__} is no operation or tensor"))
    graph = flat[0].graph if flat else get_default_graph()
    with graph.control_dependencies(None), graph.control_dependencies(flat):
        return graph.create("NoOp", graph.unique_name(name or "group_deps"))


def _flat(items) -> list:
    found = []
    for item in items:
        if isinstance(item, (list, tuple)):
            found.extend(_flat(item))
        elif item is not None:
            found.append(item)
    return found


def tuple_of(tensors, name=None, control_inputs=None) -> list[Tensor | None]:
    """The tensors, each known only when all of them are; None stays None."""
    if not isinstance(tensors, (list, tuple)):
        raise GraphError(explain(f"tuple: needs a list of tensors, got {tensors!r}"))
    present = [t for t in tensors if t is not None]
    graph = graph_of([t for t in present if isinstance(t, Operators)])
    with graph.name_scope(name or "tuple"):
        gate = [graph.as_graph_element(t) for t in present] + list(control_inputs or ())
        with graph.control_dependencies(gate):
            return [None if t is None else _gated(graph, t) for t in tensors]


def _gated(graph, value):
    if isinstance(value, Operation):
        return value
    return graph.call("Identity", "control_dependency", math.identity, (value,), ("input",))


def with_dependencies(dependencies, output_tensor, name=None) -> Tensor:
    """``output_tensor``, known only after the dependencies ran."""
    graph = output_tensor.graph
    with graph.control_dependencies(dependencies):
        return graph.call("Identity", name or "control_dependency", math.identity, (output_tensor,), ("input",))


def add_to_collection(name, value) -> None:
    """Add to a collection of the default graph."""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names, value) -> None:
    """Add to several collections of the default graph."""
    get_default_graph().add_to_collections(names, value)


def get_collection(key, scope=None) -> list:
    """A collection of the default graph."""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key) -> list:
    """A collection of the default graph as the list itself."""
    return get_default_graph().get_collection_ref(key)


def set_random_seed(seed: int) -> None:
    """The seed of the default graph; operations made later draw numbers that it decides (None: no seed)."""
    get_default_graph().seed = whole("set_random_seed", "seed", seed)
