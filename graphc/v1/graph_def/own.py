"""What a node says only to graphc: how the operation was made, so that it can be made again exactly.

It is an attribute ``_graphc`` (TensorFlow does not look at attributes that begin with ``_``) with a text of these
parts: ``name kind inputs outputs`` of the operation; ``call``: the row, the places of operands and the other arguments;
or ``body``: the function as text; ``effect``: what it does besides. Nodes that are a part of an operation have
``_graphc_part`` instead.
"""

from __future__ import annotations

from graphc.api.effect import Effect, any_token
from graphc.api.node_def import values
from graphc.api.node_def.rows import call_of, name_of
from graphc.v1.graph_def.body import body_of, body_text
from graphc.v1.graph_def.writer import ref
from graphc.v1.tensor import (
    Differentiate, Feed, Initialised, Operation, Random, Read, ReadOr, Tensor, Update, Write,
)  # fmt: skip

KEY, PART = "_graphc", "_graphc_part"


def described(op: Operation) -> str | None:
    """The text of an operation; None if it cannot be made again, and for constants, whose nodes say it all."""
    if op.type == "Const" and not op.operands and op.effect is None:
        return None
    parts: dict = {"name": op.name, "kind": op.type, "inputs": [ref(t) for t in op.operands]}
    effect = op.effect
    parts["outputs"] = [[t.dtype, None if t.shape.ndims is None else t.shape.as_list()] for t in op.outputs]
    match effect:
        case Feed(type):
            parts["effect"] = ["feed", *type]
        case Read(variable):
            own = getattr(variable, "op", op)  # a device function is asked before the variable has its operation
            parts["effect"] = ["read", own.name]
            parts["trainable"] = bool(variable.trainable)
        case Write(variable, uses_current):
            parts["effect"] = ["write", variable.op.name, uses_current]
            return _with_body(parts, op, (variable.start,) if uses_current else ())
        case Update(variables, attrs):
            parts["effect"] = ["update", [v.op.name for v in variables], [list(a) for a in attrs]]
            return _with_body(parts, op, tuple([v.start for v in variables]))
        case Initialised(variable):
            parts["effect"] = ["initialised", variable.op.name]
        case ReadOr(variable):
            parts["effect"] = ["read_or", variable.op.name]
        case Random(seeded):
            parts["effect"] = ["random", seeded]
            return _with_body(parts, op, ())
        case Differentiate():
            ends = [[None if e is None else _end(e) for e in end] for end in (effect.ys, effect.xs, effect.stops)]
            seeds = [None if s is None else _end(s) for s in effect.seeds]
            parts["effect"] = ["differentiate", *ends, seeds, effect.whole, list(effect.places)]
        case None:
            return _with_call(parts, op)
        case Effect(None) if op.type in ("SaveV2", "RestoreV2"):  # their nodes say it all
            return _with_call(parts, op)
        case Effect(None):
            found = _with_call(parts, op)
            parts["effect"] = ["effect"]
            return found if found is not None else _with_body(parts, op, (any_token(),))
        case _:
            return None
    return values.written(parts)


def _end(x) -> list:
    return ["tensor", ref(x)] if isinstance(x, Tensor) else ["variable", x.op.name]


def _with_call(parts: dict, op: Operation) -> str | None:
    found = _call_text(op)
    if found is not None:
        return values.written({**parts, "call": found})
    return _with_body(parts, op, ()) if op.effect is None else None


def _call_text(op: Operation) -> list | None:
    """The call that made an operation: row, places of operands, other arguments; None if it has no text."""
    call = call_of(op.build, len(op.operands))
    row = None if call is None else name_of(call.function)
    if row is None:
        return None
    found = [row, dict(call.places), dict(call.static)]
    try:
        values.written(found)
    except values.Unwritable:
        return None
    return found


def _with_body(parts: dict, op: Operation, before: tuple) -> str | None:
    if op.build is None:
        return values.written(parts) if op.type == "NoOp" else None
    body = body_of(op, before)
    if body is None:
        return None
    text, blobs = body_text(body)
    found = _call_text(op)
    made = {} if found is None else {"made": found}  # says how it looks as TensorFlow's node, next time
    return values.written({**parts, **made, "body": [text, [list(b) for b in blobs]]})


def said(node) -> dict | None:
    """What a node says to graphc; None where it says nothing, or was renamed since."""
    text = node.attr[KEY].s.decode() if KEY in node.attr else ""
    parts = values.read(text) if text else None
    return parts if parts and parts["name"] == node.name else None
