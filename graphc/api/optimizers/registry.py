"""All optimizers by name; an optimizer as data and made again from it."""

from __future__ import annotations

from graphc.api.optimizers import families
from graphc.api.optimizers.composed import LossScaleOptimizer, MultiOptimizer
from graphc.api.optimizers.described import described, remade
from graphc.api.optimizers.optimizer import Optimizer
from graphc.errors import UsageError, explain

CLASSES = {**families.CLASSES, "LossScaleOptimizer": LossScaleOptimizer, "MultiOptimizer": MultiOptimizer}


def serialize(optimizer) -> dict:
    """An optimizer as data: its class and configuration, without its variables.

    Raises:
        UsageError: it is no optimizer, or one that is chosen by a function.
    """
    if not isinstance(optimizer, Optimizer):
        raise UsageError(explain(f"optimizers.serialize: needs an optimizer, got {optimizer!r}"))
    return described(optimizer, families.MODULE, CLASSES)


def deserialize(config, custom_objects=None) -> Optimizer:
    """The optimizer that ``serialize`` wrote down; the class's name may be in lower case.

    Raises:
        UsageError: there is no such class.
    """
    return remade("optimizers.deserialize", config, CLASSES, custom_objects)


def get(identifier) -> Optimizer | None:
    """An optimizer from its name, its description, or itself; None for None.

    Raises:
        UsageError: it is none of these.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        identifier = {"class_name": identifier, "config": {}}
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise UsageError(explain(f"optimizers.get: {identifier!r} is no optimizer, name or description of one"))
