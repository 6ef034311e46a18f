"""Which row of the catalogue a lib function belongs to, and the row of a name in a file."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from graphc.api.call import Call
from graphc.api.lift import recorded
from graphc.api.namespaces import catalogue
from graphc.api.op import Op
from graphc.api.operators import getitem
from graphc.errors import FormatError, explain

GETITEM = Op("getitem", "StridedSlice", getitem, "*nodes", "strided_slice")


@functools.lru_cache(None)
def _rows() -> dict[str, Op]:
    rows = {entry.names.split()[0]: entry for entry in catalogue().values() if isinstance(entry, Op)}
    return rows | {"getitem": GETITEM}


@functools.lru_cache(None)
def _names() -> dict[Callable, str]:
    found: dict[Callable, str] = {}
    for name, row in _rows().items():
        found.setdefault(row.function, name)
    return found


def name_of(function: Callable) -> str | None:
    """The name of the row that a lib function belongs to."""
    return _names().get(function)


def function_of(name: str) -> Callable:
    """The lib function of the row of this name.

    Raises:
        FormatError: there is none here.
    """
    if name not in _rows():
        raise FormatError(explain(f"there is no operation {name!r} in this version"))
    return _rows()[name].function


def call_of(build: Callable | None, count: int) -> Call | None:
    """What made an operation of ``count`` operands with this ``build``; None if it is not known."""
    made = getattr(build, "call", None)
    if made is not None or build is None or name_of(build) is None:
        return made
    parameters = list(inspect.signature(build).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) or len(parameters) < count:
        return None
    places = {p.name: k for k, p in enumerate(parameters[:count])}
    static = {p.name: p.default for p in parameters[count:]}
    return None if inspect.Parameter.empty in static.values() else Call(build, places, static)


def repeat(recorder, row_name: str, kind: str, places: dict, static: dict, operands: list, name: str):
    """Record what a Call did before, with other operands.

    Raises:
        FormatError: there is no such row here.
    """
    row = _rows().get(row_name)
    if row is None or row.random:
        raise FormatError(explain(f"{name}: there is no operation {row_name!r} in this version"))
    arguments = {
        key: [None if p is None else operands[p] for p in at] if isinstance(at, list) else operands[at]
        for key, at in places.items()
    }
    if row is GETITEM:
        nodes = arguments["nodes"]
        template = static["template"]

        def build(*given):
            return getitem(given, template)

        build.call = Call(getitem, places, static)
        return recorder.call(kind, kind, build, nodes, ["index"] * len(nodes), name, alike=False)
    parameters = inspect.signature(row.function).parameters.values()
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    return recorded(row, recorder, {**static, **arguments}, name, None, rest, kind)
