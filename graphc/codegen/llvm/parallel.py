"""Parallel loops as functions of their own: what they need is passed in a block of 8-byte slots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphc.codegen.llvm.builder import Value, element_type
from graphc.codegen.llvm.facts import READS, Facts, walk
from graphc.codegen.llvm.function import Function, quoted
from graphc.codegen.llvm.memory import Memory
from graphc.codegen.llvm.storage import Storage
from graphc.codegen.llvm.values import Values
from graphc.errors import CompileError
from graphc.ir.dtype import b1, u8
from graphc.ir.order import toposort
from graphc.ir.kernel import Alloc, Array, For, Let, Prefetch, Store
from graphc.ir.node import Node

DECLARATION = "declare void @gc_parallel(ptr, ptr, i64, i64)"


@dataclass
class Outline:
    """The functions cut out of one kernel."""

    kernel: str
    names: Iterator[int]
    declared: set[str]
    functions: list[str] = field(default_factory=list)

    def next_name(self) -> str:
        """The symbol of the next function, without its sigil."""
        return quoted("k_", f"{self.kernel}_p{len(self.functions)}")


@dataclass(frozen=True)
class Free:
    """What a loop uses that is made outside of it: arrays in memory, and Nodes with a value there."""

    arrays: tuple[Array, ...]
    nodes: tuple[Node, ...]


def free_names(loop: For, memory: Memory, facts: Facts) -> Free:
    """Everything the body of a loop uses and does not make."""
    own: set = {loop.var}
    buffers: dict[str, None] = {}
    leaves: dict[Node, None] = {}
    for statement, _ in walk(loop.body):
        match statement:
            case For(var) | Let(var):
                own.add(var)
            case Alloc(array):
                own.add(array.name)
            case Store(array) | Prefetch(array):
                buffers[array] = None
        for node in facts.nodes(statement):
            if node.op in READS:
                buffers[node.attr("buffer")] = None
            elif node.op in ("var", "symbol"):
                leaves[node] = None
    arrays = [memory.storage(name).array for name in buffers if name not in own]
    for array in arrays:
        dims = [d for d in (*array.type.shape, *(array.strides or ())) if isinstance(d, Node)]
        leaves.update((n, None) for n in toposort(dims) if n.op == "symbol")
    return Free(tuple(arrays), tuple(n for n in leaves if n not in own))


def call_parallel(values: Values, memory: Memory, free: Free, name: str, extent: Value, grain: Value) -> None:
    """Fill the context and hand the function to the pool."""
    function = values.function
    context = function.allocate(8 * (len(free.arrays) + len(free.nodes)))
    slots = []
    for array in free.arrays:
        pointer = memory.storage(array.name).pointer
        if pointer is None:
            raise CompileError(f"register array {array.name} is made outside the parallel loop that uses it")
        slots.append(f"ptr {pointer}")
    for node in free.nodes:
        value = values.value(node)
        slots.append((function.builder.convert("zext", value, u8) if value.dtype is b1 else value).operand)
    function.here()
    for k, slot in enumerate(slots):
        function.put(f"  {context}.{k} = getelementptr i8, ptr {context}, i64 {8 * k}")
        function.put(f"  store {slot}, ptr {context}.{k}, align 8")
    function.builder.declared.add(DECLARATION)
    function.put(f"  call void @gc_parallel(ptr @{name}, ptr {context}, {extent.operand}, {grain.operand})")


def receive(task: Function, memory: Memory, free: Free) -> None:
    """Read the context at the start of the outlined function."""
    builder, slot = task.builder, 0

    def load(kind: str, name: str) -> None:
        nonlocal slot
        task.put(f"  %c{slot} = getelementptr i8, ptr %context, i64 {8 * slot}")
        task.put(f"  {name} = load {kind}, ptr %c{slot}, align 8")
        slot += 1

    for array in free.arrays:
        pointer = "%" + quoted("a_", array.name)
        load("ptr", pointer)
        memory.arrays[array.name] = Storage(array, pointer)
    for node in free.nodes:
        name = f"%v{next(task.names)}"
        kind = u8 if node.dtype is b1 else node.dtype
        load(element_type(kind), name)
        value = Value(name, kind)
        if node.dtype is b1:
            value = builder.compare("ne", value, builder.const(0, u8))
        task.keep(node, value, 0)
