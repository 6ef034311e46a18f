"""What an object holds for a checkpoint: its variables, and the objects, lists and dicts that lead to variables."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from graphc.api.operators import Operators
from graphc.api.variable import Variable
from graphc.errors import UsageError, explain

_LEAVES = (str, bytes, int, float, complex, bool, type(None), type, np.ndarray, np.generic, types.ModuleType,
           types.FunctionType, types.BuiltinFunctionType, types.MethodType)  # fmt: skip


def children(value) -> dict[str, object]:
    """What is directly inside of an object and may hold variables, by name.

    Raises:
        UsageError: it holds a variable of a graph.
    """
    if isinstance(value, (Variable, *_LEAVES)):
        return {}
    if isinstance(value, Operators):
        if hasattr(value, "initializer"):
            what = f"Checkpoint: {value.name} is a variable of a graph, with values in sessions; use tf.train.Saver"
            raise UsageError(explain(what))
        return {}
    if isinstance(value, (list, tuple)):
        inside = {str(k): v for k, v in enumerate(value)}
    elif isinstance(value, Mapping):
        inside = {k: v for k, v in value.items() if isinstance(k, str)}
    else:
        own = getattr(value, "_checkpoint_children", None)
        inside = own() if callable(own) else dict(getattr(value, "__dict__", {}))
    return {name: v for name, v in inside.items() if not isinstance(v, _LEAVES)}


def walk(root_children: Mapping[str, object]) -> tuple[list, list[dict[str, int]], list[str]]:
    """The objects that lead to variables, breadth first.

    Args:
        root_children: what is directly inside of the root, which is number 0.

    Returns:
        The objects (None for the root), for each the numbers of what is inside by name, and the first way to each as
        it stands in a checkpoint, such as ``model/layers/0``.
    """
    objects, links, paths = [None], [{}], [""]
    numbers: dict[int, int] = {}
    kept = leading_to(Variable, root_children.values(), children)
    waiting = deque([(0, root_children)])
    while waiting:
        at, inside = waiting.popleft()
        for name, value in inside.items():
            if id(value) not in kept:
                continue
            if id(value) not in numbers:
                numbers[id(value)] = len(objects)
                objects.append(value)
                links.append({})
                paths.append(f"{paths[at]}/{escaped(name)}" if at else escaped(name))
                waiting.append((numbers[id(value)], children(value)))
            links[at][name] = numbers[id(value)]
    return objects, links, paths


def leading_to(kinds, roots: Iterable, inside_of: Callable[[object], Mapping[str, object]]) -> set[int]:
    """The ids of the objects from which one of these classes can be reached, and of those.

    Args:
        roots: where the search begins.
        inside_of: what is directly inside of an object, by name.
    """
    users: dict[int, list[int]] = {}
    ends, seen, waiting = [], {}, list(roots)
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, kinds):
            ends.append(id(value))
        for inner in inside_of(value).values():
            users.setdefault(id(inner), []).append(id(value))
            waiting.append(inner)
    found: set[int] = set()
    while ends:
        key = ends.pop()
        if key not in found:
            found.add(key)
            ends.extend(users.get(key, ()))
    return found


def variables_of(root_children: Mapping[str, object]) -> Iterator[Variable]:
    """The variables that can be reached."""
    return (v for v in walk(root_children)[0] if isinstance(v, Variable))


def escaped(name: str) -> str:
    """A name as a part of a way: slashes stand between the parts."""
    return name.replace(".", "..").replace("/", ".S")
