"""Nodes of a Graph written as ONNX's nodes, each when what it is made of has been written."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from graphc.errors import GraphcError, Location
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.graph import symbols_of
from graphc.ir.node import Node, const_value, linear_form, simplified
from graphc.ir.order import toposort
from graphc.ir.sizes import made_by, maker
from graphc.ir.type import TupleType
from graphc.onnx.export.kinds import carrier, number
from graphc.onnx.export.writer import Writer
from graphc.prims.shape import inverse
from graphc.prims.table import row

WITH_BODIES = ("call", "cond", "while", "loop", "item")  # what is in them tells what they cannot do
_LARGEST_FOLDED = 4096  # elements of a constant that is computed here
_FOLDED = frozenset(
    """
    neg abs sign floor ceil round trunc sqrt rsqrt add sub mul div floordiv mod max min pow eq ne lt le and or xor not
    select cast reshape broadcast transpose slice reverse concat ensure stop reduce
    """.split()
)  # what is computed here where its operands are constants


class NoForm(GraphcError):
    """An operation that has no meaning in ONNX, or none in the opset that is written."""


def _is_one(d) -> bool:
    return type(d) is int and d == 1


@dataclass(frozen=True)
class Value:
    """A tensor that stands for a Node, or for what becomes it by broadcasting and a transposition.

    Attributes:
        name: as nodes name their inputs.
        sizes: of its axes; those of the Node's last axes, 1 where it is stretched. With ``perm``: of all axes as they
            lie.
        perm: None, or for each axis as it lies which axis of the Node it is.
    """

    name: str
    sizes: tuple
    perm: tuple | None = None

    def covers(self, shape: tuple) -> bool:
        """Whether it has all elements of a Node of that shape, nothing left to be stretched."""
        if self.perm is not None:
            shape = tuple([shape[p] for p in self.perm])
        return len(self.sizes) == len(shape) and not any(
            _is_one(s) and not _is_one(d) for s, d in zip(self.sizes, shape)
        )


@dataclass(frozen=True)
class Several:
    """What stands for the results of an operation that has several."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Problem:
    """Something that cannot be exported: what, and the user's line."""

    what: str
    location: Location | None


@dataclass(frozen=True)
class Form:
    """How a Node is written: of what it is made, and the function of the Emitter and the Node that makes it."""

    needs: tuple[Node, ...]
    write: Callable[[Emitter, Node], Value]


@dataclass(frozen=True)
class Settings:
    """What holds for a whole model.

    Attributes:
        opset: of the operators.
        exact: also where the standard leaves results open: NaN in reductions and sorts, floats that no integer holds.
        drawn: inputs that make the random numbers of a function; others may be drawn in their place.
    """

    opset: int
    exact: bool = True
    drawn: frozenset = frozenset()


