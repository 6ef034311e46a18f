"""The recorder of a branch or of a step of a loop: a function of tensors, called once, becomes a function of Nodes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.api.adopt import adopted
from graphc.api.effect import EFFECT, TOKEN
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.tensor import EagerTensor, Tensor
from graphc.errors import StateError, explain
from graphc.ir.dtype import DType
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import INDEX, Node, const
from graphc.ir.order import toposort
from graphc.ir.type import Type
from graphc.lib import shape as lib_shape
from graphc.lib.control import mixed
from graphc.lib.dims import DataDependent, measuring
from graphc.lib.promote import as_node, literal_array

_numbers = itertools.count()
_SMALL = 64  # elements of an integer operand that may decide a shape


class Body:
    """Operations inside one function; tensors from outside that they use are ``captured``.

    Attributes:
        outer: the recorder around it.
        captured: tensors of ``outer``, in the order of their first use.
        outputs: what ``finish`` was given, as tensors.
        states: variables that are assigned inside, for recorders that can do that; here none.
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
        self.captured: list[Operators] = []
        self.outputs: list[Tensor] = []
        self.states: tuple = ()
        self._inside: dict[int, Tensor] = {}
        self._step = self._stand_in(INDEX)
        self._token = self._first = self._stand_in(TOKEN)

    @property
    def acts(self) -> bool:
        return self._token is not self._first

    def __enter__(self):
        RECORDERS.entered.append(self)
        return self

    def __exit__(self, *error):
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
        return tensor

    def finish(self, results: Sequence) -> None:
        """Take tensors and literals for the results of the function."""
        self.outputs = [self.convert(r) for r in results]

    def reads(self) -> list:
        """Variables that are read inside, for recorders that can say; see ``graphc.api.recording`` for others."""
        return []

    def is_value(self, tensor: Operators, variable) -> bool:
        """Whether this is the value of a variable."""
        return tensor is variable.as_tensor()

    def belong(self, owner) -> None:
        """The function is a part of this operation; of use where operations can be found by name."""

    def replay(self, arguments: Sequence[Node], captured: Sequence[Node], states=None,
               step: Node | None = None) -> list[Node]:  # fmt: skip
        """The results for these values of the arguments and of what is captured; of ``states`` see ``acts``."""
        values = {t.node: n for t, n in zip(self.arguments, arguments, strict=True)}
        values |= {self._inside[id(t)].node: n for t, n in zip(self.captured, captured, strict=True)}
        values[self._step] = const(0, INDEX) if step is None else step
        if self.acts:
            values[self._first] = states[EFFECT]
        *found, token = substitute([*(t.node for t in self.outputs), self._token], values)
        if self.acts:
            states[EFFECT] = token
        return found

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
        """An integer tensor with small ones from outside as constants, where they have values: they may decide a shape."""
        if not tensor.dtype.is_integer:
            return tensor.node
        path, values = set(toposort([tensor.node])), {}
        for outer in self.captured:
            inside = self._inside[id(outer)].node
            if inside in path and isinstance(outer, EagerTensor) and outer.dtype.is_integer:
                if outer.type.rank <= 2 and outer.type.size <= _SMALL:
                    values[inside] = const(outer.array)
        return substitute([tensor.node], values)[0] if values else tensor.node

    def convert(self, value, dtype: DType | None = None) -> Tensor:
        """``value`` as a tensor of this recorder; tensors from outside are captured."""
        if isinstance(value, Tensor) and value.graph is self:
            return value
        if isinstance(value, Operators):
            return self._capture(self.outer.convert(value))
        if isinstance(value, (list, tuple)) and _holds_tensors(value):
            parts = [self.convert(v, dtype) for v in value]
            return self.call("Pack", "packed", lambda *xs: lib_shape.stack(list(xs)), parts, ["values"] * len(parts))
        return Tensor(self, as_node(literal_array(value, dtype)))

    def _capture(self, tensor: Operators) -> Tensor:
        inside = self._inside.get(id(tensor))
        if inside is None:
            inside = self._inside[id(tensor)] = Tensor(self, self._stand_in(tensor.type))
            self.captured.append(tensor)
        return inside

    def draw(self, seed: int | None):
        """Key and counter of a random operation; every step of a loop draws other numbers."""
        key, counter, _ = self.outer.draw(seed)
        inside = [self._capture(Tensor(self.outer, n)).node if n.op != "const" else n for n in (key, counter)]
        return inside[0], mixed(inside[1], self._step), None


def _holds_tensors(value) -> bool:
    return any(_holds_tensors(v) if isinstance(v, (list, tuple)) else isinstance(v, Operators) for v in value)
