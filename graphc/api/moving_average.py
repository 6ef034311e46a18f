"""Moving averages of variables, kept in variables beside them."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.api.recorder import recorder_for
from graphc.api.variable import Variable
from graphc.errors import DtypeError, UsageError, explain
from graphc.ir.node import Node
from graphc.lib import math
from graphc.lib.promote import as_node


class ExponentialMovingAverage:
    """``average = decay * average + (1 - decay) * value``, once for every ``apply``.

    Args:
        decay: a number or a scalar tensor, close to 1.
        num_updates: how often the averages were updated; makes early averages follow faster, by a decay of at most
            ``(1 + num_updates) / (10 + num_updates)``.
        zero_debias: accepted for compatibility; averages of variables start at their values.
        name: the last part of the names of the variables that hold averages.
    """

    def __init__(self, decay, num_updates=None, zero_debias=False, name="ExponentialMovingAverage"):
        self._decay, self._num_updates, self._name = decay, num_updates, name
        self._averages: dict[int, tuple[Variable, Variable]] = {}

    @property
    def name(self) -> str:
        """The last part of the names of the averages."""
        return self._name

    def apply(self, var_list=None) -> None:
        """Bring the averages up to date; those of new variables start at the values of these.

        Args:
            var_list: floating variables.

        Raises:
            UsageError: it is missing, or holds something else than variables. DtypeError: one is not floating.
        """
        given = [var_list] if isinstance(var_list, Operators) else list(var_list or ())
        if not given:
            raise UsageError(explain("ExponentialMovingAverage.apply: needs a list of variables, such as [v, w]"))
        for v in given:
            if not isinstance(v, Variable):
                what = f"ExponentialMovingAverage.apply: only variables have averages, not {v!r}"
                raise UsageError(explain(what))
            if not v.dtype.is_float:
                what = f"ExponentialMovingAverage: the variables must be half, float or double: {v!r}"
                raise DtypeError(explain(what))
        for v in given:
            if id(v) not in self._averages:
                made = Variable(v.value(), trainable=False, name=self.average_name(v))
                self._averages[id(v)] = v, made
        for v in given:
            self._update(v, self._averages[id(v)][1])

    def _update(self, value: Variable, average: Variable) -> None:
        operands, has_count = [average, value, self._decay], self._num_updates is not None
        if has_count:
            operands.append(self._num_updates)

        def build(average: Node, value: Node, decay: Node, count: Node | None = None) -> Node:
            decay = math.cast(decay, average.dtype)
            if count is not None:
                n = math.cast(count, average.dtype)
                limit = math.divide(math.add(n, as_node(1, n.dtype)), math.add(n, as_node(10, n.dtype)))
                decay = math.minimum(decay, limit)
            rest = math.subtract(as_node(1, decay.dtype), decay)
            return math.subtract(average, math.multiply(math.subtract(average, value), rest))

        labels = ["average", "value", "decay", "num_updates"][: len(operands)]
        recorder = recorder_for((average, value), None)
        groups = (0, 0, 1, 2)[: len(operands)]
        average.assign(recorder.call("AssignMovingAvg", "AssignMovingAvg", build, operands, labels, groups=groups))

    def average(self, var) -> Variable | None:
        """The variable that holds the average of ``var``, or None."""
        return self._averages.get(id(var), (None, None))[1]

    def average_name(self, var) -> str:
        """The name of the variable that holds, or would hold, the average of ``var``."""
        return f"{var.name.partition(':')[0]}/{self._name}"

    def variables_to_restore(self, moving_avg_variables=None) -> dict[str, Variable]:
        """Names to variables for a checkpoint from which variables take their averages.

        Args:
            moving_avg_variables: those that do; all with averages if None.
        """
        given = [v for v, _ in self._averages.values()] if moving_avg_variables is None else moving_avg_variables
        return {self.average_name(v): v for v in given}
