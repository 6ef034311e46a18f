"""Rules: a pattern and its replacement, as a lambda from holes, and functions that look at one op's attributes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from graphc.errors import UsageError
from graphc.ir.dtype import b1
from graphc.ir.node import Node, const
from graphc.ir.type import Type

ALL_KINDS = "biufc"
_CONSTANT = re.compile(r"c\d+$")
_HOLE, _LITERAL = "hole", "literal"


@dataclass(frozen=True, eq=False)
class Term:
    """A piece of a pattern or of a replacement: an op over Terms, a hole, or a literal number.

    A hole named ``c0``, ``c1``, ... matches splat constants only. A literal matches a splat constant of just that value
    (``0.0`` is not ``-0.0``); in a replacement it takes the type of its neighbour, or of the node that is replaced.
    """

    op: str
    inputs: tuple = ()
    attrs: tuple = ()
    value: object = None

    def __add__(self, other):
        return term("add", self, other)

    def __radd__(self, other):
        return term("add", other, self)

    def __sub__(self, other):
        return term("sub", self, other)

    def __rsub__(self, other):
        return term("sub", other, self)

    def __mul__(self, other):
        return term("mul", self, other)

    def __rmul__(self, other):
        return term("mul", other, self)

    def __truediv__(self, other):
        return term("div", self, other)

    def __rtruediv__(self, other):
        return term("div", other, self)

    def __floordiv__(self, other):
        return term("floordiv", self, other)

    def __mod__(self, other):
        return term("mod", self, other)

    def __neg__(self):
        return term("neg", self)

    def __str__(self) -> str:
        if self.op in (_HOLE, _LITERAL):
            return str(self.value)
        return f"{self.op}({', '.join([str(x) for x in self.inputs] + [f'{k}={v}' for k, v in self.attrs])})"


@dataclass(frozen=True, eq=False)
class Check:
    """A condition that waits for the matched nodes."""

    function: Callable
    terms: tuple


def condition(function: Callable) -> Callable:
    """Decorator: called with holes, the function becomes the condition of a rule; called with Nodes, it answers.

    >>> is_scalar = condition(lambda x: x.type.rank == 0)
    """

    def delayed(*args):
        if any(isinstance(a, Term) for a in args):
            return Check(function, args)
        return function(*args)

    return delayed


def term(op: str, *inputs, **attrs) -> Term:
    """An op over Terms and numbers; attributes that are given must match exactly, others are free in a pattern."""
    return Term(op, tuple(map(_as_term, inputs)), tuple(attrs.items()))


def prim(op: str) -> Callable:
    """The function that writes this op in a rule: ``exp = prim("exp")``."""
    return lambda *inputs, **attrs: term(op, *inputs, **attrs)


def _as_term(value) -> Term:
    return value if isinstance(value, Term) else Term(_LITERAL, value=value)


def is_splat(node: Node) -> bool:
    """True for a constant whose elements are all the same."""
    return node.op == "const" and node.attrs[0][1].is_splat and node.attrs[0][1].array.dtype != object


def equals_literal(node: Node, value) -> bool:
    """True for a splat constant with exactly the bits of ``value`` in its dtype."""
    if not is_splat(node):
        return False
    data = node.attrs[0][1].array
    kind = data.dtype.kind
    if isinstance(value, bool) is not (kind == "b"):
        return False
    if isinstance(value, float) and kind in "iu":
        return False
    if kind == "u" and value < 0:
        return False
    return data.tobytes() == np.asarray(value).astype(data.dtype).tobytes()


@dataclass(frozen=True, eq=False)
class Rule:
    """One rewrite.

    Attributes:
        name: the pattern and the replacement as text, or the function's name.
        ops: ops of the pattern's root.
        kinds: dtype kinds of the root's result that the rule is for (of its first operand for comparisons).
        apply: Node -> replacement Node, or None where the rule does not match.
        function: the lambda, None for function rules; what the tests run both sides of.
    """

    name: str
    ops: tuple[str, ...]
    kinds: str
    apply: Callable
    function: Callable | None = None
    pattern: Term | None = None
    replacement: Term | None = None
    condition: Check | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class _Draft:
    """A rule before it knows the table."""

    ops: tuple[str, ...]
    kinds: str
    function: Callable
    is_pattern: bool


def on(*ops: str, kinds: str = ALL_KINDS) -> Callable:
    """Decorator: the function is a rule for nodes of these ops; it answers with a Node of the same type, or None."""
    return lambda function: _Draft(ops, kinds, function, False)


def kinds(which: str, *functions: Callable) -> list[_Draft]:
    """Pattern lambdas that hold only for these dtype kinds (letters of ``DType.kind``)."""
    return [_Draft((), which, f, True) for f in functions]


class Rules:
    """A set of rules, indexed by the op of the pattern's root.

    Args:
        rules: pattern lambdas, functions decorated with ``on``, lists made by ``kinds``, and other ``Rules``.
        rows: table of primitives; its rows say what is ``commutative``.
        build: ``(op, *inputs, **attrs) -> Node`` with the op's own type rule, for replacements.
    """

    def __init__(self, *rules, rows: Mapping, build: Callable):
        self.rows, self.build = rows, build
        self.all: list[Rule] = []
        for item in rules:
            self._enter(item)
        self.by_op: dict[str, tuple] = {}
        for rule in self.all:
            for op in rule.ops:
                self.by_op[op] = (*self.by_op.get(op, ()), rule)

    def _enter(self, item):
        if isinstance(item, (list, tuple)):
            for part in item:
                self._enter(part)
        elif isinstance(item, Rules):
            self.all.extend(item.all)
        elif isinstance(item, _Draft) and not item.is_pattern:
            self.all.append(_function_rule(item))
        elif isinstance(item, _Draft):
            self.all.append(self._pattern_rule(item.function, item.kinds))
        else:
            self.all.append(self._pattern_rule(item, ALL_KINDS))

    def _pattern_rule(self, function: Callable, kinds: str) -> Rule:
        names = holes_of(function)
        pattern, replacement, *rest = function(*[Term(_HOLE, value=n) for n in names])
        pattern, replacement = _as_term(pattern), _as_term(replacement)
        check = rest[0] if rest else None
        if pattern.op in (_HOLE, _LITERAL):
            raise UsageError(f"the pattern of a rule must be an operation, not {pattern}")
        matchers = [_matcher(p) for p in _variants(pattern, self.rows)]
        build = self.build

        def apply(node):
            for match in matchers:
                found = {}
                if match(node, found) and (check is None or check.function(*[found[t.value] for t in check.terms])):
                    return instantiate(replacement, found, node, build)
            return None

        name = f"{pattern} -> {replacement}"
        return Rule(name, (pattern.op,), kinds, _for_kinds(apply, kinds), function, pattern, replacement, check)


def holes_of(function: Callable) -> tuple[str, ...]:
    """Names of a rule lambda's holes: its parameters without a default."""
    parameters = inspect.signature(function).parameters.values()
    return tuple([p.name for p in parameters if p.default is inspect.Parameter.empty])


