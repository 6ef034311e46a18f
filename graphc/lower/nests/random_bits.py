"""The nest of ``random_bits``: Philox 4x32-10, four words for every counter value."""

from __future__ import annotations

from graphc.ir import dtype as dt
from graphc.ir.kernel import Kernel, Store, load
from graphc.ir.node import Node, simplified
from graphc.ir.target import Target
from graphc.lower.nests.loops import as_index, cast, finish, flat, let, scalar
from graphc.prims.table import apply

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
WORK = 150  # operations of one block of four words


def random_bits(node: Node, target: Target) -> Kernel:
    """out[4*b + k] is word k of block x1 + b with key x0, the counter x1 being a number of 128 bits."""
    size = node.type.size
    wide = bool(node.inputs[1].shape)

    def whole_block(b: Node) -> tuple:
        lets, words = _philox("w", b, wide)
        return (*lets, *(Store("out0", (b * 4 + k,), word) for k, word in enumerate(words)))

    whole = simplified(size // 4)
    rest = size % 4 if type(size) is int else 3  # words of a last block that may be needed
    nests = [flat("b", whole, WORK, whole_block)]
    if rest:
        lets, words = _philox("rest", as_index(whole), wide)
        nests += lets
        for k in range(rest):
            position = as_index(whole * 4 + k)
            guard = None if type(size) is int else position < size
            nests.append(Store("out0", (position,), words[k], guard))
    return finish("random_bits", node, ((2,), node.inputs[1].shape), ((size,),), tuple(nests))


def _philox(prefix: str, block: Node, wide: bool) -> tuple[list, list]:
    """Lets that compute the four words of one block, and the words."""
    low = apply("cast", block, dtype=dt.u64)
    high = load("x1", (as_index(1),) if wide else (), dt.u64)
    lets = []
    if wide:
        start = load("x1", (as_index(0),), dt.u64)
        low, statement = let(f"{prefix}_low", apply("add", start, low))
        lets.append(statement)
        high = apply("add", high, apply("cast", apply("lt", low, start), dtype=dt.u64))
    words = [half(low, 0), half(low, 32), half(high, 0), half(high, 32)]
    keys = [load("x0", (k,), dt.u32) for k in range(2)]
    for turn in range(ROUNDS):
        lows, highs = [], []
        for k, multiplier in enumerate(MULTIPLIERS):
            wide = apply("mul", cast(words[2 * k], dt.u64), scalar(multiplier, dt.u64))
            name, statement = let(f"{prefix}{turn}_p{k}", wide)
            lets.append(statement)
            lows.append(half(name, 0))
            highs.append(half(name, 32))
        words = [_mixed(highs[1], words[1], keys[0]), lows[1], _mixed(highs[0], words[3], keys[1]), lows[0]]
        keys = [apply("add", key, scalar(step, dt.u32)) for key, step in zip(keys, KEY_STEPS)]
    return lets, words


def half(word: Node, shift: int) -> Node:
    """The 32 bits of a u64 that start at ``shift``."""
    if shift:
        word = apply("shr", word, scalar(shift, dt.u64))
    return apply("cast", apply("and", word, scalar(0xFFFFFFFF, dt.u64)), dtype=dt.u32)


def _mixed(x: Node, y: Node, key: Node) -> Node:
    return apply("xor", apply("xor", x, y), key)
