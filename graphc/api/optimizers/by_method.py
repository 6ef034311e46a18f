"""A step of an optimizer whose subclass says by ``update_step`` how a variable changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.api.operators import Operators
from graphc.api.optimizers.step import all_finite, clipped
from graphc.api.sparse import IndexedSlices
from graphc.lib import math
from graphc.lib import shape as lib_shape

_where = lift(Op("where", "SelectV2", math.where, "condition | x y"), eager)
_not_equal = lift(Op("not_equal", "NotEqual", math.not_equal, "x y"), eager)
_zeros = lift(Op("zeros_like", "ZerosLike", lib_shape.zeros_like, "input"), eager)
_cast = lift(Op("cast", "Cast", math.cast, "x"), eager)


_finite = lift(Op("all_finite", "AllFinite", all_finite, "*gradients"), eager)
_clip = lift(Op("clip_gradients", "ClipGradients", clipped, "*gradients"), eager)


def apply(optimizer, pairs: Sequence[tuple], guard: tuple = ()) -> None:
    """One step by the optimizer's method; ``guard`` as in ``Optimizer``."""
    grads = [g.as_tensor() if isinstance(g, IndexedSlices) else g for g, _ in pairs]
    grads = [g if isinstance(g, Operators) else eager().convert(g) for g in grads]
    variables = [v for _, v in pairs]
    if not guard:
        scale = optimizer.loss_scale_factor
        _unguarded(optimizer, grads if scale is None else [g / scale for g in grads], variables)
        return
    scale, counter, growth = guard
    finite = _finite(grads)
    every = [*variables, *optimizer.variables]
    only_if(finite, every, lambda: _unguarded(optimizer, [g / _cast(scale, g.dtype) for g in grads], variables))
    is_time = counter.value() == growth - 1
    scale.assign(_where(finite, _where(is_time, scale * 2.0, scale), scale * 0.5))
    goes_on = _where(is_time, counter * 0, counter + 1)
    counter.assign(_where(finite, goes_on, counter * 0))


def only_if(condition, variables: Sequence, action: Callable) -> None:
    """Do something that assigns to variables; they keep their values if the condition, a tensor, does not hold."""
    before = [v.value() for v in variables]
    action()
    for variable, old in zip(variables, before):
        new = variable.value()
        if new is not old:
            variable.assign(_where(condition, new, old))


def _unguarded(optimizer, grads: list, variables: list) -> None:
    turns = optimizer.gradient_accumulation_steps
    if turns:
        sums = [optimizer._accumulated_gradients[optimizer._get_variable_index(v)] for v in variables]
        totals = [g + s for g, s in zip(grads, sums)]
        is_update = (optimizer._iterations + 1) % turns == 0
        every = [*variables, *[v for v in optimizer.variables if not any(v is s for s in sums)]]
        only_if(is_update, every, lambda: _update(optimizer, [t / float(turns) for t in totals], variables))
        for total, s in zip(totals, sums):
            s.assign(_where(is_update, _zeros(total), total))
    else:
        _update(optimizer, grads, variables)
    if optimizer.use_ema:
        _average(optimizer)
    optimizer._iterations.assign_add(1)


def _update(optimizer, grads: list, variables: list) -> None:
    clip = optimizer._clip()
    grads = grads if clip is None else _clip(grads, *clip)
    rate = optimizer.learning_rate
    for variable in variables:
        decay = optimizer._decay_of(variable)
        if decay is not None:
            variable.assign_sub(variable * decay * _cast(rate, variable.dtype))
    for gradient, variable in zip(grads, variables):
        optimizer.update_step(gradient, variable, rate)


def _average(optimizer) -> None:
    done = optimizer.iterations
    every = optimizer.ema_overwrite_frequency
    is_time = (done + 1) % every == 0 if every else None
    for variable, average in zip(optimizer._trainable_variables, optimizer._model_variables_moving_average):
        keep = _cast(_not_equal(done, 0), variable.dtype) * optimizer.ema_momentum
        average.assign(average * keep + variable * (1.0 - keep))
        if every:
            variable.assign(_where(is_time, average, variable))
