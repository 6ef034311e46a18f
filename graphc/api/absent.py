"""Namespaces of TensorFlow 2 that are no part of this package, and what serves instead."""

from __future__ import annotations

from graphc.errors import UnavailableError

_INSTEAD = {
    "distribute": "everything runs on all cores of this machine; there is nothing to distribute to",
    "dtensor": "everything runs on this machine; there is nothing to distribute to",
    "estimator": "write the loop with tf.GradientTape and tf.optimizers",
    "feature_column": "make inputs of columns with tf.one_hot, tf.lookup, tf.strings.to_hash_bucket_fast and tf.concat",
    "lite": "graphc.aot compiles a graph ahead of time, into a file that needs no Python",
    "mlir": "graphc inspect prints every level of a compiled graph; a function has .lower(...)",
    "tpu": "everything runs on this machine's processor",
    "xla": "everything is compiled; there is nothing to switch on",
}  # fmt: skip


class AbsentError(UnavailableError, AttributeError):
    """A namespace that is not there; also an AttributeError, so that ``hasattr`` answers False."""


def instead_of(name: str) -> str | None:
    """What to do without a name (of ``tf``, with namespace), a whole sentence; None where nothing is known of it."""
    first = name.partition(".")[0]
    return f"tf.{first} is not part of graphc: {_INSTEAD[first]}" if first in _INSTEAD else None
