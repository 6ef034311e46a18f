"""The variables of a Saver whose operations are in a graph already, as in one that was read from a file."""

from __future__ import annotations

import numpy as np

from graphc.errors import UsageError, explain
from graphc.formats.slices import Slice
from graphc.v1.graph import Graph
from graphc.v1.saving.saveables import Saveable, all_saveable, saveables_of
from graphc.v1.tensor import Operation, Tensor, Write

_PASSED = ("Identity", "Reshape")  # between what is restored and the variable


def recorded_saveables(graph: Graph, saver_def) -> list[Saveable]:
    """The variables that the operations named by a SaverDef restore, under the names that these use.

    Where they are not in the graph, all variables under their own names.

    Raises:
        UsageError: the SaverDef names no operations, or two variables have the same name.
    """
    if not saver_def.restore_op_name:
        raise UsageError(explain("Saver: the SaverDef does not name its operations"))
    restore = next((op for op in graph.get_operations() if op.name == saver_def.restore_op_name), None)
    assigned = [] if restore is None else _before(restore)
    found = [saveable for op in assigned if (saveable := _recorded(op)) is not None]
    return sorted(found, key=lambda s: (s.name, s.spec)) or saveables_of(all_saveable())


def _before(restore: Operation) -> list[Operation]:
    """The assignments that an operation waits for, directly or through others that do nothing."""
    found, waiting = {}, [restore]
    while waiting:
        for op in waiting.pop().control_inputs:
            if op not in found:
                found[op] = None
                waiting.append(op)
    return [op for op in found if isinstance(op.effect, Write) and op.operands]


def _recorded(assign: Operation) -> Saveable | None:
    """The variable of an assignment with its name, or None where its value is not from a checkpoint."""
    tensor = assign.operands[0]
    while tensor.op.type in _PASSED and tensor.op.operands:
        tensor = tensor.op.operands[0]
    if tensor.op.type != "RestoreV2":
        return None
    names, specs = (_texts(t) for t in tensor.op.operands[1:3])
    if tensor.index >= min(len(names), len(specs)):
        return None
    spec = specs[tensor.index]
    shape, part = Slice.parse(spec) if spec else ((), None)
    return Saveable(names[tensor.index], assign.effect.variable, part, shape)


def _texts(tensor: Tensor) -> list[str]:
    """The elements of a constant; none where it is no constant."""
    node = tensor.node
    if node is None or node.op != "const":
        return []
    array = np.broadcast_to(node.attr("value").array, node.shape)
    return [v.decode() if isinstance(v, bytes) else str(v) for v in array.reshape(-1).tolist()]
