"""Values for tensors: which tensor is meant, and the value as an array of its dtype and shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.api.operators import Composed, Operators
from graphc.errors import DtypeError, FeedError, GraphcError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.lib.promote import fits, literal_array
from graphc.v1.graph import Graph
from graphc.v1.tensor import Operation, Tensor


def resolve_keys(graph: Graph, keys) -> tuple[Tensor, ...]:
    """The tensors meant by the keys of a ``feed_dict``: Tensors, Variables or names.

    Raises:
        FeedError: a key is no tensor of this graph, or two keys mean the same tensor.
    """
    tensors = []
    for key in keys:
        try:
            element = graph.as_graph_element(key)
        except GraphcError as error:
            first, *_ = str(error).split("\n")
            raise FeedError(explain(f"feed_dict: {first}")) from None
        if isinstance(element, Operation):
            first = f", such as {element.outputs[0].name!r}" if element.outputs else ""
            what = f"feed_dict: operation {element.name} has no value to feed; feed one of its tensors{first}"
            raise FeedError(explain(what))
        if not graph.is_feedable(element):
            raise FeedError(explain(f"feed_dict: {element.name} may not be fed (Graph.prevent_feeding)"))
        if element in tensors:
            raise FeedError(explain(f"feed_dict: {element.name} is fed twice"))
        tensors.append(element)
    return tuple(tensors)


def as_mapping(feed_dict) -> Mapping:
    """``feed_dict`` checked to be a mapping, with nested keys (tuples of tensors, sparse and ragged ones) taken apart.

    Raises:
        FeedError: it is something else, or a nested key and its value have different lengths.
    """
    if not isinstance(feed_dict, Mapping):
        raise FeedError(explain(f"feed_dict must be a dict from tensors to values, not {type(feed_dict).__name__}"))
    if not any(isinstance(k, (tuple, Composed)) for k in feed_dict):
        return feed_dict
    flat = {}
    for key, value in feed_dict.items():
        if isinstance(key, Composed):
            key, value = key.parts, key.parts_of(value)
        if not isinstance(key, tuple):
            flat[key] = value
        elif len(key) != len(value):
            raise FeedError(explain(f"feed_dict: {len(value)} values for {len(key)} tensors"))
        else:
            flat.update(zip(key, value))
    return flat


def as_array(tensor: Tensor, value) -> np.ndarray:
    """``value`` as a C-contiguous array of the tensor's dtype that fits its static shape.

    Floats may become narrower floats, ints may become floats, and floats that are whole numbers may become ints.

    Raises:
        DtypeError: it cannot be read as the dtype. ShapeError: it does not fit the shape.
        FeedError: it is a tensor.
    """
    if isinstance(value, Operators):
        raise FeedError(
            explain(f"feed_dict: the value for {tensor.name} is the tensor {value.name}; feed an array", _made(tensor))
        )
    wanted = tensor.dtype
    if isinstance(value, np.ndarray) and value.dtype == wanted.numpy and wanted is not dt.string:
        array = value
    else:
        array = _cast(tensor, value)
    shape = tensor.shape
    if not shape.is_compatible_with(array.shape):
        what = f"feed_dict: {tensor.name} has shape {shape}, but the value has shape {array.shape}"
        raise ShapeError(explain(what, _made(tensor)))
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _cast(tensor: Tensor, value) -> np.ndarray:
    wanted = tensor.dtype
    try:
        array = np.asarray(value)
    except ValueError:
        raise ShapeError(explain(f"feed_dict: the value for {tensor.name} is not rectangular", _made(tensor))) from None
    if wanted is dt.string:
        return literal_array(value, wanted)
    if not fits(array, wanted) and not _is_whole(array, wanted):
        is_number = array.dtype.kind in "biufc" or array.dtype == dt.bf16.numpy
        kind = f"{array.dtype}{list(array.shape)}" if is_number else _kind(value)
        what = f"feed_dict: {tensor.name} has dtype {wanted.name}, which a value of {kind} does not fit"
        raise DtypeError(explain(what, _made(tensor)))
    with np.errstate(over="ignore"):  # a float too large for the dtype becomes infinite, as everywhere
        return array.astype(wanted.numpy)


def _kind(value) -> str:
    """What a value is that is no number: its type, and that of what a list begins with."""
    kind, first = type(value).__name__, value
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    return kind if first is value else f"{kind} of {type(first).__name__}"


def _is_whole(array: np.ndarray, wanted) -> bool:
    """True for floats without fractions, for bools read as numbers and for 0/1 numbers read as bools."""
    is_float = array.dtype.kind == "f" or array.dtype == dt.bf16.numpy  # whose kind NumPy does not know
    if is_float and wanted.is_integer:
        return bool(np.isfinite(array).all()) and bool((array == np.floor(array)).all()) and _in_range(array, wanted)
    if array.dtype.kind == "b":
        return wanted is not dt.string
    return wanted is dt.b1 and (is_float or array.dtype.kind in "iu") and bool(((array == 0) | (array == 1)).all())


def _in_range(array: np.ndarray, wanted) -> bool:
    info = np.iinfo(wanted.numpy)
    return not array.size or (float(array.min()) >= info.min and float(array.max()) <= info.max)


def _made(tensor: Tensor) -> list:
    return [(tensor.op.name, f"{tensor.op.type}   {tensor.op.location}")] if tensor.op.location else []
