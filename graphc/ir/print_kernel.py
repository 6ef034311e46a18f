"""The text of kernels; ``parser.parse`` reads it back to the identical object.

Nothing of ``kernel`` is imported, as it uses this file: it looks at attributes only.
"""

from __future__ import annotations

from collections import Counter

from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.ir.text import dim_text, label_text, name_text, scalar_text

_NAMED_SIZE, _NAMED_HEIGHT = 8, 24  # from where on a part of an expression gets a line of its own


def kernel_text(kernel) -> str:
    """A Kernel as text."""
    return "\n".join(kernel_lines(kernel)) + "\n"


def array_text(array) -> str:
    """An Array as a kernel declares it."""
    text = f"{name_text(array.name)}: {array.type}"
    if array.space != "global":
        text += f" {array.space}"
    if array.written:
        text += " streamed" if array.streamed else " written"
    if array.strides is not None:
        text += f" strides({', '.join(map(dim_text, array.strides))})"
    if array.box is not None:
        text += f" box({', '.join(map(dim_text, array.box))})"
    return text


def kernel_lines(kernel) -> list[str]:
    """A Kernel as lines of text."""
    arrays = ", ".join(map(array_text, kernel.arrays))
    dims = f" dims({', '.join(map(scalar_text, kernel.dims))})" if kernel.dims else ""
    lines = [f"kernel @{label_text(kernel.name)}({arrays}){dims} {{"]
    _add_statements(kernel.body, "  ", lines)
    return lines + ["}"]


def statement_text(statement) -> str:
    """The first line of a statement, for messages."""
    lines: list[str] = []
    _add_statements((statement,), "", lines)
    return next(line for line in lines if not line.startswith("%"))


def _add_statements(body, indent: str, lines: list[str]) -> None:
    for s in body:
        match type(s).__name__:
            case "For":
                names = _named_parts((s.extent,), indent, lines)
                lines.append(f"{indent}{_for_text(s, names)} {{")
                _add_statements(s.body, indent + "  ", lines)
                lines.append(f"{indent}}}")
            case "If":
                names = _named_parts((s.condition,), indent, lines)
                lines.append(f"{indent}if {scalar_text(s.condition, 0, names)} {{")
                _add_statements(s.then, indent + "  ", lines)
                if s.orelse:
                    lines.append(f"{indent}}} else {{")
                    _add_statements(s.orelse, indent + "  ", lines)
                lines.append(f"{indent}}}")
            case "Let":
                names = _named_parts((s.value,), indent, lines)
                var = f"{name_text(s.var.attr('name'))}: {s.var.dtype.short}{_below(s.var, None)}"
                lines.append(f"{indent}let {var} = {scalar_text(s.value, 0, names)}")
            case "Set":
                names = _named_parts((s.value,), indent, lines)
                lines.append(f"{indent}{name_text(s.var.attr('name'))} = {scalar_text(s.value, 0, names)}")
            case "Store":
                names = _named_parts((*s.index, s.value, s.guard), indent, lines)
                lines.append(f"{indent}{_store_text(s, names)}")
            case "Prefetch":
                names = _named_parts(s.index, indent, lines)
                inside = ", ".join([scalar_text(i, 0, names) for i in s.index])
                lines.append(f"{indent}prefetch {name_text(s.array)}[{inside}]")
            case "Turn":
                lines.append(f"{indent}turn {name_text(s.array)}")
            case "Alloc":
                lines.append(f"{indent}alloc {array_text(s.array)}")
            case "Barrier":
                lines.append(f"{indent}barrier")
            case "Call":
                names = _named_parts(_call_parts(s), indent, lines)
                lines.append(f"{indent}call {s.function}({', '.join([_argument_text(a, names) for a in s.args])})")


def _call_parts(s) -> list:
    """The expressions in the arguments of a Call."""
    return [x for a in s.args for x in (a.index if type(a).__name__ == "At" else (a,))]


def _argument_text(argument, names) -> str:
    if type(argument).__name__ == "At":
        return f"at {name_text(argument.array)}[{', '.join([scalar_text(i, 0, names) for i in argument.index])}]"
    if isinstance(argument, Node) and argument.op != "const":
        return scalar_text(argument, 0, names)
    return dim_text(argument) if isinstance(argument, (int, Node)) else repr(argument)  # numbers and Nodes read back


def _for_text(s, names) -> str:
    extent = scalar_text(s.extent, 0, names) if names else dim_text(s.extent)
    usual = s.extent if type(s.extent) is int else None
    text = f"for {name_text(s.var.attr('name'))}{_below(s.var, usual)} in {extent}"
    if s.kind != "serial":
        text += f" {s.kind}"
    if not (type(s.grain) is int and s.grain == 1):
        text += f" grain {dim_text(s.grain)}"
    return text


def _below(var, usual) -> str:
    """The bound that a variable carries, where it is not the usual one."""
    extent = dict(var.attrs).get("extent")
    if extent is usual or (type(extent) is int and extent == usual):
        return ""
    return " unbounded" if extent is None else f" below {dim_text(extent)}"


def _store_text(s, names) -> str:
    inside = ", ".join([scalar_text(i, 0, names) for i in s.index])
    if s.guard is not None:
        inside += f"{' ' if inside else ''}if {scalar_text(s.guard, 0, names)}"
    return f"{name_text(s.array)}[{inside}] = {scalar_text(s.value, 0, names)}"


def _named_parts(roots, indent: str, lines: list[str]) -> dict:
    """Lines ``%t0 = ...`` for what one statement's expressions share or nest too deeply; {Node: "%t0"}.

    Expressions are DAGs: written out as trees they could grow exponentially.
    """
    order, uses = _operands_first([r for r in roots if isinstance(r, Node)])
    names: dict = {}
    if len(order) <= _NAMED_SIZE:
        return names
    size, height = {}, {}
    for node in order:
        size[node] = 1 + sum([1 if x in names else size[x] for x in node.inputs])
        height[node] = 1 + max([0 if x in names else height[x] for x in node.inputs], default=0)
        if (uses[node] > 1 and size[node] > _NAMED_SIZE) or (height[node] > _NAMED_HEIGHT and uses[node]):
            text = scalar_text(node, 0, names)
            names[node] = f"%t{len(names)}"
            lines.append(f"{indent}{names[node]} = {text}")
    return names


def _operands_first(roots) -> tuple[list, dict]:
    """Every Node of some expressions, operands first, and how often each is used."""
    order = toposort(roots)
    return order, Counter([*roots, *(x for node in order for x in node.inputs)])
