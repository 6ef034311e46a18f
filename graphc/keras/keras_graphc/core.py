"""What Keras asks of a back end first: variables, tensors, shapes inferred without numbers, control flow, scopes."""

from __future__ import annotations

import graphc as tf
import numpy as np
from graphc.api.function.inferring import infer
from keras.src import tree
from keras.src.backend import config
from keras.src.backend.common import KerasVariable, global_state, is_int_dtype, standardize_dtype
from keras.src.backend.common.keras_tensor import KerasTensor
from keras.src.backend.common.name_scope import name_scope as keras_name_scope
from keras.src.backend.common.stateless_scope import StatelessScope
from keras.src.backend.common.symbolic_scope import SymbolicScope

SUPPORTS_SPARSE_TENSORS = False
SUPPORTS_RAGGED_TENSORS = False
SUPPORTS_COMPLEX_DTYPES = True
IS_THREAD_SAFE = True


class Variable(KerasVariable):
    """Keras' variable over one of graphc's, which compiled functions read and write in place."""

    def _initialize(self, value):
        if isinstance(value, tf.Variable):
            self._value = value
            return
        self._value = tf.Variable(value, dtype=self._dtype, trainable=self.trainable, name=self.name)

    def _initialize_with_initializer(self, initializer):
        with tf.init_scope():
            self._initialize(convert_to_tensor(initializer(self._shape, dtype=self._dtype), self._dtype))

    def _direct_assign(self, value):
        self._value.assign(tf.cast(value, self._value.dtype), read_value=False)

    def _convert_to_tensor(self, value, dtype=None):
        return convert_to_tensor(value, dtype=dtype)

    def numpy(self):
        return convert_to_numpy(self)

    @property
    def __graphc_variable__(self):
        """What tapes take gradients by."""
        return self._value

    def __tf_tensor__(self, dtype=None, name=None):
        return convert_to_tensor(self.value, dtype)


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """A tensor of an array, a number, a list, a variable or a tensor; of ``dtype`` where one is given.

    Raises:
        ValueError: a sparse or ragged tensor is asked for.
    """
    if sparse or ragged:
        raise ValueError(f"`{'sparse' if sparse else 'ragged'}=True` is not supported with the graphc backend")
    dtype = None if dtype is None else standardize_dtype(dtype)
    if isinstance(x, KerasVariable):
        x = x.value
    if isinstance(x, tf.Variable):
        x = tf.convert_to_tensor(x)
    if not tf.is_tensor(x):
        if dtype is not None and (dtype == "bool" or is_int_dtype(dtype)):
            return tf.cast(tf.convert_to_tensor(x), dtype)
        if dtype is None and isinstance(x, float):
            dtype = config.floatx()
        return tf.convert_to_tensor(x, dtype=dtype)
    return x if dtype is None or x.dtype.name == dtype else tf.cast(x, dtype)


def convert_to_numpy(x) -> np.ndarray:
    """An array of the value, one's own to write to."""
    if isinstance(x, KerasVariable):
        x = x.value
    return np.array(x.numpy() if tf.is_tensor(x) else x)


def is_tensor(x) -> bool:
    return tf.is_tensor(x)


def shape(x) -> tuple:
    """The sizes: ints, and tensors where only a run knows."""
    if isinstance(x, KerasTensor):
        return x.shape
    x = x if tf.is_tensor(x) else tf.convert_to_tensor(x)
    sizes = x.shape.as_list()
    if None not in sizes:
        return tuple(sizes)
    measured = tf.shape(x)
    return tuple(measured[axis] if size is None else size for axis, size in enumerate(sizes))


def cast(x, dtype):
    return convert_to_tensor(x, dtype)


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


def cond(pred, true_fn, false_fn):
    known = tf.get_static_value(pred) if tf.is_tensor(pred) else pred
    if known is not None and not isinstance(pred, tf.Variable):
        return true_fn() if known else false_fn()
    return tf.cond(pred, true_fn=true_fn, false_fn=false_fn)


def stop_gradient(variable):
    return tf.stop_gradient(convert_to_tensor(variable))


def random_seed_dtype() -> str:
    return "int64"


class name_scope(keras_name_scope):
    """Keras' scope of names, which the operations of a graph carry too."""

    def __init__(self, name, **kwargs):
        super().__init__(name, **kwargs)
        self._scope = tf.name_scope(name)

    def __enter__(self):
        entered = global_state.get_global_attribute("name_scope_stack", default=[], set_to_default=True)
        before = len(entered)
        super().__enter__()
        if len(entered) > before:
            self._scope.__enter__()
        return self

    def __exit__(self, *error):
        entered = self._pop_on_exit
        super().__exit__(*error)
        if entered:
            self._scope.__exit__(*error)


def device_scope(device_name):
    return tf.device(device_name)
