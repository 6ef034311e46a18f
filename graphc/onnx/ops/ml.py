"""Operators of ai.onnx.ml on features: scaling, missing values, linear models; what all models of classes share."""

from __future__ import annotations

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.lib import index, linalg, math, nn, reduction, shape
from graphc.onnx.call import Call
from graphc.onnx.ops.labels import words_of
from graphc.onnx.registry import ML, operator
from graphc.onnx.values import Maps, constant
from graphc.prims.table import apply

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def transformed(scores: Node, how: str) -> Node:
    """Scores [n, classes] after one of ``TRANSFORMS``."""
    match how:
        case "SOFTMAX":
            return nn.softmax(scores)
        case "LOGISTIC":
            return math.sigmoid(scores)
        case "SOFTMAX_ZERO":  # a score of zero stays zero
            top = reduction.reduce_max(scores, -1, keepdims=True)
            kept = math.greater(math.abs(scores), float(np.float32(1e-7)))
            part = math.where(kept, math.exp(math.subtract(scores, top)), math.multiply(scores, math.exp(math.negative(top))))
            whole = reduction.reduce_sum(part, -1, keepdims=True)
            return math.where(math.equal(whole, 0.0), 0.5, math.divide(part, whole))
        case "PROBIT":
            return math.multiply(math.erfinv(math.subtract(math.multiply(scores, 2.0), 1.0)), float(np.float32(np.sqrt(2))))
    return scores


def rows_of(x: Node) -> Node:
    """Features [n, features]; a vector is one row."""
    return shape.reshape(x, (1, x.shape[0])) if len(x.shape) == 1 else x


def labels_of(call: Call, numbers: str) -> np.ndarray:
    """The class labels: strings, or the integers in attribute ``numbers``.

    Raises:
        FormatError: there are none.
    """
    texts, ints = call.texts("classlabels_strings", None), call.ints(numbers, None)
    if not texts and not ints:
        raise FormatError(f"{call.op}: there are no class labels")
    return words_of(texts) if texts else np.array(ints, np.int64)


def named(labels: np.ndarray, places: Node) -> Node:
    """The labels at places."""
    return index.picked("labels", constant(labels), places)


# ------------------------------------------------------------------------------------------------ features


@operator("ArrayFeatureExtractor", domain=ML, moves=True)
def array_feature_extractor(call: Call):
    """Some columns of the last axis."""
    x, places = call[0], shape.reshape(call[1], (-1,))
    found = index.gather(x, places, axis=len(x.shape) - 1)
    return shape.reshape(found, (1, found.shape[0])) if len(x.shape) == 1 else found


@operator("Binarizer", domain=ML)
def binarizer(call: Call):
    """1 where an element is above the threshold, else 0."""
    x = call[0]
    limit = const(np.asarray(call.float("threshold", 0.0)), x.type.with_shape(())) if x.dtype.is_inexact else None
    above = math.greater(x, limit) if limit is not None else math.greater(math.cast(x, dt.f64), call.float("threshold", 0.0))
    return math.cast(above, x.dtype)


@operator("FeatureVectorizer", domain=ML)
def feature_vectorizer(call: Call):
    """Columns of several inputs side by side, as float32."""
    sizes = call.ints("inputdimensions", None) or [None] * len(call)
    if len(sizes) != len(call) or not all(x.shape for x in call.tensors()):
        raise call.wrong(f"needs vectors or matrices, and a size for each: {sizes}")
    parts = []
    for x, n in zip(call.tensors(), sizes):
        x = rows_of(math.cast(x, dt.f32))
        x = shape.reshape(x, (x.shape[0], -1))
        parts.append(x if n is None or x.shape[1] == n else shape.part(x, 1, 0, n))
    return shape.concat(parts, 1)


@operator("Imputer", domain=ML)
def imputer(call: Call):
    """Elements of one value (NaN, often) replaced by another, or by one for each column."""
    x = call[0]
    if x.dtype.is_integer:
        wanted, new = call.int("replaced_value_int64", 0), call.ints("imputed_value_int64s")
        hit = math.equal(x, wanted)
    else:
        wanted, new = call.float("replaced_value_float", 0.0), call.floats("imputed_value_floats")
        hit = apply("ne", x, x) if np.isnan(wanted) else math.equal(x, wanted)
    value = const(np.array(new, x.dtype.numpy))
    return math.where(hit, shape.reshape(value, ()) if len(new) == 1 else value, x)


