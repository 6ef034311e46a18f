"""Optimizers whose update is one rule: the numbers and slots that it needs, made and handed to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from graphc.api.operators import Operators
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.define import graph_of
from graphc.v1.initializers import Constant, Ones, Zeros
from graphc.v1.mode import executing_eagerly
from graphc.v1.optimizers.optimizer import Optimizer
from graphc.v1.optimizers.update import Rule, apply_dense, apply_sparse
from graphc.v1.tensor import Tensor


class Number(NamedTuple):
    """A number that a rule takes.

    Attributes:
        operand: what the rule calls it.
        given: the attribute that holds what the user gave: a number, a tensor, or a function that makes one.
        tensor: the attribute that holds the tensor once training operations are made.
        name: of the constant.
    """

    operand: str
    given: str
    tensor: str
    name: str


def numbers(*lines: str) -> tuple[Number, ...]:
    """Numbers from lines of ``operand given tensor name``."""
    return tuple(Number(*line.split()) for line in lines)


RATE = "lr _learning_rate _learning_rate_tensor learning_rate"


class RuleOptimizer(Optimizer):
    """An optimizer with one rule.

    Attributes:
        rule: how a variable and its slots change.
        kept: names of the slots in the rule's order -> their initial value.
        numbers: what else the rule takes.
    """

    rule: Rule
    kept: dict[str, float] = {}
    numbers: tuple[Number, ...] = ()

    def _slot_label(self, slot: str) -> str:
        """The last part of the names of the variables of a slot."""
        return self._name

    def _create_slots(self, var_list):
        for v in var_list:
            for slot, value in self.kept.items():
                start = Zeros() if value == 0 else Ones() if value == 1 else Constant(value)
                if v.graph.is_eager:
                    start = np.full(v.shape.as_list(), value, v.dtype.numpy)
                label = self._slot_label(slot)
                self._get_or_make_slot_with_initializer(v, start, v.shape, v.dtype, slot, label)

    def _prepare(self):
        for number in self.numbers:
            setattr(self, number.tensor, self._number(getattr(self, number.given), number.name))

    def _number(self, value, name: str) -> Tensor:
        """A hyper-parameter as a scalar tensor.

        Raises:
            UsageError: it is no number or scalar tensor.
        """
        value = self._call_if_callable(value)
        if not isinstance(value, Operators):
            number = _plain(self._name, name, value)
            return ops.cast(number, dt.f32) if executing_eagerly() else ops.constant(number, name=name)
        tensor = graph_of([value]).convert(value)
        if tensor.shape.ndims not in (None, 0) and tensor.shape.num_elements() != 1:
            raise UsageError(explain(f"{self._name}: {name} must be a scalar, but {tensor.name} is {tensor.shape}"))
        return tensor

    def _operands(self, var) -> dict[str, Tensor]:
        return {n.operand: as_dtype(getattr(self, n.tensor), var.dtype) for n in self.numbers}

    def _variables(self, var) -> list:
        return [var, *(self.get_slot(var, slot) for slot in self.kept)]

    def _apply_dense(self, grad, var):
        return apply_dense(self.rule, self._variables(var), self._operands(var), grad)

    def _resource_apply_dense(self, grad, var):
        return RuleOptimizer._apply_dense(self, grad, var)

    def _apply_sparse_duplicate_indices(self, grad, var):
        if type(self)._apply_sparse is not RuleOptimizer._apply_sparse:
            return super()._apply_sparse_duplicate_indices(grad, var)
        return self._apply_sparse(grad, var)  # which adds up by itself

    def _apply_sparse(self, grad, var):
        return apply_sparse(self.rule, self._variables(var), self._operands(var), grad.values, grad.indices)

    def _resource_apply_sparse(self, grad, var, indices):
        return apply_sparse(self.rule, self._variables(var), self._operands(var), grad, indices)


def as_dtype(tensor: Tensor, dtype) -> Tensor:
    """The tensor itself if it has the dtype, otherwise cast."""
    return tensor if tensor.dtype is dtype else ops.cast(tensor, dtype)


def _plain(label: str, name: str, value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UsageError(explain(f"{label}: {name} must be a number or a scalar tensor, got {value!r}")) from None


def positive(label: str, name: str, value, or_zero: bool = False) -> None:
    """Refuse a number that is not positive.

    Raises:
        UsageError: so it is.
    """
    if isinstance(value, (int, float)) and (value < 0 or (value == 0 and not or_zero)):
        wanted = "positive or zero" if or_zero else "positive"
        raise UsageError(explain(f"{label}: {name} {value} needs to be {wanted}"))
