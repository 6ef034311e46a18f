"""Loads and stores: contiguous, uniform, gathered, masked and guarded."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.codegen.llvm.builder import Value, element_type, register_type
from graphc.codegen.llvm.function import INLINE, STEPS, UNDEFINED, Function
from graphc.codegen.llvm.registers import element, fold, fold_count, set_element
from graphc.codegen.llvm.storage import Offset, Storage, offset_of
from graphc.codegen.llvm.values import Form, Values, lane_numbers
from graphc.errors import CompileError
from graphc.ir.dtype import DType, b1, i64, u8
from graphc.ir.kernel import Array
from graphc.ir.node import Node

STREAM_ALIGNMENT = 64  # bytes
_READABLE = "@gc_readable = private unnamed_addr constant [16 x i8] zeroinitializer, align 16"
_STREAMED = "!0 = !{i32 1}"  # what the metadata of a store past the caches refers to


@dataclass(slots=True)
class Address:
    """``pointer + constant`` bytes, plus per lane ``lane * number of the lane`` and the terms ``vectors`` of a form."""

    pointer: str
    constant: int
    depth: int
    pure: bool
    lane: int
    vectors: list
    known: int  # depth of the innermost binding that was put in


class Memory:
    """Reads and writes the arrays of one function.

    Attributes:
        arrays: name -> Storage of every array that can be named here.
        hoist: depth of the scope in front of the present vector loop, where loads that are the same for all its lanes
            go; None outside.
        written: arrays that this vector loop writes.
        guarded: the mask comes from a guard, so that all its lanes may be off.
        streams: chunks start where vectors of streamed arrays are aligned, so that stores to them go past the caches.
    """

    def __init__(self, function: Function, arrays: dict[str, Storage]):
        self.function = function
        self.arrays = arrays
        self.values = Values(function, {"load": self._load, "load_if": self._load, "fold": self._fold})
        self.hoist: int | None = None
        self.written: frozenset[str] = frozenset()
        self.guarded = False
        self.streams = False

    def storage(self, name: str) -> Storage:
        """The storage of an array.

        Raises:
            CompileError: no array of that name exists here.
        """
        try:
            return self.arrays[name]
        except KeyError:
            raise CompileError(f"array {name} is not known here; known: {', '.join(self.arrays)}") from None

    # --------------------------------------------------------------------------------------- addresses

    def _address(self, storage: Storage, index: tuple) -> Address:
        function, values = self.function, self.values
        offset = storage.offsets.get(index)
        if offset is None:
            offset = storage.offsets[index] = Offset.of(offset_of(storage, index), storage.array.type.dtype.size)
        if offset.terms is None:
            return self._computed(storage, values.form(offset.node, storage.array.type.dtype.size))
        constant, lane, known, places = offset.constant, 0, 0, []
        for atom, coefficient in offset.terms:
            binding = function.bindings.get(atom)
            if binding is None:
                places.append(-1)
                continue
            places.append(binding.depth if binding.base else 0)
            constant += coefficient * binding.offset
            lane += coefficient * binding.lane
            if binding.depth > known:
                known = binding.depth
        key = (storage.pointer, index, *places)
        found = function.memo.get(key)
        if found is not None:
            value, depth, _ = found
            return Address(value.text, constant, depth, True, lane, [], known)
        address = self._computed(storage, values.form(offset.node, storage.array.type.dtype.size))
        if address.pure and not address.vectors:
            function.keep(key, Value(address.pointer, i64), address.depth, function.place(address.depth))
            function.here()
        return address

    def _computed(self, storage: Storage, form: Form) -> Address:
        """The address that a form of bytes says."""
        function, values = self.function, self.values
        scalars, vectors = values.grouped(form)
        pointer, depth, pure = storage.pointer, 0, True
        start = 0
        while start < len(scalars):
            end = start + 1
            while end < len(scalars) and scalars[end][1] == scalars[start][1]:
                end += 1
            step, where, step_pure = values.total(scalars[start:end])
            depth, pure = max(depth, where), pure and step_pure
            pointer = self._moved(pointer, step.text, depth, pure)
            start = end
        function.here()
        return Address(pointer, form.constant, depth, pure, form.lane, vectors, form.depth)

    def _moved(self, pointer: str, offset, depth: int, pure: bool = True) -> str:
        """``pointer`` plus bytes, shared where it was already made."""
        if offset == 0:
            return pointer
        function = self.function
        key = ("at", pointer, offset)
        found = function.memo.get(key)
        if found is not None:
            return found[0].text
        depth = function.place(depth) if pure else function.depth
        if not pure:
            function.here()
        name = f"%p{next(function.names)}"
        function.builder.lines.append(f"  {name} = getelementptr i8, ptr {pointer}, i64 {offset}")
        function.keep(key, Value(name, i64), depth)
        return name

    def _pointers(self, address: Address, size: int) -> str:
        """One pointer per lane. Steps of whole elements let the CPU scale 32-bit indices by itself."""
        function, builder = self.function, self.function.builder
        base = self._moved(address.pointer, address.constant, function.depth)
        unit = size if not any(n % size for n in (address.lane, *[v[3] for v in address.vectors])) else 1
        parts = [self.values.scaled(value, depth, pure, n // unit) for value, depth, pure, n in address.vectors]
        if address.lane:
            parts.append(lane_numbers(function.lanes, address.lane // unit))
        function.here()
        total = parts[0]
        for part in parts[1:]:
            total = builder.binary("add", total, part)
        name = f"%p{next(function.names)}"
        builder.lines.append(f"  {name} = getelementptr i{8 * unit}, ptr {base}, {total.operand}")
        return name

    # ------------------------------------------------------------------------------------------- loads

    def _load(self, node: Node) -> None:
        function = self.function
        storage = self.storage(node.attr("buffer"))
        guard, index = None, node.inputs
        if node.op == "load_if":
            guard, index = self.values.value(node.inputs[0]), node.inputs[1:]
            if guard.number is not None:
                if not guard.number:
                    function.keep_passing(node, function.builder.const(0, node.dtype))
                    return
                guard = None
        if storage.pointer is None:
            value = element(self.values, storage, index)
            if guard is not None:
                value = self._zero_unless(guard, value)
            function.keep_passing(node, value)
            return
        address = self._address(storage, index)
        if address.lane == 0 and not address.vectors:
            if self.guarded:
                guard = self.mask(guard)
            if guard is None and self._is_invariant(storage, address):
                self._load_ahead(node, address)
                return
            function.keep_passing(node, self._load_uniform(storage, address, node.dtype, guard))
            return
        mask = self.mask(guard)
        size = node.dtype.size
        if address.vectors or abs(address.lane) != size or (address.lane < 0 and mask is not None):
            function.keep_passing(node, self._gather(storage, address, node.dtype, mask))
        elif address.lane < 0:
            function.keep_passing(node, self._load_backwards(address, node.dtype))
        else:
            function.keep_passing(node, self._load_vector(address, node.dtype, mask))

    def _is_invariant(self, storage: Storage, address: Address) -> bool:
        if self.hoist is None or not address.pure or address.depth > self.hoist or storage.array.name in self.written:
            return False
        return all(s.kind in (INLINE, STEPS) for s in self.function.scopes[self.hoist + 1 :])

    def _load_ahead(self, node: Node, address: Address) -> None:
        """A load that is the same for every iteration of a vector loop, in front of that loop."""
        function = self.function
        key = ("load", address.pointer, address.constant, node.dtype)
        found = function.memo.get(key)
        if found is None:
            function.builder.lines = function.scopes[self.hoist].text.lines
            pointer = self._moved(address.pointer, address.constant, self.hoist)
            value = self._plain_load(pointer, node.dtype, 1)
            function.keep(key, value, self.hoist)
        else:
            value = found[0]
        function.keep(node, value, max(self.hoist, address.known))

    def _plain_load(self, pointer: str, dtype: DType, lanes: int) -> Value:
        builder = self.function.builder
        kind = u8 if dtype is b1 else dtype
        value = builder.emit(f"load {register_type(kind, lanes)}, ptr {pointer}, align {dtype.size}", kind, lanes)
        return self._from_memory(value, dtype)

    def _from_memory(self, value: Value, dtype: DType) -> Value:
        builder = self.function.builder
        return builder.compare("ne", value, builder.const(0, u8, value.lanes)) if dtype is b1 else value

    def _load_uniform(self, storage: Storage, address: Address, dtype: DType, guard: Value | None) -> Value:
        """One element for all lanes. A false guard moves the load to where memory is always readable."""
        function, builder = self.function, self.function.builder
        pointer = self._moved(address.pointer, address.constant, function.depth)
        function.here()
        if guard is None:
            return self._plain_load(pointer, dtype, 1)
        any_lane = guard
        if guard.lanes > 1:
            mask = guard if self.guarded else self.mask(guard)
            name = f"%v{next(function.names)}"
            function.put(f"  {name} = bitcast {mask.operand} to i{mask.lanes}")
            any_lane = builder.emit(f"icmp ne i{mask.lanes} {name}, 0", b1, 1)
        safe = f"%p{next(function.names)}"
        function.put(f"  {safe} = select {any_lane.operand}, ptr {pointer}, ptr {self._readable(storage)}")
        return self._zero_unless(guard, self._plain_load(safe, dtype, 1))

    def _readable(self, storage: Storage) -> str:
        """Where an element may be read whatever it is: the start of an array, if that has any elements."""
        size = storage.array.type.size
        if type(size) is int and size:
            return storage.pointer
        self.function.builder.declared.add(_READABLE)
        return "@gc_readable"

    def _zero_unless(self, guard: Value, value: Value) -> Value:
        builder, lanes = self.function.builder, max(guard.lanes, value.lanes)
        value = builder.splat(value, lanes)
        if guard.lanes < lanes:
            guard = builder.splat(guard, lanes)
        return builder.select(guard, value, builder.const(0, value.dtype, lanes))

    def _load_vector(self, address: Address, dtype: DType, mask: Value | None) -> Value:
        function = self.function
        pointer = self._moved(address.pointer, address.constant, function.depth)
        function.here()
        if mask is None:
            return self._plain_load(pointer, dtype, function.lanes)
        kind = u8 if dtype is b1 else dtype
        type_text, suffix = _names(kind, function.lanes)
        builder = function.builder
        builder.declared.add(f"declare {type_text} @llvm.masked.load.{suffix}.p0(ptr, {mask.type}, {type_text})")
        value = builder.emit(f"call {type_text} @llvm.masked.load.{suffix}.p0(ptr align {dtype.size} {pointer}, "
                             f"{mask.operand}, {type_text} zeroinitializer)", kind, function.lanes)
        return self._from_memory(value, dtype)

    def _load_backwards(self, address: Address, dtype: DType) -> Value:
        """Neighbours in falling order."""
        function, lanes = self.function, self.function.lanes
        pointer = self._moved(address.pointer, address.constant + address.lane * (lanes - 1), function.depth)
        function.here()
        value = self._plain_load(pointer, dtype, lanes)
        order = ", ".join(f"i32 {k}" for k in reversed(range(lanes)))
        return function.builder.emit(f"shufflevector {value.operand}, {value.type} poison, <{lanes} x i32> <{order}>",
                                     dtype, lanes)

    def _gather(self, storage: Storage, address: Address, dtype: DType, mask: Value | None) -> Value:
        function, builder, lanes = self.function, self.function.builder, self.function.lanes
        pointers = self._pointers(address, dtype.size)
        kind = u8 if dtype is b1 else dtype
        type_text, suffix = _names(kind, lanes)
        bits = f"<{lanes} x i1>"
        name = f"llvm.masked.gather.{suffix}.v{lanes}p0"
        builder.declared.add(f"declare {type_text} @{name}(<{lanes} x ptr>, {bits}, {type_text})")
        on = f"{bits} splat (i1 true)"
        if mask is not None and function.target.masks:
            on = mask.operand
        elif mask is not None:  # lanes that are off read what is readable instead of branching
            safe = f"%p{next(function.names)}"
            function.put(f"  {safe}a = insertelement <{lanes} x ptr> poison, ptr {self._readable(storage)}, i64 0")
            function.put(f"  {safe}b = shufflevector <{lanes} x ptr> {safe}a, <{lanes} x ptr> poison, "
                         f"<{lanes} x i32> zeroinitializer")
            function.put(f"  {safe} = select {mask.operand}, <{lanes} x ptr> {pointers}, <{lanes} x ptr> {safe}b")
            pointers = safe
        value = builder.emit(f"call {type_text} @{name}(<{lanes} x ptr> align {dtype.size} {pointers}, {on}, "
                             f"{type_text} zeroinitializer)", kind, lanes)
        value = self._from_memory(value, dtype)
        return value if mask is None or function.target.masks else self._zero_unless(mask, value)

    def mask(self, guard: Value | None) -> Value | None:
        """Lanes that are on and pass the guard; None for all."""
        function = self.function
        if guard is None:
            return function.mask
        guard = function.builder.splat(guard, function.lanes)
        return guard if function.mask is None else function.builder.binary("and", function.mask, guard)

    # ------------------------------------------------------------------------------------------ stores

    def store(self, name: str, index: tuple, node: Node) -> None:
        """Write the value of ``node`` to one element, or to one per lane."""
        function, values = self.function, self.values
        storage = self.storage(name)
        dtype = storage.array.type.dtype
        if node.dtype is not dtype:
            raise CompileError(f"store of {node.dtype.short} into array {name} of {storage.array.type}")
        if storage.pointer is None:
            set_element(self.values, storage, index, node)
            return
        value = values.value(node)
        address = self._address(storage, index)
        if address.lane == 0 and not address.vectors:
            if value.lanes > 1 or self.guarded:
                raise CompileError(f"a vector loop stores different values to one element of {name}")
            pointer = self._moved(address.pointer, address.constant, function.depth)
            self._plain_store(pointer, value)
            return
        value = self._to_memory(values.vector(node))
        type_text, suffix = _names(value.dtype, value.lanes)
        if not address.vectors and address.lane == dtype.size and not self._is_narrow_and_unknown(dtype):
            pointer = self._moved(address.pointer, address.constant, function.depth)
            if function.mask is None and self.streams and storage.array.streamed:
                function.builder.declared.add(_STREAMED)
                least = min(value.lanes * dtype.size, STREAM_ALIGNMENT)
                function.put(f"  store {value.operand}, ptr {pointer}, align {least}, !nontemporal !0")
                return
            if function.mask is None:
                function.put(f"  store {value.operand}, ptr {pointer}, align {dtype.size}")
                return
            if function.mask.operand == _first_lane(value.lanes):  # LLVM 22 stores a truncated lane too wide
                first = function.builder.emit(f"extractelement {value.operand}, i32 0", value.dtype, 1)
                function.put(f"  store {first.operand}, ptr {pointer}, align {dtype.size}")
                return
            intrinsic = f"llvm.masked.store.{suffix}.p0"
            where, on = "ptr", function.mask.operand
        else:
            pointer = self._pointers(address, dtype.size)
            intrinsic = f"llvm.masked.scatter.{suffix}.v{value.lanes}p0"
            where = f"<{value.lanes} x ptr>"
            on = f"<{value.lanes} x i1> splat (i1 true)" if function.mask is None else function.mask.operand
        function.builder.declared.add(f"declare void @{intrinsic}({type_text}, {where}, <{value.lanes} x i1>)")
        function.put(f"  call void @{intrinsic}({value.operand}, {where} align {dtype.size} {pointer}, {on})")

    def _is_narrow_and_unknown(self, dtype: DType) -> bool:
        """True for a store that LLVM 22 may get wrong: once it finds out that a computed mask has one lane on, it stores
        a truncated element of less than four bytes too wide. Such stores are written lane by lane (as a scatter).
        Truth values are widened to a byte and not truncated to it: where the hardware has masks, theirs is right."""
        mask = self.function.mask
        if dtype is b1 and self.function.target.masks:
            return False
        return dtype.size < 4 and mask is not None and not mask.text.startswith("<")

    def first(self, name: str, index: tuple) -> Value:
        """The address of an element as a number."""
        address = self._address(self.storage(name), index)
        return self._number(self._moved(address.pointer, address.constant, self.function.depth))

    def start(self, name: str) -> Value:
        """The address of an array as a number."""
        return self._number(self.storage(name).pointer)

    def _number(self, pointer: str) -> Value:
        self.function.here()
        return self.function.builder.emit(f"ptrtoint ptr {pointer} to i64", i64, 1)

    def prefetch(self, name: str, index: tuple) -> None:
        """Ask for the cache line of an element (of the first lane's, in a vector loop) to be read ahead."""
        storage = self.storage(name)
        if storage.pointer is None:
            raise CompileError(f"array {name} lies in registers; there is nothing to prefetch")
        address = self._address(storage, index)
        pointer = self._moved(address.pointer, address.constant, self.function.depth)
        self.function.builder.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.function.put(f"  call void @llvm.prefetch.p0(ptr {pointer}, i32 0, i32 3, i32 1)")

    def _plain_store(self, pointer: str, value: Value) -> None:
        size = value.dtype.size
        value = self._to_memory(value)
        self.function.put(f"  store {value.operand}, ptr {pointer}, align {size}")

    def _to_memory(self, value: Value) -> Value:
        self.function.here()
        return self.function.builder.convert("zext", value, u8) if value.dtype is b1 else value

    # -------------------------------------------------------------------------------------- own arrays

    def allocate(self, array: Array, chunk: int, in_memory: bool) -> None:
        """Make a register or stack array known; ``chunk`` neighbours share a register."""
        if not array.type.is_static:
            raise CompileError(f"array {array.name} of {array.type} in {array.space} space must have a fixed size")
        if array.strides is not None:
            raise CompileError(f"array {array.name} in {array.space} space cannot have strides")
        if in_memory:
            pointer = self.function.allocate(array.type.size * array.type.dtype.size)
            self.arrays[array.name] = Storage(array, pointer)
            return
        storage = Storage(array, None, chunk)
        self.arrays[array.name] = storage
        rows = 1
        for d in array.type.shape[:-1]:
            rows *= d
        for k in range(rows * storage.values_per_row):
            self.function.state[array.name, k] = Value(UNDEFINED, array.type.dtype, chunk)

    def _fold(self, node: Node) -> None:
        storage = self.storage(node.attr("buffer"))
        function, dtype, count = self.function, storage.array.type.dtype, fold_count(storage)
        function.here()
        if storage.pointer is None:
            parts = [function.read((storage.array.name, k)) for k in range(storage.values_per_row)]
        else:
            places = [self._moved(storage.pointer, k * dtype.size, function.depth) for k in range(count)]
            parts = [self._plain_load(place, dtype, 1) for place in places]
        function.keep_passing(node, fold(function.builder, node.attr("combine"), parts, count))


def _first_lane(lanes: int) -> str:
    """The constant mask of a chunk of which one iteration is left."""
    return f"<{lanes} x i1> <i1 true{', i1 false' * (lanes - 1)}>"


def _names(dtype: DType, lanes: int) -> tuple[str, str]:
    """The LLVM type of a vector in memory and its suffix in intrinsic names."""
    element = element_type(dtype)
    short = {"float": "f32", "double": "f64"}.get(element, element)
    return f"<{lanes} x {element}>", f"v{lanes}{short}"
