"""Loop and Scan: loops of the program where a body serves all steps, else one step after another."""

from __future__ import annotations

from collections.abc import Sequence as Values
from dataclasses import dataclass

import numpy as np

from graphc.errors import DtypeError, FormatError, ShapeError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.ir.sizes import maker, symbols_in
from graphc.lib import control, shape
from graphc.lib.dims import dim_node, measured
from graphc.onnx.call import Call
from graphc.onnx.closure import Closure, Incomplete, Untraceable, retried
from graphc.onnx.ops.axes import as_int64, axis_in
from graphc.onnx.ops.control import kind_of, rebuilt, truth
from graphc.onnx.registry import operator
from graphc.onnx.signature import declared
from graphc.onnx.static import static_value
from graphc.onnx.values import UNKNOWN, Narrow, Sequence, parts_of, with_parts
from graphc.prims.table import apply

_MOST = 4096  # steps that are traced one after another
_ENDLESS = np.iinfo(np.int64).max


# ----------------------------------------------------------------------------------------------------- Loop


@dataclass(frozen=True, eq=False)
class _Loop:
    """A Loop node: its body, the number of steps and the first condition (None: not given), what is carried."""

    call: Call
    body: object
    most: Node | None
    going: Node | None
    carries: list

    @property
    def scanned(self) -> int:
        return len(self.body.outputs) - 1 - len(self.carries)

    def inputs_of(self, step: Node, carries: Values) -> list:
        """What the body is given: the number of the step, a true condition, what is carried."""
        infos = self.body.graph.input
        return [_as_declared(step, infos[0]), _as_declared(const(np.bool_(True)), infos[1]), *carries]


@operator("Loop")
def loop(call: Call):
    """A graph again and again: a number of times, while a condition holds, or both."""
    body = call.body("body")
    carries = [call.value(k) for k in range(2, len(call))]
    if len(body.inputs) != 2 + len(carries) or len(body.outputs) < 1 + len(carries):
        raise FormatError(f"Loop: a body of {len(body.inputs)} inputs and {len(body.outputs)} outputs for {len(carries)} values "
                          "that are carried")  # fmt: skip
    most = _count(call, 0) if call.has(0) else None
    it = _Loop(call, body, most, truth(call, 1) if call.has(1) else None, carries)
    try:
        try:
            if any(isinstance(v, Sequence) for v in carries):
                raise Untraceable("sequences are carried")
            closure = Closure(call.frame, (body,))
            return retried(call.frame, lambda: _in_one(it, closure))
        except (Untraceable, ShapeError) as why:
            return _one_by_one(it, why)
    except Incomplete:
        return [UNKNOWN] * len(call.outputs)


def _count(call: Call, k: int) -> Node | None:
    """The largest number of steps as a scalar; None where any number will do."""
    known = call.known(k)
    if known is not None and known.size == 1 and int(known.reshape(())) >= _ENDLESS // 2:
        return None
    return as_int64(shape.reshape(call[k], ()))


def _as_declared(x: Node, info) -> Node:
    """A scalar with as many axes as the body's input says."""
    rank = len(declared(info).shape or ())
    return apply("reshape", x, shape=(1,) * rank) if rank else x


def _scalar(x) -> Node:
    if not isinstance(x, Node) or x.dtype is not dt.b1:
        raise DtypeError("Loop: the first result of the body must be a bool")
    return shape.reshape(x, ())


def _in_one(it: _Loop, closure: Closure) -> list:
    """The loop as one of the program."""
    first = [n for v in it.carries for n in parts_of(v)]
    traced: list[list] = []

    def step(number, states, operands) -> tuple[Node, list[Node], list[Node]]:
        """The condition, the next states and the further results, from Nodes."""
        given = it.inputs_of(number, rebuilt(it.carries, states))
        going, *found = closure.traced(it.body, given, operands, is_repeated=True)
        if any(kind_of(a) != kind_of(b) for a, b in zip(it.carries, found)):
            raise Untraceable("what is carried changes its kind")
        if any(isinstance(v, Sequence) for v in found):
            raise Untraceable("results are sequences")
        infos = it.body.outputs[1 + len(it.carries) :]
        found[len(it.carries) :] = [_of_one_shape(v, o) for v, o in zip(found[len(it.carries) :], infos)]
        traced.append(found)
        nodes = [n for v in found for n in parts_of(v)]
        return _scalar(going), nodes[: len(first)], nodes[len(first) :]

    goes_on = _goes_on(it, closure, first, step)
    if goes_on and it.most is None:
        raise Untraceable("it has no end")
    count = None
    if not goes_on:
        states, number = _while(it, first, closure, step)
        if not it.scanned:
            return rebuilt(it.carries, states)
        count = number
    steps = _limit(it) if count is None else measured(count)

    def body(number, states, rows, operands):
        _, new, results = step(number, states, operands)
        return new, results

    last, stacked = control.steps(body, first, [], closure.operands, steps, op="Loop")
    return rebuilt(traced[-1], [*last, *stacked])


