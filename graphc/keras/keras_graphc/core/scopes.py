"""Scopes of names and of devices."""

from __future__ import annotations

import graphc as tf
from keras.src.backend.common import global_state
from keras.src.backend.common.name_scope import name_scope as keras_name_scope


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
