"""The catalogue: picking and writing elements by index, and order."""

from graphc.api.op import Op
from graphc.lib import embedding, index, order, scatter

ROWS = (
    Op("slice", "Slice", index.slice_of, "input_"),
    Op("strided_slice", "StridedSlice", index.strided_slice, "input_",
       arguments="input_ begin end strides begin_mask end_mask ellipsis_mask new_axis_mask shrink_axis_mask -var name"),
    Op("gather", "GatherV2", index.gather, "params | indices"),
    Op("gather_nd", "GatherNd", index.gather_nd, "params | indices",
       arguments="params indices batch_dims name -bad_indices_policy"),
    Op("nn.embedding_lookup", "embedding_lookup", embedding.embedding_lookup, "*params | ids",
       arguments="params ids max_norm name"),
    Op("one_hot", "OneHot", index.one_hot, "indices | on_value off_value", "one_hot"),
    Op("sequence_mask", "SequenceMask", index.sequence_mask, "lengths"),
    Op("scatter_nd", "ScatterNd", scatter.scatter_nd, "indices | updates"),
    Op("tensor_scatter_nd_update", "TensorScatterUpdate", scatter.tensor_scatter_nd_update,
       "tensor updates | indices"),
    Op("tensor_scatter_nd_add", "TensorScatterAdd", scatter.tensor_scatter_nd_add, "tensor updates | indices"),
    Op("tensor_scatter_nd_sub", "TensorScatterSub", scatter.tensor_scatter_nd_sub, "tensor updates | indices"),
    Op("tensor_scatter_nd_max", "TensorScatterMax", scatter.tensor_scatter_nd_max, "tensor updates | indices"),
    Op("tensor_scatter_nd_min", "TensorScatterMin", scatter.tensor_scatter_nd_min, "tensor updates | indices"),
    Op("sort", "Sort", order.sort, "values", "sort"),
    Op("argsort", "Argsort", order.argsort, "values", "argsort"),
    Op("math.top_k nn.top_k", "TopKV2", order.top_k, "input", parts="values indices"),
    Op("approx_top_k", "ApproxTopK", order.approx_top_k, "input", parts="values indices"),
    Op("math.approx_max_k nn.approx_max_k", "ApproxTopK", order.approx_max_k, "operand",
       parts="values indices"),
    Op("math.approx_min_k nn.approx_min_k", "ApproxTopK", order.approx_min_k, "operand",
       parts="values indices"),
    Op("math.in_top_k nn.in_top_k", "InTopKV2", order.in_top_k, "predictions | targets", "in_top_k"),
    Op("searchsorted", "SearchSorted", order.searchsorted, "sorted_sequence values"),
    Op("math.invert_permutation", "InvertPermutation", order.invert_permutation, "x"),
    Op("unravel_index", "UnravelIndex", order.unravel_index, "indices dims"),
)  # fmt: skip
