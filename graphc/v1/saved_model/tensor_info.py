"""TensorInfo messages, which say which tensors of a graph a signature means."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.api.sparse import SparseTensor
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.formats.tensors import shape_proto
from graphc.ir.dtype import NUMBERS
from graphc.v1.graph import get_default_graph
from graphc.v1.tensor import Operation


def build_tensor_info(tensor):
    """The TensorInfo of a tensor of a graph, a variable, or a SparseTensor.

    Raises:
        UsageError: it is something else, or has a value at once.
    """
    if isinstance(tensor, SparseTensor):
        return _sparse_info(tensor)
    if not isinstance(tensor, Operators):
        raise UsageError(explain(f"build_tensor_info: needs a tensor of a graph, got {tensor!r}"))
    if tensor.graph.is_eager:
        what = "build_tensor_info: a tensor of eager evaluation has no name; make it in a graph"
        raise UsageError(explain(what))
    dims = tensor.shape
    sizes = None if dims.ndims is None else dims.as_list()
    info = protos.TensorInfo(name=tensor.name, dtype=NUMBERS[tensor.dtype])
    info.tensor_shape.CopyFrom(shape_proto(sizes))
    return info


def _sparse_info(tensor: SparseTensor):
    dims = tensor.shape
    info = protos.TensorInfo(dtype=NUMBERS[tensor.dtype])
    info.tensor_shape.CopyFrom(shape_proto(None if dims.ndims is None else dims.as_list()))
    info.coo_sparse.values_tensor_name = tensor.values.name
    info.coo_sparse.indices_tensor_name = tensor.indices.name
    info.coo_sparse.dense_shape_tensor_name = tensor.dense_shape.name
    return info


def build_tensor_info_from_op(op: Operation):
    """The TensorInfo of an operation, which has its name and no dtype."""
    info = protos.TensorInfo(name=op.name)
    info.tensor_shape.CopyFrom(shape_proto(None))
    return info


def get_tensor_from_tensor_info(tensor_info, graph=None, import_scope=None):
    """The tensor (or SparseTensor) that a TensorInfo means.

    Args:
        graph: the default graph if None. import_scope: the scope into which the graph was imported.

    Raises:
        UsageError: it means none. UnknownNameError: the graph has no such tensor.
    """
    graph = get_default_graph() if graph is None else graph

    def named(name: str):
        return graph.get_tensor_by_name(f"{import_scope}/{name}" if import_scope else name)

    encoding = tensor_info.WhichOneof("encoding")
    if encoding == "name":
        return named(tensor_info.name)
    if encoding == "coo_sparse":
        parts = tensor_info.coo_sparse
        names = (parts.indices_tensor_name, parts.values_tensor_name, parts.dense_shape_tensor_name)
        return SparseTensor(*[named(n) for n in names])
    raise UsageError(
        explain(f"get_tensor_from_tensor_info: the TensorInfo names no tensor ({encoding or 'it is empty'})")
    )


def get_element_from_tensor_info(tensor_info, graph=None, import_scope=None):
    """The tensor or operation that a TensorInfo names; raises as ``get_tensor_from_tensor_info``."""
    graph = get_default_graph() if graph is None else graph
    name = tensor_info.name
    return graph.as_graph_element(f"{import_scope}/{name}" if import_scope else name)
