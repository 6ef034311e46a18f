"""Embeddings: rows of one table or of a table in parts, under TensorFlow's names."""

from __future__ import annotations

import numpy as np

from graphc.errors import ShapeError, UsageError, explain
from graphc.ir.node import Node, const, origins
from graphc.lib import math, reduction, shape
from graphc.lib.index import as_indices, looked_at, picked
from graphc.lib.promote import as_node
from graphc.prims.table import apply


def embedding_lookup(params, ids, max_norm=None, partition_strategy="div") -> Node:
    """Rows of a table, longer ones shrunk to ``max_norm``.

    Args:
        params: a table [rows, ...], or a list of its parts.
        ids: integers of any shape.
        max_norm: the length to which longer rows are shrunk.
        partition_strategy: ``div`` (a part has rows that follow each other) or ``mod`` (row i is in part i % parts).
    """
    tables = [as_node(p) for p in params] if isinstance(params, (list, tuple)) else [as_node(params)]
    i = as_indices("embedding_lookup", ids)
    if not tables:
        raise UsageError(explain("embedding_lookup: params is an empty list"))
    if partition_strategy not in ("div", "mod"):
        raise UsageError(explain(f"embedding_lookup: partition_strategy {partition_strategy!r} is not 'div' or 'mod'"))
    table = shape.concat(tables, 0)
    i = looked_at("embedding_lookup", i, [table.shape[0]])
    if partition_strategy == "mod" and len(tables) > 1:
        i = _spread(tables, i)
    rows = picked("embedding_lookup", table, i, axis=0)
    if max_norm is None:
        return rows
    return reduction.clip_by_norm(rows, max_norm, list(range(len(i.shape), len(rows.shape))))


def _spread(tables: list[Node], i: Node) -> Node:
    """Places in the joined parts of rows that are dealt out to the parts in turn."""
    counts = [t.shape[0] for t in tables]
    if any(type(n) is not int for n in counts):
        kinds = ", ".join(str(t.type) for t in tables)
        raise ShapeError(explain(f"embedding_lookup: parts need known numbers of rows, got {kinds}", origins(ids=i)))
    starts = const(np.cumsum([0, *counts[:-1]]).astype(i.dtype.numpy))
    parts = len(tables)
    first = picked("embedding_lookup", starts, math.floormod(i, parts), axis=0)
    return apply("add", first, math.floordiv(i, parts))
