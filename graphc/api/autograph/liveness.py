"""Which names are read later: after a branch or a loop, or in the next step of the loop."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from graphc.api.autograph.scopes import FUNCTIONS, Names, blocks, own_nodes


def mark(body: Sequence[ast.stmt], outer: Iterable[str] = ()) -> None:
    """Give every ``if``, ``while`` and ``for`` of a function a set ``live``, and loops also a set ``head``.

    Names in ``live`` are read after it, those in ``head`` at the beginning of the next step.

    Args:
        outer: variables of functions around, which are read after this one.
    """
    functions = {n.name: Names(n).reads for n in own_nodes(body) if isinstance(n, FUNCTIONS) and hasattr(n, "name")}
    _Liveness(functions, frozenset(outer)).before(body, frozenset(outer))


class _Liveness:
    def __init__(self, functions: Mapping[str, set], outer: frozenset):
        self.functions, self.outer = functions, outer  # functions that are defined inside, and what they read

    def reads(self, nodes) -> set[str]:
        """The names that nodes read, and functions that they mention."""
        found, waiting = set(), list(Names(nodes).reads)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.functions.get(name, ()))
        return found

    def before(self, block: Sequence[ast.stmt], after: frozenset) -> frozenset:
        """The names that are read from a block on."""
        for statement in reversed(block):
            after = frozenset(self._before(statement, after))
        return after

    def _before(self, node: ast.stmt, after: frozenset):
        match node:
            case ast.If():
                node.live = after
                return self.before(node.body, after) | self.before(node.orelse, after) | self.reads(node.test)
            case ast.While() | ast.For():
                return self._loop(node, after)
            case ast.Return():
                return self.reads(node) | self.outer
            case ast.With() | ast.AsyncWith():
                given = Names(node.items)
                return (self.before(node.body, after) - given.writes) | self.reads(node.items)
            case ast.Assign() | ast.AnnAssign() | ast.FunctionDef() | ast.Import() | ast.ImportFrom():
                return (after - Names(node).writes) | self.reads(node)
        anywhere = after | self.reads(node)  # try, match and all else: anything may come next
        for block in blocks(node):
            self.before(block, anywhere)
        return anywhere

    def _loop(self, node: ast.While | ast.For, after: frozenset) -> frozenset:
        node.live = after
        is_for = isinstance(node, ast.For)
        test = self.reads(stops(node) if is_for else [node.test, *stops(node)])
        given = Names(node.target).writes if is_for else set()
        head, larger = None, after | test
        while head != larger:
            head = larger
            larger = head | (self.before(node.body, head) - given) | (self.reads(node.target) if is_for else set())
        node.head = head
        return head | (self.reads(node.iter) if is_for else set())


def stops(loop: ast.While | ast.For) -> list[ast.expr]:
    """The flags that end a loop; see ``graphc.api.autograph.jumps``."""
    return [ast.copy_location(ast.Name(flag, ast.Load()), loop) for flag in getattr(loop, "stops", ())]
