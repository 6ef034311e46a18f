"""Shapes and dtypes of a function's results, told without numbers."""

from __future__ import annotations

import graphc as tf
from graphc.api.function.inferring import infer
from graphc.ir.node import symbol
from graphc.keras.keras_graphc.core.tensors import is_tensor
from keras.src import tree
from keras.src.backend.common import standardize_dtype
from keras.src.backend.common.keras_tensor import KerasTensor
from keras.src.backend.common.stateless_scope import StatelessScope
from keras.src.backend.common.symbolic_scope import SymbolicScope


def compute_output_spec(fn, *args, **kwargs):
    """KerasTensors for what ``fn`` answers when KerasTensors among its arguments are tensors; nothing is computed."""
    leaves = tree.flatten((args, kwargs))
    specs = [spec for k, x in enumerate(leaves) if isinstance(x, KerasTensor) for spec in _specs(x, f"elements{k}")]

    def called(tensors):
        left = iter(tensors)
        again = [_stands_for(x, left) if isinstance(x, KerasTensor) else x for x in leaves]
        own_args, own_kwargs = tree.pack_sequence_as((args, kwargs), again)
        with StatelessScope():
            answer = fn(*own_args, **own_kwargs)
        return tree.map_structure(described, answer)

    def described(x):
        if not is_tensor(x):
            return x
        return KerasTensor(tuple(x.shape), standardize_dtype(x.dtype), sparse=isinstance(x, tf.SparseTensor))

    with StatelessScope(), SymbolicScope():
        return infer(getattr(fn, "__name__", "call"), called, specs)


def _specs(x: KerasTensor, elements: str) -> list[tuple]:
    """What is told of the tensors that stand for a symbolic one: a sparse one has places and values besides its shape."""
    if not x.sparse:
        return [(x.dtype, x.shape)]
    count = symbol(elements)
    return [(x.dtype, x.shape), ("int64", (count, len(x.shape))), (x.dtype, (count,))]


def _stands_for(x: KerasTensor, tensors):
    whole = next(tensors)
    if not x.sparse:
        return whole
    return tf.SparseTensor(next(tensors), next(tensors), tf.shape(whole, out_type="int64"))
