"""Datasets of files and of other sources, under TensorFlow's names."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator

from graphc.api.data.dataset import Dataset
from graphc.api.data.files import Files, file_names, reading, strings, whole_number
from graphc.api.data.sources import Answers, RandomNumbers
from graphc.api.operators import Operators
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, InvalidArgumentError, explain
from graphc.formats import blocks
from graphc.formats.records import records
from graphc.ir import dtype as dt

_TEXT = TensorSpec((), dt.string)
_SQL_DTYPES = (dt.string, dt.i8, dt.i16, dt.i32, dt.i64, dt.u8, dt.u16, dt.b1, dt.f64)


def _of_strings(op: str, filenames, compression_type, buffer_size, num_parallel_reads, records_of: Callable) -> Files:
    """The strings that ``records_of`` finds: a function of the compression, the bytes of a block and a file's name."""
    kind, size, cycle = reading(op, compression_type, buffer_size, num_parallel_reads)
    read = functools.partial(records_of, kind, size)
    return Files(f"{op}V2", op, _TEXT, file_names(op, filenames), read, cycle, strings)


class TFRecordDataset(Dataset):
    """The records of TFRecord files, as strings.

    Args:
        filenames: a name, a list, tensor or Dataset of names.
        compression_type: ``""``, ``"ZLIB"`` or ``"GZIP"``.
        buffer_size: bytes that are read at a time, at least.
        num_parallel_reads: records are taken in turn from so many files; always in the same order.

    Raises:
        NotFoundError, DataLossError: while iterating, for a missing or a damaged file; names file, record and byte.
    """

    def __init__(self, filenames, compression_type=None, buffer_size=None, num_parallel_reads=None, name=None):
        given = compression_type, buffer_size, num_parallel_reads
        super().__init__(_of_strings("TFRecordDataset", filenames, *given, _records))


def _records(kind: str, size: int, name: bytes) -> Iterator[bytes]:
    return records(name, kind, size)


class TextLineDataset(Dataset):
    """The lines of text files without their ends, as strings.

    Args: see TFRecordDataset.
    """

    def __init__(self, filenames, compression_type=None, buffer_size=None, num_parallel_reads=None, name=None):
        given = compression_type, buffer_size, num_parallel_reads
        super().__init__(_of_strings("TextLineDataset", filenames, *given, _lines))


def _lines(kind: str, size: int, name: bytes) -> Iterator[bytes]:
    return blocks.lines(blocks.blocks(name, kind, size))


class FixedLengthRecordDataset(Dataset):
    """Records of one size, as strings.

    Args:
        record_bytes: of a record; header_bytes, footer_bytes: at both ends of a file, which belong to no record.
        The others: see TFRecordDataset.

    Raises:
        DataLossError: while iterating, where a file has no whole number of records.
    """

    def __init__(self, filenames, record_bytes, header_bytes=None, footer_bytes=None, buffer_size=None,
                 compression_type=None, num_parallel_reads=None, name=None):  # fmt: skip
        op = "FixedLengthRecordDataset"
        kind, size, cycle = reading(op, compression_type, buffer_size, num_parallel_reads)
        length = whole_number(op, "record_bytes", record_bytes, 1, 1)
        given = ("header_bytes", header_bytes), ("footer_bytes", footer_bytes)
        ends = [whole_number(op, n, v, 0, 0) for n, v in given]
        read = functools.partial(_sized, kind, size, length, *ends)
        names = file_names(op, filenames)
        super().__init__(Files("FixedLengthRecordDatasetV2", op, _TEXT, names, read, cycle, strings))


def _sized(kind: str, size: int, length: int, header: int, footer: int, name: bytes) -> Iterator[bytes]:
    return blocks.records_of_size(blocks.blocks(name, kind, size), name, length, header, footer)


class RandomDataset(Dataset):
    """Numbers below 2**32 without end, i64.

    Args:
        seed: equal seeds give equal numbers; others every time if None and no global seed is set.
        rerandomize_each_iteration: whether each iteration draws other ones.
    """

    def __init__(self, seed=None, rerandomize_each_iteration=None, name=None):
        super().__init__(RandomNumbers(seed, rerandomize_each_iteration))


class SqlDataset(Dataset):
    """The rows that a database answers with, tuples of scalars.

    Args:
        driver_name: ``"sqlite"``; data_source_name: the file of the database.
        query: in SQL; output_types: the dtypes of the columns: string, bool, float64, or integers up to 64 bits.

    Raises:
        InvalidArgumentError: another driver; while iterating: another number of columns.
        UnknownError: while iterating: the database refuses the query.
    """

    def __init__(self, driver_name, data_source_name, query, output_types):
        driver, source, query = (_plain(v) for v in (driver_name, data_source_name, query))
        if driver != "sqlite":
            what = f"SqlDataset: the database type {driver!r} is not supported; supported is 'sqlite'"
            raise InvalidArgumentError(explain(what))
        given = output_types if isinstance(output_types, (tuple, list)) else [output_types]
        dtypes = tuple([dt.as_dtype(d) for d in given])
        for d in dtypes:
            if d not in _SQL_DTYPES:
                raise DtypeError(explain(f"SqlDataset: output_types must not be {d.name}"))
        super().__init__(Answers(source, query, dtypes))


def _plain(value) -> str:
    value = value.numpy() if isinstance(value, Operators) else value
    return value.decode() if isinstance(value, bytes) else os.fspath(value)
