"""The optimizers that follow one rule, by name, and as data."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.api.optimizers import adam, adaptive, gradient_descent
from graphc.api.optimizers import described as written
from graphc.api.optimizers.optimizer import Optimizer

CLASSES = {
    cls.__name__: cls
    for cls in (
        gradient_descent.SGD, gradient_descent.Lion, gradient_descent.Muon, adam.Adam, adam.AdamW, adam.Adamax,
        adam.Nadam, adam.Lamb, adam.ScheduleFreeAdamW, adaptive.Adagrad, adaptive.Adadelta, adaptive.RMSprop,
        adaptive.Adafactor, adaptive.Ftrl,
    )
}  # fmt: skip
MODULE = "keras.optimizers"


def described(optimizer: Optimizer) -> dict:
    """An optimizer as data."""
    return written.described(optimizer, MODULE, CLASSES)


def remade(config: Mapping, custom_objects: Mapping | None = None) -> Optimizer:
    """The optimizer that ``described`` wrote down."""
    return written.remade("optimizers.deserialize", config, CLASSES, custom_objects)
