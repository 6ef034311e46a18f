"""CsvDataset: the records of CSV files as tuples of scalars."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np

from graphc.api.data.dataset import Dataset
from graphc.api.data.files import Files, file_names, reading
from graphc.api.eager import EAGER
from graphc.api.operators import Operators
from graphc.api.spec import TensorSpec
from graphc.api.tensor import EagerTensor
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError, explain
from graphc.formats import blocks
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.prims.csv import fields_of
from graphc.prims.strings import number

_DTYPES = (dt.f32, dt.f64, dt.i32, dt.i64, dt.string)
_SHORT = 9  # digits of a number that fits any of the dtypes


class CsvDataset(Dataset):
    """The records of CSV files, each a tuple of scalars.

    Args:
        filenames: a name, or a list, tensor or Dataset of names.
        record_defaults: for each column that is selected its dtype, where a value is required, or a vector with the
            default: float32, float64, int32, int64 or string.
        compression_type: ``""``, ``"ZLIB"`` or ``"GZIP"``; buffer_size: bytes that are read at a time, at least.
        header: whether the first line of each file is passed over.
        field_delim: between fields; use_quote_delim: whether double quotes hold fields together.
        na_value: another text for a missing value.
        select_cols: numbers of the columns to read, ascending; or exclude_cols: those not to read.

    Raises:
        InvalidArgumentError: while iterating, for a record that does not fit; names file, record and field.
    """

    def __init__(self, filenames, record_defaults, compression_type=None, buffer_size=None, header=False,
                 field_delim=",", use_quote_delim=True, na_value="", select_cols=None, exclude_cols=None):  # fmt: skip
        op = "CsvDataset"
        kind, size, cycle = reading(op, compression_type, buffer_size, None)
        defaults = [_default(k, d) for k, d in enumerate(_listed(op, "record_defaults", record_defaults))]
        delimiter = _bytes(field_delim)
        if len(delimiter) != 1:
            raise UsageError(explain(f"CsvDataset: field_delim must be one character, got {field_delim!r}"))
        parse = _Parse(
            [d for d, _ in defaults], [v for _, v in defaults], delimiter, bool(use_quote_delim), _bytes(na_value),
            _columns(op, "select_cols", select_cols), _columns(op, "exclude_cols", exclude_cols),
        )  # fmt: skip
        if parse.selected is not None and parse.excluded is not None:
            raise UsageError(explain("CsvDataset: give select_cols or exclude_cols, not both"))
        if parse.selected is not None and len(parse.selected) != len(defaults):
            what = f"{len(parse.selected)} select_cols for {len(defaults)} record_defaults"
            raise UsageError(explain(f"CsvDataset: {what}"))
        read = functools.partial(_read, parse, kind, size, bool(header))
        spec = tuple([TensorSpec((), d) for d, _ in defaults])
        super().__init__(Files("CsvDatasetV2", op, spec, file_names(op, filenames), read, cycle, parse.columns))


def _listed(op: str, name: str, value) -> list:
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        raise UsageError(explain(f"{op}: {name} must be a list, got {value!r}"))
    return list(value)


def _bytes(text) -> bytes:
    text = text.numpy() if isinstance(text, Operators) else text
    return text.encode() if isinstance(text, str) else bytes(text)


def _columns(op: str, name: str, value) -> list[int] | None:
    if value is None:
        return None
    found = [int(k) for k in (value.numpy() if isinstance(value, Operators) else _listed(op, name, value))]
    if any(k < 0 for k in found) or any(a >= b for a, b in zip(found, found[1:])):
        raise UsageError(explain(f"{op}: {name} must be numbers of columns in ascending order, got {found}"))
    return found


def _default(k: int, value) -> tuple[DType, object]:
    """The dtype of a column and its default, None where a value is required."""
    given = not isinstance(value, (DType, type, np.dtype))
    if given:
        tensor = value if isinstance(value, Operators) else EAGER.convert(value)
        if tensor.shape.num_elements() not in (0, 1):
            what = f"CsvDataset: default {k} must be a vector of one value at most, got shape {tensor.shape}"
            raise ShapeError(explain(what))
        known = isinstance(tensor, EagerTensor)  # or a function is traced, in which only the dtype counts
        dtype = tensor.dtype
        values = np.asarray(tensor.numpy()).reshape(-1).tolist() if known else [0] * (tensor.shape.num_elements() or 0)
    else:
        dtype, values = dt.as_dtype(value), []
    if dtype not in _DTYPES:
        what = f"column {k} is {dtype.name}, but columns are float32, float64, int32, int64 or string"
        raise DtypeError(explain(f"CsvDataset: {what}"))
    return dtype, values[0] if values else None


class _Parse:
    """From the text of a record to its values."""

    def __init__(self, dtypes, defaults, delimiter: bytes, quotes: bool, missing: bytes, selected, excluded):
        self.dtypes, self.defaults, self.delimiter, self.quotes = dtypes, defaults, delimiter, quotes
        self.missing, self.selected, self.excluded = missing, selected, excluded
        self._readers = [_reader(d) for d in dtypes]

    def columns(self, rows: list) -> list[np.ndarray]:
        """Columns of a block of the values of records."""
        found = []
        for dtype, values in zip(self.dtypes, zip(*rows)):
            column = np.empty(len(rows), dtype.numpy)
            column[:] = values
            found.append(column)
        return found

    def row(self, line: bytes) -> list:
        """The values of a record.

        Raises:
            InvalidArgumentError: it does not fit.
        """
        found = fields_of(line, self.delimiter, self.quotes) or [b""]
        if self.selected is not None:
            if self.selected and self.selected[-1] >= len(found):
                raise InvalidArgumentError(f"has {len(found)} fields, so there is no field {self.selected[-1]}")
            places = self.selected
        elif self.excluded is not None:
            places = [k for k in range(len(found)) if k not in self.excluded]
        else:
            places = range(len(found))
        if len(places) != len(self.dtypes):
            raise InvalidArgumentError(f"has {len(places)} fields, expected {len(self.dtypes)}")
        return [self._value(k, at, found[at]) for k, at in enumerate(places)]

    def _value(self, k: int, place: int, text: bytes):
        if not text or text == self.missing:
            if self.defaults[k] is None:
                raise InvalidArgumentError(f"field {place} is required but missing")
            return self.defaults[k]
        try:
            return self._readers[k](text)
        except (ValueError, OverflowError):
            shown = text.decode("utf-8", "replace")
            raise InvalidArgumentError(f"field {place} is not a valid {self.dtypes[k].name}: {shown!r}") from None


def _reader(dtype: DType) -> Callable:
    if dtype is dt.string:
        return bytes
    slow = number(dtype)
    if dtype in (dt.i32, dt.i64):
        return lambda text: int(text) if len(text) <= _SHORT and text.isdigit() else slow(text)
    return lambda text: float(text) if text.replace(b".", b"", 1).isdigit() else slow(text)


def _read(parse: _Parse, kind: str, size: int, header: bool, name: bytes) -> Iterator[list]:
    for k, line in enumerate(texts_of(blocks.blocks(name, kind, size), parse.quotes)):
        if k == 0 and header:
            continue
        try:
            row = parse.row(line)
        except InvalidArgumentError as error:
            what = f"CsvDataset: {name.decode('utf-8', 'replace')}: record {k - header} {error}"
            raise InvalidArgumentError(explain(what)) from None
        yield row


def texts_of(pieces: Iterator[bytes], quotes: bool) -> Iterator[bytes]:
    """The records of a CSV file as texts: lines, but that a quoted field may hold ends of lines."""
    rest, begun = b"", []
    for piece in pieces:
        found = (rest + piece).split(b"\n")
        rest = found.pop()
        for line in found:
            begun.append(line)
            if not quotes or line.count(b'"') % 2 == (len(begun) > 1):
                yield b"\n".join(begun).removesuffix(b"\r")
                begun.clear()
    if rest or begun:
        yield b"\n".join((*begun, rest)).removesuffix(b"\r")
