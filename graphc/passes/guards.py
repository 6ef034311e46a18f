"""Values that a run looks at become one more output: the number of the first that is not as it must be."""

from __future__ import annotations

from dataclasses import replace

from graphc.ir import dtype as dt
from graphc.ir.graph import Graph, input_node, rebuild
from graphc.ir.node import INDEX, Node, const, const_value, make
from graphc.ir.type import TupleType, Type
from graphc.passes.nested import bodies, graphs_in, same_or
from graphc.passes.ranges import Ranges, is_below
from graphc.prims import apply, broadcast, cast, ge, gt, le, max, ne, refusal, reshape, select
from graphc.prims import loop as loop_
from graphc.prims.control import cond, results_of
from graphc.prims.guard import number_of, violated
from graphc.prims.order import item
