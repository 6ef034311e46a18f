"""Putting bytes into a WebAssembly object, as the content of a symbol for which it has made room."""

from __future__ import annotations

from graphc.errors import CompileError
from graphc.runtime.wasm_object import DATA, read_object


def fill(data: bytes, name: str, content) -> bytes:
    """The object ``data`` with ``content`` where its symbol ``name`` lies.

    Raises:
        CompileError: ``data`` is no relocatable WebAssembly object, or has no room of that size under the name.
    """
    found = read_object(data)
    for symbol in found.symbols:
        if symbol.kind == DATA and symbol.name == name.encode() and symbol.is_defined and symbol.size == len(content):
            begin = found.segments[symbol.index].begin + symbol.offset
            result = bytearray(data)
            result[begin : begin + len(content)] = content
            return bytes(result)
    raise CompileError(f"object file has no room of {len(content)} bytes for {name!r}")
