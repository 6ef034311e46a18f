"""Namespaces of TensorFlow 1 that are no part of this package, and what serves instead."""

from __future__ import annotations

from graphc.errors import UnavailableError, explain

INSTEAD = {
    "autograph": "use tf.cond, tf.case and tf.while_loop in a graph",
    "data": "feed arrays with feed_dict, or use the queues of tf.train (slice_input_producer, batch, shuffle_batch)",
    "distribute": "a session uses all cores of this machine; there is nothing to distribute to",
    "distributions": "tf.random_normal, tf.random_uniform, tf.multinomial and others draw samples",
    "estimator": "build the model with tf.layers and tf.losses, train it with tf.train.MonitoredTrainingSession or a "
                 "loop around Session.run, and measure it with tf.metrics",
    "feature_column": "make inputs of columns with tf.one_hot, tf.nn.embedding_lookup, tf.string_to_hash_bucket_fast "
                      "and tf.concat",
    "keras": "use tf.layers, tf.losses, tf.metrics and the optimizers of tf.train",
    "lite": "graphc.aot compiles a graph ahead of time, into a file that needs no Python",
    "mixed_precision": "pass dtype=tf.float16 to layers and variables, or use tf.cast",
    "mlir": "graphc inspect prints every level of a compiled graph",
    "tpu": "graphs run on this machine's processor",
    "xla": "every graph is compiled; there is nothing to switch on",
}  # fmt: skip


class AbsentError(UnavailableError, AttributeError):
    """A namespace that is not there; also an AttributeError, so that ``hasattr`` answers False."""


def __getattr__(name: str):
    instead = INSTEAD.get(name)
    if instead is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise AbsentError(explain(f"tf.{name} is not part of graphc: {instead}"))
