"""Kernels as finished LLVM functions: statements, serial and unrolled loops; no optimiser runs after this."""

from __future__ import annotations

from functools import partial
from itertools import count

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.facts import Facts
from graphc.codegen.llvm.function import INLINE, LOOP, Function, binding, quoted
from graphc.codegen.llvm.lines import begin_on_lines, line_stores
from graphc.codegen.llvm.loops import Span, branch, counted_loop, unbind
from graphc.codegen.llvm.memory import Memory
from graphc.codegen.llvm.parallel import Outline, call_parallel, free_names, receive
from graphc.codegen.llvm.storage import Storage
from graphc.codegen.llvm.turn import turn
from graphc.codegen.llvm.vectorize import VectorLoops
from graphc.errors import CompileError
from graphc.ir.dtype import i64
from graphc.ir.kernel import PARALLEL, SERIAL, UNROLLED, VECTOR, Alloc, For, If, Kernel, Let, Prefetch, Set, Store, Turn
from graphc.ir.node import Node, bounds
from graphc.ir.target import Target

_FEW = 4  # iterations that are written one after the other
_SMALL_BODY = 64
_LONG = 32  # iterations
_LONG_UNROLLS = ((16, 4), (96, 2))  # (cost of a body up to which, copies per turn) of loops that are known to be long
_UNROLLS = ((8, 4), (32, 2))  # of others, which have the body once more for what is left


