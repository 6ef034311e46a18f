"""Optimizers and the global step: gradients become assignments."""

from __future__ import annotations

import numpy as np

from graphc.errors import GraphError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.v1 import ops
from graphc.v1.average import ExponentialMovingAverage  # noqa: F401  also found here
from graphc.v1.batches import (  # noqa: F401  also found here
    batch, batch_join, maybe_batch, maybe_batch_join, maybe_shuffle_batch, maybe_shuffle_batch_join, shuffle_batch,
    shuffle_batch_join,
)  # fmt: skip
from graphc.v1.control import group
from graphc.v1.coordinator import Coordinator, LooperThread  # noqa: F401  also found here
from graphc.v1.decay import (  # noqa: F401  also found here
    cosine_decay, exponential_decay, inverse_time_decay, natural_exp_decay, piecewise_constant, polynomial_decay,
)  # fmt: skip
from graphc.v1.gradients import gradients
from graphc.v1.graph import GraphKeys, get_default_graph
from graphc.v1.initializers import Zeros
from graphc.api.operators import Operators
from graphc.v1.producers import (  # noqa: F401  also found here
    input_producer, limit_epochs, match_filenames_once, range_input_producer, slice_input_producer, string_input_producer,
)  # fmt: skip
from graphc.v1 import queue_runner  # noqa: F401  also found here
from graphc.v1.queue_runner import QueueRunner, add_queue_runner, start_queue_runners  # noqa: F401  also found here
from graphc.v1.scope import get_variable
from graphc.v1.variables import Variable, trainable_variables


class Optimizer:
    """Changes variables along gradients; subclasses say how one variable is updated.

    Attributes:
        label: the name of slots and of the training operation.
        slots: names of the variables kept for each trained variable, with their initial value.
    """

    label = "Optimizer"
    slots: dict[str, float] = {}
    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2

    def __init__(self, learning_rate, use_locking: bool = False, name: str | None = None):
        self.learning_rate, self.name = learning_rate, name or self.label
        self._slots: dict[tuple, Variable] = {}
        self._beside: dict[str, Variable] = {}

    def minimize(self, loss, global_step=None, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                 colocate_gradients_with_ops=False, name=None, grad_loss=None):  # fmt: skip
        """An operation that takes one step towards a smaller ``loss``.

        Raises:
            GraphError: no variable has a gradient.
        """
        pairs = self.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        if all(g is None for g, _ in pairs):
            named = ", ".join(v.op.name for _, v in pairs) or "none"
            raise GraphError(explain(f"minimize: no gradient reaches any variable (variables: {named})"))
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(self, loss, var_list=None, gate_gradients=GATE_OP, aggregation_method=None,
                          colocate_gradients_with_ops=False, grad_loss=None) -> list:  # fmt: skip
        """Pairs of gradient (None where unconnected) and variable."""
        given = [var_list] if isinstance(var_list, Variable) else var_list
        variables = list(given) if given is not None else trainable_variables()
        if not variables:
            raise GraphError(explain("compute_gradients: there are no variables to optimize"))
        return list(zip(gradients(loss, variables, grad_loss), variables))

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """An operation that changes every variable by its gradient, then adds 1 to ``global_step``.

        Raises:
            GraphError: there is no gradient at all.
        """
        pairs = [(g, v) for g, v in _checked_pairs(grads_and_vars) if g is not None]
        if not pairs:
            raise GraphError(explain("apply_gradients: no gradients are given"))
        if global_step is not None and not isinstance(global_step, Variable):
            raise UsageError(explain(f"apply_gradients: global_step must be a variable, got {global_step!r}"))
        graph = pairs[0][1].graph
        with graph.control_dependencies(None):
            self._prepare(graph, pairs)
        with graph.name_scope(name or self.name) as scope:
            rate = self._number(self.learning_rate, dt.f32, "learning_rate")
            updates = []
            for g, v in pairs:
                with graph.name_scope(f"update_{v.op.name.replace('/', '_')}"):
                    updates += self._update(graph.convert(g, v.dtype), v, ops.cast(rate, v.dtype))
            updates += self._finish(updates)
            if global_step is None:
                return group(*updates, name=scope)
            with graph.control_dependencies([group(*updates, name="update")]):
                return group(global_step.assign_add(1), name=scope)

    def _prepare(self, graph, pairs) -> None:
        for slot, value in self.slots.items():
            for _, v in pairs:
                if (v, slot) not in self._slots:
                    self._slots[v, slot] = self._beside_variable(v, value)

    def _beside_variable(self, v: Variable, value: float) -> Variable:
        initial = self._slot_value(v, value)
        with v.graph.name_scope(None):
            return Variable(initial, trainable=False, name=f"{v.op.name}/{self.label}")

    def _slot_value(self, v: Variable, value: float):
        return ops.fill(v.type.shape, ops.constant(value, v.dtype))

    def _number(self, value, dtype, name):
        value = value() if callable(value) and not isinstance(value, Operators) else value
        if isinstance(value, Operators):
            return value
        if isinstance(value, (int, float, np.number)) or (isinstance(value, np.ndarray) and value.size == 1):
            return ops.constant(float(value), dtype, name=name)
        raise UsageError(explain(f"{self.label}: {name} must be a number or a tensor, got {value!r}"))

    def _scalar_variable(self, graph, value: float, name: str) -> Variable:
        with graph.name_scope(None):
            return Variable(value, trainable=False, name=name, dtype=dt.f32)

    def _update(self, g, v: Variable, rate) -> list:
        raise UsageError(explain(f"{self.label} does not say how to update a variable"))

    def _finish(self, updates) -> list:
        return []

    def slot(self, v: Variable, name: str) -> Variable:
        return self._slots[v, name]

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """The variable ``name`` that is kept for ``var``, or None."""
        return self._slots.get((var, name))

    def get_slot_names(self) -> list[str]:
        """Names of the variables kept for each trained variable."""
        return list(self.slots)

    def variables(self) -> list[Variable]:
        """All variables of the optimizer."""
        return [*self._slots.values(), *self._beside.values()]

    def get_name(self) -> str:
        return self.name


