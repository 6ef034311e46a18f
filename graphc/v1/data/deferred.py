"""Datasets that are made of tensors of a graph: they come to be when an iterator over them is initialised."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from graphc.api.data.dataset import Dataset
from graphc.api.data.element import mapped, normalised, spec_of
from graphc.api.data.flow import Flow
from graphc.api.data.stage import Run, Stage
from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor, SparseTensorSpec
from graphc.api.spec import TensorSpec
from graphc.api.structure import leaves, pack
from graphc.api.tensor import EagerTensor
from graphc.errors import GraphcError, explain
from graphc.ir import dtype as dt
from graphc.v1.graph import Graph


@dataclass(eq=False)
class GraphRun(Run):
    """An iteration in a session.

    Attributes:
        values: arrays of the tensors of the graph that the dataset is made of, by their ids.
    """

    values: Mapping = field(default_factory=dict)


class Deferred(Stage):
    """What a function of tensors makes, with their values in their places.

    Args:
        make: the dataset for arrays of the tensors; inputs: the stages that it reads.
    """

    def __init__(self, make: Callable, tensors: list, element_spec, kind: str, inputs: tuple):
        super().__init__(element_spec, inputs)
        self.kind, self.tensors, self._make = kind, tensors, make

    def open(self, run: Run) -> Flow:
        if not isinstance(run, GraphRun):
            what = f"the dataset is made of {self.tensors[0].name}, which has no value here"
            raise GraphcError(self.explain(f"{what}; use an initializable iterator of the graph"))
        found = self._make([run.values[id(t)] for t in self.tensors])
        return found.stage.open(run)


def tensors_below(stage: Stage) -> list:
    """The tensors of a graph that a dataset is made of, each once."""
    found, waiting, seen = {}, [stage], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        waiting.extend(one.inputs)
        found.update((id(t), t) for t in getattr(one, "tensors", ()) if _is_of_graph(t))
    return list(found.values())


def _is_of_graph(value) -> bool:
    return isinstance(value, Operators) and isinstance(value.graph, Graph)


def applied(function: Callable, name: str, args: tuple, kwargs: dict) -> Dataset:
    """``function(*args, **kwargs)``, a dataset; where tensors of a graph are among the arguments, later."""
    given = (list(args), kwargs)
    flat = leaves(given)
    tensors = [v for v in flat if _is_of_graph(v)]
    if not tensors:
        with RECORDERS.entering(EAGER):
            return function(*args, **kwargs)

    def make(values: list) -> Dataset:
        values = iter(values)
        filled = [next(values) if _is_of_graph(v) else v for v in flat]
        with RECORDERS.entering(EAGER):
            new_args, new_kwargs = pack(given, [_eager(v) for v in filled])
            return function(*new_args, **new_kwargs)

    inputs = tuple([v.stage for v in flat if isinstance(v, Dataset)])
    spec = _spec(function, name, given, tensors, make)
    return Dataset(Deferred(make, tensors, spec, f"_{name}Dataset", inputs))


def _eager(value):
    return EagerTensor(EAGER, array=value) if type(value) is np.ndarray else value


def _spec(function: Callable, name: str, given: tuple, tensors: list, make: Callable):
    """The element_spec of what will be made."""
    args, kwargs = given
    if name in ("from_tensors", "from_tensor_slices"):
        (value,) = [*args, *[v for k, v in kwargs.items() if k != "name"]][:1]
        first = 0 if name == "from_tensors" else 1
        return mapped(lambda v: _row_spec(v, first), _listed(value))
    if name == "list_files":
        return TensorSpec((), dt.string)
    error = None
    for number in (1, 0):
        try:
            found = make([_like(t, number) for t in tensors]).element_spec
            break
        except GraphcError as failed:
            error = error or failed
    else:
        raise error
    return _unknown_batch(function, args, kwargs, found) if "batch" in name else found


def _listed(value):
    """Lists of tensors as one tensor, as datasets take them."""
    if isinstance(value, Mapping):
        return {k: _listed(v) for k, v in value.items()}
    if isinstance(value, tuple):
        parts = [_listed(v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list) and any(_is_of_graph(v) for v in leaves(value)):
        tensor = next(v for v in leaves(value) if _is_of_graph(v))
        return TensorSpec([len(value), *(tensor.shape.dims and tensor.shape.as_list() or [])], tensor.dtype)
    return value


def _row_spec(value, first: int):
    if isinstance(value, SparseTensor) and _is_of_graph(value.values):
        sizes = value.shape.as_list() if value.shape.dims is not None else None
        return SparseTensorSpec(TensorShape(sizes if sizes is None else sizes[first:]), value.dtype)
    if not _is_of_graph(value) and not isinstance(value, TensorSpec):
        with RECORDERS.entering(EAGER):
            value = spec_of(normalised(value, "from_tensor_slices"))
    sizes = None if value.shape.dims is None else value.shape.as_list()[first:]
    return TensorSpec(sizes, value.dtype)


def _like(tensor, number: int) -> np.ndarray:
    """A value that the tensor might have."""
    sizes = [1 if d is None else d for d in tensor.shape.as_list()] if tensor.shape.dims is not None else []
    zero = b"" if tensor.dtype is dt.string else number
    return np.full(sizes, zero, tensor.dtype.numpy)


def _unknown_batch(function: Callable, args: list, kwargs: dict, spec):
    """The spec of batches whose size is a tensor."""
    bound = inspect.signature(function).bind(*args, **kwargs).arguments
    if not _is_of_graph(bound.get("batch_size")):
        return spec

    def one(s):
        sizes = None if s.shape.dims is None else [None, *s.shape.as_list()[1:]]
        return type(s)(TensorShape(sizes), s.dtype)

    return mapped(one, spec)


def explain_placeholder(name: str) -> str:
    """Why a one-shot iterator cannot be."""
    what = f"make_one_shot_iterator: the dataset is made of the placeholder {name}, which gets its value when it is fed"
    return explain(f"{what}; use make_initializable_iterator, and feed it with the initializer")
