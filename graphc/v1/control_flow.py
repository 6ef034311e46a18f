"""TensorFlow 1's spellings of branches and loops."""

from __future__ import annotations

from graphc.api import tensor_array
from graphc.api.control import recompute_grad  # noqa: F401  also found here
from graphc.api.custom_gradient import grad_pass_through  # noqa: F401  also found here
from graphc.api.loops import Loops
from graphc.errors import UsageError, explain
from graphc.v1.graph import get_default_graph
from graphc.v1.mode import default_recorder, executing_eagerly

_LOOPS = Loops(get_default_graph)

map_fn, vectorized_map, scan = _LOOPS.map_fn, _LOOPS.vectorized_map, _LOOPS.scan
foldl, foldr = _LOOPS.foldl, _LOOPS.foldr
switch_case = _LOOPS.switch_case


class TensorArray(tensor_array.TensorArray):
    """An array of tensors that grows and is read element by element; see ``graphc.TensorArray``."""

    fallback = staticmethod(default_recorder)


def cond(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    """What ``true_fn()`` answers if ``pred`` is true, else what ``false_fn()`` answers; only one of them is run.

    Variables may be assigned inside, if the answer depends on that; an operation for an answer stands for True.
    Printing, assertions, queues and Python functions of the branch that is taken are all carried out, in the order in
    which they were made, whether or not the answer depends on them.

    Args:
        strict: keep an answer of one element a list; otherwise the element itself is returned.
        fn1, fn2: old names of ``true_fn`` and ``false_fn``.

    Raises:
        UsageError: a branch is missing or no function, or the structures differ.
        DtypeError, ShapeError: ``pred`` is no bool scalar, or the answers differ in type.
    """
    if (fn1 is not None and true_fn is not None) or (fn2 is not None and false_fn is not None):
        raise UsageError(explain("cond: true_fn and fn1 (false_fn and fn2) are the same; give one of them"))
    answer = _LOOPS.cond(pred, fn1 if true_fn is None else true_fn, fn2 if false_fn is None else false_fn, name)
    if not strict and isinstance(answer, (list, tuple)) and len(answer) == 1 and not hasattr(answer, "_fields"):
        return answer[0]
    return answer


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """What the function of the first true condition answers; if none is, ``default()`` or the last function."""
    return _LOOPS.case(pred_fn_pairs, default, exclusive, strict, name)


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True, swap_memory=False,
               name=None, maximum_iterations=None, return_same_structure=False):  # fmt: skip
    """``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)``; both are called once and become one loop.

    Loop variables keep their dtypes and shapes; TensorArrays may be among them. Variables may be assigned in ``body``,
    if its answer depends on that. Printing, assertions, queues and Python functions are carried out in every step,
    whether or not the answer depends on them; in ``cond`` once more than in ``body``.

    Args:
        maximum_iterations: stop after so many steps; a small number makes the gradient faster.
        return_same_structure: keep a single loop variable in its list, as always in eager mode.
        shape_invariants, parallel_iterations, back_prop, swap_memory: without effect.

    Raises:
        UsageError: the body answers with another structure.
        DtypeError, ShapeError: it changes the type of a loop variable, or the condition is no bool scalar.
    """
    found = _LOOPS.while_loop(cond, body, loop_vars, maximum_iterations=maximum_iterations, name=name)
    if return_same_structure or not isinstance(found, (list, tuple)) or len(found) != 1 or executing_eagerly():
        return found
    return found[0]
