"""The recorder of a function that is being traced: Python runs once, what it computes becomes one pure graph."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphc.api.body import Body
from graphc.api.eager import EAGER
from graphc.api.places import PLACES
from graphc.api.recorder import RECORDERS
from graphc.api.stream import SEEDS
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.traced_value import made_at
from graphc.api.transfers import on_device
from graphc.errors import SymbolicError, UsageError, call_size, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.graph import Graph, input_node, substitute
from graphc.ir.node import Node, const, symbol
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lib import shape as lib_shape
from graphc.lib.math import stop_gradient
from graphc.prims.table import apply

KEY, COUNT = Type(dt.u32, (2,)), Type(dt.u64, ())
_numbers = itertools.count()
BLOCKS = 1 << 40  # of random numbers that one run of an operation may draw
FUNCTION = "function"


@dataclass(frozen=True, eq=False)
class Traced:
    """What a function does, as a pure graph.

    Attributes:
        graph: inputs are the arguments, what is captured, the variables' values, the key and counter of random numbers,
            and the token; outputs are the token, the results, the new values of variables, and the new counter. Each
            part is there as the other attributes say.
        arguments: how many there are.
        captured: tensors from outside.
        variables: those whose values go in; read: those of them that results or new values depend on; written: those
            whose new values come out, in order.
        results: how many there are.
        acts: whether there is a token: something is done besides computing.
        draws: whether random numbers are drawn.
        again: variables that are read after an assignment, which tapes around the function take gradients by, too.
        taped: makes the graph with a number to add to each of these readings as an input, before the token, in which
            they are apart from what was assigned; None if there are none.
    """

    graph: Graph
    arguments: int
    captured: tuple
    variables: tuple
    read: frozenset
    written: tuple
    results: int
    acts: bool
    draws: bool
    again: tuple = ()
    taped: Callable[[], Graph] | None = None


class Trace(Body):
    """Operations of one function.

    Args:
        name: of the function, for messages.
        creates: variables may be made.
        actual: the eager tensors that the arguments stand for in the call that asked for the trace, if one did.

    Attributes:
        enclosing: what is recorded around it, if tensors of that are used.
        has_created: variables were made.
    """

    def __init__(self, name: str, creates: bool, actual: Sequence[Tensor] = ()):
        top = RECORDERS.top
        super().__init__(top if top is not None and top.captures else EAGER, takes_effects=True)
        self.name, self.enclosing = name, None
        self._creates, self._drawn, self.has_created = creates, 0, False
        self._key, self._count = self._stand_in(KEY), self._stand_in(COUNT)
        self._names: dict[Node, str] = {}
        self._again: dict[Node, object] = {}  # what stands for a value that was assigned and is read -> the variable
        self._actual, self._outside = actual, len(PLACES.entered)

    def call(self, kind, default_name, build, operands, labels, name=None, alike=True, groups=None, effect=None,
             outputs=None):  # fmt: skip
        """Record an operation, on the device that was opened since the function began, if one was."""
        place = PLACES.top if len(PLACES.entered) > self._outside else ""
        if place and not effect:
            own = build

            def build(*nodes):
                return on_device(place, own, nodes)

        return super().call(kind, default_name, build, operands, labels, name, alike, groups, effect, outputs)

    # -------------------------------------------------------------------------------- what goes in and out

    def tensor_argument(self, name: str, dtype: DType, shape: tuple) -> Tensor:
        """An argument; sizes that are None become symbols."""
        own = name if self.outer is EAGER else f"{name}_in{next(_numbers)}"
        sizes = []
        for axis, size in enumerate(shape):
            if size is None:
                size = symbol(f"{own}_{axis}")
                call_size(f"{own}_{axis}", f"{name}.{axis}")
            sizes.append(size)
        tensor = self.argument_of(dtype, tuple(sizes))
        self._names[tensor.node] = name
        return tensor

    def captured_as(self, value: Tensor) -> Tensor:
        """What stands for a tensor from outside: of eager evaluation, or of a function around this one.

        Raises:
            SymbolicError: it is of a function or a body that has been left.
        """
        if value.graph.is_eager:
            return self._capture(value)
        if self.outer is EAGER:
            return EAGER.convert(value)  # which says what is wrong
        outer = self.outer.convert(value)
        self.enclosing = self.outer
        return self._capture(outer)

    def argument_name(self, node: Node) -> str | None:
        """The name of the argument that a Node stands for, None for others."""
        return self._names.get(node)

    def _start(self, variable) -> Tensor:
        inside = Tensor(self, self._stand_in(variable.type))
        self._starts[variable] = inside.node
        return inside

    @property
    def numbers_draws(self) -> bool:
        """Whether random operations without a seed are numbered: those of each graph from 0, as in TensorFlow."""
        return SEEDS.seed is not None

    def read_state(self, variable) -> Tensor:
        if variable in self._written and variable.trainable and variable.dtype.is_inexact:
            current = self._current[variable]
            if current.node not in self._again:
                stand_in = self._stand_in(current.node.type)
                self._cuts[stand_in], self._again[stand_in] = current.node, variable
                self._current[variable] = Tensor(self, stand_in)
        return super().read_state(variable)

    def draw(self, seed: int | None, kind: str = "", blocks: int | None = None):
        """Key and counter of a random operation: every run of the function draws other numbers.

        Args:
            kind: FUNCTION for a function inside, which numbers its own.
            blocks: of the stream that each run draws, if that is known.
        """
        self._drawn += 1
        if seed is None and not self.numbers_draws:
            key, second = self._key, self._drawn
        else:
            if seed is None and kind != FUNCTION:
                seed, self._unseeded = self._unseeded, self._unseeded + 1
            key, second = SEEDS.fixed(seed or 0)
            key = const(key)
            second = 0 if kind == FUNCTION else second
        low = apply("mul", self._count, const(BLOCKS if blocks is None else blocks, COUNT))
        return key, lib_shape.stack([low, const(second, COUNT)]), None

    def expect_creation(self) -> None:
        """Refuse a variable that is made in a function that has run before.

        Raises:
            UsageError: it is.
        """
        if not self._creates:
            what = "tf.function only supports singleton tf.Variables created on the first call"
            advice = "make the variable outside, or only once: if self.v is None: self.v = tf.Variable(...)"
            when = "a variable is created when the function is traced again"
            raise UsageError(explain(f"{self.name}: {when}; {what}: {advice}"))
        self.has_created = True

    def lifted(self, tensor: Tensor) -> EagerTensor:
        """The value of a tensor in the call that asked for the trace.

        Raises:
            SymbolicError: it depends on an argument, and no call asked for the trace.
        """
        node = self.convert(tensor).node
        values = {x: t.node for t, x in zip(self.captured, self._stand_ins)}
        values |= {start: v.as_tensor().node for v, start in self._starts.items()}
        values |= {x: a.node for x, a in zip(self._argument_nodes, self._actual) if a.type == x.type}
        values |= {self._key: const(SEEDS.next(None)[0]), self._count: const(0, COUNT)}  # as in a first run
        (node,) = substitute(self._without_cuts([node]), values)
        own = {*self._argument_nodes, self._token, self._first}
        if any(x in own for x in toposort([node])):
            what = f"{self.name}: the initial value of a variable depends on an argument of the function"
            advice = "make the variable outside, or give tf.Variable a function that makes the value"
            raise SymbolicError(explain(f"{what}; {advice}"))
        return EagerTensor(EAGER, node)

    def outside(self, tensor: Tensor | None) -> SymbolicError:
        """The error for one of its tensors that is used when it has been traced."""
        name = "a tensor" if tensor is None else tensor.name
        what = f"{name} was made while function {self.name!r} was traced, and has no value outside of it"
        advice = "let the function return it; do not keep it in a variable, list or attribute outside"
        return SymbolicError(explain(f"{what}; {advice}", made_at(tensor)))

    def traced(self, results: Sequence[Tensor]) -> Traced:
        """The graph of everything that was recorded, with these results."""
        variables, written = tuple(self._starts), self.states
        new = [self._current[v].node for v in written]
        token = [self._token] if self.acts else []
        roots = self._without_cuts([*token, *[t.node for t in results], *new])
        used = set(toposort(roots))
        draws = self._key in used or self._count in used
        random = [self._key, self._count] if draws else []
        own = [*random, *([self._first] if token else [])]
        inputs = [*self._argument_nodes, *self._stand_ins, *self._starts.values(), *own]
        if draws:
            roots.append(apply("add", self._count, const(1, COUNT)))
        rest = [*["random_key", "random_count"][: len(random)], "token"]
        names = [*[self._names[x] for x in self._argument_nodes], *["captured"] * len(self.captured),
                 *[v.name.partition(":")[0] for v in variables], *rest]  # fmt: skip
        renamed = {x: input_node(name, x.type) for x, name in zip(inputs, distinct(names))}
        for old, new_node in renamed.items():
            new_node.location = old.location or new_node.location
        outputs = substitute(roots, renamed)
        first = len(self.arguments) + len(self.captured)
        places = {v: first + k for k, v in enumerate(variables)}
        at = len(token) + len(results)
        donated = [(at + k, places[v]) for k, v in enumerate(written)]
        donated += [(len(outputs) - 1, inputs.index(self._count))] if draws else []
        graph = Graph(self.name, tuple(renamed.values()), tuple(outputs), (), tuple(donated))
        read = frozenset(v for v, start in self._starts.items() if start in used)
        again, taped = tuple(self._again.values()), None
        if again:
            roots = [*token, *[t.node for t in results], *new]
            taped = functools.partial(_taped, graph, roots, dict(self._cuts), tuple(self._again), renamed, len(token))
        return Traced(graph, len(self.arguments), tuple(self.captured), variables, read, written, len(results),
                      bool(token), draws, again, taped)  # fmt: skip


def _taped(graph: Graph, roots: Sequence[Node], cuts: dict, again: Sequence[Node], renamed: dict, tokens: int) -> Graph:
    """``Traced.taped``.

    Args:
        roots: the results, with stand-ins in them.
        cuts: stand-in -> its value.
        again: those of them that stand for readings after an assignment.
        renamed: the inputs of ``graph``.
        tokens: how many of these, the last ones, are tokens.
    """
    added = {n: input_node(f"again{k}", n.type) for k, n in enumerate(again)}
    known: dict[Node, Node] = {}
    for stand_in, value in cuts.items():
        (value,) = substitute([value], known)
        known[stand_in] = apply("add", stop_gradient(value), added[stand_in]) if stand_in in added else value
    outputs = substitute(substitute(roots, known), renamed)
    last = len(graph.inputs) - tokens
    return Graph(graph.name, (*graph.inputs[:last], *added.values(), *graph.inputs[last:]), tuple(outputs))


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with numbers where one comes again."""
    taken: set[str] = set()
    found = []
    for name in names:
        own, number = name, 0
        while own in taken:
            number += 1
            own = f"{name}_{number}"
        taken.add(own)
        found.append(own)
    return found
