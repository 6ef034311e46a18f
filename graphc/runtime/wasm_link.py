"""One WebAssembly object as a module that imports nothing: addresses, a stack, a table of functions, exports.

Memory begins with the stack, which grows down, so that an overflow traps; data follows, and from ``__heap_base`` on memory is the caller's.
"""

from __future__ import annotations

from graphc.errors import CompileError
from graphc.runtime.wasm_numbers import name_bytes, section_pieces, signed, unsigned, vector
from graphc.runtime.wasm_object import (
    CODE, CONTENT, DATA, ELEMENTS, FUNCTION, FUNCTIONS, GLOBAL, MAGIC, TABLE, TYPES, Object, Segment, Symbol, read_object,
)  # fmt: skip

STACK = 1 << 20  # bytes; system pages that nothing uses cost nothing
_PAGE = 1 << 16
_MOST = 1 << 31  # bytes of stack and data
_ALIGN = 64
_CUSTOM, _TABLE, _MEMORY, _GLOBAL, _EXPORT, _COUNT = 0, 4, 5, 6, 7, 12  # ids of sections that objects do not have or that are made anew
_I32, _FUNCREF, _END = b"\x7f", b"\x70", b"\x0b"
_TABLE_SLEB, _TABLE_I32, _TABLE_NUMBER = 1, 2, 20
_FUNCTION_LEB, _MEMORY_LEB, _MEMORY_SLEB, _MEMORY_I32, _TYPE_LEB, _GLOBAL_LEB = 0, 3, 4, 5, 6, 7
_LEB = 5  # bytes of a number that is to be relocated


def link_module(data: bytes, exports: list[str], described: list[str]) -> list[bytes]:
    """The pieces of a module with ``memory``, ``__heap_base`` and the functions ``exports`` as its exports.

    Args:
        described: symbols of data whose content is a custom section of that name too, to be read without running anything.

    Raises:
        CompileError: ``data`` is no relocatable WebAssembly object, leaves a symbol undefined, needs what no such module
            has, or lacks a symbol that is asked for.
    """
    return _Linked(data).pieces(exports, described)


