"""Tables of a graph as TensorFlow's nodes: the table, its content, and looking up in it."""

from __future__ import annotations

import numpy as np

from graphc.api.node_def.attrs import attr_of
from graphc.api.node_def.rows import call_of
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.lib import lookup as lib
from graphc.prims.lookup import table_of
from graphc.v1.graph import Graph
from graphc.v1.graph_def.writer import ref

_SCOPE = "saved_tables"


def write_tables(graph_def, graph: Graph) -> list[str]:
    """Replace the nodes that look up in fixed tables.

    Returns:
        The names of the nodes that fill the tables, to be run after loading.

    Raises:
        UsageError: a node looks up in a table of another process.
    """
    writer = _Tables(graph_def)
    for node in list(graph_def.node):
        if graph.has_operation(node.name):
            op = graph.get_operation_by_name(node.name)
            call = call_of(op.build, len(op.operands)) if op.build is not None else None
            if call is not None and call.function in (lib.find, lib.numbered) and len(op.operands) == 1:
                writer.replace(node, ref(op.operands[0]), op.operands[0].dtype, call)
    return writer.fills


class _Tables:
    """Attributes: fills: the nodes that fill the tables."""

    def __init__(self, graph_def):
        self._graph_def = graph_def
        self._known: dict[str, str] = {}  # name of a table -> its node
        self.fills: list[str] = []

    def _node(self, name: str, kind: str, inputs, **attrs) -> str:
        made = self._graph_def.node.add(name=name, op=kind, input=list(inputs))
        for key, value in attrs.items():
            made.attr[key].CopyFrom(attr_of(value))
        return name

    def _const(self, name: str, value, kind: dt.DType) -> str:
        return self._node(name, "Const", (), dtype=kind, value=np.asarray(value, kind.numpy))

    def _table(self, name: str) -> str:
        """The node of a table, with those that fill it."""
        if name not in self._known:
            try:
                table = table_of(name)
            except RuntimeError as error:
                raise UsageError(explain(f"SavedModelBuilder: {error}, so its content cannot be saved")) from None
            kinds, full = (table.key, table.value), f"{_SCOPE}/{name}"
            self._node(
                full, "HashTableV2", (), key_dtype=kinds[0], value_dtype=kinds[1], shared_name=name, container=""
            )
            keys = self._const(f"{full}/keys", table.keys_array(), kinds[0])
            found = table.stacked(list(table.entries.values()), (len(table.entries),))
            given = (full, keys, self._const(f"{full}/values", found, kinds[1]))
            self.fills.append(self._node(f"{full}/fill", "LookupTableImportV2", given, Tin=kinds[0], Tout=kinds[1]))
            self._known[name] = full
        return self._known[name]

    def replace(self, node, keys: str, kind: dt.DType, call) -> None:
        """Make a node, and those that it needs besides, of a call of ``find`` or ``numbered``."""
        control = [i for i in node.input if i.startswith("^")]
        name, static = node.name, call.static
        if call.function is lib.find:
            self._table(static["table"])
            table = table_of(static["table"])
            default = self._const(f"{name}/default", static["default"], table.value)
            new, op = [self._table(static["table"]), keys, default], "LookupTableFindV2"
            attrs = {"Tin": kind, "Tout": table.value}
        else:
            new, op, attrs = self._numbered(name, keys, kind, **static)
        node.op = op
        node.attr.clear()
        del node.input[:]
        node.input.extend([*new, *control])
        for key, value in attrs.items():
            node.attr[key].CopyFrom(attr_of(value))

    def _numbered(self, name: str, keys: str, kind: dt.DType, table: str | None, known: int, buckets: int) -> tuple:
        """A number of the table, or for other words one of the buckets."""
        words = keys if kind is dt.string else self._node(f"{name}/words", "AsString", [keys], T=kind)
        bucket = self._node(f"{name}/bucket", "StringToHashBucketFast", [words], num_buckets=buckets)
        first = self._const(f"{name}/first", known, dt.i64)
        if table is None:
            return [bucket, first], "AddV2", {"T": dt.i64}
        other = self._node(f"{name}/other", "AddV2", [bucket, first], T=dt.i64)
        wanted = table_of(table).key
        if kind is not wanted:
            keys = self._node(f"{name}/keys", "Cast", [keys], SrcT=kind, DstT=wanted)
        none = self._const(f"{name}/none", -1, dt.i64)
        found = self._node(
            f"{name}/found", "LookupTableFindV2", [self._table(table), keys, none], Tin=wanted, Tout=dt.i64
        )
        missing = self._node(f"{name}/missing", "Equal", [found, none], T=dt.i64)
        return [missing, other, found], "SelectV2", {"T": dt.i64}
