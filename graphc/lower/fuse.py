"""Fusion: divide a graph into regions, each of which becomes one kernel (or one host step).

A node belongs to exactly one group, apart from cheap nodes (movement, and what only movement reads), which are evaluated
where they are used. A group has a domain: the shape its loops run over. In a row group the trailing axes are reduced, and
values of row shape live beside values of the full shape, so softmax and layer norm stay in one kernel. A dot group holds a
contraction (a matrix product or a convolution) and the element-wise epilogue of its result. Legality is a question of reachability between groups, kept as bit sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphc.ir.graph import Graph, symbols_of
from graphc.ir.node import Node
from graphc.ir.notes import Fusion
from graphc.ir.order import users
from graphc.ir.sizes import made_by
from graphc.lower import reasons
from graphc.lower.recompute import Reading, chosen
from graphc.lower.region import COLUMN, DOT, MAP, ROW, SINGLE, Region, region_of
from graphc.lower.role import (
    COST_LIMIT, VIEWS, cost_of, dimensions, follows_product, is_column_reduce, is_inline_const, is_wide, narrows, reads_once,
    role, same_lanes,
)  # fmt: skip
from graphc.lower.sum_order import operands_to_keep
from graphc.prims.table import TABLE

_OF_BYTES = ("cast", "sub", "mul", "add")
WHOLE_ROW_LIMIT = 1 << 16  # elements of a full reduction whose consumers may share its (serial) kernel


@dataclass
class Group:
    """A region under construction."""

    index: int
    kind: str
    shape: tuple
    rows: int | None = None
    nodes: list = field(default_factory=list)
    cost: int = 0
    ancestors: int = 0

    def has_of_rows(self, node: Node) -> bool:
        """True for what a kernel of rows computes once for each."""
        return self.kind == ROW and node.type.rank == self.rows < len(self.shape)


class _Fuser:
    def __init__(self, graph: Graph, kept: set[Node]):
        self.graph, self.kept = graph, kept
        self.order = graph.nodes
        self.position = {n: k for k, n in enumerate(self.order)}
        self.users = users(graph.roots)
        self.required = self._find_required(kept)
        self.inline = self._find_inline()
        self.apart: dict[tuple[Node, Node], str] = {}  # (value, reader or sibling) -> why they are not one group
        self.groups: list[Group] = []
        self.group_of: dict[Node, Group] = {}
        self._sources: dict[Node, tuple] = {}
        self.makers = self._find_makers()
        self.again: set[Node] = set()  # computed again by the groups that read them
        self.not_again: dict[Node, str] = {}  # what is not, though others read it -> why

    def _find_required(self, kept: set[Node]) -> dict[Node, str]:
        """Nodes that must lie in memory whatever fusion decides, and why."""
        required = {**dict.fromkeys(kept, reasons.KEEPS_ORDER), **dict.fromkeys(self.graph.outputs, reasons.OUTPUT)}
        for node in self.order:
            kind = role(node)
            if kind in ("dot", "single"):
                for x in node.inputs:
                    required.setdefault(x, reasons.OF_PRODUCT if kind == "dot" else reasons.OF_OWN_LOOPS)
            if is_wide(node):
                required.setdefault(node, reasons.TOO_WIDE)
            if node.op == "view":
                required.setdefault(node, reasons.FOR_A_VIEW)
                required.setdefault(node.inputs[0], reasons.FOR_A_VIEW)
        for node, why in list(required.items()):
            while node.op in VIEWS:  # shares the memory of what it reshapes
                node = node.inputs[0]
                required.setdefault(node, why)
        return required

    def _find_inline(self) -> dict[Node, str]:
        """Nodes evaluated where they are used, and why: movement, dimensions, maps that one movement or column reduction reads."""
        inline: dict[Node, str] = {}
        sizes = dimensions(self.order)
        cost: dict[Node, int] = {}
        for node in reversed(self.order):
            if node in self.required:
                if node.op in VIEWS:
                    inline[node] = reasons.SAME_MEMORY
                continue
            kind = role(node)
            if kind == "free" or node in sizes:
                inline[node] = reasons.OF_SIZES if node in sizes else reasons.MOVES
            elif kind == "map" and len(set(self.users[node])) == 1:
                user = self.users[node][0]
                total = cost.get(user, 0) + TABLE[node.op].cost
                why = self._why_inline(node, user, inline) if total <= COST_LIMIT // 2 else None
                if why is not None:
                    inline[node] = why
                    cost[node] = total
        return {**dict.fromkeys(self._widened(), reasons.WIDENED), **inline}

    def _why_inline(self, node: Node, user: Node, inline: dict) -> str | None:
        """Why a map with one user is evaluated where that is; None if it is not."""
        if reads_once(user) and not (narrows(node) and follows_product(node)):
            return reasons.READ_ONCE
        if narrows(node):
            return None
        if user in inline and role(user) == "map":
            return reasons.IN_CHAIN
        return reasons.IN_COLUMN_SUM if is_column_reduce(user) else None

    def _widened(self) -> set:
        """What becomes of bytes that lie in memory by a cast and a few constants: cheaper made where it is used than kept."""
        found: dict[Node, int] = {}
        for node in self.order:
            if node.op not in _OF_BYTES or node in self.required or node.dtype.size < 2:
                continue
            varying = [x for x in node.inputs if not is_inline_const(x)]
            if len(varying) == 1:
                x = varying[0]
                steps = found.get(x, 0 if node.op == "cast" and x.dtype.size == 1 and self._lies(x) else None)
                if steps is not None and steps < len(_OF_BYTES):
                    found[node] = steps + 1
        return set(found)

    def _keep_bytes(self) -> None:
        """Where a group makes bytes and widens them for others, let these widen the bytes themselves."""
        base: dict[Node, Node] = {}
        for node in self.order:
            group = self.group_of.get(node)
            if group is None or node.op not in _OF_BYTES or node in self.required or node.dtype.size < 2:
                continue
            varying = [x for x in node.inputs if not is_inline_const(x)]
            if len(varying) == 1 and self.group_of.get(varying[0]) is group:
                x = varying[0]
                if x in base or (node.op == "cast" and x.dtype.size == 1):
                    base[node] = x
        for node in reversed(base):
            if node not in self.inline and not self._read_elsewhere(node, self.group_of[node]):
                continue
            x = node
            while x in base and x not in self.inline:
                self.inline[x] = reasons.WIDENED
                self.group_of.pop(x).nodes.remove(x)
                x = base[x]
        self._sources.clear()

    def _lies(self, node: Node) -> bool:
        return node in self.required or (role(node) == "leaf" and not is_inline_const(node))

    def _find_makers(self) -> dict[Node, set]:
        """For each node what makes the sizes that it, or what is evaluated inside it, uses."""
        made = {s: m for m in self.graph.measures for s in made_by(m)}
        found: dict[Node, set] = {}
        for node in self.order if made else ():
            used = (node,) if node.op == "symbol" else symbols_of(node)
            found[node] = {made[s] for s in used if s in made} - {node}
            for x in node.inputs:
                if x in self.inline or not x.inputs:
                    found[node] |= found[x]
        return found

    def before(self, node: Node):
        """The groups that must have run before a node can: where its operands lie and its sizes are made."""
        for x in node.inputs:
            for source in self.sources(x):
                yield self.home(source)
        for maker in self.makers.get(node, ()):
            yield self.group_of[maker]

    def in_memory(self, node: Node) -> bool:
        """True for a value that has memory, its own or (a required reshape) that of what it reshapes."""
        if node in self.group_of or (node.op in VIEWS and node in self.required):
            return True
        return role(node) == "leaf" and not is_inline_const(node)

    def home(self, source: Node) -> Group | None:
        """The group that computes the memory a value lies in; None for inputs and constants."""
        while source not in self.group_of and source.op in VIEWS:
            source = source.inputs[0]
        return self.group_of.get(source)

    def sources(self, node: Node) -> tuple:
        """The values in memory that an inline node is computed from; of any other node, itself."""
        if self.in_memory(node):
            return (node,)
        stack = [node]
        while stack:
            n = stack[-1]
            waiting = [x for x in n.inputs if x not in self._sources and not self.in_memory(x)]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            seen: dict[Node, None] = {}
            for x in n.inputs:
                seen.update(dict.fromkeys((x,) if self.in_memory(x) else self._sources[x]))
            self._sources[n] = tuple(seen)
        return self._sources[node]

    def soft_group(self, node: Node, operand: Node) -> Group | None:
        """The group in which ``operand``'s value at the same index (or row) is at hand, if there is one."""
        group = self.group_of.get(operand)
        if group is not None:
            return group if operand.shape == node.shape else None
        if operand.op == "broadcast" and operand in self.inline:
            inner = operand.inputs[0]
            group = self.group_of.get(inner)
            if (
                group is not None
                and group.kind == ROW
                and operand.shape == group.shape
                and inner.shape == group.shape[: group.rows]
                and operand.attr("axes") == tuple(range(group.rows))
            ):
                return group
        return None

    # -------------------------------------------------------------------------------------------- joining

    def run(self) -> list[Region]:
        for node in self.order:
            kind = role(node)
            if node in self.inline or (kind == "leaf" and not (node in self.required and is_inline_const(node))):
                continue
            if kind in ("map", "free", "leaf"):
                self._place(node, MAP)
            elif kind == "reduce":
                self._place_reduce(node)
            else:
                self._new_group(node, DOT if kind == "dot" else SINGLE, node.shape if kind == "dot" else ())
        self._unite_siblings()
        self._keep_bytes()
        self._choose_again()
        return [self._region(g) for g in self._ordered() if g.kind == SINGLE or any(self._is_output(n, g) for n in g.nodes)]

    def tell(self, regions: list[Region], notes: Fusion) -> None:
        """Note why each Node is an array or none, and why groups that could have been one are not."""
        notes.inline.update(self.inline)
        notes.inline.update(dict.fromkeys(self.again, reasons.AGAIN))
        notes.arrays.update((n, self._why_array(n, r.kind)) for r in regions for n in r.outputs)
        find = self.group_of.get
        notes.apart.update((pair, why) for pair, why in self.apart.items() if find(pair[0]) is not find(pair[1]))

    def _why_array(self, node: Node, kind: str) -> str:
        if node in self.required:
            return self.required[node]
        if kind == SINGLE:
            return reasons.OWN_LOOPS
        return self.not_again.get(node, reasons.READ_BY_OTHERS)

    def _place(self, node: Node, kind: str):
        soft: dict[int, tuple[Group, Node]] = {}  # with one operand that is in the group
        if role(node) == "map":
            for x in node.inputs:
                group = self.soft_group(node, x)
                if group is not None:
                    soft[group.index] = group, x
                else:
                    self._apart(x, node, reasons.MOVED)
        candidates = sorted(soft.values(), key=lambda c: (c[0].kind == DOT, c[0].index), reverse=True)
        for group, x in candidates:
            why = self._misfit(group, node) or self._tangle(group, node)
            if why is not None:
                self._apart(x, node, why)
                continue
            self._join(group, node)
            for other, y in candidates:
                if other is not group and self.groups[other.index] is other:
                    self._merge(group, other, (y, node))
            return
        self._new_group(node, kind, node.shape)

    def _apart(self, value: Node, reader: Node, why: str) -> None:
        """Note why a reader is not in the group of what a value that it reads lies in."""
        for source in self.sources(value):
            if source in self.group_of:
                self.apart[source, reader] = why

    def _place_reduce(self, node: Node):
        operand = node.inputs[0]
        if is_column_reduce(node):
            self._apart(operand, node, reasons.COLUMN_SUM)
            self._new_group(node, COLUMN, operand.shape)
            return
        rows = node.type.rank
        group = self.group_of.get(operand)
        if group is not None:
            why = self._misfit_of_sum(group, node)
            if why is None:
                group.kind, group.rows = ROW, rows
                self._join(group, node)
                return
            self._apart(operand, node, why)
        elif operand.op not in ("const",):
            siblings = [self.group_of[u] for u in self.users[operand] if u in self.group_of]
            for sibling in siblings:
                if (
                    sibling.kind == ROW
                    and sibling.shape == operand.shape
                    and sibling.rows == rows
                    and sibling.cost < COST_LIMIT
                    and same_lanes([*sibling.nodes, node])
                    and self._tangle(sibling, node) is None
                ):
                    self._join(sibling, node)
                    return
        self._new_group(node, ROW, operand.shape).rows = rows

    def _misfit_of_sum(self, group: Group, node: Node) -> str | None:
        """Why a sum over trailing axes cannot be in the group of its operand; None if it can."""
        operand, rows = node.inputs[0], node.type.rank
        if operand in self.kept:
            return reasons.KEPT_APART
        if group.kind not in (MAP, ROW):
            return reasons.AFTER_COLUMNS if group.kind == COLUMN else reasons.IN_OWN_LOOPS
        if group.shape != operand.shape:
            return reasons.OTHER_DOMAIN
        if group.rows not in (None, rows):
            return reasons.OTHER_ROWS
        if group.cost >= COST_LIMIT:
            return reasons.TOO_LONG
        if not same_lanes([*group.nodes, node]):
            return reasons.OTHER_LANES
        if rows == 0 and not self._only_feeds(group, node):
            return reasons.ONE_CORE_STORES
        return self._tangle(group, node)

    def _only_feeds(self, group: Group, node: Node) -> bool:
        """True if nothing but ``node`` reads the group: a full reduction runs in one thread, so it stores nothing big."""
        size = node.inputs[0].type.size
        if type(size) is int and size <= WHOLE_ROW_LIMIT:
            return True
        inside = {*group.nodes, node}
        return all(n not in self.required and inside.issuperset(self.users[n]) for n in group.nodes)

    def _misfit(self, group: Group, node: Node) -> str | None:
        """Why the loops of a group are not those of an element-wise operation; None if they are."""
        if group.kind in (SINGLE, COLUMN):
            return reasons.AFTER_COLUMNS if group.kind == COLUMN else reasons.IN_OWN_LOOPS
        if group.cost + cost_of(node) > COST_LIMIT:
            return reasons.TOO_LONG
        if group.kind == ROW and node.shape == group.shape[: group.rows]:
            return None
        if node.shape != group.shape:
            return reasons.OTHER_DOMAIN
        if group.kind == ROW and group.rows == 0:
            size = node.type.size
            return None if type(size) is int and size <= WHOLE_ROW_LIMIT else reasons.ONE_CORE
        return None

    def _tangle(self, group: Group, node: Node) -> str | None:
        """Why a node must run after a group has ended: a way leads out of it and back into the node, or it reads at another index."""
        for x in node.inputs:
            soft = self.soft_group(node, x) is group or (role(node) == "reduce" and self.group_of.get(x) is group)
            for source in self.sources(x):
                other = self.home(source)
                if other is None:
                    continue
                if other is group:
                    if not soft:
                        return reasons.MOVED
                elif other.ancestors >> group.index & 1:
                    return reasons.CYCLE
        late = any(self.group_of[m].ancestors >> group.index & 1 for m in self.makers.get(node, ()))
        return reasons.LATE_SIZE if late else None

    def _merge(self, group: Group, other: Group, pair: tuple[Node, Node]) -> None:
        """Unite two groups, if they can be one; else note why, for a pair of values of them."""
        why = self._mismatch(group, other)
        if why is not None:
            self.apart[pair] = why
            return
        a, b = 1 << group.index, 1 << other.index
        group.nodes += other.nodes
        group.cost += other.cost
        group.ancestors |= other.ancestors
        group.ancestors &= ~(a | b)
        if other.kind == ROW:
            group.kind, group.rows = ROW, other.rows
        for node in other.nodes:
            self.group_of[node] = group
        for third in self.groups:
            if third is not None and third is not group and third.ancestors & b:
                third.ancestors = (third.ancestors & ~b) | a | group.ancestors
            elif third is not None and third.ancestors & a:
                third.ancestors |= group.ancestors
        self.groups[other.index] = None

    def _mismatch(self, group: Group, other: Group) -> str | None:
        """Why two groups cannot be one: no common domain, or a way leads from one to the other through a third."""
        kinds = {group.kind, other.kind}
        if group.shape != other.shape:
            return reasons.OTHER_DOMAIN
        if not kinds <= {MAP, ROW}:
            return reasons.IN_OWN_LOOPS
        if ROW in kinds and 0 in (group.rows, other.rows):
            return reasons.FULL_SUM
        if None not in (group.rows, other.rows) and group.rows != other.rows:
            return reasons.OTHER_ROWS
        if group.cost + other.cost > COST_LIMIT:
            return reasons.TOO_LONG
        if not same_lanes([*group.nodes, *other.nodes]):
            return reasons.OTHER_LANES
        a, b = 1 << group.index, 1 << other.index
        for third in self.groups:
            if third is group or third is other or third is None:
                continue
            after_a, after_b = third.ancestors & a, third.ancestors & b
            t = 1 << third.index
            if (after_a and other.ancestors & t) or (after_b and group.ancestors & t):
                return reasons.CYCLE
        for one, two in ((other, group), (group, other)):  # a value of one group read by the other at another index
            if not all(self._reads_in_place(two, user) for node in one.nodes for user in self.users[node]):
                return reasons.READ_ELSEWHERE
        return None

    def _unite_siblings(self) -> None:
        """Let element-wise groups over one domain that read the same value there be one, which loads it once."""
        readers: dict[Node, list[Node]] = {}
        for group in self.groups:
            if group is not None and group.kind == MAP and group.shape:
                for node in group.nodes:
                    for x in node.inputs:
                        moved = x in self.inline and reads_once(x)  # the same elements of a larger value, as in pooling
                        if x.shape == group.shape and (self.in_memory(x) or moved):
                            readers.setdefault(x, []).append(node)
        for first, *others in readers.values():
            for other in others:
                one, two = self.group_of[first], self.group_of[other]
                if one is not two:
                    self._merge(one, two, (first, other))

    def _reads_in_place(self, group: Group, user: Node) -> bool:
        """False if ``user`` is movement, through which a member of ``group`` reads a value."""
        return user not in self.inline or all(self.group_of.get(n) is not group for n in self._readers(user))

    def _new_group(self, node: Node, kind: str, shape: tuple) -> Group:
        group = Group(len(self.groups), kind, shape)
        self.groups.append(group)
        self._join(group, node)
        return group

    def _join(self, group: Group, node: Node):
        group.nodes.append(node)
        group.cost += cost_of(node)
        gained = 0
        for other in self.before(node):
            if other is not None and other is not group:
                gained |= (1 << other.index) | other.ancestors
        self.group_of[node] = group
        if gained & ~group.ancestors:
            group.ancestors |= gained
            bit = 1 << group.index
            for third in self.groups:
                if third is not None and third.ancestors & bit:
                    third.ancestors |= gained

    def _ordered(self) -> list[Group]:
        """Groups such that each comes after what it reads; ties by the place of their first node."""
        return sorted(filter(None, self.groups), key=lambda g: (bin(g.ancestors).count("1"), self.position[g.nodes[0]]))

    def _region(self, group: Group) -> Region:
        if group.kind == SINGLE:
            node = group.nodes[0]
            return Region(SINGLE, tuple(dict.fromkeys(node.inputs)), (node,), node=node)
        members = sorted(group.nodes, key=self.position.get)
        outputs = [n for n in members if self._is_output(n, group)]
        read = (s for node in self._computed(members, group) for x in node.inputs for s in self.sources(x))
        sources = [s for s in read if self.group_of.get(s) is not group and s not in self.again]
        return region_of(group.kind, sources, outputs)

    def _is_output(self, node: Node, group: Group) -> bool:
        return node in self.required or (node not in self.again and self._read_elsewhere(node, group))

    def _computed(self, members: list[Node], group: Group) -> list[Node]:
        """What a group computes: its members, and what it computes again of others."""
        found, stack = dict.fromkeys(members), list(members[::-1])
        while stack:
            node = stack.pop()
            for x in node.inputs:
                for source in self.sources(x):
                    if source in self.again and source not in found:
                        found[source] = None
                        stack.append(source)
        return list(found)

    def _choose_again(self) -> None:
        """Find what is computed again instead of kept; see ``recompute``."""
        donated = {self.graph.inputs[k] for _, k in self.graph.donated}

        def stays(node: Node, again: set) -> bool:
            group = self.group_of.get(node)
            if group is None or group.kind == SINGLE:
                return self.in_memory(node) and node not in donated
            if node in again:
                return False
            return node in self.required or group.has_of_rows(node) or self._read_elsewhere(node, group)

        def operands(node: Node) -> list[Node]:
            return [x for x in node.inputs if not is_inline_const(x) and x.op not in ("symbol", "iota")]

        def cost(node: Node) -> int:
            return COST_LIMIT if role(node) == "free" and node.op not in ("broadcast", *VIEWS) else cost_of(node)

        groups = {n: self.group_of[n] for n in self.order if n in self.group_of and role(n) == "map"}
        maps = [n for n, g in groups.items() if g.kind in (MAP, ROW) and n not in self.required and not g.has_of_rows(n)]
        maps = [n for n in maps if self._read_elsewhere(n, groups[n])]
        self.again, self.not_again = chosen(maps, Reading(cost, operands, self._read_by_element, stays))

    def _readers(self, node: Node):
        """Who reads a value, and who reads what is made of it where it is used, or made again."""
        stack, seen = list(self.users[node]), set()
        while stack:
            user = stack.pop()
            if user in seen:
                continue
            seen.add(user)
            yield user
            if user in self.inline or user in self.again:
                stack.extend(self.users[user])

    def _read_by_element(self, node: Node) -> bool:
        """True if groups that take any operand read a value once for each of their elements, and no others read it."""
        for user in self._readers(node):
            if user in self.inline:
                if role(user) == "free" and not reads_once(user):
                    return False
            elif user not in self.group_of or self.group_of[user].kind not in (MAP, ROW, COLUMN):
                return False
        return True

    def _read_elsewhere(self, node: Node, group: Group) -> bool:
        return any(n not in self.inline and self.group_of.get(n) is not group for n in self._readers(node))


def fuse(graph: Graph, notes: Fusion | None = None) -> list[Region]:
    """Regions in an order in which they can run.

    Args:
        notes: is told what was decided, where given.
    """
    kept: set[Node] = set()
    while True:
        fuser = _Fuser(graph, kept)
        regions = fuser.run()
        more = {n for r in regions if r.kind == ROW for n in operands_to_keep(r.outputs, r.sources, r.graph)} - kept
        if not more:
            break
        kept |= more
    if notes is not None:
        fuser.tell(regions, notes)
    return regions
