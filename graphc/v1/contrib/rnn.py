"""``tf.contrib.rnn``: the cells of ``tf.nn.rnn_cell``, and a wrapper that makes outputs of another size."""

from __future__ import annotations

from collections.abc import Callable

from graphc.errors import UsageError, explain
from graphc.v1 import ops
from graphc.v1.cells import RNNCell
from graphc.v1.exports import members
from graphc.v1.initializers import Zeros

__getattr__, __dir__ = members("contrib.rnn")


class OutputProjectionWrapper(RNNCell):
    """A cell followed by a fully connected layer in every step.

    Args:
        cell: whose outputs [batch, k] go through the layer.
        output_size: size of the new outputs.
        activation: function of them; none if None.
        reuse: use variables that exist.

    Raises:
        UsageError: ``cell`` is no cell, or ``output_size`` is not an integer from 1.
    """

    def __init__(self, cell, output_size: int, activation: Callable | None = None, reuse=None):
        super().__init__(_reuse=reuse)
        if not isinstance(cell, RNNCell):
            raise UsageError(explain(f"OutputProjectionWrapper: needs a cell, got {cell!r}"))
        if isinstance(output_size, bool) or not hasattr(output_size, "__index__") or output_size < 1:
            what = f"OutputProjectionWrapper: output_size must be an integer from 1, got {output_size!r}"
            raise UsageError(explain(what))
        self._inner, self._output_size, self._activation = cell, int(output_size), activation

    @property
    def state_size(self):
        return self._inner.state_size

    @property
    def output_size(self):
        return self._output_size

    @property
    def variables(self) -> list:
        return [*self._inner.variables, *self._variables]

    def zero_state(self, batch_size, dtype):
        """A state of zeros for so many examples."""
        return self._inner.zero_state(batch_size, dtype)

    def prepare(self, inputs) -> None:
        """Make the variables of the cell and of the layer."""
        with self.opened(None):
            self._inner.prepare(inputs)
            self.ensure_built(inputs)

    def build(self, inputs_shape) -> None:
        """Make the layer's variables."""
        self._kernel = self.add_variable("kernel", [self._inner.output_size, self._output_size])
        self._bias = self.add_variable("bias", [self._output_size], initializer=Zeros())

    def call(self, inputs, state):
        """One step of the cell, its output through the layer."""
        output, new = self._inner(inputs, state)
        projected = ops.add(ops.matmul(output, self._kernel), self._bias)
        return (projected if self._activation is None else self._activation(projected)), new
