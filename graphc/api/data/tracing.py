"""Tracing a function of an element: what structure and types its answer has, and whether it is pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from graphc.api.body import Body
from graphc.api.data.element import (
    DatasetSpec, NoneTensorSpec, dims_of, leaves, mapped, most_specific, normalised, packer, spec_of,
)  # fmt: skip
from graphc.api.data.stage import Stage
from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor, SparseTensorSpec
from graphc.api.spec import TensorSpec
from graphc.api.tensor import EagerTensor, Tensor
from graphc.api.variable import Variable
from graphc.errors import GraphcError, SymbolicError, call_size, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import INDEX, Node, symbol
from graphc.ir.type import Type
from graphc.lib.control import mixed

_GUESSES = (1, 0, 2, 3, 4)  # ranks tried where only a run tells them
_numbers = itertools.count()


class Guessed(Tensor):
    """A value whose rank nobody knows while tracing; its Node has one that is tried."""

    __slots__ = ("promised",)

    def __init__(self, graph, node):
        super().__init__(graph, node)
        self.promised = TensorShape(None)

    @property
    def shape(self) -> TensorShape:
        return self.promised

    def set_shape(self, shape) -> None:
        """Say what the shape is."""
        self.promised = TensorShape(shape)
        if self.promised.dims is not None:
            self._node = input_node(f"promised{next(_numbers)}", Type(self.dtype, open_dims(self.promised.as_list())))


class Given(Stage):
    """Stands for a dataset that a traced function is given."""

    is_given = True

    def open(self, run):
        """Refused: there are no elements while a function is traced."""
        what = "a dataset that a traced function is given has no elements yet; use its methods: batch, reduce, take"
        raise SymbolicError(explain(what))


def stands_in(stage: Stage) -> bool:
    """Whether a dataset has no elements, as it is made of what a traced function is given."""
    waiting = [stage]
    while waiting:
        stage = waiting.pop()
        if stage.is_given:
            return True
        waiting.extend(stage.inputs)
    return False


def is_tracing() -> bool:
    """Whether a function of an element is being traced."""
    return _tracing() is not None


def _tracing() -> Tracing | None:
    body = RECORDERS.top
    while body is not None and not isinstance(body, Tracing):
        body = getattr(body, "outer", None)
    return body


def promised(element_spec):
    """A value of this spec in the function that is being traced, for one that comes of a dataset it is given."""
    body = _tracing()
    body.is_pure = False
    return mapped(body.stand_in, element_spec)


class Tracing(Body):
    """The recorder of a function of an element.

    Attributes:
        is_pure: whether the answer depends on nothing but the arguments and random numbers, and nothing else happens.
        draws: the random operations.
        has_guesses: whether there are values of unknown rank.
    """

    def __init__(self, guess: int):
        top = RECORDERS.top
        super().__init__(top if top is not None and top.captures else EAGER, True)
        self.guess, self.is_pure, self.has_guesses = guess, True, False
        self.draws: list[tuple] = []  # stand-ins for key and counter of each random operation, and its seed
        self.number = self._stand_in(INDEX)

    def open_body(self) -> Body:
        return _Inner(self)

    def call(self, kind, default_name, build, operands, labels, name=None, alike=True, groups=None, effect=None,
             outputs=None):  # fmt: skip
        """Record an operation; what has an effect is not carried out, only its results are typed."""
        if effect is not None:
            self.is_pure = False
        wanted = outputs if isinstance(outputs, list) else None
        if wanted and any(sizes is None for _, sizes in wanted):
            found = [self.guessed(dtype) if sizes is None else self.open(dtype, sizes) for dtype, sizes in wanted]
            return found[0] if len(found) == 1 else found
        return super().call(kind, default_name, build, operands, labels, name, alike, groups, effect, outputs)

    def guessed(self, dtype) -> Guessed:
        """A value of unknown rank."""
        self.has_guesses, self.is_pure = True, False
        return Guessed(self, self._stand_in(Type(dtype, open_dims([None] * self.guess))))

    def open(self, dtype, dims) -> Tensor:
        """A value of which only this is known."""
        return Tensor(self, self._stand_in(Type(dtype, open_dims(dims))))

    def convert(self, value, dtype=None):
        """See ``Body``; values of variables may be others the next time."""
        if isinstance(value, Variable):
            self.is_pure = False
        return super().convert(value, dtype)

    def read_state(self, variable) -> Tensor:
        """See ``Body``; values of variables may be others the next time."""
        self.is_pure = False
        return super().read_state(variable)

    def write_state(self, variable, value: Tensor) -> None:
        """See ``Body``; the change is not carried out."""
        self.is_pure = False
        super().write_state(variable, value)

    def draw(self, seed, kind="", blocks=None):
        """Stand-ins for a key and a counter, which differs from element to element."""
        key, counter = self._stand_in(Type(dt.u32, (2,))), self._stand_in(Type(dt.u64, (2,)))
        self.draws.append((key, counter, seed))
        return key, mixed(counter, self.number), None

    def replayed(self, arguments, captured, number: Node, places) -> list[Node]:
        """The answer for these arguments of the element of this number.

        Args:
            places: keys and counters of the random operations.
        """
        values = {self.number: number}
        for (key, counter, _), (new_key, new_counter) in zip(self.draws, places):
            values[key], values[counter] = new_key, new_counter
        return substitute(self.replay(arguments, captured), values)

    # ------------------------------------------------------------------------------------- stand-ins

    def stand_in(self, spec):
        """An argument that this spec describes."""
        if isinstance(spec, NoneTensorSpec):
            return None
        if isinstance(spec, DatasetSpec):
            self.is_pure = False
            return DatasetSpec.value_type(Given(spec.element_spec))
        if isinstance(spec, (RaggedTensorSpec, SparseTensorSpec)):
            self.is_pure = False
            return self._composite(spec)
        dims = dims_of(spec)
        if dims is None:
            return self.guessed(spec.dtype)
        return self.argument_of(spec.dtype, open_dims(dims))

    def _composite(self, spec):
        dims = dims_of(spec)
        if isinstance(spec, SparseTensorSpec):
            n = open_dims([None])
            rank = None if dims is None else len(dims)
            parts = [(dt.i64, (*n, *open_dims([rank]))), (spec.dtype, n), (dt.i64, open_dims([rank]))]
            return SparseTensor(*[Tensor(self, self._stand_in(Type(*part))) for part in parts])
        if not spec.ragged_rank:
            return self.argument_of(spec.dtype, open_dims(dims))
        inner = dims[spec.ragged_rank + 1 :] if dims is not None else []
        values = Tensor(self, self._stand_in(Type(spec.dtype, open_dims([None, *inner]))))
        splits = [
            Tensor(self, self._stand_in(Type(spec.row_splits_dtype, open_dims([None]))))
            for _ in range(spec.ragged_rank)
        ]
        return RaggedTensor.from_nested_row_splits(values, splits, validate=False)


class _Inner(Body):
    """A branch or loop inside of a traced function; what it draws or changes is noted outside."""

    def __init__(self, outer):
        super().__init__(outer, True)

    def open_body(self) -> Body:
        return _Inner(self)

    def read_state(self, variable) -> Tensor:
        self.outer.read_state(variable)
        return super().read_state(variable)

    def write_state(self, variable, value: Tensor) -> None:
        self.outer.read_state(variable)
        super().write_state(variable, value)

    def convert(self, value, dtype=None):
        if isinstance(value, Variable):
            return super().convert(self.outer.convert(value, dtype), dtype)
        return super().convert(value, dtype)


def open_dims(dims) -> tuple:
    """Sizes with a new symbol for each that is not known."""
    found = []
    for d in dims:
        if d is None:
            name = f"row{next(_numbers)}_size_0"
            call_size(name, "?")
            d = symbol(name)
        found.append(d)
    return tuple(found)


class Traced:
    """What tracing found out.

    Attributes:
        element_spec: of the answer.
        is_pure: whether its trace is all that the function does.
        is_given: whether it uses what a function around it, which is being traced, is given.
        body: the trace, if so; answer: what the function answered with.
    """

    def __init__(self, body: Tracing, answer):
        values = leaves(answer)
        self.element_spec = mapped(_spec, answer)
        plain = all(isinstance(v, Tensor) or v is None for v in values)
        self.is_pure = body.is_pure and plain and not body.acts and not body.states
        self.is_given = any(not t.graph.is_eager for t in body.captured)
        self.body = body if self.is_pure else None
        self.answer = values
        self.has_guesses = body.has_guesses
        if self.is_pure:
            body.finish([v for v in values if v is not None])


def _spec(value):
    if isinstance(value, Guessed):
        return TensorSpec(value.promised, value.dtype)
    if isinstance(value, Tensor) and not isinstance(value, EagerTensor):
        return TensorSpec([d if type(d) is int else None for d in value.type.shape], value.dtype)
    return spec_of(value)


def traced_with(function: Callable, specs: tuple, op: str) -> Traced:
    """Call a function of arguments that these (structures of) specs describe with stand-ins.

    Raises:
        what the function raises.
    """
    found, error = None, None
    for guess in _GUESSES:
        with Tracing(guess) as body:
            arguments = [_filled(body, spec) for spec in specs]
            try:
                one = Traced(body, _converted(body, function(*arguments), op))
            except GraphcError as failed:
                if not body.has_guesses:
                    raise
                error = error or failed
                continue
        if not one.has_guesses:
            return one
        if found is None:
            found = one
        else:
            merged = [most_specific(a, b) for a, b in zip(leaves(found.element_spec), leaves(one.element_spec))]
            if all(m is not None for m in merged):
                found.element_spec = packer(found.element_spec)(merged)
    if found is None:
        raise error
    return found


def _filled(body: Tracing, spec):
    return mapped(body.stand_in, spec)


def _converted(body: Tracing, answer, op: str):
    """The answer of a function with tensors of the trace in place of literals; a list at the top is a tuple."""

    def one(value):
        if value is None or isinstance(value, (DatasetSpec.value_type, RaggedTensor, SparseTensor)):
            return value
        if isinstance(value, Tensor) and value.graph is body:
            return value
        if isinstance(value, (list, Operators)):
            return body.convert(value)
        return normalised(value, op)

    return mapped(one, tuple(answer) if isinstance(answer, list) else answer)
