"""The driver: apply rules from the leaves up until none matches, without recursion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from graphc.errors import CompileError, explain, located
from graphc.ir.order import toposort
from graphc.ir.node import Node, is_index, make
from graphc.rewrite.rule import Rule, Rules

LIMIT = 1000  # rewrites that one node and what replaces it may go through
# Rank-0 i64 arithmetic has a normal form of its own, which rules must not leave.
_INDEX_NORMAL = frozenset({"add", "sub", "mul", "floordiv", "mod", "min", "max", "neg"})


_replacements: ContextVar[dict | None] = ContextVar("replacements", default=None)


@contextmanager
def watched() -> Iterator[dict[Node, tuple[Node, str]]]:
    """Meanwhile every rewrite of this thread enters what it replaces.

    Yields:
        Node -> the Node in its place, and the name of the rule; the name is empty where only operands are others. What
        stands in the place of a Node in the end is found by following it.
    """
    token = _replacements.set({})
    try:
        yield _replacements.get()
    finally:
        _replacements.reset(token)


def rewrite(outputs: Iterable[Node], rules: Rules, stats: Counter | None = None, limit: int = LIMIT) -> list[Node]:
    """The outputs with every rule applied wherever it matches, to a fixpoint.

    Args:
        stats: counts the hits of each rule by its name.
        limit: how many rewrites may follow each other at one node.

    Raises:
        CompileError: rules undo each other or grow a term without end; the message names the last two.
    """
    outputs = list(outputs)
    run = _Run(rules.by_op, Counter() if stats is None else stats, limit)
    for node in toposort(outputs):
        if node not in run.done:
            run.settle(node)
    return [run.done[n] for n in outputs]


class _Run:
    """One walk: what every node met so far has become."""

    def __init__(self, by_op: dict, stats: Counter, limit: int):
        self.by_op, self.stats, self.limit = by_op, stats, limit
        self.done: dict[Node, Node] = {}
        self.seen = _replacements.get()
        self.waiting: dict[Node, Node | None] = {}  # node -> what replaces it, None while its operands settle
        self.history: dict[Node, tuple[int, tuple]] = {}  # node -> rewrites that led to it, and the last two of them

    def settle(self, node: Node):
        """Enter the final form of ``node`` into ``done``."""
        done, waiting, stack = self.done, self.waiting, [node]
        while stack:
            top = stack[-1]
            if top in done:
                stack.pop()
                continue
            forward = waiting.get(top)
            if forward is not None:
                done[top] = done[forward]
                del waiting[top]
                stack.pop()
                continue
            pending = [x for x in top.inputs if x not in done]
            if pending:
                waiting[top] = None
                for x in pending:
                    self._enter(x, top, stack)
                continue
            after = self._step(top)
            if after is top:
                waiting.pop(top, None)
                done[top] = top
                stack.pop()
            else:
                waiting[top] = after
                self._enter(after, top, stack)

    def _enter(self, node: Node, parent: Node, stack: list):
        past = self.history.get(parent, (0, ()))
        if node in self.waiting or past[0] > self.limit:
            raise self._fight(node, parent)
        if past[0]:
            self.history.setdefault(node, past)
        stack.append(node)

    def _step(self, node: Node) -> Node:
        """``node`` over its settled operands, or after the first rule that matches; itself if it is final."""
        done = self.done
        for x in node.inputs:
            if done[x] is not x:
                after = make(node.op, tuple([done[x] for x in node.inputs]), node.attrs, node.type, node.location)
                if self.seen is not None:
                    self.seen[node] = after, ""
                return after
        rules = self.by_op.get(node.op)
        if rules is None or (node.op in _INDEX_NORMAL and is_index(node)):
            return node
        with located(node.location):
            for rule in rules:
                after = rule.apply(node)
                if after is not None and after is not node:
                    return self._replaced(node, after, rule)
        return node

    def _replaced(self, node: Node, after: Node, rule: Rule) -> Node:
        if after.type != node.type:
            what = f"rule {rule.name} turns {node.op} of type {node.type} into {after.op} of type {after.type}"
            raise CompileError(explain(what, (), node.location))
        self.stats[rule.name] += 1
        if self.seen is not None:
            self.seen[node] = after, rule.name
        count, last = self.history.get(node, (0, ()))
        if after not in self.done:
            self.history[after] = (count + 1, (*last[-1:], rule.name))
        return after

    def _fight(self, node: Node, parent: Node) -> CompileError:
        count, last = max(self.history.get(n, (0, ())) for n in (node, parent))
        names = " and ".join(dict.fromkeys(last))
        return CompileError(explain(f"rules fight at {parent.op} after {count} rewrites: {names}", (), parent.location))
