"""``tf.nest``: nested lists, tuples and dictionaries taken apart and put together.

With ``expand_composites`` sparse and ragged tensors are taken apart too.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.api import structure as structures
from graphc.errors import DtypeError, UsageError, explain


def is_nested(structure) -> bool:
    """Whether it is a list, a tuple or a dictionary."""
    return isinstance(structure, (list, tuple, Mapping))


def flatten(structure, expand_composites=False) -> list:
    """The values of a structure in order; those of a dictionary by sorted keys."""
    return structures.leaves(structure, expand_composites)


def pack_sequence_as(structure, flat_sequence, expand_composites=False):
    """The structure with these values in place of its own.

    Raises:
        UsageError: there are too few or too many values.
    """
    values, wanted = list(flat_sequence), len(structures.leaves(structure, expand_composites))
    if len(values) != wanted:
        raise UsageError(explain(f"pack_sequence_as: the structure has {wanted} values, got {len(values)}"))
    return structures.pack(structure, values, expand_composites)


def map_structure(func, *structure, **kwargs):
    """The structure of what ``func`` makes of the values at the same places of the structures.

    Raises:
        UsageError: no structure is given, they differ, or another keyword than ``check_types`` is given.
    """
    unknown = kwargs.keys() - {"check_types", "expand_composites"}
    if unknown or not structure:
        what = f"unknown argument {', '.join(sorted(unknown))}" if unknown else "needs a structure"
        raise UsageError(explain(f"map_structure: {what}"))
    apart = bool(kwargs.get("expand_composites"))
    for other in structure[1:]:
        structures.expect_same("map_structure", "the structures", structure[0], other, apart)
    return structures.map_structure(func, *structure, composites=apart)


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False) -> None:
    """Refuse structures that differ; with ``check_types`` also where one has a list and the other a tuple.

    Raises:
        UsageError: they differ. DtypeError: they have the same outline, in other types.
    """
    structures.expect_same("assert_same_structure", "the structures", nest1, nest2, expand_composites)
    if check_types and _types(nest1) != _types(nest2):
        raise DtypeError(explain("assert_same_structure: lists, tuples or dictionaries differ in type"))


def _types(structure):
    if isinstance(structure, Mapping):
        return type(structure), {key: _types(part) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure), [_types(part) for part in structure]
    return None
