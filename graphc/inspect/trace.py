"""One value followed: its way from the user's line to LLVM IR."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from graphc.codegen.llvm.emit import kernel_text
from graphc.errors import Location, UsageError
from graphc.inspect.show import WIDTH, columns, line_of
from graphc.inspect.stages import Stages
from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.printer import graph_text, value_names
from graphc.ir.text import label_text

_MOST = 8  # lines, or names in a message, that are shown of one kind
_NAMES = 3  # names in a row
_LEAST = 40  # letters of an operation that are shown before a long place


def find_value(names: dict[Node, str], name: str, where: str) -> Node:
    """The Node of this name.

    Raises:
        UsageError: there is none; the message names those that are most like it.
    """
    wanted = name.removeprefix("%").strip('"')
    for node, known in names.items():
        if known == wanted:
            return node
    stem = re.sub(r"\d+$", "", wanted)
    like = [n for n in names.values() if stem and (n.startswith(stem) or stem in n)]
    like = like or difflib.get_close_matches(wanted, names.values(), _MOST, 0.5) or list(names.values())
    more = f", and {len(like) - _MOST} more" if len(like) > _MOST else ""
    raise UsageError(f"{where} has no value {wanted!r}; it has {', '.join(like[:_MOST])}{more}")


def node_lines(graph: Graph, names: dict[Node, str]) -> dict[Node, str]:
    """The line of each Node in the text of the graph; inputs, which have none there, get one."""
    lines = graph_text(graph).splitlines()
    start = max(k for k, line in enumerate(lines) if line.startswith("graph @")) + 1  # nested graphs come before
    inner = [n for n in graph.nodes if n not in set(graph.inputs)]
    found = {x: f"  %{label_text(names[x])}: {x.type} (input)" for x in graph.inputs}
    return found | dict(zip(inner, lines[start:]))


def why(stages: Stages, name: str, measured: Mapping[str, str] | None = None) -> str:
    """What became of something the user wrote: the line, the traced operations, each pass, kernels, LLVM IR.

    Passes keep no record of what they make of which operation. A value that a pass leaves as it is is recognised, and one
    that it replaces by the line that the new one comes from, which for a line of many operations tells less.

    Args:
        name: a value of the traced graph, or the name of an output; ``FILE:LINE``; a name scope; or ``@KERNEL``.
        measured: what to say of the time of each kernel, by its name.

    Raises:
        UsageError: nothing has that name.
    """
    wanted, locations = _start(stages, name)
    graph = stages.graph
    traced = value_names(graph)
    lines = [*(line_of(at) for at in sorted(locations, key=lambda at: (at.file, at.line, at.scope))[:_MOST])] or ["no line is known"]
    parts = [["line", *(f"  {line}" for line in lines)], ["traced", *_shown(graph, traced, wanted)]]
    followed, rows = set(wanted), []
    for record in stages.passes:
        if not record.changed:
            continue
        before, after = record.before.nodes, record.after.nodes
        kept = set(after)
        gone = [n for n in before if n in followed and n not in kept]
        if gone:
            made = _instead(gone, [n for n in after if n.op != "const" and n.location in locations], set(before))
            rows.append((record.name, _change(gone, made, value_names(record.before), value_names(record.after))))
            followed = (followed & kept) | set(made)
    parts.append(["passes that changed it", *(columns(rows) or ["  none"])])
    parts.append(["after the passes", *_shown(stages.optimised, value_names(stages.optimised), followed)])
    parts.append(_into(stages, followed, locations, measured or {}))
    return "\n\n".join("\n".join(part) for part in parts)


def _start(stages: Stages, name: str) -> tuple[list[Node], set[Location]]:
    """The traced Nodes that are meant, and the lines that they come from."""
    graph = stages.graph
    if name.startswith("@"):
        stages.kernel(name[1:])  # says which there are
        places = {n.location for n in stages.origins.get(name[1:], ())} - {None}
        return [n for n in graph.nodes if n.location in places], places
    nodes = [n for n in graph.nodes if n.location is not None]
    here = [n for n in nodes if name in (str(n.location).partition(" ")[0], f"{n.location.file}:{n.location.line}")]
    here = here or [n for n in nodes if n.location.scope == name or n.location.scope.startswith(f"{name}/")]
    if here:
        return here, {n.location for n in here}
    outputs = dict(zip(graph.names, graph.outputs))
    node = outputs[name] if name in outputs else find_value(value_names(graph), name, "the traced graph")
    return [node], {node.location} - {None}


def _instead(gone: list[Node], there: list[Node], before: set[Node]) -> list[Node]:
    """What a pass may have put in the place of Nodes: new ones of their lines, if possible the same operations."""
    made = [n for n in there if n not in before]
    places = {n.location for n in gone}
    made = [n for n in made if n.location in places]
    for same in (lambda n: (n.op, n.type), lambda n: n.op):
        wanted = {same(n) for n in gone}
        if found := [n for n in made if same(n) in wanted]:
            return found
    return made


def _change(gone: list[Node], made: list[Node], old: dict[Node, str], new: dict[Node, str]) -> str:
    if [n.op for n in gone] == [n.op for n in made]:
        return f"{_named(gone, old)}: other operands or sizes"
    return f"{_named(gone, old)} -> {_named(made, new) or 'nothing of its own'}"


def _named(nodes, names: dict[Node, str]) -> str:
    some = [f"%{label_text(names[n])}" for n in nodes[:_NAMES]]
    return ", ".join(some) + (f" and {len(nodes) - _NAMES} more" if len(nodes) > _NAMES else "")


def _shown(graph: Graph, names: dict[Node, str], wanted) -> list[str]:
    lines = node_lines(graph, names)
    found = [_fitted(lines[n]) for n in dict.fromkeys((*graph.inputs, *graph.nodes)) if n in wanted]
    more = [f"  and {len(found) - _MOST} more"] if len(found) > _MOST else []
    return [*found[:_MOST], *more] if found else ["  nothing: other operations compute it"]


def _fitted(line: str) -> str:
    """A line of a graph's text without its last attributes where it is too long; the user's line at its end stays."""
    if len(line) <= WIDTH:
        return line
    text, mark, place = line.partition("  # ")
    return text[: max(_LEAST, WIDTH - 3 - len(mark + place))] + "..." + mark + place


def _into(stages: Stages, followed: set[Node], locations: set[Location], measured: Mapping[str, str]) -> list[str]:
    """The kernels that compute the Nodes; where lowering put others in their place, those of the same lines."""
    kernels = [k for k, nodes in stages.origins.items() if followed & set(nodes)]
    note = ""
    if not kernels:
        kernels = [k for k, nodes in stages.origins.items() if locations & {n.location for n in nodes}]
        note = " of the same line"
    rows = []
    for name in kernels:
        text = kernel_text(stages.kernel(name), stages.target)
        mine = [n for n in stages.origins[name] if n in followed]
        others = len(stages.origins[name]) - len(mine)
        rows.append((name, f"{len(mine)} of its operations, {others} other", f"LLVM IR: @k_{name}, {len(text.splitlines())} lines", measured.get(name, "")))
    return [f"kernels{note}", *(columns(rows) or ["  none: it needs no code of its own, or runs on the host"])]
