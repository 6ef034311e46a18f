"""Sizes in C: expressions over a program's symbols."""

from __future__ import annotations

from graphc.errors import CompileError
from graphc.ir.node import Node, const_value

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "and": "&&", "or": "||"}
_FUNCTIONS = {"floordiv": "floordiv", "mod": "floormod", "min": "smaller", "max": "larger"}
_GUARDED = {"add": "added", "sub": "subtracted", "mul": "multiplied"}
_LONG = 48  # characters from which on an expression gets a name


class Sizes:
    """Writes the expressions of one function in C.

    Args:
        symbols: names of the program's symbols, in the order of ``dims``.
        guarded: whether sums and products set ``over`` where they have no 64-bit value.
    """

    def __init__(self, symbols: tuple[str, ...], guarded: bool = False):
        self._symbols, self._guarded = symbols, guarded
        self._used: dict[int, str] = {}
        self._named: list[str] = []
        self._texts: dict[Node, str] = {}

    def text(self, size) -> str:
        """An int or a Node as an operand of C; what it needs is among ``declarations``.

        Raises:
            CompileError: it is no expression of sizes.
        """
        if not isinstance(size, Node):
            return str(int(size))
        stack = [size]
        while stack:
            node = stack[-1]
            missing = [x for x in node.inputs if x not in self._texts]
            if node in self._texts:
                stack.pop()
            elif missing:
                stack.extend(missing)
            else:
                self._texts[stack.pop()] = self._written(node)
        return self._texts[size]

    def bare(self, size) -> str:
        """The same without the parentheses that only an operand needs."""
        text = self.text(size)
        return text[1:-1] if text.startswith("(") else text

    @property
    def declarations(self) -> list[str]:
        """The lines before the first expression."""
        dims = [f"const int64_t {name} = dims[{k}];" for k, name in sorted(self._used.items())]
        return [*dims, *self._named]

    def _written(self, node: Node) -> str:
        if node.op == "symbol":
            number = self._symbols.index(node.attr("name"))
            return self._used.setdefault(number, f"dim{number}")
        value = const_value(node)
        if value is not None:
            return str(int(value)) if int(value) >= 0 else f"({int(value)})"
        if node.op not in _SIGNS and node.op not in _FUNCTIONS:
            raise CompileError(f"{node} is no expression of sizes: {node.op} is not allowed in it")
        a, b = (self._texts[x] for x in node.inputs)
        if node.op in _FUNCTIONS or (self._guarded and node.op in _GUARDED):
            name = _FUNCTIONS.get(node.op) or _GUARDED[node.op]
            last = ", &over" if node.op in _GUARDED else ""
            text = f"{name}({self.bare(node.inputs[0])}, {self.bare(node.inputs[1])}{last})"
        else:
            text = f"({a} {_SIGNS[node.op]} {b})"
        if len(text) < _LONG:
            return text
        name = f"size{len(self._named)}"
        self._named.append(f"const int64_t {name} = {text[1:-1] if text.startswith('(') else text};")
        return name
