"""Tensor maps: what the copy engine of Hopper and later must know of an array in memory, encoded by the driver."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from graphc.errors import DeviceError
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.runtime.gpus import error_text, libcuda

_SIZE, _ALIGNMENT = 128, 64  # bytes of a map, and what its address must be a multiple of
_DTYPES = {
    dt.u8: 0, dt.i8: 0, dt.b1: 0, dt.u16: 1, dt.i16: 1, dt.u32: 2, dt.i32: 3, dt.u64: 4, dt.i64: 5, dt.f16: 6, dt.f32: 7,
    dt.f64: 8, dt.bf16: 9,
}  # fmt: skip
_SWIZZLE = 3  # of 128 bytes
_PROMOTION = 2  # to 128 bytes in the second level cache


def tensor_map(address: int, dtype: DType, sizes: Sequence[int], strides: Sequence[int], box: Sequence[int], swizzle: bool = True) -> bytes:
    """The map of an array, to be put where kernels read it, at a multiple of 64 bytes. What lies outside of it reads as zeros.

    Args:
        address: of the array, a multiple of 16. sizes, box: elements of the array, and of what one copy takes, innermost
            dimension first; at most five of them. strides: bytes, of all dimensions but the first; multiples of 16.
        swizzle: let groups of 16 bytes change places within the rows of a box, which have 128 bytes at the most then.

    Raises:
        DeviceError: the copy engine cannot do that.
    """
    rank = len(sizes)
    if len(box) != rank or len(strides) != rank - 1 or not 1 <= rank <= 5:
        raise DeviceError(f"a tensor map of sizes {list(sizes)}, strides {list(strides)} and box {list(box)}: their numbers do not fit")
    if dtype not in _DTYPES:
        raise DeviceError(f"there are no tensor maps of {dtype.name}")
    memory = ctypes.create_string_buffer(_SIZE + _ALIGNMENT)
    start = -(-ctypes.addressof(memory) // _ALIGNMENT) * _ALIGNMENT
    library = libcuda()
    code = library.cuTensorMapEncodeTiled(
        ctypes.c_void_p(start),
        _DTYPES[dtype],
        rank,
        ctypes.c_void_p(address),
        (ctypes.c_uint64 * rank)(*sizes),
        (ctypes.c_uint64 * rank)(*strides),
        (ctypes.c_uint32 * rank)(*box),
        (ctypes.c_uint32 * rank)(*[1] * rank),
        0,
        _SWIZZLE if swizzle else 0,
        _PROMOTION,
        0,
    )
    if code:
        raise DeviceError(
            f"the driver makes no tensor map of {dtype.name} {list(sizes)} with strides of {list(strides)} bytes, box {list(box)}"
            f"{' and swizzled rows' if swizzle else ''}: {error_text(library, code)}"
        )
    return ctypes.string_at(start, _SIZE)
