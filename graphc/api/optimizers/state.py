"""The variables of an optimizer: made beside those that it changes, listed, set, saved and restored."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from graphc.api import scope
from graphc.api.variable import Variable
from graphc.errors import GraphcWarning, ShapeError, StateError, UsageError, explain
from graphc.ir import dtype as dt

_FILLS = {"zeros": 0.0, "ones": 1.0}


class Variables(list):
    """A list that may be called, as ``optimizer.variables()`` was in former versions."""

    def __call__(self) -> Variables:
        return self


class State:
    """Keeps the variables of an optimizer, in the order in which they were made.

    Attributes:
        name: their names begin with it.
        built: whether those that belong to the variables to change are there.
    """

    name = "optimizer"
    built = False

    def __init__(self):
        self._variables: list[Variable] = []
        self._restoration = None

    @property
    def variables(self) -> Variables:
        """All of them: the number of steps and the learning rate first."""
        return Variables(self._variables)

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="none", layout=None,
                     name=None) -> Variable:  # fmt: skip
        """A new variable of the optimizer.

        Args:
            initializer: ``"zeros"``, ``"ones"``, a number, or a function of shape and dtype.

        Raises:
            UsageError: the initializer is none of these.
        """
        kind = dt.f32 if dtype is None else dt.as_dtype({"int": "int64", "float": "float32"}.get(dtype, dtype))
        sizes = tuple(shape.as_list() if hasattr(shape, "as_list") else shape)
        fill = _FILLS.get(initializer, initializer) if isinstance(initializer, str) else initializer
        if not callable(fill) and not isinstance(fill, (int, float)):
            what = f"add_variable: initializer must be 'zeros', 'ones', a number or a function, got {initializer!r}"
            raise UsageError(explain(what))
        with scope.init_scope(), scope.name_scope(f"{self.name}/"):
            value = fill(sizes, kind) if callable(fill) else np.full(sizes, fill, kind.numpy)
            variable = Variable(value, trainable=False, name=name or "variable", dtype=kind)
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros") -> Variable:
        """A new variable of the shape and dtype of another one, which it is named after."""
        own = reference_variable.name.replace("/", "_").replace(":", "_")
        shape, kind = reference_variable.shape, reference_variable.dtype
        return self.add_variable(shape, initializer, kind, name=f"{own}_{name or 'var'}")

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """For each variable a new one beside it; with several names as many lists of them.

        Raises:
            UsageError: there are not as many initializers as names.
        """
        names = [name] if isinstance(name, str) else list(name)
        starts = list(initializer) if isinstance(initializer, (list, tuple)) else [initializer] * len(names)
        if len(starts) != len(names):
            what = f"add_optimizer_variables: {len(names)} names and {len(starts)} initializers"
            raise UsageError(explain(what))
        lists: tuple[list, ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for made, own, start in zip(lists, names, starts):
                made.append(self.add_variable_from_reference(variable, own, start))
        return lists[0] if isinstance(name, str) else lists

    def set_weights(self, weights: Sequence) -> None:
        """Give all variables new values, in the order of ``variables``.

        Raises:
            StateError: they were not made yet. UsageError, ShapeError: the values do not fit; nothing is changed then.
        """
        if not self.built:
            what = "set_weights: the optimizer has no variables yet; call optimizer.build(trainable_variables) first"
            raise StateError(explain(what))
        variables = self.variables
        if len(weights) != len(variables):
            raise UsageError(explain(f"set_weights: {len(weights)} values for {len(variables)} variables"))
        for variable, weight in zip(variables, weights):
            if tuple(np.shape(weight)) != tuple(variable.type.shape):
                what = f"set_weights: variable {variable.name} is {variable.type}, the value has {np.shape(weight)}"
                raise ShapeError(explain(what))
        for variable, weight in zip(variables, weights):
            variable.assign(weight)

    def save_own_variables(self, store) -> None:
        """Put the values into a mapping, under their numbers."""
        for k, variable in enumerate(self.variables):
            store[str(k)] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """Take the values from such a mapping; where it has not as many, it is passed over with a warning."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            counts = f"{len(variables)} variables, {len(store.keys())} are saved"
            what = f"load_own_variables: optimizer {self.name} has {counts}"
            hint = "" if self.built else "; build(trainable_variables) makes those that are missing"
            warnings.warn(explain(f"{what}; they are passed over{hint}"), GraphcWarning, stacklevel=2)
            return
        for k, variable in enumerate(variables):
            variable.assign(store[str(k)])

    def _checkpoint_children(self) -> dict:
        """What a checkpoint of the optimizer holds."""
        return {name: value for name, value in vars(self).items() if name not in ("_restoration", "_plans")}

    def _restored_by(self, restoration) -> None:
        """Remember a restoration, so that variables that are made later take part in it."""
        self._restoration = restoration

    def _restore_new(self) -> None:
        """Give variables that were just made the values of the checkpoint that was restored before."""
        if self._restoration is not None:
            with scope.init_scope():
                self._restoration.apply()
