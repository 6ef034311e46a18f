"""TensorFlow's training operations by name, for graphs that are read from files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.v1.optimizers.adam import AdamOptimizer
from graphc.v1.optimizers.adaptive import (
    AdadeltaOptimizer, AdagradDAOptimizer, AdagradOptimizer, ProximalAdagradOptimizer, RMSPropOptimizer,
)  # fmt: skip
from graphc.v1.optimizers.ftrl import FtrlOptimizer
from graphc.v1.optimizers.gradient_descent import (
    GradientDescentOptimizer, MomentumOptimizer, ProximalGradientDescentOptimizer,
)  # fmt: skip
from graphc.v1.optimizers.update import Rule, of_rows, write
from graphc.v1.tensor import Operation, Tensor

_ANY = -0.6  # a power of the learning rate that is no square root: the rule then takes the one that it is given

# The rule of each kind, and how many variables it changes: the variable and its slots.
_RULES: dict[str, tuple[Rule, int]] = {
    rule.kind: (rule, count)
    for rule, count in (
        (GradientDescentOptimizer.rule, 1),
        (ProximalGradientDescentOptimizer.rule, 1),
        (MomentumOptimizer(0.0, 0.0).rule, 2),
        (AdagradOptimizer.rule, 2),
        (ProximalAdagradOptimizer.rule, 2),
        (AdagradDAOptimizer.rule, 3),
        (AdadeltaOptimizer.rule, 3),
        (RMSPropOptimizer(0.0).rule, 3),
        (RMSPropOptimizer(0.0, centered=True).rule, 4),
        (AdamOptimizer.rule, 3),
        (FtrlOptimizer(0.0, _ANY).rule, 3),
        (FtrlOptimizer(0.0, _ANY, l2_shrinkage_regularization_strength=1.0).rule, 3),
    )
}
_NESTEROV = MomentumOptimizer(0.0, 0.0, use_nesterov=True).rule
_WAYS = ("Apply", "SparseApply", "ResourceApply", "ResourceSparseApply")

KINDS = frozenset(f"{way}{kind}" for way in _WAYS for kind in _RULES)


def variables_of(kind: str) -> int:
    """How many of the first inputs of an operation of this kind are variables."""
    return _found(kind)[1]


def again(kind: str, variables: Sequence, inputs: Sequence[Tensor], name: str, use_nesterov: bool = False) -> Operation:
    """The operation of a kind; ``inputs`` are TensorFlow's without the variables."""
    rule, count = _found(kind)
    rule = _NESTEROV if use_nesterov and rule.kind == _NESTEROV.kind else rule
    build: Callable = rule.step
    if "Sparse" in kind:
        build = of_rows(rule.step, count, count + rule.inputs.split().index("grad") + 1)
    return write(kind, variables, inputs, build, name, rule.attrs)


def _found(kind: str) -> tuple[Rule, int]:
    return _RULES[kind.removeprefix("Resource").removeprefix("Sparse").removeprefix("Apply")]
