"""Values of hundreds of operations, such as slopes of special functions: computed in an order that keeps few of them waiting.

Named where they are shared, all terms of a series would come first, and what is made of them last: more than a thread has registers.
"""

from __future__ import annotations

from graphc.ir.graph import substitute
from graphc.ir.kernel import Let
from graphc.ir.node import INDEX, Node, var
from graphc.ir.order import toposort, users
from graphc.lower.schedule import name_shared

LONG = 500  # operations from which on their order matters


def named_in_turn(values: list[Node]) -> tuple[list[Let], list[Node]]:
    """As ``name_shared``; every operation of long values is a statement, which stands right before what needs it."""
    order = toposort(values)
    if len(order) < LONG or any(n.op == "load_if" for n in order):  # what a guarded load needs is not to be computed without it
        return name_shared(values)
    memo: dict[Node, Node] = {}
    lets: list[Let] = []
    for n in _in_turn(values, order):
        new = substitute((n,), {x: memo[x] for x in n.inputs})[0] if n.inputs else n
        if (n.inputs or n.op == "load") and n.type != INDEX:
            lets.append(Let(var(f"t{len(lets)}", n.type), new))
            new = lets[-1].var
        memo[n] = new
    return lets, [memo[v] for v in values]


def _in_turn(values: list[Node], order: list[Node]) -> list[Node]:
    """Operands before users; what is the last to need one of its operands comes as soon as it has the others."""
    readers = {n: list(dict.fromkeys(found)) for n, found in users(values).items()}
    missing = {n: len(set(n.inputs)) for n in order}
    left = {n: len(readers[n]) + (n in values) for n in order}  # that need a Node, and come later
    found: dict[Node, None] = {}
    for first in (*[n for n in order if not n.inputs], *_deepest_first(values, order)):
        stack = [first]
        while stack:
            node = stack.pop()
            if node in found:
                continue
            found[node] = None
            near = list(readers[node])
            for reader in near:
                missing[reader] -= 1
            for x in dict.fromkeys(node.inputs):
                left[x] -= 1
                near += readers[x] if left[x] == 1 else []
            stack += [r for r in reversed(near) if not missing[r] and any(x.inputs and left[x] == 1 for x in r.inputs)]
    return list(found)


def _deepest_first(values: list[Node], order: list[Node]) -> list[Node]:
    """Operands before users, of two operands first the one that takes more steps: nothing else has to wait for it."""
    depth: dict[Node, int] = {}
    for n in order:
        depth[n] = 1 + max([depth[x] for x in n.inputs], default=0)
    found: dict[Node, None] = {}
    stack = [(v, False) for v in reversed(values)]
    while stack:
        node, is_ready = stack.pop()
        if is_ready:
            found[node] = None
        elif node not in found:
            stack.append((node, True))
            stack += [(x, False) for x in sorted(node.inputs, key=lambda x: depth[x])]
    return list(found)
