"""Which dtype the literals among the operands of an operation take: that of the tensors beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.operators import Operators
from graphc.ir.dtype import DType


def adopted(operands: Sequence, convert: Callable, alike: bool = True, groups: Sequence | None = None) -> list:
    """All operands as tensors.

    Within a group a literal takes the dtype of the first tensor; where there is none, that of the first literal.

    Args:
        convert: makes a tensor of an operand and a dtype, or None where it may choose.
        alike: whether all operands are one group; otherwise each is its own.
        groups: for each operand which group it is in, if it is neither.
    """
    groups = groups or ([0] * len(operands) if alike else range(len(operands)))
    dtypes: dict[object, DType] = {}
    for x, g in zip(operands, groups):
        if isinstance(x, Operators):
            dtypes.setdefault(g, x.dtype)
    tensors = []
    for x, g in zip(operands, groups):
        tensors.append(convert(x, dtypes.get(g)))
        dtypes.setdefault(g, tensors[-1].dtype)
    return tensors
