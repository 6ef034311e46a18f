"""``if``, conditional expressions, ``and``, ``or``, ``not`` and chained comparisons in converted functions."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.autograph.jumps import VALUE
from graphc.api.autograph.state import (
    NUMBERS,
    UNDEFINED,
    Variables,
    called,
    described,
    fitting,
    is_same,
    is_value,
    recorder_of,
)
from graphc.api.control import chosen, open_body, scope_of
from graphc.api.operators import Operators
from graphc.api.structure import map_structure, pack
from graphc.api.tensor_array import TensorArray
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir.order import toposort
from graphc.lib import math, shape

_TEXTS = (str, bytes, Operators)
_CHECKED = frozenset({"guard", "ensure", "cond", "while", "loop"})  # rows that may refuse a run, or hold such
IF = "`if` on a Tensor"


def if_(test, then: Callable, orelse: Callable, names: tuple) -> None:
    """Run one of two parts of a function; a part of the graph if ``test`` is a tensor without a value."""
    if recorder_of(test) is None:
        then() if test else orelse()
    else:
        branch_on(test, then, orelse, Variables(names, then, orelse))


def branch_on(test, then: Callable, orelse: Callable, variables: Variables) -> None:
    """Run one of two parts of a function, which change these variables."""
    recorder = recorder_of(test)
    if recorder is None:
        then() if test else orelse()
        return
    before, sizes = variables.read(), variables.sizes()

    def ran(branch: Callable) -> list:
        variables.write(before)
        branch()
        variables.expect_sizes(sizes, IF)
        return variables.read()

    try:
        found = branched(recorder, test, lambda: ran(then), lambda: ran(orelse), variables.names, IF)
    except BaseException:
        variables.write(before)
        raise
    variables.write(found)


def if_expression(test, then: Callable, orelse: Callable):
    """The value of ``then() if test else orelse()``."""
    recorder = recorder_of(test)
    if recorder is None:
        return then() if test else orelse()
    construct = "a conditional expression on a Tensor"
    return branched(recorder, test, lambda: [then()], lambda: [orelse()], ("its value",), construct)[0]


def branched(recorder, test, then: Callable, orelse: Callable, names, construct: str) -> list:
    """The values of variables after a branch that the program takes.

    Args:
        then, orelse: answer with the values of all of ``names``.

    Raises:
        UsageError, DtypeError, ShapeError: a variable has values of different types, or only one.
    """
    pred = truth_of(recorder, test, construct)
    with scope_of(recorder, "cond") as name:
        bodies, answers = [open_body(recorder), open_body(recorder)], []
        for body, branch in zip(bodies, (then, orelse)):
            with body:
                answers.append(branch())
        rows = [_Row(n, construct, *values) for n, *values in zip(names, *answers)]
        for k, body in enumerate(bodies):
            with body:
                body.finish([x for row in rows for x in row.tensors(k, body)])
    for row in rows:
        row.expect_types()
    made = iter(chosen(recorder, name, pred, bodies))
    return [row.after(made) for row in rows]


def truth_of(recorder, value, construct: str):
    """A tensor as the answer to a question: numbers are true if they are not 0.

    Raises:
        DtypeError, ShapeError: it is no scalar number.
    """
    pred = recorder.convert(value)
    if pred.type.shape and pred.type.shape != (1,) * len(pred.type.shape):
        advice = "use tf.reduce_all or any"
        raise ShapeError(explain(f"{construct}: the condition must be a scalar, not {pred.type}; {advice}"))
    if pred.dtype.name == "bool":
        return pred
    if not (pred.dtype.is_integer or pred.dtype.is_inexact):
        what = f"{construct}: the condition must be bool, not {pred.type}; compare it with something"
        raise DtypeError(explain(what))
    return recorder.call("NotEqual", "is_true", lambda x: math.not_equal(x, 0), [pred], "x")


class _Absent:
    """Stands for a value that is never looked at, beside one that is."""

    def __init__(self, like):
        self.like = like

    def zeros(self, body):
        """A tensor of the same type."""
        type = self.like.type
        return body.call("Zeros", "zeros", lambda: shape.zeros(type.shape, type.dtype), [], [])


class _Row:
    """One variable with its values after both branches."""

    def __init__(self, name: str, construct: str, one, other):
        self.name, self.construct = name, construct
        self.differing: list[tuple] = []
        self.made: list[list] = [[], []]
        self.kept: list = []  # for each leaf whether it stays as it is
        if one is UNDEFINED or other is UNDEFINED:
            one, other = self._alone(one, other)
        self.like = one
        if one is UNDEFINED:
            return
        self.leaves = fitting(name, construct, one, other)
        for a, b in zip(*self.leaves):
            self.kept.append(is_same(a, b))
            if not self.kept[-1]:
                self._expect_values(a, b)
                self.differing.append((a, b))

    def _alone(self, one, other) -> tuple:
        """Both values where a branch gives none: anything serves in place of one that is never returned."""
        if one is other:
            return one, other
        missing = "else" if other is UNDEFINED else "main"
        if self.name != VALUE:
            what = f"{self.construct}: {called(self.name)} must also be initialized in the {missing} branch"
            raise UsageError(explain(f"{what}, or before the `if`, as it is used after it"))
        known = other if one is UNDEFINED else one
        absent = map_structure(lambda leaf: _Absent(leaf) if isinstance(leaf, Operators) else leaf, known)
        return (known, absent) if other is UNDEFINED else (absent, known)

    def _expect_values(self, a, b) -> None:
        if isinstance(a, _Absent) or isinstance(b, _Absent):
            return
        if isinstance(a, _TEXTS) and isinstance(b, _TEXTS):
            return
        if is_value(a) and is_value(b) and isinstance(a, TensorArray) == isinstance(b, TensorArray):
            return
        found = f"is {described(a)} in the main branch and {described(b)} in the else branch"
        advice = "both must be tensors, or the same Python value"
        raise UsageError(explain(f"{self.construct}: {called(self.name)} {found}; {advice}"))

    def tensors(self, k: int, body) -> list:
        """The values of branch ``k`` as tensors of its body."""
        for pair in self.differing:
            for part, other in _parts(*(pair if not k else reversed(pair))):
                self.made[k].append(_converted(body, part, other))
        return self.made[k]

    def expect_types(self) -> None:
        """Compare what both branches made.

        Raises:
            DtypeError, ShapeError: naming the variable.
        """
        for a, b in zip(*self.made):
            what, found = f"{self.construct}: {called(self.name)} must have the same", f"it is {a.type} and {b.type}"
            if a.dtype is not b.dtype:
                raise DtypeError(explain(f"{what} dtype in both branches, {found}"))
            if a.shape.rank != b.shape.rank:
                raise ShapeError(explain(f"{what} rank in both branches, {found}"))

    def after(self, made):
        """The value after the branch."""
        if self.like is UNDEFINED:
            return UNDEFINED
        pairs = iter(self.differing)
        values = [a if kept else _rebuilt(*next(pairs), made) for a, kept in zip(self.leaves[0], self.kept)]
        return pack(self.like, values)


def _parts(value, other):
    """The tensors of a leaf beside what they are to be like."""
    return [(t, t) for t in value.as_tensors(other)] if isinstance(value, TensorArray) else [(value, other)]


def _rebuilt(one, other, made):
    return one.of_tensors(other, made) if isinstance(one, TensorArray) else next(made)


def _converted(body, value, other):
    """A value as a tensor; a Python number takes the dtype of the other branch's tensor if it can."""
    if isinstance(value, _Absent):
        return value.zeros(body)
    if isinstance(value, Operators) or not isinstance(value, NUMBERS):
        return body.convert(value)
    if isinstance(other, Operators):
        try:
            return body.convert(value, other.dtype)
        except DtypeError:
            return body.convert(value)
    return body.convert(float(value) if isinstance(other, float) and type(value) is int else value)


