"""Values that a run looks at: indices that must lie in range and divisors that must not be 0."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, InvalidArgumentError, Location, ShapeError, UsageError, explain, here
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.prims.table import Piece, Prim, apply, declare

KINDS = ("index", "below", "divisor")


def _guard_type(x: Type, kind: str, limits: tuple, what: str, line: str = "") -> Type:
    if kind not in KINDS:
        raise UsageError(f"guard: kind {kind!r} is none of {', '.join(KINDS)}")
    if not x.dtype.is_integer:
        raise DtypeError(f"guard: needs integers, not {x}")
    if len(limits) > 1 and (not x.rank or x.shape[-1] != len(limits)):
        raise ShapeError(f"guard: {len(limits)} sizes for {x}")
    if bool(limits) is (kind == "divisor"):
        raise UsageError(f"guard: {len(limits)} sizes for a guard of kind {kind!r}")
    return x


def _guard_array(x, kind, limits, what, line=""):
    if kind == "divisor":
        wrong = x == 0
    else:
        top = np.array(limits if len(limits) > 1 else limits[0], np.int64)
        wrong = x >= top if kind == "below" else (x < 0) | (x >= top)
    if wrong.any():
        place = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise InvalidArgumentError(explain(_found(x, place, kind, limits, what), (), here() or location_of(line)))
    return x


def _found(x, place: tuple, kind: str, sizes: tuple, what: str) -> str:
    if kind == "divisor":
        return violated(kind, sizes, what)
    if kind == "below":
        return f"{violated(kind, sizes, what)}, {list(place)} is {int(x[place])}"
    size = sizes[place[-1]] if len(sizes) > 1 else sizes[0]
    return f"{what}: indices{list(place)} = {int(x[place])} is not in [0, {int(size)})"


def violated(kind: str, sizes: tuple, what: str) -> str:
    """What is said of values that are not as they must be."""
    if kind == "divisor":
        return f"{what}: integer division by zero"
    if kind == "below":
        return f"{what}: segment numbers are not less than {sizes[0]}"
    ranges = " x ".join(f"[0, {n})" for n in sizes)
    return f"{what}: indices are not in {ranges}"


def location_of(line: str) -> Location | None:
    """The line that an attribute tells."""
    file, _, number = line.rpartition(":")
    return Location(file, int(number)) if file else None


declare(Prim("guard", _guard_type, _guard_array,
             index=lambda i, out, x, **_: (Piece(None, 0, tuple(i)),)))  # fmt: skip


def guard(x: Node, kind: str, sizes: tuple, what: str) -> Node:
    """``x``, integers; a run in which they are not as they must be raises InvalidArgumentError instead of going on.

    Args:
        kind: ``index``: each lies in [0, size); ``below``: each is less than the size; ``divisor``: none is 0.
        sizes: one for all of ``x``, or one for each place along its last axis; none for divisors.
        what: the operation, as the message calls it.
    """
    return apply("guard", x, kind=kind, limits=tuple(sizes), what=what, line=line_text(here()))


def line_text(location: Location | None) -> str:
    """A line as an attribute: an equal guard on another line is another Node, whose error names that line."""
    return "" if location is None else f"{location.file}:{location.line}"


def at_line(node: Node, inputs: tuple, line: str) -> Node:
    """A guard over other operands and on another line."""
    return apply("guard", *inputs, **(dict(node.attrs) | {"line": line}))


def _refusal_type(*violations: Type, reasons: tuple) -> Type:
    if len(violations) != len(reasons) or any(v != Type(dt.b1, ()) for v in violations):
        raise ShapeError(f"refusal: {len(reasons)} reasons for {', '.join(map(str, violations))}")
    return Type(dt.i32, ())


def _refusal_array(*violations, reasons):
    return np.int32(next((k for k, wrong in enumerate(violations, 1) if wrong), 0))


declare(Prim("refusal", _refusal_type, _refusal_array, native=False))


def refusal(violations, reasons) -> Node:
    """The number, from 1, of the first of some b1 scalars that is true, or 0.

    As the last output of a graph it refuses the run; a reason is a pair of a message and the user's line.
    """
    return apply("refusal", *violations, reasons=tuple(reasons))


def number_of(violations) -> Node:
    """What ``refusal`` means, in operations that have a way down."""
    scalar = Type(dt.i32, ())
    code = const(0, scalar)
    for k, wrong in reversed(list(enumerate(violations, 1))):
        code = apply("select", wrong, const(k, scalar), code)
    return code
