"""Faults that tests plant in a child process, to see what a reducer makes of them."""

from __future__ import annotations

import os
import signal

from graphc.ir.node import Node
from graphc.passes import fold
from graphc.passes.simplify import EXACT
from graphc.prims import sub
from graphc.prims.table import TABLE
from graphc.rewrite.rule import Rules, on


def wrong_rule() -> None:
    """``simplify`` makes a + sin(b) to a - sin(b)."""

    @on("add")
    def subtract_sines(node: Node):
        return sub(*node.inputs) if node.inputs[1].op == "sin" else None

    _enter(subtract_sines)


def raising_rule() -> None:
    """``simplify`` fails where a sum is transposed."""

    @on("transpose")
    def fail(node: Node):
        if node.inputs[0].op == "add":
            raise ZeroDivisionError("planted")

    _enter(fail)


def _enter(rule) -> None:
    (made,) = Rules(rule, rows=TABLE, build=fold.apply_folded).all
    for op in made.ops:
        EXACT.by_op[op] = (made, *EXACT.by_op.get(op, ()))


def crash() -> None:
    """Folding a running sum of constants ends the process as a fault in native code does."""
    folded = fold.value_of

    def crashing(node: Node, arrays, symbols):
        if node.op == "cumulate":
            os.kill(os.getpid(), signal.SIGSEGV)
        return folded(node, arrays, symbols)

    fold.value_of = crashing
