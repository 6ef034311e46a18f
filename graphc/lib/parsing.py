"""Features of serialised Examples, CSV records and serialised tensors, as Nodes. All of it runs on the host."""

from __future__ import annotations

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.node import Node, origins
from graphc.lib.dims import dim_node, integer, listed, measured, size
from graphc.lib.promote import as_node
from graphc.lib.ragged import splits_of_lengths
from graphc.lib.strings import text_of, words
from graphc.prims import csv, example, tensor_proto  # noqa: F401  declare rows
from graphc.prims.order import item
from graphc.prims.table import apply

TYPES = (dt.f32, dt.i64, dt.string)


def examples(op: str, serialized) -> tuple[Node, bool]:
    """Serialised examples as a vector, and whether it was just one."""
    x = words(op, serialized)
    if len(x.shape) > 1:
        raise ShapeError(explain(f"{op}: serialized must be a string or a vector of them, not {x.type}"))
    return (x, False) if x.shape else (apply("reshape", x, shape=(1,)), True)


def _only(x: Node, single: bool) -> Node:
    return apply("reshape", x, shape=x.shape[1:]) if single else x


def fixed(serialized, default, key: str, dtype: DType, shape: tuple, required: bool) -> Node:
    """A feature of fixed length: [n, *shape], [*shape] for one example."""
    x, single = examples("parse_example", serialized)
    return _only(
        apply("example_dense", x, as_node(default), key=key, dtype=dtype, shape=shape, required=required), single
    )


def batch_shape(serialized, size: tuple) -> Node:
    """The dense shape of a batch of sparse tensors of ``size``, i64."""
    sizes = [dim_node(serialized.shape[0]), *(as_node(n, dt.i64) for n in size)]
    return apply("concat", *[apply("reshape", d, shape=(1,)) for d in sizes], axis=0)


def padded(serialized, default, key: str, dtype: DType, shape: tuple, required: bool) -> Node:
    """A feature of any multiple of a fixed length: [n, longest, *shape], [length, *shape] for one example."""
    x, single = examples("parse_example", serialized)
    return _only(
        apply("example_padded", x, as_node(default), key=key, dtype=dtype, shape=shape, required=required), single
    )


def _columns(indices: Node, first: int) -> Node:
    n, rank = indices.shape
    return apply("slice", indices, start=(0, first), stop=(n, rank), step=(1, 1))


def _tail(shape: Node, first: int) -> Node:
    return apply("slice", shape, start=(first,), stop=shape.shape, step=(1,))


def varying(serialized, key: str, dtype: DType) -> tuple[Node, Node, Node]:
    """A feature of any length as the parts of a sparse tensor."""
    x, single = examples("parse_example", serialized)
    found = apply("example_sparse", x, key=key, dtype=dtype)
    indices, values, shape = (item(found, k) for k in range(3))
    return (_columns(indices, 1), values, _tail(shape, 1)) if single else (indices, values, shape)


def rows(serialized, key: str, dtype: DType) -> tuple[Node, Node]:
    """A feature of any length: its values, and where those of each example begin."""
    found = apply("example_sparse", examples("parse_example", serialized)[0], key=key, dtype=dtype)
    return item(found, 1), splits_of_lengths(item(found, 3))


def indexed(serialized, indices: tuple, key: str, dtype: DType, size: tuple, ordered: bool) -> tuple[Node, Node]:
    """Values at places that other features name: indices and values of a sparse tensor."""
    x, single = examples("parse_example", serialized)
    found = apply("example_indexed", x, indices=indices, key=key, dtype=dtype, size=size, ordered=ordered)
    return (_columns(item(found, 0), 1) if single else item(found, 0)), item(found, 1)


def sequence(serialized, key: str, dtype: DType, shape: tuple, missing: bool) -> tuple[Node, Node]:
    """A feature list of fixed shape: [n, longest, *shape] and its lengths i64[n]."""
    x, single = examples("parse_sequence_example", serialized)
    found = apply("sequence_dense", x, key=key, dtype=dtype, shape=shape, missing=missing)
    return _only(item(found, 0), single), _only(item(found, 1), single)


