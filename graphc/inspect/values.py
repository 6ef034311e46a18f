"""The values of a recorded stage, read from the lines of its text: names, types and operations."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass

from graphc.inspect.sizes import Sizes
from graphc.inspect.stages import Stages
from graphc.ir.graph import Graph
from graphc.ir.lines import Lines
from graphc.ir.node import Node
from graphc.ir.read_value import Scope, read_result_type

_VALUE = re.compile(r'  %("(?:[^"\\]|\\.)*"|[^":]+): (.*?) = (\w+)\(').match


@dataclass(frozen=True)
class Value:
    """A line of a graph's text: the name without ``%``, the type as text, the operation, and the line itself."""

    name: str
    type: str
    op: str
    line: str


def values(lines: list[str]) -> list[Value]:
    """The operations of the outermost graph of a text, in their order."""
    start = max(k for k, line in enumerate(lines) if line.startswith("graph @")) + 1
    return [_value(found, line) for line in lines[start:] if (found := _VALUE(line)) is not None]


def _value(found: re.Match, line: str) -> Value:
    label, type, op = found.groups()
    return Value(json.loads(label) if label.startswith('"') else label, type, op, line)


def operation_counts(lines: list[str]) -> Counter:
    """How often each operation occurs in a text, nested graphs included."""
    return Counter(found[3] for line in lines if (found := _VALUE(line)) is not None)


def held_bytes(lines: list[str], sizes: Sizes) -> int:
    """The bytes of all results of operations in the outermost graph of a text, each an array of its own."""
    counts = Counter(v.type for v in values(lines) if v.op != "const")
    return sum(count * _bytes(text, sizes) for text, count in counts.items())


def _bytes(text: str, sizes: Sizes) -> int:
    found = read_result_type(Lines(text).next(), Scope())
    return sum(sizes.number(t.size) * t.dtype.size for t in getattr(found, "items", (found,)))


def named_values(stages: Stages, stage: str) -> tuple[Graph, dict[Node, str], dict[Node, str]]:
    """A graph with the names of its values as they are in every stage of the record, and their lines.

    Args:
        stage: ``traced``, ``optimised``, or the name of a pass.

    Raises:
        UsageError: no pass of that name ran.
    """
    graph = stages.at(stage)
    inputs = dict.fromkeys(graph.inputs)
    inner = [n for n in graph.nodes if n not in inputs]
    found = dict(zip(inner, values(stages.record.at(stage)), strict=True))
    names = {x: x.attr("name") for x in inputs} | {n: v.name for n, v in found.items()}
    return graph, names, {n: v.line for n, v in found.items()}