# ------------------------------------------------------------------------------------------------- logic


def not_(value):
    """``not value``."""
    recorder = recorder_of(value)
    if recorder is None:
        return not value
    pred = truth_of(recorder, value, "`not` on a Tensor")
    return recorder.call("LogicalNot", "LogicalNot", math.logical_not, [pred], "x")


def and_(*parts: Callable):
    """``a and b and ...``: what decides comes first, and the rest is then neither checked nor carried out."""
    return _joined("and", math.logical_and, parts)


def or_(*parts: Callable):
    """``a or b or ...``; see ``and_``."""
    return _joined("or", math.logical_or, parts)


def _joined(word: str, build: Callable, parts):
    value = parts[0]()
    for part in parts[1:]:
        recorder = recorder_of(value)
        if recorder is not None:
            value = _with_next(recorder, word, build, value, part)
        elif bool(value) is (word == "or"):
            return value
        else:
            value = part()
    return value


def _with_next(recorder, word: str, build: Callable, value, part: Callable):
    """``value and part()`` or ``value or part()``; a branch where ``part`` must not be carried out without need."""
    first = _flag(recorder, value, word)
    with scope_of(recorder, word) as name:
        with open_body(recorder) as body:
            body.finish([_flag(body, part(), word)])
        if not _may_fail(body):
            label, operands = f"Logical{word.title()}", [first, *body.captured]
            joined = lambda p, *captured: build(p, body.replay((), captured)[0])  # noqa: E731
            return recorder.call(label, label, joined, operands, ["x"] * len(operands), alike=False)
        with open_body(recorder) as decided:
            decided.finish([word == "or"])
    return chosen(recorder, name, first, [body, decided] if word == "and" else [decided, body])[0]


def _may_fail(body) -> bool:
    """Whether there is more in a body than a computation that can always be done."""
    if body.acts or body.states or body.effect is not None:
        return True
    return any(n.op in _CHECKED for t in body.outputs for n in toposort([t.node]))


def _flag(recorder, value, word: str):
    """An operand as a bool tensor of rank 0."""
    return truth_of(recorder, value if isinstance(value, Operators) else bool(value), f"`{word}` on a Tensor")


def compare(left, *rest: tuple):
    """``a < b < c``: each of ``rest`` compares, and computes its right operand."""
    value = True
    for k, (compared, operand) in enumerate(rest):
        right = operand()
        new, left = compared(left, right), right
        value = new if not k else and_(lambda value=value: value, lambda new=new: new)
        if recorder_of(value) is None and not value:
            return value
    return value
