"""``keras.ops.nn`` by graphc's operations."""

from __future__ import annotations

import graphc as tf

from graphc.keras.keras_graphc.core import cast, convert_to_tensor


def relu(x):
    return tf.nn.relu(convert_to_tensor(x))


def sigmoid(x):
    return tf.nn.sigmoid(convert_to_tensor(x))


def softmax(x, axis=-1):
    return tf.nn.softmax(convert_to_tensor(x), axis=axis)


def log_softmax(x, axis=-1):
    return tf.nn.log_softmax(convert_to_tensor(x), axis=axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    target, output = cast(target, "int32"), convert_to_tensor(output)
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = tf.squeeze(target, axis=-1)
    if not from_logits:
        output = tf.math.log(tf.clip_by_value(output, 1e-7, 1 - 1e-7))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=output)
