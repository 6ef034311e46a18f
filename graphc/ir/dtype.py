"""Element types: the closed list of what one element of a tensor can be."""

from __future__ import annotations

from dataclasses import dataclass

import ml_dtypes
import numpy as np

from graphc.errors import DtypeError, explain


@dataclass(frozen=True, eq=False)
class DType:
    """One element type. There is exactly one object per type, so ``is`` compares.

    Attributes:
        short: the name used in IR text, such as ``f32``.
        name: the name users know from TensorFlow, such as ``float32``.
        kind: ``b`` bool, ``i`` signed, ``u`` unsigned, ``f`` floating, ``c`` complex, ``s`` string; ``e`` floats of 8 bits, which
            are stored, moved and cast, and not computed with.
        bits: storage width of one element; 0 for strings, which have no fixed width.
    """

    short: str
    name: str
    kind: str
    bits: int
    numpy: np.dtype

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return self.bits // 8

    @property
    def is_float(self) -> bool:
        return self.kind == "f"

    @property
    def is_complex(self) -> bool:
        return self.kind == "c"

    @property
    def is_inexact(self) -> bool:
        """True where a gradient makes sense."""
        return self.kind in "fc"

    @property
    def is_integer(self) -> bool:
        return self.kind in "iu"

    @property
    def is_native(self) -> bool:
        """True where generated code can hold one element in a register; others run on the host."""
        return self.kind in "biufe"

    # What follows is TensorFlow's interface of a DType.

    @property
    def as_numpy_dtype(self) -> type:
        """NumPy's scalar type, such as ``np.float32``; ``object`` for strings."""
        return object if self.kind == "s" else self.numpy.type

    @property
    def as_datatype_enum(self) -> int:
        """The number of the type in TensorFlow's files."""
        return NUMBERS[self]

    @property
    def base_dtype(self) -> "DType":
        """The type itself: there are no reference types here."""
        return self

    @property
    def real_dtype(self) -> "DType":
        """The type of the real part."""
        return real_of(self)

    @property
    def is_floating(self) -> bool:
        return self.kind in "fe"

    @property
    def is_bool(self) -> bool:
        return self.kind == "b"

    @property
    def is_unsigned(self) -> bool:
        return self.kind == "u"

    @property
    def is_numeric(self) -> bool:
        return self.kind in "iufce"

    @property
    def is_quantized(self) -> bool:
        return False

    @property
    def is_numpy_compatible(self) -> bool:
        return True

    @property
    def min(self):
        """The smallest finite value, a NumPy scalar or an int; TypeError for bools, strings and complex numbers."""
        return self._bounds()[0]

    @property
    def max(self):
        """The largest finite value, a NumPy scalar or an int; TypeError for bools, strings and complex numbers."""
        return self._bounds()[1]

    @property
    def limits(self) -> tuple:
        """The range of an image's pixels of this type: (0, 1) for floats, (0, max) for integers and bool."""
        return (0, 1) if self.kind == "f" else (False, True) if self.kind == "b" else (0, self.max)

    def _bounds(self) -> tuple:
        if self.kind not in "iufe":
            raise DtypeError(explain(f"{self.name} has no smallest and no largest value"))
        if self.kind not in "fe":
            bounds = np.iinfo(self.numpy)
            return bounds.min, bounds.max
        bounds = ml_dtypes.finfo(self.numpy)
        return self.as_numpy_dtype(bounds.min), self.as_numpy_dtype(bounds.max)

    def is_compatible_with(self, other) -> bool:
        """True where a tensor of ``other`` (anything that names a type) can be used for one of this type."""
        return self is as_dtype(other)

    def __eq__(self, other) -> bool:
        """Equal to everything that names this type: ``tf.float32 == np.float32 == "float32"``."""
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return self is as_dtype(other)
        except DtypeError:
            return False

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __reduce__(self):
        return (by_short, (self.short,))


