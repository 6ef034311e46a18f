"""Calls of functions in a GraphDef replaced by the nodes of the functions."""

from __future__ import annotations

from graphc.api.node_def.table import OUTPUTS
from graphc.errors import GraphError, explain
from graphc.formats import protos

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_DEPTH = 50


def inlined(graph_def):
    """A GraphDef without calls of functions of its library; the same one if there are none.

    Raises:
        GraphError: a function is missing, or calls itself.
    """
    library = {f.signature.name: f for f in graph_def.library.function}
    if not any(_called(node, library) is not None for node in graph_def.node):
        return graph_def
    nodes = list(graph_def.node)
    for _ in range(_DEPTH):
        if not any(_called(node, library) is not None for node in nodes):
            made = protos.GraphDef(versions=graph_def.versions)
            made.node.extend(nodes)
            return made
        nodes = [new for node in nodes for new in _expanded(node, library)]
    raise GraphError(explain("import_graph_def: functions in the GraphDef call themselves"))


def _called(node, library: dict):
    """The function that a node calls, or None."""
    if node.op in library:
        return library[node.op]
    if node.op not in _CALLS:
        return None
    name = node.attr["f"].func.name
    if name not in library:
        raise GraphError(explain(f"import_graph_def: node {node.name} calls {name!r}, which is not in the library"))
    return library[name]


def _expanded(node, library: dict) -> list:
    function = _called(node, library)
    if function is None:
        return [node]
    prefix, signature = f"{node.name}/", function.signature
    data = [i for i in node.input if not i.startswith("^")]
    control = [i for i in node.input if i.startswith("^")]
    arguments = dict(zip([a.name for a in signature.input_arg], data))
    made = []
    for inner in function.node_def:
        new = protos.NodeDef()
        new.CopyFrom(inner)
        new.name = prefix + inner.name
        del new.input[:]
        new.input.extend(_renamed(i, arguments, prefix, function) for i in inner.input)
        new.input.extend(control if not inner.input else [])
        _fill_placeholders(new, node)
        made.append(new)
    results = [_renamed(function.ret[a.name], arguments, prefix, function) for a in signature.output_arg]
    last = [f"^{prefix}{n}" for n in function.control_ret.values()]
    kinds = [a.type for a in signature.output_arg]
    final = protos.NodeDef(name=node.name, op="IdentityN" if len(results) > 1 else "Identity" if results else "NoOp",
                           input=[*results, *last, *(control if not results else [])])  # fmt: skip
    if len(results) == 1:
        final.attr["T"].type = kinds[0]
    return [*made, final]


def _fill_placeholders(new, node) -> None:
    """Attributes that the caller decides."""
    for attr in new.attr.values():
        if attr.WhichOneof("value") == "placeholder" and attr.placeholder in node.attr:
            attr.CopyFrom(node.attr[attr.placeholder])


def _renamed(name: str, arguments: dict, prefix: str, function) -> str:
    """An input of a node in a function, such as ``x`` or ``node:output:0``, as one outside."""
    if name.startswith("^"):
        return f"^{arguments[name[1:]].partition(':')[0]}" if name[1:] in arguments else f"^{prefix}{name[1:]}"
    if name in arguments:
        return arguments[name]
    node, _, rest = name.partition(":")
    output, _, index = rest.partition(":")
    kind = next((n.op for n in function.node_def if n.name == node), "")
    names = OUTPUTS.get(kind, "").split()
    place = names.index(output) if output in names else int(index or 0)
    return f"{prefix}{node}:{place}"
