"""``tf.graph_util``: parts of GraphDefs, and GraphDefs whose variables are constants."""

from __future__ import annotations

from graphc.api.node_def.attrs import attr_of
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.ir.dtype import as_dtype
from graphc.v1.graph_def import own
from graphc.v1.graph_def.read import import_graph_def  # noqa: F401  also found here
from graphc.v1.graph_def.scopes import needed_for

_VARIABLES = ("VariableV2", "Variable", "VarHandleOp")


def extract_sub_graph(graph_def, dest_nodes):
    """The nodes of a GraphDef that the nodes called ``dest_nodes`` need.

    Raises:
        UsageError: ``dest_nodes`` is no list of names of nodes.
    """
    if isinstance(dest_nodes, str):
        raise UsageError(explain("extract_sub_graph: dest_nodes must be a list of names"))
    return needed_for(graph_def, dest_nodes)


def convert_variables_to_constants(sess, input_graph_def, output_node_names, variable_names_whitelist=None,
                                   variable_names_blacklist=None):  # fmt: skip
    """A GraphDef whose variables are constants with the values that they have in a session.

    Args:
        sess: the session. input_graph_def: such as ``sess.graph.as_graph_def()``.
        output_node_names: names of the operations that are wanted; only what they need is kept.
        variable_names_whitelist, variable_names_blacklist: names of variables to convert, and not to convert.

    Raises:
        UsageError: a name is of no node. StateError: a variable has no value.

    Example::

        frozen = tf.graph_util.convert_variables_to_constants(sess, sess.graph.as_graph_def(), ["probabilities"])
    """
    found = extract_sub_graph(input_graph_def, output_node_names)
    skipped = set(variable_names_blacklist or ())
    names = [n.name for n in found.node if n.op in _VARIABLES and n.name not in skipped]
    if variable_names_whitelist is not None:
        names = [name for name in names if name in variable_names_whitelist]
    values = dict(zip(names, sess.run([f"{name}:0" for name in names]) if names else []))
    made = protos.GraphDef(versions=found.versions, library=found.library)
    for node in found.node:
        new = made.node.add()
        if node.name in values:
            kind = as_dtype(values[node.name].dtype)
            new.name, new.op, new.device = node.name, "Const", node.device
            new.attr["dtype"].CopyFrom(attr_of(kind))
            new.attr["value"].CopyFrom(attr_of(values[node.name]))
            continue
        new.CopyFrom(node)
        if any(i.partition(":")[0] in values for i in node.input):
            _read_of_constant(new)
    return made


def _read_of_constant(node) -> None:
    """A read of what is a constant now."""
    node.attr.pop(own.KEY, None)
    node.attr.pop("_class", None)
    if node.op == "ReadVariableOp":
        kind = node.attr["dtype"].type
        node.op = "Identity"
        node.attr.clear()
        node.attr["T"].type = kind
    elif node.op == "ResourceGather":
        params, batch = node.attr["dtype"].type, node.attr["batch_dims"].i
        indices = node.attr["Tindices"].type
        node.attr.clear()
        node.op = "Gather" if not batch else "GatherV2"
        node.attr["Tparams"].type, node.attr["Tindices"].type = params, indices


def remove_training_nodes(input_graph, protected_nodes=None):
    """A GraphDef without nodes that only pass values on: Identity and CheckNumerics.

    Args:
        protected_nodes: names of nodes that stay.
    """
    keep = set(protected_nodes or ())
    controlling = {i[1:] for n in input_graph.node for i in n.input if i.startswith("^")}
    indexed = {i.partition(":")[0] for n in input_graph.node for i in n.input if ":" in i}
    keep |= controlling | indexed
    passed = {
        n.name: n.input[0] for n in input_graph.node
        if n.op in ("Identity", "CheckNumerics") and len(n.input) == 1 and n.name not in keep
    }  # fmt: skip
    users = {i.partition(":")[0] for n in input_graph.node for i in n.input}
    passed = {name: source for name, source in passed.items() if name in users}  # what nobody uses is a result
    made = protos.GraphDef(versions=input_graph.versions, library=input_graph.library)
    for node in input_graph.node:
        if node.name in passed:
            continue
        new = made.node.add()
        new.CopyFrom(node)
        inputs = [_source(i, passed) for i in node.input]
        if inputs != list(node.input):
            del new.input[:]
            new.input.extend(inputs)
            new.attr.pop(own.KEY, None)
    return made


def _source(name: str, passed: dict) -> str:
    while name in passed:
        name = passed[name]
    return name


def tensor_shape_from_node_def_name(graph, input_name: str):
    """The static shape of a tensor of a graph, by its name with or without ``:0``."""
    name = input_name if ":" in input_name else f"{input_name}:0"
    return graph.get_tensor_by_name(name).get_shape()
