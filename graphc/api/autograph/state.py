"""The variables of a function that is being traced, in the closures of the functions that were made of its parts."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

import numpy as np

from graphc.api.autograph.jumps import VALUE
from graphc.api.autograph.scopes import CONTENT
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.structure import expect_same, leaves
from graphc.api.tensor import EagerTensor
from graphc.api.tensor_array import TensorArray
from graphc.errors import UsageError, explain

NUMBERS = (bool, int, float, complex, np.generic, np.ndarray)


class Undefined:
    """What a variable holds that was given no value."""

    def __repr__(self):
        return "undefined"


UNDEFINED = Undefined()
_ROOT, _PART = re.compile(r"\w+"), re.compile(r"\.(\w+)|\[(.*?)\]")


class Variables:
    """Some variables of a function by their names.

    Args:
        functions: made of its parts; they have these variables in their closures.
    """

    def __init__(self, names: Sequence[str], *functions: Callable):
        cells = {}
        for function in functions:
            cells.update(zip(function.__code__.co_freevars, function.__closure__ or ()))
        outside = functions[0].__globals__ if functions else {}
        found = {n: _place(n, cells, outside) for n in names}
        self.names = [n for n in names if found[n] is not None]
        self.cells = [found[n] for n in self.names]
        self.lists = [(n, c.cell_contents) for n, c in cells.items() if type(_content(c)) is list]

    def read(self) -> list:
        """Their values, ``UNDEFINED`` where there is none."""
        return [_content(cell) for cell in self.cells]

    def write(self, values: Sequence) -> None:
        """Give them values."""
        for cell, value in zip(self.cells, values):
            if value is not UNDEFINED:
                cell.cell_contents = value
            elif _content(cell) is not UNDEFINED:
                del cell.cell_contents

    def sizes(self) -> list[int]:
        """How many elements Python's lists have that the functions see."""
        return [len(held) for _, held in self.lists]

    def expect_sizes(self, before: list[int], construct: str) -> None:
        """Refuse lists that have been changed while a function was traced.

        Raises:
            UsageError: naming one; it has its elements of before again.
        """
        for (name, held), count in zip(self.lists, before):
            if any(recorder_of(leaf) is not None for leaf in leaves(held[count:])):
                del held[count:]
                raise _resized(construct, name, held, "is appended to")


def _resized(construct: str, name: str, held, does: str) -> UsageError:
    what = f"{construct}: the Python {type(held).__name__} '{name}' {does}, which a graph cannot do"
    return UsageError(explain(f"{what}; use tf.TensorArray, or loop over a Python range"))


def _place(name: str, cells: dict, outside: dict):
    """A variable, or a place in what it holds, as a cell; None if there is no such place.

    Args:
        name: as ``count``, ``self.count``, ``state['h']`` or ``rows[...]``.
        outside: the global variables.
    """
    root, parts = _ROOT.match(name)[0], [m.groups() for m in _PART.finditer(name)]
    cell = cells.get(root) or _Item(outside, root)
    for attribute, key in parts:
        held = _content(cell)
        if held is UNDEFINED or isinstance(held, (Operators, np.ndarray)):
            return None
        if attribute:
            cell = _Attribute(held, attribute)
        elif key == "...":
            cell = _Content(held) if isinstance(held, (list, dict)) else None
        else:
            cell = _Item(held, ast.literal_eval(key)) if isinstance(held, (list, dict)) else None
        if cell is None:
            return None
    return cell


class _Attribute:
    """An attribute of an object."""

    def __init__(self, held, name: str):
        self._object, self._name = held, name

    @property
    def cell_contents(self):
        try:
            return getattr(self._object, self._name)
        except AttributeError:
            raise ValueError(self._name) from None  # as of an empty cell

    @cell_contents.setter
    def cell_contents(self, value):
        if value is not _content(self):
            setattr(self._object, self._name, value)

    @cell_contents.deleter
    def cell_contents(self):
        delattr(self._object, self._name)


class _Item:
    """An element of a list or dictionary."""

    def __init__(self, held, key):
        self._held, self._key = held, key

    @property
    def cell_contents(self):
        try:
            return self._held[self._key]
        except (KeyError, IndexError):
            raise ValueError(self._key) from None

    @cell_contents.setter
    def cell_contents(self, value):
        self._held[self._key] = value

    @cell_contents.deleter
    def cell_contents(self):
        del self._held[self._key]


class _Content:
    """All that a list or dictionary holds."""

    def __init__(self, held):
        self._held = held

    @property
    def cell_contents(self):
        return self._held.copy()

    @cell_contents.setter
    def cell_contents(self, value):
        if isinstance(self._held, list):
            self._held[:] = value
        else:
            self._held.clear()
            self._held.update(value)


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return UNDEFINED


def called(name: str) -> str:
    """What messages call a variable."""
    if name == VALUE:
        return "the value that the function returns"
    return name if " " in name else f"'{name.removesuffix(CONTENT)}'"


def recorder_of(value):
    """The recorder that ``value`` belongs to if it has no value yet, else None."""
    if not isinstance(value, Operators) or isinstance(value, EagerTensor):
        return None
    top = RECORDERS.top
    if top is not None and top.captures:
        return top
    graph = getattr(value, "graph", None)
    return None if graph is None or graph.is_eager else graph


def fitting(name: str, construct: str, one, other) -> tuple[list, list]:
    """The leaves of two values of a variable.

    Raises:
        UsageError: their structures differ.
    """
    if name.endswith(CONTENT) and len(one) != len(other):
        raise _resized(construct, name.removesuffix(CONTENT), one, "changes its length")
    if type(one) is not type(other) and (_is_nested(one) or _is_nested(other)):
        what = f"{called(name)} must have the same nested structure, it is {_shown(one)} and {_shown(other)}"
        raise UsageError(explain(f"{construct}: {what}"))
    expect_same(construct, f"the values of {called(name)}", one, other)
    return leaves(one), leaves(other)


def is_value(leaf) -> bool:
    """Whether a leaf can be a tensor."""
    return isinstance(leaf, (Operators, *NUMBERS, TensorArray))


def is_same(one, other) -> bool:
    """Whether two leaves are one Python value, which may stay as it is."""
    if one is other:
        return True
    return type(one) is type(other) and not isinstance(one, (Operators, np.ndarray, TensorArray)) and _equal(one, other)


def _equal(one, other) -> bool:
    try:
        return bool(one == other)
    except Exception:  # classes may say anything when they are compared
        return False


def _is_nested(value) -> bool:
    return isinstance(value, (list, tuple, dict))


def described(value) -> str:
    """A leaf as messages show it."""
    if isinstance(value, Operators):
        return f"a tensor of {value.dtype.name}{list(value.shape) if value.shape.rank is not None else ''}"
    return repr(value) if isinstance(value, (bool, int, float, str, type(None))) else type(value).__name__


def _shown(value) -> str:
    return f"a {type(value).__name__} of {len(value)}" if _is_nested(value) else described(value)
