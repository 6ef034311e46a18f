"""Gradients with eager evaluation: of a function that computes the loss."""

from __future__ import annotations

from graphc.api.operators import Operators
from graphc.api.tape import GradientTape
from graphc.errors import StateError, explain
from graphc.v1.optimizers.pairs import flat


def gradients_of_call(loss, var_list, grad_loss) -> list:
    """Pairs of gradient and variable; all trainable variables that the function uses where ``var_list`` is None.

    Raises:
        StateError: ``loss`` is no function.
    """
    if not callable(loss) or isinstance(loss, Operators):
        what = "compute_gradients: with eager evaluation, loss must be a function without arguments that computes it"
        raise StateError(explain(what))
    variables = None if var_list is None else list(flat(var_list))
    with GradientTape() as tape:
        if variables is not None:
            tape.watch(variables)
        value = loss()
    variables = list(tape.watched_variables()) if variables is None else variables
    return list(zip(tape.gradient(value, variables, grad_loss), variables))
