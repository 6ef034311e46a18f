"""Symbolic sizes for people: short names for symbols, and byte counts at example sizes."""

from __future__ import annotations

import re

from graphc.ir.node import Node, symbol
from graphc.ir.program import Signature
from graphc.prims.interpret import dim_value

_SHORT = "nmkpqrst"


class Sizes:
    """How the symbolic dimensions of a program are shown: the first as ``n``, the second as ``m``, and so on.

    Args:
        example: the size that every symbol has where a number must be shown.
    """

    def __init__(self, signature: Signature, example: int = 64):
        self.symbols = signature.symbols
        self.example = example
        taken = {p.name for p in (*signature.inputs, *signature.outputs)}
        free = [s for s in _SHORT if s not in taken] + [f"n{k}" for k in range(1, len(self.symbols) + 1)]
        self._short = dict(zip(self.symbols, free))
        self._found = re.compile(
            "|".join(rf"\b{re.escape(s)}\b" for s in sorted(self.symbols, key=len, reverse=True)) or r"(?!)"
        )
        self.legend = [f"{self._short[name]} is {_origin(signature, name)}" for name in self.symbols]

    def text(self, value) -> str:
        """A type, dimension or any text with short names for symbols."""
        return self._found.sub(lambda found: self._short[found.group()], str(value))

    def number(self, dim, size: int | None = None) -> int:
        """A dimension with every symbol at ``size``."""
        return dim_value(dim, {symbol(name): self.example if size is None else size for name in self.symbols})

    def bytes(self, dim, size: int | None = None) -> str:
        """A number of bytes in units, with every symbol at ``size``."""
        return unit(self.number(dim, size))

    @property
    def condition(self) -> str:
        """At which sizes numbers are shown; empty where every size is fixed."""
        return f" at {' = '.join([*self._short.values(), str(self.example)])}" if self.symbols else ""

    def growth(self, dim, sizes=(1, 64, 1024)) -> str:
        """Bytes at a few sizes: ``704 B for n = 1, 35 KiB for n = 64``."""
        if not isinstance(dim, Node):
            return unit(dim)
        names = " = ".join(self._short.values())
        return ", ".join(f"{self.bytes(dim, size)} for {names} = {size}" for size in sizes)


def _origin(signature: Signature, name: str) -> str:
    """The first axis whose size a symbol is."""
    for param in signature.inputs:
        for axis, d in enumerate(param.type.shape):
            if str(d) == name:
                return f"axis {axis} of {param.name}"
    return name


def unit(count: int) -> str:
    """Bytes for people: ``40 B``, ``1.5 KiB``, ``20 MiB``."""
    value = float(count)
    for name in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or name == "GiB":
            return f"{count} B" if name == "B" else f"{value:.1f} {name}" if value < 100 else f"{value:.0f} {name}"
        value /= 1024
    return f"{count} B"
