"""Names of functions that are traced and compiled."""

from graphc.api.function import function, gradients, mode

FUNCTIONS = {
    "function": function.function,
    "gradients": gradients.gradients,
    "config.run_functions_eagerly": mode.run_functions_eagerly,
    "config.functions_run_eagerly": mode.functions_run_eagerly,
}
