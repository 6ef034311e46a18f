"""AnyRank: what stands for the traces of a function for tensors whose rank is not known yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.function.concrete import ConcreteFunction
from graphc.api.spec import TensorSpec
from graphc.errors import UsageError, explain


class AnyRank:
    """A function of described tensors, some of any rank; it is traced when it is called with a new rank.

    Args:
        specs: what it takes. trace: makes the ConcreteFunction for the sizes of all tensors.

    Attributes:
        name: of the Python function; inputs: the TensorSpecs.
    """

    def __init__(self, name: str, specs: Sequence[TensorSpec], trace: Callable):
        self.name, self.inputs, self._trace = name, list(specs), trace

    def __call__(self, *args, **kwargs):
        """The answer for tensors, by position or by the names of the arguments."""
        names = [s.name for s in self.inputs]
        given = {**dict(zip(names, args)), **kwargs}
        if len(args) + len(kwargs) != len(names) or set(given) != set(names):
            raise UsageError(explain(f"{self.name}: takes {len(names)} tensors ({', '.join(names)})"))
        tensors = [ConcreteFunction.fitting(self.name, given[s.name], s) for s in self.inputs]
        shapes = [(None,) * t.type.rank if s.shape.ndims is None else tuple(s.shape.as_list())
                  for t, s in zip(tensors, self.inputs)]  # fmt: skip
        return self._trace(tuple(shapes)).answer(tensors)

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        what = f"{self.name}: {name} is not known before the rank is; give the TensorSpec as many Nones as it has axes"
        raise AttributeError(explain(what))

    def __repr__(self):
        return f"<ConcreteFunction {self.name}({', '.join(map(repr, self.inputs))})>"
