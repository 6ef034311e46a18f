"""Tables from keys to values under TensorFlow's names: fixed ones, vocabularies, tables that change."""

from __future__ import annotations

import numpy as np

from graphc.api.composite import Composite, record
from graphc.api.create import convert_to_tensor
from graphc.api.eager import eager
from graphc.api.effect import EFFECT
from graphc.api.lift import construct, tensors_in
from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.tensor import EagerTensor
from graphc.errors import (
    DtypeError,
    InvalidArgumentError,
    ShapeError,
    UsageError,
    explain,
)
from graphc.ir import dtype as dt
from graphc.lib import lookup as lib
from graphc.lib.promote import literal_array
from graphc.prims import lookup as prims
from graphc.prims.files import contents_of
from graphc.prims.strings import each, number, texts


class TextFileIndex:
    """What a column of a text file is: its number from 0, the whole line, or the number of the line."""

    WHOLE_LINE = -2
    LINE_NUMBER = -1


class KeyValueTensorInitializer:
    """The content of a table as two vectors.

    Raises:
        UsageError: they are not known at once. ShapeError: they differ in length.
    """

    keys = values = None  # of a subclass that stands for a content to come, and has dtypes alone

    def __init__(self, keys, values, key_dtype=None, value_dtype=None, name=None):
        self.keys, self.values = _array(keys, key_dtype), _array(values, value_dtype)
        if self.keys.shape != self.values.shape:
            what = f"KeyValueTensorInitializer: {list(self.keys.shape)} keys for {list(self.values.shape)} values"
            raise ShapeError(explain(what))
        self.key_dtype, self.value_dtype = dt.as_dtype(self.keys.dtype), dt.as_dtype(self.values.dtype)


class TextFileInitializer(KeyValueTensorInitializer):
    """The content of a table as columns of a text file, which is read at once.

    Args:
        key_index, value_index: a column's number, ``TextFileIndex.WHOLE_LINE`` or ``TextFileIndex.LINE_NUMBER``.
        vocab_size: how many lines are read; all by default. delimiter: what separates columns.
        value_index_offset: added to line numbers.

    Raises:
        NotFoundError: there is no such file. InvalidArgumentError: too few lines or columns, or no numbers.
    """

    def __init__(self, filename, key_dtype, key_index, value_dtype, value_index, vocab_size=None, delimiter="\t",
                 name=None, value_index_offset=0):  # fmt: skip
        path = bytes(_array(filename, dt.string)[()]).decode() if isinstance(filename, Operators) else str(filename)
        lines = contents_of(path).replace(b"\r", b"").split(b"\n")
        lines = lines[:-1] if lines[-1] == b"" else lines
        if vocab_size is not None:
            if len(lines) < vocab_size:
                what = f"{path}: expected {vocab_size} lines, got {len(lines)}"
                raise InvalidArgumentError(explain(f"TextFileInitializer: {what}"))
            lines = lines[:vocab_size]
        columns = (_column(path, lines, index, dt.as_dtype(kind), delimiter.encode(), value_index_offset)
                   for index, kind in ((key_index, key_dtype), (value_index, value_dtype)))  # fmt: skip
        super().__init__(*columns)


def _column(path: str, lines: list[bytes], index: int, kind, delimiter: bytes, offset: int) -> np.ndarray:
    if index == TextFileIndex.LINE_NUMBER:
        if not kind.is_integer:
            raise DtypeError(explain(f"TextFileInitializer: line numbers are integers, not {kind.name}"))
        return np.arange(offset, offset + len(lines)).astype(kind.numpy)
    if index == TextFileIndex.WHOLE_LINE:
        found = lines
    else:
        rows = [line.split(delimiter) for line in lines]
        short = next((k for k, row in enumerate(rows) if len(row) <= index), None)
        if short is not None:
            raise InvalidArgumentError(explain(f"TextFileInitializer: {path}: line {short} has no column {index}"))
        found = [row[index] for row in rows]
    column = texts(found, (len(found),))
    return column if kind is dt.string else np.array(each("TextFileInitializer", number(kind), column), kind.numpy)


