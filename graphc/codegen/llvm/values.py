"""Rank-0 Nodes as SSA values: every Node is written once, in the outermost scope where its operands exist.

Index expressions are sums of multiples of atoms. Known loop variables (unrolled copies, chunks of a vector loop) only
add to the constant of such a sum, so the copies of a body share what they compute; the rest is added up from the
outermost loop inwards.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.function import Function
from graphc.errors import CompileError
from graphc.ir.dtype import b1, i32, i64
from graphc.ir.node import INDEX, Node, bounds, const_value, linear_form
from graphc.ir.order import toposort

_SUMS = ("add", "mul")
_FOLDED_INDEX = {
    "floordiv": lambda x, y: x // y if y else 0,
    "mod": lambda x, y: x % y if y else 0,
    "min": min,
    "max": max,
}
_FOLDED_TEST = {"lt": operator.lt, "le": operator.le, "eq": operator.eq, "ne": operator.ne}
_SMALL = 2**31


@dataclass(slots=True)
class Form:
    """``constant + lane * (number of the lane) +`` the sum of ``terms``: {atom: coefficient}.

    An atom is a Node, or a tuple of Nodes for their product; a loop variable in it means the base of its binding.
    ``depth`` is that of the innermost scope whose bindings were put in.
    """

    constant: int
    lane: int = 0
    terms: dict = field(default_factory=dict)
    depth: int = 0

    def add(self, atom, coefficient: int) -> None:
        total = self.terms.get(atom, 0) + coefficient
        if total:
            self.terms[atom] = total
        else:
            self.terms.pop(atom, None)


class Values:
    """Answers with the value of a Node at the present place of a function.

    Attributes:
        special: op -> maker of its value, for what reads memory; such a value is good for one statement.
    """

    def __init__(self, function: Function, special: dict[str, Callable]):
        self.function = function
        self.special = special
        self._variables: dict[Node, tuple] = {}
        self._numbers: dict[tuple, tuple | None] = {}  # by an atom and the bindings of its variables

    def value(self, node: Node) -> Value:
        """The value of an expression, scalar or with the lanes of the present vector loop.

        Raises:
            CompileError: it uses a variable that is not bound here, or an unknown operation.
        """
        memo = self.function.memo
        found = memo.get(node)
        if found is not None:
            return found[0]
        stack = [node]
        while stack:
            top = stack[-1]
            if top in memo:
                stack.pop()
                continue
            missing = [x for x in self._operands(top) if x not in memo]
            if missing:
                stack.extend(reversed(missing))
            else:
                stack.pop()
                self._make(top)
        return memo[node][0]

    def placed(self, node: Node) -> tuple[Value, int, bool]:
        """The value, the depth of the scope from which on it exists, and whether it is pure."""
        self.value(node)
        return self.function.memo[node]

    def vector(self, node: Node) -> Value:
        """The value with all lanes of the present vector loop."""
        value, depth, _ = self.placed(node)
        function = self.function
        if value.lanes != function.lanes:
            value = function.splat(value, function.lanes, depth)
            function.here()
        return value

    def _operands(self, node: Node) -> tuple:
        op = node.op
        if op == "load_if":
            return node.inputs[:1]
        if op in self.special or (op in _SUMS and node.type == INDEX):
            return ()
        if op in _FOLDED_TEST and self._lane_test(node) is not None:
            return ()
        return node.inputs

    def _make(self, node: Node) -> None:
        function, op = self.function, node.op
        if op == "const":
            function.keep(node, self._constant(node), 0)
        elif op == "var":
            self._make_variable(node)
        elif op in _SUMS and node.type == INDEX:
            self._make_sum(node)
        elif op in self.special:
            self.special[op](node)
            function.here()
        elif op in _FOLDED_TEST and (known := self._lane_test(node)) is not None:
            self._record(node, *known, True)
        elif op == "symbol":
            raise CompileError(f"symbol {node.attr('name')} is no parameter of the kernel")
        else:
            self._make_scalar(node)

    def _constant(self, node: Node) -> Value:
        array = node.attrs[0][1].array
        if array.ndim:
            raise CompileError(f"a kernel expression must have rank 0, not {node.type}")
        number = array[()]
        return self.function.builder.const(number.item() if node.dtype.kind in "biu" else number, node.dtype)

    def _make_variable(self, node: Node) -> None:
        function = self.function
        if node in function.bindings:
            self._make_sum(node)
        elif node in function.state:
            function.keep_passing(node, function.read(node))
        else:
            raise CompileError(f"variable {node.attr('name')} is not bound here")

    def _make_scalar(self, node: Node) -> None:
        function = self.function
        memo = function.memo
        depth, lanes, pure, args = 0, 1, True, []
        for x in node.inputs:
            value, where, value_pure = found = memo[x]
            args.append(found)
            if where > depth:
                depth = where
            if value.lanes > lanes:
                lanes = value.lanes
            pure = pure and value_pure
        value = self._folded(node, args)
        if value is not None:
            self._record(node, value, depth, pure)
            return
        if lanes > 1:
            args = [v if v.lanes == lanes else function.splat(v, lanes, where) for v, where, _ in args]
        else:
            args = [found[0] for found in args]
        if pure:
            depth = function.place(depth)
        else:
            function.here()
        value = self._narrow(node, args) or function.builder.scalar(node.op, dict(node.attrs), *args)
        self._record(node, value, depth, pure)
        function.here()

    def _record(self, node, value: Value, depth: int, pure: bool) -> None:
        if pure:  # what it was made of may stand in a branch
            self.function.keep(node, value, self.function.place(depth))
        else:
            self.function.keep_passing(node, value)

    def _folded(self, node: Node, args: list[tuple]) -> Value | None:
        """A literal for tests and divisions of known indices, so that unrolled guards vanish."""
        op, builder = node.op, self.function.builder
        if op in ("and", "or") and node.dtype is b1:
            x, y = args[0][0], args[1][0]
            for this, other in ((x, y), (y, x)):
                if this.number is not None:
                    return this if bool(this.number) == (op == "or") else other
            return None
        if len(node.inputs) != 2 or node.inputs[0].dtype is not i64 or node.inputs[0].type != INDEX:
            return None
        fold = _FOLDED_TEST.get(op) or (_FOLDED_INDEX.get(op) if node.type == INDEX else None)
        if fold is None:
            return None
        x, y = args[0][0].number, args[1][0].number
        return None if x is None or y is None else builder.const(fold(x, y), node.dtype)

    def _lane_test(self, node: Node) -> tuple[Value, int] | None:
        """A comparison of indices that differ by a number known for every lane, as a literal, and the depth of what is known."""
        lanes = self.function.lanes
        if lanes == 1 or node.inputs[0].type != INDEX:
            return None
        x, y = map(self.form, node.inputs)
        if x.terms != y.terms or not (x.lane or y.lane):
            return None
        test = _FOLDED_TEST[node.op]
        answers = [test(x.constant + k * x.lane, y.constant + k * y.lane) for k in range(lanes)]
        value = self.function.builder.const(answers[0], b1) if len(set(answers)) == 1 else _literal_mask(tuple(answers))
        return value, max(x.depth, y.depth)

    def _narrow(self, node: Node, args: list[Value]) -> Value | None:
        """What small indices allow: unsigned division, and 32 bits where vectors of 64 would be slow."""
        if node.inputs[0].dtype is not i64 or node.inputs[0].type != INDEX:
            return None
        function = self.function
        op, builder, lanes = node.op, function.builder, args[0].lanes
        ranges = [bounds(x) for x in node.inputs]
        small = (lanes > 1 or function.target.pointer_bits == 32) and all(None not in r and -_SMALL <= r[0] and r[1] < _SMALL for r in ranges)
        if op in ("floordiv", "mod"):
            low, divisor = ranges[0][0], const_value(node.inputs[1])
            if divisor is None or divisor <= 0 or low is None or low < 0:
                return None
            opcode = "udiv" if op == "floordiv" else "urem"
            if not small:
                return builder.binary(opcode, *args)
            return builder.convert("zext", builder.binary(opcode, *self._truncated(args)), i64)
        if not small or (op not in _FOLDED_TEST and (op != "cast" or node.dtype.bits == 64)):
            return None
        return builder.scalar(op, dict(node.attrs), *self._truncated(args))

    def _truncated(self, args: list[Value]) -> list[Value]:
        builder = self.function.builder
        return [
            builder.convert("trunc", x, i32) if x.number is None else builder.const(x.number, i32, x.lanes)
            for x in args
        ]

    # ------------------------------------------------------------------------------------- index sums

    def _bound(self, node: Node) -> Iterator:
        """The bindings of all variables in an expression, None for those that are no loop's."""
        variables = self._variables.get(node)
        if variables is None:
            variables = self._variables[node] = tuple([x for x in toposort((node,)) if x.op == "var"])
        return map(self.function.bindings.get, variables)

    def form(self, node: Node, scale: int = 1) -> Form:
        """``scale`` times an index expression, with everything that is known of its variables put in."""
        terms, constant = linear_form(node)
        form = Form(constant * scale)
        bindings = self.function.bindings
        for atom, coefficient in terms.items():
            coefficient *= scale
            op = atom.op
            if op == "var":
                binding = bindings.get(atom)
                if binding is None:
                    form.add(atom, coefficient)
                    continue
                form.depth = max(form.depth, binding.depth)
                form.constant += coefficient * binding.offset
                form.lane += coefficient * binding.lane
                if binding.base:
                    form.add(atom, coefficient)
            elif op == "symbol":
                form.add(atom, coefficient)
            elif op == "mul":
                self._add_product(form, atom, coefficient)
            else:
                known = self._known(atom)
                if known is None:
                    form.add(atom, coefficient)
                else:
                    form.constant += coefficient * known[0]
                    form.depth = max(form.depth, known[1])
        return form

    def _add_product(self, form: Form, atom: Node, coefficient: int) -> None:
        """A product of factors ``base + offset``, multiplied out."""
        products = {(): coefficient}
        for factor in _factors(atom):
            binding = self.function.bindings.get(factor)
            if binding is not None and binding.lane:
                form.add(atom, coefficient)
                return
            offset, base = 0, True
            if binding is not None:
                offset, base, depth = binding.offset, binding.base, binding.depth
                form.depth = max(form.depth, depth)
            elif (known := self._known(factor)) is not None:
                offset, base = known[0], False
                form.depth = max(form.depth, known[1])
            grown: dict = {}
            for key, c in products.items():
                if base:
                    grown[key + (factor,)] = grown.get(key + (factor,), 0) + c
                if offset:
                    grown[key] = grown.get(key, 0) + c * offset
            products = grown
        for key, c in products.items():
            if not key:
                form.constant += c
            else:
                form.add(key[0] if len(key) == 1 else key, c)

    def _known(self, atom: Node) -> tuple[int, int] | None:
        """The number of an atom whose variables are all known, and the depth of what is known; else None."""
        if atom.op not in _FOLDED_INDEX or atom.type != INDEX:
            return None
        key = (atom, *self._bound(atom))
        if key not in self._numbers:
            self._numbers[key] = self._number(atom)
        return self._numbers[key]

    def _number(self, atom: Node) -> tuple[int, int] | None:
        numbers, depth = [], 0
        for x in atom.inputs:
            form = self.form(x)
            if form.terms or form.lane:
                return None
            numbers.append(form.constant)
            depth = max(depth, form.depth)
        return _FOLDED_INDEX[atom.op](*numbers), depth

    def _atom(self, atom) -> tuple[Value, int, bool]:
        """Value, depth and purity of an atom of a form."""
        function = self.function
        if type(atom) is tuple:
            return self._product([self._atom(f) for f in atom])
        if atom in function.bindings:
            return function.memo["base", atom]
        if atom.op == "mul":  # with a variable that has lanes: the full values of the factors
            return self._product([self.placed(f) for f in _factors(atom)])
        return self.placed(atom)

    def _product(self, parts: list[tuple[Value, int, bool]]) -> tuple[Value, int, bool]:
        """Factors multiplied from the outermost scope inwards."""
        function = self.function
        parts.sort(key=_outermost)
        value, depth, pure = parts[0]
        for other, where, other_pure in parts[1:]:
            lanes = max(value.lanes, other.lanes)
            x, y = function.splat(value, lanes, depth), function.splat(other, lanes, where)
            depth, pure = max(depth, where), pure and other_pure
            value = self.combined("mul", x, y, depth, pure)
        return value, depth, pure

    def combined(self, opcode: str, x: Value, y: Value, depth: int, pure: bool) -> Value:
        """One integer instruction at this depth, found again if it was already written."""
        function = self.function
        key = (opcode, x.text, y.text)
        found = function.memo.get(key)
        if found is not None:
            return found[0]
        if not pure:
            function.here()
            return function.builder.binary(opcode, x, y)
        depth = function.place(depth)
        return function.keep(key, function.builder.binary(opcode, x, y), depth)

    def grouped(self, form: Form) -> tuple[list, list]:
        """The terms of a form as tuples (value, depth, pure, coefficient): scalars, outermost first, and vectors."""
        scalars, vectors = [], []
        for atom, coefficient in form.terms.items():
            value, depth, pure = self._atom(atom)
            (scalars if value.lanes == 1 else vectors).append((value, depth, pure, coefficient))
        if len(scalars) > 1:
            scalars.sort(key=_outermost)
        return scalars, vectors

    def scaled(self, value: Value, depth: int, pure: bool, coefficient: int) -> Value:
        """``value * coefficient``."""
        if coefficient == 1:
            return value
        factor = self.function.builder.const(coefficient, i64, value.lanes)
        return self.combined("mul", value, factor, depth, pure)

    def total(self, scalars: list) -> tuple[Value | None, int, bool]:
        """The sum of scaled scalars, partial sums shared and as far out as they can be."""
        result, depth, pure = None, 0, True
        for value, where, value_pure, coefficient in scalars:
            part = self.scaled(value, where, value_pure, coefficient)
            depth, pure = max(depth, where), pure and value_pure
            result = part if result is None else self.combined("add", result, part, depth, pure)
        return result, depth, pure

    def _make_sum(self, node: Node) -> None:
        form = self.form(node)
        value, depth, pure = self.index_value(form)
        self._record(node, value, max(depth, form.depth), pure)
        self.function.here()

    def index_value(self, form: Form) -> tuple[Value, int, bool]:
        """The i64 value of a form with its depth and purity."""
        function = self.function
        builder = function.builder
        scalars, vectors = self.grouped(form)
        value, depth, pure = self.total(scalars)
        if value is None:
            value = builder.const(form.constant, i64)
        elif form.constant:
            value = self.combined("add", value, builder.const(form.constant, i64), depth, pure)
        parts = [self.scaled(*vector) for vector in vectors]
        if form.lane and not parts and value.number is not None:
            return lane_numbers(function.lanes, form.lane, value.number), function.depth, pure
        if form.lane:
            parts.append(lane_numbers(function.lanes, form.lane))
        if not parts:
            return value, depth, pure
        value = function.splat(value, function.lanes, depth)
        function.here()
        for part in parts:
            value = builder.binary("add", value, part)
        return value, function.depth, pure and all(vector[2] for vector in vectors)


def _outermost(part) -> int:
    return part[1]


def _factors(atom: Node) -> list[Node]:
    found, stack = [], [atom]
    while stack:
        x = stack.pop()
        if x.op == "mul":
            stack.extend(reversed(x.inputs))
        else:
            found.append(x)
    return found


@lru_cache(256)
def _literal_mask(answers: tuple[bool, ...]) -> Value:
    return Value(f"<{', '.join([f'i1 {str(answer).lower()}' for answer in answers])}>", b1, len(answers))


def lane_numbers(lanes: int, step: int = 1, first: int = 0) -> Value:
    """The literal vector first, first + step, first + 2*step, ...."""
    numbers = first + np.arange(lanes) * step
    return Value(f"<{', '.join(f'i64 {n}' for n in numbers)}>", i64, lanes)
