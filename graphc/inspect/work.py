"""How much a graph computes and a program moves: families of operations, FLOPs, bytes. Symbolic sizes give formulas."""

from __future__ import annotations

from graphc.ir.graph import Graph
from graphc.ir.node import Node, binary, simplified
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Repeat, flat
from graphc.passes.nested import bodies, graphs_in
from graphc.prims.table import TABLE

FAMILIES = (
    "element-wise", "products", "convolutions", "reductions", "moves", "random", "sort", "control", "host",
)  # fmt: skip
_FAMILY = {
    "dot": "products", "dot4": "products", "conv": "convolutions", "conv4": "convolutions", "correlate": "convolutions",
    "reduce": "reductions", "argreduce": "reductions", "cumulate": "reductions", "random_bits": "random", "swaps": "random",
    "sort": "sort", "call": "control", "cond": "control", "loop": "control", "while": "control",
}  # fmt: skip
_LEAVES = ("input", "const", "symbol", "item")
TRANSCENDENTAL = frozenset(
    "exp expm1 log log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfinv lgamma digamma sigmoid pow "
    "atan2 special".split()
)
_FREE = ("cast", "bitcast", "select", "item")  # element-wise, but nothing is computed
_WIDE = {"fma": 2, "madd4": 8}  # multiplications and additions for one element


def family(op: str) -> str | None:
    """One of FAMILIES; None for inputs, constants, and items of several results."""
    if op in _LEAVES:
        return None
    if op in _FAMILY:
        return _FAMILY[op]
    row = TABLE.get(op)
    if row is None or not row.native:
        return "host"
    return "element-wise" if row.scalar is not None else "moves"


def operations(graph: Graph) -> dict[str, dict[str, int]]:
    """How often each operation occurs, by family; those of nested graphs count once."""
    found: dict[str, dict[str, int]] = {name: {} for name in FAMILIES}
    for _, nodes in graphs_in(graph):
        for node in nodes:
            if (name := family(node.op)) is not None:
                found[name][node.op] = found[name].get(node.op, 0) + 1
    return {name: counts for name, counts in found.items() if counts}


def flops(node: Node):
    """The arithmetic operations of one Node without those of its bodies: an int, or a Node over the symbols.

    A product of M x K and K x N counts 2*M*N*K, an element-wise operation or a sum one for each element. What runs on the
    host, sorts or moves counts nothing.
    """
    op = node.op
    if op in ("dot", "dot4"):
        depth = node.inputs[0].shape[-2 if dict(node.attrs).get("transpose_x") else -1]
        return node.type.size * depth * (2 if op == "dot" else 8)  # a word holds four bytes
    if op in ("conv", "conv4"):
        taps = _product(node.inputs[1].shape[:-1])
        return node.type.size * taps * (2 if op == "conv" else 8)
    if op == "correlate":
        x, g = node.inputs
        return g.type.size * _product(node.attr("kernel")) * x.shape[-1] * 2
    if op in ("reduce", "argreduce", "cumulate", "unwindow"):
        return node.inputs[0].type.size
    if op == "scatter":
        return node.inputs[-1].type.size if node.attr("kind") != "set" else 0
    if family(op) != "element-wise" or op in _FREE:
        return 0
    return node.type.size * _WIDE.get(op, 1)


def transcendental(node: Node):
    """How many of the FLOPs are values of functions such as ``exp``, each of which is counted as one."""
    return node.type.size if node.op in TRANSCENDENTAL else 0


def total(graph: Graph, count=flops):
    """``count`` of every Node, bodies included: as often as a loop runs, once where only running tells (``while``)."""
    found = 0
    for node in graph.nodes:
        found = found + count(node)
        inner = [total(body, count) for body in bodies(node)]
        if node.op == "cond":
            found = found + _greater(*inner)
        elif inner:
            found = found + sum(inner[1:], inner[0]) * (node.attr("count") if node.op == "loop" else 1)
    return simplified(found)


def bytes_moved(program: Program):
    """What the steps read and write: every array of a launch, copy or host step once. An int, or a Node."""
    sizes = _buffer_bytes(program)

    def of(steps):
        moved = 0
        for step in steps:
            match step:
                case Launch() | Copy() | Host():
                    moved = moved + _step_bytes(step, sizes)
                case Branch():
                    moved = moved + _greater(of(step.then), of(step.orelse))
                case Repeat():
                    times = 1 if step.count is None else step.count
                    moved = moved + (of(step.test) + of(step.body)) * times
        return moved

    return simplified(of(program.steps))


def step_bytes(program: Program, step: Launch | Copy | Host):
    """What one step reads and writes: an int, or a Node."""
    return simplified(_step_bytes(step, _buffer_bytes(program)))


def runs(program: Program) -> dict:
    """How often each kernel is launched in one run: an int, or a Node; the steps of a ``while`` and of both branches once."""
    found: dict = {}

    def count(steps, times):
        for step in steps:
            match step:
                case Launch():
                    found[step.kernel] = found.get(step.kernel, 0) + times
                case Branch():
                    count((*step.then, *step.orelse), times)
                case Repeat():
                    count((*step.test, *step.body), times * (1 if step.count is None else step.count))

    count(program.steps, 1)
    return {name: simplified(times) for name, times in found.items()}


def launched_bytes(program: Program) -> dict:
    """What one launch of each kernel reads and writes, of its first launch where they differ."""
    sizes = _buffer_bytes(program)
    launches = [s for s in flat(program.steps) if isinstance(s, Launch)]
    return {s.kernel: simplified(_step_bytes(s, sizes)) for s in reversed(launches)}


def parameters(graph: Graph) -> tuple[int, int, int]:
    """(tensors, elements, bytes) of what a model has learned: constants that are no single number, and donated state."""
    every = {n for _, nodes in graphs_in(graph) for n in nodes if n.op == "const" and n.shape}
    held = [n.type for n in every if not n.attr("value").is_splat and n.dtype.is_inexact]
    state = [graph.inputs[k].type for k in {into for _, into in graph.donated}]
    types = held + [t for t in state if t.is_static]
    return len(types), sum(t.size for t in types), sum(t.size * t.dtype.size for t in types)


def _buffer_bytes(program: Program) -> dict:
    return {b.name: b.type.size * b.type.dtype.size for b in program.buffers}


def _step_bytes(step: Launch | Copy | Host, sizes: dict):
    match step:
        case Copy():
            return _bytes((step.source,), sizes) * 2
        case Host():
            return _bytes((*step.args, *step.results), sizes)
    return _bytes(step.args, sizes)


def _bytes(names, sizes: dict):
    moved = 0
    for name in dict.fromkeys(names):
        moved = moved + sizes[name]
    return moved


def _product(dims):
    result = 1
    for d in dims:
        result = result * d
    return result


def _greater(x, y):
    return binary("max", x, y) if isinstance(x, Node) or isinstance(y, Node) else max(x, y)
