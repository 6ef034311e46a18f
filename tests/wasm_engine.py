"""WebAssembly modules in wasmtime."""

from __future__ import annotations

import wasmtime

_ENGINE = wasmtime.Engine()


class Wasm:
    """A module without anything that it could import, and what calls it and its memory."""

    def __init__(self, module: bytes):
        self._store = wasmtime.Store(_ENGINE)
        self._exports = wasmtime.Instance(self._store, wasmtime.Module(_ENGINE, module), []).exports(self._store)
        self._memory = self._exports["memory"]
        self.heap = self._exports["__heap_base"].value(self._store)

    def write(self, place: int, content) -> None:
        missing = place + len(content) - self._memory.data_len(self._store)
        if missing > 0:
            self._memory.grow(self._store, -(-missing // 65536))
        self._memory.write(self._store, bytes(content), place)

    def read(self, place: int, size: int) -> bytes:
        return bytes(self._memory.read(self._store, place, place + size))

    def call(self, name: str, *arguments: int) -> int:
        return self._exports[name](self._store, *arguments)

    call_wide = call