class _Linked:
    """An object whose parts have places."""

    def __init__(self, data: bytes):
        self.data = data
        self.object: Object = read_object(data)
        self._refuse_undefined()
        self.places, place = [], STACK
        for segment in self.object.segments:
            place = -(-place // segment.align) * segment.align
            self.places.append(place)
            place += segment.size
        self.heap = -(-place // _ALIGN) * _ALIGN
        if self.heap >= _MOST:
            raise CompileError(f"a module with {self.heap} bytes of stack and data is too large; less than {_MOST} can be linked")
        self.slots: dict[int, int] = {}  # function -> its place in the table

    def pieces(self, exports: list[str], described: list[str]) -> list[bytes]:
        names = {s.name: s for s in self.object.symbols if s.is_defined and not s.is_local}
        missing = [name for name in (*exports, *described) if name.encode() not in names]
        if missing:
            raise CompileError(f"object file does not define {', '.join(missing)}")
        code, content = self._relocated(CODE), self._relocated(CONTENT)
        memory = -(-self.heap // _PAGE)
        functions = [(name, FUNCTION, self._function(names[name.encode()])) for name in exports]
        offered = [*functions, ("memory", 2, 0), ("__heap_base", 3, 1)]
        globals = [_I32 + mutable + b"\x41" + signed(value) + _END for mutable, value in ((b"\1", STACK), (b"\0", self.heap))]
        segments = self._segments(content)
        parts = [MAGIC + b"\1\0\0\0", *self._kept(TYPES), *self._kept(FUNCTIONS)]
        if self.slots or self.object.imports[TABLE]:
            parts += section_pieces(_TABLE, vector([_FUNCREF + b"\0" + unsigned(1 + len(self.slots))]))
        parts += section_pieces(_MEMORY, vector([b"\0" + unsigned(memory)]))
        parts += section_pieces(_GLOBAL, vector(globals))
        parts += section_pieces(_EXPORT, vector([name_bytes(n.encode()) + bytes([k]) + unsigned(i) for n, k, i in offered]))
        if self.slots:
            parts += section_pieces(ELEMENTS, b"\1\0\x41\1" + _END, vector([unsigned(f) for f in self.slots]))
        parts += section_pieces(_COUNT, unsigned(len(self.object.segments)))
        parts += section_pieces(CODE, code)
        parts += section_pieces(CONTENT, unsigned(len(self.object.segments)), *segments)
        for name in described:
            parts += section_pieces(_CUSTOM, name_bytes(name.encode()), self._bytes(names[name.encode()]))
        return parts

    def _refuse_undefined(self) -> None:
        known = {FUNCTION: [], GLOBAL: [b"__stack_pointer"], TABLE: [b"__indirect_function_table"], DATA: [b"__linear_memory"]}
        symbols = [s.name for s in self.object.symbols if s.kind == DATA and not s.is_defined]
        imported = [name for kind, names in self.object.imports.items() for name in names if name not in known[kind]]
        if symbols or imported:
            raise CompileError(f"object file leaves undefined: {b', '.join([*symbols, *imported]).decode(errors='replace')}")

    def _kept(self, kind: int) -> list[bytes]:
        if kind not in self.object.sections:
            raise CompileError("object file has no functions")
        begin, end = self.object.sections[kind]
        return section_pieces(kind, self.data[begin:end])

    def _segments(self, content: memoryview) -> list[bytes]:
        """The content of the section of data after the number of segments."""
        parts = []
        for segment, place in zip(self.object.segments, self.places):
            head = b"\0\x41" + signed(place) + _END + unsigned(segment.size)
            parts += [head, content[segment.place : segment.place + segment.size]]
        return parts

    def _bytes(self, symbol: Symbol) -> bytes:
        _expect(symbol, DATA, "data")
        segment: Segment = self.object.segments[symbol.index]
        begin = segment.begin + symbol.offset
        return self.data[begin : begin + symbol.size]

    def _function(self, symbol: Symbol) -> int:
        """The number of a function; without imports they are counted from 0, as here."""
        _expect(symbol, FUNCTION, "function")
        return symbol.index

    def _slot(self, symbol: Symbol) -> int:
        """The place of a function in the table, in which 0 stays empty as the null pointer."""
        return self.slots.setdefault(self._function(symbol), 1 + len(self.slots))

    def _address(self, symbol: Symbol) -> int:
        _expect(symbol, DATA, "data")
        return self.places[symbol.index] + symbol.offset

    def _relocated(self, kind: int) -> memoryview:
        """The content of a section with all numbers in their places."""
        begin, end = self.object.sections.get(kind, (0, 0))
        content = bytearray(self.data[begin:end])
        for r in self.object.relocations.get(kind, ()):
            number = self._number(r.kind, r.symbol, r.addend)
            if r.offset + len(number) > len(content):
                raise CompileError(f"object file is damaged: relocation at {r.offset} of {len(content)} bytes")
            content[r.offset : r.offset + len(number)] = number
        return memoryview(content)

    def _number(self, kind: int, index: int, addend: int) -> bytes:
        if kind == _TYPE_LEB:
            return unsigned(index, _LEB)
        if index >= len(self.object.symbols):
            raise CompileError(f"object file is damaged: relocation by symbol {index} of {len(self.object.symbols)}")
        symbol = self.object.symbols[index]
        if kind == _FUNCTION_LEB:
            return unsigned(self._function(symbol), _LEB)
        if kind in (_GLOBAL_LEB, _TABLE_NUMBER):  # there is one of each
            return unsigned(0, _LEB)
        if kind in (_TABLE_SLEB, _TABLE_I32):
            slot = self._slot(symbol)
            return signed(slot, _LEB) if kind == _TABLE_SLEB else slot.to_bytes(4, "little")
        if kind in (_MEMORY_LEB, _MEMORY_SLEB, _MEMORY_I32):
            address = self._address(symbol) + addend & 0xFFFFFFFF
            if kind == _MEMORY_LEB:
                return unsigned(address, _LEB)
            if kind == _MEMORY_I32:
                return address.to_bytes(4, "little")
            return signed(address - (address >> 31 << 32), _LEB)
        raise CompileError(f"object file has relocation {kind}, which cannot be linked")


def _expect(symbol: Symbol, kind: int, what: str) -> None:
    if symbol.kind != kind:
        raise CompileError(f"{symbol.name.decode(errors='replace')} is no {what}")
