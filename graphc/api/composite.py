"""Values made of several tensors: what sparse and ragged tensors and indexed slices have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from graphc.api.eager import eager
from graphc.api.lift import construct, tensors_in
from graphc.api.operators import Composed, Operators
from graphc.api.recorder import recorder_for
from graphc.api.tensor import EagerTensor
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib.dims import DataDependent, as_dims


class Composite(Composed):
    """A value whose parts are tensors of one recorder.

    Attributes:
        parts: its tensors, in order.
    """

    __slots__ = ("__weakref__",)

    parts: tuple

    @property
    def graph(self):
        """The recorder of the parts."""
        return self.parts[0].graph

    def rebuilt(self, parts: Iterable) -> "Composite":
        """A value of the same structure made of other tensors."""
        raise UsageError(explain(f"{type(self).__name__} cannot be rebuilt"))

    def fetched(self, arrays: Iterable[np.ndarray]):
        """What a session answers with for this value."""
        return self.rebuilt(arrays)

    def parts_of(self, value) -> tuple:
        """The values of the parts, from what a feed gives for all of them: a value as ``fetched`` makes it, or a tuple.

        Raises:
            UsageError: there are more or fewer.
        """
        found = tuple(getattr(value, "parts", value))
        if len(found) != len(self.parts):
            raise UsageError(explain(f"a {type(self).__name__} has {len(self.parts)} parts, got {len(found)}"))
        return tuple([v.numpy() if isinstance(v, Operators) and v.graph.is_eager else v for v in found])

    def as_tensor(self):
        """The dense tensor that this stands for.

        Raises:
            UsageError: there is none.
        """
        raise UsageError(explain(f"a {type(self).__name__} is not a tensor; use its to_tensor() or tf.sparse.to_dense"))

    def dispatch(self, name: str, public: Callable, arguments: dict):
        """What the public function of this name answers where this is among its arguments.

        Raises:
            UsageError: it does not take such values.
        """
        kind = type(self).__name__
        raise UsageError(explain(f"tf.{name} does not take a {kind}; apply it to its values"))


def record(kind: str, function: Callable, tensors: str = "", /, **arguments):
    """Record ``function(**arguments)`` over Nodes; ``tensors`` names operands as the rows of the catalogue do.

    Other arguments become operands where they are tensors, and reach the function as they are otherwise.
    """
    groups = {n.lstrip("*"): g for g, part in enumerate(tensors.split("|")) for n in part.split()}
    lists = {n[1:] for n in tensors.replace("|", " ").split() if n.startswith("*")}
    recorder = recorder_for(tensors_in(arguments.values()), eager)
    return construct(recorder, kind, kind, function, arguments, groups, lists)


def converted(values: Iterable, dtypes: Iterable) -> list:
    """Values as tensors of one recorder; literals take the dtypes."""
    values = list(values)
    recorder = recorder_for(tensors_in(values), eager)
    return [recorder.convert(v, d) for v, d in zip(values, dtypes)]


def known_sizes(tensor) -> list:
    """The elements of an integer vector as ints, None where only a run knows them; None if it is of unknown length."""
    if isinstance(tensor, EagerTensor):
        return [int(v) for v in tensor.array.tolist()]
    node = tensor.node
    if node is None:
        return None
    try:
        return [d if type(d) is int else None for d in as_dims(node)]
    except DataDependent:
        return [None] * node.shape[0] if type(node.shape[0]) is int else None


def static(tensor):
    """An eager integer tensor as an array, which may decide shapes; another tensor as it is."""
    return tensor.array if isinstance(tensor, EagerTensor) else tensor


def index_dtype(value, default=dt.i64):
    """The dtype of a partition of rows: that of tensors and arrays of i32, else the default."""
    found = getattr(value, "dtype", None)
    return dt.i32 if found is not None and dt.as_dtype(found) is dt.i32 else default
