"""Stores of square tiles that fill whole cache lines: where the result begins on one, they may go past the caches."""

from __future__ import annotations

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.facts import Facts
from graphc.codegen.llvm.memory import STREAM_ALIGNMENT, Memory
from graphc.ir.dtype import i64
from graphc.ir.kernel import UNROLLED, VECTOR, For, Let, Store
from graphc.ir.node import linear_form


def line_stores(loop: For, facts: Facts, memory: Memory) -> list[Store]:
    """The stores of an unrolled loop over vectors if each of them is one line, wherever its streamed array begins on one.

    Only on x86: elsewhere LLVM makes such stores element by element.
    """
    if loop.kind != UNROLLED or len(loop.body) != 1 or not memory.function.target.triple.startswith("x86_64"):
        return []
    (inner,) = loop.body
    if not isinstance(inner, For) or inner.kind != VECTOR or inner.extent != facts.lanes:
        return []
    stores = [s for s in inner.body if isinstance(s, Store)]
    rest = [s for s in inner.body if not isinstance(s, Store | Let)]
    return stores if stores and not rest and all(_is_line(s, inner, memory) for s in stores) else []


def begin_on_lines(stores: list[Store], memory: Memory) -> Value:
    """Whether all arrays of the stores do."""
    builder = memory.function.builder
    starts = [memory.start(name) for name in dict.fromkeys(s.array for s in stores)]
    memory.function.here()
    total = starts[0]
    for start in starts[1:]:
        total = builder.binary("or", total, start)
    low = builder.binary("and", total, builder.const(STREAM_ALIGNMENT - 1, i64))
    return builder.compare("eq", low, builder.const(0, i64))


def _is_line(store: Store, inner: For, memory: Memory) -> bool:
    array = memory.storage(store.array).array
    if not array.streamed or array.strides is not None or store.guard is not None or not store.index:
        return False
    line = STREAM_ALIGNMENT // array.type.dtype.size
    terms, constant = linear_form(store.index[-1])
    others = [n for v, n in terms.items() if v is not inner.var]
    row = array.type.shape[-1]
    fits = inner.extent == line and type(row) is int and row % line == 0
    return fits and terms.get(inner.var) == 1 and not any(n % line for n in (constant, *others))
