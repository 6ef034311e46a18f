"""The text of graphs and programs; ``parser.parse`` reads it back to the identical object.

Nothing of ``graph`` or ``program`` is imported, as they use this file: it looks at attributes only.
"""

from __future__ import annotations

import json

import numpy as np

from graphc.ir.dtype import as_dtype
from graphc.ir.data import Data
from graphc.ir.node import Node
from graphc.ir.print_kernel import kernel_lines
from graphc.ir.text import attr_text, dim_text, label_text, literal, name_text, scalar_text
from graphc.ir.type import TupleType

_INLINE = 8  # constants of more elements are written as a reference into a weights blob


def graph_text(graph, blobs: dict | None = None, locations: bool = True) -> str:
    """A Graph as text, preceded by the graphs it uses; it depends on nothing but the Graph.

    Args:
        blobs: receives {digest: array} for every constant that is too large to be written inline.
        locations: write the user's line behind each operation. Two graphs that differ in nothing else are equal, so
            leave locations out of a cache key.
    """
    module = Module(blobs, locations)
    module.add_graphs((graph,))
    return "\n".join(module.lines) + "\n"


def program_text(program, blobs: dict | None = None, locations: bool = True) -> str:
    """A Program as text, preceded by its kernels and by the graphs that its host steps use.

    Args:
        blobs: receives {digest: array} for large constants and, as u8 elements, for the bytes of ``constants``.
        locations: write the user's lines.
    """
    module = Module(blobs, locations)
    module.add_graphs(graphs_used(tuple(step.attrs for step in _host_steps(program.steps))))
    for kernel in program.kernels:
        module.start_item()
        module.lines += kernel_lines(kernel)
    module.add_program(program)
    return "\n".join(module.lines) + "\n"


def step_text(step) -> str:
    """The first line of a Program's step, for messages."""
    module = Module(None, False)
    module._add_steps((step,), "")
    return module.lines[0]


def value_names(graph, nodes=None) -> dict[Node, str]:
    """The name of every value of a Graph in its text, without ``%``: inputs by their own, others by op and number."""
    names = {x: x.attr("name") if x.op == "input" else "input" for x in graph.inputs}
    taken, count = set(names.values()), {}
    for node in graph.nodes if nodes is None else nodes:
        if node in names:
            continue
        stem = node.op + "_" if node.op[-1].isdigit() else node.op  # atan2_0 is not the twentieth atan
        number = count.get(stem, 0)
        while (name := f"{stem}{number}") in taken:
            number += 1
        count[stem] = number + 1
        names[node] = name
    return names


