"""One step of an optimizer as a function of Nodes: all variables, what is kept beside them, all gradients at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.descent import descend, descend_rows, nadam_momentum
from graphc.lib.index import scatter
from graphc.lib.reduction import clip_by_global_norm, clip_by_norm, reduce_all

DENSE, ROWS, NONE = "dense", "rows", "none"


@dataclass(frozen=True)
class Part:
    """What a step does to one variable.

    Attributes:
        rule: see ``graphc.lib.descent``; numbers: what it takes besides Nodes, pairs of name and value.
        kept: how many variables the rule keeps beside it.
        gradient: DENSE; ROWS of it with their indices; or NONE, where the variable is only averaged.
        decay: the part of the variable that is taken away in each step, in units of the rate; or None.
    """

    rule: Callable
    numbers: tuple
    kept: int
    gradient: str
    decay: float | None


@dataclass(frozen=True)
class Step:
    """All that decides which Nodes make a step, but for the types of its operands; ``key`` for recorders.

    Operands: the number of steps so far; the product if ``product``; scale and counter if ``growth``; for each part the
    variable, what is kept, its average and the sum of its gradients; then the rate if there is no ``schedule``, and the
    gradients. The results are new values of these in the same order, without the rate and the gradients.

    Attributes:
        schedule: a function of the number of steps, with pairs of name and number, that answers with the rate.
        product: the momentum of which Nadam keeps the product over all steps, or None.
        scale: gradients are divided by this number, or None.
        clip: ``("norm" | "global" | "value", number)``, or None.
        turns: gradients of so many steps make one update, or None.
        average: what averages keep of themselves in a step, or None; overwrite: they replace the variables so often.
        growth: gradients are divided by a scale that is doubled after so many finite steps; or None.
    """

    parts: tuple[Part, ...]
    schedule: tuple | None = None
    product: float | None = None
    scale: float | None = None
    clip: tuple | None = None
    turns: int | None = None
    average: float | None = None
    overwrite: int | None = None
    growth: int | None = None

    @property
    def key(self) -> Step:
        """Equal for steps that make the same Nodes."""
        return self

    @functools.cached_property
    def _hash(self) -> int:
        return hash(tuple([getattr(self, field.name) for field in fields(self)]))

    def __hash__(self):
        return self._hash

    def __call__(self, *nodes: Node) -> list[Node]:
        rest = iter(nodes)
        done = next(rest)
        product = None if self.product is None else next(rest)
        guard = None if self.growth is None else [next(rest), next(rest)]
        beside = (self.average is not None) + (self.turns is not None)
        states = [[next(rest) for _ in range(1 + p.kept + beside)] for p in self.parts]
        rate = next(rest) if self.schedule is None else self.schedule[0](done, **dict(self.schedule[1]))
        gradients = [self._gradient(p, state[0], rest) for p, state in zip(self.parts, states)]
        finite = None if guard is None else all_finite(gradients)
        if self.scale is not None or guard is not None:
            by = self.scale if guard is None else guard[0]
            gradients = [None if g is None else _divided(g, by) for g in gradients]
        updates = done if self.turns is None else math.floordiv(done, self.turns)
        new_product = product
        if product is not None:
            number = math.cast(math.add(updates, 1), product.dtype)
            new_product = math.multiply(product, nadam_momentum(number, self.product))
        new = self._updated(states, gradients, rate, math.add(updates, 1), new_product)
        if self.turns is not None:
            is_update = math.equal(math.floormod(math.add(done, 1), self.turns), 0)
            new = [self._gathered(is_update, *row) for row in zip(self.parts, states, new, gradients)]
            new_product = None if product is None else math.where(is_update, new_product, product)
        if self.average is not None:
            new = [self._averaged(updates, p, state) for p, state in zip(self.parts, new)]
        shared = [math.add(done, 1)]
        shared += [] if product is None else [new_product]
        if guard is not None:
            shared = _chosen(finite, shared, [done] if product is None else [done, product])
            shared += self._guarded(finite, *guard)
            new = [_chosen(finite, row, state) for row, state in zip(new, states)]
        return [*shared, *[x for row in new for x in row]]

    def _gradient(self, part: Part, var: Node, rest):
        """The gradient as a Node of the variable's type, a pair of rows and indices, or None."""
        if part.gradient == NONE:
            return None
        given = next(rest)
        given = given if given.dtype is var.dtype else math.cast(given, var.dtype)
        if part.gradient == DENSE:
            return given
        indices = next(rest)
        if part.rule is descend and self.clip is None and self.turns is None and self.growth is None:
            return given, indices
        return scatter(math.full_like(var, 0), indices, given, "add")

    def _updated(self, states: Sequence, gradients: Sequence, rate: Node, number: Node, product) -> list[list[Node]]:
        """The variables and what their rules keep after an update; the rest of a state as it is."""
        if self.turns is not None:
            sums = [None if g is None else math.add(g, state[-1]) for g, state in zip(gradients, states)]
            gradients = [None if g is None else math.divide(g, float(self.turns)) for g in sums]
        gradients = gradients if self.clip is None else clipped(gradients, *self.clip)
        new = []
        for part, state, g in zip(self.parts, states, gradients):
            if g is None:
                new.append(list(state))
                continue
            var, *kept = state[: 1 + part.kept]
            own_rate = rate if rate.dtype is var.dtype else math.cast(rate, var.dtype)
            if part.decay is not None:
                var = math.subtract(var, math.multiply(math.multiply(var, part.decay), own_rate))
            if isinstance(g, tuple):
                new.append([*descend_rows(*g, own_rate, var), *state[1:]])
                continue
            kept = kept if product is None else [*kept, product]
            found = part.rule(g, own_rate, math.cast(number, var.dtype), var, *kept, **dict(part.numbers))
            new.append([*found, *state[1 + part.kept :]])
        return new

    def _gathered(self, is_update: Node, part: Part, old: list, new: list, g) -> list[Node]:
        """The state after a step that may only add to the sum of gradients, which is last."""
        if g is None:
            return list(old)
        total = math.where(is_update, math.full_like(old[-1], 0), math.add(old[-1], g))
        return [*_chosen(is_update, new[:-1], old[:-1]), total]

    def _averaged(self, updates: Node, part: Part, state: list) -> list[Node]:
        """The state with its average moved, and put into the variable where it is time for that."""
        var, at = state[0], 1 + part.kept
        keep = math.multiply(math.cast(math.not_equal(updates, 0), var.dtype), self.average)
        average = math.add(math.multiply(keep, state[at]), math.multiply(math.subtract(1, keep), var))
        if self.overwrite:
            is_time = math.equal(math.floormod(math.add(updates, 1), self.overwrite), 0)
            var = math.where(is_time, average, var)
        return [var, *state[1:at], average, *state[at + 1 :]]

    def _guarded(self, finite: Node, scale: Node, counter: Node) -> list[Node]:
        """The new scale and counter of steps that were finite."""
        is_time = math.equal(counter, self.growth - 1)
        grown = math.where(is_time, math.multiply(scale, 2), scale)
        zero = math.full_like(counter, 0)
        return [
            math.where(finite, grown, math.multiply(scale, 0.5)),
            math.where(math.logical_and(finite, math.logical_not(is_time)), math.add(counter, 1), zero),
        ]


def _divided(gradient, by):
    if isinstance(gradient, tuple):
        return _divided(gradient[0], by), gradient[1]
    by = math.cast(by, gradient.dtype) if isinstance(by, Node) else by
    return math.divide(gradient, by)


def clipped(gradients: Sequence, kind: str, limit: float) -> Sequence:
    """Gradients, some perhaps None, within a limit; see ``Step.clip``."""
    if kind == "global":
        return clip_by_global_norm(gradients, limit)[0]
    if kind == "norm":
        return [None if g is None else clip_by_norm(g, limit) for g in gradients]
    return [None if g is None else math.clip_by_value(g, -limit, limit) for g in gradients]


def all_finite(gradients: Sequence) -> Node:
    """Whether all elements of gradients, some perhaps None, are numbers."""
    found = None
    for g in gradients:
        if g is not None:
            here = reduce_all(math.is_finite(g))
            found = here if found is None else math.logical_and(found, here)
    return found


def _chosen(condition: Node, new: Sequence[Node], old: Sequence[Node]) -> list[Node]:
    """The new values where the condition holds, otherwise the old ones; those that stay anyway are passed over."""
    return [n if n is o else math.where(condition, n, o) for n, o in zip(new, old)]
