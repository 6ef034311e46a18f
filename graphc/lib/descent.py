"""Update rules of optimizers: from a gradient, a variable and what is kept beside it to their new values.

A rule is a function ``rule(grad, rate, step, var, *kept, **numbers)`` of Nodes. ``rate`` and ``step``, the number of
the update counted from 1, are scalars of the variable's dtype; ``numbers`` are Python numbers. It answers with a list:
the new value of the variable, and of everything kept.
"""

from __future__ import annotations

from graphc.ir.node import Node
from graphc.lib import linalg, math, shape
from graphc.lib.index import scatter
from graphc.lib.reduction import reduce_mean, reduce_sum

add, sub, mul, div, root = math.add, math.subtract, math.multiply, math.divide, math.sqrt


def toward(old: Node, new: Node, weight) -> Node:
    """The running mean ``old`` moved by the part ``weight`` of the way to ``new``."""
    return add(old, mul(sub(new, old), weight))


def mixed(old: Node, new: Node, keep) -> Node:
    """``keep * old + (1 - keep) * new``."""
    return add(mul(keep, old), mul(sub(1, keep) if isinstance(keep, Node) else 1 - keep, new))


def power(base: float, step: Node) -> Node:
    """A number to the power of the number of updates."""
    return math.pow(math.full_like(step, base), step)


def descend(grad, rate, step, var) -> list[Node]:
    """Plain steps along the gradient."""
    return [sub(var, mul(grad, rate))]


def descend_rows(rows, indices, rate, var) -> list[Node]:
    """Plain steps of some rows; those of equal indices add up."""
    return [scatter(var, indices, math.negative(mul(rows, rate)), "add")]


def with_momentum(grad, rate, step, var, kept, momentum, nesterov) -> list[Node]:
    """Steps that keep a part of the step before; ``nesterov``: the gradient is taken to be that after it."""
    kept = sub(mul(kept, momentum), mul(grad, rate))
    moved = sub(mul(kept, momentum), mul(grad, rate)) if nesterov else kept
    return [add(var, moved), kept]


def rms_prop(grad, rate, step, var, squares, *others, rho, momentum, epsilon, centered) -> list[Node]:
    """Gradients divided by a running root mean square. ``others``: the momentum if there is one, then the mean."""
    others = list(others)
    squares = mixed(squares, math.square(grad), rho)
    spread = squares
    if centered:
        others[-1] = mixed(others[-1], grad, rho)
        spread = sub(squares, math.square(others[-1]))
    moved = div(mul(rate, grad), root(add(spread, epsilon)))
    if momentum > 0:
        moved = others[0] = add(mul(momentum, others[0]), moved)
    return [sub(var, moved), squares, *others]


def adam_step(grad, scale, var, mean, squares, beta_1, beta_2, epsilon) -> list[Node]:
    """One step of Adam, ``scale`` being the rate corrected for the start of the running means at zero."""
    mean = toward(mean, grad, 1 - beta_1)
    squares = toward(squares, mul(grad, grad), 1 - beta_2)
    return [sub(var, div(mul(mean, scale), add(root(squares), epsilon))), mean, squares]


def adam(grad, rate, step, var, mean, squares, beta_1, beta_2, epsilon) -> list[Node]:
    """Running means of gradients over the root of running means of their squares."""
    return adam_step(grad, _corrected(rate, step, beta_1, beta_2), var, mean, squares, beta_1, beta_2, epsilon)


def adam_at(grad, rate, step, var, mean, squares, beta_1, beta_2, epsilon, ratio) -> list[Node]:
    """Adam at a part of the rate."""
    return adam(grad, rate if ratio == 1 else mul(rate, ratio), step, var, mean, squares, beta_1, beta_2, epsilon)


def ams_grad(grad, rate, step, var, mean, squares, greatest, beta_1, beta_2, epsilon) -> list[Node]:
    """Adam with the greatest running mean of squares so far."""
    scale = _corrected(rate, step, beta_1, beta_2)
    mean = toward(mean, grad, 1 - beta_1)
    squares = toward(squares, mul(grad, grad), 1 - beta_2)
    greatest = math.maximum(greatest, squares)
    return [sub(var, div(mul(mean, scale), add(root(greatest), epsilon))), mean, squares, greatest]


