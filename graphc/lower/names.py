"""Variables of a kernel that are called as one of its sizes get another name: sizes have theirs from the user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from graphc.ir.kernel import For, If, Kernel, Let, Set
from graphc.ir.node import Node, make
from graphc.lower.schedule import rewrite_values


def apart_from_sizes(kernel: Kernel) -> Kernel:
    """The kernel, in whose body no variable has the name of a dimension parameter."""
    sizes = {d.attr("name") for d in kernel.dims}
    variables = dict.fromkeys(_declared(kernel.body)) if sizes else {}
    names = {v.attr("name") for v in variables}
    clashes = sorted(names & sizes)
    if not clashes:
        return kernel
    taken, new = names | sizes, {}
    for name in clashes:
        new[name] = next(free for k in count(1) if (free := f"{name}_{k}") not in taken)
        taken.add(new[name])
    replacements = {v: _renamed(v, new[v.attr("name")]) for v in variables if v.attr("name") in new}
    return replace(kernel, body=_declaring(rewrite_values(kernel.body, replacements), replacements))


def _declared(body: tuple) -> Iterator[Node]:
    """The variables of loops and Lets."""
    for s in body:
        match s:
            case For():
                yield s.var
                yield from _declared(s.body)
            case Let():
                yield s.var
            case If():
                yield from _declared(s.then)
                yield from _declared(s.orelse)


def _renamed(variable: Node, name: str) -> Node:
    attrs = tuple((k, name if k == "name" else v) for k, v in variable.attrs)
    return make("var", (), attrs, variable.type)


def _declaring(body: tuple, replacements: dict[Node, Node]) -> tuple:
    """The statements, where they declare or set these variables, with others."""

    def statement(s):
        match s:
            case For():
                return replace(s, var=replacements.get(s.var, s.var), body=tuple(map(statement, s.body)))
            case Let() | Set():
                return replace(s, var=replacements.get(s.var, s.var))
            case If():
                return If(s.condition, tuple(map(statement, s.then)), tuple(map(statement, s.orelse)))
            case _:
                return s

    return tuple(map(statement, body))
