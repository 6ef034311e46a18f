"""Those names of TensorFlow 1's ``tf.contrib`` that courses use: cells, layers, regularizers."""

from graphc.errors import explain
from graphc.v1.contrib import framework, layers, learn, rnn, slim  # noqa: F401  tf.contrib.layers, tf.contrib.rnn

_INSTEAD = {"data": "tf.train.batch, or a feed_dict", "eager": "tf.enable_eager_execution",
            "seq2seq": "tf.nn.dynamic_rnn and tf.while_loop", "training": "tf.train", "summary": "tf.summary",
            "tensorboard": "tf.summary", "metrics": "tf.metrics", "losses": "tf.losses"}  # fmt: skip


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc.v1.contrib' has no attribute {name!r}")
    there = "tf.contrib has framework, layers, rnn and slim here"
    instead = f"; use {_INSTEAD[name]}" if name in _INSTEAD else ""
    raise AttributeError(explain(f"tf.contrib.{name} is not available: {there}{instead}"))
