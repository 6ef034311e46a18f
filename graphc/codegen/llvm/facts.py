"""What a kernel body tells before code is written: what loops change, how wide vectors are, what a body costs."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.errors import CompileError
from graphc.ir.order import toposort
from graphc.ir.kernel import UNROLLED, VECTOR, Alloc, For, If, Let, Prefetch, Set, Store, Turn
from graphc.ir.node import Node
from graphc.ir.dtype import f32, f64
from graphc.ir.target import Target

READS = ("load", "load_if", "fold")
_FREE = ("const", "var", "symbol", "add", "mul")
_CHEAP = {"sub", "div", "neg", "abs", "max", "min", "fma", "select", "cast", "bitcast", "lt", "le", "eq", "ne", "and",
          "or", "not", "xor", "shl", "shr", "sqrt", "load", "load_if"}  # fmt: skip
_COSTLY = 15  # instructions of a polynomial
_TURN = 64  # shuffles of 16 registers
_SCALARS = 32  # elements of a register array that are values of their own where registers hold one each
_WRITTEN_OUT = 64  # instructions of a loop over such values


def expressions(statement) -> tuple:
    """The Nodes a statement itself holds, not those of statements inside it."""
    match statement:
        case For(_, extent, _, _, grain):
            return tuple(x for x in (extent, grain) if isinstance(x, Node))
        case Let(_, value) | Set(_, value):
            return (value,)
        case Store(_, index, value, guard):
            return (*index, value) if guard is None else (*index, value, guard)
        case Prefetch(_, index):
            return index
        case If(condition, _, _):
            return (condition,)
    return ()


def bodies(statement) -> tuple[tuple, ...]:
    """The statement lists inside a statement."""
    match statement:
        case For(_, _, body):
            return (body,)
        case If(_, then, orelse):
            return (then, orelse)
    return ()


def walk(body: tuple) -> Iterator[tuple[object, tuple]]:
    """Every statement with the loops around it, outermost first."""
    stack = [(s, ()) for s in reversed(body)]
    while stack:
        item = stack.pop()
        yield item
        s, loops = item
        kind = type(s)
        if kind is For:
            loops = (*loops, s)
            stack += [(x, loops) for x in reversed(s.body)]
        elif kind is If:
            stack += [(x, loops) for x in reversed(s.orelse)]
            stack += [(x, loops) for x in reversed(s.then)]


class Facts:
    """Facts about one kernel body on one target.

    Attributes:
        mutable: variables that some Set changes.
        chunked: register arrays that a vector loop indexes by its variable.
        spilled: those of them that lie in memory on a machine without vectors: large ones, and where a loop is not written out.
        rows: id of a vector loop -> the least last axis of the register arrays it walks along.
        narrowest: id of a vector loop -> bits of the smallest element it touches in memory.
        lanes: iterations of a vector loop done by one instruction, the same for every loop of the kernel.
    """

    def __init__(self, body: tuple, target: Target):
        self.mutable: set[Node] = set()
        self.chunked: set[str] = set()
        self.spilled: set[str] = set()
        self.rows: dict[int, int] = {}
        self.narrowest: dict[int, int] = {}
        made = [s.array for s, _ in walk(body) if isinstance(s, Alloc)]
        self._registers = {array.name: array for array in made if array.space == "register"}
        self._assigned: dict[int, tuple] = {}
        self._costs: dict[int, int] = {}
        self._walks: dict[int, tuple[For, set[str]]] = {}  # vector loops and the register arrays that they walk along
        self._loops: dict[int, bool] = {}
        self._nodes: dict[int, list] = {}
        touched = set()
        for statement, loops in walk(body):
            if isinstance(statement, Set):
                self.mutable.add(statement.var)
            elif isinstance(statement, Turn):
                self.spilled.add(statement.array)
            vector = next((loop for loop in loops if loop.kind == VECTOR), None)
            if vector is not None:
                self._visit_vector(statement, vector, touched)
        self.lanes = target.lanes(f64 if touched and touched <= {64} else f32)
        for loop, names in self._walks.values():
            small = type(loop.extent) is int and loop.extent * self.cost(loop.body) <= _WRITTEN_OUT
            large = {n for n in names if not small or not self._registers[n].type.is_static or self._registers[n].type.size > _SCALARS}
            self.spilled |= large

    def walks_scalars(self, loop: For) -> bool:
        """Whether a vector loop walks along register arrays whose elements are values of their own, without vectors."""
        return self.lanes == 1 and bool(self._walks.get(id(loop), (loop, set()))[1] - self.spilled)

    def nodes(self, statement) -> list[Node]:
        """Every Node of the expressions that a statement itself holds, operands first."""
        found = self._nodes.get(id(statement))
        if found is None:
            found = self._nodes[id(statement)] = toposort(expressions(statement))
        return found

    def _visit_vector(self, statement, vector: For, touched: set) -> None:
        if isinstance(statement, Store):
            self._visit_memory(statement.value, vector, touched)
            self._visit_access(statement.array, statement.index, vector)
        for node in self.nodes(statement):
            if node.op in ("load", "load_if"):
                self._visit_memory(node, vector, touched)
                self._visit_access(node.attr("buffer"), node.inputs[node.op == "load_if" :], vector)

    def _visit_memory(self, element: Node, vector: For, touched: set) -> None:
        bits = element.dtype.bits
        touched.add(bits)
        self.narrowest[id(vector)] = min(self.narrowest.get(id(vector), bits), bits)

    def _visit_access(self, name: str, index: tuple, vector: For) -> None:
        array = self._registers.get(name)
        if array is None or not index or not isinstance(index[-1], Node) or vector.var not in toposort((index[-1],)):
            return
        self.chunked.add(name)
        last = array.type.shape[-1]
        if type(last) is not int:
            raise CompileError(f"register array {name} of {array.type} must have a fixed size")
        self._walks.setdefault(id(vector), (vector, set()))[1].add(name)
        self.rows[id(vector)] = min(self.rows.get(id(vector), last), last)

    def assigned(self, body: tuple) -> tuple[set, set]:
        """Variables and arrays that a body changes and that were made outside of it."""
        found = self._assigned.get(id(body))
        if found is None:
            variables, arrays, own = set(), set(), set()
            for s, _ in walk(body):
                match s:
                    case Set(var, _):
                        variables.add(var)
                    case Store(array) | Turn(array):
                        arrays.add(array)
                    case Let(var, _):
                        own.add(var)
                    case Alloc(array):
                        own.add(array.name)
            found = self._assigned[id(body)] = variables - own, arrays - own
        return found

    def has_loops(self, body: tuple) -> bool:
        """True where a body holds a loop that stays a loop; vector loops of a small fixed extent do not."""
        found = self._loops.get(id(body))
        if found is None:
            loops = (s for s, _ in walk(body) if isinstance(s, For) and s.kind != UNROLLED)
            found = any(s.kind != VECTOR or type(s.extent) is not int or s.extent > 64 for s in loops)
            self._loops[id(body)] = found
        return found

    def cost(self, body: tuple) -> int:
        """Instructions of one pass through a body, roughly; inner loops count once per copy that is written."""
        found = self._costs.get(id(body))
        if found is None:
            found = self._costs[id(body)] = sum(map(self._statement_cost, body))
        return found

    def _statement_cost(self, statement) -> int:
        total = sum(map(_node_cost, self.nodes(statement))) + isinstance(statement, Store)
        if isinstance(statement, Turn):
            total += _TURN
        inner = sum(map(self.cost, bodies(statement)))
        if isinstance(statement, For) and type(statement.extent) is int:
            if statement.kind == UNROLLED:
                inner *= statement.extent
            elif statement.kind == VECTOR:
                inner *= min(8, -(-statement.extent // self.lanes))
        return total + inner


def _node_cost(node: Node) -> int:
    op = node.op
    if op in _FREE and not node.dtype.is_float:
        return 0
    if op in ("add", "mul") or op in _CHEAP:
        return 1
    return 0 if op in _FREE else _COSTLY
