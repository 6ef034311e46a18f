"""The recorder of a branch or a loop's body in a TensorFlow 1 graph: operations that run again in every step.

The function's operations are ordinary operations of the graph, under names, scopes and collections as everywhere. What
lies between the body's arguments, the tensors from outside that it uses, and its results is built anew from actual
Nodes whenever the branch or loop is.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.api.effect import EFFECT, Effect
from graphc.errors import GraphError, ShapeError, explain, located
from graphc.ir.dtype import DType
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.control import mixed
from graphc.lib.shape import ensure_shape
from graphc.v1.differentiate import differentiate, refine
from graphc.v1.infer import nodes_of
from graphc.v1.slices import split
from graphc.v1.tensor import (
    Differentiate, Feed, Initialised, Operation, Random, Read, ReadOr, Tensor, Update, Write,
)  # fmt: skip
from graphc.v1.trace import COUNTERS, counter_node


class GraphBody:
    """Operations made inside one function; see ``graphc.api.body.Body`` for what it offers.

    Every operation with effects that is made inside runs, whether or not the results need it, as in the functions of
    TensorFlow's second control flow.

    Attributes:
        states: variables that are assigned inside: their values go in and come out.
        effect: what drawing random numbers inside does to the session, if there is any; then one counter serves all.
        acts: whether there are operations with effects: a token goes in and comes out, under ``EFFECT``.
        before: operations from outside that come before ones inside.
    """

    def __init__(self, graph):
        self.graph = graph
        self.arguments: list[Tensor] = []
        self.captured: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.states: tuple = ()
        self.effect: Random | None = None
        self.acts = False
        self.before: list[Operation] = []
        self._inner: set[Operation] = set()  # operations of bodies inside this one
        self._path: list[Operation] = []
        self._first = 0
        self._context = self._outer = None
        self._within: GraphBody | None = None

    def open_body(self) -> "GraphBody":
        """The recorder of a function inside, which may be entered after this one has been left."""
        inner = GraphBody(self.graph)
        inner._within = self
        return inner

    def __enter__(self):
        if self._context is None:  # the first time
            self._first = len(self.graph.get_operations())
        self._outer, self.graph.body = self.graph.body, self
        self._context = self.graph.as_default()
        self._context.__enter__()
        return self

    def __exit__(self, *error):
        self._context.__exit__(*error)
        self.graph.body = self._outer
        for around in {self._outer, self._within} - {None, self}:
            around._inner.update(self.graph.get_operations()[self._first :])

    # ------------------------------------------------------------------------------- what goes in and out

    def argument(self, like: Tensor, is_row: bool = False) -> Tensor:
        """An argument of the function: of the dtype and shape of a tensor, or of its rows."""
        if like.node is None:
            return self._argument(like.dtype, None)
        return self.argument_of(like.dtype, like.node.shape[1:] if is_row else like.node.shape)

    def argument_of(self, dtype: DType, shape: tuple) -> Tensor:
        """An argument of the function, of a known type."""
        return self._argument(dtype, input_node(self.graph.identifier("argument"), Type(dtype, tuple(shape))))

    def _argument(self, dtype: DType, node: Node | None) -> Tensor:
        graph = self.graph
        with graph.control_dependencies(None):
            op = graph.create("Argument", graph.unique_name("argument"), (), None, Feed((dtype, None)), [(dtype, node)])
        self.arguments.append(op.outputs[0])
        return op.outputs[0]

    def finish(self, results: Sequence) -> None:
        """Take tensors, literals and operations for the results of the function; an operation's result is True."""
        graph, made = self.graph, []
        for r in results:
            if isinstance(r, Operation):
                with graph.control_dependencies([r]):
                    done, true = graph.unique_name("done"), graph.convert(True)
                    r = graph.create("Identity", done, (true,), math.identity).outputs[0]
            made.append(graph.convert(r))
        self.outputs = made
        self._close()

    def _close(self) -> None:
        """Find the operations that must run, what they use from outside, and the variables they assign."""
        inside = [op for op in self.graph.get_operations()[self._first :] if op not in self._inner]
        own = {t.op for t in self.arguments}
        acting = [op for op in inside if isinstance(op.effect, Effect)]
        path = self._needed({*inside, *self._inner} - own, [*(t.op for t in self.outputs), *acting])
        self.acts = bool(acting)
        self.states = tuple(dict.fromkeys(v for op in sorted(path, key=_number) for v in _assigned(op.effect)))
        path = {op for op in path if not isinstance(op.effect, Read) or op.effect.variable in self.states}
        path = {op for op in path if not isinstance(op.effect, (Initialised, ReadOr))}  # known before the body runs
        self._path = sorted(path, key=_number)
        drawn = [op.effect.drawn if isinstance(op.effect, Effect) else op.effect for op in self._path]
        drawn = [e for e in drawn if isinstance(e, Random)]
        self.effect = next((e for e in drawn if e.seeded), drawn[0] if drawn else None)
        used = [t for op in self._path for t in op.operands] + self.outputs
        self.captured = list(dict.fromkeys(t for t in used if t.op not in path and t.op not in own))

    def _needed(self, inside: set, targets: list) -> set:
        """The operations of ``inside`` that the targets need; ``before`` becomes what they come after outside."""
        path: set[Operation] = set()
        before: dict[Operation, None] = {}
        stack = list(targets)
        while stack:
            op = stack.pop()
            if op in path or op not in inside or isinstance(op.effect, Feed):
                continue
            path.add(op)
            before.update(dict.fromkeys(c for c in op.control_inputs if c.id < self._first))
            stack.extend([*(t.op for t in op.operands), *op.control_inputs])
        self.before = list(before)
        return path

    def reads(self) -> list:
        """Trainable variables from outside whose values are used inside."""
        read = dict.fromkeys(_variable_of(t) for t in self.captured)
        return [v for v in read if v is not None and v.trainable]

    def is_value(self, tensor: Tensor, variable) -> bool:
        """Whether this is the value of a variable."""
        return _variable_of(tensor) is variable

    def belong(self, owner: Operation) -> None:
        """The function is a part of this operation."""
        self.graph.own([op for op in self._path if isinstance(op.effect, Effect)], owner)

    def replay(self, arguments: Sequence[Node], captured: Sequence[Node], states: dict,
               step: Node | None = None) -> list[Node]:  # fmt: skip
        """The results for these values; ``states`` {variable: value, EFFECT: token} is brought up to date."""
        values = dict(zip([*self.arguments, *self.captured], [*arguments, *captured]))
        given = set(values)
        for op in self._path:
            with located(op.location):
                for t, node in zip(op.outputs, _results(op, values, given, states)):
                    values[t] = refine(t, node)
        found = [values[t] for t in self.outputs]
        return found if self.effect is None else _new_numbers(found, states, step, counter_node(self.effect.seeded))


