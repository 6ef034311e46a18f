"""Which functions of ``keras.ops`` take sparse tensors."""

from __future__ import annotations

from collections.abc import Callable

from graphc.keras.keras_graphc.sparse.elementwise import (
    densifying, division, intersection, keeping_zeros, quiet_division, union,
)  # fmt: skip
from graphc.keras.keras_graphc.sparse.products import multiplying
from graphc.keras.keras_graphc.sparse.reductions import averaging, summing
from graphc.keras.keras_graphc.sparse.shaping import concatenating, expanding, reshaping, squeezing, transposing
from graphc.keras.keras_graphc.sparse.taking import taking

# what is sparse afterwards is what Keras' own operations say of symbolic tensors
_WRAPPERS = {
    keeping_zeros: "abs absolute arcsin arcsinh arctan arctanh ceil conj conjugate copy digitize expm1 fabs floor imag log1p "
    "negative real round sign signbit sin sinh sqrt square tan tanh zeros_like",
    densifying: "angle arccos arccosh cbrt cos cosh deg2rad exp exp2 i0 isfinite isinf isnan isneginf isposinf isreal log "
    "log10 log2 logical_not nan_to_num ones_like rad2deg reciprocal sinc trunc max min amax amin prod any all argmax argmin "
    "count_nonzero clip broadcast_to flip repeat tile ravel swapaxes moveaxis "  # of numpy
    "celu elu gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid log_softmax relu relu6 selu sigmoid "
    "silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid squareplus tanh_shrink "  # of nn
    "erf erfc erfinv rsqrt logsumexp top_k",  # of math
    union: "add subtract maximum minimum fmax fmin",
    intersection: "multiply",
    division: "divide true_divide",
    quiet_division: "divide_no_nan",
    summing: "sum nansum",
    averaging: "mean",
    multiplying: "matmul",
    reshaping: "reshape",
    transposing: "transpose",
    expanding: "expand_dims",
    squeezing: "squeeze",
    concatenating: "concatenate",
    taking: "take take_along_axis",
}
_OF_NAME = {name: wrapper for wrapper, names in _WRAPPERS.items() for name in names.split()}


def taking_sparse(functions: dict[str, Callable]) -> dict[str, Callable]:
    """The functions among these, by name, that take sparse tensors, so that they do."""
    return {name: _OF_NAME[name](function) for name, function in functions.items() if name in _OF_NAME}
