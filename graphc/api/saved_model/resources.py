"""Tables of SavedModels: what their functions create, fill and look up."""

from __future__ import annotations

import numpy as np

from graphc.api import lookup
from graphc.api.create import convert_to_tensor
from graphc.api.operators import Operators
from graphc.api.scope import get_static_value
from graphc.errors import StateError, UsageError, explain
from graphc.ir.dtype import DType, string


class Table:
    """A fixed table, filled once.

    Attributes:
        key_dtype, value_dtype: of keys and values.
    """

    def __init__(self, key_dtype: DType, value_dtype: DType):
        self.key_dtype, self.value_dtype = key_dtype, value_dtype
        self._initializer = None
        self._made: dict[str, lookup.StaticHashTable] = {}

    def fill(self, keys, values) -> None:
        """Take vectors of keys and values for the content."""
        self._initializer = lookup.KeyValueTensorInitializer(keys, values, self.key_dtype, self.value_dtype)
        self._made.clear()

    def fill_from_file(
        self, path, key_index: int, value_index: int, vocab_size: int, delimiter: str, offset: int
    ) -> None:
        """Take columns of a text file for the content; see ``lookup.TextFileInitializer``."""
        size = vocab_size if vocab_size > 0 else None
        if not isinstance(path, Operators):
            path = np.asarray(path, object)[()]
            path = path.decode() if isinstance(path, bytes) else path
        self._initializer = lookup.TextFileInitializer(
            path, self.key_dtype, key_index, self.value_dtype, value_index, size, delimiter, value_index_offset=offset
        )
        self._made.clear()

    def find(self, keys, default):
        """The values of keys; ``default`` for others.

        Raises:
            UsageError: the default is not known at once.
        """
        return self._with(default).lookup(keys if isinstance(keys, Operators) else convert_to_tensor(keys))

    def size(self):
        """How many entries there are, i64."""
        self._expect_content()
        return convert_to_tensor(np.int64(self._initializer.keys.size))

    def _with(self, default) -> lookup.StaticHashTable:
        self._expect_content()
        known = get_static_value(default)
        if known is None:
            raise UsageError(explain("a table of the SavedModel is looked up with a default that is computed"))
        value = np.asarray(known, object if self.value_dtype is string else None)
        key = repr(value.tolist())
        if key not in self._made:
            self._made[key] = lookup.StaticHashTable(self._initializer, value)
        return self._made[key]

    def _expect_content(self) -> None:
        if self._initializer is None:
            raise StateError(explain("a table of the SavedModel has no content yet"))
