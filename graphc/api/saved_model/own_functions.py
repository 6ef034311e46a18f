"""Functions of SavedModels that were saved here: the graph beside their nodes is compiled, as when they were traced."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.api.eager import eager
from graphc.api.function.concrete import ConcreteFunction
from graphc.api.function.definition import RESOURCE, has_graph, read_traced
from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.saved_model.library import Library
from graphc.api.spec import TensorSpec
from graphc.api.variable import Variable
from graphc.errors import DataLossError, explain


class OwnFunctions:
    """Those of a library."""

    def __init__(self, library: Library):
        self._library = library
        self._made: dict[tuple, ConcreteFunction | None] = {}

    def answer(self, name: str, values: Sequence) -> list | None:
        """The results for arguments, what is captured, and variables; None where nodes say what to do.

        Raises:
            DataLossError: the function makes no sense.
        """
        variables = [v for v in values if isinstance(v, Variable)]
        tensors = [v for v in values if not isinstance(v, Variable)]
        if not all(isinstance(t, Operators) for t in tensors):
            return None
        recorder = recorder_for(tensors, eager)
        if not (recorder.is_eager or recorder.captures):
            return None
        key = (name, *map(id, variables))
        if key not in self._made:
            self._made[key] = self._concrete(name, len(values), variables)
        made = self._made[key]
        return None if made is None else made.answer(tensors)

    def _concrete(self, name: str, count: int, variables: list[Variable]) -> ConcreteFunction | None:
        definition = self._library.function_def(name)
        if not has_graph(definition):
            return None
        resources = sum(a.type == RESOURCE for a in definition.signature.input_arg)
        if len(definition.signature.input_arg) != count or resources != len(variables):
            raise DataLossError(explain(f"function {name!r} of the SavedModel is damaged: it has other arguments"))
        traced = read_traced(definition, count - resources, (), variables)
        for x, variable in zip(traced.graph.inputs[count - resources :], variables):
            if x.type != variable.type:
                what = f"function {name!r} of the SavedModel is damaged: {variable.name} is no {x.type}"
                raise DataLossError(explain(what))
        specs = [_spec(x) for x in traced.graph.inputs[: count - resources]]
        first = int(traced.acts)
        outputs = [_spec(y) for y in traced.graph.outputs[first : first + traced.results]]
        return ConcreteFunction(name, traced, (tuple(specs), {}), specs, outputs)


def _spec(node) -> TensorSpec:
    name = node.attr("name") if node.op == "input" else None
    return TensorSpec([d if type(d) is int else None for d in node.shape], node.dtype, name)
