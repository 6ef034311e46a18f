"""Operations of ``keras.ops.numpy`` that reduce axes, or run along one."""

from __future__ import annotations

import math
from collections.abc import Callable

import graphc as tf
from graphc.api.composite import record
from graphc.lib.reduction import place_of
from keras.src.backend import config
from keras.src.backend.common import dtypes, standardize_dtype

from graphc.keras.keras_graphc.core import cast, convert_to_tensor, shape as shape_of
from graphc.keras.keras_graphc.numpy.promotion import float_dtype, is_whole, summed_in

_HALVES = ("float16", "bfloat16")


def _to_sum(x, dtype=None):
    x = convert_to_tensor(x)
    return cast(x, dtype or summed_in(standardize_dtype(x.dtype)))


def sum(x, axis=None, keepdims=False):
    return tf.reduce_sum(_to_sum(x), axis=axis, keepdims=keepdims)


def prod(x, axis=None, keepdims=False, dtype=None):
    return tf.reduce_prod(_to_sum(x, dtype), axis=axis, keepdims=keepdims)


def mean(x, axis=None, keepdims=False):
    x = convert_to_tensor(x)
    dtype = float_dtype(x.dtype) if is_whole(x) else standardize_dtype(x.dtype)
    wide = "float32" if dtype in _HALVES else dtype
    return cast(tf.reduce_mean(cast(x, wide), axis=axis, keepdims=keepdims), dtype)


def var(x, axis=None, keepdims=False):
    x = convert_to_tensor(x)
    dtype = float_dtype(x.dtype)
    wide = "float32" if dtype in _HALVES else dtype
    return _real_like(tf.math.reduce_variance(cast(x, wide), axis=axis, keepdims=keepdims), dtype)


def _real_like(x, dtype: str):
    return cast(x, {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype))


def std(x, axis=None, keepdims=False):
    return tf.sqrt(var(x, axis, keepdims))


def average(x, axis=None, weights=None):
    x = convert_to_tensor(x)
    given = [] if weights is None else [convert_to_tensor(weights)]
    dtype = dtypes.result_type(x.dtype, *(w.dtype for w in given), float)
    x = cast(x, dtype)
    if weights is None:
        return tf.reduce_mean(x, axis=axis)
    weights = cast(given[0], dtype)
    if axis is not None and len(weights.shape) == 1 and len(x.shape) > 1:
        weights = tf.reshape(weights, [-1 if a == axis % len(x.shape) else 1 for a in range(len(x.shape))])
    weights = tf.broadcast_to(weights, shape_of(x))
    return tf.reduce_sum(x * weights, axis=axis) / tf.reduce_sum(weights, axis=axis)


def _extreme(reduce: Callable, meet: Callable) -> Callable:
    def reduced(x, axis=None, keepdims=False, initial=None):
        x = convert_to_tensor(x)
        if standardize_dtype(x.dtype) == "bool":
            return cast(reduced(cast(x, "int32"), axis, keepdims, initial), "bool")
        answer = reduce(x, axis=axis, keepdims=keepdims)
        return answer if initial is None else meet(answer, cast(initial, x.dtype))

    return reduced


max = _extreme(tf.reduce_max, tf.maximum)
min = _extreme(tf.reduce_min, tf.minimum)


def amax(x, axis=None, keepdims=False):
    return max(x, axis, keepdims)


def amin(x, axis=None, keepdims=False):
    return min(x, axis, keepdims)


def ptp(x, axis=None, keepdims=False):
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def all(x, axis=None, keepdims=False):
    return tf.reduce_all(cast(x, "bool"), axis=axis, keepdims=keepdims)


def any(x, axis=None, keepdims=False):
    return tf.reduce_any(cast(x, "bool"), axis=axis, keepdims=keepdims)


def count_nonzero(x, axis=None):
    x = convert_to_tensor(x)
    return tf.reduce_sum(cast(tf.not_equal(x, cast(0, x.dtype)), "int32"), axis=axis)


def argmax(x, axis=None, keepdims=False):
    return _place("max", x, axis, keepdims)


def argmin(x, axis=None, keepdims=False):
    return _place("min", x, axis, keepdims)


def _place(kind: str, x, axis, keepdims: bool):
    """Where the first extreme element is; NaN counts as one, as in NumPy."""
    x = convert_to_tensor(x)
    x = cast(x, "uint8") if standardize_dtype(x.dtype) == "bool" else x
    rank = len(x.shape)
    if not rank:
        return tf.zeros((), "int32")
    x, along = (tf.reshape(x, [-1]), 0) if axis is None else (x, axis)
    answer = record("ArgMax" if kind == "max" else "ArgMin", place_of, "input", input=x, kind=kind, axis=along)
    if not keepdims:
        return answer
    return tf.reshape(answer, [1] * rank) if axis is None else tf.expand_dims(answer, axis)


# ----------------------------------------------------------------------------------------------------- along an axis


def _along(run: Callable, x, axis, dtype):
    x = convert_to_tensor(x)
    x = cast(x, dtype or ("int32" if standardize_dtype(x.dtype) == "bool" else x.dtype))
    return run(tf.reshape(x, [-1]), axis=0) if axis is None else run(x, axis=axis)


def cumsum(x, axis=None, dtype=None):
    return _along(tf.cumsum, x, axis, dtype)


def cumprod(x, axis=None, dtype=None):
    return _along(tf.math.cumprod, x, axis, dtype)


# ------------------------------------------------------------------------------------------------- what is no number


def _without_nan(x, instead):
    """The tensor with something else in the places of NaN, and which places have numbers."""
    x = convert_to_tensor(x)
    if is_whole(x):
        return x, tf.fill(shape_of(x), True)
    is_number = tf.logical_not(tf.math.is_nan(x))
    return tf.where(is_number, x, cast(instead, x.dtype)), is_number


