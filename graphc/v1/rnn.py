"""``tf.nn``'s recurrent networks of TensorFlow 1: a cell run through a sequence, as one loop."""

from __future__ import annotations

from graphc.api.recurrent import Course, unroll
from graphc.api.structure import expect_same, leaves, map_structure, pack
from graphc.errors import DtypeError, ShapeError, UsageError, explain
from graphc.v1.catalogue import SHARED
from graphc.v1.cell_wrappers import runs_whole
from graphc.v1.cells import zeros_of
from graphc.v1.define import graph_of
from graphc.v1.scope import variable_scope

_shape, _transpose, _stack, _unstack, _concat, _convert = (
    SHARED.get(name) for name in ("shape", "transpose", "stack", "unstack", "concat", "convert_to_tensor")
)


def dynamic_rnn(cell, inputs, sequence_length=None, initial_state=None, dtype=None, parallel_iterations=None,
                swap_memory=False, time_major=False, scope=None) -> tuple:  # fmt: skip
    """The outputs of a cell for all rows of ``inputs``, and its last state.

    Args:
        cell: an RNNCell, or any function of inputs and state with ``state_size``.
        inputs: [batch, rows, ...], or [rows, batch, ...] if ``time_major``; or a structure of such.
        sequence_length: integers [batch]: after so many rows outputs are 0 and states stay as they are.
        initial_state: zeros of ``dtype`` by default.
        parallel_iterations, swap_memory: without effect.

    Raises:
        UsageError: the cell cannot be called, or neither ``initial_state`` nor ``dtype`` is given.
        ShapeError, DtypeError: operands that do not fit.
    """
    return _run(cell, inputs, sequence_length, initial_state, dtype, time_major, scope or "rnn", False)


def _run(cell, inputs, lengths, state, dtype, time_major: bool, scope, backwards: bool) -> tuple:
    expect_cell(cell)
    with variable_scope(scope):
        rows = map_structure(_convert, inputs)
        for x in leaves(rows):
            if x.shape.ndims is not None and x.shape.ndims < 2:
                raise ShapeError(explain(f"rnn: inputs must have at least rank 2, not shape {x.shape}"))
        rows = rows if time_major else map_structure(_swapped, rows)
        lengths = None if lengths is None else _lengths(lengths)
        if state is None:
            state = _zero_state(cell, leaves(rows)[0], dtype)
        if hasattr(cell, "prepare"):
            cell.prepare(map_structure(_Row, rows))
        whole = not isinstance(rows, (list, tuple, dict)) and rows.shape.ndims == 3 and runs_whole(cell)
        if whole:
            expect_same("rnn", "the state size of the cell and the initial state", cell.state_size, state)
            outputs, last = cell.sequence(rows, state, lengths, backwards)
        else:
            outputs, last = unroll(graph_of(leaves(rows)), cell, rows, state, Course(lengths, backwards=backwards))
        return (outputs if time_major else map_structure(_swapped, outputs)), last


class _Row:
    """Dtype and shape of a row of the inputs."""

    def __init__(self, rows):
        self.dtype, self.shape = rows.dtype, rows.shape[1:]


def expect_cell(cell) -> None:
    """Refuse what is no cell.

    Raises:
        UsageError: it cannot be called, or has no ``state_size``.
    """
    if not callable(cell) or not hasattr(cell, "state_size"):
        raise UsageError(explain(f"rnn: {cell!r} is no cell"))


def _swapped(x):
    return _transpose(x, [1, 0, *range(2, x.shape.ndims)])


def _lengths(value):
    found = _convert(value)
    if not found.dtype.is_integer:
        raise DtypeError(explain(f"rnn: sequence_length must be integers, not {found.dtype.name}"))
    if found.shape.ndims not in (None, 1):
        raise ShapeError(explain(f"rnn: sequence_length must be a vector, not of shape {found.shape}"))
    return found


def _zero_state(cell, rows, dtype):
    if dtype is None:
        raise UsageError(explain("rnn: without initial_state, dtype is needed"))
    known = rows.shape.as_list()[1]
    batch = _shape(rows)[1] if known is None else known
    if hasattr(cell, "zero_state"):
        return cell.zero_state(batch, dtype)
    return pack(cell.state_size, [zeros_of(batch, n, dtype) for n in leaves(cell.state_size)])


def bidirectional_dynamic_rnn(cell_fw, cell_bw, inputs, sequence_length=None, initial_state_fw=None,
                              initial_state_bw=None, dtype=None, parallel_iterations=None, swap_memory=False,
                              time_major=False, scope=None) -> tuple:  # fmt: skip
    """``dynamic_rnn`` in both directions: both outputs ``(forwards, backwards)``, and both last states.

    The outputs are in the places of their rows. See ``dynamic_rnn`` for the arguments.
    """
    with variable_scope(scope or "bidirectional_rnn"):
        ahead = _run(cell_fw, inputs, sequence_length, initial_state_fw, dtype, time_major, "fw", False)
        back = _run(cell_bw, inputs, sequence_length, initial_state_bw, dtype, time_major, "bw", True)
    return (ahead[0], back[0]), (ahead[1], back[1])


def static_rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None) -> tuple:
    """``dynamic_rnn`` over a list of rows [batch, ...]; the outputs are a list too.

    Raises:
        UsageError: no rows.
    """
    if dtype is None and initial_state is None:
        dtype = leaves(inputs)[0].dtype if inputs else None
    outputs, state = _run(cell, _rows(inputs), sequence_length, initial_state, dtype, True, scope or "rnn", False)
    return _listed(outputs, len(inputs)), state


def _rows(inputs):
    """A list of rows as one tensor, or as a structure of them."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise UsageError(explain("static_rnn: inputs must be a list of rows that is not empty"))
    return pack(inputs[0], [_stack(list(parts)) for parts in zip(*map(leaves, inputs))])


def _listed(outputs, count: int) -> list:
    parts = [_unstack(x, count) for x in leaves(outputs)]
    return [pack(outputs, [part[k] for part in parts]) for k in range(count)]


def static_bidirectional_rnn(cell_fw, cell_bw, inputs, initial_state_fw=None, initial_state_bw=None, dtype=None,
                             sequence_length=None, scope=None) -> tuple:  # fmt: skip
    """``static_rnn`` in both directions: outputs joined along the last axis, and both last states."""
    rows = _rows(inputs)
    with variable_scope(scope or "bidirectional_rnn"):
        ahead = _run(cell_fw, rows, sequence_length, initial_state_fw, dtype, True, "fw", False)
        back = _run(cell_bw, rows, sequence_length, initial_state_bw, dtype, True, "bw", True)
    joined = map_structure(lambda x, y: _concat([x, y], -1), ahead[0], back[0])
    return _listed(joined, len(inputs)), ahead[1], back[1]
