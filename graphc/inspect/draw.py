"""Graphs as text that other programs draw: DOT for Graphviz, and Mermaid for pages of Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.inspect.sizes import Sizes
from graphc.ir.graph import Graph
from graphc.ir.node import Node, const_value
from graphc.ir.printer import value_names

MOST = 200  # boxes; a larger graph has one for each name scope or line of the program
_FILL = {"input": "#d8f0d8", "const": "#eeeeee", "output": "#fde8c8", "group": "#dbe9f6", "op": "#ffffff"}


@dataclass(frozen=True)
class Box:
    """What is drawn as one: a value, or all values of a name scope or line.

    ``lines`` are its label, ``scope`` the names of the clusters around it from the outermost, ``kind`` one of input, const,
    op, output and group.
    """

    lines: tuple[str, ...]
    kind: str
    scope: tuple[str, ...] = ()


def boxes(graph: Graph, sizes: Sizes, names: dict[Node, str] | None = None) -> tuple[list[Box], dict[tuple[int, int], str]]:
    """What to draw of a graph: boxes, operands first, and arrows {(from, to): type}, boxes by their position.

    Args:
        names: of the values, where they are not those of the text of this graph alone.
    """
    names = names or value_names(graph)
    nodes = list(dict.fromkeys((*graph.inputs, *graph.nodes)))
    keys = {n: n for n in nodes} if len(nodes) <= MOST else _grouped(nodes)
    members: dict[object, list[Node]] = {}
    for node in nodes:
        members.setdefault(keys[node], []).append(node)
    number = {key: k for k, key in enumerate(members)}
    made = [_value(key, names[key], sizes) if isinstance(key, Node) else _group(key, inside) for key, inside in members.items()]
    arrows: dict[tuple[int, int], str] = {}
    for node in nodes:
        for x in node.inputs:
            if keys[x] != keys[node]:
                arrows.setdefault((number[keys[x]], number[keys[node]]), sizes.text(x.type))
    for name, y in zip(graph.names, graph.outputs):
        made.append(Box((name, sizes.text(y.type)), "output"))
        arrows[number[keys[y]], len(made) - 1] = ""
    return made, arrows


def _grouped(nodes: list[Node]) -> dict[Node, str]:
    """What each Node is drawn with: its scope, cut short until there are few enough, or its line."""
    places = {n: _place(n) for n in nodes}
    depth = max(len(p) for p in places.values())
    while depth > 1 and len({p[:depth] for p in places.values()}) > MOST:
        depth -= 1
    return {n: "/".join(p[:depth]) for n, p in places.items()}


def _place(node: Node) -> tuple[str, ...]:
    at = node.location
    if at is None:
        return ("inputs",) if node.op == "input" else ("constants",) if node.op == "const" else ("no line",)
    return _scope(node) or (str(at),)


def _scope(node: Node) -> tuple[str, ...]:
    at = node.location
    return tuple(at.scope.split("/")) if at is not None and at.scope else ()


def _value(node: Node, name: str, sizes: Sizes) -> Box:
    kind = node.op if node.op in ("input", "const") else "op"
    value = const_value(node) if kind == "const" else None
    detail = [v for k, v in node.attrs if k == "kind" and isinstance(v, str)]
    head = str(value) if value is not None else f"{name} {detail[0]}" if detail else name
    return Box((head, sizes.text(node.type)), kind, _scope(node))


def _group(name: str, inside: list[Node]) -> Box:
    return Box((name, f"{len(inside)} value{'s' if len(inside) != 1 else ''}"), "group")


def dot_text(graph: Graph, sizes: Sizes, names: dict[Node, str] | None = None) -> str:
    """A graph in the DOT language, its name scopes as clusters: ``graphc inspect ... --dot | dot -Tsvg``."""
    made, arrows = boxes(graph, sizes, names)

    def box(k: int, indent: str) -> str:
        text = r"\n".join(_quoted(line) for line in made[k].lines)
        return f'{indent}b{k} [label="{text}", fillcolor="{_FILL[made[k].kind]}"];'

    def opened(number: int, name: str, indent: str) -> list[str]:
        return [f"{indent}subgraph cluster_{number} {{", f'{indent}  label="{_quoted(name)}";']

    lines = [f'digraph "{_quoted(graph.name)}" {{', '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=10];']
    lines += ['  edge [fontname="sans-serif", fontsize=8];', *_clustered(made, box, opened, "}")]
    is_grouped = any(b.kind == "group" for b in made)
    for (a, b), text in arrows.items():
        lines.append(f"  b{a} -> b{b}" + (f' [label="{_quoted(text)}"];' if is_grouped and text else ";"))
    return "\n".join([*lines, "}"])


def mermaid_text(graph: Graph, sizes: Sizes, names: dict[Node, str] | None = None) -> str:
    """A graph as a Mermaid flowchart, its name scopes as subgraphs."""
    made, arrows = boxes(graph, sizes, names)

    def box(k: int, indent: str) -> str:
        text = "<br>".join(_escaped(line) for line in made[k].lines)
        return f'{indent}b{k}["{text}"]:::{made[k].kind}_box'

    def opened(number: int, name: str, indent: str) -> list[str]:
        return [f'{indent}subgraph s{number}["{_escaped(name)}"]']

    lines = ["flowchart TD", *_clustered(made, box, opened, "end")]
    is_grouped = any(b.kind == "group" for b in made)
    for (a, b), text in arrows.items():
        lines.append(f"  b{a} -->" + (f'|"{_escaped(text)}"|' if is_grouped and text else "") + f" b{b}")
    lines += [f"  classDef {kind}_box fill:{fill},stroke:#778899" for kind, fill in _FILL.items() if any(b.kind == kind for b in made)]
    return "\n".join(lines)


def _clustered(made: list[Box], box, opened, closing: str) -> list[str]:
    """The lines of all boxes, those of one scope together inside of what ``opened`` begins."""
    tree: dict = {}
    for k, one in enumerate(made):
        level = tree
        for name in one.scope:
            level = level.setdefault(("scope", name), {})
        level["box", k] = None
    lines: list[str] = []
    count = 0

    def write(level: dict, indent: str) -> None:  # as deep as scopes are
        nonlocal count
        for (kind, key), inside in level.items():
            if kind == "box":
                lines.append(box(key, indent))
                continue
            count += 1
            lines.extend(opened(count, key, indent))
            write(inside, indent + "  ")
            lines.append(indent + closing)

    write(tree, "  ")
    return lines


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _escaped(text: str) -> str:
    for sign, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("\n", " ")):
        text = text.replace(sign, code)
    return text
