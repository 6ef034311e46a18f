"""``reduce`` of a dataset inside of a function that is being traced: a loop in its graph."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.autograph.datasets import DatasetRows
from graphc.api.control import while_loop
from graphc.api.data.element import leaves, normalised, pack


def reduced(recorder, dataset, initial, function: Callable):
    """The last of ``state = function(state, element)``, which the graph computes whenever it runs."""
    structure = normalised(initial, "reduce")
    rows = DatasetRows(recorder, dataset)

    def step(more, *state):
        new = function(pack(structure, iter(state)), rows.element())
        values = [recorder.convert(v) if not hasattr(v, "graph") else v for v in leaves(new)]
        return [rows.has_more(), *values]

    start = [rows.has_more(), *[recorder.convert(v) for v in leaves(structure)]]
    _, *last = while_loop(lambda more, *state: more, step, start)
    rows.close()
    return pack(structure, iter(last))
