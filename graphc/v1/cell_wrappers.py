"""Recurrent cells of TensorFlow 1 made of other cells."""

from __future__ import annotations

from graphc.api.shape import TensorShape
from graphc.api.structure import leaves, map_structure, pack
from graphc.errors import UsageError, explain
from graphc.lib import nn
from graphc.v1.catalogue import SHARED
from graphc.v1.cells import LSTMStateTuple, RNNCell
from graphc.v1.define import graph_of, random_op
from graphc.v1.scope import variable_scope

_add, _concat, _split = (SHARED.get(name) for name in ("add", "concat", "split"))
_mask, _cast, _multiply = (SHARED.get(name) for name in ("sequence_mask", "cast", "multiply"))
_expand, _transpose, _shape = (SHARED.get(name) for name in ("expand_dims", "transpose", "shape"))


def runs_whole(cell) -> bool:
    """Whether a cell runs through all rows by itself, see ``rnn_cell.PlannedCell.sequence``; not if ``call`` is new."""
    inner = getattr(cell, "parts", None)
    steps = {"sequence", "call", "__call__"}
    latest = next((vars(c) for c in type(cell).__mro__ if steps & vars(c).keys()), ())
    return "sequence" in latest and (inner is None or (cell.is_whole() and all(map(runs_whole, inner))))


class MultiRNNCell(RNNCell):
    """Cells of which each gets the output of the one before.

    Args:
        cells: a list of cells.
        state_is_tuple: the state is a tuple of theirs, instead of one tensor with all side by side.

    Raises:
        UsageError: no cells.
    """

    def __init__(self, cells, state_is_tuple=True):
        super().__init__()
        if not isinstance(cells, (list, tuple)) or not cells:
            raise UsageError(explain(f"MultiRNNCell: needs a list of cells, got {cells!r}"))
        self.parts, self._is_tuple = list(cells), state_is_tuple

    @property
    def state_size(self):
        sizes = tuple([cell.state_size for cell in self.parts])
        return sizes if self._is_tuple else sum(n for size in sizes for n in leaves(size))

    @property
    def output_size(self):
        return self.parts[-1].output_size

    @property
    def variables(self) -> list:
        return [v for cell in self.parts for v in cell.variables]

    def is_whole(self) -> bool:
        """Whether its own part of the work can be done for all rows at once."""
        return self._is_tuple

    def prepare(self, inputs) -> None:
        with self.opened(None):
            for k, cell in enumerate(self.parts):
                with variable_scope(f"cell_{k}"):
                    cell.prepare(inputs)
                inputs = _Like(inputs, cell.output_size)

    def call(self, inputs, state):
        states, news = self._states(state), []
        for k, (cell, own) in enumerate(zip(self.parts, states)):
            with variable_scope(f"cell_{k}"):
                inputs, new = cell(inputs, own)
            news.append(new)
        return inputs, tuple(news) if self._is_tuple else _concat(leaves(news), 1)

    def _states(self, state):
        if self._is_tuple:
            return state
        sizes = [cell.state_size for cell in self.parts]
        parts = iter(_split(state, [n for size in sizes for n in leaves(size)], 1))
        return [pack(size, [next(parts) for _ in leaves(size)]) for size in sizes]

    def sequence(self, inputs, state, lengths, backwards: bool):
        """Outputs of all rows [rows, batch, ...] and the last state."""
        news = []
        for cell, own in zip(self.parts, state, strict=True):
            inputs, new = cell.sequence(inputs, own, lengths, backwards)
            news.append(new)
        return inputs, tuple(news)


class _Like:
    """What is known of the inputs of a cell before they exist."""

    def __init__(self, like, size):
        first = leaves(like)[0]
        self.dtype, self.shape = first.dtype, TensorShape([*first.shape.as_list()[:-1], size])


