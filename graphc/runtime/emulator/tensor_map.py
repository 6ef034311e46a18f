"""Tensor maps of the emulator: what its copy engine reads where a real one reads those of the driver."""

from __future__ import annotations

import struct
from math import prod

from graphc.errors import DeviceError

BYTES = 128
_MAGIC = 0x70614D726F736E54
_SWIZZLE = 3  # of 128 bytes
_MOST = 4  # dimensions


def encode_tensor_map(address: int, itemsize: int, sizes, strides, box, swizzle: bool) -> tuple[bytes, int]:
    """The 128 bytes of a map, and up to which byte from its address on it reaches.

    Args:
        itemsize: bytes of an element.
        sizes, box: elements of the array and of what is copied at once, the innermost dimension first.
        strides: bytes from one row to the next, for every dimension but the innermost.

    Raises:
        DeviceError: it breaks a rule of the hardware.
    """
    rank, inner = len(sizes), box[0] * itemsize
    rules = (
        (1 <= rank <= _MOST and len(strides) == rank - 1 and len(box) == rank, f"{rank} sizes, {len(strides)} strides, {len(box)} of the box: 1 to {_MOST} dimensions, a stride for each but the first"),
        (address % 16 == 0, f"address {address:#x}: a multiple of 16"),
        (all(s % 16 == 0 and 0 < s < 1 << 40 for s in strides), f"strides {tuple(strides)}: multiples of 16"),
        (all(0 < s <= 1 << 32 for s in sizes), f"sizes {tuple(sizes)}: 1 to 2**32"),
        (all(0 < b <= 256 for b in box), f"box {tuple(box)}: 1 to 256"),
        (inner % 16 == 0, f"box of {inner} bytes a row: a multiple of 16"),
        (not swizzle or inner <= BYTES, f"box of {inner} bytes a row: at most {BYTES} where it is swizzled"),
    )  # fmt: skip
    for holds, what in rules:
        if not holds:
            raise DeviceError(f"cuda-emulated: a tensor map cannot have {what}")
    fill = (0,) * (_MOST - rank)
    steps = (itemsize, *strides)
    content = struct.pack("<QQ4I", _MAGIC, address, rank, itemsize, _SWIZZLE if swizzle else 0, 0)
    content += struct.pack("<4I4I4Q", *[s & 0xFFFFFFFF for s in sizes], *fill, *box, *fill, *steps, *fill)
    return content.ljust(BYTES, b"\0"), sum((n - 1) * s for n, s in zip(sizes, steps)) + itemsize if prod(sizes) else 0