def _corrected(rate, step, beta_1, beta_2) -> Node:
    return div(mul(rate, root(sub(1, power(beta_2, step)))), sub(1, power(beta_1, step)))


def adamax(grad, rate, step, var, mean, norm, beta_1, beta_2, epsilon) -> list[Node]:
    """Adam with the greatest gradient, slowly forgotten, instead of the mean of squares."""
    mean = toward(mean, grad, 1 - beta_1)
    norm = math.maximum(mul(beta_2, norm), math.abs(grad))
    moved = div(mul(rate, mean), mul(sub(1, power(beta_1, step)), add(norm, epsilon)))
    return [sub(var, moved), mean, norm]


def nadam(grad, rate, step, var, mean, squares, product, beta_1, beta_2, epsilon) -> list[Node]:
    """Adam with Nesterov's look ahead; ``product`` is that of all momentums so far, shared by all variables."""
    here, ahead = nadam_momentum(step, beta_1), nadam_momentum(add(step, 1), beta_1)
    product = math.cast(product, var.dtype)
    mean = toward(mean, grad, 1 - beta_1)
    squares = toward(squares, math.square(grad), 1 - beta_2)
    expected = div(mul(ahead, mean), sub(1, mul(product, ahead)))
    expected = add(expected, div(mul(sub(1, here), grad), sub(1, product)))
    spread = div(squares, sub(1, power(beta_2, step)))
    return [sub(var, div(mul(expected, rate), add(root(spread), epsilon))), mean, squares]


def nadam_momentum(step: Node, beta_1: float) -> Node:
    """The momentum of a step of Nadam."""
    return mul(beta_1, sub(1, mul(0.5, power(0.96, step))))


def lamb(grad, rate, step, var, mean, squares, beta_1, beta_2, epsilon) -> list[Node]:
    """Adam whose steps are as long as the variable is."""
    mean = toward(mean, grad, 1 - beta_1)
    squares = toward(squares, math.square(grad), 1 - beta_2)
    spread = add(root(div(squares, sub(1, power(beta_2, step)))), epsilon)
    moved = div(div(mean, sub(1, power(beta_1, step))), spread)
    own, wanted = (root(reduce_sum(math.square(x))) for x in (var, moved))
    one = math.full_like(own, 1)
    both = math.logical_and(math.greater(own, 0), math.greater(wanted, 0))
    ratio = math.where(both, div(own, math.where(both, wanted, one)), one)
    return [sub(var, mul(mul(ratio, rate), moved)), mean, squares]


def adagrad(grad, rate, step, var, total, epsilon) -> list[Node]:
    """Gradients divided by the root of the sum of all their squares."""
    total = add(total, math.square(grad))
    return [sub(var, div(mul(rate, grad), root(add(total, epsilon)))), total]


def adadelta(grad, rate, step, var, squares, moves, rho, epsilon) -> list[Node]:
    """Steps in units of the running size of earlier steps."""
    squares = mixed(squares, math.square(grad), rho)
    moved = math.negative(div(mul(root(add(moves, epsilon)), grad), root(add(squares, epsilon))))
    return [add(var, mul(rate, moved)), squares, mixed(moves, math.square(moved), rho)]


def lion(grad, rate, step, var, mean, beta_1, beta_2) -> list[Node]:
    """Steps of one size along the sign of a running mean."""
    moved = math.sign(add(mul(mean, beta_1), mul(grad, 1 - beta_1)))
    return [sub(var, mul(rate, moved)), add(mul(mean, beta_2), mul(grad, 1 - beta_2))]


