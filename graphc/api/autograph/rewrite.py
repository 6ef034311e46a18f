"""The source of a function with calls of operators in place of control flow; every node keeps its line.

    if x > 0:                     def ag__then_1():
        y = x                         nonlocal y
    else:             becomes         y = x
        y = -x                    def ag__else_1(): ...
                                  ag__.if_(x > 0, ag__then_1, ag__else_1, ("y",))

The operators (``graphc.api.autograph.operators``) find the variables, here ``y``, in the closures of the functions.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from graphc.api.autograph.jumps import none_of, without_jumps
from graphc.api.autograph.liveness import mark, stops
from graphc.api.autograph.scopes import Names, own_nodes, parameters, places

MODULE = "ag__"
_ASK_PYTHON = {"isinstance", "issubclass", "hasattr", "callable"}  # what they answer is no tensor
_ASK_FRAME = {"locals", "vars", "dir", "eval", "exec", "super", "globals"}  # they look at who calls them
_OPTIONS = "set_loop_options"


class Rewriter(ast.NodeTransformer):
    """Rewrites one function and those inside it.

    Args:
        is_plain: whether a call of this callee needs no operator.
    """

    def __init__(self, is_plain: Callable[[ast.expr], bool]):
        self.is_plain = is_plain
        self.scopes: list[_Scope] = []
        self.numbers = 0

    # ------------------------------------------------------------------------------------- functions

    def function(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """A function's definition, rewritten."""
        scope = _Scope(node)
        self.scopes.append(scope)
        body = without_jumps(node.body)
        mark(body, scope.outer)
        node.body = self.statements(body)
        lifted = scope.lifted - scope.own - scope.outer
        if lifted:  # they are variables of this function, though only functions inside assign them
            targets = [ast.Name(name, ast.Store()) for name in sorted(lifted)]
            declared = ast.If(ast.Constant(False), [ast.Assign(targets, ast.Constant(None))], [])
            node.body.insert(scope.after_docstring(node), _at(declared, node))
        self.scopes.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef):
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args = self.generic_visit(node.args)
        if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own_nodes(node.body)):
            return node
        return self.function(node)

    def visit_ClassDef(self, node: ast.ClassDef):
        return node

    visit_AsyncFunctionDef = visit_ClassDef

    # ------------------------------------------------------------------------------------ statements

    def statements(self, block: Sequence[ast.stmt]) -> list[ast.stmt]:
        """A list of statements, rewritten."""
        new: list[ast.stmt] = []
        for node in block:
            made = self.visit(node)
            new += made if isinstance(made, list) else [made]
        return new

    def generic_visit(self, node):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                setattr(node, field, self.statements(block))
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                if not (value and isinstance(value[0], ast.stmt)):
                    setattr(node, field, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST):
                setattr(node, field, self.visit(value))
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign):
        if not isinstance(node.target, ast.Name):
            return self.generic_visit(node)
        if node.value is None:
            return _at(ast.Pass(), node)
        return _at(ast.Assign([node.target], self.visit(node.value)), node)  # nonlocal names take no annotation

    def visit_If(self, node: ast.If):
        test = node.test
        if is_python(test):
            return self.generic_visit(node)
        state = self._state([*node.body, *node.orelse], node.live)
        number = self._number()
        then, orelse = f"ag__then_{number}", f"ag__else_{number}"
        return [
            self._lifted(then, node.body, node),
            self._lifted(orelse, node.orelse or [_at(ast.Pass(), node)], node),
            _call("if_", node, self.visit(test), _name(then), _name(orelse), state),
        ]

    def visit_While(self, node: ast.While):
        options = self._options(node)
        number, test = self._number(), node.test
        if node.stops:
            test = _at(ast.BoolOp(ast.And(), [none_of(stops(node)), test]), node.test)
        state = self._state([test, *node.body], node.live | node.head)
        names = [f"ag__test_{number}", f"ag__step_{number}"]
        return [
            self._lifted(names[0], [_at(ast.Return(test), test)], node),
            self._lifted(names[1], node.body, node),
            _call("while_", node, *map(_name, names), state, options),
        ]

    def visit_For(self, node: ast.For):
        options = self._options(node)
        number = self._number()
        step, item = f"ag__step_{number}", f"ag__item_{number}"
        given = _at(ast.Assign([node.target], _name(item)), node.target)
        state = self._state([given, *node.body], node.live | node.head)
        test = ast.Constant(None)
        if node.stops:
            test = _at(ast.Lambda(_arguments(), self.visit(none_of(stops(node)))), node)
        return [
            self._lifted(step, [given, *node.body], node, item),
            _call("for_", node, self._iterated(node.iter), _name(step), test, state, options),
        ]

    def _iterated(self, node: ast.expr) -> ast.expr:
        """What a loop goes over; the numbers of ``tf.range`` need not become a tensor."""
        is_range = isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "range"
        made = self.visit(node)
        if is_range and self.is_plain(node.func):
            made.func = _operation("numbers", made, made.func)
        return made

    def visit_Assert(self, node: ast.Assert):
        message = ast.Constant(None) if node.msg is None else _thunk(self.visit(node.msg))
        return _call("assert_", node, _thunk(self.visit(node.test)), message)

    def _lifted(self, name: str, block: list[ast.stmt], like: ast.stmt, *given: str) -> ast.FunctionDef:
        """A function of statements, which assigns variables of the function around it."""
        scope = self.scopes[-1]
        writes = self._writes(block) - set(given)
        scope.lifted |= writes
        outside = [
            kind(sorted(names))
            for kind, names in ((ast.Global, writes & scope.globals), (ast.Nonlocal, writes - scope.globals))
            if names
        ]
        body = [*[_at(o, like) for o in outside], *self.statements(block)]
        return _at(_definition(name, _arguments(*given), body), like)

    def _writes(self, block: Sequence[ast.AST]) -> set[str]:
        """The variables that a piece assigns, itself or by functions inside of the function that it mentions."""
        found = Names(block)
        changed = [self.scopes[-1].changes[name] for name in found.reads if name in self.scopes[-1].changes]
        return found.writes.union(*changed)

    def _state(self, block: Sequence[ast.AST], live: frozenset) -> ast.Tuple:
        """The names of the variables and places in them that a piece assigns and that matter after it."""
        names = [*sorted(self._writes(block) & live), *sorted(places(block, self.scopes[-1].locals & live))]
        return ast.Tuple([ast.Constant(n) for n in names], ast.Load())

    def _options(self, node: ast.While | ast.For) -> ast.expr:
        """What ``set_loop_options`` says at the beginning of a loop, taken out of it."""
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Call):
            callee = first.value.func
            if getattr(callee, "attr", getattr(callee, "id", None)) == _OPTIONS:
                node.body = node.body[1:] or [_at(ast.Pass(), node)]
                return _thunk(_at(ast.Call(_name("dict"), first.value.args, first.value.keywords), first))
        return ast.Constant(None)

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    # ----------------------------------------------------------------------------------- expressions

    def visit_BoolOp(self, node: ast.BoolOp):
        if is_python(node) or _binds(node):
            return self.generic_visit(node)
        parts = [_thunk(self.visit(v)) for v in node.values]
        return _operation("and_" if isinstance(node.op, ast.And) else "or_", node, *parts)

    def visit_UnaryOp(self, node: ast.UnaryOp):
        if not isinstance(node.op, ast.Not) or is_python(node):
            return self.generic_visit(node)
        return _operation("not_", node, self.visit(node.operand))

    def visit_IfExp(self, node: ast.IfExp):
        if is_python(node.test) or _binds(node.body) or _binds(node.orelse):
            return self.generic_visit(node)
        body, orelse = _thunk(self.visit(node.body)), _thunk(self.visit(node.orelse))
        return _operation("if_expression", node, self.visit(node.test), body, orelse)

    def visit_Compare(self, node: ast.Compare):
        if len(node.ops) == 1 or is_python(node) or _binds(node):
            return self.generic_visit(node)
        parts = []
        for op, right in zip(node.ops, node.comparators):
            compared = ast.Lambda(_arguments("a", "b"), ast.Compare(_name("a"), [op], [_name("b")]))
            parts.append(ast.Tuple([compared, _thunk(self.visit(right))], ast.Load()))
        return _operation("compare", node, self.visit(node.left), *parts)

    def visit_Call(self, node: ast.Call):
        callee = node.func
        name = getattr(callee, "id", None)
        if name == "super" and not node.args and self.scopes and self.scopes[-1].first:
            node.args = [_name("__class__"), _name(self.scopes[-1].first)]
            return _at(node, node)
        if name in _ASK_FRAME | _ASK_PYTHON or self.is_plain(callee):
            return self.generic_visit(node)
        node = self.generic_visit(node)
        node.func = _operation("callee", node, node.func)
        return node