def _array(value, kind=None) -> np.ndarray:
    """A value that is known at once as an array."""
    kind = None if kind is None else dt.as_dtype(kind)
    if not isinstance(value, Operators):
        return literal_array(value, kind)
    node = None if isinstance(value, EagerTensor) else convert_to_tensor(value).node
    if node is not None and node.op != "const":
        raise UsageError(explain("the content of a table must be known at once, not computed by a graph"))
    array = value.array if node is None else np.broadcast_to(node.attr("value").array, node.shape)
    if kind is not None and dt.as_dtype(array.dtype) is not kind:
        raise DtypeError(explain(f"expected {kind.name}, got a tensor of {dt.as_dtype(array.dtype).name}"))
    return array


def _content(initializer) -> tuple:
    """The keys and values of a table, and their dtypes."""
    kinds = dt.as_dtype(initializer.key_dtype), dt.as_dtype(initializer.value_dtype)
    if initializer.keys is None:
        return (*(_array([], kind) for kind in kinds), *kinds)
    return initializer.keys, initializer.values, *kinds


class _Lookup:
    """What all tables have in common."""

    key_dtype = value_dtype = None

    def lookup(self, keys, name=None):
        """The values of keys; for sparse and ragged tensors those of their elements."""
        if isinstance(keys, Composite):
            return keys.rebuilt([self.lookup(p) if p.dtype is self.key_dtype and k == _place(keys) else p
                                 for k, p in enumerate(keys.parts)])  # fmt: skip
        x = convert_to_tensor(keys, None if isinstance(keys, Operators) else self.key_dtype)
        if x.dtype is not self.key_dtype:
            raise DtypeError(explain(f"lookup: keys must be {self.key_dtype.name}, not {x.dtype.name}"))
        return self._found(x)

    def __getitem__(self, keys):
        return self.lookup(keys)

    @property
    def initializer(self):
        """An operation that does nothing: tables are filled when they are made."""
        return construct(recorder_for((), eager), "NoOp", "init", lib.nothing, {}, {}, (), None, EFFECT)


def _place(composite: Composite) -> int:
    """Which of its parts holds the elements."""
    values = composite.flat_values if hasattr(composite, "flat_values") else composite.values
    return next(k for k, p in enumerate(composite.parts) if p is values)


class StaticHashTable(_Lookup):
    """A table that never changes; other keys have the default value.

    Args:
        initializer: a KeyValueTensorInitializer or TextFileInitializer.

    Raises:
        DtypeError: the default is not of the values' dtype. StateError: a key has two values.
    """

    def __init__(self, initializer, default_value, name=None, experimental_is_anonymous=False):
        keys, values, self.key_dtype, self.value_dtype = _content(initializer)
        self.name, self._table = name or "hash_table", prims.fixed(keys, values)
        self.default_value = _array(default_value, self.value_dtype)
        if self.default_value.ndim:
            raise ShapeError(explain(f"StaticHashTable: default_value must be a scalar, not {default_value!r}"))

    def _found(self, keys):
        return record("LookupTableFindV2", lib.find, keys=keys, default=self.default_value, table=self._table.name)

    def size(self, name=None):
        """How many entries there are, i64."""
        return convert_to_tensor(np.int64(len(self._table.entries)))

    def export(self, name=None):
        """The keys and the values."""
        entries = self._table.entries
        return (convert_to_tensor(self._table.keys_array()),
                convert_to_tensor(self._table.stacked(list(entries.values()), (len(entries),))))  # fmt: skip


class StaticVocabularyTable(_Lookup):
    """Numbers for words: those of a table, and for other words one of ``num_oov_buckets`` more, by their fingerprints.

    Args:
        initializer: strings or integers -> int64; None for fingerprints alone.
        lookup_key_dtype: the dtype of keys that are looked up, if it is another integer type.

    Raises:
        UsageError: no buckets. DtypeError: values other than int64, or keys that are neither strings nor integers.
    """

    def __init__(self, initializer, num_oov_buckets, lookup_key_dtype=None, name=None, experimental_is_anonymous=False):
        if num_oov_buckets is None or num_oov_buckets <= 0:
            raise UsageError(explain("StaticVocabularyTable: num_oov_buckets must be positive; use StaticHashTable"))
        self.name, self.value_dtype, self._buckets = name or "vocabulary", dt.i64, int(num_oov_buckets)
        kind = dt.string if initializer is None else initializer.key_dtype
        if initializer is not None and initializer.value_dtype is not dt.i64:
            raise DtypeError(
                explain(f"StaticVocabularyTable: values must be int64, not {initializer.value_dtype.name}")
            )
        if kind is not dt.string and not kind.is_integer:
            raise DtypeError(explain(f"StaticVocabularyTable: keys must be strings or integers, not {kind.name}"))
        self.key_dtype = kind if lookup_key_dtype is None else dt.as_dtype(lookup_key_dtype)
        if (self.key_dtype is dt.string) != (kind is dt.string):
            raise DtypeError(
                explain(f"StaticVocabularyTable: lookup_key_dtype {self.key_dtype.name} for keys of {kind.name}")
            )
        self._table = None if initializer is None else prims.fixed(initializer.keys, initializer.values)

    def _found(self, keys):
        return record("LookupTableFindV2", lib.numbered, keys=keys, table=self._table and self._table.name,
                      known=self._known(), buckets=self._buckets)  # fmt: skip

    def _known(self) -> int:
        return 0 if self._table is None else len(self._table.entries)

    def size(self, name=None):
        """How many numbers there are, i64."""
        return convert_to_tensor(np.int64(self._known() + self._buckets))


