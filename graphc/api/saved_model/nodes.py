"""Node types of functions that are no calls of the catalogue: variables, tables, lists of tensors, assertions."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from graphc.api.create import convert_to_tensor
from graphc.api.eager import eager
from graphc.api.node_def.attrs import value_of
from graphc.api.node_def.calls import call
from graphc.api.node_def.make import known
from graphc.api.recorder import recorder_for
from graphc.api.saved_model.resources import Table
from graphc.api.tensor_array import TensorArray
from graphc.api.variable import Variable
from graphc.errors import GraphError, InvalidArgumentError, explain
from graphc.formats.tensors import array_of


def constant(node):
    """The value of a Const node."""
    return recorder_for((), eager).convert(array_of(node.attr["value"].tensor))


def _variable(value, node):
    """The variable that is meant, which a tensor may stand for in a graph."""
    effect = getattr(getattr(value, "op", None), "effect", None)
    found = value if isinstance(value, Variable) else getattr(effect, "variable", None)
    if found is None:
        raise GraphError(explain(f"{node.name} ({node.op}) needs a variable"))
    return found


def _table(value, node) -> Table:
    if not isinstance(value, Table):
        raise GraphError(explain(f"{node.name} ({node.op}) needs a table"))
    return value


def _assigned(method: str) -> Callable:
    def run(node, inputs):
        getattr(_variable(inputs[0], node), method)(inputs[1])
        return []

    return run


def _assigned_reference(node, inputs):
    return [_variable(inputs[0], node).assign(inputs[1])]


def _asserted(node, inputs):
    recorder = recorder_for([inputs[0]], eager)
    if recorder.is_eager and not bool(inputs[0]):
        told = [str(convert_to_tensor(x).numpy()) for x in inputs[1:]]
        raise InvalidArgumentError(explain(f"assertion {node.name} of the SavedModel does not hold: {' '.join(told)}"))
    return []


def _new_table(node, inputs):
    return [Table(value_of(node.attr["key_dtype"]), value_of(node.attr["value_dtype"]))]


def _filled(node, inputs):
    _table(inputs[0], node).fill(inputs[1], inputs[2])
    return []


def _filled_from_file(node, inputs):
    def number(name: str, default: int) -> int:
        return node.attr[name].i if name in node.attr else default

    delimiter = node.attr["delimiter"].s.decode() if "delimiter" in node.attr else "\t"
    _table(inputs[0], node).fill_from_file(
        inputs[1],
        number("key_index", 0),
        number("value_index", 0),
        number("vocab_size", -1),
        delimiter,
        number("offset", 0),
    )
    return []


def _list_of(node, size, shape) -> TensorArray:
    sizes = known(shape)
    sizes = sizes if isinstance(sizes, list) else None
    element = None if sizes is None or any(d < 0 for d in sizes) else sizes
    return TensorArray(value_of(node.attr["element_dtype"]), size, element_shape=element)


def _reserved(node, inputs):
    return [_list_of(node, inputs[1], inputs[0])]


def _unstacked(node, inputs):
    tensor = inputs[0]
    return [_list_of(node, call("shape", tensor)[0], inputs[1]).unstack(tensor)]


def _read(node, inputs):
    value = inputs[0]
    return [value.value() if isinstance(value, Variable) else value]


def _sized(node, inputs):
    kind = value_of(node.attr["out_type"]) if "out_type" in node.attr else np.int32
    return [call("shape", _read(node, inputs)[0], kind)]


def _formatted(node, inputs):
    text = {key: value_of(node.attr[key]) for key in ("template", "placeholder") if key in node.attr}
    text = {key: value.decode() for key, value in text.items()}
    summarize = node.attr["summarize"].i if "summarize" in node.attr else 3
    return [call("strings.format", text.get("template", "%s"), list(inputs), text.get("placeholder", "%s"), summarize)]


def _printed(node, inputs):
    stream = node.attr["output_stream"].s.decode() if "output_stream" in node.attr else "stderr"
    target = stream if stream.startswith("file://") else sys.stdout if stream == "stdout" else sys.stderr
    end = node.attr["end"].s.decode() if "end" in node.attr else "\n"
    call("print", inputs[0], output_stream=target, end=end)
    return []


TABLES = ("HashTable", "HashTableV2", "AnonymousHashTable")
TABLE_FILLS = ("InitializeTable", "InitializeTableV2", "LookupTableImport", "LookupTableImportV2",
               "InitializeTableFromTextFile", "InitializeTableFromTextFileV2")  # fmt: skip
TABLE_USES = ("LookupTableFind", "LookupTableFindV2", "LookupTableSize", "LookupTableSizeV2")


def _found(node, inputs):
    return [_table(inputs[0], node).find(inputs[1], inputs[2])]


NODES: dict[str, Callable] = {
    "NoOp": lambda node, inputs: [],
    "ReadVariableOp": _read,
    "Assign": _assigned_reference,
    "AssignVariableOp": _assigned("assign"),
    "AssignAddVariableOp": _assigned("assign_add"),
    "AssignSubVariableOp": _assigned("assign_sub"),
    "VariableShape": _sized,
    "IsVariableInitialized": lambda node, inputs: [convert_to_tensor(True)],
    "VarIsInitializedOp": lambda node, inputs: [convert_to_tensor(True)],
    "DisableCopyOnRead": lambda node, inputs: [],
    "Assert": _asserted,
    **dict.fromkeys(TABLES, _new_table),
    **dict.fromkeys(TABLE_FILLS[:4], _filled),
    **dict.fromkeys(TABLE_FILLS[4:], _filled_from_file),
    **dict.fromkeys(TABLE_USES[:2], _found),
    **dict.fromkeys(TABLE_USES[2:], lambda node, inputs: [_table(inputs[0], node).size()]),
    "TensorListReserve": _reserved,
    "TensorListFromTensor": _unstacked,
    "TensorListGetItem": lambda node, inputs: [inputs[0].read(inputs[1])],
    "TensorListSetItem": lambda node, inputs: [inputs[0].write(inputs[1], inputs[2])],
    "TensorListStack": lambda node, inputs: [inputs[0].stack()],
    "TensorListLength": lambda node, inputs: [inputs[0].size()],
    "ReadFile": lambda node, inputs: [call("io.read_file", inputs[0])],
    "Print": lambda node, inputs: [inputs[0]],
    "PrintV2": _printed,
    "StringFormat": _formatted,
}
