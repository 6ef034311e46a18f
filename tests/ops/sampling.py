"""Sample lines of the public operations: reading them, making their operands, and tracing them to graphs."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import ml_dtypes
import numpy as np

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Line:
    """One sample: an expression that means the same under TensorFlow and here, and what is special about it."""

    topic: str
    text: str
    flags: dict = field(default_factory=dict, compare=False, hash=False)

    @property
    def id(self) -> str:
        return f"{self.topic}: {self.text}"


def lines(folder: str = "samples") -> list[Line]:
    """All lines of a folder, file by file."""
    found = []
    for path in sorted((HERE / folder).glob("*.txt")):
        for text in path.read_text().splitlines():
            text = text.strip()
            if text and not text.startswith("#"):
                text, _, rest = text.partition(" ## ")
                found.append(Line(path.stem, text.strip(), _flags(rest)))
    return found


def _flags(text: str) -> dict:
    words = re.split(r"[,\s]+", text.strip())
    return {name: float(value) if value else True for name, _, value in (w.partition("=") for w in words if w)}


class Operands:
    """The makers ``f32(2, 3, low=-2, high=2)`` ...: arrays that depend on the line and on their place in it alone.

    Args:
        text: the line.
        wrap: makes of every array what the expression is given.
    """

    def __init__(self, text: str, wrap=lambda array: array, wide: bool = False):
        self._seed, self._count, self._wrap, self._wide = zlib.crc32(text.encode()), 0, wrap, wide

    def _random(self):
        self._count += 1
        return np.random.default_rng((self._seed, self._count))

    def _floats(self, dtype):
        def make(*shape, low=-2.0, high=2.0):
            values = self._random().uniform(low, high, shape)
            if self._wide and np.dtype(dtype) != np.float64:
                values = np.asarray(values).astype(np.float32)  # the same numbers, in f64
                return self._wrap(values.astype(np.float64))
            return self._wrap(np.asarray(values).astype(np.float32 if dtype != np.float64 else dtype).astype(dtype))

        return make

    def _ints(self, dtype, lowest=-9):
        def make(*shape, low=lowest, high=10):
            return self._wrap(np.asarray(self._random().integers(low, high, shape)).astype(dtype))

        return make

    def _complex(self, dtype):
        def make(*shape, low=-2.0, high=2.0):
            random = self._random()
            values = random.uniform(low, high, shape) + 1j * random.uniform(low, high, shape)
            return self._wrap(np.asarray(values).astype(dtype))

        return make

    def scope(self) -> dict:
        """The makers by name."""
        return {
            "np": np,
            "f16": self._floats(np.float16), "f32": self._floats(np.float32), "f64": self._floats(np.float64),
            "bf16": self._floats(ml_dtypes.bfloat16), "c64": self._complex(np.complex64),
            "c128": self._complex(np.complex128), "i8": self._ints(np.int8), "i16": self._ints(np.int16),
            "i32": self._ints(np.int32), "i64": self._ints(np.int64), "u8": self._ints(np.uint8, 0),
            "u16": self._ints(np.uint16, 0), "u32": self._ints(np.uint32, 0), "u64": self._ints(np.uint64, 0),
            "b1": lambda *shape: self._wrap(np.asarray(self._random().integers(0, 2, shape)).astype(bool)),
        }  # fmt: skip


def leaves(value) -> list:
    """The tensors of a nested answer, in order; sparse and ragged tensors by their parts."""
    if isinstance(value, dict):
        return [x for key in sorted(value) for x in leaves(value[key])]
    if isinstance(value, (list, tuple)):
        return [x for v in value for x in leaves(v)]
    if hasattr(value, "dense_shape"):
        return [value.indices, value.values, value.dense_shape]
    if hasattr(value, "nested_row_splits"):
        return [value.flat_values, *value.nested_row_splits]
    return [] if value is None else [value]