def _of_one_shape(value, info):
    """A result of every step, whose sizes must not be found in the step; where they are, those that the body declares.

    Raises:
        Untraceable: it declares none.
    """
    if not isinstance(value, (Node, Narrow)):
        raise Untraceable("results of its steps are no tensors")
    (x,) = parts_of(value)
    inner = [k for k, d in enumerate(x.shape) if any(maker(s) is not None for s in symbols_in(d))]
    if not inner:
        return value
    wanted = declared(info).shape or (None,) * len(x.shape)
    if len(wanted) != len(x.shape) or any(type(wanted[k]) is not int for k in inner):
        raise Untraceable("the sizes of results are known only in each step")
    return with_parts(value, iter([shape.ensure_shape(x, [wanted[k] if k in inner else None for k in range(len(wanted))])]))


def _limit(it: _Loop):
    """How many steps there are where only their number ends the loop."""
    if it.going is None:
        most = it.most
    else:
        most = apply("select", it.going, it.most, dim_node(0))
    known = static_value(most, None)
    if known is not None:
        return max(int(known), 0)
    return measured(apply("max", most, dim_node(0)))


def _goes_on(it: _Loop, closure: Closure, first: list, step) -> bool:
    """Whether the body's condition is always true; it is traced for that with stand-ins as the loop will have them."""
    seen: list[Node] = []

    def body(number, states, rows, operands):
        going, new, results = step(number, states, operands)
        seen.append(going)
        return new, results

    control.steps(body, first, [], closure.operands, 1, op="Loop")
    known = static_value(seen[0], None)
    return known is not None and bool(known)


def _while(it: _Loop, first: list, closure: Closure, step) -> tuple[list, Node]:
    """The last states of a loop that a condition ends, and the number of its steps."""
    start = const(np.bool_(True)) if it.going is None else it.going
    count = const(np.int64(0))
    n = len(first)

    def body(number, going, count, *values):
        going, new, _ = step(number, values[:n], values[n:])
        return [going, count + 1, *new]

    going_on = [start, count, *first]
    found = control.repeat(lambda number, going, *rest: going, body, going_on, closure.operands, it.most, "Loop")
    return found[2:], found[1]


def _one_by_one(it: _Loop, why: Exception) -> list:
    """The steps traced one after another, their number known while tracing."""
    reason = str(why).split("\n")[0]
    most = _MOST if it.most is None else max(int(static_value(it.most, f"Loop: the number of steps ({reason})")), 0)
    if most > _MOST:
        raise it.call.refuse(f"{most} steps one after another are too many ({reason})")
    going = it.going is None or bool(static_value(it.going, f"Loop: the condition ({reason})"))
    carries, rows, done = list(it.carries), [], 0
    while going and done < most:
        condition, *found = it.body(*it.inputs_of(const(np.int64(done)), carries))
        if any(v is UNKNOWN for v in found) or condition is UNKNOWN:
            raise Incomplete
        carries = found[: len(carries)]
        rows.append(found[len(carries) :])
        done += 1
        if done < most:
            going = bool(static_value(_scalar(condition), f"Loop: the condition after a step ({reason})"))
    if going and it.most is None:
        raise it.call.refuse(f"it does not end within {_MOST} steps ({reason})")
    return [*carries, *(_stacked(it, k, [row[k] for row in rows]) for k in range(it.scanned))]


def _stacked(it: _Loop, k: int, rows: list):
    """The results of all steps on a new first axis."""
    if not rows:
        info = declared(it.body.outputs[1 + len(it.carries) + k])
        if info.element is None or info.shape is None or any(type(d) is not int for d in info.shape):
            raise it.call.refuse("no step is done, and the body does not say which shape its results would have")
        zeros = shape.zeros((0, *info.shape), info.element.carrier)
        return Narrow(zeros, info.element) if info.element.is_narrow else zeros
    if not all(isinstance(v, (Node, Narrow)) for v in rows):
        raise it.call.refuse("results of its steps are no tensors")
    joined = shape.stack([parts_of(v)[0] for v in rows])
    return with_parts(rows[0], iter([joined]))


# ----------------------------------------------------------------------------------------------------- Scan


@dataclass(frozen=True)
class _Way:
    """How one operand or result runs through the steps: along which axis, and whether from its end."""

    axis: int
    is_reversed: bool


def _ways(call: Call, axes: str | None, directions: str, count: int) -> list[_Way]:
    which = call.ints(axes, [0] * count) if axes else [0] * count
    turned = call.ints(directions, [0] * count)
    if len(which) != count or len(turned) != count or not set(turned) <= {0, 1}:
        raise FormatError(f"Scan: {axes or ''} {which} and {directions} {turned} are not one for each of {count} values")
    return [_Way(a, bool(d)) for a, d in zip(which, turned)]


