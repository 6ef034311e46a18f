"""Names of sparse tensors and their functions."""

from graphc.api import sparse

_FUNCTIONS = (
    "add bincount concat expand_dims eye fill_empty_rows from_dense map_values mask maximum minimum reduce_max reduce_sum "
    "reorder reset_shape reshape retain segment_mean segment_sqrt_n segment_sum slice softmax sparse_dense_matmul split "
    "to_dense to_indicator transpose"
)

FUNCTIONS = {
    "SparseTensor": sparse.SparseTensor,
    "sparse.SparseTensor": sparse.SparseTensor,
    "SparseTensorSpec": sparse.SparseTensorSpec,
    "IndexedSlices": sparse.IndexedSlices,
    **{f"sparse.{name}": getattr(sparse, name) for name in _FUNCTIONS.split()},
}
