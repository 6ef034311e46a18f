"""The catalogue under TensorFlow 1's names, recorded into the default graph."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields

from graphc.api.lift import lift
from graphc.api.namespaces import Names, catalogue
from graphc.api.op import Op
from graphc.api.recorder import RECORDERS
from graphc.api.spelling import respelled
from graphc.v1.absent import missing
from graphc.v1.mode import default_recorder
from graphc.v1.sparse_feeds import OLD_NAMES
from graphc.v1.spellings import MOVED, RENAMED, RESPELLED, ROWS

_V1 = "compat.v1."


@dataclass(frozen=True, eq=False)
class OldOp(Op):
    """A row of the catalogue under another name.

    Attributes:
        shown: what its function is called.
    """

    shown: str = ""


def old_catalogue() -> dict[str, object]:
    """TensorFlow 1's public names -> row, function or value."""
    entries = catalogue()
    found = {name: entry for name, entry in entries.items() if not name.startswith(_V1)}
    for row in ROWS:
        found.update(dict.fromkeys(row.names.split(), row))
    for space, names in MOVED.items():
        found.update((name, entries[f"{space}.{name}"]) for name in names.split() if f"{space}.{name}" in entries)
    found.update((name, entries[new]) for name, new in RENAMED.items() if new in entries)
    for old in RESPELLED:
        if old.of in entries:
            found.update(dict.fromkeys(old.names.split(), _respelled(old, entries[old.of])))
    found.update((name.removeprefix(_V1), entry) for name, entry in entries.items() if name.startswith(_V1))
    return found


def _respelled(old, entry):
    if not isinstance(entry, Op):
        return respelled(entry, old.arguments)
    values = {f.name: getattr(entry, f.name) for f in fields(Op)}
    values |= {"arguments": old.arguments, "label": old.label or entry.label}
    return OldOp(**values, shown=old.names.split()[0].rpartition(".")[2])


def lift_old(row: Op, fallback: Callable) -> Callable:
    """``graphc.api.lift.lift`` for a row under its old name."""
    public = lift(row, fallback)
    if isinstance(row, OldOp):
        public.__name__ = public.__qualname__ = row.shown
    return public


def in_default_graph(function: Callable) -> Callable:
    """A function of the catalogue that is no row: what it makes of literals goes into the default graph, too."""

    @functools.wraps(function)
    def public(*args, **kwargs):
        if RECORDERS.top is not None:
            return function(*args, **kwargs)
        with RECORDERS.entering(default_recorder()):
            return function(*args, **kwargs)

    return public


def _entries() -> dict[str, object]:
    entries = {**old_catalogue(), **OLD_NAMES}
    return {name: in_default_graph(e) if inspect.isfunction(e) else e for name, e in entries.items()}


SHARED = Names("graphc.v1", default_recorder, _entries(), lift_old, missing)


def members_of(namespace: str) -> Callable:
    """The ``__getattr__`` of a module such as ``graphc.v1.math``: names that it does not define are the catalogue's."""
    where = f"graphc.v1.{namespace}" if namespace else "graphc.v1"

    def member(name: str):
        if name.startswith("__"):
            raise AttributeError(f"module {where!r} has no attribute {name!r}")
        try:
            return SHARED.get(f"{namespace}.{name}" if namespace else name)
        except AttributeError:
            raise missing(namespace, name, [*vars(sys.modules[where]), *SHARED.below(namespace)]) from None

    return member


def listed(namespace: str, own: list[str]) -> Callable:
    """The ``__dir__`` of such a module; ``own``: the names that it defines."""
    return lambda: sorted({*own, *SHARED.below(namespace)})
