"""The recorder of a branch or of a step of a loop: a function of tensors, called once, becomes a function of Nodes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.api.adopt import SMALL, adopted, dtype_within, holds_tensor, own_tensor
from graphc.api.effect import EFFECT, TOKEN
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.recording import RECORDING
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.traced_value import made_at
from graphc.errors import StateError, SymbolicError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import INDEX, Node, const
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lib import shape as lib_shape
from graphc.lib.control import mixed
from graphc.lib.dims import DataDependent, measuring
from graphc.lib.promote import as_node, literal_array
from graphc.prims.table import apply

_numbers = itertools.count()


class Body:
    """Operations inside one function; tensors from outside that they use are ``captured``.

    Attributes:
        outer: the recorder around it.
        captured: tensors of ``outer``, in the order of their first use.
        outputs: what ``finish`` was given, as tensors.
        states: variables that are assigned inside: their values go in and come out.
        effect: what drawing random numbers inside does, likewise.
        acts: whether there are operations with effects: a token goes in and comes out, under ``EFFECT``.
        before: operations from outside that come before ones inside, for recorders that have such an order.
    """

    is_eager, captures = False, True
    effect, before = None, ()

    def __init__(self, outer, takes_effects: bool = False):
        """``takes_effects``: otherwise operations with effects are refused; eager loops then run step by step."""
        self.outer, self.takes_effects = outer, takes_effects
        self.arguments: list[Tensor] = []
        self._argument_nodes: list[Node] = []
        self.captured: list[Operators] = []
        self.outputs: list[Tensor] = []
        self._inside: dict[int, Tensor] = {}
        self._stand_ins: list[Node] = []  # for what is captured
        self._starts: dict = {}  # variable -> what stands for its value when the function begins
        self._current: dict = {}  # variable -> its value here, as a tensor
        self._written: dict = {}
        self._cuts: dict[Node, Node] = {}  # stands for a value that gradients do not go through -> that value
        self._entered = 0
        self._step, self._unseeded = self._stand_in(INDEX), 0
        self._token = self._first = self._stand_in(TOKEN)

    @property
    def acts(self) -> bool:
        return self._token is not self._first

    @property
    def is_left(self) -> bool:
        """Whether nothing more is recorded."""
        return not self._entered

    @property
    def states(self) -> tuple:
        return tuple(self._written)

    def __enter__(self):
        RECORDERS.enter(self)
        self._entered += 1
        return self

    def __exit__(self, *error):
        self._entered -= 1
        RECORDERS.leave(self)

    def _stand_in(self, type: Type) -> Node:
        return input_node(f"inside{next(_numbers)}", type)

    # ------------------------------------------------------------------------------- what goes in and out

    def argument(self, like: Operators, is_row: bool = False) -> Tensor:
        """An argument of the function: of the type of a tensor, or of its rows."""
        type = like.type
        return self.argument_of(type.dtype, type.shape[1:] if is_row else type.shape)

    def argument_of(self, dtype: DType, shape: tuple) -> Tensor:
        """An argument of the function, of a known type."""
        tensor = Tensor(self, self._stand_in(Type(dtype, tuple(shape))))
        self.arguments.append(tensor)
        self._argument_nodes.append(tensor.node)  # which the tensor's may come to differ from, by set_shape
        return tensor

    def finish(self, results: Sequence) -> None:
        """Take tensors and literals for the results of the function."""
        self.outputs = [self.convert(r) for r in results]

    def reads(self) -> list:
        """Trainable variables from outside whose values are used inside."""
        return [v for v in self._starts if v.trainable]

    def is_value(self, tensor: Operators, variable) -> bool:
        """Whether this is the value of a variable."""
        start = self._starts.get(variable)
        return start is not None and any(t is tensor for t, x in zip(self.captured, self._stand_ins) if x is start)

    def belong(self, owner) -> None:
        """The function is a part of this operation; of use where operations can be found by name."""

    def replay(self, arguments: Sequence[Node], captured: Sequence[Node], states=None,
               step: Node | None = None) -> list[Node]:  # fmt: skip
        """The results for these values of the arguments and of what is captured; of ``states`` see ``acts``."""
        values = dict(zip(self._argument_nodes, arguments, strict=True))
        values |= dict(zip(self._stand_ins, captured, strict=True))
        values |= {start: states[v] for v, start in self._starts.items() if states and v in states}
        values[self._step] = const(0, INDEX) if step is None else step
        if self.acts:
            values[self._first] = states[EFFECT]
        written = [self._current[v].node for v in self.states]
        outputs = self._without_cuts([*(t.node for t in self.outputs), *written, self._token])
        *found, token = substitute(outputs, values, sizes=_other_sizes(values))
        count = len(self.outputs)
        if self.acts:
            states[EFFECT] = token
        if self.states:
            states.update(zip(self.states, found[count:]))
        return found[:count]

    # ------------------------------------------------------------------------------------------- variables

    def read_state(self, variable) -> Tensor:
        """The value of a variable as it is at this place."""
        found = self._current.get(variable)
        if found is None:
            found = self._current[variable] = self._start(variable)
        if RECORDING.is_on:
            RECORDING.read(variable, self)
            found = self._current[variable]
        return found

    def _start(self, variable) -> Tensor:
        """What stands for the value of a variable when the function begins."""
        inside = Tensor(self, self._stand_in(variable.type))
        self._starts[variable] = inside.node
        self.captured.append(self.outer.read_state(variable))
        self._stand_ins.append(inside.node)
        return inside

    def write_state(self, variable, value: Tensor) -> None:
        """Give a variable a value, which fits."""
        if variable not in self._starts:
            self._start(variable)
        self._current[variable] = value
        self._written[variable] = True

    def write_states(self, variables: Sequence, values: Sequence[Tensor], results: Sequence[Tensor]) -> list[Tensor]:
        """Give variables their values after a branch or loop inside; the results, as they are."""
        for variable, value in zip(variables, values):
            self.write_state(variable, value)
        return list(results)

    def source_of(self, variable) -> Node:
        """What gradients by a variable are taken by: its value here, through which they do not go further."""
        current = self._current.get(variable)
        if current is None:
            current = self._current[variable] = self._start(variable)
        if current.node.op != "input":
            stand_in = self._stand_in(current.node.type)
            self._cuts[stand_in] = current.node
            current = self._current[variable] = Tensor(self, stand_in)
        return current.node

    def watched(self, tensor: Tensor) -> Node:
        """What gradients by a tensor are taken by: a Node of its own for a constant, which literals may be equal to."""
        inside = self.convert(tensor)
        if inside is tensor and tensor.node.op != "input" and not tensor.node.inputs:
            stand_in = self._stand_in(tensor.node.type)
            self._cuts[stand_in] = tensor.node
            tensor._node = stand_in
        return inside.node

    def _without_cuts(self, nodes: Sequence[Node]) -> list[Node]:
        """The Nodes with the values in place of what stands for them."""
        known: dict[Node, Node] = {}
        for stand_in, value in self._cuts.items():
            (known[stand_in],) = substitute([value], known)
        return substitute(nodes, known) if known else list(nodes)

    def expect_creation(self) -> None:
        """Refuse a variable that is made here, unless the function around allows it."""
        self.outer.expect_creation()

    def lifted(self, tensor: Tensor) -> Tensor:
        """A tensor of eager evaluation of the same value.

        Raises:
            SymbolicError: it depends on arguments of a function that is being traced.
        """
        raise self.outside(tensor)

    # --------------------------------------------------------------------------------- a recorder's members

    def open_body(self) -> "Body":
        """The recorder of a function inside."""
        return Body(self, self.takes_effects)

    def call(self, kind, default_name, build, operands, labels, name=None, alike=True, groups=None, effect=None,
             outputs=None):  # fmt: skip
        """Record an operation; see ``graphc.api.recorder``.

        Raises:
            StateError: it has an effect, and these are not taken.
        """
        if not self._entered:
            raise self.outside(next((t for t in operands if isinstance(t, Tensor) and t.graph is self), None))
        if effect and not self.takes_effects:
            raise StateError(explain(f"{default_name}: an operation with effects inside a branch or a loop"))
        tensors = adopted(operands, self.convert, alike, groups)
        before = [self._token] if effect else []
        try:
            results = build(*before, *[t.node for t in tensors])
        except DataDependent:
            with measuring():
                results = build(*before, *[self._known(t) for t in tensors])
        results = [results] if isinstance(results, Node) else list(results or ())
        if effect:
            self._token = results.pop(0)
        made = [Tensor(self, node) for node in results]
        return made[0] if len(made) == 1 else made

    def _known(self, tensor: Tensor) -> Node:
        """An integer tensor with small ones from outside as constants, if they have values, which may decide a shape."""
        if not tensor.dtype.is_integer:
            return tensor.node
        path, values = set(toposort([tensor.node])), {}
        for outer, inside in zip(self.captured, self._stand_ins):
            if inside not in path or not outer.dtype.is_integer:
                continue
            if isinstance(outer, EagerTensor):
                if outer.type.rank <= 2 and outer.type.size <= SMALL:
                    values[inside] = const(outer.array)
            elif isinstance(outer.graph, Body):
                node = outer.graph._known(outer)
                if node.op == "const":
                    values[inside] = node
        return substitute([tensor.node], values)[0] if values else tensor.node

    def convert(self, value, dtype: DType | None = None) -> Tensor:
        """``value`` as a tensor of this recorder; tensors from outside are captured."""
        if isinstance(value, Tensor) and value.graph is self:
            return value
        if isinstance(value, Operators):
            if not isinstance(value, Tensor) and not hasattr(value, "value"):
                return self._constant_of_graph(value)
            return self.captured_as(value) if isinstance(value, Tensor) else self.convert(value.value(), dtype)
        if isinstance(value, (list, tuple)) and holds_tensor(value):
            dtype = dtype or dtype_within(value)
            parts = [self.convert(v, dtype) for v in value]
            return self.call("Pack", "packed", lambda *xs: lib_shape.stack(list(xs)), parts, ["values"] * len(parts))
        own = own_tensor(value, dtype)
        if own is not None:
            return self.convert(own)
        return Tensor(self, as_node(literal_array(value, dtype)))

    def _constant_of_graph(self, value) -> Tensor:
        """A constant of a graph that does not surround this body."""
        node = getattr(value, "node", None)
        if node is None or node.op != "const":
            what = f"{value.name} belongs to a graph and has no value inside of this function"
            raise SymbolicError(explain(f"{what}; use an array in its place, or make it an argument of the function"))
        return Tensor(self, node)

    def captured_as(self, value: Tensor) -> Tensor:
        """What stands for a tensor from outside."""
        return self._capture(self.outer.convert(value))

    def outside(self, tensor: Tensor | None) -> SymbolicError:
        """The error for one of its tensors that is used where it has no value."""
        name = "a tensor" if tensor is None else tensor.name
        what = f"{name} was made inside a branch or the body of a loop and has no value outside of it"
        return SymbolicError(explain(f"{what}; let the function answer with it", made_at(tensor)))

    def _capture(self, tensor: Operators) -> Tensor:
        inside = self._inside.get(id(tensor))
        if inside is None:
            inside = self._inside[id(tensor)] = Tensor(self, self._stand_in(tensor.type))
            self.captured.append(tensor)
            self._stand_ins.append(inside.node)
        return inside

    @property
    def numbers_draws(self) -> bool:
        """Whether random operations without a seed are numbered, as TensorFlow does in each graph of a function."""
        return getattr(self.outer, "numbers_draws", False)

    def draw(self, seed: int | None, kind: str = "", blocks: int | None = None):
        """Key and counter of a random operation; every step of a loop draws other numbers."""
        if seed is None and self.numbers_draws:
            seed, self._unseeded = self._unseeded, self._unseeded + 1
        key, counter, _ = self.outer.draw(seed, kind)
        kind = EagerTensor if self.outer.is_eager else Tensor
        inside = [self._capture(kind(self.outer, n)).node if n.op != "const" else n for n in (key, counter)]
        if blocks is None or not self.numbers_draws:
            return inside[0], mixed(inside[1], self._step), None
        step = apply("cast", self._step, dtype=dt.u64)
        far = apply("mul", step, const(blocks, step.type))
        return inside[0], apply("add", inside[1], lib_shape.stack([far, const(0, step.type)])), None


def _other_sizes(values: dict) -> dict:
    """Symbolic sizes of stand-ins that are others in the Nodes for which they stand."""
    pairs = [p for inside, node in values.items() for p in zip(inside.shape, node.shape)]
    return {d: size for d, size in pairs if isinstance(d, Node) and d.op == "symbol" and d is not size}
