"""Operations and tensors by their names."""

from __future__ import annotations

import difflib

from graphc.errors import GraphError, UnknownNameError, explain
from graphc.v1.tensor import Operation, Tensor


def named_element(operations: dict[str, Operation], name: str, allow_tensor=True, allow_operation=True):
    """The Tensor (``op:k``) or Operation (``op``) of this name.

    Raises:
        UnknownNameError: there is none. GraphError: that is no name of what is allowed.
    """
    if ":" in name and allow_tensor:
        return _tensor(operations, name)
    if ":" in name:
        raise GraphError(explain(f"{name!r} is the name of a tensor, but an operation is needed: leave out ':k'"))
    if name not in operations:
        what = "operation" if allow_operation else "tensor"
        form = "" if allow_operation else " (names look like 'add:0')"
        raise UnknownNameError(explain(f"there is no {what} {name!r} in the graph{form}{_similar(operations, name)}"))
    if not allow_operation:
        what = f"{name!r} is the name of an operation, but a tensor is needed: its first output is {name + ':0'!r}"
        raise GraphError(explain(what))
    return operations[name]


def _tensor(operations: dict[str, Operation], name: str) -> Tensor:
    op_name, _, index = name.partition(":")
    op = operations.get(op_name)
    if not index.isdigit():
        raise GraphError(explain(f"there is no tensor {name!r}: names look like 'add:0'"))
    if op is None:
        raise UnknownNameError(explain(f"there is no tensor {name!r} in the graph{_similar(operations, op_name)}"))
    if int(index) >= len(op.outputs):
        what = f"there is no tensor {name!r} in the graph: operation {op_name!r} has {len(op.outputs)} outputs"
        raise UnknownNameError(explain(what))
    return op.outputs[int(index)]


def _similar(operations: dict[str, Operation], name: str) -> str:
    if len(operations) > 5000:
        return ""  # the search takes too long
    found = [known for known in operations if known.lower() == name.lower()]
    found = found or difflib.get_close_matches(name, operations, 1, 0.75)
    return f"; did you mean {found[0]!r}?" if found else ""
