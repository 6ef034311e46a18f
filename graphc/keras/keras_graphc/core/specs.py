"""Shapes and dtypes of a function's results, told without numbers."""

from __future__ import annotations

from graphc.api.function.inferring import infer
from graphc.keras.keras_graphc.core.tensors import is_tensor
from keras.src import tree
from keras.src.backend.common import standardize_dtype
from keras.src.backend.common.keras_tensor import KerasTensor
from keras.src.backend.common.stateless_scope import StatelessScope
from keras.src.backend.common.symbolic_scope import SymbolicScope


def compute_output_spec(fn, *args, **kwargs):
    """KerasTensors for what ``fn`` answers when KerasTensors among its arguments are tensors; nothing is computed."""
    leaves = tree.flatten((args, kwargs))
    symbolic = [x for x in leaves if isinstance(x, KerasTensor)]

    def called(tensors):
        left = iter(tensors)
        again = [next(left) if isinstance(x, KerasTensor) else x for x in leaves]
        own_args, own_kwargs = tree.pack_sequence_as((args, kwargs), again)
        with StatelessScope():
            answer = fn(*own_args, **own_kwargs)
        return tree.map_structure(described, answer)

    def described(x):
        return KerasTensor(tuple(x.shape), standardize_dtype(x.dtype)) if is_tensor(x) else x

    with StatelessScope(), SymbolicScope():
        return infer(getattr(fn, "__name__", "call"), called, [(x.dtype, x.shape) for x in symbolic])
