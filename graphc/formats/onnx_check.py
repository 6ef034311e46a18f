"""Checks the structure of an ONNX model before it is traced: names, order, attributes, versions, functions.

Every node is looked at once; graphs inside of nodes wait in a list.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graphc.errors import FormatError, explain
from graphc.formats.onnx_cycle import cycle_of, order_of
from graphc.formats.onnx_protos import MESSAGES

NEWEST_IR = 14
NEWEST = {"": 28, "ai.onnx.ml": 5, "ai.onnx.preview.training": 1, "ai.onnx.preview": 1}  # operator sets that are known
_MOST_NODES = 1_000_000  # of a model whose functions are put in the place of their calls
_SHOWN = 10  # problems that an error lists
# AttributeType -> the field with its content
_CONTENT = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings", 9: "tensors", 10: "graphs",
            11: "sparse_tensor", 12: "sparse_tensors", 13: "tp", 14: "type_protos"}  # fmt: skip
_NEEDED = {4, 5, 11, 13}  # a default of these means nothing, as 0 does for a number


@dataclass(eq=False)
class _Root:
    """The main graph or a function: what its nodes may refer to, and what they call.

    Attributes:
        where: for messages. imports: versions of operator sets.
        attributes: names that nodes of the function may refer to; None in the main graph.
    """

    where: str
    imports: dict[str, int]
    attributes: frozenset | None
    count: int = 0
    calls: Counter = field(default_factory=Counter)


@dataclass(eq=False)
class _Scope:
    """A graph that waits or was looked at: names with the node that makes each, and the node around it."""

    root: _Root
    graph: object
    where: str
    outer: _Scope | None
    at: int
    made: dict[str, int] = field(default_factory=dict)

    def sees(self, name: str, at: int) -> bool:
        """Whether node ``at`` may use a name."""
        scope, index = self, at
        while scope is not None:
            if scope.made.get(name, index) < index:
                return True
            scope, index = scope.outer, scope.at
        return False


def check_model(file) -> None:
    """Refuse a model whose structure is wrong.

    Args:
        file: an OnnxFile.

    Raises:
        FormatError: it lists what is wrong, with nodes, operators and names of values.
    """
    found = problems_of(file.model)
    if found:
        more = [f"... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise FormatError(explain("\n  ".join([f"{file.name}: the model is malformed:", *found[:_SHOWN], *more])))


def problems_of(model) -> list[str]:
    """What is wrong with the structure of a ModelProto, a line each; not more than a hundred."""
    return _Check(model).run()


class _TooMany(Exception):
    """There are more mistakes than are worth to be listed."""


class _Check:
    """Looks at all of a model, and collects what is wrong."""

    def __init__(self, model):
        self.model = model
        self.found: list[str] = []
        self.functions: dict[tuple, _Root] = {}
        self.imported = {standard(entry.domain) for entry in model.opset_import}

    def run(self) -> list[str]:
        """What is wrong, a line each."""
        try:
            self._all()
        except _TooMany:
            self.found.append("... and more")
        return self.found

    def _say(self, what: str) -> None:
        self.found.append(what)
        if len(self.found) >= 100:
            raise _TooMany

    def _all(self) -> None:
        model = self.model
        if not 1 <= model.ir_version <= NEWEST_IR:
            what = f"is {model.ir_version}; versions 1 to {NEWEST_IR} are known" if model.ir_version else "is missing"
            self._say(f"ir_version {what}")
        main = _Root("", self._imports(model.opset_import, "the model"), None)
        if not model.opset_import:
            self._say("opset_import is missing: no version of the operators is given")
        waiting = [(f, self._function(f)) for f in model.functions]
        self._nodes(_Scope(main, model.graph, "", None, 0))
        for function, root in waiting:
            self._nodes(_Scope(root, _Body(function), root.where, None, 0))
        self._calls(main)

    def _imports(self, entries, where: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in entries:
            domain = standard(entry.domain)
            shown = domain or "ai.onnx"
            if entry.version < 1 or entry.version > NEWEST.get(domain, 1 << 31):
                known = f"; 1 to {NEWEST[domain]} are known" if domain in NEWEST else ""
                self._say(f"{where} imports version {entry.version} of operator set {shown[:100]}{known}")
            if found.setdefault(domain, entry.version) != entry.version:
                self._say(f"{where} imports versions {found[domain]} and {entry.version} of operator set {shown[:100]}")
        return found

    def _function(self, function) -> _Root:
        key = standard(function.domain), function.name, function.overload
        where = f"function {_short(function.name)}: "
        imports = self._imports(function.opset_import, where.removesuffix(": "))
        attributes = frozenset([*function.attribute, *(a.name for a in function.attribute_proto)])
        if not function.name:
            self._say("a function has no name")
        if key in self.functions:
            self._say(f"there are two functions {_short(function.name)} in domain {_short(function.domain)}")
        return self.functions.setdefault(key, _Root(where, imports, attributes))

    # ------------------------------------------------------------------------------------------------ names

    def _nodes(self, first: _Scope) -> None:
        """Check a graph and those inside of its nodes."""
        waiting = [first]
        while waiting:
            scope = waiting.pop()
            self._define(scope)
            late: list[tuple[int, str]] = []
            for k, node in enumerate(scope.graph.node):
                for name in node.input:
                    if name and not (scope.made.get(name, k) < k or scope.sees(name, k)):
                        late.append((k, name))
                self._operator(scope, k, node)
                waiting += self._attributes(scope, k, node)
            for value in scope.graph.output:
                if not scope.sees(value.name, len(scope.graph.node)):
                    self._say(f"{scope.where}nothing makes the output {_short(value.name)}")
            if late:
                self._late(scope, late)
            scope.root.count += len(scope.graph.node)

    def _define(self, scope: _Scope) -> None:
        """Enter the names that a graph gives to values."""
        made = scope.made
        for value in scope.graph.input:
            if value.name in made:
                self._say(f"{scope.where}there are two inputs {_short(value.name)}")
            made[value.name] = -1
        for tensor in scope.graph.initializer:
            made[tensor.name] = -1
        for sparse in scope.graph.sparse_initializer:
            made[sparse.values.name] = -1
        for k, node in enumerate(scope.graph.node):
            for name in node.output:
                if not name:
                    continue
                if name in made:
                    before = "an input or initialiser" if made[name] < 0 else self._node(scope, made[name])
                    self._say(f"{self._node(scope, k)} makes {_short(name)}, which {before} is or makes already")
                else:
                    made[name] = k

    def _late(self, scope: _Scope, late: list[tuple[int, str]]) -> None:
        """Say why names are not there where they are used: misspelt, in a cycle, or only later in the file."""
        known = [(k, name) for k, name in late if name in scope.made]
        for k, name in late:
            if name not in scope.made:
                self._say(f"{self._node(scope, k)} uses {_short(name)}, which nothing makes")
        if not known:
            return
        cycle = cycle_of(scope.graph.node, scope.made)
        if cycle:
            shown = " -> ".join(self._node(scope, k) for k in cycle[:8]) + (" -> ..." if len(cycle) > 8 else "")
            count = f"{len(cycle)} nodes form" if len(cycle) > 1 else "a node forms"
            self._say(f"{scope.where}{count} a cycle: {shown}, which makes what the first needs")
            return
        for k, name in known:
            maker = self._node(scope, scope.made[name])
            self._say(f"{self._node(scope, k)} uses {_short(name)} before {maker} makes it: nodes must be in order")

    def _node(self, scope: _Scope, k: int) -> str:
        return scope.where + shown_node(scope.graph.node[k], k)

    # ------------------------------------------------------------------------------------- operators, attributes

    def _operator(self, scope: _Scope, k: int, node) -> None:
        domain, root = standard(node.domain), scope.root
        key = domain, node.op_type, node.overload
        if key in self.functions:
            root.calls[key] += 1
        elif not node.op_type:
            self._say(f"{self._node(scope, k)} has no operator")
        elif domain not in root.imports and domain not in self.imported:
            shown = domain or "ai.onnx"
            self._say(f"{self._node(scope, k)} is of domain {_short(shown)}, of which no version is imported")

    def _attributes(self, scope: _Scope, k: int, node) -> list[_Scope]:
        """Check the attributes of a node; the graphs in them."""
        inside, names = [], set()
        for attribute in node.attribute:
            name = attribute.name
            if name in names or not name:
                what = f"two attributes {_short(name)}" if name else "an attribute without name"
                self._say(f"{self._node(scope, k)} has {what}")
            names.add(name)
            wrong = _wrong_content(attribute, scope.root.attributes)
            if wrong:
                self._say(f"{self._node(scope, k)}: attribute {_short(name)} {wrong}")
            graphs = [attribute.g] if attribute.type == 5 and not wrong else attribute.graphs
            for graph in graphs:
                where = f"{self._node(scope, k)}, graph {_short(name)}: "
                inside.append(_Scope(scope.root, graph, where, scope, k))
        return inside

    # --------------------------------------------------------------------------------------------- functions

    def _calls(self, main: _Root) -> None:
        """Refuse functions that call themselves, and models that would be too large without functions."""
        order, cycle = order_of({key: list(root.calls) for key, root in self.functions.items()})
        if cycle:
            chain = " -> ".join(_short(key[1]) for key in [*cycle[:8], cycle[0]])
            self._say(f"functions call themselves: {chain}")
            return
        size: dict[tuple, int] = {}
        for key in order:
            root = self.functions[key]
            size[key] = root.count + sum(size[c] * n for c, n in root.calls.items())
        whole = main.count + sum(size[c] * n for c, n in main.calls.items())
        if whole > _MOST_NODES:
            count = f"{whole:,}" if whole < 10**15 else "more than 10^15"
            self._say(f"with functions in the place of their calls there are {count} nodes, more than {_MOST_NODES:,}")


class _Named:
    def __init__(self, name: str):
        self.name = name


class _Body:
    """The nodes of a FunctionProto, seen as a graph."""

    initializer = sparse_initializer = ()

    def __init__(self, function):
        self.node = function.node
        self.input = [_Named(n) for n in function.input]
        self.output = [_Named(n) for n in function.output]


def standard(domain: str) -> str:
    """A domain, the empty one for both names of ONNX's own."""
    return "" if domain == "ai.onnx" else domain


