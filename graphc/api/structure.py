"""Nested lists, tuples, named tuples and dictionaries: their leaves in order, and the same structure over other leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from graphc.errors import UsageError, explain


def leaves(structure) -> Iterator:
    """The leaves in TensorFlow's order: dictionaries by sorted keys. None is a leaf."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from leaves(structure[key])
    elif isinstance(structure, (list, tuple)):
        for part in structure:
            yield from leaves(part)
    else:
        yield structure


def pack(structure, values: Iterator):
    """``structure`` with the next of ``values`` in place of every leaf."""
    if isinstance(structure, Mapping):
        found = {key: pack(structure[key], values) for key in sorted(structure)}
        return type(structure)((key, found[key]) for key in structure)
    if isinstance(structure, (list, tuple)):
        parts = [pack(part, values) for part in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return next(values)


def over(function: Callable, structure):
    """``structure`` with ``function(leaf)`` in place of every leaf."""
    return pack(structure, iter([function(leaf) for leaf in leaves(structure)]))


def shape_of(structure):
    """What two structures have in common if their leaves correspond; lists and tuples count as one."""
    if isinstance(structure, Mapping):
        return {key: shape_of(structure[key]) for key in sorted(structure)}
    if isinstance(structure, (list, tuple)):
        return [shape_of(part) for part in structure]
    return None


def expect_same(op: str, what: str, one, other) -> None:
    """Refuse structures whose leaves do not correspond.

    Raises:
        UsageError: naming both.
    """
    if shape_of(one) != shape_of(other):
        raise UsageError(explain(f"{op}: {what} differ in structure, {_shown(one)} and {_shown(other)}"))


def _shown(structure) -> str:
    return str(over(lambda leaf: "*", structure)).replace("'", "")
