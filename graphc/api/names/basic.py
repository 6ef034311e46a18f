"""Names of dtypes, shapes and tensors."""

from graphc.api.create import constant, convert_to_tensor
from graphc.api.shape import TensorShape
from graphc.api.stream import SEEDS
from graphc.api.tensor import Tensor
from graphc.ir import dtype as dt

_EIGHT_BITS = [dt.f8e4m3, dt.f8e5m2]
_DTYPES = {d.name: d for d in dt.ALL if d not in _EIGHT_BITS} | {
    "double": dt.f64, "half": dt.f16, "qint8": dt.i8, "quint8": dt.u8, "qint16": dt.i16, "quint16": dt.u16,
    "qint32": dt.i32, "DType": dt.DType, "as_dtype": dt.as_dtype,
}  # fmt: skip

# Quantised dtypes are plain integers, so these are found among the quantised ones too.
_QUANTIZED = frozenset(_DTYPES[name] for name in ("qint8", "quint8", "qint16", "quint16", "qint32"))

FUNCTIONS = {
    **_DTYPES,
    **{f"dtypes.{name}": dtype for name, dtype in _DTYPES.items()},
    **{f"dtypes.experimental.{d.name}": d for d in _EIGHT_BITS},
    "dtypes.QUANTIZED_DTYPES": _QUANTIZED,
    "newaxis": None,
    "Tensor": Tensor,
    "TensorShape": TensorShape,
    "constant": constant,
    "convert_to_tensor": convert_to_tensor,
    "random.set_seed": SEEDS.set,
}