def _wrong_content(attribute, referable: frozenset | None) -> str | None:
    """What is wrong with an attribute; None if it has one content, of its type."""
    filled = [f.name for f, _ in attribute.ListFields() if f.name in _CONTENT_FIELDS]
    kind = attribute.type
    if attribute.ref_attr_name:
        if referable is None:
            return f"refers to attribute {_short(attribute.ref_attr_name)} of a function, but is in none"
        if attribute.ref_attr_name not in referable:
            return f"refers to attribute {_short(attribute.ref_attr_name)}, which the function does not have"
        return f"refers to an attribute of the function and has a value ({filled[0]}) too" if filled else None
    if kind not in _CONTENT:
        return f"is of unknown type {kind}" if kind else "has no type"
    shown = MESSAGES.get("AttributeProto").AttributeType.Name(kind)
    if any(name != _CONTENT[kind] for name in filled):
        return f"is of type {shown}, but has a value in {' and '.join(filled)}"
    if kind in _NEEDED and not filled:
        return f"is of type {shown}, but has no value"
    return None


_CONTENT_FIELDS = frozenset(_CONTENT.values())


def shown_node(node, k: int) -> str:
    """How messages call a node: its place, operator and name."""
    name = node.name or next((o for o in node.output if o), "")
    return f"node {k} {_short(node.op_type)[1:-1]}" + (f" {_short(name)}" if name else "")


def _short(name: str) -> str:
    return repr(name if len(name) <= 100 else f"{name[:100]}...")
