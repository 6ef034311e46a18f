"""make_csv_dataset: batches of the columns of CSV files by name, whose dtypes are found out."""

from __future__ import annotations

import itertools
import os

import numpy as np

from graphc.api.data.csv_files import CsvDataset, texts_of
from graphc.api.data.dataset import Dataset
from graphc.api.data.sources import Names
from graphc.errors import GraphcError, InvalidArgumentError, UsageError, explain
from graphc.formats import blocks
from graphc.ir import dtype as dt
from graphc.prims.csv import fields_of
from graphc.prims.strings import number

_LARGEST = float(np.finfo(np.float32).max)
_ORDER = (dt.i32, dt.i64, dt.f32, dt.f64, dt.string)


def make_csv_dataset(
    file_pattern, batch_size, column_names=None, column_defaults=None, label_name=None, select_columns=None,
    field_delim=",", use_quote_delim=True, na_value="", header=True, num_epochs=None, shuffle=True,
    shuffle_buffer_size=10000, shuffle_seed=None, prefetch_buffer_size=None, num_parallel_reads=None, sloppy=False,
    num_rows_for_inference=100, compression_type=None, ignore_errors=False, encoding="utf-8",
) -> Dataset:  # fmt: skip
    """Batches of records: dictionaries from the names of columns to vectors, and the label if there is one.

    Args:
        file_pattern: names of files or patterns such as ``data/*.csv``.
        column_names: read from the header if None. column_defaults: as CsvDataset has them, for the columns that are
            selected; dtypes are found out from the first records if None.
        label_name: this column is the second part of a pair; select_columns: names or numbers of those to read.
        num_epochs: how often the records are gone through, without end if None (batches are all whole then).
        shuffle: whether files and records (``shuffle_buffer_size`` at a time) come in random order.
        num_parallel_reads: from so many files records are taken in turn; sloppy: accepted for compatibility.
        num_rows_for_inference: of so many records dtypes are found out; of all if None.
        ignore_errors: pass over records that do not fit.

    Raises:
        UsageError: columns that are not there, or the same names twice.
    """
    names = [n.decode() for n in _matching(file_pattern)]
    read = {"compression_type": compression_type, "field_delim": field_delim, "use_quote_delim": use_quote_delim}
    if column_names is None:
        if not header:
            raise UsageError(explain("make_csv_dataset: without a header column_names must be given"))
        column_names = _header(names, read, encoding)
    column_names = list(column_names)
    twice = {n for n in column_names if column_names.count(n) > 1}
    if twice:
        what = f"column_names, or the header, hold the same names twice: {', '.join(sorted(twice))}"
        raise UsageError(explain(f"make_csv_dataset: {what}"))
    selected = _selected(select_columns, column_names)
    if column_defaults is not None:
        if len(column_defaults) != len(selected):
            what = f"{len(column_defaults)} column_defaults for {len(selected)} columns"
            raise UsageError(explain(f"make_csv_dataset: {what}"))
        defaults = [_of_user(d) for d in column_defaults]
    else:
        defaults = _found_out(names, read, header, na_value, selected, len(column_names), num_rows_for_inference)
    chosen = [column_names[k] for k in selected]
    if label_name is not None and label_name not in chosen:
        what = f"label_name must be one of the columns {chosen}, got {label_name!r}"
        raise UsageError(explain(f"make_csv_dataset: {what}"))

    def rows(file) -> Dataset:
        return CsvDataset(file, defaults, header=header, na_value=na_value, select_cols=selected, **read)

    return _batches(
        names, rows, _by_name(chosen, label_name), batch_size, num_epochs, shuffle, shuffle_buffer_size, shuffle_seed,
        prefetch_buffer_size, num_parallel_reads, ignore_errors,
    )  # fmt: skip


def _matching(file_pattern) -> list[bytes]:
    if isinstance(file_pattern, os.PathLike):
        file_pattern = os.fspath(file_pattern)
    return Names(file_pattern).names


