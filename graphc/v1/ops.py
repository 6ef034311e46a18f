"""TensorFlow 1's operations at the top of its namespace: the catalogue, and what makes constants and placeholders."""

from __future__ import annotations

from graphc.api.operators import Composed, Operators
from graphc.api.shape import TensorShape
from graphc.api.sparse import IndexedSlices, IndexedSlicesValue
from graphc.errors import DtypeError, StateError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import const
from graphc.ir.type import Type
from graphc.lib import math
from graphc.lib.promote import literal_array
from graphc.v1.catalogue import SHARED, members_of
from graphc.v1.graph import get_default_graph
from graphc.v1.mode import default_recorder, executing_eagerly
from graphc.v1.tensor import Feed, Tensor

__getattr__ = members_of("")
cast = SHARED.get("cast")


def to_float(x, name="ToFloat") -> Tensor:
    """``x`` as float32."""
    return cast(x, dt.f32, name=name)


def to_double(x, name="ToDouble") -> Tensor:
    """``x`` as float64."""
    return cast(x, dt.f64, name=name)


def to_int32(x, name="ToInt32") -> Tensor:
    """``x`` as int32."""
    return cast(x, dt.i32, name=name)


def to_int64(x, name="ToInt64") -> Tensor:
    """``x`` as int64."""
    return cast(x, dt.i64, name=name)


def to_bfloat16(x, name="ToBFloat16") -> Tensor:
    """``x`` as bfloat16."""
    return cast(x, dt.bf16, name=name)


def to_complex64(x, name="ToComplex64") -> Tensor:
    """``x`` as complex64."""
    return cast(x, dt.c64, name=name)


def to_complex128(x, name="ToComplex128") -> Tensor:
    """``x`` as complex128."""
    return cast(x, dt.c128, name=name)


def _needs_graph(what: str) -> None:
    if executing_eagerly():
        advice = "values go to functions as arguments there, or open 'with tf.Graph().as_default():'"
        raise StateError(explain(f"{what}: there is nothing to feed in eager mode; {advice}"))


def placeholder(dtype, shape=None, name=None) -> Tensor:
    """A value that every run feeds.

    Args:
        dtype: such as ``tf.float32`` or ``"float"``.
        shape: sizes, None for those that may differ from run to run; a shape of None allows any rank.

    Raises:
        DtypeError: unknown dtype. UsageError, ShapeError: a size is no number or negative. GraphError: a bad name.

    Example::

        x = tf.placeholder(tf.float32, [None, 784], name="x")
        sess.run(tf.reduce_mean(x), feed_dict={x: images})
    """
    _needs_graph("placeholder")
    if isinstance(dtype, (list, tuple, TensorShape)):
        raise DtypeError(explain(f"placeholder: the dtype comes first, then the shape; got {dtype!r} as the dtype"))
    graph, kind, sizes = get_default_graph(), dt.as_dtype(dtype), TensorShape(shape)
    if name:
        graph.check_name(name)
    full = graph.unique_name(name or "Placeholder")
    known = None if sizes.dims is None else tuple(sizes.as_list())
    return graph.create("Placeholder", full, (), None, Feed((kind, known)), [(kind, known)]).outputs[0]


def placeholder_with_default(input, shape, name=None) -> Tensor:  # noqa: A002
    """A value that a run may feed; otherwise ``input``. In eager mode it is ``input``.

    Raises:
        UsageError: ``input`` does not fit ``shape``.
    """
    is_own = isinstance(input, Operators)
    if executing_eagerly() and not (is_own and not input.graph.is_eager):
        return convert_to_tensor(input)
    graph = input.graph if is_own and not input.graph.is_eager else get_default_graph()
    if name:
        graph.check_name(name)
    full = graph.unique_name(name or "PlaceholderWithDefault")
    default = graph.convert(input, None, f"{full}/input")
    sizes = TensorShape(shape)
    if not default.shape.is_compatible_with(sizes):
        raise UsageError(explain(f"placeholder_with_default: default of shape {default.shape} does not fit {sizes}"))
    known = None if sizes.dims is None else tuple(sizes.as_list())
    outputs = [(default.dtype, known)]
    return graph.create("PlaceholderWithDefault", full, (default,), math.identity, None, outputs).outputs[0]


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False) -> Tensor:
    """A constant; with ``shape``, a single value fills it and a list is extended by its last element.

    Raises:
        DtypeError: the value does not fit ``dtype``.
        ShapeError: the value does not fit ``shape``.
    """
    graph = get_default_graph()
    if isinstance(value, Operators):
        raise UsageError(explain(f"constant: {value.name} is a tensor already; use tf.identity"))
    array = literal_array(value, None if dtype is None else dt.as_dtype(dtype))
    if shape is None:
        node = const(array)
    else:
        sizes = TensorShape(shape).as_list()
        total = TensorShape(sizes).num_elements()
        if array.size > max(total, 1) or (verify_shape and array.shape != tuple(sizes)) or (total and not array.size):
            raise UsageError(explain(f"constant: value of shape {array.shape} does not fit shape {tuple(sizes)}"))
        if array.size == 1:
            node = const(array.reshape(()), Type(dt.as_dtype(array.dtype), tuple(sizes)))
        else:
            flat = array.ravel().tolist()
            flat += flat[-1:] * (total - len(flat))
            node = const(literal_array(flat, dt.as_dtype(array.dtype)).reshape(sizes))
    if executing_eagerly():
        return default_recorder().call("Const", "Const", lambda: node, (), ())
    if name:
        graph.check_name(name)
    full = graph.unique_name(name or "Const")
    return graph.create("Const", full, (), lambda: node, outputs=[(node.dtype, node)]).outputs[0]


def convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None, dtype_hint=None) -> Tensor:
    """``value`` as a Tensor: tensors stay, variables are read, everything else becomes a constant."""
    kind = None if dtype is None else dt.as_dtype(dtype)
    is_own = isinstance(value, (Composed, Operators))
    if executing_eagerly() and not (is_own and not value.graph.is_eager):
        return default_recorder().convert(value, kind)
    graph = value.graph if is_own and not value.graph.is_eager else get_default_graph()
    if name is not None:
        graph.check_name(name)
        name = name if name.endswith("/") else f"{graph.get_name_scope()}/{name}".lstrip("/")
    return graph.convert(value, kind, name)


def convert_to_tensor_or_indexed_slices(value, dtype=None, name=None):
    """``value`` as a Tensor; IndexedSlices and values of them as IndexedSlices."""
    if isinstance(value, IndexedSlicesValue):
        return IndexedSlices(*[None if p is None else convert_to_tensor(p) for p in value])
    return value if isinstance(value, IndexedSlices) else convert_to_tensor(value, dtype, name)
