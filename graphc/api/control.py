"""Branches and loops that run inside one compiled program: cond, case, switch_case, while_loop."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphc.api.body import Body
from graphc.api.eager import eager
from graphc.api.effect import EFFECT, Effect
from graphc.api.growing import Growing, grown
from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.structure import expect_same, leaves, pack
from graphc.api.tensor import EagerTensor
from graphc.api.tensor_array import TensorArray
from graphc.api.varying import varying_loop
from graphc.errors import ShapeError, StateError, SymbolicError, UsageError, explain
from graphc.lib import control as lib
from graphc.lib import math, shape

UNTRACEABLE = (SymbolicError, ShapeError, StateError)  # a body that eager evaluation runs step by step instead


class ControlFlow:
    """The functions of one front door; ``fallback`` is the recorder where no operand decides."""

    def __init__(self, fallback: Callable):
        self.fallback = fallback

    def recorder(self, values):
        """The recorder of an operation on the tensors in these structures."""
        return recorder_for([v for v in leaves(values) if isinstance(v, Operators)], self.fallback)

    # ---------------------------------------------------------------------------------------- branches

    def cond(self, pred, true_fn=None, false_fn=None, name=None):
        """What ``true_fn()`` answers if ``pred`` is true, else what ``false_fn()`` answers.

        A Python bool, or a tensor that has a value, decides at once. Otherwise both functions are called, once each,
        and the program runs one of them. Their answers are (nested) lists, tuples and dictionaries of one structure,
        dtype and shape.

        Raises:
            UsageError: a branch is no function, or the structures differ.
            DtypeError, ShapeError: ``pred`` is no bool scalar, or the answers differ in type.
        """
        _callable("cond", true_fn=true_fn, false_fn=false_fn)
        if isinstance(pred, (bool, int, np.bool_, np.integer)):
            return true_fn() if pred else false_fn()
        recorder = self.recorder([pred])
        if recorder.is_eager:
            return true_fn() if bool(recorder.convert(pred)) else false_fn()
        return choose(recorder, name, pred, true_fn, false_fn)

    def case(self, pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
        """What the function of the first true condition answers; if none is, ``default()`` or the last function.

        Args:
            pred_fn_pairs: pairs (condition, function), or a dictionary of them.
            exclusive: at most one condition is true; checked where the values are known.

        Raises:
            UsageError: there are no pairs, or two conditions are true though ``exclusive``.
        """
        pairs = pred_fn_pairs.items() if isinstance(pred_fn_pairs, Mapping) else pred_fn_pairs
        pairs = [(getattr(p, "deref", lambda p=p: p)(), function) for p, function in pairs]
        _callable("case", **{f"function {k}": function for k, (_, function) in enumerate(pairs)})
        if not pairs:
            raise UsageError(explain("case: there are no pairs of a condition and a function"))
        known = [bool(p) for p, _ in pairs if isinstance(p, (bool, EagerTensor))] if exclusive else []
        if sum(known) > 1:
            raise UsageError(explain("case: more than one condition is true, though exclusive=True"))
        if default is None:
            default = pairs.pop()[1]
        _callable("case", default=default)

        def before(rest: Callable, pair: tuple) -> Callable:
            return lambda: self.cond(*pair, rest)

        with scope_of(self.recorder([[p for p, _ in pairs]]), name or "case"):
            return functools.reduce(before, reversed(pairs), default)()

    def switch_case(self, branch_index, branch_fns, default=None, name="switch_case"):
        """What function number ``branch_index`` answers; ``default()``, or the last function, if there is none.

        Args:
            branch_fns: functions, pairs (number, function), or a dictionary of them.

        Raises:
            UsageError: two functions have one number.
        """
        pairs = list(branch_fns.items() if isinstance(branch_fns, Mapping) else branch_fns)
        if all(callable(p) for p in pairs):
            pairs = list(enumerate(pairs))
        pairs = sorted(((int(k), function) for k, function in pairs), key=lambda pair: pair[0])
        if not pairs or len({k for k, _ in pairs}) < len(pairs):
            raise UsageError(explain(f"switch_case: branch_fns needs different numbers, got {[k for k, _ in pairs]}"))
        _callable("switch_case", **{f"function {k}": function for k, function in pairs})
        recorder = self.recorder([branch_index])
        index = recorder.convert(branch_index)

        def is_number(k):
            return recorder.call("Equal", "is_branch", lambda x: math.equal(x, k), [index], ["branch_index"])

        last = default or pairs.pop()[1]
        return self.case([(is_number(k), function) for k, function in pairs], last, name=name) if pairs else last()

    # ------------------------------------------------------------------------------------------- loops

    def while_loop(self, cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True,
                   swap_memory=False, maximum_iterations=None, name=None):  # fmt: skip
        """``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)``; both are called once and become one loop.

        Loop variables keep their dtypes and, but for ``shape_invariants``, shapes; TensorArrays may be among them. In
        eager evaluation a loop that needs values while it is traced (``if``, ``numpy()``), or whose variables change
        their shape, runs step by step.

        Args:
            loop_vars: a (nested) structure of tensors and TensorArrays.
            maximum_iterations: stop after so many steps; a small number makes the gradient faster.
            shape_invariants: a structure of shapes like ``loop_vars``, with None for what changes: one axis of a
                variable may change its size, if how it does follows from sizes and other variables.
            parallel_iterations, back_prop, swap_memory: without effect.

        Raises:
            UsageError: the body answers with another structure.
            DtypeError, ShapeError: it changes the type of a loop variable, or the condition is no bool scalar.
        """
        _callable("while_loop", cond=cond, body=body)
        if not isinstance(loop_vars, (list, tuple)) or not loop_vars:
            loop_vars = [loop_vars] if loop_vars is not None and not isinstance(loop_vars, (list, tuple)) else loop_vars
            if not loop_vars:
                raise UsageError(explain("while_loop: there are no loop variables"))
        recorder = self.recorder([loop_vars, maximum_iterations])
        if not recorder.is_eager:
            if shape_invariants is None:
                return loop(recorder, name, cond, body, loop_vars, maximum_iterations)
            known = _invariants(loop_vars, shape_invariants)
            return varying_loop(loop, recorder, name, cond, body, loop_vars, maximum_iterations, known)
        try:
            return loop(recorder, name, cond, body, loop_vars, maximum_iterations)
        except UNTRACEABLE:
            return _step_by_step(recorder, cond, body, loop_vars, maximum_iterations)


def _invariants(loop_vars, shapes) -> list:
    """The shape that is known of every leaf."""
    expect_same("while_loop", "loop variables and shape_invariants", loop_vars, shapes)
    return [getattr(s, "shape", s) for s in leaves(shapes)]


def open_body(recorder) -> Body:
    """The recorder of a function inside of what ``recorder`` records."""
    return recorder.open_body() if hasattr(recorder, "open_body") else Body(recorder, not recorder.is_eager)


def scope_of(recorder, name: str):
    """A scope for what bodies record, where operations have names; gives the name of the operation made of them."""
    return recorder.name_scope(name) if hasattr(recorder, "name_scope") else contextlib.nullcontext(name)


def record(recorder, kind: str, label: str, build: Callable, operands: Sequence, name, bodies: Sequence,
           outputs: Callable) -> list:  # fmt: skip
    """An operation made of these bodies; its outputs. Where one of them acts, ``build`` takes and gives a token first.

    ``outputs``: answers with tensors and variables that the outputs are like, while a rank is not known.
    """
    before = list(dict.fromkeys(op for body in bodies for op in body.before))
    labels = [f"input_{k}" for k in range(len(operands))]
    with recorder.control_dependencies(before) if before else contextlib.nullcontext():
        made = recorder.call(kind, label, build, operands, labels, name, alike=False, effect=_effect_of(bodies),
                             outputs=lambda: [(t.dtype, None) for t in outputs()])  # fmt: skip
    owner = made[0] if isinstance(made, list) and made else made
    for body in bodies:
        body.belong(getattr(owner, "op", owner))
    return made if isinstance(made, list) else [made] if isinstance(made, Operators) else []


def _effect_of(bodies):
    """The effect of an operation with these bodies."""
    found = [body.effect for body in bodies if body.effect is not None]
    drawn = next((e for e in found if e.seeded), found[0] if found else None)
    if not any(body.acts for body in bodies):
        return drawn
    return EFFECT if drawn is None else Effect(drawn)


def strung(*bodies) -> list:
    """The key of the token among the states of the bodies, if one of them acts."""
    return [EFFECT] if any(body.acts for body in bodies) else []


def _callable(op: str, **functions) -> None:
    for name, function in functions.items():
        if not callable(function):
            raise UsageError(explain(f"{op}: {name} must be a function, got {function!r}"))


# -------------------------------------------------------------------------------------------------- cond


def choose(recorder, name, pred, true_fn: Callable, false_fn: Callable):
    """A branch that the program takes; see ``ControlFlow.cond``."""
    pred = recorder.convert(pred)
    answers, bodies = [], []
    with scope_of(recorder, name or "cond") as name:
        for function in (true_fn, false_fn):
            with open_body(recorder) as body:
                answers.append(function())
                body.finish([x for x in leaves(answers[-1]) if x is not None])
            bodies.append(body)
    expect_same("cond", "the answers of true_fn and false_fn", *answers)
    present = [[x is not None for x in leaves(answer)] for answer in answers]
    if present[0] != present[1]:
        raise UsageError(explain("cond: one branch answers with None where the other has a value"))
    values = iter(chosen(recorder, name, pred, bodies))
    return pack(answers[0], iter([next(values) if here else None for here in present[0]]))


def chosen(recorder, name, pred, bodies: Sequence[Body]) -> list:
    """The outputs of one of two finished bodies, whose outputs are of the same types."""
    states, token = list(dict.fromkeys(v for body in bodies for v in body.states)), strung(*bodies)
    with scope_of(recorder, name):
        read = [recorder.read_state(v) for v in states]
    a = len(token) + len(states)
    b = a + len(bodies[0].captured)

    def build(*nodes):
        strings, (p, *nodes) = nodes[: len(token)], nodes[len(token) :]

        def run(body, values, captured):
            values = dict(zip([*token, *states], values))
            found = body.replay((), captured, values)
            return [*[values[k] for k in token], *found, *[values[v] for v in states]]

        return lib.branch(
            p, [*strings, *nodes], lambda *x: run(bodies[0], x[:a], x[a:b]), lambda *x: run(bodies[1], x[:a], x[b:])
        )

    operands = [pred, *read, *bodies[0].captured, *bodies[1].captured]
    return written(recorder, states, record(recorder, "If", "cond", build, operands, name, bodies,
                                               lambda: [*bodies[0].outputs, *states]))  # fmt: skip


def written(recorder, states: Sequence, made: list) -> list:
    """The first outputs, after the last ones have become the new values of variables."""
    count = len(made) - len(states)
    return recorder.write_states(states, made[count:], made[:count]) if states else made


# ------------------------------------------------------------------------------------------------- while


def loop(recorder, name, cond: Callable, body: Callable, loop_vars, maximum, late: Callable | None = None):
    """A loop that the program runs; see ``ControlFlow.while_loop``.

    Args:
        late: after ``body``: tensors that become further loop variables, zeros before the first step; the answer is
            then a pair with their last values.
    """
    flat = [v if isinstance(v, TensorArray) else recorder.convert(v) for v in leaves(loop_vars)]
    count = len(flat)
    grows = [k for k, v in enumerate(flat) if isinstance(v, TensorArray) and v.grows_in(recorder)]
    flat += [flat[k].size() for k in grows]
    with scope_of(recorder, name or "while") as name:
        with open_body(recorder) as test:
            inside = _all_entered(flat, test, grows)
            test.finish([cond(*pack(loop_vars, iter(inside[:count])))])
        early = len(test.arguments)
        with open_body(recorder) as step:
            inside = _all_entered(flat, step, grows)
            if len(step.arguments) != early:
                raise UsageError(explain("while_loop: cond reads a TensorArray whose element_shape is not known"))
            answer = like = body(*pack(loop_vars, iter(inside[:count])))
            if not isinstance(answer, (list, tuple)) or (len(loop_vars) == 1 and isinstance(loop_vars[0], (list, tuple))
                                                         and len(answer) != 1):  # fmt: skip
                answer, like = [answer], loop_vars
            expect_same("while_loop", "loop variables and the answer of body", list(loop_vars), list(answer))
            results = [_left(a, b) for a, b in zip(inside, leaves(answer))]
            results += [leaves(answer)[k].size() for k in grows]
            further = [step.convert(t) for t in late()] if late else []
            inside += [step.argument(t) for t in further]
            results += further
            step.finish([results[k] for k in _order(inside, step)])
    order = _order(inside, step)
    flat += [_zeros(recorder, t.type) for t in further]
    carries = [_initial(flat[k], inside[k]) for k in order]
    limit = [recorder.convert(maximum)] if isinstance(maximum, Operators) else []
    states = list(dict.fromkeys((*test.states, *step.states)))
    with scope_of(recorder, name):
        read = [recorder.read_state(v) for v in states]
    operands = [*carries, *read, *limit, *test.captured, *step.captured]
    after = leaves(answer)
    growing = [Growing(order.index(k), order.index(count + j)) for j, k in enumerate(grows)
               if k in order and after[k].may_outgrow(inside[k])]  # fmt: skip
    build = functools.partial(_repeated, test, step, early, [*strung(test, step)], states, limit, maximum, growing)
    made = record(recorder, "While", "while", lambda *nodes: build(nodes), operands, name, (test, step),
                  lambda: [*step.arguments, *states])  # fmt: skip
    made = dict(zip(order, written(recorder, states, made)))
    sizes = {k: made[count + j] for j, k in enumerate(grows)}
    finished = [_finished(v, inside[k], made.get(k), sizes.get(k)) for k, v in enumerate(flat[:count])]
    answer = pack(like if recorder.is_eager and maximum is None else loop_vars, iter(finished))
    return (answer, [made[k] for k in range(count + len(grows), len(flat))]) if late else answer


def _zeros(recorder, type):
    return recorder.call("Zeros", "zeros", lambda: shape.zeros(type.shape, type.dtype), [], [])


def _repeated(test, step, early: int, token: list, states: list, limit: list, maximum, growing: list,
              nodes: Sequence) -> list:  # fmt: skip
    """The loop of two bodies from Nodes: the token, carries, states, a limit, what is captured.

    A test that acts is carried out before the loop and at the end of every step, which carries its answer.

    Args:
        early: so many carries are what the test is given.
        growing: the TensorArrays that grow.
    """
    t, c = len(token), len(token) + len(step.arguments)
    s, own = c + len(states), len(test.captured)
    rest = nodes[s + len(limit) :]

    def tested(i, values, captured):
        """The answer of the test, and the token after it."""
        new = dict(zip([*token, *states], [*values[:t], *values[c:s]]))
        found = test.replay(values[t : t + early], captured[:own], new, i)
        return found, [new[k] for k in token]

    def stepped(i, values, captured):
        new = dict(zip([*token, *states], [*values[:t], *values[c:s]]))
        found = step.replay(values[t:c], captured[own:], new, i)
        return [*[new[k] for k in token], *found, *[new[v] for v in states]]

    most = nodes[s] if limit else maximum
    if growing:
        if t:
            what = "a TensorArray that grows (dynamic_size=True) or a variable that changes its shape cannot be in a"
            acts = "loop that prints, asserts, uses a queue or calls Python"
            raise StateError(explain(f"{what} {acts}; give it its final size before"))

        def without(first, expand, reduce):
            f = len(first)
            return lib.repeat(lambda i, *v: tested(i, expand(v[:f]), v[f:])[0],
                              lambda i, *v: reduce(stepped(i, expand(v[:f]), v[f:])), first, rest, most)  # fmt: skip

        types = [*[x.node.type for x in step.arguments], *[x.type for x in nodes[c:s]]]
        nodes = [*grown(growing, nodes[:s], types, without), *nodes[s:]]
    if not test.acts:
        return lib.repeat(lambda i, *v: tested(i, v[:s], v[s:])[0], lambda i, *v: stepped(i, v[:s], v[s:]),
                          nodes[:s], rest, most)  # fmt: skip

    def then_tested(i, *values):
        new = stepped(i, values[1 : 1 + s], values[1 + s :])
        going, strings = tested(i + 1, new, values[1 + s :])
        return [*_truth(going), *strings, *new[t:]]

    going, strings = tested(None, nodes[:s], rest)
    start = [*_truth(going), *strings, *nodes[t:s]]
    return lib.repeat(lambda i, going, *v: [going], then_tested, start, rest, most)[1:]


def _truth(going: list) -> list:
    return [lib.truth("while_loop", lib.one("while_loop", "the condition", going))]


def _all_entered(flat: list, body, grows: list[int]) -> list:
    """The loop variables as the body sees them; after them the sizes of those that grow."""
    inside = [v.enter(body, k in grows) if isinstance(v, TensorArray) else body.argument(v) for k, v in enumerate(flat)]
    for k, size in zip(grows, inside[len(flat) - len(grows) :]):
        inside[k].grow(size)
    return inside


def _left(inside, result):
    """The new value of a loop variable; of a TensorArray the tensor of its elements, None if it has none yet."""
    if isinstance(inside, TensorArray) != isinstance(result, TensorArray):
        raise UsageError(explain("while_loop: a TensorArray must stay one, and a tensor a tensor"))
    return result.carried(inside) if isinstance(inside, TensorArray) else result


def _order(inside: list, body) -> list[int]:
    """Positions of the loop variables that are carried, in the order of the body's arguments."""
    places = {id(t): k for k, t in enumerate(body.arguments)}
    found = [(places[id(a)], k) for k, v in enumerate(inside) for a in [_argument(v)] if a is not None]
    return [k for _, k in sorted(found)]


