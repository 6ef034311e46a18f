"""The vocabulary of hand-written nests: views of operands, loops over rows and blocks, the finished kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.kernel import SERIAL, VECTOR, Array, For, Kernel, Let, Set
from graphc.ir.node import INDEX, Node, binary, const, simplified, var
from graphc.ir.type import Type, TupleType
from graphc.lower.schedule import parallelise, symbols_of
from graphc.prims.table import apply

LONGEST = 40  # doublings that are enough for any extent
CHUNK = 1024  # iterations of one vector loop inside a parallel loop


def product(dims: Iterable) -> object:
    """The number of elements of a shape: an int where every dimension is one."""
    total = 1
    for d in dims:
        total = total * d
    return simplified(total)


def least(x, y) -> object:
    """The smaller of two dimensions."""
    if type(x) is int and type(y) is int:
        return min(x, y)
    return simplified(binary("min", x, y))


def most(x, y) -> object:
    """The larger of two dimensions."""
    if type(x) is int and type(y) is int:
        return max(x, y)
    return simplified(binary("max", x, y))


def ceil_divide(x, y: int) -> object:
    """How many blocks of ``y`` cover ``x``."""
    return simplified((x + (y - 1)) // y)


def even_pieces(extent: int, limit: int) -> list[tuple[int, int, int]]:
    """Pieces of at most ``limit`` whose sizes differ by one at most: (first, size, count) of each size."""
    count = max(1, -(-extent // limit))
    size, larger = divmod(extent, count)
    pieces = [(0, size + 1, larger), (larger * (size + 1), size, count - larger)]
    return [p for p in pieces if p[1] and p[2]]


def doublings(extent, width: int) -> tuple:
    """How often ``width`` must be doubled to reach ``extent``, and the statements that find it while running."""
    if type(extent) is int:
        count = 0
        while width << count < extent:
            count += 1
        return count, ()
    count, start = let("doublings", as_index(0))

    def step(p: Node) -> tuple:
        return (Set(count, count + cast(apply("shl", as_index(width), p) < extent, dt.i64)),)

    return count, (start, loop("doubling", LONGEST, step))


def index(name: str, extent) -> Node:
    """A loop variable below ``extent``."""
    return var(name, extent=extent if type(extent) is int else None)


def loop(name: str, extent, body: Callable[[Node], tuple], kind: str = SERIAL) -> For:
    """``for name in extent``, the body made from the loop variable, or from 0 where a serial loop has no other number."""
    i = index(name, extent)
    return For(i, extent, tuple(body(as_index(0) if extent == 1 and kind == SERIAL else i)), kind)


def vector(name: str, extent, body: Callable[[Node], tuple]) -> For:
    """A loop of independent iterations over neighbouring elements."""
    return loop(name, extent, body, VECTOR)


def parallel(name: str, extent, work, body: Callable[[Node], tuple]) -> For:
    """A loop shared among threads; one iteration is worth about ``work`` flops."""
    return parallelise(loop(name, extent, body), work)


def flat(name: str, extent, work: int, body: Callable[[Node], tuple]) -> For:
    """Independent iterations 0 .. extent-1: chunks shared among threads, lanes within a chunk."""

    def chunk(c: Node) -> tuple:
        return (vector(name, least(CHUNK, extent - c * CHUNK), lambda i: body(c * CHUNK + i)),)

    return parallel(f"{name}_chunk", ceil_divide(extent, CHUNK), work * CHUNK, chunk)


def unravel(flat_index: Node, extents: tuple) -> tuple:
    """The row-major coordinates of a position in a shape."""
    out = []
    for k in range(len(extents)):
        inner = product(extents[k + 1 :])
        coordinate = flat_index // inner
        out.append(coordinate % extents[k] if k else coordinate)
    return tuple(out)


def let(name: str, value: Node) -> tuple[Node, Let]:
    """A named value: the variable to use, and the statement that makes it."""
    variable = var(name, value.type)
    return variable, Let(variable, value)


def named(name: str, extent) -> tuple[object, tuple[Let, ...]]:
    """A dimension with a name where it is no number: what to use, and the statements that make it."""
    extent = simplified(extent)
    if not isinstance(extent, Node):
        return extent, ()
    variable, statement = let(name, as_index(extent))
    return variable, (statement,)


def scalar(value, dtype: DType) -> Node:
    """A constant of rank 0."""
    return const(value, Type(dtype, ()))


def as_index(value) -> Node:
    """An int as a constant index, an integer scalar cast to i64."""
    if not isinstance(value, Node):
        return const(value, INDEX)
    return value if value.dtype is dt.i64 else apply("cast", value, dtype=dt.i64)


def cast(value: Node, dtype: DType) -> Node:
    """``value`` as another dtype, itself where it has it already."""
    return value if value.dtype is dtype else apply("cast", value, dtype=dtype)


def all_of(conditions: Iterable) -> Node | None:
    """The conjunction of b1 scalars, None where there are none."""
    whole = None
    for c in conditions:
        whole = c if whole is None else apply("and", whole, c)
    return whole


def inside(position: Node, extent) -> list[Node]:
    """What must hold for ``0 <= position < extent``."""
    return [as_index(0) <= position, position < extent]


def is_nan(x: Node) -> Node | None:
    """Whether a float is NaN; None for a dtype without NaN."""
    return apply("ne", x, x) if x.dtype.is_float else None


def finish(name: str, node: Node, views: tuple, out_views: tuple, body: tuple, scratch: tuple = ()) -> Kernel:
    """The kernel of a node.

    Args:
        views: for every input its shape as the body addresses it: the same row-major memory, some axes merged.
        out_views: the same for every output.
        scratch: types of arrays ``scratch0 ...`` that the body needs besides; their content does not matter.
    """
    results = node.type.items if isinstance(node.type, TupleType) else (node.type,)
    arrays = [Array(f"x{k}", Type(x.dtype, view)) for k, (x, view) in enumerate(zip(node.inputs, views, strict=True))]
    arrays += [
        Array(f"out{k}", Type(t.dtype, view), written=True)
        for k, (t, view) in enumerate(zip(results, out_views, strict=True))
    ]
    arrays += [Array(f"scratch{k}", t, written=True) for k, t in enumerate(scratch)]
    return Kernel(name, tuple(arrays), symbols_of(body, tuple(arrays)), tuple(body))
