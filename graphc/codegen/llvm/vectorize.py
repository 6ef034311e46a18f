"""Vector loops: straight chunks where the extent is small and fixed, else loops of chunks and a masked tail."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.facts import Facts
from graphc.codegen.llvm.function import INLINE, LOOP, STEPS, Function, binding
from graphc.codegen.llvm.loops import Span, branch, counted_loop, unbind
from graphc.codegen.llvm.memory import STREAM_ALIGNMENT, Memory
from graphc.errors import CompileError
from graphc.ir.dtype import b1, i32, i64
from graphc.ir.kernel import For, Store
from graphc.ir.node import Node

_STRAIGHT_CHUNKS = 8
_STRAIGHT_COST = 512


class VectorLoops:
    """Writes the vector loops of one function; ``run`` writes a body."""

    def __init__(self, function: Function, memory: Memory, facts: Facts, run: Callable[[tuple], None]):
        self.function = function
        self.memory = memory
        self.facts = facts
        self.run = run

    def write(self, loop: For) -> None:
        """The loop in chunks of as many lanes as the target has.

        Raises:
            CompileError: the loop changes a variable made outside of it, or another vector loop is around it.
        """
        function = self.function
        variables, arrays = self.facts.assigned(loop.body)
        if variables:
            names = ", ".join(v.attr("name") for v in variables)
            raise CompileError(f"iterations of a vector loop are independent, but one over {loop.var} changes {names}")
        if function.lanes > 1:
            raise CompileError(f"the vector loop over {loop.var} stands inside another one")
        stores = self._streamed(loop, arrays)
        if stores:
            self._streaming(loop, arrays, stores)
        else:
            self._write(loop, arrays)

    def _streamed(self, loop: For, arrays: set) -> list[Store]:
        """The stores of a loop that may go past the caches: on x86, elsewhere LLVM stores element by element."""
        known, function = self.memory.arrays, self.function
        stores = [s for s in loop.body if isinstance(s, Store) and s.array in known and known[s.array].array.streamed]
        if not stores:
            return stores
        good = function.target.triple.startswith("x86_64") and id(loop) not in self.facts.rows
        widths = {known[s.array].array.type.dtype.size for s in stores}
        return stores if good and len(widths) == 1 and self._has_masked_tail(loop) else []

    def _streaming(self, loop: For, arrays: set, stores: list[Store]) -> None:
        """Vectors from where they are aligned on, under masks before and after; as usual if the stores do not agree where."""
        function, memory, builder = self.function, self.memory, self.function.builder
        size = memory.storage(stores[0].array).array.type.dtype.size
        previous = function.bindings.get(loop.var)
        function.bindings[loop.var] = binding(function.depth, False, 0)
        places = [memory.first(s.array, s.index) for s in stores]
        unbind(function, loop.var, previous)
        function.here()
        wrong = builder.binary("and", places[0], _index(size - 1))
        for place in places[1:]:
            other = builder.binary("xor", place, places[0])
            wrong = builder.binary("or", wrong, builder.binary("and", other, _index(STREAM_ALIGNMENT - 1)))
        extent = memory.values.value(loop.extent) if isinstance(loop.extent, Node) else _index(loop.extent)
        function.here()
        ahead = builder.binary("and", builder.arithmetic("sub", _index(0), places[0]), _index(self.facts.lanes * size - 1))
        ahead = builder.binary("lshr", ahead, _index(size.bit_length() - 1))
        ahead = builder.select(builder.compare("lt", ahead, extent), ahead, extent)
        test = builder.compare("eq", wrong, _index(0))
        aligned = partial(self._write, loop, arrays, (ahead, extent))
        branch(function, test, [], aligned, partial(self._write, loop, arrays))

    def _write(self, loop: For, arrays: set, streamed: tuple | None = None) -> None:
        """The loop; with ``streamed``, the number of iterations before vectors are aligned, and of all."""
        function, memory = self.function, self.memory
        previous = function.bindings.get(loop.var)
        around = memory.streams
        function.lanes, memory.written, memory.streams = self.facts.lanes, frozenset(arrays), around or streamed is not None
        rows = self.facts.rows.get(id(loop))
        if streamed is not None:
            ahead, extent = streamed
            test = function.builder.compare("ne", ahead, _index(0))
            branch(function, test, [], lambda: self._tail(loop, _index(0), ahead), None)
            self._open_ended(loop, extent, ahead)
        elif type(loop.extent) is int:
            self._fixed(loop, loop.extent, rows is not None)
        else:
            extent = memory.values.value(loop.extent)
            if rows is not None:
                self._over_registers(loop, extent, rows)
            else:
                self._open_ended(loop, extent)
        function.lanes, memory.written, memory.hoist, memory.streams = 1, frozenset(), None, around
        unbind(function, loop.var, previous)

    def _fixed(self, loop: For, extent: int, straight: bool) -> None:
        function, memory, lanes = self.function, self.memory, self.function.lanes
        chunks, rest = divmod(extent, lanes)
        cost = self.facts.cost(loop.body)
        straight = straight or (chunks <= _STRAIGHT_CHUNKS and chunks * cost <= _STRAIGHT_COST)
        function.open(INLINE)
        memory.hoist = function.depth
        start = 0
        if not straight:
            copies = self._copies(loop, cost)
            start = chunks // copies * copies
            self._steps(loop, _index(0), _index(start * lanes), copies, sure=start > 0)
        for chunk in range(start, chunks):
            self._chunk(loop, False, chunk * lanes)
        if rest:
            self._chunk(loop, False, chunks * lanes, _first_lanes(rest, lanes))
        function.close()

    def _over_registers(self, loop: For, extent: Value, rows: int) -> None:
        """An extent known at run time over register arrays: every chunk that has iterations under its mask."""
        function = self.function
        _, arrays = self.facts.assigned(loop.body)
        keys = [key for key in function.state if type(key) is tuple and key[0] in arrays]
        for start in range(0, rows, function.lanes):
            left = function.builder.arithmetic("sub", extent, _index(start)) if start else extent
            test = function.builder.compare("gt", left, _index(0))
            branch(function, test, keys, partial(self._masked_chunk, loop, start, left), None)

    def _masked_chunk(self, loop: For, start: int, left: Value) -> None:
        self._chunk(loop, False, start, self._mask_below(left))

    def _open_ended(self, loop: For, extent: Value, start: Value | None = None) -> None:
        """Any extent, from ``start`` on: unrolled chunks, single chunks, and a tail under a mask or one by one."""
        function, builder, lanes = self.function, self.function.builder, self.function.lanes
        copies = self._copies(loop, self.facts.cost(loop.body))
        done = start or _index(0)
        span = extent if start is None else builder.arithmetic("sub", extent, start)
        for step in {copies * lanes: copies, lanes: 1}.items():
            stop = builder.binary("and", span, _index(-step[0]))
            stop = stop if start is None else builder.arithmetic("add", stop, start)
            self._steps(loop, done, stop, step[1], sure=False)
            done = stop
        if self._has_masked_tail(loop):
            left = builder.binary("and", span, _index(lanes - 1))
            test = builder.compare("ne", left, _index(0))
            branch(function, test, [], lambda: self._tail(loop, done, left), None)
            return
        self.memory.hoist, function.lanes = None, 1
        counted_loop(function, loop.var, Span(done, extent, 1, False), [], lambda: self.run(loop.body), LOOP)

    def _has_masked_tail(self, loop: For) -> bool:
        """AVX2 has masked moves of 32 and 64 bits; elsewhere a mask without hardware would become branches."""
        target = self.function.target
        return target.masks or ("avx2" in target.features and self.facts.narrowest.get(id(loop), 64) >= 32)

    def _steps(self, loop: For, start: Value, stop: Value, copies: int, sure: bool) -> None:
        function, memory = self.function, self.memory
        lanes = function.lanes

        def body() -> None:
            memory.hoist = function.depth - 1
            for k in range(copies):
                self._chunk(loop, True, k * lanes)

        kept = memory.hoist
        counted_loop(function, loop.var, Span(start, stop, copies * lanes, sure), [], body, STEPS)
        memory.hoist = kept

    def _tail(self, loop: For, done: Value, left: Value) -> None:
        function = self.function
        self.memory.hoist = None
        function.keep(("base", loop.var), done, function.depth)
        self._chunk(loop, True, 0, self._mask_below(left))

    def _mask_below(self, left: Value) -> Value:
        """Lanes whose number is below ``left``, which fits in 32 bits."""
        builder, lanes = self.function.builder, self.function.lanes
        self.function.here()
        limit = builder.splat(builder.convert("trunc", left, i32), lanes)
        numbers = ", ".join(f"i32 {k}" for k in range(lanes))
        return builder.compare("lt", Value(f"<{numbers}>", i32, lanes), limit)

    def _copies(self, loop: For, cost: int) -> int:
        """Chunks in one turn of the loop: of small bodies several, so that counting is little beside them."""
        if self.facts.has_loops(loop.body):
            return 1
        return 4 if cost <= 4 else 2 if cost <= 10 else 1

    def _chunk(self, loop: For, base: bool, offset: int, mask: Value | None = None) -> None:
        """The body for as many iterations as there are lanes, from ``base + offset`` on."""
        function = self.function
        function.open(INLINE)
        function.bindings[loop.var] = binding(function.depth, base, offset, 1)
        function.mask = mask
        self.run(loop.body)
        function.mask = None
        function.close()


@lru_cache(256)
def _first_lanes(count: int, lanes: int) -> Value:
    """The constant mask that is on in ``count`` lanes."""
    return Value(f"<{', '.join([f'i1 {str(k < count).lower()}' for k in range(lanes)])}>", b1, lanes)


def _index(number: int) -> Value:
    return Value(str(number), i64, 1, number)
