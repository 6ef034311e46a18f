"""The part of a graph in a SavedModel that can be used here, where it has nodes of types that do not exist here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from graphc.api.machine import get_logger
from graphc.api.node_def import make
from graphc.api.saved_model.constants import INIT_OP_SIGNATURE, LEGACY_INIT_OP_KEY, MAIN_OP_KEY, TRAIN_OP_SIGNATURE
from graphc.errors import GraphError, explain
from graphc.formats import protos
from graphc.v1.graph_def import own, structural
from graphc.v1.graph_def.functional import Functional
from graphc.v1.graph_def.functions import inlined

_OLD_LOOPS = ("Enter", "RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration", "LoopCond")


def usable(meta):
    """A MetaGraphDef without nodes that cannot be made here, if neither signatures nor loading need them.

    Returns:
        The MetaGraphDef, a copy where something is left out.

    Raises:
        GraphError: they are needed; the message counts their types.
    """
    graph_def = inlined(meta.graph_def)
    functional = Functional(graph_def)
    unknown = {n.name for n in graph_def.node if not _is_known(n) and not functional.is_known(n)}
    if not unknown:
        return meta
    bad = _users(graph_def, unknown)
    needed = [name for name in _targets(meta) if name in bad]
    if needed:
        _refuse(graph_def, needed, unknown)
    made = protos.MetaGraphDef()
    made.CopyFrom(meta)
    made.graph_def.Clear()
    made.graph_def.versions.CopyFrom(graph_def.versions)
    made.graph_def.library.CopyFrom(graph_def.library)
    made.graph_def.node.extend(n for n in graph_def.node if n.name not in bad)
    _leave_out(made, bad)
    get_logger().info("SavedModel: %d nodes are left out, which only %s need", len(bad), _counted(graph_def, unknown))
    return made


def _is_known(node) -> bool:
    if node.op == "AssignVariableOp" and node.attr["dtype"].type == protos.DT_STRING:
        return False
    if node.op in _OLD_LOOPS or ("T" in node.attr and node.attr["T"].type == protos.DT_VARIANT):
        return False
    return own.said(node) is not None or own.PART in node.attr or structural.is_known(node.op) or make.is_known(node.op)


def _users(graph_def, names: set[str]) -> set[str]:
    """These nodes and all that need them."""
    users: dict[str, list[str]] = {}
    for node in graph_def.node:
        for i in node.input:
            users.setdefault(_node_of(i), []).append(node.name)
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(users.get(name, ()))
    return found


def _targets(meta) -> Iterable[str]:
    """The nodes that loading runs and signatures name.

    What TensorFlow 2 runs after loading fills tables, which are filled here when they are made.
    """
    yield from map(_node_of, filter(None, [restore_name(meta)]))
    for key in (MAIN_OP_KEY, LEGACY_INIT_OP_KEY):
        if key in meta.collection_def and not meta.HasField("object_graph_def"):
            yield from meta.collection_def[key].node_list.value
    for key, signature in meta.signature_def.items():
        if key != TRAIN_OP_SIGNATURE and not (key == INIT_OP_SIGNATURE and meta.HasField("object_graph_def")):
            infos = [*signature.inputs.values(), *signature.outputs.values()]
            yield from (_node_of(i.name) for i in infos if i.WhichOneof("encoding") == "name")


def restore_name(meta) -> str:
    """The node that restores the variables; none where a SavedModel of TensorFlow 2 has a function for it."""
    return "" if meta.HasField("object_graph_def") else meta.saver_def.restore_op_name


def _node_of(name: str) -> str:
    return name.removeprefix("^").partition(":")[0]


def _refuse(graph_def, needed: list[str], unknown: set[str]) -> None:
    nodes = {n.name: n for n in graph_def.node}
    seen, waiting = set(), list(needed)
    while waiting:
        name = waiting.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            waiting.extend(map(_node_of, nodes[name].input))
    what = f"{needed[0]} of the SavedModel needs operations that do not exist here"
    raise GraphError(explain(f"{what}: {_counted(graph_def, seen & unknown)}"))


def _counted(graph_def, names: set[str]) -> str:
    kinds = Counter(n.op for n in graph_def.node if n.name in names)
    return ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))


def _leave_out(meta, bad: set[str]) -> None:
    """Forget collections' nodes that are not there."""
    for collection in meta.collection_def.values():
        if collection.WhichOneof("kind") == "node_list":
            kept = [v for v in collection.node_list.value if _node_of(v) not in bad]
            del collection.node_list.value[:]
            collection.node_list.value.extend(kept)
    if _node_of(restore_name(meta) or "") in bad:
        meta.ClearField("saver_def")
    for key in (INIT_OP_SIGNATURE, TRAIN_OP_SIGNATURE):
        outputs = meta.signature_def[key].outputs.values() if key in meta.signature_def else ()
        if any(_node_of(info.name) in bad for info in outputs):
            del meta.signature_def[key]