def _batches(names, rows, arrange, batch_size, num_epochs, shuffle, buffer, seed, prefetch, reads, ignore) -> Dataset:
    files = Dataset.from_tensor_slices([os.fsencode(n) for n in names])
    if shuffle:
        files = files.shuffle(len(names), seed)
    if len(names) == 1:
        found = rows(names[0])
    else:
        found = files.interleave(rows, cycle_length=max(int(reads or 1), 1), block_length=1)
    if ignore:
        found = found.ignore_errors()
    if shuffle:
        found = found.shuffle(buffer, seed)
    if num_epochs != 1:
        found = found.repeat(num_epochs)
    found = found.batch(batch_size, drop_remainder=num_epochs is None).map(arrange)
    return found.prefetch(1 if prefetch is None else prefetch)


def _by_name(names: list[str], label: str | None):
    """What makes a dictionary of the columns, and a pair where there is a label."""

    def arrange(*columns):
        features = dict(zip(names, columns))
        if label is None:
            return features
        answer = features.pop(label)
        return features, answer

    return arrange


def _selected(select_columns, names: list[str]) -> list[int]:
    if select_columns is None:
        return list(range(len(names)))
    found = []
    for column in select_columns:
        if isinstance(column, (int, np.integer)) and not 0 <= column < len(names):
            raise UsageError(explain(f"make_csv_dataset: there is no column {column} among {len(names)}"))
        if isinstance(column, str) and column not in names:
            what = f"column {column!r} of select_columns is none of {', '.join(names)}"
            raise UsageError(explain(f"make_csv_dataset: {what}"))
        found.append(names.index(column) if isinstance(column, str) else int(column))
    if len(set(found)) < len(found):
        raise UsageError(explain(f"make_csv_dataset: select_columns holds columns twice: {list(select_columns)}"))
    return sorted(found)


def _of_user(default):
    """A default of the user as CsvDataset takes it."""
    return [default] if isinstance(default, (str, bytes, int, float, np.generic)) else default


def _records(name: str, read: dict):
    kind = blocks.kind_of("make_csv_dataset", read["compression_type"])
    delimiter = read["field_delim"].encode()
    for text in texts_of(blocks.blocks(name, kind), read["use_quote_delim"]):
        yield fields_of(text, delimiter, read["use_quote_delim"])


def _header(names: list[str], read: dict, encoding: str) -> list[str]:
    """The names of columns that all files begin with."""
    found = [[field.decode(encoding) for field in next(_records(name, read), [])] for name in names]
    for name, other in zip(names, found):
        if other != found[0]:
            what = f"the header of {name} is {other}, that of {names[0]} {found[0]}"
            raise InvalidArgumentError(explain(f"make_csv_dataset: {what}"))
    if not found[0]:
        raise InvalidArgumentError(explain(f"make_csv_dataset: {names[0]} is empty, so it has no header"))
    return found[0]


def _found_out(names, read, header, missing, selected, width, most) -> list:
    """Defaults (zero, or empty) of the narrowest dtypes that hold the values of the first records."""
    places = [0] * len(selected)
    is_seen = [False] * len(selected)
    rows = itertools.chain.from_iterable(itertools.islice(_records(n, read), int(header), None) for n in names)
    for k, row in enumerate(itertools.islice(rows, most)):
        if len(row) != width:
            what = f"record {k} has {len(row)} fields, but there are {width} column_names"
            raise InvalidArgumentError(explain(f"make_csv_dataset: {what}"))
        for c, at in enumerate(selected):
            text = row[at]
            if text and text != missing.encode():
                is_seen[c] = True
                while not _holds(_ORDER[places[c]], text):
                    places[c] += 1
    dtypes = [_ORDER[p] if seen else dt.string for p, seen in zip(places, is_seen)]
    return [np.array([b"" if d is dt.string else 0], d.numpy) for d in dtypes]


def _holds(dtype, text: bytes) -> bool:
    if dtype is dt.string:
        return True
    try:
        value = number(dtype)(text)
    except (GraphcError, ValueError, OverflowError):
        return False
    return dtype is not dt.f32 or not np.isfinite(value) or abs(value) <= _LARGEST
