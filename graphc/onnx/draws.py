"""Where random operators of a model have their numbers from: the seed of the node, or a key that every run brings."""

from __future__ import annotations

import secrets
import struct

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.graph import input_node
from graphc.ir.node import Node, const
from graphc.ir.type import Type
from graphc.lib.random import key_of
from graphc.onnx.call import Call
from graphc.onnx.closure import Untraceable

KEY = "random.key"  # the name of an input of the Graph that no input of the model is
key_node = input_node(KEY, Type(dt.u32, (2,)))


def fresh_key() -> np.ndarray:
    """A key for one run of a model: u32[2] that nobody can foresee."""
    return np.frombuffer(secrets.token_bytes(8), np.uint32).copy()


def place_of(call: Call, seed: float | None) -> tuple[Node, Node]:
    """The key and the counter at which the numbers of a node begin.

    Args:
        seed: its attribute, which decides all of its numbers; None where it has none: every run then has others.

    Raises:
        Untraceable: the node is traced once for all steps of a loop, which would all draw the same.
    """
    if call.frame.is_repeated:
        raise Untraceable(f"{call.op} must draw other numbers in every step")
    if seed is not None:
        (bits,) = struct.unpack("<Q", struct.pack("<d", float(seed)))
        return key_of(bits & 0xFFFFFFFF, bits >> 32), const(np.uint64(0))
    tracer = call.frame.tracer
    tracer.draws += 1
    return key_node, const(np.uint64(tracer.draws))
