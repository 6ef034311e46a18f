"""Reads one kernel of an IR text."""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.ir.kernel import KINDS, Alloc, Array, At, Barrier, Call, For, If, Kernel, Let, Prefetch, Set, Store, Turn
from graphc.ir.lines import Line, Lines
from graphc.ir.node import Node, symbol, var
from graphc.ir.read_value import Scope, read_box, read_dim, read_dtype, read_expression, read_index, read_type
from graphc.ir.type import Type


def read_kernel(line: Line, lines: Lines) -> Kernel:
    """The kernel whose head is ``line``; the rest comes from ``lines``."""
    line.expect("kernel")
    name = line.label()
    scope = Scope()
    line.expect("(")
    arrays = tuple(line.separated(")", lambda: _read_array(line, scope)))
    dims = _read_dims(line)
    line.expect("{")
    line.end()
    scope.symbols = {d.attr("name") for d in dims}
    return Kernel(name, arrays, dims, _read_body(lines, scope))


def _read_dims(line: Line) -> tuple[Node, ...]:
    if not line.accept("dims"):
        return ()
    line.expect("(")
    return tuple(symbol(name) for name in line.separated(")", lambda: line.name("a dimension")))


def _read_array(line: Line, scope: Scope) -> Array:
    name = line.name("an array")
    line.expect(":")
    type = read_type(line, scope)
    space = next((word for word in ("register", "stack", "shared") if line.accept(word)), "global")
    streamed = line.accept("streamed")
    written = streamed or line.accept("written")
    strides = None
    if line.accept("strides"):
        line.expect("(")
        strides = tuple(line.separated(")", lambda: read_dim(line, scope)))
    scope.arrays[name] = type.dtype
    return Array(name, type, space, written, strides, streamed, read_box(line, scope))


@dataclass
class _Block:
    """An open ``for`` or ``if``: how to close it, and the scope that comes back then."""

    head: tuple = ()  # ("for", variable, extent, kind, grain) or ("if", condition)
    vars: dict = field(default_factory=dict)
    arrays: dict = field(default_factory=dict)
    body: list = field(default_factory=list)
    then: tuple | None = None

    def close(self):
        """The finished statement."""
        if self.head[0] == "for":
            _, index, extent, kind, grain = self.head
            return For(index, extent, tuple(self.body), kind, grain)
        if self.then is None:
            return If(self.head[1], tuple(self.body))
        return If(self.head[1], self.then, tuple(self.body))


def _read_body(lines: Lines, scope: Scope) -> tuple:
    """Statements up to the ``}`` of the kernel; an own stack, so that deep nesting does not matter."""
    stack = [_Block()]
    while True:
        line = lines.need("a statement or '}'")
        top = stack[-1]
        if line.kinds[0] == "value":
            _read_part(line, scope)
            continue
        if line.accept("}"):
            if len(stack) == 1:
                line.end()
                return tuple(top.body)
            scope.vars, scope.arrays = dict(top.vars), dict(top.arrays)
            if line.accept("else"):
                if top.head[0] != "if" or top.then is not None:
                    line.fail("the end of the line", line.at - 1)
                line.expect("{")
                top.then, top.body = tuple(top.body), []
            else:
                stack.pop()
                stack[-1].body.append(top.close())
        elif line.next in ("for", "if"):
            before = _Block(vars=dict(scope.vars), arrays=dict(scope.arrays))
            before.head = _read_for(line, scope) if line.next == "for" else _read_if(line, scope)
            stack.append(before)
        else:
            top.body.append(_read_statement(line, scope))
        line.end()
        scope.values.clear()


def _read_part(line: Line, scope: Scope) -> None:
    """``%t0 = expression``: a part of the next statement."""
    name = line.value()
    if name in scope.values:
        line.fail("a name that is not taken", line.at - 1)
    line.expect("=")
    scope.values[name] = read_expression(line, scope)
    line.end()


