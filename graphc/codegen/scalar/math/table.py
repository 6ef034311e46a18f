"""The table from the name of a mathematical function to its kernel on f32 and f64."""

from __future__ import annotations

from graphc.codegen.scalar.math import exponential, logarithm, power, special, trigonometric

MATH = {
    "exp": exponential.exp, "exp_falling": exponential.exp_falling, "expm1": exponential.expm1,
    "sigmoid": exponential.sigmoid, "tanh": exponential.tanh, "sinh": exponential.sinh,
    "cosh": exponential.cosh, "log": logarithm.log, "log1p": logarithm.log1p,
    "asinh": logarithm.asinh, "acosh": logarithm.acosh, "atanh": logarithm.atanh, "sin": trigonometric.sin,
    "cos": trigonometric.cos, "tan": trigonometric.tan, "asin": trigonometric.asin, "acos": trigonometric.acos,
    "atan": trigonometric.atan, "atan2": trigonometric.atan2, "pow": power.power, "erf": special.erf,
    "erfinv": special.erfinv, "lgamma": special.lgamma, "digamma": special.digamma,
}
