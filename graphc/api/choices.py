"""Choices that programs name and that make no difference here: how gradients are added, how variables are copied."""

from __future__ import annotations

from enum import Enum


class AggregationMethod:
    """How the gradients of several uses are added; here always as it is quickest."""

    ADD_N = DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


class VariableSynchronization(Enum):
    """When copies of a variable on several devices are brought together; there is one."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


class VariableAggregation(Enum):
    """How copies of a variable on several devices are brought together; there is one."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3
