"""TensorFlow 1's branches (Switch and Merge) as nodes that compute both sides and choose."""

from __future__ import annotations

from graphc.errors import GraphError, explain
from graphc.formats import protos
from graphc.v1.graph_def import own

_SWITCHES, _MERGES = ("Switch", "RefSwitch"), ("Merge", "RefMerge")
_EFFECTS = ("Assign", "Print", "Queue", "Reader", "Save", "Restore", "WriteFile", "PyFunc", "Scatter", "Apply")


def without_switches(nodes: list) -> list:
    """The nodes, each after those that it needs, without Switch and Merge; the same ones if there are none.

    Raises:
        GraphError: a branch does more than to compute, or the two sides of a Merge are not told apart.
    """
    if not any(n.op in _SWITCHES for n in nodes):
        return nodes
    whole = {n.name for n in nodes if own.said(n) is not None}  # which are made again without their nodes
    sides: dict[str, frozenset] = {}  # output -> the decisions that it depends on: pairs (predicate, which way)
    same: dict[str, str] = {}  # output -> the one that it is identical to
    made: list = []
    for node in nodes:
        if node.op == "Identity" and node.input:
            same[f"{node.name}:0"] = same.get(_output(node.input[0]), node.input[0])
        found = frozenset().union(*[sides.get(_output(i), frozenset()) for i in node.input])
        if node.name in whole or (own.PART in node.attr and node.attr[own.PART].s.decode() in whole):
            made.append(node)
        elif node.op in _SWITCHES:
            predicate = same.get(_output(node.input[1]), node.input[1])
            for way in (False, True):
                sides[f"{node.name}:{int(way)}"] = found | {(predicate, way)}
            made.append(_switch(node))
        elif node.op in _MERGES:
            made.append(_merge(node, sides))
            sides[f"{node.name}:0"] = frozenset(d for d in found if (d[0], not d[1]) not in found)
        else:
            made += _plain(node, found)
            sides[f"{node.name}:0"] = found
    return made


def _output(name: str) -> str:
    """The output that an input or a control input is; of a node with several the first one tells enough."""
    node, _, index = name.removeprefix("^").partition(":")
    return f"{node}:{index or 0}"


def _switch(node):
    """Both outputs are the value itself."""
    made = protos.NodeDef(name=node.name, op="IdentityN", device=node.device)
    made.input.extend([node.input[0], node.input[0], *[i for i in node.input[2:] if i.startswith("^")]])
    made.attr["T"].list.type.extend([node.attr["T"].type] * 2)
    return made


def _merge(node, sides: dict):
    values = [i for i in node.input if not i.startswith("^")]
    given = [sides.get(_output(i), frozenset()) for i in values]
    apart = [d for d in given[0] if (d[0], not d[1]) in given[1]] if len(given) == 2 else []
    if len(apart) != 1:
        what = f"import_graph_def: it cannot be told when {node.name} (Merge) takes which of {values}"
        raise GraphError(explain(what))
    predicate, way = apart[0]
    then, orelse = values if way else values[::-1]
    made = protos.NodeDef(name=node.name, op="SelectV2", device=node.device)
    made.input.extend([predicate, then, orelse, *[i for i in node.input if i.startswith("^")]])
    made.attr["T"].type = node.attr["T"].type
    return made


def _plain(node, found: frozenset) -> list:
    """A node within branches; what it asserts must hold only where they are taken."""
    if not found:
        return [node]
    if any(word in node.op for word in _EFFECTS):
        what = f"import_graph_def: {node.name} ({node.op}) must run in one branch only, which is not supported"
        raise GraphError(explain(what))
    if node.op != "Assert":
        return [node]
    made, condition = [], node.input[0]
    for k, (predicate, way) in enumerate(sorted(found)):
        if way:
            made.append(protos.NodeDef(name=f"{node.name}/other_{k}", op="LogicalNot", input=[predicate]))
            predicate = made[-1].name
        made.append(protos.NodeDef(name=f"{node.name}/holds_{k}", op="LogicalOr", input=[condition, predicate]))
        condition = made[-1].name
    new = protos.NodeDef()
    new.CopyFrom(node)
    new.input[0] = condition
    return [*made, new]
