"""The vocabulary of schedules for GPUs: loops over blocks and threads, tiles, vectors, values that wait in registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from graphc.ir.gpu import Gpu
from graphc.ir.graph import substitute
from graphc.ir.kernel import BLOCK, THREAD, UNROLLED, VECTOR, Alloc, Array, For, If, Let, Set, Store, load
from graphc.ir.node import Node
from graphc.ir.order import toposort
from graphc.lower.nests.loops import all_of, ceil_divide, index, let
from graphc.lower.schedule import simplified_index

THREADS = 256  # of a block, where nothing speaks for another number
ACCESS = 16  # bytes of the widest access of a thread
WARP = 32


def widest(width: int, extent) -> int:
    """How many neighbours one access may bring, ``width`` at the most, where rows have ``extent`` elements: these are a multiple of it."""
    while width > 1 and (type(extent) is not int or extent % width):
        width //= 2
    return width


def threads_for(count, gpu: Gpu) -> int:
    """Threads of a block where there is work for ``count`` in all: fewer where these are few, so that every multiprocessor has some."""
    block = THREADS
    while type(count) is int and block > WARP and count < 2 * gpu.multiprocessors * block:
        block //= 2
    return block


def blocks(name: str, extent, body: Callable[[Node], tuple]) -> For:
    """A loop whose iterations are shared among blocks of threads."""
    i = index(name, extent)
    return For(i, extent, tuple(body(i)), BLOCK)


def threads(count: int, body: Callable[[Node], tuple], shared: Iterable[Array] = ()) -> tuple:
    """What stands in the innermost loop over blocks: what so many threads do, who share some memory."""
    t = index("t", count)
    return (*map(Alloc, shared), For(t, count, tuple(body(t)), THREAD))


def written_out(name: str, extent: int, body: Callable[[object], tuple]) -> tuple:
    """A loop that is unrolled; the body alone where it runs once."""
    if extent == 1:
        return tuple(body(0))
    return (repeated(name, extent, body),)


def flat(count, body: Callable[[Node], tuple], block: int = THREADS) -> For:
    """So many independent iterations, each done by a thread of its own; neighbouring ones by neighbouring threads."""

    def thread(b: Node, t: Node) -> tuple:
        i = b * block + t
        return tuple(body(i)) if type(count) is int and count % block == 0 else (If(i < count, tuple(body(i))),)

    return blocks("b", ceil_divide(count, block), lambda b: threads(block, lambda t: thread(b, t)))


def repeated(name: str, extent: int, body: Callable[[Node], tuple]) -> For:
    """An unrolled loop, which is a scope of its own even if it runs once."""
    i = index(name, extent)
    return For(i, extent, tuple(body(i)), UNROLLED)


def vector(name: str, extent: int, body: Callable[[object], tuple]) -> tuple:
    """A loop over neighbouring elements of a thread; the body alone for one."""
    if extent == 1:
        return tuple(body(0))
    i = index(name, extent)
    return (For(i, extent, tuple(body(i)), VECTOR),)


def at(values: Iterable[Node], places: dict[Node, object]) -> list[Node]:
    """Values with other index expressions for some variables."""
    return [simplified_index(v) for v in substitute(tuple(values), places)]


def variables(values: Iterable[Node]) -> set[Node]:
    """The variables that values are made of."""
    return {n for n in toposort(tuple(values)) if n.op == "var"}


def direct_loads(values: Iterable[Node]) -> list[Node]:
    """The loads whose place is no matter of other loads."""
    dependent: set[Node] = set()
    found = []
    for n in toposort(tuple(values)):
        if any(x in dependent for x in n.inputs):
            dependent.add(n)
        if n.op in ("load", "load_if"):
            if n not in dependent:
                found.append(n)
            dependent.add(n)
    return found


def guarded(loads: Iterable[Node], test: Node | None) -> list[Node]:
    """Loads that touch memory only where a test holds, if there is one."""
    if test is None:
        return list(loads)
    found = []
    for n in loads:
        inner, where = (None, n.inputs) if n.op == "load" else (n.inputs[0], n.inputs[1:])
        found.append(load(n.attr("buffer"), where, n.dtype, all_of([test, *([] if inner is None else [inner])])))
    return found


def coordinates(position: Node, axes: list[tuple[Node, object]], used: set[Node]) -> list[Let]:
    """Lets that give the variables of ``axes``, pairs (variable, extent) in row-major order, their values at a position."""
    lets: list[Let] = []
    wanted = [k for k, (v, _) in enumerate(axes) if v in used]
    if not wanted:
        return lets
    rest = position
    for k in reversed(range(wanted[0], len(axes))):
        v, extent = axes[k]
        if k == 0:
            lets.append(Let(v, rest))
        elif v in used:
            lets.append(Let(v, rest % extent))
        if k > wanted[0]:
            q, statement = let(f"q{k}", rest // extent)
            lets.append(statement)
            rest = q
    return lets


def live(body: tuple) -> tuple:
    """Statements without the Lets that nothing uses, without those that stand twice, and without empty loops."""
    return _live(body, set())[0]


def _live(body: tuple, used: set[Node]) -> tuple[tuple, set[Node]]:
    """The statements that matter where ``used`` is used after them, and what is used before them."""
    used, kept, place = set(used), [], {}
    for s in reversed(body):
        match s:
            case Let(v, value):
                if (v, value) in place:
                    kept[place[v, value]] = None
                elif v not in used:
                    continue
                place[v, value] = len(kept)
                used |= variables((value,))
            case For():
                inner, more = _live(s.body, set())
                if not inner:
                    continue
                s = replace(s, body=inner)
                used |= more | (variables((s.extent,)) if isinstance(s.extent, Node) else set())
            case If():
                (then, one), (orelse, other) = _live(s.then, set()), _live(s.orelse, set())
                s = replace(s, then=then, orelse=orelse)
                used |= one | other | variables((s.condition,))
            case Store() | Set():
                used |= variables((s.value, *getattr(s, "index", ()), *[g for g in (getattr(s, "guard", None),) if g is not None]))
                used |= {s.var} if isinstance(s, Set) else set()
        kept.append(s)
    return tuple([s for s in reversed(kept) if s is not None]), used
