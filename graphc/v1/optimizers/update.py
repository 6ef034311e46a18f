"""Update rules as operations: one writes a variable and its slots, all elements or the rows that were looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.index import picked, scatter
from graphc.prims.cumulate import cumulate
from graphc.prims.table import apply
from graphc.v1.tensor import Operation, Tensor, Update


@dataclass(frozen=True)
class Rule:
    """How a variable and its slots change.

    Attributes:
        kind: of TensorFlow's operations ``Apply<kind>`` and ``SparseApply<kind>``.
        inputs: names of the operands after the variable and its slots, in TensorFlow's order; ``grad`` is one of them.
        step: from Nodes ``(var, *slots, *inputs)`` to the new values of the variable and its slots; all inputs but the
            gradient are scalars.
        attrs: pairs of name and value of the operations' attributes that choose this rule.
    """

    kind: str
    inputs: str
    step: Callable
    attrs: tuple = ()


def apply_dense(rule: Rule, variables: Sequence, operands: Mapping[str, Tensor], grad: Tensor) -> Operation:
    """Change all elements. ``variables``: the variable, then its slots; ``operands``: every input but ``grad``."""
    inputs = [grad if name == "grad" else operands[name] for name in rule.inputs.split()]
    return write(f"Apply{rule.kind}", variables, inputs, rule.step, attrs=rule.attrs)


def apply_sparse(rule: Rule, variables: Sequence, operands: Mapping[str, Tensor], values: Tensor,
                 indices: Tensor) -> Operation:  # fmt: skip
    """Change the rows at ``indices`` along the gradients ``values``; those of equal indices add up first."""
    names = rule.inputs.split()
    at = names.index("grad") + 1
    inputs = [values if name == "grad" else operands[name] for name in names]
    inputs.insert(at, indices)
    build = of_rows(rule.step, len(variables), len(variables) + at)
    return write(f"SparseApply{rule.kind}", variables, inputs, build, attrs=rule.attrs)


def write(kind: str, variables: Sequence, inputs: Sequence[Tensor], build: Callable,
          name: str | None = None, attrs: tuple = ()) -> Operation:  # fmt: skip
    """An operation that gives several variables new values: ``build(*current values, *inputs)``.

    With eager evaluation they are given these values at once.
    """
    first = variables[0]
    if first.graph.is_eager:
        labels = [f"input_{k}" for k in range(len(variables) + len(inputs))]
        made = first.graph.call(kind, kind, build, (*variables, *inputs), labels, alike=False)
        for variable, new in zip(variables, made if isinstance(made, list) else [made]):
            variable.assign(new)
        return first
    effect, outputs = Update(tuple(variables), attrs), [(first.dtype, first.start)]
    return first.graph.create(kind, first.graph.unique_name(name or kind), tuple(inputs), build, effect, outputs)


def of_rows(step: Callable, count: int, at: int) -> Callable:
    """The rule ``step`` of ``count`` variables for rows: one input more, the indices, at position ``at``."""

    def build(*nodes: Node) -> list[Node]:
        current = nodes[:count]
        total, places = added_up(nodes[at - 1], nodes[at])
        rows = [picked("gather", x, places, axis=0) for x in current]
        new = step(*rows, *nodes[count : at - 1], total, *nodes[at + 1 :])
        return [scatter(x, places, n, "set") for x, n in zip(current, new)]

    return build


def added_up(rows: Node, indices: Node) -> tuple[Node, Node]:
    """The rows that belong to equal indices added up, and the distinct indices in order.

    As many as were given, so that no size depends on data: those left over have index -1, which is read as zeros and
    written nowhere.
    """
    ordered = apply("sort", indices, axis=0, descending=False)
    found, order = apply("item", ordered, index=0), apply("item", ordered, index=1)
    places = apply("iota", shape=found.shape, axis=0, dtype=dt.i64)
    previous = picked("gather", found, math.maximum(places - 1, 0), axis=0)
    group = cumulate(apply("cast", apply("ne", found, previous), dtype=dt.i64), "sum", 0)
    arranged = picked("gather", rows, order, axis=0)  # of as many rows as there are indices, whatever is known of the rows
    total = scatter(math.full_like(arranged, 0), group, arranged, "add")
    return total, scatter(math.full_like(found, -1), group, found, "set")
