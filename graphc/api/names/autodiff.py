"""Names of variables, tapes and derivatives."""

from graphc.api.tape import ForwardAccumulator, GradientTape, UnconnectedGradients
from graphc.api.variable import Variable

FUNCTIONS = {
    "GradientTape": GradientTape,
    "autodiff.GradientTape": GradientTape,
    "autodiff.ForwardAccumulator": ForwardAccumulator,
    "UnconnectedGradients": UnconnectedGradients,
    "Variable": Variable,
}
