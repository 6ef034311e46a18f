"""Square blocks whose rows become columns: read along one axis, turned in registers, written along the other.

A vector loop inside an unrolled one that copies ``source[.., j, i]`` to ``target[.., i, j]`` would gather; where both run over as
many numbers as there are lanes, the block is as many vectors, and log2(lanes) rounds of shuffles turn it.
"""

from __future__ import annotations

from graphc.codegen.llvm.facts import Facts, walk
from graphc.codegen.llvm.function import INLINE, Function, binding
from graphc.codegen.llvm.loops import unbind
from graphc.codegen.llvm.memory import Memory
from graphc.codegen.llvm.turn import columns_of
from graphc.ir.dtype import b1
from graphc.ir.kernel import UNROLLED, VECTOR, For, Store
from graphc.ir.node import var
from graphc.ir.order import toposort


def is_turn(loop: For, facts: Facts, memory: Memory) -> bool:
    """Whether a loop copies a square block of as many rows as there are lanes from memory to memory, rows to columns."""
    if not _is_square(loop, facts):
        return False
    store = loop.body[0].body[0]
    return all(memory.storage(name).pointer is not None for name in (store.array, store.value.attr("buffer")))


def holds_turn(body: tuple, facts: Facts) -> bool:
    """Whether such a block is among the statements; its shuffles are long, so that nobody wants more copies of them."""
    return any(isinstance(s, For) and _is_square(s, facts) for s, _ in walk(body))


def _is_square(loop: For, facts: Facts) -> bool:
    """Whether a loop copies such a block from anywhere to anywhere else."""
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
        store.array != source.attr("buffer")
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
    function.here()
    for k, column in enumerate(columns_of(function, rows)):
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
