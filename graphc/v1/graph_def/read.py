"""``tf.import_graph_def``: the nodes of a GraphDef added to the default graph."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from graphc.api.machine import get_logger
from graphc.api.node_def import make
from graphc.api.node_def.attrs import value_of
from graphc.api.recorder import RECORDERS
from graphc.errors import GraphcError, GraphError, UsageError, explain
from graphc.formats import protos
from graphc.formats.tensors import dtype_of
from graphc.ir.dtype import f32
from graphc.v1.graph import get_default_graph
from graphc.v1.graph_def import own, structural
from graphc.v1.graph_def.functional import Functional
from graphc.v1.graph_def.functions import inlined
from graphc.v1.graph_def.remake import made_again
from graphc.v1.graph_def.switches import without_switches
from graphc.v1.tensor import Operation, Read, Tensor

_PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")
_SHOWN = 3  # nodes of a type that is not known, in the message


def import_graph_def(graph_def, input_map=None, return_elements=None, name=None, op_dict=None,
                     producer_op_list=None):  # fmt: skip
    """Add the nodes of a GraphDef, graphc's own or TensorFlow's, to the default graph.

    Args:
        graph_def: a GraphDef message.
        input_map: names of tensors (``x:0``) or operations in the GraphDef -> tensors that take their place.
        return_elements: names of operations and tensors (``y:0``) in the GraphDef.
        name: a scope for the names; ``import`` if None, none if empty.

    Returns:
        The elements of ``return_elements``, or None without them.

    Raises:
        UsageError: an argument means nothing. GraphError: node types that are not known (all of them are named, before
            anything is added), inputs that are missing, names that are taken or nowhere.

    Example::

        graph_def = tf.GraphDef.FromString(open("frozen.pb", "rb").read())
        y, = tf.import_graph_def(graph_def, {"x": x}, ["y:0"], name="")
    """
    return add_nodes(graph_def, input_map, return_elements, "import" if name is None else name)


def add_nodes(graph_def, input_map, return_elements, name: str, all_known: bool = True):
    """``import_graph_def``; unless ``all_known``, what cannot be made becomes an operation that refuses to run."""
    found = inlined(_message(graph_def))
    graph = get_default_graph()
    nodes, functional = without_switches(_ordered(list(found.node))), Functional(found)
    if all_known:
        _check_known(nodes, functional)
    with graph.name_scope(name) as scope:
        prefix = scope
    before, mapped = graph.num_operations(), _mapped(graph, input_map)
    try:
        return _Import(graph, prefix, mapped, all_known, functional).run(nodes, return_elements)
    except GraphcError:
        graph.forget_since(before)
        raise


def _message(graph_def):
    """The GraphDef as our own message.

    Raises:
        UsageError: it is none.
    """
    if getattr(getattr(graph_def, "DESCRIPTOR", None), "full_name", "") != "tensorflow.GraphDef":
        raise UsageError(explain(f"import_graph_def: graph_def must be a GraphDef, got {type(graph_def).__name__}"))
    return (
        graph_def
        if isinstance(graph_def, protos.GraphDef)
        else protos.GraphDef.FromString(graph_def.SerializeToString())
    )


def _mapped(graph, input_map) -> dict[str, Tensor]:
    if input_map is None:
        return {}
    if not isinstance(input_map, Mapping) or not all(isinstance(k, str) for k in input_map):
        raise UsageError(explain("import_graph_def: input_map must be a dict from names to tensors"))
    return {key if ":" in key or key.startswith("^") else f"{key}:0": value if key.startswith("^") else
            graph.convert(value) for key, value in input_map.items()}  # fmt: skip


def _split(name: str) -> tuple[str, int]:
    """The node and the number of the output that an input names."""
    node, _, index = name.removeprefix("^").partition(":")
    return node, int(index) if index.isdigit() else 0


def _ordered(nodes: list) -> list:
    """The nodes, each after those that it needs; otherwise in the order of the file.

    Raises:
        GraphError: an input is missing, or the nodes need each other.
    """
    at = {node.name: k for k, node in enumerate(nodes)}
    if len(at) < len(nodes):
        raise GraphError(explain("import_graph_def: two nodes of the GraphDef have the same name"))
    users: dict[int, list[int]] = {}
    left = []
    for k, node in enumerate(nodes):
        needs = {_split(i)[0] for i in node.input}
        missing = sorted(n for n in needs if n not in at)
        if missing:
            raise GraphError(
                explain(f"import_graph_def: node {node.name} needs {missing[0]}, which is not in the GraphDef")
            )
        left.append(len(needs))
        for n in needs:
            users.setdefault(at[n], []).append(k)
    ready, order = [k for k, count in enumerate(left) if not count], []
    heapq.heapify(ready)
    while ready:
        k = heapq.heappop(ready)
        order.append(nodes[k])
        for user in users.get(k, ()):
            left[user] -= 1
            if not left[user]:
                heapq.heappush(ready, user)
    if len(order) < len(nodes):
        loop = [n.name for n, count in zip(nodes, left) if count][:_SHOWN]
        raise GraphError(
            explain(f"import_graph_def: nodes need each other, which only loops of TensorFlow 1 do: {loop}")
        )
    return order


def _check_known(nodes: list, functional: Functional) -> None:
    unknown: dict[str, list[str]] = {}
    for node in nodes:
        if (
            own.said(node) is None
            and own.PART not in node.attr
            and node.op not in _PYTHON
            and not structural.is_known(node.op)
            and not make.is_known(node.op)
            and not functional.is_known(node)
        ):
            unknown.setdefault(node.op, []).append(node.name)
    if unknown:
        parts = [
            f"{kind} ({len(names)}: {', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
            for kind, names in sorted(unknown.items())
        ]
        raise GraphError(
            explain(f"import_graph_def: {len(unknown)} types of nodes are not known here: {'; '.join(parts)}")
        )


def _output_counts(nodes: list) -> dict[str, int]:
    """How many outputs of each node others use."""
    counts: dict[str, int] = {}
    for node in nodes:
        for name, index in map(_split, node.input):
            counts[name] = max(counts.get(name, 1), index + 1)
    return counts


class _Import:
    """One GraphDef on its way into a graph."""

    def __init__(self, graph, prefix: str, mapped: dict, all_known: bool, functional: Functional):
        self.graph, self.prefix, self.mapped, self.all_known = graph, prefix, mapped, all_known
        self.functional = functional
        self.used: set[str] = set()
        self.outputs: dict[str, list[Tensor]] = {}
        self.operations: dict[str, Operation] = {}

    def run(self, nodes: list, return_elements):
        replaced = {_split(key)[0] for key in self.mapped}
        parts, counts = self._parts(nodes), _output_counts(nodes)
        refused: list[str] = []
        for node in nodes:
            if node.name in parts or (
                node.name in replaced and (structural.is_fed(node.op) or node.op in _PYTHON)
            ):
                continue
            try:
                self._node(node)
            except GraphcError as error:
                what = f"node {node.name} ({node.op}): {str(error).splitlines()[0]}"
                if self.all_known:
                    raise type(error)(explain(f"import_graph_def: {what}")) from error
                self._refusing(node, what, counts.get(node.name, 1))
                refused.append(node.name)
        if refused:
            get_logger().info("%d nodes cannot be run: %s", len(refused), ", ".join(refused))
        unused = [key for key in self.mapped if key not in self.used]
        if unused:
            raise GraphError(
                explain(f"import_graph_def: input_map has {unused[0]}, which no node of the GraphDef uses")
            )
        return None if return_elements is None else [self.element(e) for e in return_elements]

    def _parts(self, nodes: list) -> set[str]:
        """The nodes that stand for parts of an operation that is made again as a whole."""
        whole = {node.name for node in nodes if own.said(node) is not None}
        return {n.name for n in nodes if own.PART in n.attr and n.attr[own.PART].s.decode() in whole}

    def _node(self, node) -> None:
        graph, full = self.graph, self.prefix + node.name
        if graph.has_operation(full):
            raise GraphError(explain(f"there is an operation called {full} already; import under another name"))
        control = [self.operations[i[1:]] for i in node.input if i.startswith("^") and i[1:] in self.operations]
        said = own.said(node)
        with graph.name_scope(None), graph.control_dependencies(None), graph.control_dependencies(control):
            with RECORDERS.entering(graph), graph.as_default(), graph.device(node.device or None):
                if said is not None:
                    operands = [self.tensor(i) for i in said["inputs"]]
                    name = full if "call" in said else graph.unique_name(full)  # a call makes it unique itself
                    made = made_again(graph, said, name, operands, self.variable, self.tensor)
                    outputs = list(made.outputs)
                else:
                    inputs = [self.tensor(i) for i in node.input if not i.startswith("^")]
                    outputs, made = self._foreign(node, inputs, full)
        self.outputs[node.name], self.operations[node.name] = outputs, made
        self._colocate(node, made)

    def _colocate(self, node, made: Operation) -> None:
        """Remember what the node says about its place."""
        near = value_of(node.attr["_class"]) if "_class" in node.attr else []
        names = [text.decode().removeprefix("loc:@") for text in near if text.startswith(b"loc:@")]
        made.colocated = tuple([self.operations[n] for n in names if n in self.operations and n != node.name])

    def _refusing(self, node, what: str, count: int) -> None:
        """An operation that refuses to run, so that others of the graph can be used."""
        graph = self.graph

        def build(*nodes):
            raise GraphError(what)

        known = [self.outputs[n][k] for n, k in map(_split, node.input) if k < len(self.outputs.get(n, ()))]
        number = next((node.attr[k].type for k in ("dtype", "T", "out_type") if node.attr[k].type), 0)
        dtype = dtype_of(number) if number else known[0].dtype if known else f32
        with graph.name_scope(None), graph.control_dependencies(None):
            full = self.prefix + node.name  # it is taken, but by no operation
            full = graph.unique_name(full) if graph.has_operation(full) else full
            made = graph.create(node.op, full, known, build, None, [(dtype, None)] * count)
        self.outputs[node.name], self.operations[node.name] = list(made.outputs), made

    def _foreign(self, node, inputs: list, full: str):
        graph, before = self.graph, self.graph.num_operations()
        if self.functional.is_known(node):
            return self.functional.make(graph, node, inputs, full)
        if node.op in _PYTHON:
            what = f"it calls the Python function {node.attr['token'].s.decode()}, which no file can hold"
            raise GraphError(explain(f"{what}; give what takes its place as input_map={{'{node.name}:0': ...}}"))
        if not (structural.is_known(node.op) or make.is_known(node.op)):
            raise GraphError(explain("this type of nodes is not known here"))
        if structural.is_known(node.op):
            made = structural.make(graph, node, inputs, full)
            return (made.outputs, made) if isinstance(made, Operation) else ([made], made.op)
        graph.unique_name(full)  # it is taken, also where what is below it is made first
        with graph.name_scope(f"{full}/"):
            try:
                answer = make.make(node.op, inputs, node.attr, f"{full}/")
            except (TypeError, ValueError, LookupError, AttributeError) as error:
                if isinstance(error, GraphcError):
                    raise
                raise GraphError(explain(f"its inputs and attributes do not fit: {error}")) from error
        made = [op for op in graph.get_operations()[before:] if op.name == full]
        if made:
            return answer, made[0]
        named = graph.call("Identity", "Identity", structural.identity, (answer[0],), ("input",), f"{full}/")
        return [named, *answer[1:]], named.op

    def variable(self, name: str):
        """The variable whose operation has this name in the file."""
        op = self.operations.get(name)
        if op is None or not isinstance(op.effect, Read):
            raise GraphError(explain(f"{name} is no variable of the GraphDef"))
        return op.effect.variable

    def tensor(self, name: str) -> Tensor:
        """The tensor that an input of a node means."""
        node, index = _split(name)
        key = f"{node}:{index}"
        if key in self.mapped:
            self.used.add(key)
            return self.mapped[key]
        outputs = self.outputs.get(node, ())
        if index >= len(outputs):
            raise GraphError(explain(f"there is no tensor {key}: {node} has {len(outputs)} outputs"))
        return outputs[index]

    def element(self, name: str):
        """What a name of ``return_elements`` means."""
        if not isinstance(name, str):
            raise UsageError(explain(f"import_graph_def: return_elements must be names, got {name!r}"))
        if ":" in name:
            return self.tensor(name)
        if name not in self.operations:
            raise GraphError(explain(f"import_graph_def: the GraphDef has no node {name!r}"))
        return self.operations[name]