def _argument(inside):
    return inside.argument if isinstance(inside, TensorArray) else inside


def _initial(value, inside):
    return value.buffer_like(inside) if isinstance(value, TensorArray) else value


def _finished(value, inside, made, size=None):
    return value.renewed(inside, made, size) if isinstance(value, TensorArray) else made


def _step_by_step(recorder, cond, body, loop_vars, maximum):
    """The loop in Python, for what cannot be traced."""

    def converted(found, like=loop_vars):
        return pack(like, [v if isinstance(v, TensorArray) else recorder.convert(v) for v in leaves(found)])

    values = converted(loop_vars)
    left = None if maximum is None else int(maximum)
    while left != 0 and bool(cond(*values)):
        answer = body(*values)
        answer = answer if isinstance(answer, (list, tuple)) else [answer]
        expect_same("while_loop", "loop variables and the answer of body", list(loop_vars), list(answer))
        values = converted(answer, answer if maximum is None else loop_vars)
        left = None if left is None else left - 1
    return values


def recompute_grad(f: Callable) -> Callable:
    """``f`` itself: what the gradient keeps and what it computes again is decided by the compiler."""

    @functools.wraps(f)
    def recomputed(*args, **kwargs):
        return f(*args, **kwargs)

    return recomputed


EAGER_FLOW = ControlFlow(eager)
cond, case, switch_case, while_loop = EAGER_FLOW.cond, EAGER_FLOW.case, EAGER_FLOW.switch_case, EAGER_FLOW.while_loop