class Emitter:
    """Writes Nodes into one graph of a model.

    Args:
        around: the Emitter of the graph around this one.
        own: inputs of this graph; what does not depend on them is written around it. None: all that is new is
            written here.

    Attributes:
        found: what stands for the Nodes that have been written, here or around.
        problems: what could not be written, in the whole model.
        views, turns: of what, and how, tensors were made that are another one under another shape, or with its axes
            moved.
    """

    def __init__(self, writer: Writer, settings: Settings, plan: Callable[[Emitter, Node], Form],
                 around: Emitter | None = None, own: Iterable[Node] | None = None):  # fmt: skip
        self.writer, self.settings, self.plan, self.around = writer, settings, plan, around
        self._depends: dict[Node, bool] | None = None if own is None else dict.fromkeys(own, True)
        above = around.found.maps if around is not None else ()
        self.found: ChainMap[Node, Value] = ChainMap({}, *above)
        self._places = ChainMap({}, *(around._places.maps if around is not None else ()))
        self._fulls = ChainMap({}, *(around._fulls.maps if around is not None else ()))
        self.turns = ChainMap({}, *(around.turns.maps if around is not None else ()))
        self.views = ChainMap({}, *(around.views.maps if around is not None else ()))
        self.problems: dict[Problem, int] = around.problems if around is not None else {}

    @property
    def opset(self) -> int:
        """The opset that is written."""
        return self.settings.opset

    @property
    def exact(self) -> bool:
        """Whether graphc's results are given where ONNX leaves them open."""
        return self.settings.exact

    # ------------------------------------------------------------------------------------------ the walk

    def give(self, node: Node, value: Value) -> None:
        """Take a value for what stands for a Node; its shape tells sizes."""
        self.found[node] = value
        if value.sizes != node.shape:
            return
        if any(isinstance(d, Node) for d in node.shape):
            self._places.setdefault(("shape", value.name), node.shape)
        for axis, d in enumerate(node.shape):
            if isinstance(d, Node):
                self._places.setdefault(d, (value.name, axis))
                terms, _ = linear_form(d)
                if d.op != "symbol" and len(terms) == 1:
                    (atom,) = terms
                    self._places.setdefault(("solve", atom), d)

    def write(self, nodes: Iterable[Node]) -> None:
        """Write Nodes and what they are made of; what cannot be written goes to ``problems``."""
        stack, plans = list(nodes)[::-1], {}
        while stack:
            node = stack[-1]
            if node in self.found:
                stack.pop()
                continue
            if self._depends is not None and not self._is_own(node):
                self.around.write([node])
                stack.pop()
                continue
            form = plans.get(node)
            if form is None:
                form = plans[node] = self._planned(node)
                if self._fold(node, form):
                    stack.pop()
                    continue
            waiting = [x for x in form.needs if x not in self.found]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            with self.writer.at(node.location):
                try:
                    value = form.write(self, node)
                except NoForm as error:
                    value = self._refused(node, error)
            self.found[node] = value
            stack.pop()

    def _is_own(self, node: Node) -> bool:
        """Whether a Node depends on inputs of this graph, by a size perhaps."""
        known = self._depends
        for n in toposort((node,), known):
            makers = [m for m in map(maker, symbols_of(n)) if m is not None and m is not n]
            known[n] = any(known[x] for x in n.inputs) or any(self._is_own(m) for m in makers)
        return known[node]

    def _planned(self, node: Node) -> Form:
        if node.op not in WITH_BODIES and any(_is_complex(x) for x in (node, *node.inputs)):
            return Form(node.inputs, lambda e, n: e._refused(n, NoForm(f"{n.op} of complex numbers")))
        try:
            return self.plan(self, node)
        except NoForm as error:
            return Form(node.inputs, lambda e, n, error=error: e._refused(n, error))

    def _fold(self, node: Node, form: Form) -> bool:
        """Compute what is made of small constants alone; whether that was done."""
        if form.needs != node.inputs or not node.inputs or node.op not in _FOLDED or not node.type.is_static:
            return False
        arrays = []
        for x in node.inputs:
            value = self.found.get(x)
            array = self.writer.constant(value.name) if isinstance(value, Value) and value.perm is None else None
            if array is None:
                return False
            arrays.append(array)
        if node.type.size > _LARGEST_FOLDED:
            return False
        if any(a.ndim for a in arrays) or row(node.op).scalar is None:
            arrays = [np.broadcast_to(a, x.shape) for a, x in zip(arrays, node.inputs)]
        with np.errstate(all="ignore"):
            made = np.asarray(row(node.op).numpy(*arrays, **dict(node.attrs)))
        self.found[node] = Value(self.writer.const(made), made.shape)
        return True

    def _refused(self, node: Node, error: NoForm) -> Value:
        problem = Problem(str(error), node.location)
        self.problems[problem] = self.problems.get(problem, 0) + 1
        shape = node.shape if not isinstance(node.type, TupleType) else ()
        return Value(f"?{node.op}", shape)

    def inside(self, writer: Writer, own: Iterable[Node] | None = None) -> Emitter:
        """An Emitter for a graph inside this one."""
        return Emitter(writer, self.settings, self.plan, self, own)

    # ---------------------------------------------------------------------------------------- operators

    def op(self, kind: str, inputs, **attrs) -> str:
        """A node with one output; its name. One like it that is there already is taken."""
        return self.writer.node(kind, inputs, **attrs)

    def ops(self, kind: str, inputs, outputs: int, **attrs) -> list[str]:
        """A node with several outputs."""
        return self.writer.nodes(kind, inputs, outputs, **attrs)

    def typed(self, kind: str, inputs, dtype: DType, result: DType | None = None, rest=(), **attrs) -> str:
        """A node on operands of ``dtype``, cast to a type that runtimes have it for, and back.

        Args:
            result: the type of what the operator answers, where that is not its operands'.
            rest: further inputs of their own types.
        """
        wide = carrier(kind, dtype, self.opset)
        made = self.op(kind, [*[self.cast(x, dtype, wide) for x in inputs], *rest], **attrs)
        return made if result is not None else self.cast(made, wide, dtype)

    def cast(self, name: str, source: DType, target: DType) -> str:
        """A tensor of one type as one of another, by value; itself where they are the same."""
        if source is target:
            return name
        array = self.writer.array(name)
        if array is not None and array.size <= 64 and array.dtype != object:
            return self.const(array.astype(target.numpy), target)
        return self.op("Cast", [name], to=number(target))

    def const(self, value, dtype: DType) -> str:
        """An initialiser."""
        return self.writer.const(np.asarray(value, dtype.numpy))

    def ints(self, *values) -> str:
        """An initialiser: a vector of int64."""
        return self.const(np.array(values, np.int64), dt.i64)

    # ------------------------------------------------------------------------------------------- values

    def loose(self, node: Node) -> Value:
        """What stands for a Node in the order of its axes, perhaps before broadcasting."""
        value = self.found[node]
        return value if value.perm is None else Value(self.full(node), node.shape)

    def full(self, node: Node) -> str:
        """A tensor with all axes of a Node."""
        value = self.found[node]
        if value.perm is None and value.covers(node.shape):
            return value.name
        name = self._fulls.get(node)
        if name is None:
            name = self._fulls[node] = self._filled(node, value)
        return name

    def _filled(self, node: Node, value: Value) -> str:
        if value.perm is not None:
            value = self.in_order(value)
            if value.covers(node.shape):
                return value.name
        constant = self.writer.array(value.name)
        if (
            constant is not None
            and node.type.is_static
            and node.type.size <= _LARGEST_FOLDED
            and constant.dtype != object
        ):
            return self.const(np.broadcast_to(constant, node.shape), node.dtype)
        return self.typed("Expand", [value.name], node.dtype, rest=[self.shape(node.shape)])

    def in_order(self, value: Value) -> Value:
        """The same tensor with its axes in the order of the Node's."""
        if value.perm is None:
            return value
        back = inverse(value.perm)
        return Value(self.transposed(value.name, back), tuple(value.sizes[k] for k in back))

    def transposed(self, name: str, perm: tuple) -> str:
        """A tensor with its axes in another order."""
        if perm == tuple(range(len(perm))):
            return name
        array = self.writer.array(name)
        if array is not None:
            return self.writer.const(np.ascontiguousarray(np.transpose(array, perm)), like=name)
        base, first = self.turns.get(name, (name, tuple(range(len(perm)))))
        perm = tuple([first[p] for p in perm])
        if perm == tuple(range(len(perm))):
            return base
        made = self.op("Transpose", [base], perm=list(perm))
        self.turns[made] = (base, perm)
        return made

    def laid(self, node: Node, perm: tuple) -> str:
        """The whole of a Node with its axes in the order ``perm``."""
        value = self.found[node]
        if value.perm == perm and value.covers(node.shape):
            return value.name
        if (
            not value.sizes and len(perm) and self.writer.array(value.name) is None
        ):  # one number everywhere, in any order
            shape = tuple([node.shape[p] for p in perm])
            return self.typed("Expand", [value.name], node.dtype, rest=[self.shape(shape)])
        return self.transposed(self.full(node), perm)

    # -------------------------------------------------------------------------------------------- sizes

    def shape(self, sizes: tuple) -> str:
        """Sizes as an int64 vector."""
        if all(type(d) is int for d in sizes):
            return self.ints(*sizes)
        whole = self._shape_like(sizes)
        if whole is not None:
            return whole
        parts, known = [], []
        for d in sizes:
            if type(d) is int:
                known.append(d)
                continue
            if known:
                parts.append(self.ints(*known))
            known = []
            parts.append(self.line(d))
        if known:
            parts.append(self.ints(*known))
        return parts[0] if len(parts) == 1 else self.op("Concat", parts, axis=0)

    def _shape_like(self, sizes: tuple) -> str | None:
        place = self._places.get(sizes[0]) if isinstance(sizes[0], Node) else None
        if place is None or place[1] != 0:
            return None
        shape = self._places.get(("shape", place[0]))
        return self.op("Shape", [place[0]]) if shape == sizes else None

    def line(self, d) -> str:
        """One size as an int64 vector of length 1."""
        if type(d) is int:
            return self.ints(d)
        if d in self._places:
            name, axis = self._places[d]
            return self.op("Gather", [self.op("Shape", [name]), self.ints(axis)], axis=0)
        return self.op("Unsqueeze", [self.size(d), self.ints(0)])

    def size(self, d) -> str:
        """One size as an int64 scalar.

        Raises:
            NoForm: nothing in the model has it.
        """
        if not isinstance(d, Node):
            return self.const(d, dt.i64)
        if d in self._places:
            name, axis = self._places[d]
            return self.op("Gather", [self.op("Shape", [name]), self.const(axis, dt.i64)], axis=0)
        if d.op != "symbol":
            self.write([d])
            return self.full(d)
        if ("solve", d) in self._places:
            return self._solved(d, self._places[("solve", d)])
        source = maker(d)
        if source is None:
            raise NoForm(f"the size {d}, which no input has")
        if source.op == "measure":
            self.write([source.inputs[0]])
            return self.full(source.inputs[0])
        self.write([source])
        if d not in self._places:
            raise NoForm(f"the size {d}, which only {source.op} tells")
        return self.size(d)

    def _solved(self, d: Node, whole: Node) -> str:
        """A symbol of which an input has a multiple and a rest for a size."""
        terms, rest = linear_form(whole)
        name = self.size(whole)
        if rest:
            name = self.op("Sub", [name, self.const(rest, dt.i64)])
        return name if terms[d] == 1 else self.op("Div", [name, self.const(terms[d], dt.i64)])

    def told(self, node: Node, name: str, sizes: tuple) -> None:
        """Let a tensor tell the sizes that are known only while running."""
        for s in made_by(node):
            for axis, d in enumerate(sizes):
                if d is s:
                    self._places.setdefault(s, (name, axis))

    # --------------------------------------------------------------------------------- shapes of tensors

    def reshaped(self, name: str, sizes: tuple, shape: tuple) -> str:
        """A tensor of ``sizes`` under another shape with as many elements."""
        base, first = self.views.get(name, (name, sizes))
        if shape == first:
            return base
        if (base, shape) in self.views:
            return self.views[base, shape]
        array = self.writer.array(base)
        if array is not None and all(type(d) is int for d in shape):
            return self.writer.const(np.reshape(array, shape), like=base)
        made = self._reshape(base, first, shape)
        self.views[made] = (base, first)
        return made

    def _reshape(self, name: str, sizes: tuple, shape: tuple) -> str:
        kept = tuple([d for d in shape if d != 1])
        if tuple([d for d in sizes if d != 1]) == kept:
            if len(kept) == len(sizes):
                return self.op("Unsqueeze", [name, self.ints(*[k for k, d in enumerate(shape) if d == 1])])
            if len(kept) == len(shape):
                return self.op("Squeeze", [name, self.ints(*[k for k, d in enumerate(sizes) if d == 1])])
        unknown = [k for k, d in enumerate(shape) if isinstance(d, Node)]
        if len(unknown) == 1 and 0 not in shape:
            return self.op("Reshape", [name, self.ints(*[-1 if isinstance(d, Node) else d for d in shape])])
        if unknown and 0 not in shape and all(k < len(sizes) and sizes[k] == shape[k] for k in unknown):
            return self.op("Reshape", [name, self.ints(*[0 if isinstance(d, Node) else d for d in shape])])
        if 0 in shape and not unknown:
            return self.op("Reshape", [name, self.ints(*shape)], **self._zeros_are_sizes())
        return self.op("Reshape", [name, self.shape(shape)], **self._zeros_are_sizes())

    def _zeros_are_sizes(self) -> dict:
        """The attribute by which a size of 0 is no order to copy one, where the opset has it."""
        return {"allowzero": 1} if self.opset >= 14 else {}


def _is_complex(node: Node) -> bool:
    return not isinstance(node.type, TupleType) and node.dtype.is_complex


def is_splat(node: Node, value=None) -> bool:
    """Whether a Node is one number everywhere, ``value`` if that is given."""
    found = const_value(node)
    return found is not None and (value is None or found == value)


def as_itself(node: Node) -> Form:
    """A form that is another Node of the same shape."""
    return Form((node,), lambda e, _: e.found[node])


def same(a, b) -> bool:
    """Whether two sizes are known to be equal."""
    return a is b or simplified(a - b) == 0 if isinstance(a, Node) or isinstance(b, Node) else a == b
