"""Broadcasting and dtype adoption: the one place where operands are made to fit together."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, const, const_value, origins
from graphc.ir.type import Type
from graphc.prims.table import apply

_PYTHON = (bool, int, float, complex)


def literal_array(value, dtype: DType | None = None) -> np.ndarray:
    """A Python number, nested list or NumPy array as an array of ``dtype``, or of the dtype TensorFlow would choose.

    Python floats become float32 and Python ints int32 (int64 where they do not fit); NumPy values keep their dtype,
    but for int64 in lists, which is read like Python's.

    Raises:
        DtypeError: the value does not fit into ``dtype`` (2.5 into int32), or is no number at all.
        ShapeError: a nested list is ragged.
    """
    try:
        array = _as_array(value)
    except ValueError:
        raise ShapeError(explain(f"value is not rectangular: {_short(value)}")) from None
    is_text = array.dtype.kind in "SU" or (
        array.dtype == object and all(isinstance(v, (str, bytes)) for v in array.flat)
    )
    if is_text or dtype is dt.string:
        return _checked_string(array, dtype, is_text)
    if array.dtype == object and array.size and all(isinstance(v, int) for v in array.flat):
        wanted = "64 bits" if dtype is None else dtype.name
        raise DtypeError(explain(f"expected {wanted}, got {_short(value)} of type int, which is too large"))
    if array.dtype == object:
        raise DtypeError(explain(f"value is not a number or a tensor: {_short(value)} of type {type(value).__name__}"))
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is None:
        if hasattr(value, "__array__"):
            return array
        return array.astype(_default(value, array))
    if dtype.numpy == array.dtype:
        return array
    if not fits(array, dtype):
        raise DtypeError(explain(f"expected {dtype.name}, got {_short(value)} of type {_kind_name(value, array)}"))
    with np.errstate(over="ignore"):  # a float too large for a narrower type is infinite there
        return array.astype(dtype.numpy)


def _as_array(value) -> np.ndarray:
    """Like ``np.asarray``, but strings stay objects: NumPy's own drop zero bytes at the end and do not mix with bytes."""
    try:
        array = np.asarray(value)
    except UnicodeDecodeError:
        return np.asarray(value, dtype=object)
    if array.dtype.kind in "SU" and not isinstance(value, (np.ndarray, np.generic)):
        return np.asarray(value, dtype=object)
    return array


def fits(array: np.ndarray, dtype: DType) -> bool:
    """Whether an array may be read as ``dtype`` without changing what its values are."""
    if dtype is dt.string or array.dtype == object:
        return False
    rank = {"b": 0, "u": 1, "i": 1, "e": 2, "f": 2, "c": 3}
    try:
        source = dt.as_dtype(array.dtype)
    except TypeError:
        return False
    if source is dt.string:
        return False
    if rank[source.kind] > rank[dtype.kind] or (source.kind == "b") != (dtype.kind == "b"):
        return array.size == 0
    if dtype.is_integer and source.is_integer and array.size:
        info = np.iinfo(dtype.numpy)
        return bool(array.min() >= info.min) and bool(array.max() <= info.max)
    return True


def _default(value, array: np.ndarray):
    if array.dtype == np.float64:
        return np.float64 if _holds_float64(value) else np.float32
    if array.dtype == np.int64:
        wide = array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31))
        return np.int64 if wide else np.int32
    return array.dtype


def _holds_float64(value) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype == np.float64


def _checked_string(array: np.ndarray, dtype: DType | None, is_text: bool) -> np.ndarray:
    """Strings as bytes, encoded in UTF-8."""
    if (not is_text and array.size) or dtype not in (None, dt.string):
        wanted = dt.string if dtype is None else dtype
        kind = "str" if is_text else str(array.dtype)
        raise DtypeError(explain(f"expected {wanted.name}, got {_short(array.tolist())} of type {kind}"))
    out = np.empty(array.size, dtype=object)
    out[:] = [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]
    return out.reshape(array.shape)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind_name(value, array) -> str:
    return type(value).__name__ if isinstance(value, _PYTHON) else str(array.dtype)


