"""Moving averages of variables and tensors, kept in variables beside them."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.errors import DtypeError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.control import group
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.initializers import Zeros
from graphc.v1.mode import executing_eagerly
from graphc.v1.optimizers.slots import beside
from graphc.v1.tensor import Operation
from graphc.v1.variables import Variable, global_variables, moving_average_variables, trainable_variables


class ExponentialMovingAverage:
    """``average = decay * average + (1 - decay) * value``, once for every run of what ``apply`` returns.

    Args:
        decay: a number or a scalar tensor, close to 1.
        num_updates: how often the averages were updated; makes early averages follow faster, by a decay of at most
            ``(1 + num_updates) / (10 + num_updates)``.
        zero_debias: correct the averages of tensors for their start at zero.
        name: the last part of the names of the variables that hold averages.
    """

    def __init__(self, decay, num_updates=None, zero_debias=False, name="ExponentialMovingAverage"):
        self._decay, self._num_updates, self._zero_debias, self._name = decay, num_updates, zero_debias, name
        self._averages: dict[Operators, Variable] = {}

    @property
    def name(self) -> str:
        """The last part of the names of the averages."""
        return self._name

    def apply(self, var_list=None) -> Operation | None:
        """An operation that brings the averages up to date; averages of variables start at their initial values.

        With eager evaluation they are brought up to date at once.

        Args:
            var_list: variables and tensors of known shape; all trainable variables if None.

        Raises:
            DtypeError: one is not floating.
        """
        given = [var_list] if isinstance(var_list, Operators) else var_list
        values = list(trainable_variables() if given is None else given)
        corrected = set()
        for value in values:
            if not isinstance(value, Operators) or not value.dtype.is_float:
                what = f"ExponentialMovingAverage: the variables must be half, float or double: {value!r}"
                raise DtypeError(explain(what))
            if value not in self._averages:
                self._averages[value] = self._shadow(value)
                if self._zero_debias and not isinstance(value, Variable):
                    corrected.add(value)
        if executing_eagerly():
            decay = self._limited(ops.cast(self._decay, dt.f32))
            for v in values:
                average = self._averages[v]
                average.assign_sub((average - v) * ops.cast(1.0 - decay, v.dtype))
            return None
        with get_default_graph().name_scope(self._name) as scope:
            decay = self._decay if isinstance(self._decay, Operators) else ops.constant(self._decay, name="decay")
            decay = ops.cast(decay, dt.f32) if decay.dtype is not dt.f32 else ops.convert_to_tensor(decay)
            decay = self._limited(decay)
            return group(*[self._update(v, decay, v in corrected) for v in values], name=scope)

    def _limited(self, decay):
        """The decay, smaller while there were few updates."""
        if self._num_updates is None:
            return decay
        n = ops.cast(self._num_updates, dt.f32, name="num_updates")
        return ops.minimum(decay, (1.0 + n) / (10.0 + n))

    def _shadow(self, value) -> Variable:
        graph = value.graph
        if graph.is_eager:
            if not isinstance(value, Variable):
                raise DtypeError(explain("ExponentialMovingAverage: in eager mode only variables have averages"))
            return beside(value, value.numpy(), self._name)
        if not isinstance(value, Variable):
            sizes = value.shape.as_list()
            return beside(value, lambda: Zeros()(sizes, dtype=value.dtype), self._name)
        graph.add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, value)
        with graph.control_dependencies(None):
            start = value.initialized_value()
        return beside(value, start, self._name)

    def _update(self, value, decay, is_corrected: bool):
        average = self._averages[value]
        with average.graph.name_scope("AssignMovingAvg") as scope:
            rest = 1.0 - decay
            rest = rest if rest.dtype is value.dtype else ops.cast(rest, value.dtype)
            if not is_corrected:
                return average.assign_sub((average - value) * rest, name=scope)
            sizes = average.shape.as_list()
            biased = beside(average, lambda: Zeros()(sizes, dtype=value.dtype), "biased")
            count = beside(average, lambda: Zeros()([], dtype=value.dtype), "local_step")
            total, steps = biased.assign_sub((biased - value) * rest), count.assign_add(1)
            return average.assign(total / (1.0 - ops.pow(1.0 - rest, steps)), name=scope)

    def average(self, var) -> Variable | None:
        """The variable that holds the average of ``var``, or None."""
        return self._averages.get(var)

    def average_name(self, var) -> str:
        """The name of the variable that holds, or would hold, the average of ``var``."""
        found = self._averages.get(var)
        if found is not None:
            return found.op.name
        with var.graph.name_scope(None):
            return var.graph.unique_name(f"{var.op.name}/{self._name}", mark_as_used=False)

    def variables_to_restore(self, moving_avg_variables=None) -> dict[str, Variable]:
        """Names to variables for a checkpoint from which variables take their averages.

        Args:
            moving_avg_variables: those that do; the trainable ones and those with averages if None.
        """
        if moving_avg_variables is None:
            moving_avg_variables = trainable_variables() + moving_average_variables()
        averaged = list(dict.fromkeys(moving_avg_variables))
        found = {self.average_name(v): v for v in averaged}
        kept = set(found)
        return found | {v.op.name: v for v in global_variables() if v not in averaged and v.op.name not in kept}