def ftrl(grad, rate, step, var, total, linear, learning_rate_power, l1, l2, l2_shrinkage, beta) -> list[Node]:
    """Follow the regularised leader."""
    weight = add(div(math.full_like(rate, beta), mul(2, rate)), l2) if beta else math.full_like(rate, l2)
    pull = add(grad, mul(2 * l2_shrinkage, var)) if l2_shrinkage else grad
    new_total = add(total, math.square(grad))
    new, old = (_to_power(x, -learning_rate_power) for x in (new_total, total))
    linear = add(linear, sub(pull, mul(div(sub(new, old), rate), var)))
    scale = add(div(new, rate), mul(2, weight))
    limited = math.clip_by_value(linear, -l1, l1)
    return [div(sub(limited, linear), scale), new_total, linear]


def _to_power(x: Node, exponent: float) -> Node:
    return root(x) if exponent == 0.5 else math.pow(x, math.full_like(x, exponent))


def adafactor(grad, rate, step, var, *kept, beta_2_decay, epsilon_1, epsilon_2, clip_threshold, relative) -> list[Node]:
    """Adam's scaling from the means of rows and columns; ``kept``: these two, for matrices, and the scaling."""
    rate = math.minimum(rate, div(1, root(step))) if relative else rate
    size = mul(math.maximum(_root_mean(var), epsilon_2), math.minimum(rate, div(1, root(step))))
    squares = add(math.square(grad), epsilon_1)
    keep = sub(1, math.pow(step, math.full_like(step, beta_2_decay)))
    if len(var.shape) < 2:
        kept = [mixed(kept[-1], squares, keep)]
    else:
        rows, columns = (mixed(kept[k], reduce_mean(squares, axis), keep) for k, axis in ((0, -1), (1, -2)))
        share = shape.expand_dims(div(rows, reduce_mean(rows, -1, True)), -1)
        kept = [rows, columns, mul(share, shape.expand_dims(columns, -2))]
    moved = div(grad, root(kept[-1]))
    moved = div(moved, math.maximum(div(_root_mean(moved), clip_threshold), 1))
    return [sub(var, mul(size, moved)), *kept]


def _root_mean(x: Node) -> Node:
    return root(reduce_mean(math.square(x)))


def muon(grad, rate, step, var, kept, momentum, nesterov, factors, turns, rms_rate) -> list[Node]:
    """Momentum made orthogonal by ``turns`` steps of Newton and Schulz with three ``factors``."""
    kept = add(kept, add(grad, mul(kept, momentum - 1)))
    moved = mul(rate, _orthogonal(add(grad, mul(momentum, kept)) if nesterov else kept, factors, turns))
    if rms_rate is not None:
        moved = mul(mul(moved, float(max(moved.shape)) ** 0.5), rms_rate)
    return [sub(var, moved), kept]


def _orthogonal(x: Node, factors: tuple, turns: int) -> Node:
    a, b, c = factors
    is_tall = x.shape[-2] > x.shape[-1]
    x = linalg.matrix_transpose(x) if is_tall else x
    x = div(x, add(root(reduce_sum(math.square(x), (-2, -1), True)), 1e-7))
    for _ in range(turns):
        y = linalg.matmul(x, x, transpose_b=True)
        x = add(mul(a, x), linalg.matmul(add(mul(b, y), linalg.matmul(mul(c, y), y)), x))
    return linalg.matrix_transpose(x) if is_tall else x


def schedule_free(grad, rate, step, var, mean, squares, beta_1, beta_2, epsilon, warmup_steps) -> list[Node]:
    """Adam around an average of all values so far instead of a falling rate."""
    if warmup_steps > 0:
        rate = mul(rate, math.minimum(div(step, float(warmup_steps)), 1))
    squares = toward(squares, math.square(grad), 1 - beta_2)
    spread = add(root(div(squares, sub(1, power(beta_2, step)))), epsilon)
    mean = sub(mean, div(mul(rate, grad), spread))
    before = div(sub(var, mul(1 - beta_1, mean)), beta_1)  # of the new mean, as TensorFlow computes it
    weight = div(1, step)
    average = add(mul(sub(1, weight), before), mul(weight, mean))
    return [add(mul(1 - beta_1, mean), mul(beta_1, average)), mean, squares]