def _checked_pairs(grads_and_vars) -> list:
    """Pairs of gradient and variable.

    Raises:
        UsageError: something is no such pair. ShapeError: a gradient has another shape than its variable.
    """
    pairs = list(grads_and_vars)
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[1], Variable):
            raise UsageError(explain(f"apply_gradients: needs pairs of gradient and variable, got {pair!r}"))
        g, v = pair
        if isinstance(g, Operators) and not g.shape.is_compatible_with(v.shape):
            what = f"apply_gradients: the gradient of shape {g.shape} does not fit variable {v.op.name} of {v.type}"
            raise ShapeError(explain(what, [(v.op.name, f"is variable   {v.op.location}")]))
    return pairs


class GradientDescentOptimizer(Optimizer):
    """``v -= rate * g``."""

    label = "GradientDescent"

    def _update(self, g, v, rate):
        return [v.assign_sub(rate * g)]


class MomentumOptimizer(Optimizer):
    """``m = momentum * m + g; v -= rate * m``; with Nesterov's step ``v -= rate * (g + momentum * m)``."""

    label, slots = "Momentum", {"momentum": 0.0}

    def __init__(self, learning_rate, momentum, use_locking=False, name=None, use_nesterov=False):
        super().__init__(learning_rate, use_locking, name)
        self.momentum, self.use_nesterov = momentum, use_nesterov

    def _update(self, g, v, rate):
        factor = ops.cast(self._number(self.momentum, dt.f32, "momentum"), v.dtype)
        m = self.slot(v, "momentum")
        moved = m.assign(m * factor + g)
        step = g + moved * factor if self.use_nesterov else moved
        return [v.assign_sub(rate * step)]


class AdagradOptimizer(Optimizer):
    """``a += g * g; v -= rate * g / sqrt(a)``."""

    label, slots = "Adagrad", {"accumulator": 0.1}

    def __init__(self, learning_rate, initial_accumulator_value=0.1, use_locking=False, name=None):
        if initial_accumulator_value <= 0:
            raise UsageError(
                explain(f"Adagrad: initial_accumulator_value must be positive, got {initial_accumulator_value}")
            )
        super().__init__(learning_rate, use_locking, name)
        self.slots = {"accumulator": initial_accumulator_value}

    def _update(self, g, v, rate):
        total = self.slot(v, "accumulator").assign_add(g * g)
        return [v.assign_sub(rate * g * ops.rsqrt(total))]


class AdadeltaOptimizer(Optimizer):
    """Steps in units of the running size of earlier steps."""

    label, slots = "Adadelta", {"accum": 0.0, "accum_update": 0.0}

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-8, use_locking=False, name=None):
        super().__init__(learning_rate, use_locking, name)
        self.rho, self.epsilon = rho, epsilon

    def _update(self, g, v, rate):
        accum, moved = self.slot(v, "accum"), self.slot(v, "accum_update")
        total = accum.assign(accum * self.rho + g * g * (1.0 - self.rho))
        step = ops.sqrt(moved + self.epsilon) * ops.rsqrt(total + self.epsilon) * g
        kept = moved.assign(moved * self.rho + step * step * (1.0 - self.rho))
        return [v.assign_sub(rate * step), kept]