def nansum(x, axis=None, keepdims=False):
    return sum(_without_nan(x, 0)[0], axis, keepdims)


def nanprod(x, axis=None, keepdims=False):
    return prod(_without_nan(x, 1)[0], axis, keepdims)


def nancumsum(x, axis=None, dtype=None):
    return cumsum(_without_nan(x, 0)[0], axis, dtype)


def nancumprod(x, axis=None, dtype=None):
    return cumprod(_without_nan(x, 1)[0], axis, dtype)


def nanmax(x, axis=None, keepdims=False):
    return _past_nan(max, float("-inf"), float("nan"), x, axis, keepdims)


def nanmin(x, axis=None, keepdims=False):
    return _past_nan(min, float("inf"), float("nan"), x, axis, keepdims)


def _past_nan(reduce: Callable, instead: float, missing: float, x, axis, keepdims: bool):
    """What ``reduce`` finds with ``instead`` for every NaN; ``missing`` where all are NaN."""
    x = convert_to_tensor(x)
    if is_whole(x):
        return reduce(x, axis, keepdims)
    full, is_number = _without_nan(x, instead)
    found = reduce(full, axis, keepdims)
    return tf.where(any(is_number, axis, keepdims), found, cast(missing, found.dtype))


def nanargmax(x, axis=None, keepdims=False):
    return _past_nan(argmax, float("-inf"), -1, x, axis, keepdims)


def nanargmin(x, axis=None, keepdims=False):
    return _past_nan(argmin, float("inf"), -1, x, axis, keepdims)


def nanmean(x, axis=None, keepdims=False):
    x = convert_to_tensor(x)
    if is_whole(x):
        return mean(x, axis, keepdims)
    full, is_number = _without_nan(x, 0)
    dtype = standardize_dtype(x.dtype)
    wide = "float32" if dtype in _HALVES else dtype
    count = tf.reduce_sum(cast(is_number, wide), axis=axis, keepdims=keepdims)
    return cast(tf.reduce_sum(cast(full, wide), axis=axis, keepdims=keepdims) / count, dtype)


def nanvar(x, axis=None, keepdims=False):
    x = convert_to_tensor(x)
    if is_whole(x):
        return var(x, axis, keepdims)
    centered = x - nanmean(x, axis, keepdims=True)
    squares = tf.square(tf.where(tf.math.is_nan(x), tf.zeros_like(x), centered))
    return nanmean(tf.where(tf.math.is_nan(x), x, squares), axis, keepdims)


def nanstd(x, axis=None, keepdims=False):
    return tf.sqrt(nanvar(x, axis, keepdims))


# -------------------------------------------------------------------------------------------------------- quantiles


def quantile(x, q, axis=None, method="linear", keepdims=False):
    return _quantile(x, q, axis, method, keepdims, False)


def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    return _quantile(x, q, axis, method, keepdims, True)


def percentile(x, q, axis=None, method="linear", keepdims=False):
    return quantile(x, _hundredth(q), axis, method, keepdims)


def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    return nanquantile(x, _hundredth(q), axis, method, keepdims)


def median(x, axis=None, keepdims=False):
    return quantile(x, 0.5, axis, "linear", keepdims)


def nanmedian(x, axis=None, keepdims=False):
    return nanquantile(x, 0.5, axis, "linear", keepdims)


def _hundredth(q):
    return cast(q, config.floatx()) / 100


def _quantile(x, q, axis, method: str, keepdims: bool, skip_nan: bool):
    """Values between the sorted ones of some axes, which are brought to the end and joined first."""
    x, q = convert_to_tensor(x), convert_to_tensor(q)
    dtype = float_dtype(x.dtype)
    x, rank = cast(x, dtype), len(x.shape)
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = sorted(a % rank for a in axes)
    rest = [a for a in range(rank) if a not in axes]
    sizes = shape_of(x)
    shape = [*(sizes[a] for a in rest), math.prod(sizes[a] for a in axes)]
    rows = tf.reshape(tf.transpose(x, rest + axes), shape)
    is_nan = tf.math.is_nan(rows)
    ordered = tf.sort(tf.where(is_nan, cast(float("inf"), dtype), rows), axis=-1)
    if skip_nan:
        count = tf.reduce_sum(cast(~is_nan, "int32"), axis=-1, keepdims=True)
        none = tf.equal(count, 0)
    else:
        count, none = shape[-1], tf.reduce_any(is_nan, axis=-1, keepdims=True)
    wide = "float64" if dtype == "float64" else "float32"
    place = cast(tf.reshape(q, [-1]), wide) * cast(count - 1, wide)
    if not skip_nan:
        place = tf.broadcast_to(place, [*shape[:-1], tf.size(place)])
    answer = tf.where(none, cast(float("nan"), dtype), _between(ordered, place, method))
    answer = tf.transpose(answer, [len(rest), *range(len(rest))]) if len(q.shape) else answer[..., 0]
    for a in axes if keepdims else ():
        answer = tf.expand_dims(answer, a + len(q.shape))
    return answer


def _between(ordered, place, method: str):
    """The values at places between the elements of sorted rows; a place has no value before the first element."""

    def at(whole):
        return tf.gather(ordered, tf.maximum(cast(whole, "int32"), 0), axis=-1, batch_dims=len(ordered.shape) - 1)

    if method == "nearest":
        return at(tf.round(place))
    start = tf.floor(place)
    low, high = at(start), at(tf.math.ceil(place))
    if method == "linear":
        part = cast(place - start, ordered.dtype)
        return tf.where(tf.equal(part, 0), low, low + (high - low) * part)
    return {"lower": low, "higher": high, "midpoint": (low + high) / 2}[method]
