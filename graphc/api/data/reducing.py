"""group_by_reducer: elements gathered by a key, each into a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from graphc.api.create import convert_to_tensor
from graphc.api.data.dataset import Dataset
from graphc.api.data.element import builder, component, leaves, normalised, unpacked
from graphc.api.data.flow import Flow, OfRows
from graphc.api.data.stage import Run, Stage
from graphc.api.data.tracing import traced_with
from graphc.api.eager import EAGER
from graphc.api.recorder import RECORDERS
from graphc.api.spec import TensorSpec
from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt

_KEY = TensorSpec((), dt.i64)
_METHOD = "group_by_reducer"


class Reducer:
    """Three functions: the first state for a key, the next state for a state and an element, the answer for a state."""

    def __init__(self, init_func, reduce_func, finalize_func):
        self.init_func, self.reduce_func, self.finalize_func = init_func, reduce_func, finalize_func


class GroupReduced(Stage):
    """``group_by_reducer``: one element for each key, in the order of the keys."""

    kind, method = "_GroupByReducerDataset", _METHOD

    def __init__(self, source: Stage, key_func: Callable, reducer: Reducer):
        state = traced_with(reducer.init_func, (_KEY,), _METHOD).element_spec
        super().__init__(traced_with(reducer.finalize_func, unpacked(state), _METHOD).element_spec, (source,))
        self._key, self._reducer = key_func, reducer

    def open(self, run: Run) -> Flow:
        flow = self.inputs[0].open(run)
        return OfRows(self._rows(flow), flow.close)

    def _rows(self, flow: Flow) -> Iterator[tuple]:
        build, reducer, states = builder(self.inputs[0].element_spec), self._reducer, {}
        is_several = isinstance(self.inputs[0].element_spec, tuple)
        with RECORDERS.entering(EAGER):
            while (block := flow.pull(1)) is not None:
                element = build(block.row(0))
                found = self._key(*element) if is_several else self._key(element)
                key = int(np.asarray(convert_to_tensor(found).numpy()))
                if key not in states:
                    states[key] = reducer.init_func(convert_to_tensor(np.int64(key)))
                states[key] = reducer.reduce_func(states[key], element)
        for _, state in sorted(states.items()):
            with RECORDERS.entering(EAGER):
                answer = normalised(reducer.finalize_func(*unpacked(state)), _METHOD)
            yield tuple([component(v) for v in leaves(answer)])


def group_by_reducer(key_func, reducer) -> Callable:
    """A transformation, for ``Dataset.apply``: one element for each key (an i64 scalar), made by a Reducer.

    Raises:
        UsageError: ``reducer`` is no Reducer.
    """
    if not isinstance(reducer, Reducer):
        raise UsageError(explain(f"group_by_reducer: reducer must be a tf.data.experimental.Reducer, got {reducer!r}"))
    return lambda dataset: Dataset(GroupReduced(dataset.stage, key_func, reducer))
