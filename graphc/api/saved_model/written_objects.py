"""The objects of a program as those of a SavedModel: which there are, and what is inside of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from graphc.api.checkpoint.trackable import children, escaped, leading_to
from graphc.api.function.function import Function as TracedFunction
from graphc.api.operators import Operators
from graphc.api.saved_model.exported import TRACED
from graphc.api.saved_model.function import ConcreteFunction, Function, Signatures
from graphc.api.saved_model.objects import Asset
from graphc.api.variable import Variable

_KEPT = (Variable, Function, ConcreteFunction, Asset, *TRACED)
_LEAVES = (*_KEPT, Signatures)


def inside_of(value) -> dict[str, object]:
    """What is directly inside of an object, by name.

    Raises:
        UsageError: it holds a variable of a graph.
    """
    if isinstance(value, (*_LEAVES, Operators)):
        return {}
    found = {**functions_of(value), **children(value)}
    return {name: v for name, v in found.items() if not isinstance(v, Signatures) and not callable_only(v)}


def functions_of(value) -> dict[str, TracedFunction]:
    """The methods of an object that are functions which are traced, by name."""
    names = {name for cls in type(value).__mro__ for name, v in vars(cls).items() if isinstance(v, TracedFunction)}
    found = {name: getattr(value, name) for name in sorted(names)}
    return {name: v for name, v in found.items() if isinstance(v, TracedFunction)}


def callable_only(value) -> bool:
    """Whether it is a function of Python that is bound or wrapped: it has no form in a SavedModel."""
    return callable(value) and not isinstance(value, _KEPT) and not getattr(value, "__dict__", None)


class ObjectGraph:
    """Numbered objects and their links.

    Attributes:
        objects: the root first, then breadth first; numbers by id in ``numbers``.
        links: for each the numbers of what is inside by name.
        paths: for each the way to it from the root, as in checkpoints.
    """

    def __init__(self, root):
        self.objects: list = []
        self.numbers: dict[int, int] = {}
        self.links: list[dict[str, int]] = []
        self.paths: list[str] = []
        kept = leading_to(_KEPT, [root], inside_of)
        waiting = deque([self.add(root, "")])
        while waiting:
            at = waiting.popleft()
            for name, value in inside_of(self.objects[at]).items():
                if id(value) not in kept:
                    continue
                if id(value) not in self.numbers:
                    waiting.append(self.add(value, self.path(at, name)))
                self.links[at][name] = self.numbers[id(value)]

    def add(self, value, path: str) -> int:
        """A new object; its number."""
        number = len(self.objects)
        self.objects.append(value)
        self.numbers[id(value)] = number
        self.links.append({})
        self.paths.append(path)
        return number

    def replace(self, number: int, value) -> None:
        """Put another object in the place of one."""
        self.objects[number] = value
        self.numbers.setdefault(id(value), number)

    def child(self, at: int, name: str, value) -> int:
        """An object inside of another, added if it is new; its number."""
        number = self.numbers.get(id(value))
        if number is None:
            number = self.add(value, self.path(at, name))
        self.links[at][name] = number
        return number

    def path(self, at: int, name: str) -> str:
        """The way to what is inside of an object."""
        return f"{self.paths[at]}/{escaped(name)}" if self.paths[at] else escaped(name)


def identifier_of(value) -> str:
    """How TensorFlow calls the kind of an object."""
    if isinstance(value, Signatures):
        return "signature_map"
    if isinstance(value, tuple):
        return "trackable_tuple_wrapper"
    if isinstance(value, list):
        return "trackable_list_wrapper"
    return "trackable_dict_wrapper" if isinstance(value, Mapping) else "_generic_user_object"
