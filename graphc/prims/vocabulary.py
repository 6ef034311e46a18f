"""Where strings stand in a list of words: a row that runs on the host, and finds them by hashing."""

from __future__ import annotations

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.type import Type
from graphc.prims.strings import expect
from graphc.prims.table import Prim, declare


def _type(x: Type, words: tuple) -> Type:
    expect("string_place", x)
    return x.with_dtype(dt.i64)


def _places(x, words):
    known: dict[bytes, int] = {}
    for place, word in enumerate(words):
        known.setdefault(word.encode("latin-1"), place)
    return np.array([known.get(v, -1) for v in x.reshape(-1).tolist()], np.int64).reshape(x.shape)


declare(Prim("string_place", _type, _places, native=False))