b1 = DType("b1", "bool", "b", 8, np.dtype(np.bool_))
i8 = DType("i8", "int8", "i", 8, np.dtype(np.int8))
i16 = DType("i16", "int16", "i", 16, np.dtype(np.int16))
i32 = DType("i32", "int32", "i", 32, np.dtype(np.int32))
i64 = DType("i64", "int64", "i", 64, np.dtype(np.int64))
u8 = DType("u8", "uint8", "u", 8, np.dtype(np.uint8))
u16 = DType("u16", "uint16", "u", 16, np.dtype(np.uint16))
u32 = DType("u32", "uint32", "u", 32, np.dtype(np.uint32))
u64 = DType("u64", "uint64", "u", 64, np.dtype(np.uint64))
f8e4m3 = DType("f8e4m3", "float8_e4m3fn", "e", 8, np.dtype(ml_dtypes.float8_e4m3fn))
f8e5m2 = DType("f8e5m2", "float8_e5m2", "e", 8, np.dtype(ml_dtypes.float8_e5m2))
f16 = DType("f16", "float16", "f", 16, np.dtype(np.float16))
bf16 = DType("bf16", "bfloat16", "f", 16, np.dtype(ml_dtypes.bfloat16))
f32 = DType("f32", "float32", "f", 32, np.dtype(np.float32))
f64 = DType("f64", "float64", "f", 64, np.dtype(np.float64))
c64 = DType("c64", "complex64", "c", 64, np.dtype(np.complex64))
c128 = DType("c128", "complex128", "c", 128, np.dtype(np.complex128))
string = DType("string", "string", "s", 0, np.dtype(object))

ALL = (b1, i8, i16, i32, i64, u8, u16, u32, u64, f8e4m3, f8e5m2, f16, bf16, f32, f64, c64, c128, string)
_BY_SHORT = {d.short: d for d in ALL}
_BY_NAME = {d.name: d for d in ALL}
_ALIASES = {"float": f32, "double": f64, "half": f16, float: f32}  # as TensorFlow reads them, unlike NumPy
_BY_NUMPY = {d.numpy: d for d in ALL}

# TensorFlow's numbers of the types, in its files and in ``as_dtype(1)``.
NUMBERS = {
    f32: 1, f64: 2, i32: 3, u8: 4, i16: 5, i8: 6, string: 7, c64: 8, i64: 9, b1: 10,
    bf16: 14, u16: 17, c128: 18, f16: 19, u32: 22, u64: 23, f8e5m2: 24, f8e4m3: 25,
}  # fmt: skip
_BY_NUMBER = {number: kind for kind, number in NUMBERS.items()}


def by_short(short: str) -> DType:
    """The dtype with this IR name; KeyError if there is none."""
    return _BY_SHORT[short]


def as_dtype(value) -> DType:
    """The DType meant by a DType, a name (``"float32"``, ``"f32"``), a NumPy dtype, a Python type or TensorFlow's number.

    Raises:
        DtypeError: nothing of that name exists here.
    """
    if isinstance(value, DType):
        return value
    if value is None:  # NumPy would read it as float64
        raise _unknown(value)
    if isinstance(value, str) or value is float:
        found = _BY_NAME.get(value) or _BY_SHORT.get(value) or _ALIASES.get(value)
        if found is not None:
            return found
    if type(value) is int and value in _BY_NUMBER:
        return _BY_NUMBER[value]
    as_own = getattr(value, "as_numpy_dtype", None)  # TensorFlow-like dtype objects
    try:
        key = np.dtype(as_own if as_own is not None else value)
    except TypeError:
        raise _unknown(value) from None
    if key.kind in "SU":
        return string
    try:
        return _BY_NUMPY[key.newbyteorder("=")]
    except KeyError:
        raise _unknown(value) from None


def _unknown(value) -> DtypeError:
    return DtypeError(explain(f"{value!r} is not a data type known here; known: {', '.join(_BY_NAME)}"))


def real_of(dtype: DType) -> DType:
    """The dtype of the real part: f32 for c64, f64 for c128, itself otherwise."""
    return {c64: f32, c128: f64}.get(dtype, dtype)


def accumulator(dtype: DType) -> DType:
    """The dtype in which sums and products of ``dtype`` are carried: f32 for the 16-bit floats, else itself."""
    return f32 if dtype in (f16, bf16) else dtype
