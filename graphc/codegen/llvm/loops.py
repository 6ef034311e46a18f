"""Counted loops and branches in SSA form: the phis of what a body changes are found by writing the body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.codegen.llvm.builder import Value
from graphc.codegen.llvm.function import BRANCH, GUARD, Binding, Function, Text, binding, joined
from graphc.ir.dtype import i32, i64
from graphc.ir.node import Node

Writer = Callable[[], None]
_SMALL = 1 << 30  # a counter below this counts in 32 bits, where addresses have no more


@dataclass(frozen=True, slots=True)
class Span:
    """start, start + step, ... below stop; ``sure`` where it is known not to be empty."""

    start: Value
    stop: Value
    step: int
    sure: bool


def counted_loop(function: Function, var: Node, span: Span, keys: list, body: Writer, kind: str) -> None:
    """Run ``body`` once per number of the span, with ``var`` bound to it.

    Args:
        keys: the mutable state that the body may change.
        kind: LOOP or STEPS.
    """
    if span.sure:
        _rotated_loop(function, var, span, keys, body, kind)
        return
    test = function.builder.compare("lt", span.start, span.stop)
    before = {key: function.state[key] for key in keys}
    text, join = Text(function.fresh("guard")), function.fresh("join")
    head = text.label
    function.open(GUARD, text)
    _rotated_loop(function, var, span, keys, body, kind)
    function.close()
    after = {key: function.state[key] for key in keys}
    outer = function.text
    fork = outer.label
    outer.lines += (f"  br {test.operand}, label %{head}, label %{join}", f"{head}:")
    outer.lines += text.lines
    outer.lines += (f"  br label %{join}", f"{join}:")
    outer.label = join
    outer.lines += joined(function, [(fork, before), (text.label, after)], keys)


def _rotated_loop(function: Function, var: Node, span: Span, keys: list, body: Writer, kind: str) -> None:
    """The loop itself, tested at its end."""
    names, state = function.names, function.state
    text = Text(function.fresh("loop"))
    head = text.label
    function.open(kind, text)
    index = Value(f"%i{next(names)}", i64)
    function.keep(("base", var), index, function.depth)
    previous = function.bindings.get(var)
    function.bindings[var] = binding(function.depth, True)
    before, marks = {}, {}
    for key in keys:
        old = before[key] = state[key]
        marks[key] = name = f"%v{next(names)}"
        function.unread.add(name)
        state[key] = Value(name, old.dtype, old.lanes)
    body()
    function.here()
    builder = function.builder
    small = function.target.pointer_bits == 32 and _is_small(span)
    counter = Value(f"{index.text}.n", i32) if small else index
    following = builder.arithmetic("add", counter, builder.const(span.step, counter.dtype))
    test = builder.compare("lt", following, builder.const(span.stop.number, i32) if small else span.stop)
    function.close()
    unbind(function, var, previous)
    outer, done = function.text, function.fresh("done")
    lines = [f"  br label %{head}", f"{head}:"]
    kind = "i32" if small else "i64"
    lines.append(f"  {counter.text} = phi {kind} [ {span.start.text}, %{outer.label} ], [ {following.text}, %{text.label} ]")
    for key in keys:
        mark, old, new = marks[key], before[key], state[key]
        if mark in function.unread:
            function.unread.discard(mark)
            if new.text == mark:
                state[key] = old
            continue
        function.unread.difference_update((old.text, new.text))
        lines.append(f"  {mark} = phi {old.type} [ {old.text}, %{outer.label} ], [ {new.text}, %{text.label} ]")
    outer.lines += lines
    if small:
        outer.lines.append(f"  {index.text} = zext nneg i32 {counter.text} to i64")
    outer.lines += text.lines
    outer.lines += (f"  br {test.operand}, label %{head}, label %{done}", f"{done}:")
    outer.label = done


def _is_small(span: Span) -> bool:
    """Whether all numbers of a span, and the one after them, are known to fit in 32 bits."""
    first, stop = span.start.number, span.stop.number
    return first is not None and stop is not None and 0 <= first <= stop < _SMALL and span.step < _SMALL


def unbind(function: Function, var: Node, previous: Binding | None) -> None:
    """Give a loop variable back the meaning it had around the loop."""
    if previous is None:
        function.bindings.pop(var, None)
    else:
        function.bindings[var] = previous


def branch(function: Function, test: Value, keys: list, then: Writer, orelse: Writer | None) -> None:
    """Run one of two bodies; ``keys`` is the mutable state that they may change."""
    before = {key: function.state[key] for key in keys}
    join = function.fresh("join")
    arms, lines, targets = [], [], []
    for body in (then, orelse):
        if body is None:
            arms.append((function.text.label, before))
            targets.append(join)
            continue
        text = Text(function.fresh("arm"))
        targets.append(text.label)
        lines.append(f"{text.label}:")
        function.open(BRANCH, text)
        body()
        function.close()
        lines += text.lines
        lines.append(f"  br label %{join}")
        arms.append((text.label, {key: function.state[key] for key in keys}))
        function.state.update(before)
    outer = function.text
    outer.lines.append(f"  br {test.operand}, label %{targets[0]}, label %{targets[1]}")
    outer.lines += lines
    outer.lines.append(f"{join}:")
    outer.label = join
    outer.lines += joined(function, arms, keys)