class Body:
    """Writes statements into one LLVM function."""

    def __init__(self, function: Function, memory: Memory, facts: Facts, outline: Outline | None):
        self.function = function
        self.memory = memory
        self.values = memory.values
        self.facts = facts
        self.outline = outline
        self.vectors = VectorLoops(function, memory, facts, self.run)

    def run(self, body: tuple) -> None:
        """Write statements in order; the values of one are good for that one only."""
        for statement in body:
            self.function.forget()
            self._statement(statement)

    def _statement(self, statement) -> None:
        match statement:
            case Store():
                self._store(statement)
            case Prefetch(array, index):
                self.memory.prefetch(array, index)
            case Let(var, value):
                self._let(var, value)
            case Set(var, value):
                self._set(var, value)
            case For():
                self._loop(statement)
            case If():
                self._branch(statement)
            case Alloc(array):
                self._allocate(array)
            case Turn(array):
                turn(self.function, self.memory.storage(array))
            case _:
                raise CompileError(f"{type(statement).__name__} has no meaning on a CPU")

    def _store(self, statement: Store) -> None:
        """A store; under a guard nothing of it is evaluated where that is false."""
        function, guard = self.function, statement.guard
        store = partial(self.memory.store, statement.array, statement.index, statement.value)
        test = self.values.value(guard) if guard is not None else None
        if test is None or test.number:
            store()
        elif test.number is None and test.lanes == 1:
            branch(function, test, self._keys((statement,)), store, None)
        elif test.number is None:
            before = function.mask, self.memory.guarded
            function.mask, self.memory.guarded = self.memory.mask(test), True
            store()
            function.mask, self.memory.guarded = before

    def _let(self, var: Node, node: Node) -> None:
        function, values = self.function, self.values
        if var in self.facts.mutable:
            function.state[var] = values.vector(node)
            return
        value, _, _ = values.placed(node)
        # As deep as the Let, even where the value stands further out: what is computed from it must end with this scope,
        # because another body may give the variable another value.
        function.keep(var, value, function.depth)

    def _set(self, var: Node, node: Node) -> None:
        if var not in self.function.state:
            raise CompileError(f"variable {var.attr('name')} is set before it is made")
        self.function.state[var] = self.values.vector(node)

    def _allocate(self, array) -> None:
        if array.space not in ("register", "stack"):
            raise CompileError(f"array {array.name} cannot be made in {array.space} space on a CPU")
        chunk = self.facts.lanes if array.name in self.facts.chunked else 1
        spilled = self.facts.lanes == 1 and array.name in self.facts.chunked & self.facts.spilled
        self.memory.allocate(array, chunk, array.space == "stack" or spilled)

    def _keys(self, *bodies: tuple) -> list:
        """Mutable state that exists here and that the bodies may change."""
        names = set()
        for body in bodies:
            variables, arrays = self.facts.assigned(body)
            names |= variables | arrays
        return [key for key in self.function.state if (key[0] if type(key) is tuple else key) in names]

    def _branch(self, statement: If) -> None:
        test = self.values.value(statement.condition)
        if test.lanes > 1:
            raise CompileError("the condition of an If must be the same for every lane of a vector loop")
        if test.number is not None:
            self._inline(statement.then if test.number else statement.orelse)
            return
        then, orelse = partial(self.run, statement.then), partial(self.run, statement.orelse)
        keys = self._keys(statement.then, statement.orelse)
        branch(self.function, test, keys, then, orelse if statement.orelse else None)

    def _inline(self, body: tuple) -> None:
        self.function.open(INLINE)
        self.run(body)
        self.function.close()

    # ------------------------------------------------------------------------------------------- loops

    def _loop(self, loop: For) -> None:
        if loop.extent == 0:
            return
        if loop.kind == PARALLEL and self.outline is not None:
            self._parallel(loop)
        elif loop.kind == VECTOR and self.facts.lanes > 1:
            self.vectors.write(loop)
        elif loop.kind == UNROLLED:
            if type(loop.extent) is not int:
                raise CompileError(f"the unrolled loop over {loop.var} needs a fixed extent, not {loop.extent}")
            self._unrolled(loop)
        elif loop.kind in (SERIAL, VECTOR, PARALLEL):
            self._serial(loop)
        else:
            raise CompileError(f"a {loop.kind} loop has no meaning on a CPU")

    def _unrolled(self, loop: For) -> None:
        """All copies; tiles of whole cache lines go past the caches where their arrays begin on one."""
        copies = partial(self._copies, loop, range(loop.extent))
        stores = line_stores(loop, self.facts, self.memory)
        if not stores or self.memory.streams:
            copies()
            return

        def past() -> None:
            self.memory.streams = True
            copies()
            self.memory.streams = False

        branch(self.function, begin_on_lines(stores, self.memory), self._keys(loop.body), past, copies)

    def _copies(self, loop: For, numbers, base: bool = False) -> None:
        """The body once per number, each known: the variable is that number, plus the base of the loop around."""
        function = self.function
        previous = function.bindings.get(loop.var)
        for number in numbers:
            function.open(INLINE)
            function.bindings[loop.var] = binding(function.depth, base, number)
            self.run(loop.body)
            function.close()
        unbind(function, loop.var, previous)

    def _serial(self, loop: For) -> None:
        function, extent = self.function, loop.extent
        cost = self.facts.cost(loop.body)
        innermost = function.lanes == 1 and not self.facts.has_loops(loop.body)
        if self.facts.walks_scalars(loop):
            self._copies(loop, range(extent))
            return
        if type(extent) is int and (extent == 1 or (innermost and extent <= _FEW and extent * cost <= _SMALL_BODY)):
            self._copies(loop, range(extent))
            return
        keys = self._keys(loop.body)
        limits = _LONG_UNROLLS if type(extent) is int and extent >= _LONG else () if _is_short(extent) else _UNROLLS
        unroll = next((copies for limit, copies in limits if cost <= limit), 1) if innermost else 1
        stop = self._number(extent)
        done = function.builder.const(0, i64)
        if unroll > 1:
            main = stop
            if type(extent) is int:
                main = function.builder.const(extent // unroll * unroll, i64)
            else:
                main = function.builder.binary("and", stop, function.builder.const(-unroll, i64))
            span = Span(done, main, unroll, type(extent) is int and extent >= unroll)
            if main.number != 0:
                counted_loop(function, loop.var, span, keys, lambda: self._copies(loop, range(unroll), True), LOOP)
            done = main
        if type(extent) is int and unroll > 1:
            self._copies(loop, range(done.number, extent))
            return
        span = Span(done, stop, 1, type(extent) is int)
        counted_loop(function, loop.var, span, keys, lambda: self.run(loop.body), LOOP)

    def _number(self, x) -> Value:
        """An extent or grain, the same for every lane."""
        value = self.values.value(x) if isinstance(x, Node) else self.function.builder.const(x, i64)
        if value.lanes > 1:
            raise CompileError(f"the extent {x} differs between the lanes of a vector loop")
        return value

    def _parallel(self, loop: For) -> None:
        """The body as a function of its own that a pool of threads calls with ranges of iterations."""
        function, outline = self.function, self.outline
        variables, _ = self.facts.assigned(loop.body)
        if variables:
            names = ", ".join(v.attr("name") for v in variables)
            raise CompileError(f"the parallel loop over {loop.var} changes {names}, which all its tasks share")
        free, name = free_names(loop, self.memory, self.facts), outline.next_name()
        call_parallel(self.values, self.memory, free, name, self._number(loop.extent), self._number(loop.grain))
        task = Function(function.target, outline.names, outline.declared)
        memory = Memory(task, {})
        receive(task, memory, free)
        body = Body(task, memory, self.facts, None)
        span = Span(Value("%begin", i64), Value("%end", i64), 1, False)
        counted_loop(task, loop.var, span, [], lambda: body.run(loop.body), LOOP)
        outline.functions.append(task.finish(f"define internal void @{name}(ptr %context, i64 %begin, i64 %end)"))


def _is_short(extent) -> bool:
    """Whether an extent that is known only while running is never large, as that of rows of a tile: code once is enough."""
    most = bounds(extent)[1] if isinstance(extent, Node) else None
    return most is not None and most < _LONG


def kernel_functions(kernel: Kernel, target: Target, declared: set[str], linkage: str = "internal") -> str:
    """The functions of a kernel; what they need at module level is added to ``declared``."""
    names = count()
    function = Function(target, names, declared)
    symbol = quoted("k_", kernel.name)
    arrays, parameters = {}, []
    for array in kernel.arrays:
        pointer = "%" + quoted("a_", array.name)
        arrays[array.name] = Storage(array, pointer)
        parameters.append(f"ptr {pointer}")
    for dim in kernel.dims:
        text = "%" + quoted("d_", dim.attr("name"))
        function.keep(dim, Value(text, i64), 0)
        parameters.append(f"i64 {text}")
    outline = Outline(kernel.name, names, declared)
    Body(function, Memory(function, arrays), Facts(kernel.body, target), outline).run(kernel.body)
    return "".join(outline.functions) + function.finish(f"define {linkage} void @{symbol}({', '.join(parameters)})")


def kernel_text(kernel: Kernel, target: Target) -> str:
    """A kernel as LLVM IR: ``void @k_<name>(ptr %a_<array>..., i64 %d_<symbol>...)`` with what it needs.

    Raises:
        CompileError: the loop tree breaks a rule of ``ir.kernel``, or uses what the target cannot do.
    """
    declared: set[str] = set()
    functions = kernel_functions(kernel, target, declared)
    return "\n".join((*sorted(declared), functions))
