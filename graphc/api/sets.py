"""TensorFlow's ``tf.sets`` and crosses of features: functions on sparse and ragged tensors that run on the host."""

from __future__ import annotations

from graphc.api.composite import record, static
from graphc.api.create import convert_to_tensor
from graphc.api.ragged import RaggedTensor
from graphc.api.sparse import SparseTensor, sparse
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import ragged as lib_ragged
from graphc.lib import sets as lib
from graphc.lib.sparse import columns, extents
from graphc.prims.sparse import cross as crossed

DEFAULT_HASH_KEY = 0xDECAFCAFFE


def _operands(prefix: str, value) -> dict:
    if not isinstance(value, SparseTensor):
        return {f"{prefix}_dense": convert_to_tensor(value)}
    return {f"{prefix}_{k}": v for k, v in value.operands().items()}


def _set_of(prefix: str, given: dict) -> tuple:
    if f"{prefix}_dense" in given:
        return lib.dense_set(given[f"{prefix}_dense"])
    return lib.sparse_set(*(given[f"{prefix}_{k}"] for k in ("indices", "values", "dense_shape")))


def _combined(kind, **given):
    return lib.combined(kind, _set_of("a", given), _set_of("b", given))


def _operation(kind: str, a, b) -> SparseTensor:
    a, b = (sparse(x, "sets") if hasattr(x, "dense_shape") else x for x in (a, b))
    if isinstance(a, SparseTensor) and not isinstance(b, SparseTensor) and kind != "difference":
        a, b = b, a
    return SparseTensor(*record("SetOperation", _combined, kind=kind, **_operands("a", a), **_operands("b", b)))


def union(a, b, validate_indices=True) -> SparseTensor:
    """The elements of either set along the last axis, ascending; sets stand at the places of the other axes."""
    return _operation("union", a, b)


def intersection(a, b, validate_indices=True) -> SparseTensor:
    """The elements of both sets along the last axis, ascending."""
    return _operation("intersection", a, b)


def difference(a, b, aminusb=True, validate_indices=True) -> SparseTensor:
    """The elements of ``a`` that are not in ``b`` (of ``b`` not in ``a`` if ``aminusb`` is False), ascending."""
    return _operation("difference", a, b) if aminusb else _operation("difference", b, a)


def size(a, validate_indices=True):
    """How many different elements each set of a sparse tensor has."""
    return record("SetSize", lib.size, **sparse(a, "sets.size").operands())


# --------------------------------------------------------------------------------------------- crosses


def _features(inputs) -> dict:
    """The parts of every feature as operands."""
    given: dict = {}
    for k, x in enumerate(inputs):
        if isinstance(x, RaggedTensor):
            if x.ragged_rank != 1 or x.flat_values.ndim != 1:
                raise UsageError(explain(f"cross: needs features of rank 2, not a ragged tensor of shape {x.shape}"))
            given[f"splits{k}"], given[f"values{k}"] = x.row_splits, x.values
        elif hasattr(x, "dense_shape"):
            x = sparse(x, "cross")
            given[f"indices{k}"], given[f"values{k}"], given[f"shape{k}"] = x.indices, x.values, static(x.dense_shape)
        else:
            given[f"dense{k}"] = convert_to_tensor(x)
    if not given:
        raise UsageError(explain("cross: inputs is empty"))
    return given


def _pairs(given: dict) -> tuple:
    """Rows and values of each feature, and how many rows there are."""
    pairs, count = [], None
    for name, x in given.items():
        kind, k = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz")
        if kind == "splits":
            values = given[f"values{k}"]
            rows = lib_ragged.math.cast(lib_ragged.rowids(x, values.shape[0]), dt.i64)
            count = lib_ragged.dim_node(lib_ragged.count_rows(x)) if count is None else count
        elif kind == "indices":
            rows, values = columns("cross", x)[0], given[f"values{k}"]
            count = extents(given[f"shape{k}"])[0] if count is None else count
        elif kind == "dense":
            full = x.shape if len(x.shape) == 2 else (*x.shape, 1)
            rows = lib_ragged.shape.reshape(lib_ragged.apply("iota", shape=full, axis=0, dtype=dt.i64), [-1])
            values = lib_ragged.shape.reshape(x, [-1])
            count = lib_ragged.dim_node(full[0]) if count is None else count
        else:
            continue
        if values.dtype is not dt.string:
            values = lib_ragged.math.cast(values, dt.i64)
        pairs.append((rows, values))
    return count, pairs


def _sparse_cross(separator, buckets, key, hashed, **given):
    count, pairs = _pairs(given)
    rows, found = crossed(count, pairs, separator, buckets, key, hashed)
    place, width = lib.place_in_row(rows, lib_ragged.measured(count, "cross"))
    return lib_ragged.shape.stack([rows, place], axis=1), found, lib_ragged.shape.stack([count, width])


def _ragged_cross(separator, buckets, key, hashed, **given):
    count, pairs = _pairs(given)
    rows, found = crossed(count, pairs, separator, buckets, key, hashed)
    return found, lib_ragged.splits_of_rowids(rows, count)


def sparse_cross(inputs, name=None, separator=None) -> SparseTensor:
    """All combinations of one value of each input in every row, as strings joined by ``separator`` (``_X_``)."""
    settings = {"separator": "_X_" if separator is None else separator, "buckets": 0, "key": 0, "hashed": False}
    return SparseTensor(*record("SparseCross", _sparse_cross, **_features(inputs), **settings))


def _hash_settings(num_buckets: int, hash_key) -> dict:
    return {"separator": "", "buckets": num_buckets, "key": DEFAULT_HASH_KEY if hash_key is None else hash_key,
            "hashed": True}  # fmt: skip


def sparse_cross_hashed(inputs, num_buckets=0, hash_key=None, name=None) -> SparseTensor:
    """As ``sparse.cross``, with a hash below ``num_buckets`` in place of each string."""
    settings = _hash_settings(num_buckets, hash_key)
    return SparseTensor(*record("SparseCross", _sparse_cross, **_features(inputs), **settings))


def ragged_cross(inputs, name=None) -> RaggedTensor:
    """All combinations of one value of each input in every row, as strings."""
    settings = {"separator": "_X_", "buckets": 0, "key": 0, "hashed": False}
    return RaggedTensor(*record("RaggedCross", _ragged_cross, **_features(inputs), **settings))


def ragged_cross_hashed(inputs, num_buckets=0, hash_key=None, name=None) -> RaggedTensor:
    """As ``ragged.cross``, with a hash below ``num_buckets`` in place of each string."""
    settings = _hash_settings(num_buckets, hash_key)
    return RaggedTensor(*record("RaggedCross", _ragged_cross, **_features(inputs), **settings))