class Wrapper(RNNCell):
    """A cell around another one, in whose scope it is."""

    def __init__(self, cell):
        super().__init__()
        self.parts = [cell]

    @property
    def _cell(self):
        return self.parts[0]

    @property
    def wrapped_cell(self):
        """The cell inside."""
        return self._cell

    @property
    def state_size(self):
        return self._cell.state_size

    @property
    def output_size(self):
        return self._cell.output_size

    @property
    def variables(self) -> list:
        return self._cell.variables

    def zero_state(self, batch_size, dtype):
        return self._cell.zero_state(batch_size, dtype)

    def is_whole(self) -> bool:
        """Whether its own part of the work can be done for all rows at once."""
        return True

    def prepare(self, inputs) -> None:
        self._cell.prepare(inputs)

    def __call__(self, inputs, state, scope=None):
        return self.wrapped(inputs, lambda x: self._cell(x, state, scope) if scope else self._cell(x, state))

    def sequence(self, inputs, state, lengths, backwards: bool):
        """Outputs of all rows [rows, batch, ...] and the last state."""
        outputs, new = self.wrapped(inputs, lambda x: self._cell.sequence(x, state, lengths, backwards))
        return (outputs if lengths is None else _cut(outputs, lengths)), new

    def wrapped(self, inputs, run):
        """What is done with inputs and outputs around ``run``."""
        return run(inputs)


def _cut(outputs, lengths):
    """Outputs [rows, batch, ...] with 0 beyond the lengths."""
    counted = _transpose(_mask(lengths, _shape(outputs)[0]))
    return _multiply(outputs, _cast(_expand(counted, -1), outputs.dtype))


class DropoutWrapper(Wrapper):
    """Dropout of a cell's inputs, outputs and states.

    Args:
        input_keep_prob, output_keep_prob, state_keep_prob: probabilities to keep an element.
        variational_recurrent: one mask for all steps; not supported.
        seed: of the masks.
        dropout_state_filter_visitor: function of a state that says what of it is dropped; by default all but the cell
            states of LSTMs.

    Raises:
        UsageError: an impossible probability, or ``variational_recurrent``.
    """

    def __init__(self, cell, input_keep_prob=1.0, output_keep_prob=1.0, state_keep_prob=1.0,
                 variational_recurrent=False, input_size=None, dtype=None, seed=None,
                 dropout_state_filter_visitor=None):  # fmt: skip
        super().__init__(cell)
        if variational_recurrent:
            raise UsageError(explain("DropoutWrapper: variational_recurrent=True is not supported"))
        self._keep = {"input": input_keep_prob, "output": output_keep_prob, "state": state_keep_prob}
        for name, keep in self._keep.items():
            if isinstance(keep, (int, float)) and not 0 < keep <= 1:
                raise UsageError(explain(f"DropoutWrapper: {name}_keep_prob must lie in (0, 1], got {keep}"))
        self._seed, self._filter = seed, dropout_state_filter_visitor or _all_but_memory

    def is_whole(self) -> bool:
        return self._is_kept("state")

    def _is_kept(self, name: str) -> bool:
        return isinstance(self._keep[name], (int, float)) and self._keep[name] == 1

    def _dropped(self, name: str, x, number: int = 0):
        if self._is_kept(name):
            return x
        seed = None if self._seed is None else self._seed + {"input": 0, "output": 1, "state": 2}[name] + 3 * number
        arguments = {"x": x, "rate": 1 - self._keep[name], "noise_shape": None}
        return random_op("Dropout", "dropout", nn.dropout, arguments, {"x": 0}, seed)

    def wrapped(self, inputs, run):
        output, new = run(map_structure(lambda x: self._dropped("input", x), inputs))
        if not self._is_kept("state"):
            new = self._dropped_state(new, [0])
        return self._dropped("output", output), new

    def _dropped_state(self, state, count: list):
        kept = self._filter(state)
        if isinstance(state, (list, tuple)):
            flags = leaves(kept) if isinstance(kept, (list, tuple)) else [kept] * len(state)
            parts = [self._dropped_state(s, count) if flag else s for s, flag in zip(state, flags)]
            return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)
        count[0] += 1
        return self._dropped("state", state, count[0]) if kept else state


def _all_but_memory(state):
    return LSTMStateTuple(c=False, h=True) if isinstance(state, LSTMStateTuple) else True


class ResidualWrapper(Wrapper):
    """A cell whose inputs are added to its outputs.

    Args:
        residual_fn: function of inputs and outputs to use instead of the sum.
    """

    def __init__(self, cell, residual_fn=None):
        super().__init__(cell)
        self._residual = residual_fn

    def is_whole(self) -> bool:
        return self._residual is None

    def wrapped(self, inputs, run):
        output, new = run(inputs)
        return (self._residual or (lambda x, y: map_structure(_add, x, y)))(inputs, output), new


class DeviceWrapper(Wrapper):
    """A cell whose operations are marked with a device."""

    def __init__(self, cell, device):
        super().__init__(cell)
        self._device = device

    def wrapped(self, inputs, run):
        with graph_of(leaves(inputs)).device(self._device):
            return run(inputs)
