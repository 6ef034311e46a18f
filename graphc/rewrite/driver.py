"""The driver: apply rules from the leaves up until none matches, without recursion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from graphc.errors import CompileError, explain, located
from graphc.ir.graph import toposort
from graphc.ir.node import Node, make
from graphc.rewrite.rule import Rule, Rules

LIMIT = 1000  # rewrites that one node and what replaces it may go through


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
        self.waiting: dict[Node, Node | None] = {}  # node -> what it was replaced by, None while its operands settle
        self.history: dict[Node, tuple[int, tuple]] = {}  # node -> rewrites that led to it, and the last two of them

    def settle(self, node: Node):
        """Enter the final form of ``node`` into ``done``."""
        done = self.done
        step = self._step(node)
        if step is node:
            done[node] = node
            return
        stack = [node]
        while stack:
            top = stack[-1]
            if top in done:
                stack.pop()
                continue
            forward = self.waiting.get(top)
            if forward is not None and forward in done:
                done[top] = done[forward]
                del self.waiting[top]
                stack.pop()
                continue
            pending = [x for x in top.inputs if x not in done]
            if pending:
                self._wait(top, None)
                for x in pending:
                    self._enter(x, top, stack)
                continue
            after = self._step(top)
            if after is top:
                self.waiting.pop(top, None)
                done[top] = top
                stack.pop()
            else:
                self._wait(top, after)
                self._enter(after, top, stack)

    def _wait(self, node: Node, forward: Node | None):
        self.waiting[node] = forward

    def _enter(self, node: Node, parent: Node, stack: list):
        if node in self.waiting:
            raise self._fight(parent)
        past = self.history.get(parent)
        if past is not None and node not in self.history:
            if past[0] > self.limit:
                raise self._fight(parent)
            self.history[node] = past
        stack.append(node)

    def _step(self, node: Node) -> Node:
        """``node`` over its settled operands, or after the first rule that matches; itself if it is final."""
        done = self.done
        for x in node.inputs:
            if done[x] is not x:
                with located(node.location):
                    return make(node.op, tuple([done[x] for x in node.inputs]), node.attrs, node.type)
        rules = self.by_op.get(node.op)
        if rules:
            for rule in rules:
                with_location = _apply(rule, node)
                if with_location is not None and with_location is not node:
                    return self._replaced(node, with_location, rule)
        return node

    def _replaced(self, node: Node, after: Node, rule: Rule) -> Node:
        if after.type != node.type:
            raise CompileError(explain(f"rule {rule.name} changes the type of {node} to {after.type}", (), node.location))
        self.stats[rule.name] += 1
        count, last = self.history.get(node, (0, ()))
        if after not in self.done:
            self.history[after] = (count + 1, (*last[-1:], rule.name))
        return after

    def _fight(self, node: Node) -> CompileError:
        count, last = self.history.get(node, (0, ()))
        names = " and ".join(dict.fromkeys(last)) or "unknown rules"
        return CompileError(explain(f"rules fight at {node.op} after {count} rewrites: {names}", (), node.location))


def _apply(rule: Rule, node: Node) -> Node | None:
    return rule.apply(node)
