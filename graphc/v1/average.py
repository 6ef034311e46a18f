"""Moving averages of variables and tensors, kept in variables beside them."""

from __future__ import annotations

from graphc.errors import DtypeError, UsageError, explain
from graphc.v1 import ops
from graphc.v1.control import group
from graphc.v1.graph import GraphKeys
from graphc.api.operators import Operators
from graphc.v1.tensor import Operation
from graphc.v1.variables import Variable, global_variables, trainable_variables


class ExponentialMovingAverage:
    """``average = decay * average + (1 - decay) * value``, once for every run of what ``apply`` returns.

    Args:
        decay: a number or a scalar tensor, close to 1.
        num_updates: how often the averages were updated; makes early averages follow faster, by a decay of at most
            ``(1 + num_updates) / (10 + num_updates)``.
        name: the last part of the names of the variables that hold averages.
    """

    def __init__(self, decay, num_updates=None, zero_debias=False, name="ExponentialMovingAverage"):
        if zero_debias:
            raise UsageError(explain("ExponentialMovingAverage: zero_debias is not supported"))
        self.decay, self.num_updates, self.name = decay, num_updates, name
        self._averages: dict[Operators, Variable] = {}

    def apply(self, var_list=None) -> Operation:
        """An operation that brings the averages up to date; averages of variables start at their initial values.

        Args:
            var_list: variables and tensors of known shape; all trainable variables if None.

        Raises:
            UsageError: one has its average already. DtypeError: one is not floating.
        """
        values = list(trainable_variables() if var_list is None else var_list)
        for value in values:
            if not isinstance(value, Operators) or not value.dtype.is_float:
                raise DtypeError(explain(f"ExponentialMovingAverage: {value!r} is no floating variable or tensor"))
            if value in self._averages:
                raise UsageError(explain(f"ExponentialMovingAverage: {value.name} has its average already"))
            self._averages[value] = self._shadow(value)
        with ops.get_default_graph().name_scope(self.name) as scope:
            return group(*[self._update(v) for v in values], name=scope)

    def _shadow(self, value) -> Variable:
        graph, is_variable = value.graph, isinstance(value, Variable)
        keys = [GraphKeys.GLOBAL_VARIABLES, GraphKeys.MOVING_AVERAGE_VARIABLES]
        with graph.control_dependencies(None), graph.name_scope(None):
            start = value.initialized_value() if is_variable else ops.zeros(value.shape.as_list(), value.dtype)
            shadow = Variable(start, trainable=False, collections=keys, name=f"{value.op.name}/{self.name}")
        if is_variable and value not in graph.get_collection_ref(GraphKeys.MOVING_AVERAGE_VARIABLES):
            graph.add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, value)
        return shadow

    def _update(self, value):
        shadow, decay = self._averages[value], ops.cast(self.decay, value.dtype)
        if self.num_updates is not None:
            n = ops.cast(self.num_updates, value.dtype)
            decay = ops.minimum(decay, (1.0 + n) / (10.0 + n))
        return shadow.assign_sub((shadow - value) * (1.0 - decay))

    def average(self, var) -> Variable | None:
        """The variable that holds the average of ``var``, or None."""
        return self._averages.get(var)

    def average_name(self, var) -> str:
        """The name of the variable that holds, or would hold, the average of ``var``."""
        found = self._averages.get(var)
        return f"{var.op.name}/{self.name}" if found is None else found.op.name

    def variables_to_restore(self, moving_avg_variables=None) -> dict[str, Variable]:
        """Names to variables for a checkpoint from which variables take their averages."""
        averaged = list(moving_avg_variables) if moving_avg_variables is not None else [
            v for v in trainable_variables() + list(self._averages) if isinstance(v, Variable)
        ]  # fmt: skip
        found = {self.average_name(v): v for v in averaged}
        kept = set(found)
        return found | {v.op.name: v for v in global_variables() if v not in averaged and v.op.name not in kept}
