"""Legality of graphs and programs; kernels are in ``verify_kernel``."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import CompileError, DtypeError, GraphError, ShapeError, explain
from graphc.ir import dtype as dt
from graphc.ir.graph import Graph
from graphc.ir.order import toposort
from graphc.ir.node import INDEX, Node, binary, simplified, symbol
from graphc.ir.printer import step_text, value_names
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Refuse, Repeat
from graphc.ir.tensor_map import maps_of
from graphc.ir.type import TupleType, Type
from graphc.ir.verify_kernel import verify_kernel

__all__ = ["verify_graph", "verify_kernel", "verify_program"]

_KERNEL_ONLY = ("var", "load", "load_if", "fold", "shuffle", "shuffle_xor")
_LEAVES = ("input", "const", "symbol")
_ALIGNMENT = 64
_PLACES = ("input", "output", "constant", "arena", "row")


Legal = dict[frozenset, dict[Node, tuple]]
"""What was found legal: symbols that may be used -> the Nodes that are right where these may be, and the graphs in each."""


def verify_graph(
    graph: Graph, infer: Callable | None = None, outer: frozenset = frozenset(), legal: Legal | None = None
) -> None:
    """Check a Graph and every graph that it uses.

    Args:
        infer: ``(op, input types, attrs: dict) -> Type``, the type rule; checked for every node but leaves.
        outer: symbols that the graph may use without binding them.
        legal: what an earlier call with the same ``infer`` found; Nodes in it are not looked at again. It becomes what this
            call has found.

    Raises:
        GraphError: what is wrong, at which value, and the user's line that made it.
    """
    checked, pending = set(), [(graph, outer)]
    legal = {} if legal is None else legal
    found: Legal = {}
    while pending:
        graph, outer = pending.pop()
        if (graph, outer) not in checked:
            checked.add((graph, outer))
            pending += _GraphCheck(graph, outer, infer).run(legal, found)
    legal.clear()  # Nodes of former graphs would be kept alive
    legal.update(found)


class _GraphCheck:
    """One graph: its nodes, and the symbols that may be used in it."""

    def __init__(self, graph: Graph, outer: frozenset, infer: Callable | None):
        self.graph, self.infer = graph, infer
        self.nodes = graph.nodes
        self.bound = set(outer) | set(graph.symbols)
        self.dims: dict[Node, bool] = {}
        self.nested: list = []

    def run(self, legal: Legal, found: Legal) -> list:
        """Check; the nested graphs with the symbols that they see."""
        self._signature()
        self.bound.update(self.graph.measured)
        for node in self.nodes:
            if node.op == "host":  # the size of its results may depend on data: it brings new symbols
                self.bound |= {s for t in _types(node.type) for s in _symbols(t.shape)}
        bound = frozenset(self.bound)
        known, checked = legal.get(bound, {}), found.setdefault(bound, {})
        for node in self.nodes:
            if node in known:
                self.nested += known[node]
                checked[node] = known[node]
            else:
                before = len(self.nested)
                self._node(node)
                checked[node] = tuple(self.nested[before:])
        return [(g, bound) for g in self.nested]

    def fail(self, what: str, node: Node | None = None) -> None:
        where = f"graph @{self.graph.name}"
        if node is None:
            raise GraphError(f"{where}: {what}")
        name = value_names(self.graph).get(node, node.op)
        operands = [(f"operand {k}", f"is {x.op}: {x.type}" + (f"   {x.location}" if x.location else ""))
                    for k, x in enumerate(node.inputs[:4])]  # fmt: skip
        text = f"{where}: %{name}: {what}"
        if node.location is None:
            raise GraphError("\n".join([text] + [f"  {k}  {v}" for k, v in operands]))
        raise GraphError(explain(text, operands, node.location))

    def _signature(self) -> None:
        graph, declared, names = self.graph, set(self.graph.inputs), set()
        for x in graph.inputs:
            if x.op != "input":
                self.fail(f"an input of a graph has op input, not {x.op}", x)
            if x.attr("name") in names:
                self.fail(f"two inputs are called {x.attr('name')!r}", x)
            names.add(x.attr("name"))
            self._dims(x, x.type)
        for node in self.nodes:
            if node.op == "input" and node not in declared:
                self.fail(f"input {node.attr('name')!r} is used, but the graph does not declare it", node)
        if len(graph.names) != len(graph.outputs):
            self.fail(f"{len(graph.outputs)} outputs with {len(graph.names)} names")
        for position in (0, 1):
            used = [pair[position] for pair in graph.donated]
            if len(set(used)) != len(used):
                self.fail(f"an {'input' if position else 'output'} is donated twice in {graph.donated}")
        for out, into in graph.donated:
            if not (0 <= out < len(graph.outputs) and 0 <= into < len(graph.inputs)):
                self.fail(f"donation {out}->{into} names an output or input that does not exist")
            x, y = graph.inputs[into], graph.outputs[out]
            if x.type != y.type:
                self.fail(f"donation {out}->{into}: output of {y.type} over input {x.attr('name')!r} of {x.type}", y)

    def _node(self, node: Node) -> None:
        if node.op in _KERNEL_ONLY:
            self.fail(f"{node.op} is for kernels only", node)
        for type in _types(node.type):
            self._dims(node, type)
        for _, value in node.attrs:
            self._attr(node, value)
        if node.op == "const":
            self._const(node)
        elif self.infer is not None and node.op not in _LEAVES:
            self._rule(node)

    def _const(self, node: Node) -> None:
        array, type = node.attr("value").array, node.type
        if array.dtype != type.dtype.numpy:
            self.fail(f"the elements are {array.dtype}, but the constant is {type}", node)
        if array.ndim and array.shape != type.shape:
            self.fail(f"the array has shape {array.shape}, but the constant is {type}", node)

    def _rule(self, node: Node) -> None:
        try:
            found = self.infer(node.op, [x.type for x in node.inputs], dict(node.attrs))
        except (ShapeError, DtypeError, GraphError) as error:
            self.fail(f"{_call(node)}: {str(error).splitlines()[0]}", node)
        if found != node.type:
            self.fail(f"declared {node.type}, but {_call(node)} gives {found}", node)

    def _attr(self, node: Node, value) -> None:
        if isinstance(value, Node):
            self._dim(node, value)
        elif isinstance(value, tuple):
            for v in value:
                self._attr(node, v)
        elif isinstance(value, (Type, TupleType)):
            for type in _types(value):
                self._dims(node, type)
        elif isinstance(value, Graph):
            self.nested.append(value)

    def _dims(self, node: Node, declared: Type) -> None:
        for d in declared.shape:
            if isinstance(d, Node):
                self._dim(node, d)
            elif type(d) is not int or d < 0:
                self.fail(f"{d!r} in {declared} is no dimension", node)

    def _dim(self, node: Node, dim: Node) -> None:
        if dim in self.dims:
            return
        if dim.type != INDEX:
            self.fail(f"a dimension is a rank-0 i64, not {dim.type}", node)
        if dim.op == "const":
            self.fail(f"the dimension {dim} is a Node, but should be an int", node)
        for needed in _symbols((dim,)):
            if needed not in self.bound:
                self.fail(f"the symbol {needed} is in no input's shape", node)
        normal = _normal(dim)
        if normal is not dim:
            self.fail(f"the dimension {dim} is not in normal form, which is {normal}", node)
        self.dims[dim] = True


def _call(node: Node) -> str:
    return f"{node.op}({', '.join([str(x.type) for x in node.inputs])})"


def _types(type) -> tuple:
    return type.items if isinstance(type, TupleType) else (type,)


def _symbols(dims) -> list[Node]:
    return [s for s in toposort(d for d in dims if isinstance(d, Node)) if s.op == "symbol"]


def _normal(dim):
    """The dimension as arithmetic on Nodes would have made it."""
    if not isinstance(dim, Node):
        return dim
    memo: dict[Node, Node] = {}
    for x in toposort((dim,)):
        memo[x] = binary(x.op, *[memo[y] for y in x.inputs]) if len(x.inputs) == 2 else x
    return memo[dim]


# ------------------------------------------------------------------------------------------ programs


def verify_program(program: Program) -> None:
    """Check a Program and its kernels; whether arena places overlap is the planner's own test.

    Raises:
        CompileError: what is wrong, at which buffer or step.
    """
    for kernel in program.kernels:
        verify_kernel(kernel)
    check = _ProgramCheck(program)
    check.signature()
    for buffer in program.buffers:
        check.buffer(buffer)
    check.steps(program.steps)


def _bytes(type: Type):
    """The size of a value, an int or a Node; strings count as one byte each."""
    return simplified(type.size * max(1, type.dtype.size))


class _ProgramCheck:
    """The tables of one program."""

    def __init__(self, program: Program):
        self.program = program
        self.buffers = {b.name: b for b in program.buffers}
        self.order = {b.name: k for k, b in enumerate(program.buffers)}
        self.kernels = {k.name: k for k in program.kernels}
        self.symbols = set(program.signature.symbols)
        self.reused = {into for _, into in program.signature.donated}

    def fail(self, what: str, step=None) -> None:
        where = f"program @{self.program.name}"
        if step is None:
            raise CompileError(f"{where}: {what}")
        text = f"{where}: {what}\n  in {step_text(step)}"
        location = getattr(step, "location", None)
        raise CompileError(explain(text, (), location) if location else text)

    def dim(self, dim, what: str, step=None) -> None:
        """An int of at least 0, or an expression over the program's symbols."""
        if isinstance(dim, Node):
            if dim.type != INDEX:
                self.fail(f"{what} is {dim.type}, not a rank-0 i64", step)
            for symbol in _symbols((dim,)):
                if symbol.attr("name") not in self.symbols:
                    self.fail(f"{what} uses the symbol {symbol}, which the program does not declare", step)
        elif type(dim) is not int or dim < 0:
            self.fail(f"{what} is {dim!r}, not an int of at least 0", step)

    def signature(self) -> None:
        """Names, types and donations of what a caller sees; unique names of buffers and kernels."""
        s = self.program.signature
        for kind, items in (("buffer", self.program.buffers), ("kernel", self.program.kernels), ("input", s.inputs)):
            names = [x.name for x in items]
            twice = next((n for n in names if names.count(n) > 1), None) if len(set(names)) < len(names) else None
            if twice is not None:
                self.fail(f"two {kind}s are called {twice!r}")
        for param in (*s.inputs, *s.outputs):
            for d in param.type.shape:
                self.dim(d, f"a dimension of {param.name!r}")
        for param in s.inputs:
            if any(isinstance(d, Node) and d.op != "symbol" for d in param.type.shape):
                self.fail(f"a dimension of input {param.name!r} is neither an int nor a plain symbol: {param.type}")
        self.dim(s.arena, "the size of the arena")
        for out, into in s.donated:
            if not (0 <= out < len(s.outputs) and 0 <= into < len(s.inputs)):
                self.fail(f"donation {out}->{into} names an output or input that does not exist")
            if s.outputs[out].type != s.inputs[into].type:
                self.fail(f"donation {out}->{into}: output of {s.outputs[out].type} over {s.inputs[into].type}")

    def buffer(self, buffer) -> None:
        """The type and the place of one buffer."""
        for d in buffer.type.shape:
            self.dim(d, f"a dimension of buffer {buffer.name!r}")
        if len(buffer.place) != 2 or buffer.place[0] not in _PLACES:
            self.fail(f"buffer {buffer.name!r} lies in {buffer.place!r}, which is no place")
        where, offset = buffer.place
        if where == "row":
            self._row(buffer, *offset)
            return
        self.dim(offset, f"the place of buffer {buffer.name!r}")
        if where in ("input", "output"):
            s = self.program.signature
            params = s.inputs if where == "input" else s.outputs
            if type(offset) is not int or offset >= len(params):
                self.fail(f"buffer {buffer.name!r} is {where} {offset} of {len(params)}")
            if _bytes(buffer.type) != _bytes(params[offset].type):  # another view of the same memory is fine
                self.fail(f"buffer {buffer.name!r} of {buffer.type} is {where} {offset} of {params[offset].type}")
        elif type(offset) is int and offset % _ALIGNMENT:
            self.fail(f"buffer {buffer.name!r} at {where} {offset} is not aligned to {_ALIGNMENT} bytes")
        self._extent(buffer)

    def _row(self, buffer, whole: str, number: str) -> None:
        """A row has a whole, made of rows of its size, and a number."""
        if max(self.order.get(n, len(self.order)) for n in (whole, number)) >= self.order[buffer.name]:
            self.fail(f"buffer {buffer.name!r} is row {number!r} of {whole!r}, which there is not before it")
        rows, type = self.buffers[whole].type, self.buffers[number].type
        if not rows.rank or _bytes(rows.with_shape(rows.shape[1:])) != _bytes(buffer.type) or type != INDEX:
            self.fail(f"buffer {buffer.name!r} of {buffer.type} is row {number!r} of {type} of {whole!r} of {rows}")

    def _extent(self, buffer) -> None:
        where, offset = buffer.place
        limit = len(self.program.constants) if where == "constant" else self.program.signature.arena
        if where not in ("constant", "arena") or not buffer.type.is_static:
            return
        end = offset + buffer.type.size * buffer.type.dtype.size if type(offset) is int else None
        if end is not None and type(limit) is int and end > limit:
            self.fail(f"buffer {buffer.name!r} ends at byte {end} of {limit} in {where}")

    def named(self, name: str, step):
        """The buffer of this name."""
        if name not in self.buffers:
            self.fail(f"there is no buffer {name!r}", step)
        return self.buffers[name]

    def writable(self, name: str, step) -> None:
        """A step may write to outputs, the arena and donated inputs."""
        where, k = self.named(name, step).place
        while where == "row":
            where, k = self.named(k[0], step).place
        if where == "constant" or (where == "input" and k not in self.reused):
            self.fail(f"{name!r} is written, but it is {'a constant' if where == 'constant' else 'an input'}", step)

    def steps(self, steps) -> None:
        """Every step, inner ones too."""
        for step in steps:
            match step:
                case Launch():
                    self._launch(step)
                case Copy(source, target):
                    x, y = self.named(source, step), self.named(target, step)
                    if x.type != y.type:
                        self.fail(f"copy of {x.type} to {y.type}", step)
                    self.writable(target, step)
                case Host(_, attrs, args, results):
                    for name in args:
                        self.named(name, step)
                    for name in results:
                        self.writable(name, step)
                    for graph in (v for _, v in attrs if isinstance(v, Graph)):
                        verify_graph(graph, outer=frozenset(map(symbol, self.symbols)))
                case Branch(condition, then, orelse):
                    self._scalar(condition, dt.b1, step)
                    self.steps(then + orelse)
                case Repeat():
                    self._repeat(step)
                case Refuse(code):
                    self._scalar(code, dt.i32, step)
                case _:
                    self.fail(f"{type(step).__name__} is no step")

    def _scalar(self, name: str, dtype, step) -> None:
        found = self.named(name, step).type
        if found != Type(dtype, ()):
            self.fail(f"{name!r} is {found}, not {dtype.short}[]", step)

    def _repeat(self, step: Repeat) -> None:
        if (step.condition is None) == (step.count is None):
            self.fail("a repeat has either a condition or a count", step)
        if step.condition is not None:
            self._scalar(step.condition, dt.b1, step)
        else:
            self.dim(step.count, "the count", step)
        if step.counter is not None:
            self._scalar(step.counter, dt.i64, step)
        self.steps(step.test + step.body)

    def _launch(self, step: Launch) -> None:
        kernel = self.kernels.get(step.kernel)
        if kernel is None:
            self.fail(f"there is no kernel @{step.kernel}", step)
        if len(step.args) != len(kernel.arrays) or len(step.dims) != len(kernel.dims):
            self.fail(f"kernel @{kernel.name} takes {len(kernel.arrays)} arrays and {len(kernel.dims)} dims, "
                      f"not {len(step.args)} and {len(step.dims)}", step)  # fmt: skip
        for name, array in zip(step.args, kernel.arrays):
            found = self.named(name, step).type
            if found.dtype is not array.type.dtype:
                self.fail(f"{name!r} of {found} is given for the array {array.name} of {array.type}", step)
            if array.written:
                self.writable(name, step)
        if step.threads and step.maps != maps_of(kernel):
            self.fail(f"the tensor maps of kernel @{kernel.name} are others", step)
        for d in step.dims:
            self.dim(d, "a dims value", step)
