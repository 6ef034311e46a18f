"""Reads one graph of an IR text."""

from __future__ import annotations

from graphc.errors import located
from graphc.ir.graph import Graph, Requirement, input_node
from graphc.ir.lines import Line, Lines
from graphc.ir.node import BOOL, Node, make
from graphc.ir.read_value import Scope, read_attr, read_constant, read_expression, read_result_type, read_type
from graphc.ir.type import Type


def read_graph(line: Line, lines: Lines, scope: Scope) -> Graph:
    """The graph whose head is ``line``; the rest comes from ``lines``. It is entered into ``scope.graphs``."""
    line.expect("graph")
    label = line.label()
    if label in scope.graphs:
        line.fail("a label that is not taken", line.at - 1)
    name = line.string("the graph's name") if line.accept("named") else label
    values: dict[str, Node] = {}
    requires: list[Requirement] = []
    line.expect("(")
    inputs = tuple(line.separated(")", lambda: _param(line, scope, values)))
    donated = read_donated(line)
    line.expect("{")
    line.end()
    while True:
        line = lines.need("a value, 'return' or '}'")
        if line.next == "return":
            break
        if line.next == "require":
            requires.append(read_requirement(line, scope))
            continue
        _read_node(line, scope, values)
    outputs, names, measures = _read_return(line, values)
    _read_close(lines)
    graph = Graph(name, inputs, outputs, names, donated, tuple(requires), measures)
    scope.graphs[label] = graph
    return graph


def read_requirement(line: Line, scope: Scope) -> Requirement:
    """``require CONDITION "message"`` of a graph, ``check ...`` of a program."""
    line.at += 1
    condition = read_expression(line, scope)
    if condition.type != BOOL:
        line.refuse("a requirement is a condition")
    message = line.string("what the requirement says")
    line.end()
    return Requirement(condition, message, line.location)


def read_donated(line: Line) -> tuple:
    """``donates(0->1, ...)`` or nothing: pairs of positions (output, input)."""
    if not line.accept("donates"):
        return ()
    line.expect("(")
    return tuple(line.separated(")", lambda: _pair(line)))


def _pair(line: Line) -> tuple[int, int]:
    out = line.integer("the position of an output")
    line.expect("->")
    return out, line.integer("the position of an input")


def _read_close(lines: Lines) -> None:
    line = lines.need("'}'")
    line.expect("}")
    line.end()


def _define(line: Line, values: dict) -> str:
    name = line.value()
    if name in values:
        line.fail("a name that is not taken", line.at - 1)
    return name


def _param(line: Line, scope: Scope, values: dict) -> Node:
    name = _define(line, values)
    line.expect(":")
    values[name] = node = input_node(name, read_type(line, scope))
    return node


def _operand(line: Line, values: dict) -> Node:
    found = values.get(line.texts[line.at][1:]) if line.kinds[line.at] == "value" else None
    if found is not None:
        line.at += 1
        return found
    name = line.value()
    if name not in values:
        line.fail("a value that is defined before", line.at - 1)
    return values[name]


def _read_node(line: Line, scope: Scope, values: dict) -> None:
    name = _define(line, values)
    line.expect(":")
    type = read_result_type(line, scope)
    line.expect("=")
    op = line.name("an operation")
    line.expect("(")
    if op == "const" and line.texts[line.at + 1] != "=":
        if not isinstance(type, Type):
            line.refuse("a constant has one type")
        with located(line.location):
            node = read_constant(line, type, scope)
        line.expect(")")
    else:
        inputs, attrs = _read_arguments(line, scope, values)
        node = make(op, inputs, attrs, type, line.location)
    line.end()
    values[name] = node


def _read_arguments(line: Line, scope: Scope, values: dict) -> tuple[tuple, tuple]:
    """Operands, then attributes, up to and over the closing parenthesis."""
    inputs, attrs = [], []

    def argument():
        if line.kinds[line.at] == "value" and not attrs:
            inputs.append(_operand(line, values))
        else:
            key = line.name("an attribute" if attrs else "a value or an attribute")
            line.expect("=")
            attrs.append((key, read_attr(line, scope)))

    line.separated(")", argument)
    return tuple(inputs), tuple(attrs)


def _read_return(line: Line, values: dict) -> tuple[tuple, tuple, tuple]:
    line.expect("return")
    outputs, names, measures = [], [], []
    while line.kinds[line.at] != "end":
        if line.accept("measures"):
            measures.append(_operand(line, values))
            while line.accept(","):
                measures.append(_operand(line, values))
            break
        if outputs:
            line.expect(",")
        outputs.append(_operand(line, values))
        if line.kinds[line.at] == "string":
            names.append(line.string("the name of an output"))
        if names and len(names) != len(outputs):
            line.fail("a name for every output or for none")
    return tuple(outputs), tuple(names), tuple(measures)