def _function_rule(draft: _Draft) -> Rule:
    return Rule(draft.function.__name__, draft.ops, draft.kinds, _for_kinds(draft.function, draft.kinds))


def _for_kinds(apply: Callable, kinds: str) -> Callable:
    if kinds == ALL_KINDS:
        return apply
    return lambda node: apply(node) if _kind(node) in kinds else None


def _kind(node: Node) -> str:
    """Kind of what the op computes with: of the last operand, which for a select is a value, else of the result."""
    return (node.inputs[-1] if node.inputs else node).type.dtype.kind


def _variants(pattern: Term, rows: Mapping) -> list[Term]:
    """The pattern with the operands of commutative ops in every order that makes a difference."""
    if not pattern.inputs:
        return [pattern]
    choices = [()]
    for x in pattern.inputs:
        choices = [(*c, v) for c in choices for v in _variants(x, rows)]
    row = rows.get(pattern.op)
    if row is not None and row.commutative and len(pattern.inputs) == 2:
        choices += [(b, a) for a, b in choices]
    texts = {}
    for inputs in choices:
        variant = Term(pattern.op, inputs, pattern.attrs)
        texts.setdefault(str(variant), variant)
    return list(texts.values())


def _matcher(pattern: Term) -> Callable:
    """``(node, found) -> bool``: does the pattern fit, and which node stands for which hole."""
    if pattern.op == _LITERAL:
        return lambda node, found: node.op == "const" and equals_literal(node, pattern.value)
    if pattern.op == _HOLE:
        name = pattern.value
        if _CONSTANT.match(name):
            return lambda node, found: node.op == "const" and is_splat(node) and found.setdefault(name, node) is node
        return lambda node, found: found.setdefault(name, node) is node
    op, attrs = pattern.op, pattern.attrs
    # Operations and literals first: they refuse most nodes, and holes only remember.
    parts = sorted(enumerate(map(_matcher, pattern.inputs)), key=lambda p: pattern.inputs[p[0]].op == _HOLE)
    count = len(parts)

    def match(node, found):
        if node.op != op or len(node.inputs) != count:
            return False
        for k, part in parts:
            if not part(node.inputs[k], found):
                return False
        return all(node.attr(k) == v for k, v in attrs)

    return match


def instantiate(side: Term, found: Mapping, like: Node | None, build: Callable) -> Node:
    """One side of a rule over real Nodes, given by the names of the holes.

    ``like`` gives the type of a literal that has no neighbour; a ``bool`` literal is of dtype b1 wherever it stands.
    """
    if side.op == _HOLE:
        return found[side.value]
    if side.op == _LITERAL:
        return _literal(side.value, like.type)
    inputs = [None if x.op == _LITERAL else instantiate(x, found, like, build) for x in side.inputs]
    neighbour = next((x for x in reversed(inputs) if x is not None), like)
    inputs = [_literal(t.value, neighbour.type) if x is None else x for x, t in zip(inputs, side.inputs)]
    return build(side.op, *inputs, **dict(side.attrs))


def _literal(value, type: Type) -> Node:
    return const(value, type.with_dtype(b1) if isinstance(value, bool) else type)
