"""Names of tables from keys to values."""

from graphc.api import lookup
from graphc.api.op import Op
from graphc.lib.lookup import nothing

ROWS = (Op("compat.v1.tables_initializer compat.v1.initializers.tables_initializer", "NoOp", nothing, effect=True),)

FUNCTIONS = {
    **{
        f"lookup.{name}": getattr(lookup, name)
        for name in (
            "KeyValueTensorInitializer", "StaticHashTable", "StaticVocabularyTable", "TextFileIndex",
            "TextFileInitializer",
        )
    },
    "lookup.experimental.MutableHashTable": lookup.MutableHashTable,
    "lookup.experimental.DenseHashTable": lookup.DenseHashTable,
}  # fmt: skip
