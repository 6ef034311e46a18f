"""Nested lists, tuples, named tuples and dictionaries of values: taking them apart and putting them together.

Sparse and ragged tensors count as structures of their parts, unless ``composites`` is False.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from graphc.api.operators import Composed
from graphc.errors import UsageError, explain


def leaves(structure, composites: bool = True) -> list:
    """The values of a structure in order; those of a dictionary by sorted keys."""
    if isinstance(structure, Mapping):
        return [leaf for key in _keys(structure) for leaf in leaves(structure[key], composites)]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in leaves(part, composites)]
    return list(structure.parts) if composites and isinstance(structure, Composed) else [structure]


def pack(structure, values: Iterable, composites: bool = True):
    """The structure with its values replaced, in the order of ``leaves``."""
    return _packed(structure, iter(values), composites)


def map_structure(function: Callable, *structures, composites: bool = True):
    """The structure of the values that ``function`` makes of the values at the same places."""
    columns = [leaves(s, composites) for s in structures]
    return pack(structures[0], [function(*values) for values in zip(*columns)], composites)


def expect_same(op: str, what: str, one, other, composites: bool = True) -> None:
    """Refuse structures whose values do not correspond; lists and tuples count as one.

    Raises:
        UsageError: naming both.
    """
    if _outline(one, composites) != _outline(other, composites):
        shown = [str(map_structure(lambda leaf: "*", s, composites=False)).replace("'", "") for s in (one, other)]
        raise UsageError(explain(f"{op}: {what} differ in structure, {shown[0]} and {shown[1]}"))


def _outline(structure, composites: bool):
    if isinstance(structure, Mapping):
        return {key: _outline(part, composites) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_outline(part, composites) for part in structure]
    return (type(structure), len(structure.parts)) if composites and isinstance(structure, Composed) else None


def _packed(structure, values, composites: bool):
    if isinstance(structure, Mapping):
        found = {key: _packed(structure[key], values, composites) for key in _keys(structure)}
        ordered = {key: found[key] for key in structure}
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, ordered)
        return ordered if type(structure) is dict else type(structure)(ordered)
    if isinstance(structure, (list, tuple)):
        parts = [_packed(part, values, composites) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    if composites and isinstance(structure, Composed):
        parts = [next(values) for _ in structure.parts]
        known = [own if found is None else found for own, found in zip(structure.parts, parts)]
        return None if all(p is None for p in parts) else structure.rebuilt(known)
    return next(values)


def _keys(structure: Mapping) -> list:
    try:
        return sorted(structure)
    except TypeError:
        return list(structure)
