"""Looking up in tables, which are named: fixed ones, and changing ones strung on a token. All on the host."""

from __future__ import annotations

import numpy as np

from graphc.ir.node import Node
from graphc.lib import math, strings
from graphc.lib.promote import as_node
from graphc.prims.lookup import table_of
from graphc.prims.order import item
from graphc.prims.table import apply


def find(keys, default, table: str) -> Node:
    """The values of keys in a fixed table, the default for others."""
    return apply("table_find", keys, as_node(default), table=table)


def numbered(keys, table: str | None, known: int, buckets: int) -> Node:
    """The numbers of keys in a fixed table (or none); for others one of ``buckets`` after the ``known`` ones."""
    words = keys if keys.dtype.kind == "s" else strings.as_string(keys)
    other = math.add(strings.to_hash_bucket_fast(words, buckets), known)
    if table is None:
        return other
    wanted = table_of(table).key
    found = find(keys if keys.dtype is wanted else math.cast(keys, wanted), np.int64(-1), table)
    return math.where(math.equal(found, -1), other, found)


def nothing(token) -> tuple[Node, None]:
    """No effect: tables are filled when they are made."""
    return token, None


def insert(token, keys, values, table: str) -> tuple[Node, None]:
    """Add entries to a table, or replace those of equal keys."""
    return apply("table_insert", token, keys, values, table=table), None


def remove(token, keys, table: str) -> tuple[Node, None]:
    """Take entries out of a table."""
    return apply("table_remove", token, keys, table=table), None


def find_now(token, keys, default, table: str) -> tuple[Node, Node]:
    """The values of keys in a changing table, the default for others."""
    found = apply("table_find_now", token, keys, default, table=table)
    return item(found, 0), item(found, 1)


def export(token, table: str) -> tuple[Node, list[Node]]:
    """The keys and the values of a changing table."""
    found = apply("table_export", token, table=table)
    return item(found, 0), [item(found, 1), item(found, 2)]


def size(token, table: str) -> tuple[Node, Node]:
    """How many entries a changing table has."""
    found = apply("table_size", token, table=table)
    return item(found, 0), item(found, 1)
