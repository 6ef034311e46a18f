"""Keras' variable over graphc's."""

from __future__ import annotations

import graphc as tf
import numpy as np
from graphc.keras.keras_graphc.core.tensors import convert_to_numpy, convert_to_tensor
from keras.src.backend.common import KerasVariable
from keras.src.backend.common.stateless_scope import in_stateless_scope


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

    def assign_add(self, value):
        if not isinstance(value, tf.IndexedSlices) or in_stateless_scope():
            return super().assign_add(value)
        self._value.scatter_add(convert_to_tensor(value, self._value.dtype))  # these rows alone
        return value

    def assign_sub(self, value):
        if not isinstance(value, tf.IndexedSlices) or in_stateless_scope():
            return super().assign_sub(value)
        self._value.scatter_sub(convert_to_tensor(value, self._value.dtype))
        return value

    @property
    def value(self):
        """The value as it is now, which later assignments leave alone."""
        value = super().value
        return tf.convert_to_tensor(value) if isinstance(value, tf.Variable) else value

    def _convert_to_tensor(self, value, dtype=None):
        return convert_to_tensor(value, dtype=dtype)

    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        if self._value is not None:
            self._value.trainable = self._trainable  # so that tapes watch it, or no longer

    def numpy(self):
        return convert_to_numpy(self)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.value.__array__(dtype, copy))

    @property
    def __graphc_variable__(self):
        """What tapes take gradients by."""
        return self._value

    def __graphc_tensor__(self, dtype=None, name=None):
        return convert_to_tensor(self.value, dtype)
