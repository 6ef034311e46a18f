"""Values between a session's variables and a checkpoint: all of them, or none and a message that says why."""

from __future__ import annotations

import difflib
import heapq
import math
import os
import re

import numpy as np

from graphc.api.checkpoint.object_graph import keys_by_full_name
from graphc.errors import DtypeError, GraphError, NotFoundError, ShapeError, StateError, UsageError, explain
from graphc.formats.bundle import BundleReader
from graphc.formats.bundle_writer import BundleWriter
from graphc.v1.runner import PLANNING
from graphc.v1.saving.saveables import Saveable
from graphc.v1.session import Session

_SHOWN = 20  # variables that a message lists
_COMPARED = 50  # names that are compared closely with one that is missing


def session_of(op: str, sess, saveables: list[Saveable]) -> Session:
    """The open session that is meant by a session, or by what wraps one, with the graph of the variables.

    Raises:
        UsageError: it is none. StateError: it is closed. GraphError: it is of another graph.
    """
    while not isinstance(sess, Session):
        inner = getattr(sess, "raw_session", None)
        if inner is None:
            raise UsageError(explain(f"{op}: sess must be a tf.Session, got {sess!r}"))
        sess = inner() if callable(inner) else inner
    if sess.is_closed:
        raise StateError(explain(f"{op}: the session is closed"))
    for s in saveables:
        if s.variable.graph is not sess.graph:
            made = [(s.variable.op.name, f"is variable   {s.variable.op.location}")]
            what = f"{op}: variable {s.variable.op.name} belongs to another graph than the session"
            raise GraphError(explain(what, made))
    return sess


def write_values(session: Session, saveables: list[Saveable], prefix: str) -> None:
    """Write a checkpoint.

    Raises:
        StateError: variables are not initialised; the message names them all.
        ResourceExhaustedError and others: see BundleWriter.
    """
    state = session.state
    missing = [s.variable for s in saveables if not state.is_initialised(s.variable)]
    if missing:
        names = ", ".join(v.op.name for v in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        made = [(v.op.name, f"is variable {v.op.name}   {v.op.location}") for v in missing[:_SHOWN]]
        what = f"save: uninitialised {'variables' if len(missing) > 1 else 'variable'} {names}{more}"
        raise StateError(explain(f"{what}; run the initializer first, or leave them out of var_list", made))
    with BundleWriter(prefix) as writer:
        hold = state.turn.hold(True)
        try:
            hold.enter()
            for s in saveables:
                writer.add(s.name, state.value(s.variable), s.part, s.full_shape)
        finally:
            hold.leave()


def read_values(session: Session, saveables: list[Saveable], prefix, reshape: bool) -> None:
    """Give variables their values of a checkpoint and mark them initialised; none where any does not fit.

    Raises:
        NotFoundError, ShapeError, DtypeError: variables are not in the checkpoint, or are otherwise there; the message
            says it of all of them. DataLossError: the checkpoint is damaged. UsageError: ``prefix`` is none.
    """
    reader = BundleReader(prefix)
    names = matched(reader, saveables, reshape)
    for name in dict.fromkeys(names):
        reader.verify(name)
    state = session.state
    with PLANNING:
        arrays = [state.array(s.variable) for s in saveables]
    hold = state.turn.hold(False)
    try:
        hold.enter()
        for name, s, array in zip(names, saveables, arrays):
            stored = reader.entry(name).shape
            whole = array if isinstance(array, np.ndarray) else array.copied()
            target = whole.reshape(stored) if s.part is None and array.shape != stored else whole
            reader.copy_to(name, target, s.part)
            if whole is not array:
                array.put(whole)
        state.mark_initialised([s.variable for s in saveables])
    finally:
        hold.leave()


def matched(reader: BundleReader, saveables: list[Saveable], reshape: bool = False) -> list[str]:
    """The name in the checkpoint of each of the variables.

    Raises:
        NotFoundError, ShapeError, DtypeError: some are not there, or are otherwise there.
    """
    full_names = {} if all(s.name in reader.entries for s in saveables) else keys_by_full_name(reader)
    names, wrong, kinds = [], [], set()
    for s in saveables:
        name = s.name if s.name in reader.entries else full_names.get(s.name, s.name)
        names.append(name)
        found = _difference(reader, name, s, reshape, len(wrong) < _SHOWN)
        if found is not None:
            kinds.add(found[0])
            wrong.append((s.variable.op.name, f"{found[1]}   {s.variable.op.location}"))
    if wrong:
        hidden = [("...", f"and {len(wrong) - _SHOWN} more")] if len(wrong) > _SHOWN else []
        count = f"{len(wrong)} of the {len(saveables)} variables" if len(saveables) > 1 else "the variable"
        what = f"restore: checkpoint {reader.prefix!r} does not fit {count}; nothing was restored"
        kind = next(k for k in (NotFoundError, ShapeError, DtypeError) if k in kinds)
        raise kind(explain(what, wrong[:_SHOWN] + hidden))
    return names


def _difference(reader: BundleReader, name: str, s: Saveable, reshape: bool, hint: bool) -> tuple[type, str] | None:
    """The kind of error and the words for a variable that the checkpoint does not have as it is, else None."""
    if name not in reader.entries:
        close = closest(name, list(reader.entries)) if hint else ()  # slow, and only some are shown
        there = f"the closest names there: {', '.join(close)}" if close else f"there are {len(reader.entries)} tensors"
        known = "" if name == s.variable.op.name else f" under the name {name!r}"
        return NotFoundError, f"is not in the checkpoint{known}; {there}"
    entry, variable = reader.entries[name], s.variable
    own = tuple(variable.type.shape)
    wanted = own if s.part is None else s.full_shape
    if entry.number != variable.dtype.as_datatype_enum:
        return DtypeError, _otherwise(variable.dtype, wanted, entry)
    if entry.shape != wanted and not (reshape and math.prod(entry.shape) == math.prod(own)):
        return ShapeError, _otherwise(variable.dtype, wanted, entry)
    return None


def _otherwise(dtype, shape, entry) -> str:
    return f"is {dtype.name}{list(shape)}, but the checkpoint has {entry.dtype.name}{list(entry.shape)}"


def closest(name: str, names: list[str]) -> list[str]:
    """Up to three of the names that look like ``name``, those first that end alike."""
    last = name.rpartition("/")[2]
    if len(names) > _COMPARED:
        names = heapq.nlargest(_COMPARED, names, key=lambda n: _common(name, n) + _common(name[::-1], n[::-1]))
    alike = [n for n in names if re.search(rf"(^|/){re.escape(last)}$", n)]
    found = difflib.get_close_matches(name, alike, 3, 0.3) + difflib.get_close_matches(name, names, 3, 0.6)
    return list(dict.fromkeys(found))[:3]


def _common(a: str, b: str) -> int:
    return len(os.path.commonprefix([a, b]))
