"""``graphc.gradients``: derivatives inside a function that is being traced, without a tape."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.api.operators import Operators
from graphc.api.recorder import RECORDERS
from graphc.api.structure import leaves
from graphc.api.tape import UnconnectedGradients
from graphc.api.tensor import Tensor
from graphc.autodiff import grad
from graphc.errors import StateError, UsageError, explain
from graphc.ir.graph import input_node, substitute
from graphc.ir.node import Node
from graphc.prims.dims import zeros


def gradients(ys, xs, grad_ys=None, name="gradients", gate_gradients=False, aggregation_method=None,
              stop_gradients=None, unconnected_gradients=UnconnectedGradients.NONE):  # fmt: skip
    """The gradients of the sum of ``ys`` by each of ``xs``, inside a function that is being traced.

    Args:
        ys, xs: tensors or lists of them; variables may be among ``xs``.
        grad_ys: gradients of ``ys``; ones where None.
        stop_gradients: tensors through which nothing flows.
        unconnected_gradients: ``UnconnectedGradients.ZERO`` for zeros where nothing connects, otherwise None is there.
        name, gate_gradients, aggregation_method: without effect.

    Returns:
        A list with a tensor of the shape of each of ``xs``.

    Raises:
        StateError: no function is being traced; a GradientTape serves everywhere.
        UsageError: ``grad_ys`` are not as many as ``ys``.
    """
    recorder = RECORDERS.top
    if recorder is None or not recorder.captures:
        what = "gradients is for functions that are being traced; use tf.GradientTape in eager code"
        raise StateError(explain(f"{what}, and graphc.v1.gradients in a graph"))
    targets, sources = [recorder.convert(y).node for y in leaves(ys)], leaves(xs)
    given = [None] * len(targets) if grad_ys is None else leaves(grad_ys)
    if len(given) != len(targets):
        raise UsageError(explain(f"gradients: {len(given)} grad_ys for {len(targets)} ys"))
    seeds = [None if g is None else recorder.convert(g, y.dtype).node for g, y in zip(given, targets)]
    stopped = [recorder.convert(t).node for t in leaves([] if stop_gradients is None else stop_gradients)]
    found = _derived(targets, [_place(recorder, x) for x in sources], seeds, stopped)
    if unconnected_gradients == UnconnectedGradients.ZERO:
        found = [zeros(x.type) if g is None else g for g, x in zip(found, sources)]
    return [None if g is None else Tensor(recorder, g) for g in found]


def _place(recorder, x: Operators) -> Node:
    return (recorder.convert(x) if isinstance(x, Tensor) else recorder.read_state(x)).node


def _derived(ys: Sequence[Node], xs: Sequence[Node], seeds: Sequence, stopped: Sequence[Node]) -> list[Node | None]:
    """The gradients; what is stopped stands for itself meanwhile."""
    stand_ins = {n: input_node(f"stopped{k}", n.type) for k, n in enumerate(stopped)}
    found = grad(substitute(ys, stand_ins), [stand_ins.get(x, x) for x in xs], seeds, unconnected=None)
    back = iter(substitute([g for g in found if g is not None], {s: n for n, s in stand_ins.items()}))
    return [None if g is None else next(back) for g in found]