# --------------------------------------------------------------------------------------- tables that change


class MutableHashTable(_Lookup):
    """A table that programs fill; a value is a scalar or a tensor of the default's shape.

    Its operations are carried out in the order of the program.
    """

    def __init__(self, key_dtype, value_dtype, default_value, name="MutableHashTable", checkpoint=True,
                 experimental_is_anonymous=False):  # fmt: skip
        self._start(name, key_dtype, value_dtype, default_value)

    def _start(self, name, key_dtype, value_dtype, default_value, forbidden=()):
        self.name, self.key_dtype, self.value_dtype = name, dt.as_dtype(key_dtype), dt.as_dtype(value_dtype)
        self.default_value = _array(default_value, self.value_dtype)
        table = prims.Table(self.key_dtype, self.value_dtype, self.default_value.shape, forbidden)
        self._table = prims.register(table)

    def _do(self, kind: str, function, **arguments):
        recorder = recorder_for(tensors_in(arguments.values()), eager)
        given = {**arguments, "table": self._table.name}
        groups = {key: group for group, key in enumerate(arguments)}
        return construct(recorder, kind, kind, function, given, groups, (), None, EFFECT)

    def _operand(self, what: str, value, kind):
        x = convert_to_tensor(value, None if isinstance(value, Operators) else kind)
        if x.dtype is not kind:
            raise DtypeError(explain(f"{self.name}: {what} must be {kind.name}, not {x.dtype.name}"))
        return x

    def insert(self, keys, values, name=None):
        """Add entries, or replace those of equal keys."""
        keys = self._operand("keys", keys, self.key_dtype)
        return self._do(
            "LookupTableInsertV2", lib.insert, keys=keys, values=self._operand("values", values, self.value_dtype)
        )

    insert_or_assign = insert

    def remove(self, keys, name=None):
        """Take entries out; keys that are not there are ignored."""
        return self._do("LookupTableRemoveV2", lib.remove, keys=self._operand("keys", keys, self.key_dtype))

    erase = remove

    def lookup(self, keys, dynamic_default_values=None, name=None):
        """The values of keys; for others the default, or ``dynamic_default_values``: one for all or for each key."""
        if dynamic_default_values is None or isinstance(keys, Composite):
            return super().lookup(keys)
        return self._found(self._operand("keys", keys, self.key_dtype), dynamic_default_values)

    def _found(self, keys, default=None):
        default = self._operand("default", self.default_value if default is None else default, self.value_dtype)
        return self._do("LookupTableFindV2", lib.find_now, keys=keys, default=default)

    def export(self, name=None):
        """The keys and the values, in the order in which they were added."""
        return tuple(self._do("LookupTableExportV2", lib.export))

    def size(self, name=None):
        """How many entries there are, i64."""
        return self._do("LookupTableSizeV2", lib.size)


class DenseHashTable(MutableHashTable):
    """A MutableHashTable in which two keys, ``empty_key`` and ``deleted_key``, cannot be used."""

    def __init__(self, key_dtype, value_dtype, default_value, empty_key, deleted_key, initial_num_buckets=None,
                 name="MutableDenseHashTable", checkpoint=True, experimental_is_anonymous=False):  # fmt: skip
        marks = tuple([_array(k, key_dtype)[()] for k in (empty_key, deleted_key)])
        if marks[0] == marks[1]:
            raise UsageError(explain(f"DenseHashTable: empty_key and deleted_key are both {empty_key!r}"))
        self._start(name, key_dtype, value_dtype, default_value, marks)
