"""Nested lists, tuples, named tuples and dictionaries of values: taking them apart and putting them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping


def flatten(structure) -> list:
    """The values of a structure in order; those of a dictionary by sorted keys."""
    if isinstance(structure, Mapping):
        return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flatten(part)]
    return [structure]


def pack(structure, values: Iterable):
    """The structure with its values replaced, in the order of ``flatten``."""
    return _packed(structure, iter(values))


def map_structure(function: Callable, *structures):
    """The structure of the values that ``function`` makes of the values at the same places."""
    return pack(structures[0], [function(*values) for values in zip(*map(flatten, structures))])


def _packed(structure, values):
    if isinstance(structure, Mapping):
        found = {key: _packed(structure[key], values) for key in _keys(structure)}
        ordered = {key: found[key] for key in structure}
        return ordered if type(structure) is dict else type(structure)(ordered)
    if isinstance(structure, (list, tuple)):
        parts = [_packed(part, values) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return next(values)


def _keys(structure: Mapping) -> list:
    try:
        return sorted(structure)
    except TypeError:
        return list(structure)
