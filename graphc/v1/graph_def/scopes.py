"""Parts of GraphDefs by name: what is in a scope, and what some nodes need."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.v1.graph_def import own


def only_scope(graph_def, scope: str):
    """The nodes of a scope with the names that they have inside; inputs from outside become placeholders."""
    prefix, made = f"{scope}/", protos.GraphDef(versions=graph_def.versions)
    outside: dict[str, str] = {}
    for node in graph_def.node:
        if not node.name.startswith(prefix):
            continue
        new = made.node.add()
        new.CopyFrom(node)
        new.name = node.name.removeprefix(prefix)
        new.attr.pop(own.KEY, None)  # it knows the old names
        new.attr.pop(own.PART, None)
        del new.input[:]
        for name in node.input:
            if name.removeprefix("^").startswith(prefix):
                new.input.append(name.replace(prefix, "", 1))
            elif not name.startswith("^"):
                new.input.append(outside.setdefault(name, f"unbound_inputs_{len(outside)}"))
    for name in outside.values():
        added = made.node.add(name=name, op="Placeholder")
        added.attr["shape"].shape.unknown_rank = True
        added.attr["dtype"].type = protos.DT_FLOAT
    return made


def needed_for(graph_def, names):
    """The nodes that the nodes of these names need, in their order.

    Raises:
        UsageError: a name is of no node.
    """
    at = {node.name: node for node in graph_def.node}
    kept: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in kept:
            continue
        if name not in at:
            raise UsageError(explain(f"extract_sub_graph: the GraphDef has no node {name!r}"))
        kept.add(name)
        waiting += [i.removeprefix("^").partition(":")[0] for i in at[name].input]
    made = protos.GraphDef(versions=graph_def.versions, library=graph_def.library)
    made.node.extend(node for node in graph_def.node if node.name in kept)
    return made