class RMSPropOptimizer(Optimizer):
    """Gradients divided by a running root mean square, with momentum; ``centered`` takes away the running mean."""

    label, slots = "RMSProp", {"rms": 1.0, "momentum": 0.0}

    def __init__(
        self, learning_rate, decay=0.9, momentum=0.0, epsilon=1e-10, use_locking=False, centered=False, name=None
    ):
        super().__init__(learning_rate, use_locking, name)
        self.decay, self.momentum, self.epsilon, self.centered = decay, momentum, epsilon, centered
        if centered:
            self.slots = {"rms": 1.0, "mg": 0.0, "momentum": 0.0}

    def _update(self, g, v, rate):
        rms, m = self.slot(v, "rms"), self.slot(v, "momentum")
        squares = rms.assign(rms * self.decay + g * g * (1.0 - self.decay))
        spread = squares
        if self.centered:
            mg = self.slot(v, "mg")
            mean = mg.assign(mg * self.decay + g * (1.0 - self.decay))
            spread = squares - mean * mean
        step = m.assign(m * self.momentum + rate * g * ops.rsqrt(spread + self.epsilon))
        return [v.assign_sub(step)]


class AdamOptimizer(Optimizer):
    """Running means of gradients and of their squares, corrected for their start at zero."""

    label, slots = "Adam", {"m": 0.0, "v": 0.0}

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, use_locking=False, name=None):
        super().__init__(learning_rate, use_locking, name)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def _prepare(self, graph, pairs):
        super()._prepare(graph, pairs)
        for key, value in (("beta1_power", self.beta1), ("beta2_power", self.beta2)):
            if key not in self._beside:
                self._beside[key] = self._scalar_variable(graph, value, key)

    def _update(self, g, v, rate):
        m, s = self.slot(v, "m"), self.slot(v, "v")
        power1, power2 = (ops.cast(self._beside[k].value(), v.dtype) for k in ("beta1_power", "beta2_power"))
        corrected = rate * ops.sqrt(1.0 - power2) / (1.0 - power1)
        mean = m.assign(m + (g - m) * (1.0 - self.beta1))
        squares = s.assign(s + (g * g - s) * (1.0 - self.beta2))
        return [v.assign_sub(corrected * mean / (ops.sqrt(squares) + self.epsilon))]

    def _finish(self, updates):
        one, two = self._beside["beta1_power"], self._beside["beta2_power"]
        return [one.assign(one * self.beta1), two.assign(two * self.beta2)]


class FtrlOptimizer(Optimizer):
    """Follow the regularised leader."""

    label, slots = "Ftrl", {"accum": 0.1, "linear": 0.0}

    def __init__(self, learning_rate, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0, use_locking=False,
                 name=None):  # fmt: skip
        super().__init__(learning_rate, use_locking, name)
        self.power, self.l1, self.l2 = learning_rate_power, l1_regularization_strength, l2_regularization_strength
        self.slots = {"accum": initial_accumulator_value, "linear": 0.0}

    def _update(self, g, v, rate):
        accum, linear = self.slot(v, "accum"), self.slot(v, "linear")
        old, start = accum.value(), linear.value()
        total = old + g * g
        sigma = (ops.pow(total, -self.power) - ops.pow(old, -self.power)) / rate
        z = linear.assign(start + g - sigma * v)
        quadratic = ops.pow(total, -self.power) / rate + 2.0 * self.l2
        moved = ops.where(ops.abs(z) > self.l1, (ops.sign(z) * self.l1 - z) / quadratic, ops.zeros_like(z))
        return [v.assign(moved), accum.assign(total)]


# ----------------------------------------------------------------------------------------------- steps


def create_global_step(graph=None) -> Variable:
    """A new int64 variable ``global_step``.

    Raises:
        UsageError: there is one already.
    """
    graph = graph if graph is not None else get_default_graph()
    if get_global_step(graph) is not None:
        raise UsageError(explain("create_global_step: there is a global step already"))
    with graph.as_default():
        keys = [GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP]
        return get_variable("global_step", (), dt.i64, Zeros(), trainable=False, collections=keys)


def get_global_step(graph=None) -> Variable | None:
    """The graph's step counter, or None."""
    found = (graph if graph is not None else get_default_graph()).get_collection(GraphKeys.GLOBAL_STEP)
    return found[0] if found else None


def get_or_create_global_step(graph=None) -> Variable:
    """The graph's step counter, made if there is none."""
    found = get_global_step(graph)
    return found if found is not None else create_global_step(graph)


def global_step(sess, global_step_tensor) -> int:
    """The value of a step counter in a session."""
    return int(sess.run(global_step_tensor))


__all__ = [
    "AdadeltaOptimizer", "AdagradOptimizer", "AdamOptimizer", "ExponentialMovingAverage", "FtrlOptimizer",
    "GradientDescentOptimizer", "MomentumOptimizer", "Optimizer", "RMSPropOptimizer", "cosine_decay",
    "create_global_step", "exponential_decay", "get_global_step", "get_or_create_global_step", "global_step",
    "inverse_time_decay", "natural_exp_decay", "piecewise_constant", "polynomial_decay",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
