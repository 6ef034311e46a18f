"""Those names of TensorFlow 1's ``tf.contrib`` that courses use: cells, layers, regularizers."""

from graphc.v1.absent import missing
from graphc.v1.contrib import data, eager, framework, layers, learn, legacy_seq2seq, rnn, seq2seq, slim  # noqa: F401

_HERE = ("data", "eager", "framework", "layers", "learn", "legacy_seq2seq", "rnn", "seq2seq", "slim")


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc.v1.contrib' has no attribute {name!r}")
    raise missing("contrib", name, _HERE)
