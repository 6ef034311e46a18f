"""Functions whose gradient is given by the user instead of by differentiation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence

from graphc.api.body import Body
from graphc.api.control import open_body, record, strung
from graphc.api.eager import eager
from graphc.api.lift import tensors_in
from graphc.api.recorder import recorder_for
from graphc.api.recording import RECORDING
from graphc.api.structure import leaves, pack
from graphc.errors import ShapeError, StateError, UsageError, explain
from graphc.ir.graph import Graph, input_node
from graphc.ir.node import Node
from graphc.lib.control import free_inputs
from graphc.prims.control import call, results_of
from graphc.prims.dims import zeros


class _Reads:
    """Collects the variables that are read meanwhile."""

    def __init__(self):
        self.variables: list = []

    def read(self, variable, value=None) -> None:
        """A variable was read."""
        if variable.trainable and not any(v is variable for v in self.variables):
            self.variables.append(variable)


def custom_gradient(f: Callable) -> Callable:
    """A function that is differentiated as it says itself.

    ``f(*args)`` answers with ``(results, grad_fn)``; ``grad_fn(*upstream)`` answers with one gradient for each argument. If
    ``f`` reads trainable variables, ``grad_fn`` takes ``variables=`` too and answers with two lists: gradients of the
    arguments, and of those variables. In a TensorFlow 1 graph ``f`` may print and the like; ``grad_fn`` may not.

    Raises:
        UsageError, ShapeError: the answers do not fit. StateError: a variable is assigned inside, or there is an effect that
            has no place there.

    Example::

        @tf.custom_gradient
        def log1pexp(x):
            e = tf.exp(x)
            return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
    """

    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        recorder = recorder_for(tensors_in(args), eager)
        tensors = [recorder.convert(a) for a in args]
        body, reads = open_body(recorder), _Reads()
        arguments = [body.argument(t) for t in tensors]
        RECORDING.begin(reads)
        try:
            with body:
                answer = f(*arguments, **kwargs)
        finally:
            RECORDING.end(reads)
        if not (isinstance(answer, tuple) and len(answer) == 2 and callable(answer[1])):
            raise UsageError(explain("custom_gradient: the function must answer with (results, grad_fn)"))
        results, grad_fn = answer
        with body:
            body.finish(list(leaves(results)))
        values = body.outputs
        variables = [v for v in reads.variables or body.reads() if any(body.is_value(t, v) for t in body.captured)]
        back, slopes = _traced_back(body, values, grad_fn, variables, len(arguments))
        with body:
            body.finish([*values, *back.captured])
        _expect_no_states(body, back)
        own = [next(k for k, t in enumerate(body.captured) if body.is_value(t, v)) for v in variables]
        count = len(arguments)
        places = list(range(count)) + [count + k for k in own]
        build = functools.partial(_called, body, back, len(values), count, places)
        made = record(recorder, "CustomGradient", "custom_gradient", lambda *nodes: build(nodes),
                      [*tensors, *body.captured], None, [body], lambda: values)  # fmt: skip
        return pack(results, iter(made))

    return wrapped


def _traced_back(body, values, grad_fn: Callable, variables: list, count: int) -> tuple[Body, list]:
    """The body of ``grad_fn``, and its answers: one gradient per argument, then one per variable."""
    back = body.open_body()
    upstream = [back.argument(v) for v in values]
    with back:
        if not variables:
            found = grad_fn(*upstream)
            slopes = list(leaves(found))
        else:
            accepted = inspect.signature(grad_fn).parameters.values()
            if not any(p.name == "variables" or p.kind is p.VAR_KEYWORD for p in accepted):
                named = ", ".join(v.name for v in variables)
                what = f"custom_gradient: the function reads trainable variables ({named}); grad_fn must take variables="
                raise UsageError(explain(what))
            for_arguments, for_variables = grad_fn(*upstream, variables=variables)
            slopes = [*leaves(for_arguments), *leaves(for_variables)]
    if len(slopes) != count + len(variables):
        what = f"custom_gradient: grad_fn answers with {len(slopes)} gradients for {count + len(variables)} arguments"
        raise UsageError(explain(what))
    with back:
        back.finish([0.0 if s is None else s for s in slopes])
    return back, slopes


def _expect_no_states(body, back) -> None:
    """Refuse what cannot go through a function with a gradient of its own.

    Raises:
        StateError: a variable is assigned, or ``grad_fn`` has an effect.
    """
    if body.states or back.states:
        names = ", ".join(v.name for v in (*body.states, *back.states))
        raise StateError(explain(f"custom_gradient: a variable is assigned inside ({names})"))
    if back.acts:
        raise StateError(explain("custom_gradient: grad_fn prints, asserts or has another effect"))


def _called(body: Body, back: Body, results: int, count: int, places: Sequence[int], nodes: Sequence[Node]) -> list[Node]:
    """The ``call`` of the function with its gradient; a token is its first argument and result."""
    inputs = tuple(input_node(f"x{k}", n.type) for k, n in enumerate(nodes))
    token = strung(body)
    t = len(token)
    states = dict(zip(token, inputs))
    replayed = body.replay(inputs[t : t + count], inputs[t + count :], states)
    outputs = (*states.values(), *replayed[:results])
    upstream = tuple(input_node(f"upstream{k}", y.type) for k, y in enumerate(outputs))
    values = tuple(input_node(f"y{k}", y.type) for k, y in enumerate(outputs))
    slopes = iter(back.replay(upstream[t:], replayed[results:], {}))
    cotangents = [zeros(x.type) for x in inputs]
    for place, slope in zip([t + place for place in places], slopes):
        if slope.type != inputs[place].type:
            if slope.shape or slope.op != "const":
                what = f"custom_gradient: grad_fn answers with {slope.type} for an argument of {inputs[place].type}"
                raise ShapeError(explain(what))
            slope = zeros(inputs[place].type)
        cotangents[place] = slope
    free = tuple(free_inputs((*upstream, *values, *inputs), (*outputs, *cotangents)))
    inputs, cotangents = (*inputs, *free), (*cotangents, *[zeros(x.type) for x in free])
    forward = Graph("custom", inputs, outputs)
    gradient = Graph("custom_gradient", (*upstream, *values, *inputs), cotangents)
    return list(results_of(call(*nodes, *free, graph=forward, gradient=gradient)))


def grad_pass_through(f: Callable) -> Callable:
    """``f`` with the gradient of the identity: what arrives at the result goes to the first argument as it is."""

    @custom_gradient
    @functools.wraps(f)
    def passing(*args, **kwargs):
        return f(*args, **kwargs), lambda *upstream: [upstream[0], *[None] * (len(args) - 1)]

    return passing
