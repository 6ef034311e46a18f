"""Square blocks whose rows become columns: read along one axis, turned in registers, written along the other.

A vector loop inside an unrolled one that copies ``source[.., j, i]`` to ``target[.., i, j]`` would gather; where both run over as
many numbers as there are lanes, the block is as many vectors, and log2(lanes) rounds of shuffles turn it.
"""

from __future__ import annotations

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.facts import Facts
from graphc.codegen.llvm.function import INLINE, Function, binding
from graphc.codegen.llvm.loops import unbind
from graphc.codegen.llvm.memory import Memory
from graphc.ir.dtype import b1
from graphc.ir.kernel import UNROLLED, VECTOR, For, Store
from graphc.ir.node import var
from graphc.ir.order import toposort


def is_turn(loop: For, facts: Facts, memory: Memory) -> bool:
    """Whether a loop copies a square block of as many rows as there are lanes, its rows to columns."""
    lanes = facts.lanes
    if loop.kind != UNROLLED or loop.extent != lanes or lanes < 2 or len(loop.body) != 1:
        return False
    (inner,) = loop.body
    if not isinstance(inner, For) or inner.kind != VECTOR or inner.extent != lanes or len(inner.body) != 1:
        return False
    (store,) = inner.body
    if not isinstance(store, Store) or store.guard is not None or store.value.op != "load" or store.value.dtype is b1:
        return False
    source = store.value
    return (
        memory.storage(store.array).pointer is not None
        and memory.storage(source.attr("buffer")).pointer is not None
        and store.array != source.attr("buffer")
        and _runs_last(store.index, inner.var, loop.var)
        and _runs_last(source.inputs, loop.var, inner.var)
    )


def _runs_last(index: tuple, along, across) -> bool:
    """Whether ``along`` is in the last place of an index alone, once, and ``across`` only in other places."""
    last = index[-1]
    if last is along:
        rest = ()
    elif last.op == "add" and along in last.inputs:
        rest = tuple([x for x in last.inputs if x is not along])
    else:
        return False
    inside = set(toposort((*rest, *index[:-1])))
    return along not in inside and across not in toposort((last,))


def write_turn(loop: For, function: Function, memory: Memory) -> None:
    """The block: a load for each row, shuffles, a store for each column."""
    (inner,) = loop.body
    (store,) = inner.body
    lanes = loop.extent
    before = function.bindings.get(loop.var), function.bindings.get(inner.var)
    function.lanes, memory.written = lanes, frozenset((store.array,))
    rows = []
    for k in range(lanes):
        function.open(INLINE)
        function.bindings[inner.var] = binding(function.depth, False, k)
        function.bindings[loop.var] = binding(function.depth, False, 0, 1)
        rows.append(memory.values.value(store.value))
        function.forget()
        function.close()
    for k, column in enumerate(_turned(function, rows)):
        function.open(INLINE)
        function.bindings[loop.var] = binding(function.depth, False, k)
        function.bindings[inner.var] = binding(function.depth, False, 0, 1)
        value = var("column", store.value.type)
        function.keep(value, column, function.depth)
        memory.store(store.array, store.index, value)
        function.forget()
        function.close()
    function.lanes, memory.written = 1, frozenset()
    unbind(function, loop.var, before[0])
    unbind(function, inner.var, before[1])


def _turned(function: Function, rows: list[Value]) -> list[Value]:
    """The columns of a square block: each round exchanges the off-diagonal halves of blocks half as large as the last."""
    lanes = len(rows)
    half = lanes // 2
    while half:
        rows = list(rows)
        for k in range(lanes):
            if k & half:
                continue
            a, b = rows[k], rows[k + half]
            low = [lane if not lane & half else lanes + lane - half for lane in range(lanes)]
            high = [lane + half if not lane & half else lanes + lane for lane in range(lanes)]
            rows[k], rows[k + half] = _shuffled(function, a, b, low), _shuffled(function, a, b, high)
        half //= 2
    return rows


def _shuffled(function: Function, a: Value, b: Value, order: list[int]) -> Value:
    function.here()
    numbers = ", ".join(f"i32 {k}" for k in order)
    text = f"shufflevector {a.operand}, {b.operand}, <{len(order)} x i32> <{numbers}>"
    return function.builder.emit(text, a.dtype, a.lanes)