def _read_for(line: Line, scope: Scope) -> tuple:
    line.expect("for")
    name = line.name("a variable")
    bound = _read_bound(line, scope)
    line.expect("in")
    extent = read_dim(line, scope, 0)
    if bound == ():
        bound = (extent if type(extent) is int else None,)
    index = scope.vars[name] = var(name, extent=bound[0])
    kind = line.next if line.next in KINDS else "serial"
    line.at += line.next in KINDS
    grain = read_dim(line, scope) if line.accept("grain") else 1
    line.expect("{")
    return ("for", index, extent, kind, grain)


def _read_bound(line: Line, scope: Scope) -> tuple:
    """``below n`` or ``unbounded`` as (bound,); () where nothing is said."""
    if line.accept("unbounded"):
        return (None,)
    return (read_dim(line, scope),) if line.accept("below") else ()


def _read_if(line: Line, scope: Scope) -> tuple:
    line.expect("if")
    condition = read_expression(line, scope)
    line.expect("{")
    return ("if", condition)


def _read_statement(line: Line, scope: Scope):
    if line.texts[line.at + 1] in ("[", "="):  # what is written may be called as a statement
        return _read_write(line, scope)
    if line.accept("barrier"):
        return Barrier()
    if line.accept("call"):
        function = line.name("a function")
        if line.accept("<"):  # of a template
            numbers = line.separated(">", lambda: read_dim(line, scope))
            if any(type(n) is not int for n in numbers):
                line.refuse("functions are chosen by numbers")
            function += f"<{', '.join(map(str, numbers))}>"
        line.expect("(")
        return Call(function, tuple(line.separated(")", lambda: _read_argument(line, scope))))
    if line.accept("alloc"):
        return Alloc(_read_array(line, scope))
    if line.accept("prefetch"):
        return Prefetch(*_read_place(line, scope))
    if line.accept("turn"):
        return Turn(_read_known(line, scope))
    if line.accept("let"):
        name = line.name("a variable")
        line.expect(":")
        dtype = read_dtype(line)
        bound = _read_bound(line, scope)
        line.expect("=")
        value = read_expression(line, scope)
        scope.vars[name] = variable = var(name, Type(dtype, ()), bound[0] if bound else None)
        return Let(variable, value)
    return _read_write(line, scope)


def _read_known(line: Line, scope: Scope) -> str:
    """The name of an array."""
    name = line.name("an array")
    if name not in scope.arrays:
        line.fail("an array that is declared before", line.at - 1)
    return name


def _read_place(line: Line, scope: Scope) -> tuple[str, tuple]:
    """The name of an array, and the index of one of its elements."""
    name = _read_known(line, scope)
    index, guard = read_index(line, scope)
    if guard is not None:
        line.fail("an index without a guard")
    return name, index


def _read_argument(line: Line, scope: Scope):
    """An argument of a call: ``at name[..]``, a plain number, or an expression."""
    if line.next == "at" and line.texts[line.at + 1] not in (",", ")"):
        line.at += 1
        return At(*_read_place(line, scope))
    start = line.at
    number = line.kinds[start] == "number" or (line.next == "-" and line.kinds[start + 1] == "number")
    if number and line.texts[start + 1 + (line.next == "-")] in (",", ")"):
        return line.integer("a number")
    return read_expression(line, scope)


def _read_write(line: Line, scope: Scope):
    """``name[..] = value`` or ``name = value``."""
    name = line.name("a statement")
    if line.next == "[":
        if name not in scope.arrays:
            line.fail("an array that is declared before", line.at - 1)
        index, guard = read_index(line, scope)
        line.expect("=")
        return Store(name, index, read_expression(line, scope), guard)
    if name not in scope.vars:
        line.fail("a statement, or a variable that is declared before", line.at - 1)
    line.expect("=")
    return Set(scope.vars[name], read_expression(line, scope))
