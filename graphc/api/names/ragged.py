"""Names of ragged tensors and their functions."""

from graphc.api import ragged, ragged_make
from graphc.api.op import Op
from graphc.api.ragged_dispatch import map_flat_values
from graphc.lib import ragged as lib

_FUNCTIONS = (
    "boolean_mask constant rank row_splits_to_segment_ids segment_ids_to_row_splits stack stack_dynamic_partitions"
)

ROWS = (
    Op("ragged_fill_empty_rows", "RaggedFillEmptyRows", lib.fill_empty_rows, "value_rowids | values default_value"),
    Op("ragged_fill_empty_rows_grad", "RaggedFillEmptyRowsGrad", lib.fill_empty_rows_grad,
       "reverse_index_map | grad_values"),
)  # fmt: skip

FUNCTIONS = {
    "RaggedTensor": ragged.RaggedTensor,
    "RaggedTensorSpec": ragged.RaggedTensorSpec,
    "ragged.range": ragged_make.ranges,
    "ragged.map_flat_values": map_flat_values,
    **{f"ragged.{name}": getattr(ragged_make, name) for name in _FUNCTIONS.split()},
}
