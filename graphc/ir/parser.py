"""Reads the text of graphs, kernels and programs."""

from __future__ import annotations

from graphc.errors import FormatError, located
from graphc.ir.graph import Graph
from graphc.ir.kernel import Kernel
from graphc.ir.lines import Line, Lines
from graphc.ir.program import Program
from graphc.ir.read_graph import read_graph
from graphc.ir.read_kernel import read_kernel
from graphc.ir.read_program import read_program
from graphc.ir.read_value import Scope


def parse(text: str, blobs: dict | None = None, named: bool = False) -> Graph | Kernel | Program:
    """The last graph, kernel or program of a text, Node for Node what was printed.

    A graph may use the graphs before it; a program takes the kernels before it. No type rule is applied: ``verify``
    does that.

    Args:
        blobs: {digest: array} for constants that the text only refers to.
        named: read constants that are not among these by their names, for looking at a graph: it prints as the text does,
            and computes nothing of use.

    Raises:
        FormatError: the text is malformed, or a blob is missing or damaged; it gives line number, line and what
            was expected.
    """
    if not isinstance(text, str):
        raise FormatError(f"the text of an IR is a str, not {type(text).__name__}")
    lines = Lines(text)
    scope = Scope(blobs=blobs or {}, named=named)
    try:
        with located(None):  # what is read here was not made by the caller's line
            return _read_items(lines, scope)
    except FormatError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        what = str(error).split("\n")[0] or type(error).__name__
        raise FormatError(f"line {lines.number}: {what}\n  {lines.text.strip()[:200]}") from None


def _read_items(lines: Lines, scope: Scope) -> Graph | Kernel | Program:
    kernels: list[Kernel] = []
    last = None
    line: Line | None = lines.next()
    while line is not None:
        match line.next:
            case "graph":
                last = read_graph(line, lines, scope)
            case "kernel":
                last = read_kernel(line, lines)
                kernels.append(last)
            case "program":
                last = read_program(line, lines, scope, tuple(kernels))
                kernels = []
            case _:
                line.fail("'graph', 'kernel' or 'program'")
        line = lines.next()
    if last is None:
        raise FormatError("the text holds no graph, kernel or program")
    return last
