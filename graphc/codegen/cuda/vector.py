"""Which elements a vector loop moves as whole packs: neighbours that begin at a multiple of their size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graphc.codegen.cuda.expressions import Expressions
from graphc.ir.kernel import For, Let, Store
from graphc.ir.node import Node, binary, linear_form
from graphc.ir.order import toposort

_WIDEST = 16  # bytes of one access


@dataclass(frozen=True)
class Packs:
    """What is moved as packs.

    Attributes:
        loads: load -> the offset of its pack. stores: id of a Store of the loop's body -> the offset of its pack.
        names: id of such a Store -> the name of what it fills.
    """

    loads: dict[Node, Node] = field(default_factory=dict)
    stores: dict[int, Node] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)


def packs_of(loop: For, values: Expressions) -> Packs:
    """What a vector loop of a fixed extent moves as packs.

    Nothing is moved ahead of a store to its array, or behind a load of it. An array that is stored to twice stays as it is.
    """
    packs = Packs()
    inner = {s.var for s in loop.body if isinstance(s, Let | For)}
    if any(not isinstance(s, Let | Store) for s in loop.body):
        return packs
    written = Counter(s.array for s in loop.body if isinstance(s, Store))
    so_far: set[str] = set()
    for s in loop.body:
        roots = (s.value,) if isinstance(s, Let) else (*s.index, s.value)
        for node in _certain(roots if isinstance(s, Let) or s.guard is None else (s.guard,)):
            name, guarded = node.attr("buffer"), node.op == "load_if"
            place = _place(values, name, node.inputs[guarded:], loop, inner)
            if place is None or name in so_far or _reads_any(place, written):
                continue
            if not guarded or _is_fixed(node.inputs[0], loop, inner) and not _reads_any(node.inputs[0], written):
                packs.loads[node] = place
        if isinstance(s, Store):
            so_far.add(s.array)
    read_late = _read_after_stores(loop.body)
    for s in loop.body:
        if isinstance(s, Store) and s.guard is None and written[s.array] == 1 and s.array not in read_late:
            place = _place(values, s.array, s.index, loop, inner)
            if place is not None and not _reads_any(place, written):
                packs.stores[id(s)] = place
    return packs


def _certain(roots: tuple) -> list[Node]:
    """The loads that are done, under their own guard at the most: not those that say where a guarded load reads."""
    found, seen, stack = [], set(), list(reversed(roots))
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op in ("load", "load_if"):
            found.append(node)
        stack += reversed(node.inputs[:1] if node.op == "load_if" else node.inputs)
    return found


def _read_after_stores(body: tuple) -> set[str]:
    """Arrays that a statement reads after an earlier one has stored to them."""
    stored, found = set(), set()
    for s in body:
        roots = (s.value,) if isinstance(s, Let) else (*s.index, s.value, *([s.guard] if s.guard is not None else []))
        found |= {n.attr("buffer") for n in toposort(roots) if n.op in ("load", "load_if")} & stored
        if isinstance(s, Store):
            stored.add(s.array)
    return found


def _reads_any(place: Node, written: Counter) -> bool:
    return any(n.op in ("load", "load_if") and n.attr("buffer") in written for n in toposort((place,)))


def _place(values: Expressions, name: str, index: tuple, loop: For, inner: set[Node]) -> Node | None:
    """The offset of the first element where the loop walks over neighbours that one or more whole accesses move; else None."""
    storage = values.storage(name)
    array = storage.array
    if array.space not in ("global", "shared") or storage.loose:
        return None
    count = min(loop.extent, _WIDEST // array.type.dtype.size)
    if count < 2 or count & (count - 1) or loop.extent % count:
        return None
    offset = values.place(name, index)
    terms, constant = linear_form(offset)
    if terms.get(loop.var) != 1 or constant % count:
        return None
    rest = values.as_place(binary("sub", offset, loop.var))
    if any(c % count for atom, c in terms.items() if atom is not loop.var):
        return None
    return rest if _is_fixed(rest, loop, inner) else None


def _is_fixed(node: Node, loop: For, inner: set[Node]) -> bool:
    """Whether an expression is the same in every iteration, and known before the loop."""
    leaves = toposort((node,))
    return loop.var not in leaves and not inner & set(leaves)
