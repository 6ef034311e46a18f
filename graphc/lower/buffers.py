"""Buffer planning: which values share memory, and where each lies in one arena."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.node import INDEX, Node, const, simplified
from graphc.ir.sizes import symbols_in
from graphc.ir.type import Type

ALIGNMENT = 64


@dataclass(eq=False)
class Storage:
    """Memory for one or more values.

    Attributes:
        place: ``(kind, where)`` as in ir.program.Buffer once decided; None for arena memory that is not placed yet.
        first, last: steps between which the content matters, both included.
        row: for one row of another storage, that storage and the one that holds the number of the row.
    """

    type: Type
    name: str
    place: tuple | None = None
    first: int | None = None
    last: int | None = None
    merged: "Storage | None" = None
    row: "tuple[Storage, Storage] | None" = None

    def root(self) -> "Storage":
        """The storage whose memory this one uses."""
        storage = self
        while storage.merged is not None:
            storage = storage.merged
        return storage

    @property
    def bytes(self):
        """Size: an int, or a dimension Node."""
        return simplified(self.type.size * self.type.dtype.size)

    def found_by(self) -> "tuple[Storage, Storage] | None":
        """The row that this memory is, if it is one."""
        storage = self
        while storage is not None and storage.row is None:
            storage = storage.merged
        return None if storage is None else storage.row

    def become_row(self, whole: "Storage", number: "Storage"):
        """Lie in the row of ``whole`` whose number ``number`` holds."""
        self.merged, self.row = whole, (whole, number)

    def touch(self, step: int):
        """Note that the content matters at ``step``."""
        self.first = step if self.first is None else min(self.first, step)
        self.last = step if self.last is None else max(self.last, step)


def share(later: Storage, earlier: Storage):
    """Let ``later`` live in the memory of ``earlier``."""
    later, earlier = later.root(), earlier.root()
    if later is earlier:
        return
    later.merged = earlier
    for step in (later.first, later.last):
        if step is not None:
            earlier.touch(step)


def plan(storages: list[Storage], measured: tuple[Node, ...] = ()):
    """Give every unplaced root storage an arena offset; the size of the arena in bytes (int or Node).

    Static sizes: largest first, each at the lowest offset that is free for its whole life. Symbolic sizes: storages of
    one size expression share a slot when their lives do not meet; slots follow the static part. Sizes that use symbols in
    ``measured`` come last, in the order in which these get their values, so that no place moves when one does.
    """
    roots = list(dict.fromkeys(s.root() for s in storages))
    waiting = [s for s in roots if s.place is None and s.first is not None]
    static = [s for s in waiting if type(s.bytes) is int]
    size = _plan_static(static)
    offset = size
    rank = {s: k for k, s in enumerate(measured)}
    groups = _by_size([s for s in waiting if type(s.bytes) is not int])
    for storage_size, group in sorted(groups, key=lambda g: max((rank.get(s, -1) for s in symbols_in(g[0])), default=-1)):
        slots: list[list[Storage]] = []
        for s in sorted(group, key=lambda s: s.first):
            slot = next((slot for slot in slots if slot[-1].last < s.first), None)
            if slot is None:
                slots.append([s])
            else:
                slot.append(s)
        for slot in slots:
            for s in slot:
                s.place = ("arena", offset)
            offset = simplified(_as_node(offset) + aligned(storage_size))
    return offset


def aligned(size):
    """``size`` rounded up to the alignment of buffers."""
    if type(size) is int:
        return -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
    return (size + (ALIGNMENT - 1)) // ALIGNMENT * ALIGNMENT + ALIGNMENT


def _plan_static(storages: list[Storage]) -> int:
    placed: list[Storage] = []
    top = 0
    for s in sorted(storages, key=lambda s: (-s.bytes, s.first)):
        need = aligned(s.bytes)
        taken = sorted(
            (p.place[1], p.place[1] + aligned(p.bytes)) for p in placed if p.first <= s.last and s.first <= p.last
        )
        offset = 0
        for begin, end in taken:
            if begin - offset >= need:
                break
            offset = max(offset, end)
        s.place = ("arena", offset)
        placed.append(s)
        top = max(top, offset + need)
    return top


def _by_size(storages: list[Storage]):
    groups: dict[Node, list[Storage]] = {}
    for s in storages:
        groups.setdefault(s.bytes, []).append(s)
    return groups.items()


def _as_node(x) -> Node:
    return x if isinstance(x, Node) else const(x, INDEX)
