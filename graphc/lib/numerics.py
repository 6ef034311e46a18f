"""Checks of values that are part of the computation, under TensorFlow's names."""

from __future__ import annotations

from graphc.ir.node import Node
from graphc.lib.math import require_inexact
from graphc.lib.promote import as_node
from graphc.prims.effects import check_numerics as check


def check_numerics(tensor, message) -> Node:
    """``tensor`` itself; a run in which it is NaN or infinite ends with InvalidArgumentError. Runs on the host.

    Raises:
        DtypeError: it is not floating.
    """
    x = require_inexact("check_numerics", as_node(tensor))
    return check(x, str(message))


def assert_all_finite(x, message) -> Node:
    """``check_numerics``."""
    return check_numerics(x, message)