@operator("Scaler", domain=ML)
def scaler(call: Call):
    """``(x - offset) * scale``, one of both for all columns, or one for each."""
    x = math.cast(call[0], dt.f32)
    offset, scale = (const(np.array(call.floats(n, d), np.float32)) for n, d in (("offset", [0.0]), ("scale", [1.0])))
    return math.multiply(math.subtract(x, offset), scale)


@operator("Normalizer", domain=ML)
def normalizer(call: Call):
    """Rows divided by their norm: the largest element (MAX), or that of the sum (L1) or of squares (L2)."""
    x = math.cast(call[0], dt.f32)
    match call.choice("norm", "MAX", "L1", "L2"):
        case "MAX":
            size = reduction.reduce_max(x, -1, keepdims=True)
        case "L1":
            size = reduction.reduce_sum(math.abs(x), -1, keepdims=True)
        case _:
            size = math.sqrt(reduction.reduce_sum(math.multiply(x, x), -1, keepdims=True))
    return math.divide(x, math.where(math.equal(size, 0.0), 1.0, size))


@operator("ZipMap", domain=ML)
def zip_map(call: Call):
    """A dictionary for each row: its values under the given keys."""
    x = call[0] if len(call[0].shape) != 1 else shape.expand_dims(call[0], 0)
    keys = call.texts("classlabels_strings", None) or call.ints("classlabels_int64s", None)
    if not keys or len(x.shape) != 2 or (isinstance(x.shape[1], int) and x.shape[1] != len(keys)):
        raise call.wrong(f"{len(keys or ())} keys do not fit")
    if not isinstance(x.shape[1], int):
        x = apply("ensure", x, shape=(x.shape[0], len(keys)))
    return Maps(x, tuple(keys))


@operator("DictVectorizer", "CastMap", domain=ML)
def of_maps(call: Call):
    """What takes maps."""
    raise call.refuse("its input is a map; turn dictionaries into tensors before the model")


# ------------------------------------------------------------------------------------------- linear models


def _linear(call: Call, count: int) -> Node:
    x = rows_of(math.cast(call[0], dt.f32))
    weights = np.array(call.floats("coefficients"), np.float32)
    if count < 1 or len(weights) % count:
        raise FormatError(f"{call.op}: {len(weights)} coefficients are not for {count} results")
    shift = np.array(call.floats("intercepts", [0.0] * count), np.float32)
    if len(shift) != count:
        raise FormatError(f"{call.op}: {len(shift)} intercepts for {count} results")
    return math.add(linalg.matmul(x, const(weights.reshape(count, -1).T.copy())), const(shift))


@operator("LinearRegressor", domain=ML)
def linear_regressor(call: Call):
    """Weighted sums of the features."""
    return transformed(_linear(call, call.int("targets", 1)), call.choice("post_transform", *TRANSFORMS))


@operator("LinearClassifier", domain=ML)
def linear_classifier(call: Call):
    """The label with the largest weighted sum of the features, and the scores of all labels."""
    labels, how = labels_of(call, "classlabels_ints"), call.choice("post_transform", *TRANSFORMS)
    count = len(call.floats("intercepts", None) or labels)
    scores = _linear(call, count)
    if count > 1:
        return [named(labels, reduction.argmax(scores, 1, dt.i64)), transformed(scores, how)]
    if len(labels) != 2:
        raise call.refuse(f"one score for {len(labels)} labels")
    line = shape.reshape(scores, (-1,))
    chosen = math.cast(math.greater(line, 0.0), dt.i64)
    return [named(labels, chosen), two_sided(scores, how, True)]


def two_sided(scores: Node, how: str, is_share: bool) -> Node:
    """The one score [n, 1] of two classes as one for each: what is left of 1 for the first (``is_share``), or the opposite."""
    if how == "PROBIT":
        return transformed(scores, how)
    if is_share and how != "LOGISTIC":
        return shape.concat([math.subtract(1.0, scores), scores], 1)
    return transformed(shape.concat([math.negative(scores), scores], 1), how)
