"""``tf.nn.raw_rnn``: a cell in a loop whose inputs and end a function decides in every step."""

from __future__ import annotations

from collections.abc import Callable

from graphc.api.operators import Operators
from graphc.api.structure import leaves, map_structure, pack
from graphc.api.tensor_array import TensorArray
from graphc.errors import DtypeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.control_flow import while_loop
from graphc.v1.rnn import expect_cell
from graphc.v1.scope import variable_scope


def raw_rnn(cell, loop_fn: Callable, parallel_iterations=None, swap_memory=False, scope=None) -> tuple:
    """A recurrent network that decides by itself what its inputs are and when it ends.

    Args:
        cell: an RNNCell.
        loop_fn: ``(time, cell_output, cell_state, loop_state)`` -> ``(finished, next_input, next_cell_state,
            emit_output, next_loop_state)``. It is called twice: first at time 0 with None for the other three, where it
            answers with the first input and state and an example of an output (without the batch axis; None: as the
            cell's); then for any later time. ``finished`` is bool [batch]: finished rows emit 0 and keep their state.
            ``loop_state`` may be None, or a structure of tensors and TensorArrays.
        parallel_iterations, swap_memory: without effect.

    Returns:
        TensorArrays of the outputs in the structure of ``emit_output``, the last state, and the last loop state.

    Raises:
        UsageError: the cell or ``loop_fn`` is no function, or it does not answer with five values.
        DtypeError, ShapeError: the answers do not fit together.
    """
    expect_cell(cell)
    if not callable(loop_fn):
        raise UsageError(explain(f"raw_rnn: loop_fn must be a function, got {loop_fn!r}"))
    with variable_scope(scope or "rnn"):
        time = ops.constant(0, dtype=dt.i32)
        finished, row, state, example, own = _answer(loop_fn(time, None, None, None))
        has_own = own is not None
        row, state = map_structure(ops.convert_to_tensor, row), map_structure(ops.convert_to_tensor, state)
        batch = leaves(row)[0].shape.as_list()[:1] if leaves(row)[0].shape.ndims else [None]
        emitted, shapes = _examples(cell, example, leaves(state)[0].dtype, batch)
        arrays = [TensorArray(kind, size=0, dynamic_size=True, element_shape=shape) for kind, shape in shapes]
        step = _Step(cell, loop_fn, emitted, shapes, has_own)
        first = [time, finished, row, arrays, state, own if has_own else 0]
        last = while_loop(lambda time, finished, *rest: ops.logical_not(ops.reduce_all(finished)), step, first)
        _, _, _, arrays, state, own = last
        return pack(emitted, iter(arrays)), state, own if has_own else None


def _answer(found) -> tuple:
    if not isinstance(found, (list, tuple)) or len(found) != 5:
        what = "raw_rnn: loop_fn must answer with (finished, next_input, next_cell_state, emit_output, next_loop_state)"
        raise UsageError(explain(f"{what}, got {found!r}"))
    finished, *rest = found
    finished = ops.convert_to_tensor(finished)
    if finished.dtype is not dt.b1:
        raise DtypeError(explain(f"raw_rnn: finished must be bool, not {finished.dtype.name}"))
    return (finished, *rest)


def _examples(cell, example, kind, batch: list) -> tuple:
    """The structure of the outputs, and dtype and shape of each for all rows of the batch."""
    if example is None:
        sizes = [getattr(n, "as_list", lambda n=n: [n])() for n in leaves(cell.output_size)]
        return cell.output_size, [(kind, [*batch, *size]) for size in sizes]
    values = map_structure(ops.convert_to_tensor, example)
    return values, [(v.dtype, None if v.shape.ndims is None else [*batch, *v.shape.as_list()]) for v in leaves(values)]


class _Step:
    """One step of the loop."""

    def __init__(self, cell, loop_fn: Callable, emitted, shapes: list, has_own: bool):
        self._cell, self._loop_fn, self._emitted, self._shapes = cell, loop_fn, emitted, shapes
        self._has_own = has_own

    def __call__(self, time, finished, row, arrays, state, own):
        output, after = self._cell(row, state)
        later = time + 1
        answer = _answer(self._loop_fn(later, output, after, own if self._has_own else None))
        ends, row, after, emitted, new = answer
        emitted = output if emitted is None else emitted

        def kept(old, value):
            return _chosen(finished, old, value)

        state = pack(state, iter([kept(a, b) for a, b in zip(leaves(state), leaves(after))]))
        values = [ops.convert_to_tensor(v) for v in leaves(emitted)]
        written = [a.write(time, kept(ops.zeros_like(v), v)) for a, v in zip(arrays, values)]
        own = own if not self._has_own or new is None else new
        return [later, ops.logical_or(finished, ends), row, written, state, own]


def _chosen(finished, old, new):
    """``old`` in the rows that are finished; ``new`` as it is where it has no rows."""
    if isinstance(new, TensorArray) or (isinstance(new, Operators) and new.shape.ndims == 0):
        return new
    return ops.where(finished, old, new)