def _variable_of(tensor: Tensor):
    """The variable whose value this is, or None."""
    op = tensor.op.operands[0].op if tensor.op.type == "Identity" else tensor.op
    return op.effect.variable if isinstance(op.effect, Read) else None


def _number(op: Operation) -> int:
    return op.id


def _results(op: Operation, values: dict, given: set, states: dict) -> tuple:
    match op.effect:
        case Read(variable):
            return (states[variable],)
        case Effect():
            values[op] = states[EFFECT]
            states[EFFECT], *results = op.build(states[EFFECT], *[values[t] for t in op.operands])
            return tuple(results)
        case Write(variable, uses_current):
            operands = [values[t] for t in op.operands]
            _assign(op, variable, op.build(*([states[variable]] if uses_current else []), *operands), states)
            return (states[variable],)
        case Update(variables):
            new = op.build(*[states[v] for v in variables], *[values[t] for t in op.operands])
            for v, n in zip(variables, new):
                _assign(op, v, n, states)
            return (states[variables[0]],)
        case Differentiate():
            found = differentiate(op.name, op.effect, values, given.__contains__)
            if any(g is None for g in found):
                what = f"{op.name}: a gradient inside a loop or branch reaches a value from outside of it"
                raise GraphError(explain(what))
            return tuple(split(found, op.effect.places))
    return nodes_of(op.build(*[values[t] for t in op.operands])) if op.build else ()


def _assigned(effect) -> tuple:
    """The variables that an operation of this effect assigns."""
    return effect.variables if isinstance(effect, Update) else (effect.variable,) if isinstance(effect, Write) else ()


def _assign(op: Operation, variable, new: Node, states: dict) -> None:
    if new.dtype is not variable.dtype or len(new.shape) != len(variable.type.shape):
        what = f"{op.name}: {new.type} does not fit variable {variable.name} of {variable.type}"
        raise ShapeError(explain(what))
    states[variable] = ensure_shape(new, variable.type.shape)


def _new_numbers(found: list[Node], states: dict, step: Node | None, counter: Node) -> list[Node]:
    """The results with all random numbers at ``counter``, and others in every step."""
    counter = counter if step is None else mixed(counter, step)
    new = substitute([*found, *states.values()], {counter_node(seeded): counter for seeded in COUNTERS})
    states.update(zip(list(states), new[len(found) :]))
    return new[: len(found)]


def read_state(variable) -> Tensor:
    """The value of a variable before a branch or loop that assigns it."""
    return variable.read_value()


def write_states(graph, variables: Sequence, values: Sequence[Tensor], results: Sequence[Tensor]) -> list[Tensor]:
    """Give variables their values after a branch or loop; the results, known only after that."""
    writes = []
    for variable, value in zip(variables, values):
        full = graph.unique_name("AssignVariableOp")
        outputs = [(variable.dtype, variable.start)]
        writes.append(graph.create("Assign", full, (value,), lambda new: new, Write(variable, False), outputs))
    with graph.control_dependencies(writes):
        return [graph.create("Identity", graph.unique_name("after"), (t,), math.identity).outputs[0] for t in results]


