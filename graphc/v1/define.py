"""From a lib function to a graph-building function: one line per public name, with TensorFlow's names and arguments."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable, Mapping

from graphc.errors import UsageError, explain
from graphc.v1.graph import get_default_graph
from graphc.v1.operators import Operators
from graphc.v1.tensor import Random
from graphc.v1.trace import counter_node

REDUCTION = {"reduction_indices": "axis", "keep_dims": "keepdims"}
DIMENSION = {"dimension": "axis", "dim": "axis"}


def op(kind: str, function: Callable, tensors: str = "", name: str | None = None, spellings: Mapping | None = None,
       many: bool = False) -> Callable:  # fmt: skip
    """A function that adds an operation to the graph of its operands.

    Args:
        kind: TensorFlow's operation type, also the default name unless ``name`` is given.
        function: the lib function; its arguments become the public ones, followed by ``name``.
        tensors: names of the arguments that are tensors; ``*values`` is a list of tensors; literals adopt the dtype
            of the first tensor, within the groups that ``|`` separates.
        spellings: old names of arguments.
        many: the answer is a list, also where it has one element.
    """
    groups = {n.lstrip("*"): g for g, part in enumerate(tensors.split("|")) for n in part.split()}
    lists = {n[1:] for n in tensors.split() if n.startswith("*")}
    signature = _public_signature(function)
    spellings = dict(spellings or {})

    def public(*args, **kwargs):
        for old in spellings.keys() & kwargs.keys():
            value = kwargs.pop(old)
            if value is not None:
                kwargs[spellings[old]] = value
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(explain(f"{public.__name__}: {error}")) from None
        bound.apply_defaults()
        arguments = bound.arguments
        op_name = arguments.pop("name", None)
        out = construct(kind, name or kind, function, arguments, groups, lists, op_name)
        return [out] if many and not isinstance(out, list) else out

    public.__signature__ = signature
    public.__doc__ = function.__doc__
    public.__name__ = public.__qualname__ = _UNNAMED
    return public


_UNNAMED = "op"


def name_functions(namespace: Mapping) -> None:
    """Call the functions that ``op`` made in a module by the names they were assigned to, for help and messages."""
    for name, value in namespace.items():
        if inspect.isfunction(value) and value.__name__ == _UNNAMED and value.__module__ == __name__:
            value.__name__ = value.__qualname__ = name
            value.__module__ = namespace["__name__"]


def _public_signature(function) -> inspect.Signature:
    own = inspect.signature(function)
    label = inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    return own.replace(parameters=[*own.parameters.values(), label], return_annotation=own.empty)


def construct(
    kind, default_name, function, arguments: Mapping, groups: Mapping, lists: Iterable = (), name=None, effect=None
):
    """The operation ``function(**arguments)``: tensors among the arguments become its operands.

    Arguments in ``groups`` are always operands; others are if they are tensors or lists with tensors in them.
    """
    operands, labels, numbers, places, static = [], [], [], {}, {}

    def place(value, label, group) -> int:
        operands.append(value)
        labels.append(label)
        numbers.append(group)
        return len(operands) - 1

    for key, value in arguments.items():
        if key in lists and isinstance(value, (list, tuple)):
            if not value:
                raise UsageError(explain(f"{default_name}: {key} is empty"))
            places[key] = [place(v, f"{key}_{k}", groups[key]) for k, v in enumerate(value)]
        elif (key in groups and value is not None) or holds_tensor(value):
            places[key] = place(value, key, groups.get(key, f"own {key}"))
        else:
            static[key] = value

    def build(*nodes):
        found = {k: [nodes[p] for p in at] if isinstance(at, list) else nodes[at] for k, at in places.items()}
        return function(**static, **found)

    graph = graph_of(operands)
    return graph.call(kind, default_name, build, operands, labels, name, groups=numbers, effect=effect)


def random_op(kind: str, default_name: str, function, arguments: Mapping, groups: Mapping, seed, name=None):
    """Like ``construct`` for a lib function that draws: ``function(key, counter, **arguments)``."""
    graph = graph_of([v for v in arguments.values() if isinstance(v, Operators)])
    key, seeded = graph.stream(whole(default_name, "seed", seed))
    counter = counter_node(seeded)

    def drawn(**arguments):
        return function(key, counter, **arguments)

    return construct(kind, default_name, drawn, arguments, groups, (), name, Random(seeded))


def whole(op_name: str, name: str, value) -> int | None:
    """An argument that must be an int, or None.

    Raises:
        UsageError: it is something else.
    """
    if value is None:
        return None
    try:
        return operator.index(value)
    except TypeError:
        raise UsageError(explain(f"{op_name}: {name} must be an int, got {value!r}")) from None


def graph_of(values):
    """The graph of the first tensor among the values, or the default one."""
    return next((v.graph for v in values if isinstance(v, Operators)), None) or get_default_graph()


def holds_tensor(value) -> bool:
    """True for a tensor, a variable, or a list with one in it."""
    if isinstance(value, (list, tuple)):
        return any(holds_tensor(v) for v in value)
    return isinstance(value, Operators)
