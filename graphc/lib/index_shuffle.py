"""Where an index is in a random permutation that is never written down, under TensorFlow's names. Runs on the host."""

from __future__ import annotations

import numpy as np

from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const, origins
from graphc.ir.type import Type
from graphc.lib.dims import integer
from graphc.lib.promote import adopt, as_node, broadcast_shape
from graphc.prims import index_shuffle as _index_shuffle  # noqa: F401  registers the callback
from graphc.prims.host import host
from graphc.prims.table import apply

_KINDS = (dt.i32, dt.u32, dt.i64, dt.u64)
_FIRST = 498247692  # TensorFlow's first key word where a seed has two


def index_shuffle(index, seed, max_index) -> Node:
    """The place of ``index`` in the permutation of 0 to ``max_index`` that the seed stands for. Runs on the host.

    Args:
        index, max_index: integers of one dtype; scalars or vectors.
        seed: two integers.

    Raises:
        DtypeError, ShapeError: other operands. InvalidArgumentError (while running): an index out of range.
    """
    key = _integers("index_shuffle", "seed", seed)
    if len(key.shape) != 1 or (type(key.shape[0]) is int and key.shape[0] != 2):
        raise ShapeError(explain(f"index_shuffle: the seed must have shape [2], not {key.type}", origins(seed=key)))
    first = apply("reshape", as_node(np.array(_FIRST, key.dtype.numpy)), shape=(1,))
    return random_index_shuffle(index, apply("concat", first, key, axis=0), max_index)


def random_index_shuffle(index, seed, max_index, rounds=4) -> Node:
    """As ``random.experimental.index_shuffle``, with a seed of three integers, [3] or [n, 3].

    Args:
        rounds: of the cipher: even and at least 4.

    Raises:
        UsageError: other rounds.
    """
    op = "random_index_shuffle"
    x, limit = adopt(op, index, max_index)
    key, count = _integers(op, "seed", seed), integer(op, "rounds", rounds)
    _integers(op, "index", x)
    if count < 4 or count % 2:
        raise UsageError(explain(f"{op}: rounds must be even and at least 4, got {count}", origins(index=x)))
    last = key.shape[-1] if key.shape else 0
    if len(key.shape) not in (1, 2) or (type(last) is int and last != 3) or max(len(x.shape), len(limit.shape)) > 1:
        what = f"{op}: needs scalars or vectors and a seed of shape [3] or [n,3]"
        raise ShapeError(explain(f"{what}, not {x.type}, {limit.type} and {key.type}", origins(index=x, seed=key, max_index=limit)))
    shape = broadcast_shape(op, x, limit, key, shapes=(x.shape, limit.shape, key.shape[:-1]))
    rounds_node = const(np.array(count, np.int64))
    return host(x, key, limit, rounds_node, callback="random.index_shuffle", types=(Type(x.dtype, shape),))


def _integers(op: str, name: str, value) -> Node:
    x = as_node(value)
    if x.dtype not in _KINDS:
        raise DtypeError(explain(f"{op}: {name} must be integers of 32 or 64 bits, not {x.type}", origins(x=x)))
    return x
