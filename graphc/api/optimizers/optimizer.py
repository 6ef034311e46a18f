"""The optimizer: what all of them share; a subclass says by a rule or a method how one variable changes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from graphc.api.eager import eager
from graphc.api.operators import Operators
from graphc.api.optimizers import by_method
from graphc.api.optimizers.arguments import automatic_name, check_common, plain, plain_or_listed
from graphc.api.optimizers.pairs import check_variables, label, unzipped, with_gradients
from graphc.api.optimizers.rate import Rate
from graphc.api.optimizers.schedules import FormulaSchedule
from graphc.api.optimizers.state import State
from graphc.api.optimizers.step import DENSE, NONE, ROWS, Part, Step
from graphc.api.recorder import recorder_for
from graphc.api.sparse import IndexedSlices
from graphc.api.structure import leaves
from graphc.api.tape import GradientTape
from graphc.errors import UnimplementedError, UsageError, explain
from graphc.ir.node import Node
from graphc.lib import math

_PLANS_KEPT = 16  # for other variables, gradients or settings; all are forgotten when there are more


class Slot(NamedTuple):
    """What is kept beside each variable: its name, the attribute that lists it, and its initial value."""

    name: str
    attribute: str
    initial: float = 0.0


@dataclass(frozen=True, eq=False)
class Plan:
    """A step of certain variables.

    Attributes:
        changed: the variables that it changes, in the order of its results; they are its first operands.
        follows: the learning rate follows a schedule within the step; otherwise it is the next operand.
    """

    step: Step
    changed: tuple
    follows: bool


class Optimizer(Rate, State):
    """Changes variables along gradients.

    A subclass defines ``build(variables)``, which makes what it keeps beside them by ``add_optimizer_variables``, and
    ``update_step(gradient, variable, learning_rate)``, which assigns new values.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: the part of a variable that is taken away in each step, in units of the rate.
        clipnorm, clipvalue, global_clipnorm: the greatest length of each gradient, greatest element, or greatest length
            of all gradients together.
        use_ema: whether averages of the variables are kept; they keep ``ema_momentum`` of themselves in each step, and
            replace the variables every ``ema_overwrite_frequency`` steps.
        loss_scale_factor: what the loss was multiplied with; gradients are divided by it.
        gradient_accumulation_steps: the mean of the gradients of so many steps makes one update.
        name: the class's in lower case if None.

    Raises:
        UsageError: an argument is unknown or impossible.
    """

    _OWN: tuple[str, ...] = ()  # names of a subclass's own arguments
    _SETTINGS = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum",
                 "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps")  # fmt: skip

    def __init__(self, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
                 use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__()
        learning_rate = self._former_arguments(learning_rate, kwargs)
        self.weight_decay, self.clipnorm, self.clipvalue = weight_decay, clipnorm, clipvalue
        self.global_clipnorm, self.use_ema, self.ema_momentum = global_clipnorm, use_ema, ema_momentum
        self.ema_overwrite_frequency, self.loss_scale_factor = ema_overwrite_frequency, loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_common(type(self).__name__, self)
        self._check_rate(learning_rate)
        self.name = automatic_name(type(self)) if name is None else name
        self._trainable_variables: list = []
        self._trainable_variables_indices: dict[int, int] = {}
        self._not_decaying, self._not_decaying_names = frozenset(), None
        self._plans: dict[tuple, Plan] = {}
        self._iterations = self.add_variable((), dtype="int64", name="iteration")
        self._start_rate(learning_rate)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _restoring(cls.build)

    # ------------------------------------------------------------------------------------------- variables

    @property
    def iterations(self):
        """The number of updates so far: a variable; a tensor where gradients are accumulated."""
        turns = self.gradient_accumulation_steps
        return self._iterations // turns if turns else self._iterations

    def build(self, variables) -> None:
        """Make what is kept beside these variables.

        Raises:
            UsageError: something is no variable.
        """
        if self.built:
            return
        variables = list(variables)
        check_variables(variables)
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._trainable_variables_indices = {id(v): k for k, v in enumerate(variables)}
        self._trainable_variables = variables
        for group in self._slots():
            made = self.add_optimizer_variables(variables, [s.name for s in group], [s.initial for s in group])
            for slot, listed in zip(group, made):
                setattr(self, slot.attribute, listed)
        self.built = True
        self._restore_new()

    def _get_variable_index(self, variable) -> int:
        return self._trainable_variables_indices[id(variable)]

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        """Let weights not decay: of these variables, and of those in whose names one of the patterns is found."""
        self._not_decaying = frozenset(map(id, var_list or ()))
        self._not_decaying_names = re.compile("|".join(sorted(set(var_names)))) if var_names else None
        self._plans.clear()

    def _decay_of(self, variable) -> float | None:
        """The part of a variable that is taken away in each step, or None."""
        rate, names = self._decay_rate(variable), self._not_decaying_names
        if rate is None or id(variable) in self._not_decaying or (names is not None and names.search(variable.name)):
            return None
        return plain(rate)

    def _decay_rate(self, variable):
        return self.weight_decay

    def finalize_variable_values(self, var_list) -> None:
        """Give the variables the values of their averages, at the end of a training with ``use_ema``.

        Raises:
            UsageError: there are not as many variables as the optimizer has averages of.
        """
        if not self.use_ema:
            return
        variables, averages = list(var_list), getattr(self, "_model_variables_moving_average", [])
        if len(variables) != len(averages):
            what = f"finalize_variable_values: {len(variables)} variables, and averages of {len(averages)}"
            raise UsageError(explain(what))
        for variable, average in zip(variables, averages):
            variable.assign(average)

    # -------------------------------------------------------------------------------------------- training

    def minimize(self, loss, var_list=None, grad_loss=None, name=None, tape=None):
        """One step towards a smaller loss.

        Args:
            loss: a function without arguments that computes it, or a tensor, which needs ``tape``.
            var_list: variables or a function that lists them; all that the loss reads if None.
            grad_loss: the gradient of the loss to start from; ones if None.

        Returns:
            The number of steps, a variable.

        Raises:
            UsageError: the loss is neither, or no variable has a gradient.
        """
        return self.apply_gradients(self.compute_gradients(loss, var_list, grad_loss, tape))

    def compute_gradients(self, loss, var_list=None, grad_loss=None, tape=None) -> list[tuple]:
        """Pairs of gradient and variable for ``apply_gradients``; the arguments are those of ``minimize``."""
        if not callable(loss) or isinstance(loss, Operators):
            if tape is None:
                what = "minimize: loss is no function; a tensor needs tape=, the GradientTape that recorded it"
                raise UsageError(explain(what))
        else:
            tape = GradientTape() if tape is None else tape
            with tape:
                if var_list is not None and not callable(var_list):
                    tape.watch(list(leaves(var_list)))
                loss = loss()
        found = var_list() if callable(var_list) else var_list
        variables = list(tape.watched_variables()) if found is None else list(leaves(found))
        if not variables:
            raise UsageError(explain("minimize: the loss reads no trainable variable"))
        return list(zip(tape.gradient(loss, variables, grad_loss), variables))

    def apply_gradients(self, grads_and_vars, name=None, **kwargs):
        """Change every variable by its gradient; those without one (None) stay, with a warning.

        Args:
            grads_and_vars: pairs, such as ``zip(tape.gradient(loss, variables), variables)``.
            kwargs: what former versions took for training on several machines.

        Returns:
            The number of steps, a variable.

        Raises:
            UsageError: there are no gradients, or a variable is not among those that the optimizer was built with.
            ShapeError: a gradient does not fit. Nothing is changed then.
        """
        self.apply(*unzipped(grads_and_vars))
        return self._iterations

    def apply(self, grads, trainable_variables=None) -> None:
        """The same for a list of gradients and a list of variables: those of ``build`` if None."""
        grads = list(grads)
        if grads:
            self._apply_pairs(self._paired(grads, trainable_variables))

    def _paired(self, grads: list, variables) -> list[tuple]:
        """Pairs of gradient and variable, none of them None; the optimizer is built if it was not."""
        if variables is None and not self.built:
            what = "apply: needs the variables, or an optimizer that is built: call build(trainable_variables) first"
            raise UsageError(explain(what))
        variables = self._trainable_variables if variables is None else list(variables)
        known = self._trainable_variables_indices
        if not self.built or len(set(map(id, variables))) < len(variables):
            check_variables(variables)
        if self.built and any(id(v) not in known for v in variables):
            unknown = next(v for v in variables if id(v) not in known)
            name = label(unknown) if hasattr(unknown, "name") else repr(unknown)
            there = ", ".join(map(label, self._trainable_variables))
            what = f"optimizer {self.name}: unknown variable {name}"
            advice = "make a new optimizer for other variables, or build(all variables) at first"
            raise UsageError(explain(f"{what}; it was built with {there}; {advice}"))
        pairs = with_gradients(grads, variables)
        if not self.built:
            self.build(variables)
            self.built = True
        return pairs

    def _apply_pairs(self, pairs: list, guard: tuple = ()) -> None:
        """One step. ``guard``: the loss scale, the counter of finite steps, and how many of them double the scale."""
        if type(self).update_step is Optimizer.update_step:
            self._apply_rule(pairs, guard)
        else:
            by_method.apply(self, pairs, guard)
        for _, variable in pairs:
            constraint = getattr(variable, "constraint", None)
            if constraint is not None:
                variable.assign(constraint(variable))

    def _apply_rule(self, pairs: list, guard: tuple) -> None:
        """The whole step as one operation."""
        if self.use_ema:
            given = {id(v) for _, v in pairs}
            pairs = [*pairs, *[(None, v) for v in self._trainable_variables if id(v) not in given]]
        kinds = [NONE if g is None else ROWS if isinstance(g, IndexedSlices) else DENSE for g, _ in pairs]
        plan = self._plan([v for _, v in pairs], kinds, guard)
        operands = list(plan.changed) if plan.follows else [*plan.changed, self.learning_rate]
        for (gradient, variable), kind in zip(pairs, kinds):
            if kind is ROWS:
                operands += [gradient.values, gradient.indices]
            elif kind is DENSE:
                operands.append(gradient if isinstance(gradient, Operators) else _array(gradient, variable))
        recorder = recorder_for([x for x in operands if isinstance(x, Operators)], eager)
        labels = [f"operand_{k}" for k in range(len(operands))]
        made = recorder.call(type(self).__name__, self.name, plan.step, operands, labels, alike=False)
        for variable, new in zip(plan.changed, made):
            variable.assign(new)

    def _plan(self, variables: list, kinds: list[str], guard: tuple) -> Plan:
        """What a step does to these variables, as everything is set now; steps of one kind share it."""
        settings = [getattr(self, n) for n in self._SETTINGS] + [getattr(self, n) for n in self._OWN]
        schedule = self._schedule_recipe()
        key = (*map(id, variables), *kinds, *map(plain_or_listed, settings), schedule, *map(id, guard[:2]), *guard[2:])
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            plan = self._plans[key] = self._new_plan(variables, kinds, guard, schedule)
        return plan

    def _new_plan(self, variables: list, kinds: list[str], guard: tuple, schedule) -> Plan:
        changed = [self._iterations, *self._shared_variables(), *guard[:2]]
        parts = []
        for variable, kind in zip(variables, kinds):
            at = self._trainable_variables_indices[id(variable)]
            rule, numbers = self._rule(variable)
            kept = self._kept(variable, at)
            parts.append(Part(rule, numbers, len(kept), kind, self._decay_of(variable)))
            changed += [variable, *kept]
            changed += [self._model_variables_moving_average[at]] if self.use_ema else []
            changed += [self._accumulated_gradients[at]] if self.gradient_accumulation_steps else []
        step = self._step(tuple(parts), schedule, guard[2] if guard else None)
        return Plan(step, tuple(changed), schedule is not None)

    def _step(self, parts: tuple[Part, ...], schedule, growth: int | None) -> Step:
        """All that decides what a step computes, as it is set now."""
        return Step(
            parts,
            schedule,
            product=self._shared_momentum(),
            scale=None if growth is not None else plain(self.loss_scale_factor),
            clip=self._clip(),
            turns=self.gradient_accumulation_steps or None,
            average=plain(self.ema_momentum) if self.use_ema else None,
            overwrite=self.ema_overwrite_frequency if self.use_ema else None,
            growth=growth,
        )

    def _clip(self) -> tuple | None:
        for kind, limit in (("norm", self.clipnorm), ("global", self.global_clipnorm), ("value", self.clipvalue)):
            if limit and limit > 0:
                return kind, float(limit)
        return None

    def _schedule_recipe(self) -> tuple | None:
        rate = self._learning_rate
        return rate.recipe if isinstance(rate, FormulaSchedule) else None

    def scale_loss(self, loss):
        """The loss times ``loss_scale_factor``, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # ------------------------------------------------------------------------------- what subclasses define

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Change one variable by its gradient."""
        rule, numbers = self._rule(variable)
        at, shared = self._trainable_variables_indices[id(variable)], self._shared_variables()
        kept = [*self._kept(variable, at), *shared]
        gradient = gradient.as_tensor() if isinstance(gradient, IndexedSlices) else gradient
        operands = [self.iterations, learning_rate, gradient, variable, *kept]
        labels = [f"operand_{k}" for k in range(len(operands))]
        recorder = recorder_for([x for x in operands if isinstance(x, Operators)], eager)
        made = recorder.call(type(self).__name__, self.name, _Update(rule, numbers), operands, labels, alike=False)
        for v, new in zip([variable, *kept], made if isinstance(made, list) else [made]):
            v.assign(new)

    def _rule(self, variable) -> tuple[Callable, tuple]:
        """The rule of ``graphc.lib.descent`` for a variable, and the numbers that it takes."""
        what = f"{type(self).__name__} must define update_step(self, gradient, variable, learning_rate)"
        raise UnimplementedError(explain(what))

    def _slots(self) -> tuple[tuple[Slot, ...], ...]:
        """What is kept beside every variable, in groups: those of a group are made together for each variable."""
        return ()

    def _kept(self, variable, at: int) -> list:
        """The variables that the rule takes for the variable number ``at``."""
        return [getattr(self, slot.attribute)[at] for group in self._slots() for slot in group]

    def _shared_variables(self) -> list:
        """The variable that all updates share, where there is one."""
        return []

    def _shared_momentum(self) -> float | None:
        """The momentum whose product over all steps is that variable."""
        return None

    def _numbers(self, *names: str) -> tuple:
        return tuple([(name, plain(getattr(self, name))) for name in names])

    def assign(self, variable, value) -> None:
        """Give a variable a new value."""
        variable.assign(value)

    def assign_add(self, variable, value) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable, value) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    # --------------------------------------------------------------------------------------- configuration

    def get_config(self) -> dict:
        """The arguments from which ``from_config`` makes such an optimizer, without its variables."""
        config = {"name": self.name, "learning_rate": self._rate_as_data()}
        return {**config, **{n: getattr(self, n) for n in (*self._SETTINGS, *self._OWN)}}

    @classmethod
    def from_config(cls, config: dict, custom_objects=None):
        """An optimizer from what ``get_config`` answered."""
        return cls(**cls._with_rate(config, custom_objects))

    def __repr__(self):
        return f"<tf.optimizers.{type(self).__name__} {self.name!r}>"


@dataclass(frozen=True)
class _Update:
    """The Nodes of one variable's update: of the number of steps, the rate, the gradient and all that changes."""

    rule: Callable
    numbers: tuple

    @property
    def key(self) -> _Update:
        return self

    def __call__(self, done: Node, rate: Node, gradient: Node, var: Node, *kept: Node) -> list[Node]:
        number, rate, gradient = (math.cast(x, var.dtype) for x in (math.add(done, 1), rate, gradient))
        return self.rule(gradient, rate, number, var, *kept, **dict(self.numbers))


def _restoring(build: Callable) -> Callable:
    """A subclass's ``build``, after which new variables take part in a restoration that came before."""

    @functools.wraps(build)
    def restoring(self, *args, **kwargs):
        build(self, *args, **kwargs)
        self._restore_new()

    return restoring


def _array(gradient, variable) -> np.ndarray:
    return np.asarray(gradient, dtype=variable.dtype.numpy)
