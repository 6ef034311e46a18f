"""TensorFlow's arithmetic, comparisons, reductions and bits: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import bits, math, reduction

_ARITHMETIC = (
    Op("math.add add", "AddV2", math.add, "x y", "Add"),
    Op("math.subtract subtract", "Sub", math.subtract, "x y"),
    Op("math.multiply multiply", "Mul", math.multiply, "x y"),
    Op("math.divide divide", "RealDiv", math.divide, "x y", "truediv"),
    Op("math.truediv truediv", "RealDiv", math.truediv, "x y", "truediv"),
    Op("realdiv", "RealDiv", math.realdiv, "x y"),
    Op("math.floordiv", "FloorDiv", math.floordiv, "x y", "floordiv"),
    Op("math.floormod math.mod", "FloorMod", math.floormod, "x y"),
    Op("truncatediv", "TruncateDiv", math.truncatediv, "x y"),
    Op("truncatemod", "TruncateMod", math.truncatemod, "x y"),
    Op("math.divide_no_nan", "DivNoNan", math.divide_no_nan, "x y", "div_no_nan"),
    Op("math.multiply_no_nan", "MulNoNan", math.multiply_no_nan, "x y", "multiply_no_nan"),
    Op("math.reciprocal_no_nan", "DivNoNan", math.reciprocal_no_nan, "x", "reciprocal_no_nan"),
    Op("math.xdivy", "Xdivy", math.xdivy, "x y", "xdivy"),
    Op("math.xlogy", "Xlogy", math.xlogy, "x y"),
    Op("math.xlog1py", "Xlog1py", math.xlog1py, "x y", "xlog1py"),
    Op("math.pow pow", "Pow", math.pow, "x y"),
    Op("math.maximum maximum", "Maximum", math.maximum, "x y"),
    Op("math.minimum minimum", "Minimum", math.minimum, "x y"),
    Op("math.squared_difference", "SquaredDifference", math.squared_difference, "x y"),
    Op("math.scalar_mul scalar_mul", "Mul", math.scalar_mul, "x"),
    Op("math.polyval", "Polyval", math.polyval, "*coeffs x", "polyval"),
    Op("math.add_n add_n", "AddN", math.add_n, "*inputs"),
    Op("math.accumulate_n", "AddN", math.accumulate_n, "*inputs"),
    Op("math.nextafter", "NextAfter", bits.nextafter, "x1 x2"),
)

_ELEMENTWISE = (
    Op("math.abs abs", "Abs", math.abs, "x"),
    Op("math.negative negative", "Neg", math.negative, "x"),
    Op("math.sign sign", "Sign", math.sign, "x"),
    Op("math.floor floor", "Floor", math.floor, "x"),
    Op("math.ceil", "Ceil", math.ceil, "x"),
    Op("math.rint", "Rint", math.rint, "x"),
    Op("math.round round", "Round", math.round, "x"),
    Op("math.reciprocal", "Reciprocal", math.reciprocal, "x"),
    Op("math.square square", "Square", math.square, "x"),
    Op("math.sqrt sqrt", "Sqrt", math.sqrt, "x"),
    Op("math.rsqrt", "Rsqrt", math.rsqrt, "x"),
    Op("math.exp exp", "Exp", math.exp, "x"),
    Op("math.expm1", "Expm1", math.expm1, "x"),
    Op("math.log", "Log", math.log, "x"),
    Op("math.log1p", "Log1p", math.log1p, "x"),
    Op("math.sin sin", "Sin", math.sin, "x"),
    Op("math.cos cos", "Cos", math.cos, "x"),
    Op("math.tan tan", "Tan", math.tan, "x"),
    Op("math.asin asin", "Asin", math.asin, "x"),
    Op("math.acos acos", "Acos", math.acos, "x"),
    Op("math.atan atan", "Atan", math.atan, "x"),
    Op("math.atan2 atan2", "Atan2", math.atan2, "y x"),
    Op("math.sinh sinh", "Sinh", math.sinh, "x"),
    Op("math.cosh cosh", "Cosh", math.cosh, "x"),
    Op("math.tanh nn.tanh tanh", "Tanh", math.tanh, "x"),
    Op("math.asinh asinh", "Asinh", math.asinh, "x"),
    Op("math.acosh acosh", "Acosh", math.acosh, "x"),
    Op("math.atanh atanh", "Atanh", math.atanh, "x"),
    Op("math.sigmoid nn.sigmoid sigmoid", "Sigmoid", math.sigmoid, "x"),
)

_COMPARISONS = (
    Op("math.equal equal", "Equal", math.equal, "x y"),
    Op("math.not_equal not_equal", "NotEqual", math.not_equal, "x y"),
    Op("math.less less", "Less", math.less, "x y"),
    Op("math.less_equal less_equal", "LessEqual", math.less_equal, "x y"),
    Op("math.greater greater", "Greater", math.greater, "x y"),
    Op("math.greater_equal greater_equal", "GreaterEqual", math.greater_equal, "x y"),
    Op("math.logical_and logical_and", "LogicalAnd", math.logical_and, "x y"),
    Op("math.logical_or logical_or", "LogicalOr", math.logical_or, "x y"),
    Op("math.logical_xor", "LogicalXor", math.logical_xor, "x y"),
    Op("math.logical_not logical_not", "LogicalNot", math.logical_not, "x"),
    Op("math.is_nan", "IsNan", math.is_nan, "x"),
    Op("math.is_inf", "IsInf", math.is_inf, "x"),
    Op("math.is_finite", "IsFinite", math.is_finite, "x"),
    Op("math.is_non_decreasing", "IsNonDecreasing", reduction.is_non_decreasing, "x", "is_non_decreasing"),
    Op("math.is_strictly_increasing", "IsStrictlyIncreasing", reduction.is_strictly_increasing, "x",
       "is_strictly_increasing"),
)  # fmt: skip

_REDUCTIONS = (
    Op("math.reduce_sum reduce_sum", "Sum", reduction.reduce_sum, "input_tensor"),
    Op("math.reduce_prod reduce_prod", "Prod", reduction.reduce_prod, "input_tensor"),
    Op("math.reduce_max reduce_max", "Max", reduction.reduce_max, "input_tensor"),
    Op("math.reduce_min reduce_min", "Min", reduction.reduce_min, "input_tensor"),
    Op("math.reduce_mean reduce_mean", "Mean", reduction.reduce_mean, "input_tensor"),
    Op("math.reduce_all reduce_all", "All", reduction.reduce_all, "input_tensor"),
    Op("math.reduce_any reduce_any", "Any", reduction.reduce_any, "input_tensor"),
    Op("math.reduce_variance", "Variance", reduction.reduce_variance, "input_tensor", "reduce_variance"),
    Op("math.reduce_std", "Std", reduction.reduce_std, "input_tensor", "reduce_std"),
    Op("math.reduce_logsumexp reduce_logsumexp", "LogSumExp", reduction.reduce_logsumexp, "input_tensor",
       "ReduceLogSumExp"),
    Op("math.reduce_euclidean_norm", "EuclideanNorm", reduction.reduce_euclidean_norm, "input_tensor"),
    Op("math.count_nonzero", "CountNonzero", reduction.count_nonzero, "input", "count_nonzero"),
    Op("math.zero_fraction nn.zero_fraction", "ZeroFraction", reduction.zero_fraction, "value", "zero_fraction"),
    Op("math.argmax argmax", "ArgMax", reduction.argmax, "input"),
    Op("math.argmin argmin", "ArgMin", reduction.argmin, "input"),
    Op("math.cumsum cumsum", "Cumsum", reduction.cumsum, "x"),
    Op("math.cumprod", "Cumprod", reduction.cumprod, "x"),
    Op("math.cumulative_logsumexp", "CumulativeLogsumexp", reduction.cumulative_logsumexp, "x"),
    Op("linalg.global_norm", "GlobalNorm", reduction.global_norm, "*t_list", "global_norm"),
    Op("linalg.l2_normalize math.l2_normalize nn.l2_normalize", "L2Normalize", reduction.l2_normalize, "x",
       "l2_normalize", arguments="x axis epsilon name dim=axis"),
    Op("clip_by_norm", "ClipByNorm", reduction.clip_by_norm, "t", "clip_by_norm"),
    Op("clip_by_global_norm", "ClipByGlobalNorm", reduction.clip_by_global_norm, "*t_list",
       "clip_by_global_norm"),
)  # fmt: skip

_BITS = (
    Op("bitwise.bitwise_and", "BitwiseAnd", bits.bitwise_and, "x y"),
    Op("bitwise.bitwise_or", "BitwiseOr", bits.bitwise_or, "x y"),
    Op("bitwise.bitwise_xor", "BitwiseXor", bits.bitwise_xor, "x y"),
    Op("bitwise.invert", "Invert", bits.invert, "x"),
    Op("bitwise.left_shift", "LeftShift", bits.left_shift, "x y"),
    Op("bitwise.right_shift", "RightShift", bits.right_shift, "x y"),
    Op("bitcast", "Bitcast", bits.bitcast, "input"),
)

_VALUES = (
    Op("dtypes.cast cast", "Cast", math.cast, "x"),
    Op("dtypes.saturate_cast saturate_cast", "SaturateCast", math.saturate_cast, "value", "saturate_cast"),
    Op("identity", "Identity", math.identity, "input"),
    Op("identity_n", "IdentityN", math.identity_n, "*input"),
    Op("stop_gradient", "StopGradient", math.stop_gradient, "input"),
    Op("clip_by_value", "ClipByValue", math.clip_by_value, "t clip_value_min clip_value_max", "clip_by_value"),
)

ROWS = (*_ARITHMETIC, *_ELEMENTWISE, *_COMPARISONS, *_REDUCTIONS, *_BITS, *_VALUES)
