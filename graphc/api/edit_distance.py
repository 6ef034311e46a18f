"""The distance of sequences in sparse tensors."""

from __future__ import annotations

from graphc.api.composite import record
from graphc.api.sparse import sparse
from graphc.lib import edit_distance as lib


def edit_distance(hypothesis, truth, normalize=True, name="edit_distance"):
    """The Levenshtein distance of every sequence (along the last axis) to the true one, float32. Runs on the host.

    Args:
        hypothesis, truth: SparseTensors of one rank and dtype, in row-major order.
        normalize: whether distances are divided by the length of the true sequence; infinite where that is empty.

    Raises:
        UsageError: no SparseTensors. DtypeError, ShapeError: they differ in dtype or rank.
    """
    found, wanted = sparse(hypothesis, "edit_distance").operands(), sparse(truth, "edit_distance").operands()
    known = {"truth_indices": wanted["indices"], "truth_values": wanted["values"], "truth_shape": wanted["dense_shape"]}
    return record("EditDistance", lib.edit_distance, **found, **known, normalize=bool(normalize))
