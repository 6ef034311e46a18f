"""Which form every Node of a graph takes, so that as few bytes as can be are reordered.

A *frame* is a form for each Node of a part of the graph that fit together without any reordering: what follows from the
two sides of one transposition. From the forms that the graph says, each frame is offered to the Nodes in turn, and
those take it that a minimum cut tells; so the bytes that are moved never grow, and any long chain is decided at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from graphc.ir.graph import Graph
from graphc.ir.node import Node
from graphc.ir.sizes import substitute_dims, symbols_in
from graphc.ir.type import Type
from graphc.passes.cut import NEVER, Network
from graphc.passes.layout_forms import (
    FREE, GUESSED_DOWN, GUESSED_UP, Form, as_written, from_operand, from_result, key_of, plain,
)  # fmt: skip

FRAMES = 6  # of one Node
ROUNDS = 2  # how often all frames are offered
USUAL = 32  # the size that an unknown dimension is taken for


def choose_forms(graph: Graph, sum_order: bool = False) -> dict[Node, Form]:
    """The forms of Nodes that shall differ from those that the graph says; {} where nothing can be won.

    Args:
        sum_order: whether sums of floating-point numbers may be taken in another order.
    """
    order = graph.nodes
    if not any(n.op == "transpose" and _matters(n) for n in order):
        return {}
    choice = _Choice(order, graph.roots, sum_order)
    frames = choice.frames()
    for _ in range(ROUNDS):
        if not any([choice.offer(frame) for frame in frames]):
            break
    return {n: f for n, f in choice.form.items() if f != as_written(n)}


def _matters(node: Node) -> bool:
    """Whether a transposition moves anything."""
    x = node.inputs[0]
    perm = key_of(node.attr("perm"), x.type)
    return perm != tuple(sorted(perm)) and not _is_free(x)


def _is_free(x: Node) -> bool:
    return x.op in FREE or not isinstance(x.type, Type)


@dataclass
class _Needs:
    """Who needs a value in one order: somebody always, some users under their old forms, some under the new ones."""

    always: bool = False
    old: list[int] = field(default_factory=list)
    new: list[int] = field(default_factory=list)


class _Choice:
    """The forms as they are now.

    Attributes:
        form: of every Node.
        uses: of every value, the pairs (user, number of the operand).
        wanted: values that are wanted as the graph says, whatever the forms.
    """

    def __init__(self, order: list[Node], roots: tuple, sum_order: bool):
        self.order, self.sum_order = order, sum_order
        self.form = {n: as_written(n) for n in order}
        self.wanted = {r for r in roots if isinstance(r.type, Type)}
        self.uses: dict[Node, list] = {n: [] for n in order}
        for node in order:
            for k, x in enumerate(node.inputs):
                self.uses[x].append((node, k))
        self.weights: dict[Node, int] = {}
        self.sizes: dict[Node, int] = {}  # what unknown dimensions are taken for

    # ------------------------------------------------------------------------------------------------ frames

    def frames(self) -> list[dict[Node, Form]]:
        """The frames that transpositions suggest, those of the largest values first."""
        seeds = [n for n in self.order if n.op == "transpose" and _matters(n)]
        seeds.sort(key=lambda n: -self._weight(n))
        found: list[dict] = []
        taken: dict[Node, set] = {}  # the forms of a Node in all frames
        for node in seeds:
            perm = node.attr("perm")
            back = tuple(sorted(range(len(perm)), key=perm.__getitem__))
            for form in (Form((perm,), plain(node.type)), Form((plain(node.type),), back)):
                if form not in taken.get(node, ()) and len(taken.get(node, ())) < FRAMES:
                    frame = self._frame(node, form, taken)
                    for member, one in frame.items():
                        taken.setdefault(member, set()).add(one)
                    found.append(frame)
        return found

    def _frame(self, seed: Node, form: Form, taken: dict) -> dict[Node, Form]:
        """All that fits to one Node's form: what has no choice first, then the nearest."""
        frame: dict[Node, Form] = {}
        sure, late = deque([(seed, form)]), deque()
        while sure or late:
            node, form = (sure or late).popleft()
            if node in frame or len(taken.get(node, ())) >= FRAMES:
                continue
            frame[node] = form
            for x, order in zip(node.inputs, form.needs):
                if x not in frame and not _is_free(x) and _has_order(order, x.type):
                    found = from_result(x, order, self.sum_order)
                    if found is not None:
                        (late if x.op in GUESSED_UP else sure).append((x, found))
            for user, k in self.uses[node] if _has_order(form.result, node.type) else ():
                if user not in frame:
                    found = from_operand(user, k, form.result, self.sum_order)
                    if found is not None:
                        (late if user.op in GUESSED_DOWN else sure).append((user, found))
        return frame

    # ------------------------------------------------------------------------------------------------ choosing

    def offer(self, frame: dict[Node, Form]) -> bool:
        """Let Nodes take their forms in a frame where that moves less; whether any did."""
        net = Network()
        number = {n: net.node() for n, form in frame.items() if _differs(n, form, self.form[n])}
        if not number:
            return False
        values = dict.fromkeys(number)
        for node in number:
            values.update(dict.fromkeys(x for x in node.inputs if not _is_free(x)))
        for x in values:
            self._price(net, x, number, frame)
        paid = sum(net.room[k] for k in range(0, len(net.room), 2) if net.target[k] == 1)  # all keep what they have
        least, far = net.cut()
        if least >= paid:
            return False
        for node, k in number.items():
            if far[k]:
                self.form[node] = frame[node]
        return True

    def _price(self, net: Network, x: Node, number: dict, frame: dict):
        """What reordering a value costs: once for each order that a user needs and it does not have."""
        weight = self._weight(x)
        if not weight:
            return
        me = number.get(x, 0)
        old = key_of(self.form[x].result, x.type)
        new = key_of(frame[x].result, x.type) if me else old
        for key, needs in self._needs(x, (old, new), number, frame).items():
            if not key == old == new:
                self._charge(net, needs, me, weight, key == old, key == new)

    @staticmethod
    def _charge(net: Network, needs: _Needs, me: int, weight: int, suits_old: bool, suits_new: bool):
        """Enter the cost of one order: near nodes keep their old forms, far ones take the new."""
        near = me if suits_new else 0  # where the value has another order: near it, far from it, or both
        far = me if suits_old else 1
        if needs.always:
            net.arc(near, far, weight)
            return
        if needs.new:
            some = needs.new[0] if len(needs.new) == 1 else net.node()
            for user in needs.new if len(needs.new) > 1 else ():
                net.arc(some, user, NEVER)
            net.arc(near, some, weight)
        if needs.old:
            some = needs.old[0] if len(needs.old) == 1 else net.node()
            for user in needs.old if len(needs.old) > 1 else ():
                net.arc(user, some, NEVER)
            net.arc(some, far, weight)

    def _needs(self, x: Node, has: tuple, number: dict, frame: dict) -> dict[tuple, _Needs]:
        found: dict[tuple, _Needs] = {}
        if x in self.wanted:
            found.setdefault(key_of(plain(x.type), x.type), _Needs()).always = True
        for user, k in self.uses[x]:
            order = self.form[user].needs[k]
            old = key_of(order, x.type)
            if user.op == "dot":  # takes its matrices transposed too
                suited = [h for h in has if h in (old, key_of((*order[:-2], *order[:-3:-1]), x.type))]
                if len(suited) < 2:
                    found.setdefault((suited or [old])[0], _Needs()).always = True
                continue
            new = key_of(frame[user].needs[k], x.type) if user in number else old
            if old == new:
                found.setdefault(old, _Needs()).always = True
            else:
                found.setdefault(old, _Needs()).old.append(number[user])
                found.setdefault(new, _Needs()).new.append(number[user])
        return found

    # ------------------------------------------------------------------------------------------------ weights

    def _weight(self, x: Node) -> int:
        """Bytes that are moved if a value is reordered."""
        found = self.weights.get(x)
        if found is None:
            source = x
            while source.op == "broadcast":  # what is reordered is what it repeats
                source = source.inputs[0]
            trivial = _is_free(source) or len(key_of(plain(source.type), source.type)) < 2
            found = self.weights[x] = 0 if trivial else self._elements(source.type) * source.dtype.size
        return found

    def _elements(self, type: Type) -> int:
        """About how many elements there are."""
        total = 1
        for d in type.shape:
            if isinstance(d, Node):
                if d not in self.sizes:
                    known = substitute_dims(d, dict.fromkeys(symbols_in(d), USUAL))
                    self.sizes[d] = known if isinstance(known, int) else USUAL
                d = self.sizes[d]
            total *= max(1, d)
        return total


def _has_order(order: tuple, type) -> bool:
    """Whether there is more than one order at all."""
    return len(key_of(order, type)) > 1


def _differs(node: Node, a: Form, b: Form) -> bool:
    if key_of(a.result, node.type) != key_of(b.result, node.type):
        return True
    return any(key_of(p, x.type) != key_of(q, x.type) for x, p, q in zip(node.inputs, a.needs, b.needs))
