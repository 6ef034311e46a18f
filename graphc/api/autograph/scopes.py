"""Which names of its own a piece of a function's source reads, and which it gives values."""

from __future__ import annotations

import ast
from collections.abc import Iterable

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Names(ast.NodeVisitor):
    """The names in some nodes, those of functions inside only as far as they are not their own.

    Attributes:
        reads, writes: names, writes with those that are deleted.
        outer: names that are declared ``global`` or ``nonlocal``.
    """

    def __init__(self, nodes: ast.AST | Iterable[ast.AST]):
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.outer: set[str] = set()
        for node in [nodes] if isinstance(nodes, ast.AST) else nodes:
            self.visit(node)

    def _inside(self, found: Names, own: set[str]) -> None:
        """Add what a scope inside uses of this one."""
        self.reads |= (found.reads | (found.writes & found.outer)) - own

    def visit_Name(self, node: ast.Name) -> None:
        (self.reads if isinstance(node.ctx, ast.Load) else self.writes).add(node.id)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.reads.add(node.target.id)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        self.outer.update(node.names)

    visit_Nonlocal = visit_Global

    def visit_FunctionDef(self, node) -> None:
        self.writes.add(node.name)
        for part in [*node.decorator_list, *_defaults(node.args)]:
            self.visit(part)
        found = Names(node.body)
        self._inside(found, parameters(node.args) | (found.writes - found.outer))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in _defaults(node.args):
            self.visit(part)
        self._inside(Names(node.body), parameters(node.args))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.writes.add(node.name)
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(part)
        self._inside(Names(node.body), set())

    def _comprehension(self, node) -> None:
        found = Names(ast.iter_child_nodes(node))
        own = Names([g.target for g in node.generators]).writes
        self.reads |= found.reads - own
        self.writes |= found.writes - own  # by :=

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _imported(self, node) -> None:
        self.writes.update(a.asname or a.name.partition(".")[0] for a in node.names if a.name != "*")

    visit_Import = visit_ImportFrom = _imported

    def _named(self, node) -> None:
        if node.name:
            self.writes.add(node.name)
        self.generic_visit(node)

    visit_ExceptHandler = visit_MatchAs = visit_MatchStar = _named

    def visit_MatchMapping(self, node) -> None:
        if node.rest:
            self.writes.add(node.rest)
        self.generic_visit(node)


_MUTATORS = frozenset(
    "append extend insert pop remove clear reverse sort update add discard setdefault popitem".split()
)
CONTENT = "[...]"  # ends the name of a place that is all a list, dictionary or set holds


def places(nodes: Iterable[ast.AST], lists: Iterable[str] = ()) -> set[str]:
    """The places that nodes assign in what variables hold that they do not assign: ``self.count``, ``state['h']``, and
    ``rows[...]`` where the key is computed.

    Args:
        lists: variables of which also methods that change a list count.
    """
    nodes = list(nodes)
    found = set()
    for node in own_nodes(nodes):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            found.add(_path(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
            path = _path(node.func.value)
            if path and _root(path) in lists:
                found.add(path + CONTENT)
    writes = Names(nodes).writes
    found = {name for name in found if name and _root(name) not in writes}
    whole = tuple([name.removesuffix(CONTENT) + "[" for name in found if name.endswith(CONTENT)])
    return {name for name in found if name.endswith(CONTENT) or not name.startswith(whole)}


def _root(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _path(node: ast.expr) -> str | None:
    """A place as text; None if it is not known while the function is traced."""
    parts = []
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Attribute):
            if node.attr.startswith("__") and not node.attr.endswith("__"):
                return None  # a private name
            parts.append(f".{node.attr}")
        else:
            key = _literal(node.slice)
            if key is None and parts:
                return None
            parts.append(CONTENT if key is None else f"[{key!r}]")
        node = node.value
    return "".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _literal(node: ast.expr) -> int | str | None:
    """A key that is written out."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        key = _literal(node.operand)
        return -key if type(key) is int else None
    key = node.value if isinstance(node, ast.Constant) else None
    return key if type(key) is int or (type(key) is str and key.isidentifier()) else None


def parameters(arguments: ast.arguments) -> set[str]:
    """The names of a function's parameters."""
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {a.arg for a in [*plain, arguments.vararg, arguments.kwarg] if a is not None}


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [d for d in [*arguments.defaults, *arguments.kw_defaults] if d is not None]


def own_nodes(nodes: Iterable[ast.AST]) -> Iterable[ast.AST]:
    """These nodes and all in them that is not part of a function or class inside."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The lists of statements in a compound statement, as they stand in it."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return []
    found = [getattr(statement, field, None) for field in ("body", "orelse", "finalbody")]
    inner = [part.body for part in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]]
    return [block for block in [*found, *inner] if block]
