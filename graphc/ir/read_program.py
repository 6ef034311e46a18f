"""Reads one program of an IR text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from graphc.ir.blob import EMPTY, Blob
from graphc.ir.lines import Line, Lines
from graphc.ir.program import Branch, Buffer, Copy, Host, Launch, Param, Program, Refuse, Repeat, Signature
from graphc.ir.read_graph import read_donated, read_requirement
from graphc.ir.read_value import Scope, read_attr, read_box, read_dim, read_type
from graphc.ir.tensor_map import TensorMap

_PLACES = ("input", "output", "constant", "arena", "row")


@dataclass
class _Parts:
    """What the head of a program has said so far."""

    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)
    symbols: tuple = ()
    donated: tuple = ()
    arena: object = 0
    constants: Blob = EMPTY
    buffers: list = field(default_factory=list)
    checks: list = field(default_factory=list)


def read_program(line: Line, lines: Lines, scope: Scope, kernels: tuple) -> Program:
    """The program whose head is ``line``, over the kernels that stand before it."""
    line.expect("program")
    name = line.label()
    line.expect("{")
    line.end()
    parts, scope = _Parts(), replace(scope, groups={})
    while True:
        line = lines.need("a statement or '}'")
        if not _read_declaration(line, scope, parts):
            break
        line.end()
    steps = _read_steps(line, lines, scope)
    signature = Signature(tuple(parts.inputs), tuple(parts.outputs), parts.symbols, parts.donated, parts.arena)
    return Program(name, signature, tuple(parts.buffers), kernels, steps, parts.constants, tuple(parts.checks))


def _read_declaration(line: Line, scope: Scope, parts: _Parts) -> bool:
    """Reads a line that is no step; False for a step."""
    match line.next:
        case "input" | "output":
            params = parts.inputs if line.next == "input" else parts.outputs
            line.at += 1
            name = line.name("a name")
            line.expect(":")
            params.append(Param(name, read_type(line, scope), line.location))
        case "symbols":
            line.at += 1
            names = [line.name("a dimension")]
            while line.accept(","):
                names.append(line.name("a dimension"))
            parts.symbols = tuple(names)
        case "donates":
            parts.donated = read_donated(line)
        case "arena":
            line.at += 1
            parts.arena = read_dim(line, scope, 0)
        case "constants":
            line.at += 1
            parts.constants = _read_constants(line, scope)
        case "check":
            parts.checks.append(read_requirement(line, scope))
        case "buffer":
            parts.buffers.append(_read_buffer(line, scope))
        case _:
            return False
    return True


def _read_constants(line: Line, scope: Scope) -> Blob:
    size = line.integer("a number of bytes")
    digest = line.take("blob", "a digest such as #0123456789abcdef").lstrip("#")
    array = scope.blobs.get(digest)
    if array is None:
        line.refuse(f"the constants #{digest} are not among the blobs given")
    content = Blob.of(np.asarray(array).tobytes())
    if len(content) != size or content.digest != digest:
        line.refuse(f"the blob {digest} has another content than its digest and length say")
    return content


def _read_buffer(line: Line, scope: Scope) -> Buffer:
    line.expect("buffer")
    name = line.name("a name")
    line.expect(":")
    type = read_type(line, scope)
    line.expect("=")
    where = line.name("a place")
    if where not in _PLACES:
        line.fail(f"one of {', '.join(_PLACES)}", line.at - 1)
    if where == "row":
        number = line.name("a buffer")
        line.expect("of")
        return Buffer(name, type, (where, (line.name("a buffer"), number)))
    return Buffer(name, type, (where, read_dim(line, scope, 0)))


@dataclass
class _Block:
    """An open ``if`` or ``repeat``."""

    head: tuple = ()
    body: list = field(default_factory=list)
    first: tuple | None = None

    def close(self):
        """The finished step."""
        body = tuple(self.body)
        first, second = (body, ()) if self.first is None else (self.first, body)
        if self.head[0] == "if":
            return Branch(self.head[1], first, second)
        return Repeat(first, second, *self.head[1:])


def _read_steps(line: Line, lines: Lines, scope: Scope) -> tuple:
    """Steps from ``line`` up to the ``}`` of the program; an own stack, so that deep nesting does not matter."""
    stack = [_Block()]
    while True:
        top = stack[-1]
        if line.accept("}"):
            if len(stack) == 1:
                line.end()
                return tuple(top.body)
            if line.next == ("else" if top.head[0] == "if" else "test") and top.first is None:
                line.at += 1
                line.expect("{")
                top.first, top.body = tuple(top.body), []
            else:
                stack.pop()
                stack[-1].body.append(top.close())
        elif line.next in ("if", "repeat"):
            stack.append(_Block(_read_branch(line) if line.next == "if" else _read_repeat(line, scope)))
        else:
            top.body.append(_read_step(line, scope))
        line.end()
        line = lines.need("a step or '}'")


def _read_branch(line: Line) -> tuple:
    line.expect("if")
    condition = line.name("a buffer")
    line.expect("{")
    return ("if", condition)


def _read_repeat(line: Line, scope: Scope) -> tuple:
    line.expect("repeat")
    condition = line.name("a buffer") if line.accept("while") else None
    count = read_dim(line, scope) if line.accept("count") else None
    counter = line.name("a buffer") if line.accept("counter") else None
    line.expect("{")
    return ("repeat", condition, count, counter)


def _read_names(line: Line) -> tuple[str, ...]:
    line.expect("(")
    return tuple(line.separated(")", lambda: line.name("a buffer")))


def _read_step(line: Line, scope: Scope):
    if line.accept("launch"):
        kernel, args, dims = line.label(), _read_names(line), ()
        if line.accept("dims"):
            line.expect("(")
            dims = tuple(line.separated(")", lambda: read_dim(line, scope)))
        return Launch(kernel, args, dims, *_read_blocks(line, scope), location=line.location)
    if line.accept("copy"):
        source = line.name("a buffer")
        line.expect("->")
        return Copy(source, line.name("a buffer"))
    if line.accept("host"):
        return _read_host(line, scope)
    if line.accept("refuse"):
        return _read_refuse(line, scope)
    line.fail("a step")


def _read_blocks(line: Line, scope: Scope) -> tuple:
    """How many blocks of how many threads run a kernel, the bytes that a block has, and tensor maps: of launches on a GPU."""
    if not line.accept("grid"):
        return ()
    grid = read_dim(line, scope)
    line.expect("threads")
    threads = read_dim(line, scope)
    shared = read_dim(line, scope) if line.accept("shared") else 0
    if type(threads) is not int or type(shared) is not int:
        line.refuse("threads and shared bytes are numbers")
    maps = []
    while line.accept("map"):
        maps.append(TensorMap(read_dim(line, scope), read_type(line, scope), read_box(line, scope)))
    return grid, threads, shared, tuple(maps)


def _read_refuse(line: Line, scope: Scope) -> Refuse:
    line.expect("(")
    code = line.name("a buffer")
    line.expect(",")
    if line.name("'reasons'") != "reasons":
        line.fail("'reasons'", line.at - 1)
    line.expect("=")
    reasons = read_attr(line, scope)
    if type(reasons) is not tuple or any(type(r) is not tuple or len(r) != 2 for r in reasons):
        line.refuse("reasons are pairs of a message and a line")
    line.expect(")")
    return Refuse(code, reasons)


def _read_host(line: Line, scope: Scope) -> Host:
    op = line.name("an operation")
    args, attrs = [], []

    def argument():
        name = line.name("a buffer or an attribute")
        if line.accept("="):
            attrs.append((name, read_attr(line, scope)))
        elif attrs:
            line.fail("'='")
        else:
            args.append(name)

    line.expect("(")
    line.separated(")", argument)
    line.expect("->")
    return Host(op, tuple(attrs), tuple(args), _read_names(line), line.location)
