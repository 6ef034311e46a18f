"""The nest of ``random_bits``: Philox 4x32-10, four words for every counter value."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import Alloc, Array, Kernel, Let, Set, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.ir.type import Type
from graphc.lower.nests.loops import CHUNK, as_index, cast, ceil_divide, finish, least, let, loop, parallel, scalar, vector
from graphc.prims.table import apply

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
WORK = 150  # operations of one block of four words
REGISTERS = 2  # vectors of each word that go through the rounds side by side


def random_bits(node: Node, target: Target) -> Kernel:
    """out[4*b + k] is word k of block x1 + b with key x0, the counter x1 being a number of 128 bits.

    Lanes are blocks. Words are the lower halves of u64 registers, whose upper halves hold what the rounds leave there.
    """
    size = node.type.size
    wide = bool(node.inputs[1].shape)
    lanes = REGISTERS * target.lanes(dt.u64)
    blocks = simplified((size + 3) // 4)
    words = Array("words", Type(dt.u64, (4, lanes)), "register")

    def group(first: Node) -> tuple:
        def begin(lane: Node) -> tuple:
            return _counter(words.name, first + lane, lane, wide)

        def end(lane: Node) -> tuple:
            return tuple(word(k, (first + lane) * 4 + k, lane) for k in range(4))

        def word(k: int, position: Node, lane: Node) -> Store:
            guard = None if type(size) is int and size % (4 * lanes) == 0 else position < size
            return Store("out0", (position,), low_half(load(words.name, (k, lane), dt.u64)), guard)

        keys = [let(f"key{k}", cast(load("x0", (k,), dt.u32), dt.u64)) for k in range(2)]
        rounds = loop("turn", ROUNDS, lambda _: (_round(words.name, lanes, [key for key, _ in keys]), *_next(keys)))
        return (Alloc(words), vector("start", lanes, begin), *[s for _, s in keys], rounds, vector("word", lanes, end))

    def chunk(c: Node) -> tuple:
        here = least(CHUNK, blocks - c * CHUNK)
        return (loop("group", ceil_divide(here, lanes), lambda g: group(c * CHUNK + g * lanes)),)

    nest = parallel("chunk", ceil_divide(blocks, CHUNK), WORK * CHUNK, chunk)
    return finish("random_bits", node, ((2,), node.inputs[1].shape), ((size,),), (nest,))


def _counter(words: str, block: Node, lane: Node, wide: bool) -> tuple:
    """Statements that begin a block with its counter."""
    parts, lets = counter_words(block, wide)
    return (*lets, *[Store(words, (k, lane), part) for k, part in enumerate(parts)])


def counter_words(block: Node, wide: bool) -> tuple[tuple[Node, ...], list[Let]]:
    """The four words of a counter, block ``block`` after ``x1``, and the statements that they need."""
    low = apply("cast", block, dtype=dt.u64)
    high, lets = load("x1", (as_index(1),) if wide else (), dt.u64), []
    if wide:
        start = load("x1", (as_index(0),), dt.u64)
        low, statement = let("low", apply("add", start, low))
        lets.append(statement)
        high = apply("add", high, apply("cast", apply("lt", low, start), dtype=dt.u64))
    return (low, upper(low), high, upper(high)), lets


def _round(words: str, lanes: int, keys: list[Node]):
    """One round of Philox on every lane."""

    def mixed(lane: Node) -> tuple:
        before = [load(words, (k, lane), dt.u64) for k in range(4)]
        products = []
        for k, multiplier in enumerate(MULTIPLIERS):
            factor = apply("and", before[2 * k], scalar(0xFFFFFFFF, dt.u64))
            products.append(let(f"p{k}", apply("mul", factor, scalar(multiplier, dt.u64))))
        (p0, first), (p1, second) = products
        firsts = [let("w0", mixed_with(upper(p1), before[1], keys[0])), let("w2", mixed_with(upper(p0), before[3], keys[1]))]
        after = (firsts[0][0], p1, firsts[1][0], p0)
        return (first, second, *[s for _, s in firsts], *[Store(words, (k, lane), word) for k, word in enumerate(after)])

    return vector("lane", lanes, mixed)


def _next(keys: list[tuple[Node, Let]]) -> list[Set]:
    """The keys of the next round."""
    return [Set(key, apply("add", key, scalar(step, dt.u64))) for (key, _), step in zip(keys, KEY_STEPS)]


def upper(word: Node) -> Node:
    """The upper half of a u64."""
    return apply("shr", word, scalar(32, dt.u64))


def low_half(word: Node) -> Node:
    """The lower half of a u64."""
    return apply("cast", apply("and", word, scalar(0xFFFFFFFF, dt.u64)), dtype=dt.u32)


def mixed_with(x: Node, y: Node, key: Node) -> Node:
    """The word that a round makes of half a product, another word and a key."""
    return apply("xor", apply("xor", x, y), key)
