"""``break``, ``continue`` and ``return`` inside of branches and loops become flags, so that every block has one end."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.api.autograph.scopes import blocks, own_nodes

VALUE, RETURNED = "ag__value", "ag__returned"  # the answer of the function, and whether there is one yet
_NOTHING: frozenset = frozenset()


def without_jumps(body: list[ast.stmt]) -> list[ast.stmt]:
    """The body of a function with none of these but one ``return`` at its end.

    Loops get an attribute ``stops``: names of flags that end them.
    """
    return _Lowering().function(body)


@dataclass(frozen=True)
class _Loop:
    broke: str
    skip: str


class _Lowering:
    def __init__(self):
        self.loops = 0
        self.used: set[str] = set()  # flags that something asks for

    def function(self, body: list[ast.stmt]) -> list[ast.stmt]:
        plain = {id(s) for s in body}
        inner = [n for n in own_nodes(body) if isinstance(n, ast.Return) and id(n) not in plain]
        if not inner:
            return self._pruned(self.block(body, None, False)[0])
        certain, end, at = _always(body), body[-1], inner[0]
        new, _ = self.block(body, None, True)
        self.used |= set() if certain else {RETURNED}
        begin = [_set(RETURNED, False, at)] if RETURNED in self.used else []
        answer = _name(VALUE, end)
        if not certain:
            answer = ast.Call(_operator("answer"), [ast.Lambda(_no_arguments(), answer), _name(RETURNED, end)], [])
        return [*begin, *self._pruned(new), _at(ast.Return(answer), end)]

    def block(self, statements: Sequence[ast.stmt], loop: _Loop | None, returns: bool) -> tuple[list, frozenset]:
        """The statements without jumps, and the flags that they may set.

        Args:
            returns: whether ``return`` becomes a flag too.
        """
        new: list[ast.stmt] = []
        for k, node in enumerate(statements):
            rest = list(statements[k + 1 :])
            match node:
                case ast.Return() if returns:
                    value = node.value or _at(ast.Constant(None), node)
                    new += [_at(ast.Assign([ast.Name(VALUE, ast.Store())], value), node), _set(RETURNED, True, node)]
                    return new, frozenset({RETURNED})
                case ast.Break():
                    return [*new, _set(loop.broke, True, node)], frozenset({loop.broke})
                case ast.Continue():
                    return [*new, _set(loop.skip, True, node)], frozenset({loop.skip})
                case ast.If():
                    has_return = any(isinstance(n, ast.Return) for n in own_nodes(rest))
                    stays = has_return and not returns  # the one at the end
                    if rest and _always(node.body) and not stays:
                        node.orelse, rest = [*node.orelse, *rest], []
                    elif rest and node.orelse and _always(node.orelse) and not stays:
                        node.body, rest = [*node.body, *rest], []
                    node.body, flags = self.block(node.body, loop, returns)
                    node.orelse, more = self.block(node.orelse, loop, returns)
                    flags |= more
                    new.append(node)
                case ast.While() | ast.For():
                    made, flags = self._loop(node, loop, returns)
                    new += made
                case _:
                    flags = self._compound(node, loop, returns)
                    new.append(node)
            if flags and rest:
                guarded, more = self.block(rest, loop, returns)
                self.used |= flags
                return [*new, _unless(flags, guarded, rest[0])], flags | more
            if not rest:
                return new, flags
        return new, _NOTHING

    def _compound(self, node: ast.stmt, loop: _Loop | None, returns: bool) -> frozenset:
        """Take the jumps out of ``with``, ``try`` and ``match``; the flags that they may set."""
        flags = _NOTHING
        for inner in blocks(node):
            inner[:], more = self.block(inner, loop, returns)
            if flags and isinstance(node, ast.Try) and inner is node.orelse:  # of try, which is skipped then
                self.used |= flags
                inner[:] = [_unless(flags, list(inner), node)]
            flags |= more
        return flags

    def _loop(self, node: ast.While | ast.For, outer: _Loop | None, returns: bool) -> tuple[list, frozenset]:
        self.loops += 1
        loop = _Loop(f"ag__broke_{self.loops}", f"ag__skip_{self.loops}")
        node.body, flags = self.block(node.body, loop, returns)
        if loop.skip in self.used:
            node.body.insert(0, _set(loop.skip, False, node))
        node.stops = tuple(sorted(flags - {loop.skip}))
        self.used.update(node.stops)
        before = [_set(loop.broke, False, node)] if loop.broke in flags else []
        flags -= {loop.skip, loop.broke}
        after: list[ast.stmt] = []
        if node.orelse:
            after, more = self.block(node.orelse, outer, returns)
            node.orelse = []
            after = [_unless(node.stops, after, after[0])] if node.stops else after
            flags |= more
        return [*before, node, *after], flags

    def _pruned(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The statements without flags that nothing asks for."""
        kept = [s for s in statements if getattr(s, "sets", None) is None or s.sets in self.used]
        for node in kept:
            for inner in blocks(node):
                inner[:] = self._pruned(inner) or [_at(ast.Pass(), node)]
            if isinstance(node, ast.If) and all(isinstance(s, ast.Pass) for s in node.orelse):
                node.orelse = []
        return kept


def _always(statements: Sequence[ast.stmt]) -> bool:
    """Whether nothing after a block is ever reached from it."""
    for node in statements:
        match node:
            case ast.Return() | ast.Break() | ast.Continue() | ast.Raise():
                return True
            case ast.If() if node.orelse and _always(node.body) and _always(node.orelse):
                return True
            case ast.With() if _always(node.body):
                return True
            case ast.While(test=ast.Constant(value=True)) if not any(
                isinstance(n, ast.Break) for n in own_nodes(node.body)
            ):
                return True
    return False


def _unless(flags, guarded: list[ast.stmt], at: ast.stmt) -> ast.If:
    """Statements that run if none of the flags is set."""
    return _at(ast.If(none_of([_name(f, at) for f in sorted(flags)]), guarded, []), at)


def none_of(flags: list[ast.expr]) -> ast.expr:
    """The test that no flag is set."""
    tests = [_at(ast.UnaryOp(ast.Not(), f), f) for f in flags]
    return tests[0] if len(tests) == 1 else _at(ast.BoolOp(ast.And(), tests), flags[0])


def _set(flag: str, value: bool, at: ast.AST) -> ast.Assign:
    node = _at(ast.Assign([ast.Name(flag, ast.Store())], ast.Constant(value)), at)
    node.sets = flag
    return node


def _name(name: str, at: ast.AST) -> ast.Name:
    return _at(ast.Name(name, ast.Load()), at)


def _operator(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name("ag__", ast.Load()), name, ast.Load())


def _no_arguments() -> ast.arguments:
    return ast.arguments([], [], None, [], [], None, [])


def _at(node: ast.AST, like: ast.AST):
    return ast.fix_missing_locations(ast.copy_location(node, like))
