"""Sources of other kinds: names of files, random numbers, the answers of a database."""

from __future__ import annotations

import glob
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np

from graphc.api.data.block import Block
from graphc.api.data.files import file_names, strings
from graphc.api.data.flow import Flow, OfBlocks, OfRows
from graphc.api.data.stage import INFINITE, Run, Stage
from graphc.api.operators import Operators
from graphc.api.spec import TensorSpec
from graphc.api.stream import SEEDS
from graphc.errors import InvalidArgumentError, NotFoundError, UnknownError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.prims.random import philox

_SEED = 87654321  # TensorFlow's seed of all where only an operation has one
_WORD = 2**32


class Names(Stage):
    """``list_files``: the names of files that match patterns, in order."""

    kind, method = "_TensorSliceDataset", "list_files"

    def __init__(self, file_pattern):
        super().__init__(TensorSpec((), dt.string))
        patterns = [os.fsdecode(p) for p in file_names(self.method, file_pattern).tolist()]
        self.names = sorted({os.fsencode(n) for p in patterns for n in glob.glob(p)})
        if not self.names:
            shown = ", ".join(map(repr, patterns))
            raise NotFoundFiles(explain(f"list_files: No files matched pattern: {shown}"))

    def size(self) -> int:
        return len(self.names)

    def open(self, run: Run) -> Flow:
        return OfBlocks([Block(len(self.names), strings(self.names))])


class NotFoundFiles(InvalidArgumentError, NotFoundError):
    """No file matches."""


def seeds_of(op: str, seed) -> tuple[int, int]:
    """TensorFlow's two seeds of a source; 0 and 0 where nothing decides."""
    try:
        seed = None if seed is None else int(seed.numpy() if isinstance(seed, Operators) else seed)
    except (TypeError, ValueError):
        raise UsageError(explain(f"{op}: seed must be a whole number or None, got {seed!r}")) from None
    if seed is None and SEEDS.seed is None:
        return 0, 0
    if seed is None:
        seed = int(SEEDS.next(None)[1][1])
    first = _SEED if SEEDS.seed is None else int(SEEDS.seed) % (2**31 - 1)
    return (first, seed) if first or seed else (0, 2**31 - 1)


class RandomNumbers(Stage):
    """``random``: numbers below 2**32 without end."""

    kind, method = "_RandomDataset", "random"

    def __init__(self, seed, rerandomize_each_iteration=None):
        super().__init__(TensorSpec((), dt.i64))
        self._seeds = seeds_of(self.method, seed)
        if not any(self._seeds):
            self._seeds = secrets.randbits(63), secrets.randbits(63)
        self._is_new, self._count = bool(rerandomize_each_iteration), 0

    def size(self) -> int:
        return INFINITE

    def open(self, run: Run) -> Flow:
        first, second = self._seeds
        if self._is_new:
            second = (second + self._count * 0x9E3779B97F4A7C15) % 2**63
            self._count += 1
        return _Drawing(first, second)


class _Drawing(Flow):
    def __init__(self, first: int, second: int):
        self._key = np.array([first % _WORD, first // _WORD % _WORD], np.uint64)
        self._high = np.array([second % _WORD, second // _WORD % _WORD], np.uint64)
        self._next = 0

    def pull(self, most: int) -> Block | None:
        begin, end = self._next // 4, (self._next + most + 3) // 4
        low = np.arange(begin, end, dtype=np.uint64)
        zero = np.zeros_like(low)
        words = philox([low, zero, zero + self._high[0], zero + self._high[1]], self._key)
        numbers = np.stack(words, -1).reshape(-1).astype(np.int64)
        start = self._next - 4 * begin
        self._next += most
        return Block(most, [numbers[start : start + most]])


class Answers(Stage):
    """The rows that a database answers with."""

    kind, method = "SqlDatasetV2", "SqlDataset"

    def __init__(self, source: str, query: str, dtypes: tuple):
        super().__init__(tuple([TensorSpec((), d) for d in dtypes]))
        self._source, self._query, self._dtypes = source, query, dtypes

    def open(self, run: Run) -> Flow:
        rows = self._rows()
        return OfRows(rows, rows.close)

    def _rows(self) -> Iterator[tuple]:
        try:
            with closing(sqlite3.connect(self._source, check_same_thread=False)) as connection:
                found = connection.execute(self._query)
                count = len(found.description or ())
                if count != len(self._dtypes):
                    what = f"the query has {count} columns, but there are {len(self._dtypes)} output_types"
                    raise InvalidArgumentError(self.explain(what))
                for row in found:
                    yield tuple([_scalar(v, d) for v, d in zip(row, self._dtypes)])
        except sqlite3.Error as error:
            raise UnknownError(self.explain(f"{self._source}: {error} (query {self._query!r})")) from None


def _scalar(value, dtype) -> np.ndarray:
    """A value of a database as SQLite converts it: missing ones are zero or empty, and so is text where numbers go."""
    if dtype is dt.string:
        text = b"" if value is None else value if isinstance(value, bytes) else str(value).encode()
        return np.array(text, object)
    try:
        number = float(value or 0) if isinstance(value, (str, bytes)) else value or 0
    except ValueError:
        number = 0
    return np.array(number if dtype in (dt.f64, dt.b1) else int(number), np.int64 if dtype.is_integer else None).astype(
        dtype.numpy
    )
