"""Legality of kernels: scopes, types, which loops may stand where, how arrays may be indexed."""

from __future__ import annotations

from contextlib import contextmanager

from graphc.errors import CompileError
from graphc.ir.order import toposort
from graphc.ir.kernel import KINDS, Alloc, Array, At, Barrier, Call, For, If, Kernel, Let, Prefetch, Set, Store, Turn
from graphc.ir.node import BOOL, INDEX, Node, binary, const_value
from graphc.ir.print_kernel import array_text, statement_text
from graphc.ir.tensor_map import TensorMap, fault_of_map

WARP = 32  # threads that go together on a GPU
THREADS = 1024  # of a block at the most
_TENSOR_ONLY = ("input", "call", "cond", "while", "loop", "host", "item", "random_bits")


def verify_kernel(kernel: Kernel) -> None:
    """Check a Kernel.

    Raises:
        CompileError: what is wrong, in which statement, inside which loops.
    """
    check = _KernelCheck(kernel)
    check.head()
    check.body(kernel.body)


class _KernelCheck:
    """What is visible at one place of a kernel.

    ``loops`` maps the variable of every enclosing loop to its kind. ``lets`` maps a Let's variable to the number of
    enclosing loops where it was made.
    """

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.arrays: dict[str, Array] = {}
        self.vars: dict[str, Node] = {}
        self.loops: dict[Node, str] = {}
        self.lets: dict[Node, int] = {}
        self.path: list = []
        self.known: set[Node] = set()  # expressions that hold at this place; forgotten with the scope

    def fail(self, what: str, statement=None) -> None:
        lines = [f"kernel @{self.kernel.name}: {what}"]
        if statement is not None:
            lines.append(f"  in {statement_text(statement)}")
        lines += [f"  inside {statement_text(s).removesuffix(' {')}" for s in reversed(self.path) if s is not statement]
        raise CompileError("\n".join(lines))

    # ------------------------------------------------------------------------------------ declarations

    def head(self) -> None:
        """Arrays and dimension parameters."""
        for d in self.kernel.dims:
            if not isinstance(d, Node) or d.op != "symbol":
                self.fail(f"{d} is no dimension parameter")
        if len(set(self.kernel.dims)) < len(self.kernel.dims):
            self.fail("a dimension parameter stands twice")
        for array in self.kernel.arrays:
            if array.space != "global":
                self.fail(f"the parameter {array.name} lies in {array.space} memory")
            if array.box is not None and (array.written or fault_of_map(TensorMap(0, array.type, array.box), 1)):
                self.fail(f"the parameter {array_text(array)} cannot be a tensor map")
            self._declare(array, None)

    def _declare(self, array: Array, statement) -> None:
        if array.name in self.arrays:
            self.fail(f"two arrays are called {array.name}", statement)
        if array.strides is not None and len(array.strides) != array.type.rank:
            self.fail(f"{len(array.strides)} strides for the array {array.name} of {array.type}", statement)
        if array.space != "global" and not array.type.is_static:
            self.fail(f"the {array.space} array {array.name} has a symbolic shape, {array.type}", statement)
        self.arrays[array.name] = array

    def _name(self, var: Node, statement) -> None:
        if var.op != "var" or var.type.shape != ():
            self.fail(f"{var} is no variable", statement)
        name = var.attr("name")
        if name in self.vars or any(d.attr("name") == name for d in self.kernel.dims):
            self.fail(f"the name {name} is visible already", statement)
        self.vars[name] = var

    @contextmanager
    def _scope(self, statement):
        before = dict(self.vars), dict(self.arrays), dict(self.loops), dict(self.lets)
        self.path.append(statement)
        yield
        self.path.pop()
        self.vars, self.arrays, self.loops, self.lets = before
        self.known.clear()

    # -------------------------------------------------------------------------------------- statements

    def body(self, body) -> None:
        """Statements in order; what they declare is visible to the end of the body."""
        for s in body:
            match s:
                case For():
                    self._for(s)
                case If(condition, then, orelse):
                    self._typed(condition, BOOL, "a condition", s)
                    for part in (then, orelse):
                        with self._scope(s):
                            self.body(part)
                case Let(var, value):
                    self._expression(value, s)
                    self._name(var, s)
                    self.lets[var] = len(self.loops)
                    if value.type != var.type:
                        self.fail(f"a variable of {var.type} for a value of {value.type}", s)
                case Set():
                    self._set(s)
                case Store():
                    self._store(s)
                case Alloc(array):
                    if array.space not in ("register", "stack", "shared"):
                        self.fail(f"an array made in a kernel lies in register, stack or shared memory, not {array.space}", s)
                    if array.space == "shared" and not self._in_block():
                        self.fail(f"the shared array {array.name} is made outside of a block loop", s)
                    self._declare(array, s)
                case Prefetch(array, index):
                    for x in index:
                        self._expression(x, s)
                    self._access(self._array(array, s), index, s)
                case Turn(array):
                    self._turn(self._array(array, s), s)
                case Barrier():
                    if "vector" in self.loops.values():
                        self.fail("a barrier inside a vector loop", s)
                case Call():
                    self._call(s)
                case _:
                    self.fail(f"{type(s).__name__} is no statement")

    def _for(self, s: For) -> None:
        if s.kind not in KINDS:
            self.fail(f"{s.kind!r} is no kind of loop", s)
        if s.kind == "parallel" and self.path:
            self.fail("a parallel loop stands only at the top of a kernel", s)
        if "vector" in self.loops.values() and s.kind != "unrolled":
            self.fail(f"a {s.kind} loop inside a vector loop", s)
        self._for_of_gpu(s)
        if s.kind == "unrolled" and type(s.extent) is not int:
            self.fail("an unrolled loop has a static extent", s)
        self._typed(s.extent, INDEX, "an extent", s)
        if type(s.grain) is not int:  # of any sign
            self._typed(s.grain, INDEX, "a grain", s)
        if s.var.type != INDEX:
            self.fail(f"a loop variable is i64[], not {s.var.type}", s)
        bound = dict(s.var.attrs).get("extent")
        if type(bound) is int and type(s.extent) is int and bound < s.extent:
            self.fail(f"the variable promises to stay below {bound}", s)
        with self._scope(s):
            self._name(s.var, s)
            self.loops[s.var] = s.kind
            self.body(s.body)

    def _in_block(self) -> bool:
        return "block" in self.loops.values()

    def _for_of_gpu(self, s: For) -> None:
        kinds = list(self.loops.values())
        if s.kind == "block" and not (len(self.path) == len(kinds) and set(kinds) <= {"block"}):
            self.fail("a block loop stands only at the top of a kernel or directly in another one", s)
        if s.kind == "thread" and not (kinds and len(self.path) == len(kinds) and set(kinds) == {"block"}):
            self.fail("a thread loop stands only directly in a block loop", s)
        if s.kind == "thread" and not (type(s.extent) is int and 0 < s.extent <= THREADS and s.extent % WARP == 0):
            self.fail(f"the extent of a thread loop is a multiple of {WARP} up to {THREADS}", s)
        if s.kind not in ("block", "thread") and kinds and set(kinds) == {"block"}:
            self.fail(f"a {s.kind} loop in a block loop stands in a thread loop", s)

    def _call(self, s: Call) -> None:
        for argument in s.args:
            if isinstance(argument, At):
                for x in argument.index:
                    self._expression(x, s)
                array = self._array(argument.array, s)
                self._access(array, argument.index, s)
                if array.box is not None and any(const_value(x) != 0 for x in argument.index):
                    self.fail(f"an address beside that of {array.name}, which is a tensor map", s)
            elif isinstance(argument, Node):
                self._expression(argument, s)
            elif type(argument) is not int:
                self.fail(f"the argument {argument!r} is no Node, number or address", s)

    def _set(self, s: Set) -> None:
        if s.var not in self.lets:
            self.fail(f"{s.var.attr('name') if s.var.op == 'var' else s.var} is no Let's variable", s)
        self._expression(s.value, s)
        if s.value.type != s.var.type:
            self.fail(f"a variable of {s.var.type} for a value of {s.value.type}", s)
        crossed = list(self.loops.values())[self.lets[s.var] :]
        for kind in ("parallel", "vector", "block", "thread"):
            if kind in crossed:
                self.fail(f"a variable made outside a {kind} loop is set inside", s)

    def _turn(self, array: Array, s: Turn) -> None:
        shape = array.type.shape
        if array.space != "register" or len(shape) != 2 or shape[0] != shape[1] or shape[0] & (shape[0] - 1):
            self.fail(f"{array.name} is no square register array of a power of two of rows", s)
        if "vector" in self.loops.values():
            self.fail("an array is turned inside a vector loop", s)

    def _store(self, s: Store) -> None:
        array = self._array(s.array, s)
        if array.space == "global" and not array.written:
            self.fail(f"the array {array.name} is not marked as written", s)
        for x in (*s.index, s.value):
            self._expression(x, s)
        self._access(array, s.index, s)
        if s.value.type.dtype is not array.type.dtype or s.value.type.shape != ():
            self.fail(f"a value of {s.value.type} for the array {array.name} of {array.type}", s)
        if s.guard is not None:
            self._typed(s.guard, BOOL, "a guard", s)

    # ------------------------------------------------------------------------------------- expressions

    def _typed(self, x, type, what: str, s) -> None:
        if not isinstance(x, Node):
            if type is BOOL or isinstance(x, bool) or not isinstance(x, int) or x < 0:
                self.fail(f"{what} is {x!r}", s)
            return
        self._expression(x, s)
        if x.type != type:
            self.fail(f"{what} is of {x.type}, not {type}", s)

    def _expression(self, x, s) -> None:
        if not isinstance(x, Node):
            self.fail(f"{x!r} is no Node", s)
        for node in toposort((x,)) if x not in self.known else ():
            if node not in self.known:
                self._node(node, s)
                self.known.add(node)

    def _node(self, node: Node, s) -> None:
        if getattr(node.type, "shape", None) != ():
            self.fail(f"{node.op} of {node.type} is not of rank 0", s)
        match node.op:
            case "var":
                if self.vars.get(node.attr("name")) is not node:
                    self.fail(f"the variable {node.attr('name')} of {node.type} is not defined here", s)
            case "symbol":
                if node not in self.kernel.dims:
                    self.fail(f"the symbol {node} is no parameter of the kernel", s)
            case "load":
                self._load(node, node.inputs, s)
            case "load_if":
                if node.inputs[0].type != BOOL:
                    self.fail(f"the guard of a load is of {node.inputs[0].type}, not b1[]", s)
                self._load(node, node.inputs[1:], s)
            case "fold":
                self._fold(node, s)
            case op if op in _TENSOR_ONLY:
                self.fail(f"{op} is not for kernels", s)

    def _array(self, name: str, s) -> Array:
        if name not in self.arrays:
            self.fail(f"there is no array {name} here", s)
        return self.arrays[name]

    def _load(self, node: Node, index, s) -> None:
        array = self._array(node.attr("buffer"), s)
        if node.dtype is not array.type.dtype:
            self.fail(f"a load of {node.dtype.short} from the array {array.name} of {array.type}", s)
        self._access(array, index, s)
        if array.box is not None:
            self.fail(f"a load from {array.name}, which is a tensor map", s)

    def _fold(self, node: Node, s) -> None:
        array = self._array(node.attr("buffer"), s)
        size = array.type.size
        if array.space != "register" or size < 1 or size & (size - 1):
            self.fail(f"fold is for register arrays of a power of two elements, not {array.name} of {array.type}", s)
        if node.dtype is not array.type.dtype:
            self.fail(f"a fold of {node.dtype.short} over the array {array.name} of {array.type}", s)

    def _access(self, array: Array, index, s) -> None:
        if len(index) != array.type.rank:
            self.fail(f"{len(index)} indices for the array {array.name} of {array.type}", s)
        for i, extent in zip(index, array.type.shape):
            if i.type != INDEX:
                self.fail(f"an index of the array {array.name} is of {i.type}, not i64[]", s)
            value = const_value(i)
            if value is not None and (value < 0 or type(extent) is int and value >= extent):
                self.fail(f"index {value} is outside of the array {array.name} of {array.type}", s)
        if array.space == "register":
            self._register_index(array, index, s)

    def _register_index(self, array: Array, index, s) -> None:
        """Constant after unrolling, but for one index that may be a vector loop's variable plus a constant."""
        moving = 0
        for i in index:
            leaves = [n for n in toposort((i,)) if not n.inputs and n.op != "const"]
            vectors = [n for n in leaves if self.loops.get(n) == "vector"]
            if any(self.loops.get(n) not in ("unrolled", "vector") for n in leaves):
                self.fail(f"{i}, an index of the register array {array.name}, is not constant after unrolling", s)
            if vectors:
                moving += 1
                rest = binary("sub", i, vectors[0])
                if len(vectors) > 1 or any(n in vectors for n in toposort((rest,))):
                    self.fail(f"{i}, an index of {array.name}, is not a vector loop's variable plus a constant", s)
        if moving > 1:
            self.fail(f"two indices of the register array {array.name} move with a vector loop", s)
