"""Loop nests written by hand: one maker per primitive that is neither element-wise, movement nor reduction."""

from __future__ import annotations

from collections.abc import Callable

from graphc.ir.kernel import Kernel
from graphc.ir.node import Node
from graphc.ir.target import Target
from graphc.lower.nests.argreduce import argreduce
from graphc.lower.nests.conv import conv
from graphc.lower.nests.correlate import correlate
from graphc.lower.nests.cumulate import cumulate
from graphc.lower.nests.gather import gather
from graphc.lower.nests.random_bits import random_bits
from graphc.lower.nests.scatter import scatter, scatter_into
from graphc.lower.nests.sort import sort
from graphc.lower.nests.swaps import swaps
from graphc.lower.nests.unwindow import unwindow

#: Name in a row's ``nest`` facet -> maker. The inputs lie in row-major memory. The kernel's arrays are ``x0 ...`` (the
#: inputs), ``out0 ...`` (the outputs) and ``scratch0 ...`` (memory the caller provides, undefined before and after);
#: their types are views of that memory in which axes may be merged.
NESTS: dict[str, Callable[[Node, Target], Kernel]] = {
    "argreduce": argreduce,
    "conv": conv,
    "correlate": correlate,
    "cumulate": cumulate,
    "gather": gather,
    "random_bits": random_bits,
    "scatter": scatter,
    "sort": sort,
    "swaps": swaps,
    "unwindow": unwindow,
}

#: The same for nests that change their first operand: they find a copy of it in ``out0`` and have no array ``x0``.
CHANGES: dict[str, Callable[[Node, Target], Kernel]] = {"scatter": scatter_into}
