"""Graphs of Nodes as FunctionDefs: arguments by name, results, and what is done besides computing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphc.api.emit.control import as_while, plan_cond, plan_while
from graphc.api.emit.effects import EFFECT_FORMS, unknown
from graphc.api.emit.emitter import Emitter, Form, NoForm, Value
from graphc.api.emit.host_forms import HOST_FORMS, plan_item
from graphc.api.emit.node_writer import NodeWriter
from graphc.api.emit.output_names import inside_function, inside_functions
from graphc.api.emit.plan import plan, unrolled
from graphc.api.emit.products import as_itself
from graphc.api.emit.tokens import COUNTS, NOTHING, is_token, item_of, values_in
from graphc.api.node_def.attrs import Shape, attr_of
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.ir import dtype as dt
from graphc.ir.dtype import NUMBERS
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.order import toposort

_UNROLLED = 200  # Nodes that a counted loop may become; longer ones stay loops
_STATEFUL = frozenset({"PrintV2", "Assert", "RandomUniformInt", "If", "While", "StatefulPartitionedCall",
                       "ReadVariableOp", "AssignVariableOp"})  # fmt: skip
_MULTIPLE = ("cond", "while", "qr", "lu", "slogdet")  # several results, as TensorFlow has them


def plan_in_function(e: FunctionEmitter, node: Node) -> Form:
    """How a Node is written inside of a function.

    Raises:
        NoForm: TensorFlow has nothing for it.
    """
    match node.op:
        case "cond":
            return plan_cond(e, node)
        case "while":
            return plan_while(e, node)
        case "loop":
            return as_itself(_loop(node)[0])
        case "item":
            return _plan_item(e, node)
        case "input":
            raise NoForm(f"a value {node.attr('name')!r} that comes from outside")
        case "act" | "python":
            return Form(node.inputs, unknown)
    form = EFFECT_FORMS.get(node.op) or HOST_FORMS.get(node.op)
    return plan(e, node) if form is None else Form(node.inputs, form)


def _plan_item(e: FunctionEmitter, node: Node) -> Form:
    source = node.inputs[0]
    if source.op in _MULTIPLE:
        return Form((source,), item_of)
    if source.op == "loop":
        return as_itself(_loop(source)[node.attr("index")])
    if source.op in ("act", "python"):
        return Form((source,), item_of)
    return plan_item(node) or plan(e, node)


def _loop(node: Node) -> list[Node]:
    count = node.attr("count")
    if type(count) is int and count * len(toposort(node.attr("body").outputs)) <= _UNROLLED:
        return unrolled(node)
    return as_while(node)


class FunctionEmitter(Emitter):
    """Writes the Nodes of one function.

    What has no form is noted in the library's ``problems``, and stood in for, so that all of it can be told.
    """

    def __init__(self, library: Functions, writer: NodeWriter, found: dict[Node, Value], sizes: dict[Node, str]):
        super().__init__(writer, FunctionEmitter._planned, found, fresh=True)
        self.library, self._scalars = library, sizes

    def _planned(self, node: Node) -> Form:
        try:
            form = plan_in_function(self, node)
        except NoForm as error:
            return self._refused(node, error)

        def write(e: FunctionEmitter, node: Node) -> Value:
            try:
                return form.write(e, node)
            except NoForm as error:
                return e._refused(node, error).write(e, node)

        return Form(form.needs, write)

    def _refused(self, node: Node, error: NoForm) -> Form:
        self.library.problems[str(error)] = node.location or self.library.problems.get(str(error))
        return Form((), lambda e, node: Value("missing", getattr(node.type, "shape", ())))

    def size(self, d) -> str:
        """One size as an int32 scalar."""
        found = self._scalars.get(d) if isinstance(d, Node) else None
        return super().size(d) if found is None else found


class Functions:
    """FunctionDefs that are being made.

    Attributes:
        definitions: by name.
        problems: what TensorFlow has nothing for -> where it was made.
    """

    def __init__(self, ending: str = ""):
        self._ending = ending
        self.definitions: dict[str, object] = {}
        self.problems: dict[str, object] = {}

    def expect_forms(self, what: str) -> None:
        """Refuse what TensorFlow has nothing for.

        Raises:
            UsageError: there is something; the message lists it.
        """
        if self.problems:
            told = [f"{problem} ({where})" if where else problem for problem, where in self.problems.items()]
            raise UsageError(explain("\n  ".join([f"{what}: TensorFlow has nothing for parts of it", *told])))

    def is_stateful(self, *names: str) -> bool:
        """Whether a function does more than computing."""
        return any(self.definitions[name].signature.is_stateful for name in names)

    def name(self, stem: str) -> str:
        """A name for a function that is free."""
        number = len(self.definitions)
        while f"{stem}_{number}{self._ending}" in self.definitions:
            number += 1
        return f"{stem}_{number}{self._ending}"

    def branch(self, graph: Graph, stem: str, sizes: Sequence[Node]) -> str:
        """A branch as a function of its inputs and of sizes; its name."""
        return self._made(FunctionMaker(self, values_in(graph.inputs), sizes), graph, stem)

    def test(self, graph: Graph, sizes: Sequence[Node]) -> str:
        """The test of a loop as a function of a count of steps, their limit, its inputs and sizes; its name."""
        return self._made(FunctionMaker(self, values_in(graph.inputs), sizes, before=COUNTS), graph, "while_cond")

    def step(self, graph: Graph, sizes: Sequence[Node]) -> str:
        """The body of a loop, which answers with the next of all that it takes; its name."""
        made = FunctionMaker(self, values_in(graph.inputs), sizes, before=COUNTS)
        count, limit = made.arguments[: len(COUNTS)]
        made.result(made.emitter.add("AddV2", [count, made.emitter.const(1, dt.i32)], T=dt.i32), dt.i32)
        made.result(limit, dt.i32)
        return self._made(made, graph, "while_body", [made.argument_of_size(s) for s in sizes])

    def _made(self, made: FunctionMaker, graph: Graph, stem: str, more: Sequence[str] = ()) -> str:
        name = self.name(stem)
        self.definitions[name] = protos.FunctionDef()  # the name is taken
        made.emitter.found.update((x, NOTHING) for x in graph.inputs if is_token(x))
        made.results(graph.outputs)
        for size in more:
            made.result(size, dt.i32)
        self.definitions[name] = made.finished(name)
        return name


class FunctionMaker:
    """One FunctionDef.

    Args:
        inputs: Nodes that are its first arguments; sizes: symbols that come after them, as int32.
        names: of the first arguments; before: names of int32 scalars that come before them.

    Attributes:
        writer: its nodes. emitter: writes Nodes.
    """

    def __init__(self, library: Functions, inputs: Sequence[Node], sizes: Sequence[Node] = (),
                 names: Sequence[str] = (), before: Sequence[str] = ()):  # fmt: skip
        self.library, self.signature = library, protos.OpDef()
        self._taken: set[str] = set()
        self._described: dict[int, tuple[str, Shape]] = {}
        self.arguments: list[str] = []
        self.writer = NodeWriter("", self._taken)
        for name in before:
            self.argument(name, NUMBERS[dt.i32], ())
        found: dict[Node, Value] = {}
        for k, x in enumerate(inputs):
            given = names[k] if names else x.attr("name")
            found[x] = Value(self.argument(given, NUMBERS[x.dtype], x.shape), x.shape)
        self._scalars = {s: self.argument("size", NUMBERS[dt.i32], ()) for s in sizes}
        self.emitter = FunctionEmitter(library, self.writer, found, self._scalars)
        self._results: list[tuple[str, str]] = []
        self._done: dict[str, None] = {}

    def argument(self, name: str, number: int, shape: tuple) -> str:
        """One more argument, of a TensorFlow dtype; its name."""
        stem = plain_name(name)
        candidates = (f"{stem}_{k}" if k else stem for k in range(len(self._taken) + 1))
        own = next(n for n in candidates if n not in self._taken)
        self._taken.add(own)
        self._described[len(self.arguments)] = name, Shape(tuple([d if type(d) is int else None for d in shape]))
        self.arguments.append(own)
        self.signature.input_arg.add(name=own, type=number)
        return own

    def argument_of_size(self, size: Node) -> str:
        """The argument that a size came in as."""
        return self._scalars[size]

    def results(self, nodes: Sequence[Node]) -> None:
        """Write Nodes, which are its next results; tokens among them are done before it answers."""
        self.emitter.write(nodes)
        for node in nodes:
            if is_token(node):
                self.must_run(self.emitter.found[node].name)
            else:
                self.result(self.emitter.full(node), node.dtype)

    def result(self, name: str, dtype) -> None:
        """One more result."""
        made = self.writer.node("Identity", [name], "Identity", T=dtype)
        own = f"identity_{len(self._results)}" if self._results else "identity"
        self._results.append((own, made))
        self.signature.output_arg.add(name=own, type=NUMBERS[dtype])

    def must_run(self, control: str) -> None:
        """Let a node, written as a control input, run whatever is asked for."""
        if control:
            self._done[control.removeprefix("^")] = None

    def finished(self, name: str):
        """The FunctionDef."""
        nodes = self.writer.nodes
        kinds = {n.name: n.op for n in nodes}
        self.signature.name = name
        made = protos.FunctionDef(signature=self.signature)
        if not self.library.problems:
            inside_functions(nodes, self.arguments)
            for own, node in self._results:
                made.ret[own] = inside_function(node, kinds, self.arguments)
        made.node_def.extend(nodes)
        for k, (given, shape) in self._described.items():
            made.arg_attr[k].attr["_user_specified_name"].CopyFrom(attr_of(given))
            made.arg_attr[k].attr["_output_shapes"].CopyFrom(attr_of([shape]))
        for control in self._done:
            made.control_ret[control] = control
            made.signature.control_output.append(control)
        made.signature.is_stateful = bool(self._done) or not _STATEFUL.isdisjoint(kinds.values())
        return made


def plain_name(name: str) -> str:
    """A name that an argument of a function can have."""
    found = re.sub(r"[^a-z0-9_]", "_", name.lower())
    return found if found[:1].isalpha() else f"arg_{found}" if found else "arg"
