"""The cheapest way to divide the nodes of a network between two sides: a minimum cut, found by a maximum flow."""

from __future__ import annotations

NEVER = 1 << 60  # the capacity of an arc that no cheapest cut crosses


class Network:
    """Arcs between numbered nodes; node 0 is on the near side, node 1 on the far side.

    ``arc(a, b, cost)`` is paid where ``a`` lies on the near side and ``b`` on the far side.
    """

    def __init__(self):
        self.heads: list[list[int]] = [[], []]  # node -> numbers of the arcs that leave it
        self.target: list[int] = []
        self.room: list[int] = []  # an arc and its opposite are neighbours: k and k ^ 1

    def node(self) -> int:
        """The number of a new node."""
        self.heads.append([])
        return len(self.heads) - 1

    def arc(self, a: int, b: int, cost: int):
        """Add an arc; of no effect from a node to itself."""
        if cost and a != b:
            self.heads[a].append(len(self.target))
            self.heads[b].append(len(self.target) + 1)
            self.target += (b, a)
            self.room += (cost, 0)

    def cut(self) -> tuple[int, list[bool]]:
        """The least cost, and for every node whether it lies on the far side; of equal cuts, as few as can be do."""
        total = 0
        while True:
            level = self._levels()
            if level[1] < 0:
                return total, self._far()
            total += self._push(level)

    def _levels(self) -> list[int]:
        """The distance of every node from node 0 along arcs with room, -1 where there is no way."""
        level = [-1] * len(self.heads)
        level[0], front = 0, [0]
        while front:
            behind = []
            for a in front:
                for k in self.heads[a]:
                    b = self.target[k]
                    if self.room[k] and level[b] < 0:
                        level[b] = level[a] + 1
                        behind.append(b)
            front = behind
        return level

    def _push(self, level: list[int]) -> int:
        """Fill all shortest ways from node 0 to node 1; answers with what went through."""
        tried, total, way = [0] * len(self.heads), 0, []
        a = 0
        while True:
            if a == 1:
                amount = min(self.room[k] for k in way)
                for k in way:
                    self.room[k] -= amount
                    self.room[k ^ 1] += amount
                total += amount
                first = next(i for i, k in enumerate(way) if not self.room[k])
                a = self.target[way[first] ^ 1]
                del way[first:]
                continue
            k = self._next(a, level, tried)
            if k is not None:
                way.append(k)
                a = self.target[k]
            elif way:
                a = self.target[way.pop() ^ 1]
                tried[a] += 1
            else:
                return total

    def _next(self, a: int, level: list[int], tried: list[int]) -> int | None:
        heads = self.heads[a]
        while tried[a] < len(heads):
            k = heads[tried[a]]
            if self.room[k] and level[self.target[k]] == level[a] + 1:
                return k
            tried[a] += 1
        return None

    def _far(self) -> list[bool]:
        """Nodes from which node 1 can be reached along arcs with room: the smallest far side."""
        far = [False] * len(self.heads)
        far[1], stack = True, [1]
        while stack:
            b = stack.pop()
            for k in self.heads[b]:
                a = self.target[k]
                if self.room[k ^ 1] and not far[a]:
                    far[a] = True
                    stack.append(a)
        return far
