"""Names of variables, tapes and derivatives."""

from graphc.api.check import check_gradients, compute_gradient
from graphc.api.custom_gradient import custom_gradient, grad_pass_through
from graphc.api.tape import ForwardAccumulator, GradientTape, UnconnectedGradients
from graphc.api.variable import Variable

FUNCTIONS = {
    "GradientTape": GradientTape,
    "autodiff.GradientTape": GradientTape,
    "autodiff.ForwardAccumulator": ForwardAccumulator,
    "UnconnectedGradients": UnconnectedGradients,
    "Variable": Variable,
    "check_gradients": check_gradients,
    "test.compute_gradient": compute_gradient,
    "custom_gradient": custom_gradient,
    "grad_pass_through": grad_pass_through,
}
