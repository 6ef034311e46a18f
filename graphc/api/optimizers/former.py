"""Optimizers of former versions, which TensorFlow lists and refuses: what takes their place."""

from __future__ import annotations

from graphc.errors import UsageError, explain


def _refused(name: str) -> type:
    def __init__(self, *args, **kwargs):
        what = f"optimizers.legacy.{name}: optimizers of former versions are gone, as in TensorFlow since 2.16"
        raise UsageError(explain(f"{what}; tf.optimizers.{name} takes its place, with learning_rate for lr"))

    return type(name, (), {"__init__": __init__, "__doc__": f"Refused: use ``tf.optimizers.{name}``."})


SGD, RMSprop, Adam, Adagrad, Ftrl, Optimizer = map(_refused, "SGD RMSprop Adam Adagrad Ftrl Optimizer".split())
