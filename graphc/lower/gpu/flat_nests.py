"""Nests for GPUs in which every element of the result, or a few neighbours, has a thread of its own."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.gpu import Gpu
from graphc.ir.kernel import Alloc, Array, If, Kernel, Set, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.type import Type
from graphc.lower.gpu.threads import ACCESS, flat, repeated, vector, widest
from graphc.lower.nests.gather import picked_row
from graphc.lower.nests.loops import all_of, as_index, cast, finish, let, loop, product, scalar, unravel
from graphc.lower.nests.random_bits import KEY_STEPS, MULTIPLIERS, ROUNDS, counter_words, low_half, mixed_with, upper
from graphc.lower.nests.unwindow import source
from graphc.prims.table import apply

WINDOW = 16  # places of a window up to which their loop is written out


def random_bits(node: Node, gpu: Gpu) -> Kernel:
    """As the nest for CPUs: a thread makes the four words of one counter value."""
    size, wide = node.type.size, bool(node.inputs[1].shape)
    words = Array("words", Type(dt.u64, (4,)), "register")

    def word(k) -> Node:
        return load(words.name, (k,), dt.u64)

    def thread(b: Node) -> tuple:
        keys = [let(f"key{k}", cast(load("x0", (k,), dt.u32), dt.u64)) for k in range(2)]
        begin, statements = counter_words(b, wide)

        def turn(_) -> tuple:
            products = []
            for k, multiplier in enumerate(MULTIPLIERS):
                factor = apply("and", word(2 * k), scalar(0xFFFFFFFF, dt.u64))
                products.append(let(f"p{k}", apply("mul", factor, scalar(multiplier, dt.u64))))
            (p0, first), (p1, second) = products
            w0, third = let("w0", mixed_with(upper(p1), word(1), keys[0][0]))
            w2, fourth = let("w2", mixed_with(upper(p0), word(3), keys[1][0]))
            stores = [Store(words.name, (k,), x) for k, x in enumerate((w0, p1, w2, p0))]
            more = [Set(key, apply("add", key, scalar(step, dt.u64))) for (key, _), step in zip(keys, KEY_STEPS)]
            return (first, second, third, fourth, *stores, *more)

        def put(v) -> tuple:
            return (Store("out0", (b * 4 + v,), low_half(word(v))),)

        end = vector("v", 4, put)
        if not (type(size) is int and size % 4 == 0):
            end = (If(b * 4 + 4 <= size, end, tuple([If(b * 4 + v < size, put(v)) for v in range(3)])),)
        start = [Store(words.name, (k,), part) for k, part in enumerate(begin)]
        return (Alloc(words), *statements, *start, *[s for _, s in keys], repeated("turn", ROUNDS, turn), *end)

    nest = flat(simplified((size + 3) // 4), thread)
    return finish("random_bits", node, ((2,), node.inputs[1].shape), ((size,),), (nest,))


def gather(node: Node, gpu: Gpu) -> Kernel:
    """As the nest for CPUs: threads stand along the elements of the result, each with as many as one access moves."""
    x, indices = node.inputs
    batch, depth = node.attr("batch"), indices.shape[-1]
    batches, count = product(x.shape[:batch]), product(indices.shape[batch:-1])
    picked, rest = x.shape[batch : batch + depth], product(x.shape[batch + depth :])
    rows, width = product((batches, count)), widest(ACCESS // x.dtype.size, rest)
    each = simplified(rest // width)

    def thread(i: Node) -> tuple:
        row, first = let("row", i // each)
        column, second = let("column", i % each)
        lets, guard, where = picked_row(row // count, row, picked, indices.dtype)

        def nothing(v) -> tuple:
            return (Store("out0", (row, column * width + v), scalar(0, x.dtype)),)

        def inside(v) -> tuple:
            place = column * width + v
            return (Store("out0", (row, place), load("x0", (*where, place), x.dtype)),)

        copy = vector("v", width, inside)
        return (first, second, *lets, *(copy if guard is None else (If(guard, copy, vector("v", width, nothing)),)))

    nest = flat(simplified(rows * each), thread)
    return finish("gather", node, ((batches, *picked, rest), (rows, depth)), ((rows, rest),), (nest,))


def unwindow(node: Node, gpu: Gpu) -> Kernel:
    """As the nest for CPUs: a thread sums the places of one element, in their order."""
    (x,) = node.inputs
    shape, size = node.shape, node.attr("size")
    wide, count = dt.accumulator(node.dtype), product(node.attr("size"))

    def thread(i: Node) -> tuple:
        coordinates = [let(f"p{k}", p) for k, p in enumerate(unravel(i, shape))]
        position = tuple([p for p, _ in coordinates])
        total, start = let("total", scalar(0, wide))

        def offset(w: Node) -> tuple:
            offsets = unravel(as_index(w), tuple(size))
            where, uniform, varying = source(node, position, offsets)
            guard = all_of([g for g in (uniform, varying) if g is not None])
            value = cast(load("x0", (*where, *offsets), node.dtype, guard), wide)
            add = Set(total, apply("add", total, value))
            return (add,)

        places = repeated("w", count, offset) if type(count) is int and 0 < count <= WINDOW else loop("w", count, offset)
        return (*[s for _, s in coordinates], start, places, Store("out0", position, cast(total, node.dtype)))

    return finish("unwindow", node, (x.shape,), (shape,), (flat(product(shape), thread),))