class _Scope:
    """What is known of the function that is being rewritten."""

    def __init__(self, node: ast.FunctionDef):
        found = Names(node.body)
        self.globals = {n for d in own_nodes(node.body) if isinstance(d, ast.Global) for n in d.names}
        self.outer = found.outer | self.globals
        self.own = parameters(node.args)
        self.locals = (self.own | found.writes) - self.outer
        inner = {n.name: Names(n.body) for n in own_nodes(node.body) if isinstance(n, ast.FunctionDef)}
        self.changes = {name: f.writes & f.outer for name, f in inner.items() if f.writes & f.outer}
        self.lifted: set[str] = set()
        plain = [*node.args.posonlyargs, *node.args.args]
        self.first = plain[0].arg if plain else None

    def after_docstring(self, node: ast.FunctionDef) -> int:
        """Where statements may be put in."""
        first = node.body[0]
        is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        return int(is_text and isinstance(first.value.value, str))


def is_python(test: ast.expr) -> bool:
    """Whether a test can be no tensor, as its form says."""
    match test:
        case ast.Constant():
            return True
        case ast.Compare():
            return all(isinstance(op, (ast.Is, ast.IsNot)) for op in test.ops)
        case ast.UnaryOp(op=ast.Not()):
            return is_python(test.operand)
        case ast.BoolOp():
            return all(map(is_python, test.values))
        case ast.Call(func=ast.Name()):
            return test.func.id in _ASK_PYTHON
    return False


def _binds(node: ast.expr) -> bool:
    """Whether an expression cannot become a function: it gives a name a value, or waits."""
    return any(isinstance(n, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for n in ast.walk(node))


def _definition(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    node = ast.FunctionDef(name, arguments, body, [], None)
    if "type_params" in ast.FunctionDef._fields:
        node.type_params = []
    return node


def _arguments(*names: str) -> ast.arguments:
    return ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])


def _thunk(value: ast.expr) -> ast.Lambda:
    return _at(ast.Lambda(_arguments(), value), value)


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _operation(name: str, like: ast.AST, *values: ast.expr) -> ast.Call:
    """A call of an operator, at the first line of what it stands for."""
    node = ast.copy_location(ast.Call(ast.Attribute(_name(MODULE), name, ast.Load()), list(values), []), like)
    node.end_lineno, node.end_col_offset = node.lineno, node.col_offset
    return ast.fix_missing_locations(node)


def _call(name: str, like: ast.stmt, *values: ast.expr) -> ast.Expr:
    return _at(ast.Expr(_operation(name, like, *values)), like)


def _at(node: ast.AST, like: ast.AST):
    return ast.fix_missing_locations(ast.copy_location(node, like))