@operator("Scan", since=9)
def scan(call: Call):
    """A graph for every place along an axis of some operands, with values that are carried."""
    body, number = call.body("body"), call.int("num_scan_inputs")
    split = len(call) - number
    _check_scan(body, split, number)
    rows = _turned(call, list(call.inputs[split:]), _ways(call, "scan_input_axes", "scan_input_directions", number))
    count = len(body.outputs) - split
    ways = _ways(call, "scan_output_axes", "scan_output_directions", count)
    try:
        closure = Closure(call.frame, (body,))
        return retried(call.frame, lambda: _scanned(call, body, list(call.inputs[:split]), rows, ways, closure, closure.operands))
    except Incomplete:
        return [UNKNOWN] * len(call.outputs)
    except Untraceable as why:
        raise call.refuse(str(why)) from None


@operator("Scan", since=8)
def scan_of_batch(call: Call):
    """As it was first: for every place of a leading batch axis, steps along the next axis."""
    body, number = call.body("body"), call.int("num_scan_inputs")
    if call.has(0):
        raise call.refuse("lengths of sequences are given (sequence_lens)")
    values = [call.value(k) for k in range(1, len(call))]
    split = len(values) - number
    _check_scan(body, split, number)
    turned = [w.is_reversed for w in _ways(call, None, "directions", number)]
    like = []

    def one(step, carries, rows, operands):
        given = rebuilt(values, rows)
        own = [_reversed(x, 0) if t else x for x, t in zip(given[split:], turned)]
        found = _scanned(call, body, given[:split], own, [_Way(0, False)] * (len(body.outputs) - split), closure, operands)
        like[:] = found
        return [], [n for v in found for n in parts_of(v)]

    def attempt():
        _, stacked = control.steps(one, [], [n for v in values for n in parts_of(v)], closure.operands, op="Scan")
        return rebuilt(like, stacked)

    try:
        closure = Closure(call.frame, (body,))
        return retried(call.frame, attempt)
    except Incomplete:
        return [UNKNOWN] * len(call.outputs)
    except Untraceable as why:
        raise call.refuse(str(why)) from None


def _check_scan(body, split: int, number: int) -> None:
    if number < 1 or split < 0 or len(body.inputs) != split + number or len(body.outputs) < split:
        what = f"{split} values that are carried and {number} that are scanned"
        raise FormatError(f"Scan: a body of {len(body.inputs)} inputs and {len(body.outputs)} outputs for {what}")


def _turned(call: Call, values: list, ways: list[_Way]) -> list:
    """Operands with the axis of the steps first, in the order of the steps."""
    out = []
    for value, way in zip(values, ways):
        if not isinstance(value, (Node, Narrow)):
            raise call.wrong("what is scanned must be tensors")
        axis = axis_in(call, way.axis, len(value.shape), "scan axis")
        (x,) = parts_of(value)
        x = shape.transpose(x, (axis, *(k for k in range(len(x.shape)) if k != axis)))
        out.append(with_parts(value, iter([_reversed(x, 0) if way.is_reversed else x])))
    return out


def _reversed(value, axis: int):
    if isinstance(value, Node):
        return apply("reverse", value, axes=(axis,))
    return with_parts(value, iter([apply("reverse", n, axes=(axis,)) for n in parts_of(value)]))


def _scanned(call: Call, body, carries: list, rows: list, ways: list[_Way], closure: Closure,
             operands: Values[Node]) -> list:  # fmt: skip
    """The last values that are carried, and the results of all steps.

    Args:
        rows: with the axis of the steps first. operands: those of the closure, as they are called here.
    """
    first = [n for v in carries for n in parts_of(v)]
    traced: list[list] = []

    def step(number, states, slices, inner):
        found = closure.traced(body, [*rebuilt(carries, states), *rebuilt(rows, slices)], inner, is_repeated=True)
        if any(kind_of(a) != kind_of(b) for a, b in zip(carries, found)):
            raise Untraceable("what is carried changes its kind")
        traced.append(found)
        nodes = [n for v in found for n in parts_of(v)]
        return nodes[: len(first)], nodes[len(first) :]

    last, stacked = control.steps(step, first, [n for v in rows for n in parts_of(v)], list(operands), op="Scan")
    found = rebuilt(traced[-1], [*last, *stacked])
    return found[: len(carries)] + [_laid(call, v, way) for v, way in zip(found[len(carries) :], ways)]


def _laid(call: Call, value, way: _Way):
    """A result of all steps with their axis where it is wanted."""
    if way.is_reversed:
        value = _reversed(value, 0)
    (x,) = parts_of(value)
    axis = axis_in(call, way.axis, len(x.shape), "scan axis")
    order = list(range(1, len(x.shape)))
    order.insert(axis, 0)
    return with_parts(value, iter([shape.transpose(x, order)]))
