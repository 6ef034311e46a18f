"""Calls of functions in a GraphDef replaced by the nodes of the functions."""

from __future__ import annotations

from graphc.api.node_def.table import OUTPUTS
from graphc.errors import GraphError, explain
from graphc.formats import protos

_BRANCHES = ("StatelessIf", "If")
_EFFECTS = ("Assign", "Print", "Queue", "Reader", "Save", "Restore", "WriteFile", "PyFunc", "Scatter", "Apply", "While")
_ABSENT = ("FakeParam", "OptionalNone")
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
            made = protos.GraphDef(versions=graph_def.versions, library=graph_def.library)
            made.node.extend(nodes)
            return made
        nodes = [new for node in nodes for new in _expanded(node, library)]
    raise GraphError(explain("import_graph_def: functions in the GraphDef call themselves"))


def _called(node, library: dict):
    """The functions that a node calls: one, both of a branch, or none."""
    if node.op in library:
        return (library[node.op],)
    if node.op in _CALLS:
        return (_function(node, "f", library),)
    if node.op in _BRANCHES:
        found = tuple([_function(node, key, library) for key in ("then_branch", "else_branch")])
        known = not any(_has_effects(f, library) for f in found)
        return found if known and any(_is_for_gradient(f) for f in found) else None
    return None


def _function(node, key: str, library: dict):
    name = node.attr[key].func.name
    if name not in library:
        raise GraphError(explain(f"import_graph_def: node {node.name} calls {name!r}, which is not in the library"))
    return library[name]


def _is_for_gradient(function) -> bool:
    """Whether it hands values to the branch of a gradient: they are there in one branch only."""
    return any(n.op in _ABSENT or n.op.startswith("Optional") for n in function.node_def)


def _has_effects(function, library: dict) -> bool:
    """Whether a branch does more than to compute: then both branches cannot be run."""
    seen, stack = set(), [function]
    while stack:
        found = stack.pop()
        if found.signature.name in seen:
            continue
        seen.add(found.signature.name)
        for node in found.node_def:
            if any(word in node.op for word in _EFFECTS):
                return True
            called = [a.func.name for a in node.attr.values() if a.WhichOneof("value") == "func"]
            stack += [library[n] for n in (*called, node.op) if n in library]
    return False


def _expanded(node, library: dict) -> list:
    functions = _called(node, library)
    if functions is None:
        return [node]
    data = [i for i in node.input if not i.startswith("^")]
    control = [i for i in node.input if i.startswith("^")]
    if len(functions) == 1:
        made, results, last, kinds = _body(node, functions[0], f"{node.name}/", data, control)
        return [*made, _final(node, results, last, kinds, control)]
    return _chosen(node, functions, data, control)


def _body(node, function, prefix: str, data: list, control: list) -> tuple:
    """The nodes of a function, the names of its results, of what must run, and the results' types."""
    signature = function.signature
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
    return made, results, last, [a.type for a in signature.output_arg]


def _final(node, results: list, last: list, kinds: list, control: list):
    """The node that has the name of the call."""
    kind = "IdentityN" if len(results) > 1 else "Identity" if results else "NoOp"
    made = protos.NodeDef(name=node.name, op=kind, input=[*results, *last, *(control if not results else [])])
    if len(results) == 1:
        made.attr["T"].type = kinds[0]
    return made


def _chosen(node, functions: tuple, data: list, control: list) -> list:
    """Both branches, and for each result that of the branch which is taken."""
    condition, made, results, last = data[0], [], [], []
    kinds: list = []
    for label, function in zip(("then", "else"), functions):
        inner, found, ends, kinds = _body(node, function, f"{node.name}/{label}/", data[1:], control)
        made += _guarded(inner, condition, label, node.name)
        results.append(found)
        last += ends
    missing = {f"{n.name}:0" for n in made if n.op in _ABSENT}
    chosen = []
    for k, (then, orelse) in enumerate(zip(*results)):
        if then in missing or orelse in missing:  # what only the gradient of the other branch wants
            chosen.append(orelse if then in missing else then)
            continue
        pick = protos.NodeDef(name=f"{node.name}/output_{k}", op="SelectV2", input=[condition, then, orelse])
        pick.attr["T"].type = kinds[k]
        made.append(pick)
        chosen.append(pick.name)
    return [*[n for n in made if n.op not in _ABSENT], _final(node, chosen, last, kinds, control)]


def _guarded(nodes: list, condition: str, label: str, name: str) -> list:
    """The nodes of a branch; what they assert must hold only where it is taken."""
    made = []
    for node in nodes:
        if node.op == "Assert":
            other = protos.NodeDef(name=f"{node.name}/holds", op="LogicalOr", input=[node.input[0], condition])
            if label == "then":
                made.append(protos.NodeDef(name=f"{node.name}/other", op="LogicalNot", input=[condition]))
                other.input[1] = made[-1].name
            made.append(other)
            node.input[0] = other.name
        made.append(node)
    return made


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
