"""If: the branch that is known while tracing, or both as one conditional of the program."""

from __future__ import annotations

from collections.abc import Sequence as Values

from graphc.compile import requirements
from graphc.errors import DtypeError, GraphcError, ShapeError, UnimplementedError
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.sizes import maker, symbols_in
from graphc.lib import control
from graphc.lib.shape import reshape
from graphc.onnx.call import Call
from graphc.onnx.closure import Closure, Incomplete, Untraceable, retried
from graphc.onnx.registry import operator
from graphc.onnx.static import NeedsValue, inputs_of
from graphc.onnx.values import UNKNOWN, Narrow, Optional, Sequence, parts_of, with_parts

_SMALL = 16  # elements of inputs whose values may decide what is compiled


@operator("If")
def if_(call: Call):
    """The results of one of two graphs."""
    then, orelse = call.body("then_branch"), call.body("else_branch")
    chosen = call.known(0)
    if chosen is None:
        try:
            closure = Closure(call.frame, (then, orelse))
            return retried(call.frame, lambda: _both(call, then, orelse, closure))
        except Incomplete:
            return [UNKNOWN] * len(call.outputs)
        except (Untraceable, ShapeError, DtypeError) as why:  # a branch may be impossible for sizes that never take it
            chosen = _decided(call, why)
    if chosen.size != 1 or chosen.dtype != bool:
        raise call.wrong("the condition must be one bool")
    return (then if chosen.reshape(()) else orelse)()


def _decided(call: Call, why: Exception):
    """The condition, as the branches do not fit together, or one of them cannot be."""
    try:
        return call.static(0)
    except UnimplementedError as error:
        raise why if isinstance(why, GraphcError) else call.refuse(f"{why}, and {error}") from None


def truth(call: Call, k: int) -> Node:
    """Input ``k`` as a bool scalar."""
    x = call[k]
    if x.dtype is not dt.b1:
        raise DtypeError(f"{call.op}: input {k} must be bool, not {x.type}")
    return reshape(x, ())


def _both(call: Call, then, orelse, closure: Closure) -> list:
    made: list[list] = []

    def one(body):
        def traced(*inputs):
            made.append(closure.traced(body, (), inputs))
            if len(made) == 2 and [kind_of(v) for v in made[0]] != [kind_of(v) for v in made[1]]:
                raise Untraceable("the branches have results of different kinds")
            return parts_of(Sequence(tuple(made[-1])))

        return traced

    found = control.branch(truth(call, 0), closure.operands, one(then), one(orelse), "If")
    conditions = requirements([n for values in made for v in values for n in parts_of(v)])
    if conditions:  # which are tested before anything runs, so also where the branch is not taken
        _specialise(call, conditions)
    return rebuilt(made[0], found)


def _specialise(call: Call, conditions: list[Node]) -> None:
    """Ask for the condition while tracing, where it is a small input of the model, or else for sizes."""
    why = "If: its condition, as its branches are for different sizes,"
    asked = inputs_of(call[0])
    if asked and call.frame.outer is None and all(n.type.is_static and n.type.size <= _SMALL for n in asked):
        raise Untraceable(why)
    sizes = [s.attr("name") for s in symbols_in(tuple(conditions)) if maker(s) is None]
    if sizes:
        raise NeedsValue((), why, tuple(sizes))


def rebuilt(like: Values, nodes: Values[Node]) -> list:
    """Values like others, made of other Nodes."""
    nodes = iter(nodes)
    return [with_parts(v, nodes) for v in like]


def kind_of(value):
    """What two values must have in common to be results of one branch or another: type, number of axes, length."""
    match value:
        case Node():
            return value.dtype, len(value.shape)
        case Narrow():
            return value.element, len(value.shape)
        case Sequence():
            return tuple([kind_of(v) for v in value.items])
        case Optional():
            return "optional", kind_of(value.value)
    return None
