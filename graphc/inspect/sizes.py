"""Symbolic sizes for people: short names for symbols, and counts at example sizes."""

from __future__ import annotations

import difflib
import re

from graphc.errors import UsageError
from graphc.ir.graph import Graph
from graphc.ir.node import Node, symbol, symbol_name
from graphc.ir.program import Param, Signature
from graphc.ir.sizes import symbols_in
from graphc.prims.interpret import dim_value

_SHORT = "nmkpqrst"


class Sizes:
    """How the symbolic dimensions of a program are shown: the first as ``n``, the second as ``m``, and so on.

    Args:
        example: the size that every symbol has where a number must be shown.
        given: other sizes for some of them, by their short names or as ``input.axis``.

    Raises:
        UsageError: a name of ``given`` is no symbolic dimension.
    """

    def __init__(self, signature: Signature, example: int = 64, given: dict[str, int] | None = None):
        self.symbols = signature.symbols
        self._example = example
        taken = {p.name for p in (*signature.inputs, *signature.outputs)}
        free = [s for s in _SHORT if s not in taken] + [f"n{k}" for k in range(1, len(self.symbols) + 1)]
        self._short = dict(zip(self.symbols, free))
        self._found = re.compile(
            "|".join(rf"\b{re.escape(s)}\b" for s in sorted(self.symbols, key=len, reverse=True)) or r"(?!)"
        )
        self._signature = signature
        self.legend = [f"{self._short[name]} is {_origin(signature, name)}" for name in self.symbols]
        self._values = dict.fromkeys(self.symbols, example)
        self.given = {self.symbol(name): size for name, size in (given or {}).items()}
        self._values |= self.given

    def symbol(self, name: str) -> str:
        """The symbol that a user calls ``name``.

        Raises:
            UsageError: there is none.
        """
        signature = self._signature
        known = {short: long for long, short in self._short.items()}
        known |= {f"{p.name}.{axis}": symbol_name(d) for p in signature.inputs for axis, d in enumerate(p.type.shape) if symbol_name(d)}
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.6)
            meant = f"did you mean {near[0]}? Those open are" if near else "those open are"
            there = f"{meant} {', '.join(known)}" if known else "every size of it is fixed"
            raise UsageError(f"--size {name}: the model has no open dimension of that name; {there}")
        return known[name]

    def text(self, value) -> str:
        """A type, dimension or any text with short names for symbols."""
        return self._found.sub(lambda found: self._short[found.group()], str(value))

    def number(self, dim, size: int | None = None) -> int:
        """A dimension with every symbol at ``size``, or at the size that it has here.

        Sizes that become known inside of a loop are none of the program's; they have the size of the example.
        """
        known = {symbol(name): value for name, value in self._values.items()}
        env = {s: known.get(s, self._example) if size is None else size for s in symbols_in(dim)}
        return dim_value(dim, env)

    def bytes(self, dim, size: int | None = None) -> str:
        """A number of bytes in units, with every symbol at ``size``."""
        return unit(self.number(dim, size))

    @property
    def by_symbol(self) -> dict[str, int]:
        """The size of every symbol; ``given`` has those that somebody chose."""
        return dict(self._values)

    @property
    def assumed(self) -> tuple[str, ...]:
        """Short names of the symbols whose size nobody chose."""
        return tuple(self._short[name] for name in self.symbols if name not in self.given)

    @property
    def values(self) -> dict[str, int]:
        """The size of every symbol, by its short name."""
        return {self._short[name]: size for name, size in self._values.items()}

    @property
    def condition(self) -> str:
        """At which sizes numbers are shown; empty where every size is fixed."""
        if not self.symbols:
            return ""
        if len(set(self._values.values())) == 1:
            return f" at {' = '.join([*self.values, str(self._values[self.symbols[0]])])}"
        return f" at {', '.join(f'{name} = {size}' for name, size in self.values.items())}"

    def growth(self, dim, sizes=(1, 64, 1024)) -> str:
        """Bytes at a few sizes: ``704 B for n = 1, 35 KiB for n = 64``; at those that were given, if some were."""
        if not isinstance(dim, Node):
            return unit(dim)
        if self.given:
            return self.bytes(dim) + self.condition
        names = " = ".join(self._short.values())
        return ", ".join(f"{self.bytes(dim, size)} for {names} = {size}" for size in sizes)


def signature_of(graph: Graph) -> Signature:
    """What a caller of an optimised graph's program will have to know, but for its memory."""
    inputs = tuple([Param(x.attr("name"), x.type) for x in graph.inputs])
    outputs = tuple([Param(name, y.type) for name, y in zip(graph.names, graph.outputs)])
    symbols = tuple([s.attr("name") for s in dict.fromkeys((*graph.symbols, *graph.measured))])
    return Signature(inputs, outputs, symbols, graph.donated)


def _origin(signature: Signature, name: str) -> str:
    """The first axis whose size a symbol is; of an output, if a step on the host makes it."""
    for params, known in ((signature.inputs, ""), (signature.outputs, ", known when a step on the host has run")):
        for param in params:
            for axis, d in enumerate(param.type.shape):
                if symbol_name(d) == name:
                    return f"axis {axis} of {param.name}{known}"
    return f"{name}, known when a step on the host has run"


def unit(count: int) -> str:
    """Bytes for people: ``40 B``, ``1.5 KiB``, ``20 MiB``."""
    value = float(count)
    for name in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or name == "GiB":
            return f"{count} B" if name == "B" else f"{value:.1f} {name}" if value < 100 else f"{value:.0f} {name}"
        value /= 1024
    return f"{count} B"


def amount(count: int) -> str:
    """A count for people: ``640``, ``12.8 K``, ``3.21 G``."""
    value = float(count)
    for name in ("", " K", " M", " G", " T", " P"):
        if value < 999.5 or name == " P":
            return f"{count}" if not name else f"{value:.3g}{name}"
        value /= 1000
    return str(count)
