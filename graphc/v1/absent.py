"""Names of TensorFlow that are no part of this package, and what serves instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from graphc.api.absent import AbsentError
from graphc.errors import explain

_LOOP = "train with tf.train.MonitoredTrainingSession or a loop around Session.run"

#: Namespaces: without ``tf.``.
INSTEAD = {
    "autograph": "use tf.cond, tf.case and tf.while_loop in a graph",
    "distribute": "a session uses all cores of this machine; there is nothing to distribute to",
    "distributions": "tf.random_normal, tf.random_uniform, tf.multinomial and others draw samples",
    "estimator": "build the model with tf.layers and tf.losses, train it with tf.train.MonitoredTrainingSession or a "
                 "loop around Session.run, and measure it with tf.metrics",
    "feature_column": "make inputs of columns with tf.one_hot, tf.nn.embedding_lookup, tf.string_to_hash_bucket_fast "
                      "and tf.concat",
    "keras": "use tf.layers, tf.losses, tf.metrics and the optimizers of tf.train, or TensorFlow 2's way, from graphc import keras",
    "lite": "graphc.aot compiles a graph ahead of time, into a file that needs no Python",
    "mixed_precision": "pass dtype=tf.float16 to layers and variables, or use tf.cast",
    "mlir": "graphc inspect prints every level of a compiled graph",
    "tpu": "graphs run on this machine's processor",
    "xla": "every graph is compiled; there is nothing to switch on",
}  # fmt: skip

_CONTRIB = {
    "crf": "tf.scan and tf.while_loop compute sums over sequences",
    "cudnn_rnn": "use tf.nn.rnn_cell.LSTMCell and tf.nn.dynamic_rnn",
    "distributions": INSTEAD["distributions"],
    "estimator": _LOOP,
    "factorization": "use tf.nn.embedding_lookup and tf.matmul",
    "gan": "use tf.layers, tf.losses and two optimizers with var_list=...",
    "image": "use tf.image",
    "keras": "use tf.layers",
    "linear_optimizer": "use tf.train.FtrlOptimizer",
    "lookup": "use tf.lookup",
    "losses": "use tf.losses",
    "lite": INSTEAD["lite"],
    "metrics": "use tf.metrics",
    "nn": "use tf.nn",
    "opt": "use the optimizers of tf.train",
    "predictor": "use tf.saved_model.loader.load and Session.run",
    "quantize": "use tf.quantization",
    "rnn_cell": "use tf.contrib.rnn or tf.nn.rnn_cell",
    "saved_model": "use tf.saved_model",
    "signal": "use tf.signal",
    "stateless": "use tf.random.stateless_normal and stateless_uniform",
    "summary": "use tf.summary",
    "tensorboard": "use tf.summary",
    "tfprof": "use tf.profiler",
    "tpu": INSTEAD["tpu"],
    "training": "use tf.train; keep hyperparameters in a dict or in tf.flags",
}  # fmt: skip

_OTHERS = {
    "audio": "read sound with another package and feed arrays",
    "experimental": "the names that are ready have their places in tf",
    "python": "TensorFlow's insides are not there; use the public names, such as tf.nn.rnn_cell for "
              "tf.python.ops.rnn_cell",
    "raw_ops": "use the functions of tf",
    "tools": "python -m graphc has the tools; tf.graph_util has freeze_graph's functions",
    "user_ops": "use tf.py_func, or a function of tf's operations",
}  # fmt: skip

#: Names that are called otherwise: those of TensorFlow 0, of its second version, and what is looked for elsewhere.
_CALLED = {
    "batch_matmul": "matmul", "complex_abs": "abs", "concat_v2": "concat",
    "initialize_all": "global_variables_initializer", "inv": "reciprocal", "list_diff": "setdiff1d",
    "mul": "multiply", "neg": "negative", "pack": "stack", "select": "where", "sub": "subtract", "unpack": "unstack",
    "rnn": "nn.dynamic_rnn", "dense": "layers.dense", "nn.dense": "layers.dense", "nn.rnn": "nn.static_rnn",
    "nn.flatten": "layers.flatten", "flatten": "layers.flatten",
    "nn.batch_norm": "layers.batch_normalization", "mse": "losses.mean_squared_error", "sum": "reduce_sum",
    "losses.mse": "losses.mean_squared_error", "losses.mean_square_error": "losses.mean_squared_error",
    "losses.binary_crossentropy": "losses.sigmoid_cross_entropy", "mean": "reduce_mean", "max": "reduce_max",
    "losses.categorical_crossentropy": "losses.softmax_cross_entropy", "min": "reduce_min", "dot": "matmul",
    "train.SGD": "train.GradientDescentOptimizer", "train.SGDOptimizer": "train.GradientDescentOptimizer",
    "train.Adam": "train.AdamOptimizer", "optimizers": "train", "initializers.xavier": "glorot_uniform_initializer",
    "reset_graph": "reset_default_graph", "array": "constant", "nn.rnn_cell.LSTM": "nn.rnn_cell.LSTMCell",
    "nn.rnn_cell.GRU": "nn.rnn_cell.GRUCell", "function": "Session.run, which compiles what it runs",
}  # fmt: skip


def instead_of(name: str) -> str | None:
    """What to do without a name (of ``tf``, with namespace), a whole sentence; None where nothing is known of it."""
    first, _, rest = name.partition(".")
    if first == "contrib" and rest.partition(".")[0] in _CONTRIB:
        rest = rest.partition(".")[0]
        return f"tf.contrib.{rest} is not part of graphc: {_CONTRIB[rest]}"
    table = INSTEAD if first in INSTEAD else _OTHERS
    return f"tf.{first} is not part of graphc: {table[first]}" if first in table else None


def missing(where: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for a name that is not there.

    Args:
        where: the namespace, such as ``train``; empty for ``tf`` itself.
        known: the names that it has.
    """
    full = f"{where}.{name}" if where else name
    instead = instead_of(full)
    if instead is not None:
        return AbsentError(explain(instead))
    space = f"tf.{where}" if where else "tf"
    what = f"module {space!r} has no attribute {name!r}"
    if full in _CALLED:
        return AttributeError(explain(f"{what}; use tf.{_CALLED[full]}"))
    known = [k for k in known if not k.startswith("_")]
    same = [k for k in known if k.lower() == name.lower()]
    near = same or difflib.get_close_matches(name, known, 1, 0.7)
    prefix = f"{where}." if where else ""
    hint = f"did you mean {prefix + near[0]!r}?" if near else f"dir({space}) lists what there is"
    return AttributeError(explain(f"{what}; {hint}"))


class AbsentModules:
    """What Python asks for modules that it does not find: the error of an import says what serves instead."""

    @staticmethod
    def find_spec(name: str, path=None, target=None) -> None:
        """None for all other modules.

        Raises:
            ModuleNotFoundError: TensorFlow has it, graphc has not.
        """
        package, _, rest = name.partition(".v1.")
        instead = instead_of(rest) if package == "graphc" and rest else None
        if instead is not None:
            raise ModuleNotFoundError(explain(instead))


def __getattr__(name: str):
    if name not in INSTEAD:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise missing("", name, ())
