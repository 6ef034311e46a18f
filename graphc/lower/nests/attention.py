"""Attention block by block: rows of scores, what is made of them, and their product with the values, in one kernel.

A task has some rows of one head. All scores of these rows are computed tile by tile into memory of the task, the loops of row
kernels make weights of them there, and tiles of the result run over those. Every score, every reduction of a row and every
result is computed in the order that separate kernels would have, so the bits are theirs: nothing is rescaled on the way,
and rows are short enough (``attend.LONGEST``) that a block of them stays in the second-level cache. Keys and values are
packed into panels of columns first, heads are read where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.kernel import VECTOR, Alloc, Array, For, If, Kernel, Let, Store, load
from graphc.ir.node import INDEX, Node, binary, const, simplified, var
from graphc.ir.order import toposort
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.contraction import FEW_ROWS, Dot, describe
from graphc.lower.element import Elements
from graphc.lower.nests.loops import cast, even_pieces, index, least, product, scalar, unravel
from graphc.lower.reduce_nest import may_overwrite, row_body
from graphc.lower.schedule import name_shared, parallelise, read_first, symbols_of, unroll
from graphc.prims.table import TABLE, apply

READY = 512
GROUPS = 8  # tasks of one head where the length of a row is known while running only
PADDING = 16  # elements between rows of scores, so that rows of a power of two do not meet in the cache


@dataclass(frozen=True)
class Attention:
    """An attention region and its parts; all Nodes are those of its graph.

    Attributes:
        first, second: the products. scores: what the first one's tiles store. weights: left operand of the second.
        perm: the axes of the result in the order in which they are stored.
    """

    graph: Graph
    first: Dot
    second: Dot
    scores: Node
    weights: Node
    perm: tuple | None

    @property
    def packed(self) -> tuple[int, ...]:
        """Which products have their right operand packed: the keys always, as they are read across."""
        return (0,) if _lies_ready(self.second) else (0, 1)

    @property
    def names(self) -> dict[Node, str]:
        """The inputs of the graph and the arrays they lie in."""
        return {x: f"x{k}" for k, x in enumerate(self.graph.inputs)}


def describe_attention(graph: Graph, scores: Node, target: Target) -> Attention:
    """The parts of a region that ``attend`` made."""
    result = graph.outputs[0]
    perm = result.attr("perm") if result.op == "transpose" else None
    second = next(n for n in reversed(toposort(graph.outputs)) if n.op == "dot")
    first = next(n for n in toposort((scores,)) if n.op == "dot" and n in _above(scores))
    return Attention(graph, describe(first, target), describe(second, target), scores, second.inputs[0], perm)


def _lies_ready(dot: Dot) -> bool:
    """True where the columns of the right operand lie side by side in memory, and few rows apart."""
    node = dot.node.inputs[1]
    while node.inputs and TABLE[node.op].index is not None and len(node.inputs) == 1:
        node = node.inputs[0]
    ready = node.op == "input" and node.dtype is dot.tile.dtype and not dot.node.attr("transpose_y")
    return ready and _are_near(dot)


def _are_near(dot: Dot) -> bool:
    """False where many rows of values are read by several tiles, from all over the memory."""
    few = type(dot.m) is int and dot.m <= dot.tile.rows
    return few or (type(dot.k) is int and dot.k <= READY)


def _above(scores: Node) -> set:
    """The element-wise Nodes between the scores and the product they come from, that product included."""
    found, stack = set(), [scores]
    while stack:
        node = stack.pop()
        found.add(node)
        if node.op != "dot" and node.inputs and TABLE[node.op].scalar is not None:
            stack += [x for x in node.inputs if x not in found]
    return found


# ------------------------------------------------------------------------------------------------ packing


def pack_operand(attention: Attention, dot: Dot) -> Kernel:
    """A kernel that packs the right operand of one product, wherever it comes from, into ``packed``."""
    y, width = dot.node.inputs[1], dot.tile.width
    shape = dot.packed_type.shape
    head, panel, k, j = (index(name, d) for name, d in zip(("head", "panel", "k", "j"), shape))
    lets, batch = _batch(dot, head)
    column = panel * width + j
    where = (*batch, column, k) if dot.node.attr("transpose_y") else (*batch, k, column)
    inside = None if dot.n % width == 0 else column < dot.n
    value = cast(Elements(attention.names).at(y, where, inside), dot.tile.dtype)
    body: tuple = (For(j, width, (Store("packed", (head, panel, k, j), value),), VECTOR),)
    body = (*lets, For(panel, shape[1], (For(k, shape[2], body),)))
    nest = (parallelise(For(head, shape[0], body), product(shape[1:]) * 4),)
    read = {n for n in toposort((y,))}
    arrays = [Array(name, x.type) for x, name in attention.names.items() if x in read]
    arrays.append(Array("packed", dot.packed_type, written=True))
    return Kernel("pack", tuple(arrays), symbols_of(nest, tuple(arrays)), nest)


def _batch(dot: Dot, head: Node) -> tuple[list[Let], tuple]:
    """Names for the coordinates of one head."""
    lets, names = [], []
    for k, (where, d) in enumerate(zip(unravel(head, dot.batch), dot.batch)):
        where = simplified(where) if isinstance(where, Node) else where
        if d == 1 or not isinstance(where, Node):
            names.append(const(0, INDEX) if d == 1 else where)
            continue
        names.append(var(f"h{k}", extent=d if type(d) is int else None))
        lets.append(Let(names[-1], where))
    return lets, tuple(names)


# ----------------------------------------------------------------------------------------------- the kernel


def attention_kernel(attention: Attention) -> Kernel:
    """The kernel.

    Arrays: ``x<k>`` for the region's inputs that it reads, ``packed0`` (keys) and ``packed1`` (values), ``out<k>``.
    """
    first, second = attention.first, attention.second
    body = tuple([_tasks(attention, *some) for some in _split(first.m, first.tile.rows)])
    arrays = [Array(name, x.type) for x, name in attention.names.items() if _is_read(attention, x)]
    arrays += [Array(f"packed{k}", (first, second)[k].packed_type) for k in attention.packed]
    arrays += [Array(f"out{k}", n.type, written=True) for k, n in enumerate(attention.graph.outputs)]
    arrays += [] if type(first.n) is int else _kept(attention)
    return Kernel("attention", tuple(arrays), symbols_of(body, tuple(arrays)), body)


def _split(m, height: int) -> list[tuple]:
    """Pairs of tiles (rows of each, how many, first row, name): of a known number of rows tiles that differ by one at most."""
    if type(m) is int:
        return [(size, count, first, name) for (first, size, count), name in zip(even_pieces(m, height), "az")]
    few = FEW_ROWS if height > FEW_ROWS else 1
    spare = height - (height - 1) // few * few - 1  # more rows left than small tiles should do: a big one
    count = simplified((m + spare) // height)
    return [(height, count, 0, "a"), (few, simplified((m - count * height + (few - 1)) // few), count * height, "z")]


def _node(x) -> Node:
    return x if isinstance(x, Node) else const(x, INDEX)


def _is_read(attention: Attention, x: Node) -> bool:
    """True for what is read besides keys and values, which are packed."""
    stack, seen = list(attention.graph.outputs), set()
    packed = {(attention.first, attention.second)[k].node: 1 for k in attention.packed}
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack += node.inputs[: packed.get(node, len(node.inputs))]
    return x in seen


def _tasks(attention: Attention, height: int, count, start, tag: str) -> For:
    """Tasks for ``count`` blocks of ``height`` rows of every head.

    One for each block, whose scores lie on the stack; of rows of unknown length several blocks in turn, in memory of the task.
    """
    first, second = attention.first, attention.second
    fixed = type(first.n) is int
    parts = count if fixed else GROUPS
    task = index(f"task{tag}", simplified(parts * first.batch_size))
    head = var("head", extent=first.batch_size if type(first.batch_size) is int else None)
    lets, batch = _batch(first, head)
    lets = [Let(head, _node(simplified(task // parts))), *lets]
    block = var("block")
    row = var("row")
    query = Array(f"query{tag}", Type(first.tile.dtype, (height, first.k + PADDING)), "stack")
    own = [query]
    if fixed:
        shape = (height, first.n + PADDING)
        own += [Array(array.name + tag, Type(array.type.dtype, shape), "stack") for array in _kept(attention)]
    names = [array.name + tag * fixed for array in _kept(attention)]
    rows = {name: () if fixed else (task,) for name in names}
    heads, weights = (head, *batch), names[-1]
    stored = _scores_stored(attention, names[0], rows, batch, row), _results_stored(attention, batch, row)
    body = (
        Let(row, _node(start) + block * height),
        *map(Alloc, own),
        _copy_query(attention, query, batch, row),
        _product(attention, 0, (query.name, ()), heads, height, tag, stored[0]),
        _rows(attention, names, rows, batch, row, height),
        _product(attention, 1, (weights, rows[weights]), heads, height, tag, stored[1]),
    )
    work = height * first.n * (first.k + second.n + 16)
    if fixed:
        nest: tuple = (*lets, Let(block, _node(simplified(task % parts))), *body)
    else:
        each = simplified((count + (GROUPS - 1)) // GROUPS)
        turn = var(f"turn{tag}")
        before = _node(simplified(task % GROUPS)) * each
        turns = binary("max", _node(least(each, count - before)), 0)
        nest, work = (*lets, For(turn, simplified(turns), (Let(block, before + turn), *body))), work * each
    return parallelise(For(task, simplified(parts * first.batch_size), nest), simplified(work))


def _kept(attention: Attention) -> list[Array]:
    """Where the scores and weights of one block lie: on the stack, or in memory of the task."""
    first, wide = attention.first, attention.second.tile.dtype
    shape = (simplified(first.batch_size * GROUPS), first.tile.rows, simplified(first.n + PADDING))
    dtypes = [wide] if may_take_place(attention) else [attention.scores.dtype, wide]
    return [Array(f"scratch{k}", Type(dtype, shape), written=True) for k, dtype in enumerate(dtypes)]


def may_take_place(attention: Attention) -> bool:
    """True where weights may take the place of scores: they are of one dtype, and no loop needs both."""
    same = attention.scores.dtype is attention.second.tile.dtype
    return same and may_overwrite(*row_graph(attention))


def row_graph(attention: Attention) -> tuple[Graph, Node]:
    """What makes weights of scores, and the input that stands for those."""
    given = input_node("scores", attention.scores.type)
    (result,) = rebuild((attention.weights,), lambda node, inputs: None, {attention.scores: given})
    result = cast(result, attention.second.tile.dtype)  # once, not for every column of the result
    return Graph("rows", (*attention.graph.inputs, given), (result,)), given


def _copy_query(attention: Attention, query: Array, batch: tuple, row: Node) -> For:
    """The rows of the left operand side by side; those beyond the last are computed, never stored."""
    dot = attention.first
    i, k = index("i", query.type.shape[0]), index("k", dot.k)
    where = least(row + i, dot.m - 1)
    value = cast(Elements(attention.names).at(dot.node.inputs[0], (*batch, where, k)), dot.tile.dtype)
    return For(i, query.type.shape[0], (For(k, dot.k, (Store(query.name, (i, k), value),), VECTOR),))


def _product(attention: Attention, number: int, left: tuple, heads: tuple, height: int, tag: str, finish) -> For:
    """Tiles of all columns: rows times the columns of one right operand.

    Args:
        left: an array of the task, and its index before the row. heads: number of the head, and its coordinates.
        finish: stores one row of a tile.
    """
    dot = (attention.first, attention.second)[number]
    head, *batch = heads
    wide, width = dot.tile.dtype, dot.tile.width
    acc = Array(f"acc{number}{tag}", Type(wide, (height, width)), "register")
    b = Array(f"b{number}{tag}", Type(wide, (width,)), "register")
    panel, k = index(f"p{number}{tag}", dot.panels), index(f"k{number}{tag}", dot.k)
    i, j, a = index("i", height), index("j", width), var(f"a{tag}", Type(wide, ()))
    zero = unroll(For(i, height, (For(j, width, (Store(acc.name, (i, j), scalar(0, wide)),), VECTOR),)))
    fma = apply("fma", a, load(b.name, (j,), wide), load(acc.name, (i, j), wide))
    row = (Let(a, load(left[0], (*left[1], i, k), wide)), For(j, width, (Store(acc.name, (i, j), fma),), VECTOR))
    if number in attention.packed:
        right = load(f"packed{number}", (head, panel, k, j), wide)
    else:
        column = simplified(panel * width + j)
        inside = None if dot.n % width == 0 else column < dot.n
        right = cast(Elements(attention.names).at(dot.node.inputs[1], (*batch, k, column), inside), wide)
    step = (Alloc(b), For(j, width, (Store(b.name, (j,), right),), VECTOR), unroll(For(i, height, row)))
    stored = unroll(For(i, height, finish(i, j, panel * width, cast(load(acc.name, (i, j), wide), dot.node.dtype), width)))
    return For(panel, dot.panels, (Alloc(acc), zero, For(k, dot.k, step), stored))


def _scores_stored(attention: Attention, array: str, rows: dict, batch: tuple, row: Node):
    """Stores one row of a tile of scores, through what is computed of each alone."""
    dot = attention.first

    def finish(i: Node, j: Node, column, value: Node, width: int) -> tuple:
        at = simplified(column + j)
        inside = None if dot.n % width == 0 else at < dot.n
        elements = Elements(attention.names, {dot.node: value})
        score = elements.at(attention.scores, (*batch, least(row + i, dot.m - 1), at), inside)
        lets, (score,) = name_shared([score])
        return (For(j, width, (*lets, Store(array, (*rows[array], i, at), score, inside)), VECTOR),)

    return finish


def _results_stored(attention: Attention, batch: tuple, row: Node):
    """Stores one row of a tile of results through the epilogue."""
    dot, graph, perm = attention.second, attention.graph, attention.perm
    wanted = [graph.outputs[0].inputs[0]] if perm else list(graph.outputs)

    def finish(i: Node, j: Node, column, value: Node, width: int) -> tuple:
        at = simplified(column + j)
        inside = None if dot.n % width == 0 else at < dot.n
        place = (*batch, row + i, at)
        elements = Elements(attention.names, {dot.node: value})
        lets, values = name_shared([elements.at(n, place, inside) for n in wanted], "e")
        lets, values = read_first(lets, values)
        target = tuple(place[a] for a in perm) if perm else place
        stores = [Store(f"out{k}", target, v, inside) for k, v in enumerate(values)]
        return (If(row + i < dot.m, (For(j, width, (*lets, *stores), VECTOR),)),)

    return finish


def _rows(attention: Attention, arrays: list, rows: dict, batch: tuple, row: Node, height: int) -> For:
    """Weights of scores, row by row."""
    graph, given = row_graph(attention)
    i = index("r", height)
    names = {**attention.names, given: arrays[0]}
    places = {name: (*before, i) for name, before in rows.items()}
    where = (*batch, least(row + i, attention.first.m - 1))
    return For(i, height, row_body(graph, where, names, arrays[-1:], places))
