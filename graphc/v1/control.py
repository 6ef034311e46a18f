"""Order, grouping and scopes: control dependencies, groups, names, devices."""

from __future__ import annotations

from contextlib import nullcontext

from graphc.api import scope as api_scope
from graphc.api.lift import tensors_in
from graphc.api.operators import Composed, Operators
from graphc.api.stream import SEEDS
from graphc.errors import GraphError, UsageError, explain
from graphc.lib import math
from graphc.v1.define import graph_of, whole
from graphc.v1.graph import SEED, get_default_graph
from graphc.v1.mode import executing_eagerly
from graphc.v1.tensor import Operation, Tensor


def _is_of_function() -> bool:
    """Whether a function is traced that is no part of a graph, such as one of the elements of a dataset."""
    return not hasattr(get_default_graph(), "as_default")


def control_dependencies(control_inputs):
    """Operations made inside run after ``control_inputs``; None forgets outer ones."""
    if _is_of_function() or (control_inputs is not None and executing_eagerly()):
        return nullcontext()  # they have run, or run in the order of the program
    return get_default_graph().control_dependencies(control_inputs)


def device(device_name_or_function):
    """Operations made inside are marked with a device."""
    return nullcontext() if _is_of_function() else get_default_graph().device(device_name_or_function)


def colocate_with(op, ignore_existing: bool = False):
    """Operations made inside are where ``op`` is."""
    return nullcontext() if _is_of_function() else get_default_graph().colocate_with(op, ignore_existing)


def container(container_name: str):
    """A name for what stateful operations made inside keep."""
    return nullcontext() if _is_of_function() else get_default_graph().container(container_name)


class name_scope:  # noqa: N801  TensorFlow's name
    """Names inside begin with ``name/`` (``default_name/`` if it is None); ``a/`` is entered again as it is.

    Args:
        name: the scope; None and no ``default_name`` leaves all scopes.
        values: tensors whose graph is meant.

    Raises:
        UsageError: ``values`` are given without any name. GraphError: they belong to several graphs, or a bad name.
    """

    def __init__(self, name, default_name=None, values=None):
        if name is None and default_name is None and values is not None:
            raise UsageError(explain("name_scope: needs name or default_name"))
        if not isinstance(default_name, (str, type(None))):
            what = f"name_scope: default_name must be a string, got {default_name!r}; values is the third argument"
            raise UsageError(explain(what))
        self._name, self._values = default_name if name is None else name, values
        self._open: list = []

    @property
    def name(self) -> str | None:
        """The name that was asked for."""
        return self._name

    def __enter__(self) -> str:
        graph = one_graph("name_scope", self._values or ())
        if _is_of_function():
            self._open.append(())
            return f"{self._name or ''}/".lstrip("/")
        if graph.is_eager:
            get_default_graph().check_name(self._name or "a")
            self._open.append((api_scope.name_scope(self._name or ""),))
            return self._open[-1][0].__enter__()
        blocks = (graph.as_default(), graph.name_scope(self._name))
        blocks[0].__enter__()
        try:
            entered = blocks[1].__enter__()
        except BaseException:
            blocks[0].__exit__(None, None, None)
            raise
        self._open.append(blocks)
        return entered

    def __exit__(self, *error) -> None:
        for block in reversed(self._open.pop()):
            block.__exit__(None, None, None)


def one_graph(what: str, values):
    """The graph of all tensors among the values, or the default one.

    Raises:
        GraphError: they belong to several graphs.
    """
    graph = graph_of(values)
    other = next((t for t in tensors_in(values) if t.graph is not graph and not t.graph.is_eager), None)
    if other is not None:
        raise GraphError(explain(f"{what}: {other.name} belongs to another graph than the other values"))
    return graph


def op_scope(values, name, default_name=None) -> name_scope:
    """The older form of ``name_scope``."""
    return name_scope(name, default_name, values)


def no_op(name=None) -> Operation:
    """An operation that does nothing but run after its control inputs; None in eager mode."""
    if executing_eagerly():
        return None
    graph = get_default_graph()
    return graph.create("NoOp", graph.unique_name(name or "NoOp"))


def group(*inputs, name=None, **kwargs) -> Operation:
    """An operation that runs after all ``inputs`` (Operations, Tensors, Variables, nested lists, None).

    None in eager mode, where they have run.
    """
    flat = _flat(inputs)
    for item in flat:
        if not isinstance(item, (Operators, Operation)):
            raise GraphError(explain(f"group: {item!r} of type {type(item).__name__} is no operation or tensor"))
    graph = graph_of(flat)
    if graph.is_eager:
        return None
    with graph.control_dependencies(None), graph.control_dependencies(flat):
        return graph.create("NoOp", graph.unique_name(name or "group_deps"))


def _flat(items) -> list:
    found = []
    for item in items:
        if isinstance(item, (list, tuple, Composed)):
            found.extend(_flat(item.parts if isinstance(item, Composed) else item))
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
    """The seed of the default graph; operations made later draw numbers that it decides (None: no seed).

    In eager mode the seed of all that is drawn later.
    """
    seed = whole("set_random_seed", "seed", seed)
    if executing_eagerly():
        SEEDS.set(seed)
    else:
        get_default_graph().seed = seed


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The seed of the default graph and that of an operation with ``op_seed``; two Nones if nothing decides."""
    graph, op_seed = get_default_graph(), whole("get_seed", "op_seed", op_seed)
    if graph.seed is None and op_seed is None:
        return None, None
    seeds = SEED if graph.seed is None else graph.seed, graph.num_operations() if op_seed is None else op_seed
    return seeds if seeds != (0, 0) else (0, 2**31 - 1)
