"""Names of sparse tensors and their functions."""

from graphc.api import edit_distance, sparse, sparse_files
from graphc.api.op import Op
from graphc.lib import sparse_math

_FUNCTIONS = (
    "add bincount concat expand_dims eye fill_empty_rows from_dense map_values mask maximum minimum reduce_max "
    "reduce_sum reorder reset_shape reshape retain segment_mean segment_sqrt_n segment_sum slice softmax "
    "sparse_dense_matmul split to_dense to_indicator transpose"
)

ROWS = (
    Op("sparse.sampled_addmm", "SampledADDMM", sparse_math.sampled_addmm, "indices | values mat1 mat2 | dense_shape"),
)

FUNCTIONS = {
    "edit_distance": edit_distance.edit_distance,
    "io.serialize_sparse": sparse_files.serialize_sparse,
    "io.serialize_many_sparse": sparse_files.serialize_many_sparse,
    "io.deserialize_many_sparse": sparse_files.deserialize_many_sparse,
    "SparseTensor": sparse.SparseTensor,
    "sparse.SparseTensor": sparse.SparseTensor,
    "SparseTensorSpec": sparse.SparseTensorSpec,
    "IndexedSlices": sparse.IndexedSlices,
    **{f"sparse.{name}": getattr(sparse, name) for name in _FUNCTIONS.split()},
}