class Module:
    """The lines written so far, the labels of the graphs among them, and where large constants go."""

    def __init__(self, blobs: dict | None, locations: bool):
        self.lines: list[str] = []
        self.blobs = blobs
        self.locations = locations
        self.labels: dict = {}
        self.types: dict = {}
        self.comments: dict = {None: ""}
        self.callables: dict[int, int] = {}

    def add_graphs(self, graphs) -> None:
        """Write graphs, each after those that its nodes use."""
        stack = [(graph, None) for graph in reversed(tuple(graphs))]
        while stack:
            graph, nodes = stack.pop()
            if graph in self.labels:
                continue
            if nodes is None:
                nodes = graph.nodes
                stack.append((graph, nodes))
                used = graphs_used(tuple(n.attrs for n in nodes if n.attrs))
                stack.extend((g, None) for g in reversed(used) if g not in self.labels)
            else:
                self._add_graph(graph, nodes)

    def start_item(self) -> None:
        """An empty line between two items."""
        if self.lines:
            self.lines.append("")

    def _label(self, graph) -> str:
        taken, label, number = set(self.labels.values()), graph.name, 0
        while label in taken:
            number += 1
            label = f"{graph.name}_{number}"
        self.labels[graph] = label
        return label

    def _add_graph(self, graph, nodes) -> None:
        label = self._label(graph)
        names = {node: "%" + label_text(name) for node, name in value_names(graph, nodes).items()}
        self.start_item()
        self.lines.append(self.head(graph, label, names))
        inputs = set(graph.inputs)
        self.lines += [self._node_line(node, names) for node in nodes if node not in inputs]
        self.lines += self.tail(graph, names)

    def head(self, graph, label: str, names) -> str:
        """The line that begins a Graph; ``names``: of its inputs, with ``%``."""
        params = ", ".join([f"{names[x]}: {x.type}" for x in graph.inputs])
        head = f"graph @{label_text(label)}"
        if label != graph.name:
            head += f" named {json.dumps(graph.name)}"
        return f"{head}({params}){_donated_text(graph.donated)} {{"

    def tail(self, graph, names) -> list[str]:
        """The lines behind the operations of a Graph; ``names``: of its roots, with ``%``."""
        requires = [self.requirement("require", r) for r in graph.requires]
        return [*requires, f"  return{self._outputs(graph, names)}", "}"]

    def requirement(self, word: str, r) -> str:
        """One requirement of a Graph (``require``) or Program (``check``)."""
        return f"  {word} {scalar_text(r.condition)} {json.dumps(r.message)}{self.comment(r.location)}"

    @staticmethod
    def _outputs(graph, names) -> str:
        usual = graph.names == tuple([f"out{k}" for k in range(len(graph.outputs))])
        parts = [names[x] for x in graph.outputs]
        if not usual:
            parts = [f"{value} {json.dumps(name)}" for value, name in zip(parts, graph.names)]
        measures = " measures " + ", ".join([names[x] for x in graph.measures]) if graph.measures else ""
        return (" " + ", ".join(parts) if parts else "") + measures

    def _node_line(self, node, names) -> str:
        inside = [names[x] for x in node.inputs] + self.attributes(node)
        comment = self.comment(node.location) if self.locations else ""
        return f"  {names[node]}: {self.type_text(node.type)} = {node.op}({', '.join(inside)}){comment}"

    def type_text(self, type) -> str:
        """A type; printed once."""
        text = self.types.get(type)
        if text is None:
            text = self.types[type] = str(type)
        return text

    def attributes(self, node) -> list[str]:
        """What stands behind the operands of an operation."""
        if node.op == "const":
            return [self._data(node.attrs[0][1], node.type)]
        return [f"{key}={attr_text(value, self.special)}" for key, value in node.attrs] if node.attrs else []

    def comment(self, location) -> str:
        """The user's line, as it stands behind an operation."""
        if not self.locations:
            return ""
        text = self.comments.get(location)
        if text is None:
            text = self.comments[location] = "  # " + " ".join(str(location).split())
        return text

    def _data(self, data: Data, type) -> str:
        array = data.array
        if data.is_splat:
            return literal(array[()], type.dtype)
        if array.size <= _INLINE or array.dtype == object:
            return f"[{', '.join([literal(x, type.dtype) for x in array.reshape(-1)])}]"
        return self._blob(data)

    def _blob(self, data: Data) -> str:
        if self.blobs is not None:
            self.blobs[data.digest] = data.array
        shape = ",".join(map(str, data.array.shape))
        return f"#{as_dtype(data.array.dtype).short}[{shape}]:{data.digest}"

    def special(self, value) -> str:
        """Attributes that only graphs and programs have."""
        if _is_graph(value):
            return "@" + label_text(self.labels.get(value, value.name))
        if isinstance(value, Data):
            return self._blob(value)
        if isinstance(value, TupleType):
            return f"tuple{value}"
        if callable(value):  # cannot be read back; numbered so that two of one name do not look equal
            number = self.callables.setdefault(id(value), len(self.callables))
            return f"<python {getattr(value, '__qualname__', type(value).__name__)} {number}>"
        return str(value)

    # -------------------------------------------------------------------------------------- programs

    def add_program(self, program) -> None:
        """Write a Program; its kernels and graphs have been written before."""
        self.start_item()
        signature, out = program.signature, self.lines
        out.append(f"program @{label_text(program.name)} {{")
        for word, params in (("input", signature.inputs), ("output", signature.outputs)):
            out += [f"  {word} {name_text(p.name)}: {p.type}{self.comment(p.location)}" for p in params]
        if signature.symbols:
            out.append(f"  symbols {', '.join(map(name_text, signature.symbols))}")
        if signature.donated:
            out.append(f" {_donated_text(signature.donated)}")
        if not (type(signature.arena) is int and signature.arena == 0):
            out.append(f"  arena {dim_text(signature.arena)}")
        if len(program.constants):
            digest = program.constants.digest
            if self.blobs is not None:
                self.blobs[digest] = np.frombuffer(program.constants.view, np.uint8)
            out.append(f"  constants {len(program.constants)} #{digest}")
        out += [self.requirement("check", r) for r in program.checks]
        for buffer in program.buffers:
            where, offset = buffer.place
            there = " of ".join(map(name_text, reversed(offset))) if where == "row" else dim_text(offset)
            out.append(f"  buffer {name_text(buffer.name)}: {buffer.type} = {where} {there}")
        self._add_steps(program.steps, "  ")
        out.append("}")

    def _add_steps(self, steps, indent: str) -> None:
        for step in steps:
            match type(step).__name__:
                case "Launch":
                    dims = f" dims({', '.join(map(dim_text, step.dims))})" if step.dims else ""
                    blocks = f" grid {dim_text(step.grid)} threads {step.threads}" if step.threads else ""
                    blocks += f" shared {step.shared}" if step.shared else ""
                    for m in step.maps:
                        blocks += f" map {m.argument} {m.type} box({', '.join(map(dim_text, m.box))})"
                    self.lines.append(f"{indent}launch @{label_text(step.kernel)}({_names(step.args)}){dims}{blocks}{self.comment(step.location)}")
                case "Copy":
                    self.lines.append(f"{indent}copy {name_text(step.source)} -> {name_text(step.target)}")
                case "Host":
                    self.lines.append(indent + self._host_text(step))
                case "Refuse":
                    reasons = attr_text(step.reasons, self.special)
                    self.lines.append(f"{indent}refuse({name_text(step.code)}, reasons={reasons})")
                case "Branch":
                    self.lines.append(f"{indent}if {name_text(step.condition)} {{")
                    self._add_steps(step.then, indent + "  ")
                    if step.orelse:
                        self.lines.append(f"{indent}}} else {{")
                        self._add_steps(step.orelse, indent + "  ")
                    self.lines.append(f"{indent}}}")
                case "Repeat":
                    self._add_repeat(step, indent)

    def _host_text(self, step) -> str:
        parts = [name_text(a) for a in step.args]
        parts += [f"{key}={attr_text(value, self.special)}" for key, value in step.attrs]
        return f"host {step.op}({', '.join(parts)}) -> ({_names(step.results)}){self.comment(step.location)}"

    def _add_repeat(self, step, indent: str) -> None:
        head = "repeat"
        if step.condition is not None:
            head += f" while {name_text(step.condition)}"
        if step.count is not None:
            head += f" count {dim_text(step.count)}"
        if step.counter is not None:
            head += f" counter {name_text(step.counter)}"
        self.lines.append(f"{indent}{head} {{")
        self._add_steps(step.body, indent + "  ")
        if step.test:
            self.lines.append(f"{indent}}} test {{")
            self._add_steps(step.test, indent + "  ")
        self.lines.append(f"{indent}}}")


def _is_graph(value) -> bool:
    return type(value).__name__ == "Graph"


def graphs_used(value) -> list:
    """The Graphs inside nested tuples of attributes, in order."""
    found, stack = {}, [value]
    while stack:
        item = stack.pop()
        if type(item) is tuple:
            stack.extend(reversed(item))
        elif _is_graph(item):
            found.setdefault(item)
    return list(found)


def _host_steps(steps) -> list:
    found = []
    for step in steps:
        match type(step).__name__:
            case "Host":
                found.append(step)
            case "Branch":
                found += _host_steps(step.then) + _host_steps(step.orelse)
            case "Repeat":
                found += _host_steps(step.body) + _host_steps(step.test)
    return found


def _names(names) -> str:
    return ", ".join(map(name_text, names))


def _donated_text(donated) -> str:
    return f" donates({', '.join(f'{out}->{into}' for out, into in donated)})" if donated else ""
