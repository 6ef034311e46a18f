"""The description of a value: its dtype and shape, whatever kind of tensor it is."""

from __future__ import annotations

from graphc.api.create import convert_to_tensor
from graphc.api.operators import Composed
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.sparse import SparseTensor, SparseTensorSpec
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, explain

_SPECS = {SparseTensor: SparseTensorSpec, RaggedTensor: RaggedTensorSpec}


def type_spec_from_value(value):
    """A TensorSpec, SparseTensorSpec or RaggedTensorSpec that the value fits.

    Raises:
        DtypeError: it is nothing that can become a tensor.
    """
    for kind, spec in _SPECS.items():
        if isinstance(value, kind):
            return spec.from_value(value)
    if isinstance(value, Composed):
        raise DtypeError(explain(f"type_spec_from_value: there is no description of a {type(value).__name__}"))
    return TensorSpec.from_tensor(convert_to_tensor(value))