def as_node(value, dtype: DType | None = None) -> Node:
    """A Node as it is; anything else as a constant.

    Raises:
        DtypeError: ``value`` does not fit into ``dtype``, or is a Node of another dtype.
    """
    if isinstance(value, Node):
        if dtype is not None and value.dtype is not dtype:
            raise DtypeError(explain(f"expected {dtype.name}, got {value.type}", origins(x=value)))
        return value
    array = literal_array(value, dtype)
    if array.ndim == 0 and array.dtype != object:
        return const(array, Type(dt.as_dtype(array.dtype), ()))
    return const(array)


def adopt(op: str, *values) -> list[Node]:
    """All values as Nodes of one dtype: that of the first Node, which literals adopt.

    Raises:
        DtypeError: two Nodes differ in dtype, or a literal does not fit.
    """
    like = next((v for v in values if isinstance(v, Node)), None)
    if like is None:
        like = as_node(values[0])
    nodes = [v if isinstance(v, Node) else as_node(v, like.dtype) for v in values]
    for n in nodes:
        if n.dtype is not like.dtype:
            named = dict(zip("xyzw", nodes))
            kinds = " and ".join(str(n.type) for n in nodes)
            what = f"{op}: operands differ in dtype, {kinds}; tf.cast converts one of them"
            raise DtypeError(explain(what, origins(**named)))
    return nodes


def broadcast_shape(op: str, *nodes: Node, shapes=None) -> tuple:
    """The common shape of operands (or of ``shapes``, parts of theirs) by NumPy's rule.

    Two different symbolic sizes are taken to be equal, and so are a symbolic size and an int other than 1;
    ``broadcast_to`` records that, and it is checked at entry.

    Raises:
        ShapeError: two known sizes differ and neither is 1.
    """
    shapes = [n.shape for n in nodes] if shapes is None else shapes
    shape = []
    for back in range(max(map(len, shapes)), 0, -1):
        sizes = [s[-back] for s in shapes if len(s) >= back]
        wide = [s for s in sizes if not (type(s) is int and s == 1)]
        known = {s for s in wide if type(s) is int}
        if len(known) > 1:
            a, b = sorted(known)[:2]
            kinds = " and ".join(str(n.type) for n in nodes)
            what = f"{op}: shapes do not broadcast, {kinds} ({a} != {b} at axis {-back})"
            raise ShapeError(explain(what, origins(**dict(zip("xyzw", nodes)))))
        shape.append(known.pop() if known else wide[0] if wide else 1)
    return tuple(shape)


def broadcast_to(x: Node, shape: tuple, op: str = "broadcast_to") -> Node:
    """``x`` repeated along new leading axes and along axes of size 1.

    Raises:
        ShapeError: a size differs and is not 1, or ``x`` has more axes than ``shape``.
    """
    shape = tuple(shape)
    if x.shape == shape:
        return x
    offset = len(shape) - len(x.shape)
    bad = offset < 0 or any(
        type(s) is int and type(t) is int and s != t and s != 1 for s, t in zip(x.shape, shape[max(offset, 0) :])
    )
    if bad:
        raise ShapeError(explain(f"{op}: {x.type} cannot become shape {shape_text(shape)}", origins(x=x)))
    value = const_value(x) if x.op == "const" else None
    if value is not None:
        return const(x.attrs[0][1], Type(x.dtype, shape))
    kept = [k for k, s in enumerate(x.shape) if s == shape[k + offset] or not (type(s) is int and s == 1)]
    sure = tuple(shape[k + offset] if k in kept else 1 for k in range(len(x.shape)))
    if sure != x.shape:
        x = apply("ensure", x, shape=sure)
    if len(kept) < len(x.shape):
        x = apply("reshape", x, shape=tuple(x.shape[k] for k in kept))
    if x.shape == shape:
        return x
    return apply("broadcast", x, shape=shape, axes=tuple(k + offset for k in kept))


def together(op: str, *values) -> list[Node]:
    """All values as Nodes of one dtype and one shape."""
    nodes = adopt(op, *values)
    if all(n.shape == nodes[0].shape for n in nodes):
        return nodes
    shape = broadcast_shape(op, *nodes)
    return [broadcast_to(n, shape, op) for n in nodes]


def elementwise(op: str, *values, name: str | None = None) -> Node:
    """One element-wise primitive after broadcasting and dtype adoption; ``name`` is what messages call it."""
    return apply(op, *together(name or op, *values))


def shape_text(shape) -> str:
    """A shape as messages show it: ``[n,784]``."""
    return f"[{','.join(str(d) for d in shape)}]"
