"""ONNX's element types: numbers, NumPy types, the fields that list their values, and elements smaller than a byte."""

from __future__ import annotations

from dataclasses import dataclass

import ml_dtypes
import numpy as np

from graphc.errors import FormatError, UnavailableError, explain


@dataclass(frozen=True)
class Element:
    """An element type.

    Attributes:
        number: ``TensorProto.DataType``.
        name: what ONNX calls it, in lower case.
        numpy: the name of its NumPy or ml_dtypes type; elements below a byte take a byte each in arrays.
        field: the field of a TensorProto that lists values one by one.
        bits: the size of an element in a file.
        part: the NumPy type of what the field lists, where it is not the element's own.
    """

    number: int
    name: str
    numpy: str
    field: str
    bits: int
    part: str = ""

    @property
    def dtype(self) -> np.dtype:
        """The NumPy type of arrays; UnavailableError where the installed ml_dtypes lacks it."""
        if hasattr(ml_dtypes, self.numpy):
            return np.dtype(getattr(ml_dtypes, self.numpy))
        try:
            return np.dtype(self.numpy)
        except TypeError:
            what = f"ONNX's element type {self.name} needs a newer ml_dtypes: pip install -U ml_dtypes"
            raise UnavailableError(explain(what)) from None

    def bytes(self, count: int) -> int:
        """What so many elements take in a file."""
        return (count * self.bits + 7) // 8


_TABLE = """
1 float float32 float_data 32           2 uint8 uint8 int32_data 8              3 int8 int8 int32_data 8
4 uint16 uint16 int32_data 16           5 int16 int16 int32_data 16             6 int32 int32 int32_data 32
7 int64 int64 int64_data 64             8 string object string_data 0           9 bool bool int32_data 8
10 float16 float16 int32_data 16 u2     11 double float64 double_data 64        12 uint32 uint32 uint64_data 32
13 uint64 uint64 uint64_data 64         14 complex64 complex64 float_data 64 f4
15 complex128 complex128 double_data 128 f8         16 bfloat16 bfloat16 int32_data 16 u2
17 float8e4m3fn float8_e4m3fn int32_data 8 u1
18 float8e4m3fnuz float8_e4m3fnuz int32_data 8 u1   19 float8e5m2 float8_e5m2 int32_data 8 u1
20 float8e5m2fnuz float8_e5m2fnuz int32_data 8 u1   21 uint4 uint4 int32_data 4 u1   22 int4 int4 int32_data 4 u1
23 float4e2m1 float4_e2m1fn int32_data 4 u1         24 float8e8m0 float8_e8m0fnu int32_data 8 u1
25 uint2 uint2 int32_data 2 u1                      26 int2 int2 int32_data 2 u1
27 float6e2m3 float6_e2m3fn int32_data 6 u1         28 float6e3m2 float6_e3m2fn int32_data 6 u1
"""


def _read_table() -> dict[int, Element]:
    found: dict[int, Element] = {}
    words = _TABLE.split()
    while words:
        number, name, numpy, field, bits, *rest = words[:6]
        part = rest[0] if rest and not rest[0].isdigit() else ""
        found[int(number)] = Element(int(number), name, numpy, field, int(bits), part)
        words = words[6 if part else 5 :]
    return found


ELEMENTS = _read_table()
NUMBERS = {e.name: e.number for e in ELEMENTS.values()}
_BY_NUMPY = {e.numpy: e for e in ELEMENTS.values()}


def element(number: int, what: str = "a tensor") -> Element:
    """The element type of a number.

    Raises:
        FormatError: there is none; the message begins with ``what``.
    """
    found = ELEMENTS.get(number)
    if found is None:
        shown = "UNDEFINED (0)" if number == 0 else f"{number}, which is not known"
        raise FormatError(explain(f"{what}: its element type is {shown}"))
    return found


def element_of(dtype: np.dtype) -> Element:
    """The element type of a NumPy type; text of any kind is ``string``.

    Raises:
        UnavailableError: ONNX has none.
    """
    dtype = np.dtype(dtype)
    found = _BY_NUMPY.get("object" if dtype.kind in "OSU" else dtype.name)
    if found is None:
        raise UnavailableError(explain(f"ONNX has no element type for {dtype}"))
    return found


def unpack(packed: np.ndarray, count: int, bits: int) -> np.ndarray:
    """Codes of 2, 4 or 6 bits, one a byte, from bytes that hold them from the lowest bit on.

    Args:
        packed: uint8 of rank 1, long enough.
        count: how many codes there are.
    """
    if bits == 6:
        return _unpack_six(packed, count)
    each = 8 // bits
    made = np.empty((len(packed), each), np.uint8)
    for k in range(each):
        np.bitwise_and(packed >> np.uint8(bits * k), np.uint8((1 << bits) - 1), out=made[:, k])
    return made.reshape(-1)[:count]


def _unpack_six(packed: np.ndarray, count: int) -> np.ndarray:
    groups = (count + 3) // 4
    whole = np.zeros((groups, 3), np.uint16)
    whole.reshape(-1)[: len(packed)] = packed
    a, b, c = whole.T
    codes = np.stack([a, a >> 6 | b << 2, b >> 4 | c << 4, c >> 2], axis=1) & 0x3F
    return codes.astype(np.uint8).reshape(-1)[:count]


def widen(codes: np.ndarray, kind: Element) -> np.ndarray:
    """Codes as elements: signed integers get their sign into the whole byte."""
    if kind.name in ("int4", "int2"):
        shift = 8 - kind.bits
        codes = ((codes << np.uint8(shift)).view(np.int8) >> np.int8(shift)).view(np.uint8)
    return codes.view(kind.dtype)


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """The inverse of ``unpack``: bytes that hold the lowest ``bits`` of each code."""
    group = {2: 4, 4: 2, 6: 4}[bits]
    whole = np.zeros(((len(codes) + group - 1) // group, group), np.uint32)
    whole.reshape(-1)[: len(codes)] = codes & np.uint8((1 << bits) - 1)
    word = np.zeros(len(whole), np.uint32)
    for k in range(group):
        word |= whole[:, k] << np.uint32(bits * k)
    made = word.astype("<u4").view(np.uint8).reshape(-1, 4)[:, : group * bits // 8]
    return made.reshape(-1)[: (len(codes) * bits + 7) // 8]
