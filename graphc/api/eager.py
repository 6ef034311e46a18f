"""Eager evaluation, lazy inside: operations are recorded and compiled together when a value is asked for."""

from __future__ import annotations

import operator
import weakref
from collections import deque
from collections.abc import Sequence

import numpy as np

from graphc.api.adopt import adopted
from graphc.api.effect import EFFECT, first_token
from graphc.api.mode import MODE
from graphc.api.operators import Operators
from graphc.api.programs import Programs
from graphc.api.signature import OpenSizes, signature
from graphc.api.stream import SEEDS
from graphc.api.tensor import MARKS, EagerTensor, Tensor, value_of_leaf, without_marks
from graphc.compile import compile_graph
from graphc.errors import SymbolicError, explain, here, with_line
from graphc.ir.dtype import DType
from graphc.ir.graph import Graph, input_node, needed, substitute
from graphc.ir.node import Node, const
from graphc.ir.order import toposort
from graphc.ir.origin import built
from graphc.lib import shape as lib_shape
from graphc.lib.dims import DataDependent
from graphc.lib.promote import as_node, literal_array

_PYTHON_SCALARS = (bool, int, float, complex, str, bytes)
_RECENT = 128  # programs with sizes known only while running that are kept
_SMALL = 64  # elements of an integer operand that may decide a shape


class Eager:
    """The recorder outside of graphs and traced functions."""

    is_eager, captures = True, False

    def __init__(self):
        self._recent: deque = deque(maxlen=_RECENT)
        self.waiting = weakref.WeakValueDictionary()  # number -> variable whose new value is not computed yet

    def call(self, kind, default_name, build, operands, labels, name=None, alike=True, groups=None, effect=None,
             outputs=None):  # fmt: skip
        """Record an operation at once typed, later computed; see ``graphc.api.recorder``.

        Operations with effects, and those whose sizes depend on data, are carried out now.
        """
        tensors = adopted(operands, self.convert, alike, groups)
        nodes = [t.node for t in tensors]
        if effect is EFFECT:
            made = self._made(default_name, self._carry_out(build, operands, nodes))
            return made[0] if len(made) == 1 else made or None
        try:
            results = _listed(built(build, operands, nodes))
        except DataDependent:
            results = _listed(built(build, operands, self._known(tensors, nodes)))
        made = self._made(default_name, [EagerTensor(self, node) for node in results])
        if any(type(d) is not int for node in results for d in node.shape):
            for tensor, array in zip(made, self.evaluate(results)):
                tensor.settle(array)
        return made[0] if len(made) == 1 else made

    @staticmethod
    def _made(name: str, tensors: list) -> list:
        """These results, which know the operation and the line that made them."""
        made = f"from {name}", here()
        for tensor in tensors:
            tensor.made = made
        return tensors

    def _carry_out(self, build, operands, nodes) -> list:
        """Run an operation with an effect now."""
        wanted = built(build, ("", *operands), [first_token(), *nodes])
        _, *made = [EagerTensor(self, array=_frozen(a)) for a in self.evaluate(wanted)]
        return made

    def _known(self, tensors: Sequence[EagerTensor], nodes: Sequence[Node]) -> list[Node]:
        """The operands with scalars and small integer ones as constants: their values may decide a shape or an axis."""
        known = []
        for tensor, node in zip(tensors, nodes):
            type = node.type
            if (type.dtype.is_integer or not type.rank) and type.rank <= 2 and type.size <= _SMALL:
                node = const(tensor.array)
            known.append(node)
        return known

    def convert(self, value, dtype: DType | None = None) -> Tensor:
        """``value`` as a tensor of eager evaluation; literals take ``dtype``.

        Raises:
            DtypeError: it does not fit ``dtype``.
        """
        if isinstance(value, Operators):
            if not value.graph.is_eager:
                raise SymbolicError(explain(f"{value.name} belongs to a graph and has no value outside of it"))
            return value if isinstance(value, Tensor) else value.value()
        if isinstance(value, (list, tuple)) and _holds_tensors(value):
            parts = [self.convert(v, dtype) for v in value]
            return self.call("Pack", "packed", lambda *xs: lib_shape.stack(list(xs)), parts, ["values"] * len(parts))
        if isinstance(value, _PYTHON_SCALARS):
            tensor = EagerTensor(self, as_node(value, dtype))
        else:
            tensor = EagerTensor(self, array=_frozen(literal_array(value, dtype)))
        tensor.made = "is constant", here()
        return tensor

    def draw(self, seed: int | None):
        """Key and counter of a new random operation, and None: it has no effect but on the counter."""
        key, counter = (EagerTensor(self, array=_frozen(a)).node for a in SEEDS.next(seed))
        return key, counter, None

    def value_of(self, node: Node) -> np.ndarray:
        """The value of one recorded Node.

        New values of variables that share operations with it are computed along, so that a training step and its loss
        are one program.
        """
        if not self.waiting:
            return self.evaluate([node])[0]
        inner = {n for n in toposort([node]) if n.inputs}
        waiting = self._in_order()
        if inner.isdisjoint(toposort([v.new_value for v in waiting])):
            return self.evaluate([node])[0]
        return self._settled([node], waiting)[0]

    def settle_waiting(self) -> None:
        """Compute the new values of all variables that were assigned to, by one program."""
        self._settled([], self._in_order())

    def _in_order(self) -> list:
        return [v for _, v in sorted(self.waiting.items(), key=operator.itemgetter(0))]

    def _settled(self, nodes: list[Node], waiting: list) -> list[np.ndarray]:
        arrays = self.evaluate([*nodes, *[v.new_value for v in waiting]])
        for variable, array in zip(waiting, arrays[len(nodes) :]):
            variable.settle(array)
            self.waiting.pop(variable.number, None)
        return arrays[: len(nodes)]

    def evaluate(self, nodes: Sequence[Node]) -> list[np.ndarray]:
        """The values of recorded Nodes, computed by one compiled graph."""
        with with_line():
            try:
                found = signature(nodes, MARKS)
            except OpenSizes:
                return self._evaluate_once(without_marks(nodes))
            results = PROGRAMS.run(found, lambda: without_marks(nodes), value_of_leaf)
            return [np.asarray(a) for a in results]

    def _evaluate_once(self, nodes: Sequence[Node]) -> list[np.ndarray]:
        """The values of Nodes whose sizes only a run knows: their graph is known by its text."""
        leaves = [n for n in needed(nodes) if n.op == "input"]
        names = {leaf: input_node(f"x{k}", leaf.type) for k, leaf in enumerate(leaves)}
        graph = Graph("eager", tuple(names.values()), tuple(substitute(nodes, names)))
        program = compile_graph(graph)
        self._recent.append(program)  # found again by its text as long as somebody holds it
        return [np.asarray(a) for a in program(*[value_of_leaf(leaf) for leaf in leaves])]


def _listed(result) -> list[Node]:
    if result is None:
        return []
    return [result] if isinstance(result, Node) else list(result)


def _holds_tensors(value) -> bool:
    return any(_holds_tensors(v) if isinstance(v, (list, tuple)) else isinstance(v, Operators) for v in value)


def _frozen(array: np.ndarray) -> np.ndarray:
    """A private copy that nobody writes to."""
    array = np.array(array, order="C")
    array.flags.writeable = False
    return array


EAGER = Eager()
PROGRAMS = Programs(lambda graph: compile_graph(graph))  # looked up when called, as tests replace it


eager = MODE.or_else(lambda: EAGER)