def varying_sequence(serialized, key: str, dtype: DType) -> tuple[Node, Node, Node]:
    """A feature list of any lengths as the parts of a sparse tensor."""
    x, single = examples("parse_sequence_example", serialized)
    found = apply("sequence_sparse", x, key=key, dtype=dtype)
    indices, values, shape = (item(found, k) for k in range(3))
    return (_columns(indices, 1), values, _tail(shape, 1)) if single else (indices, values, shape)


def rows_of_sequence(serialized, key: str, dtype: DType) -> tuple[Node, Node, Node]:
    """A feature list of any lengths: its values, where those of each step begin, and where each example's steps do."""
    found = apply("sequence_sparse", examples("parse_sequence_example", serialized)[0], key=key, dtype=dtype)
    return item(found, 1), splits_of_lengths(item(found, 3)), splits_of_lengths(item(found, 4))


def decode_csv(
    records, record_defaults, field_delim=",", use_quote_delim=True, na_value="", select_cols=None
) -> list[Node]:
    """The columns of CSV records (RFC 4180), one tensor of the shape of ``records`` each. Runs on the host.

    Args:
        record_defaults: a scalar or vector of one element per column, which an empty field becomes; an empty vector
            makes the field required. Its dtype is the column's: f32, f64, i32, i64 or string.
        field_delim: what separates fields. use_quote_delim: whether ``"`` may enclose fields.
        na_value: another text that means an empty field. select_cols: the columns that are wanted, in ascending order.

    Raises:
        UsageError, DtypeError, ShapeError: these arguments mean nothing. InvalidArgumentError, running: a bad record.
    """
    op, x = "decode_csv", words("decode_csv", records)
    defaults = [as_node(d) for d in listed(op, "record_defaults", record_defaults)]
    for k, d in enumerate(defaults):
        if d.dtype not in (dt.f32, dt.f64, dt.i32, dt.i64, dt.string):
            raise DtypeError(explain(f"{op}: record_defaults[{k}] must be float, int or string, not {d.type}"))
        if len(d.shape) > 1 or (d.shape and d.shape[0] not in (0, 1)):
            raise ShapeError(explain(f"{op}: record_defaults[{k}] must be a scalar or have one element, not {d.type}"))
    delimiter = text_of(op, "field_delim", field_delim)
    columns = tuple([integer(op, "select_cols", c) for c in select_cols or ()])
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError(explain(f"{op}: field_delim must be one character but no quote or newline, got {delimiter!r}"))
    if columns and (len(columns) != len(defaults) or list(columns) != sorted(set(columns)) or columns[0] < 0):
        raise UsageError(explain(f"{op}: select_cols {columns} must ascend, one for each of {len(defaults)} defaults"))
    found = apply("decode_csv", x, *defaults, delimiter=delimiter, quotes=bool(use_quote_delim),
                  empty=text_of(op, "na_value", na_value), columns=columns)  # fmt: skip
    return [item(found, k) for k in range(len(defaults))]


def serialize_tensor(tensor) -> Node:
    """A tensor as a TensorProto in bytes, a scalar string. Runs on the host."""
    return apply("serialize_tensor", as_node(tensor))


def parse_tensor(serialized, out_type, shape) -> Node:
    """The tensor of a serialised TensorProto, of a shape in which -1 stands for any size. Runs on the host.

    Raises:
        InvalidArgumentError, while running: it is damaged, or of another dtype or shape.
    """
    x, sizes = words("parse_tensor", serialized), tuple([integer("parse_tensor", "shape", d) for d in shape])
    if x.shape:
        raise ShapeError(explain(f"parse_tensor: serialized must be one string, not {x.type}", origins(serialized=x)))
    found = apply("parse_tensor", x, dtype=dt.as_dtype(out_type), rank=len(sizes))
    flat, known = item(found, 0), item(found, 1)
    places = [apply("slice", known, start=(k,), stop=(k + 1,), step=(1,)) for k in range(len(sizes))]
    measures = tuple([measured(p, "parse_tensor") if d == -1 else d for d, p in zip(sizes, places)])
    return apply("reshape", apply("ensure", flat, shape=(size(measures),)), shape=measures)
