"""TensorFlow 1's operations at the top of its namespace: one line each; old spellings live here and nowhere deeper."""

from __future__ import annotations

from graphc.errors import UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.type import Type
from graphc.ir.node import const
from graphc.lib import bits, diagonal, grid, index, linalg, math, order, reduction, segment, select, shape, special
from graphc.lib.promote import literal_array
from graphc.v1.define import DIMENSION, REDUCTION, construct, name_functions, op
from graphc.v1.graph import get_default_graph
from graphc.api.operators import Operators
from graphc.api.shape import TensorShape
from graphc.v1.tensor import Feed, Tensor

# ------------------------------------------------------------------------------------------ arithmetic

add = op("Add", math.add, "x y")
subtract = op("Sub", math.subtract, "x y")
multiply = op("Mul", math.multiply, "x y")
div = op("div", math.classic_div, "x y")
divide = op("RealDiv", math.divide, "x y", "truediv")
truediv = op("RealDiv", math.truediv, "x y", "truediv")
realdiv = op("RealDiv", math.truediv, "x y")
floordiv = op("FloorDiv", math.floordiv, "x y", "floordiv")
floor_div = op("FloorDiv", math.floordiv, "x y")
mod = op("FloorMod", math.floormod, "x y")
floormod = mod
truncatediv = op("TruncateDiv", math.truncatediv, "x y")
truncatemod = op("TruncateMod", math.truncatemod, "x y")
div_no_nan = op("DivNoNan", math.divide_no_nan, "x y", "div_no_nan")
multiply_no_nan = op("MulNoNan", math.multiply_no_nan, "x y", "multiply_no_nan")
pow = op("Pow", math.pow, "x y")  # noqa: A001  TensorFlow's name
maximum = op("Maximum", math.maximum, "x y")
minimum = op("Minimum", math.minimum, "x y")
squared_difference = op("SquaredDifference", math.squared_difference, "x y")
atan2 = op("Atan2", math.atan2, "x y")
xlogy = op("Xlogy", math.xlogy, "x y")
add_n = op("AddN", math.add_n, "*inputs")
scalar_mul = op("Mul", lambda scalar, x: math.multiply(scalar, x), "scalar x")

negative = op("Neg", math.negative, "x")
abs = op("Abs", math.abs, "x")  # noqa: A001
sign = op("Sign", math.sign, "x")
floor = op("Floor", math.floor, "x")
ceil = op("Ceil", math.ceil, "x")
round = op("Round", math.round, "x")  # noqa: A001
rint = op("Rint", math.rint, "x")
square = op("Square", math.square, "x")
sqrt = op("Sqrt", math.sqrt, "x")
rsqrt = op("Rsqrt", math.rsqrt, "x")
reciprocal = op("Reciprocal", math.reciprocal, "x")
exp = op("Exp", math.exp, "x")
expm1 = op("Expm1", math.expm1, "x")
log = op("Log", math.log, "x")
log1p = op("Log1p", math.log1p, "x")
sin, cos, tan = op("Sin", math.sin, "x"), op("Cos", math.cos, "x"), op("Tan", math.tan, "x")
asin, acos, atan = op("Asin", math.asin, "x"), op("Acos", math.acos, "x"), op("Atan", math.atan, "x")
sinh, cosh, tanh = op("Sinh", math.sinh, "x"), op("Cosh", math.cosh, "x"), op("Tanh", math.tanh, "x")
asinh, acosh, atanh = op("Asinh", math.asinh, "x"), op("Acosh", math.acosh, "x"), op("Atanh", math.atanh, "x")
sigmoid = op("Sigmoid", math.sigmoid, "x")
erf, erfc = op("Erf", math.erf, "x"), op("Erfc", special.erfc, "x")
erfinv = op("Erfinv", math.erfinv, "x")
lgamma, digamma = op("Lgamma", math.lgamma, "x"), op("Digamma", math.digamma, "x")

# ------------------------------------------------------------------------------- comparison and choice

equal, not_equal = op("Equal", math.equal, "x y"), op("NotEqual", math.not_equal, "x y")
less, less_equal = op("Less", math.less, "x y"), op("LessEqual", math.less_equal, "x y")
greater, greater_equal = op("Greater", math.greater, "x y"), op("GreaterEqual", math.greater_equal, "x y")
logical_and, logical_or = op("LogicalAnd", math.logical_and, "x y"), op("LogicalOr", math.logical_or, "x y")
logical_xor, logical_not = op("LogicalXor", math.logical_xor, "x y"), op("LogicalNot", math.logical_not, "x")
is_nan, is_inf, is_finite = (
    op("IsNan", math.is_nan, "x"),
    op("IsInf", math.is_inf, "x"),
    op("IsFinite", math.is_finite, "x"),
)
where = op("Select", select.where_v1, "condition | x y")
where_v2 = op("SelectV2", select.where, "condition | x y")
clip_by_value = op("clip_by_value", math.clip_by_value, "t clip_value_min clip_value_max")
clip_by_norm = op("clip_by_norm", reduction.clip_by_norm, "t clip_norm")

# ------------------------------------------------------------------------------------------ reductions

reduce_sum = op("Sum", reduction.reduce_sum, "input_tensor", spellings=REDUCTION)
reduce_prod = op("Prod", reduction.reduce_prod, "input_tensor", spellings=REDUCTION)
reduce_max = op("Max", reduction.reduce_max, "input_tensor", spellings=REDUCTION)
reduce_min = op("Min", reduction.reduce_min, "input_tensor", spellings=REDUCTION)
reduce_mean = op("Mean", reduction.reduce_mean, "input_tensor", spellings=REDUCTION)
reduce_all = op("All", reduction.reduce_all, "input_tensor", spellings=REDUCTION)
reduce_any = op("Any", reduction.reduce_any, "input_tensor", spellings=REDUCTION)
reduce_logsumexp = op("LogSumExp", reduction.reduce_logsumexp, "input_tensor", "logsumexp", REDUCTION)
reduce_variance = op("Variance", reduction.reduce_variance, "input_tensor", "reduce_variance", REDUCTION)
reduce_std = op("Std", reduction.reduce_std, "input_tensor", "reduce_std", REDUCTION)
count_nonzero = op(
    "CountNonzero", reduction.count_nonzero, "input", "count_nonzero", {**REDUCTION, "input_tensor": "input"}
)
argmax = op("ArgMax", reduction.argmax, "input", spellings=DIMENSION)
argmin = op("ArgMin", reduction.argmin, "input", spellings=DIMENSION)
arg_max, arg_min = argmax, argmin
cumsum, cumprod = op("Cumsum", reduction.cumsum, "x"), op("Cumprod", reduction.cumprod, "x")
norm = op("norm", reduction.norm, "tensor", spellings=REDUCTION)
global_norm = op("global_norm", reduction.global_norm, "*t_list")
l2_normalize = op("l2_normalize", reduction.l2_normalize, "x", spellings=DIMENSION)

# ------------------------------------------------------------------------------------ making and moving

zeros, ones = op("zeros", shape.zeros), op("ones", shape.ones)
fill = op("Fill", shape.fill, "value")
zeros_like = op("ZerosLike", math.zeros_like, "x", "zeros_like", {"tensor": "x"})
ones_like = op("OnesLike", math.ones_like, "x", "ones_like", {"tensor": "x"})
diag, diag_part = op("Diag", diagonal.diag, "diagonal"), op("MatrixDiagPart", diagonal.diag_part, "input")
trace = op("Trace", lambda x: reduction.reduce_sum(diagonal.diag_part(x), -1), "x")
eye, linspace = op("eye", grid.eye), op("LinSpace", grid.linspace, "start stop")
lin_space = linspace
range = op("Range", grid.range_, name="range")  # noqa: A001
shape_of = op("Shape", shape.shape, "input")
size = op("Size", shape.size_of, "input")
rank = op("Rank", shape.rank, "input")
reshape = op("Reshape", shape.reshape, "tensor")
expand_dims = op("ExpandDims", shape.expand_dims, "input", spellings={"dim": "axis"})
squeeze = op("Squeeze", shape.squeeze, "input", spellings={"squeeze_dims": "axis"})
transpose = op("Transpose", shape.transpose, "a", "transpose")
concat = op("ConcatV2", shape.concat, "*values", "concat")
stack = op("Pack", shape.stack, "*values", "stack")
unstack = op("Unpack", shape.unstack, "value", "unstack")
split = op("Split", shape.split, "value", "split")
tile = op("Tile", shape.tile, "input")
pad = op("Pad", shape.pad, "tensor")
reverse = op("ReverseV2", shape.reverse, "tensor")
broadcast_to = op("BroadcastTo", shape.broadcast_to, "input")
repeat = op("Repeat", shape.repeat, "input", "repeat")
slice = op("Slice", index.slice_of, "input_")  # noqa: A001
gather = op("GatherV2", index.gather, "params | indices")
gather_nd = op("GatherNd", index.gather_nd, "params | indices")
one_hot = op("OneHot", index.one_hot, "indices | on_value off_value", "one_hot")
sort = op("Sort", order.sort, "values", "sort")
argsort = op("Argsort", order.argsort, "values", "argsort")

unsorted_segment_sum = op("UnsortedSegmentSum", segment.unsorted_segment_sum, "data | segment_ids")

# --------------------------------------------------------------------------------------------- matrices

matmul = op("MatMul", linalg.matmul, "a b")
tensordot = op("Tensordot", linalg.tensordot, "a b")
matvec = op("MatVec", linalg.matvec, "a b")
matrix_inverse = op("MatrixInverse", linalg.matrix_inverse, "input")
matrix_determinant = op("MatrixDeterminant", linalg.matrix_determinant, "input")
matrix_solve = op("MatrixSolve", linalg.matrix_solve, "matrix rhs")
cholesky = op("Cholesky", linalg.cholesky, "a")
self_adjoint_eig = op("SelfAdjointEigV2", linalg.self_adjoint_eig, "a", "self_adjoint_eig")
cross = op("Cross", linalg.cross, "a b")
matrix_transpose = op("MatrixTranspose", linalg.matrix_transpose, "a", "matrix_transpose")

# ----------------------------------------------------------------------------------------------- others

identity = op("Identity", math.identity, "input", spellings={"x": "input"})
stop_gradient = op("StopGradient", math.stop_gradient, "input", spellings={"x": "input"})
cast = op("Cast", math.cast, "x")
bitcast = op("Bitcast", bits.bitcast, "input", spellings={"x": "input"})


def saturate_cast(value, dtype, name=None) -> Tensor:
    """``cast``, which saturates anyway."""
    return cast(value, dtype, name=name)


def to_float(x, name="ToFloat") -> Tensor:
    """``x`` as float32."""
    return cast(x, dt.f32, name=name)


def to_double(x, name="ToDouble") -> Tensor:
    """``x`` as float64."""
    return cast(x, dt.f64, name=name)


def to_int32(x, name="ToInt32") -> Tensor:
    """``x`` as int32."""
    return cast(x, dt.i32, name=name)


def to_int64(x, name="ToInt64") -> Tensor:
    """``x`` as int64."""
    return cast(x, dt.i64, name=name)


def placeholder(dtype, shape=None, name=None) -> Tensor:
    """A value that every run feeds.

    Args:
        dtype: such as ``tf.float32`` or ``"float"``.
        shape: sizes, None for those that may differ from run to run; a shape of None allows any rank.

    Raises:
        DtypeError: unknown dtype. UsageError, ShapeError: a size is no number or negative. GraphError: a bad name.

    Example::

        x = tf.placeholder(tf.float32, [None, 784], name="x")
        sess.run(tf.reduce_mean(x), feed_dict={x: images})
    """
    graph, kind, sizes = get_default_graph(), dt.as_dtype(dtype), TensorShape(shape)
    if name:
        graph.check_name(name)
    full = graph.unique_name(name or "Placeholder")
    known = None if sizes.dims is None else tuple(sizes.as_list())
    return graph.create("Placeholder", full, (), None, Feed((kind, known)), [(kind, known)]).outputs[0]


def placeholder_with_default(input, shape, name=None) -> Tensor:  # noqa: A002
    """A value that a run may feed; otherwise ``input``.

    Raises:
        UsageError: ``input`` does not fit ``shape``.
    """
    graph = input.graph if isinstance(input, Operators) else get_default_graph()
    if name:
        graph.check_name(name)
    full = graph.unique_name(name or "PlaceholderWithDefault")
    default = graph.convert(input, None, f"{full}/input")
    sizes = TensorShape(shape)
    if not default.shape.is_compatible_with(sizes):
        raise UsageError(explain(f"placeholder_with_default: default of shape {default.shape} does not fit {sizes}"))
    known = None if sizes.dims is None else tuple(sizes.as_list())
    outputs = [(default.dtype, known)]
    return graph.create("PlaceholderWithDefault", full, (default,), math.identity, None, outputs).outputs[0]


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False) -> Tensor:
    """A constant; with ``shape``, a single value fills it and a list is extended by its last element.

    Raises:
        DtypeError: the value does not fit ``dtype``.
        ShapeError: the value does not fit ``shape``.
    """
    graph = get_default_graph()
    if isinstance(value, Operators):
        raise UsageError(explain(f"constant: {value.name} is a tensor already; use tf.identity"))
    array = literal_array(value, None if dtype is None else dt.as_dtype(dtype))
    if shape is None:
        node = const(array)
    else:
        sizes = TensorShape(shape).as_list()
        total = TensorShape(sizes).num_elements()
        if array.size > max(total, 1) or (verify_shape and array.shape != tuple(sizes)) or (total and not array.size):
            raise UsageError(explain(f"constant: value of shape {array.shape} does not fit shape {tuple(sizes)}"))
        if array.size == 1:
            node = const(array.reshape(()), Type(dt.as_dtype(array.dtype), tuple(sizes)))
        else:
            flat = array.ravel().tolist()
            flat += [flat[-1]] * (total - len(flat))
            node = const(literal_array(flat, dt.as_dtype(array.dtype)).reshape(sizes))
    if name:
        graph.check_name(name)
    full = graph.unique_name(name or "Const")
    return graph.create("Const", full, (), lambda: node, outputs=[(node.dtype, node)]).outputs[0]


def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None) -> Tensor:
    """``add_n``."""
    return add_n(inputs, name=name)


def meshgrid(*args, **kwargs) -> list[Tensor]:
    """Coordinates of a grid as one tensor for each vector; ``indexing`` is ``xy`` or ``ij``."""
    indexing, name = kwargs.pop("indexing", "xy"), kwargs.pop("name", None)
    if kwargs:
        raise UsageError(explain(f"meshgrid: unknown argument {', '.join(kwargs)}"))
    groups = {"xs": 0}
    out = construct("Meshgrid", "meshgrid", lambda xs, indexing: grid.meshgrid(*xs, indexing=indexing),
                    {"xs": args, "indexing": indexing}, groups, {"xs"}, name)  # fmt: skip
    return out if isinstance(out, list) else [out]


def convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None) -> Tensor:
    """``value`` as a Tensor: tensors stay, variables are read, everything else becomes a constant."""
    graph = value.graph if isinstance(value, Operators) else get_default_graph()
    return graph.convert(value, None if dtype is None else dt.as_dtype(dtype), name)


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """All tensors shrunk by one factor so that their common length is at most ``clip_norm``; and that length."""
    present = [t for t in t_list if t is not None]

    def clipped(t_list, clip_norm, use_norm):
        tensors, total = reduction.clip_by_global_norm(t_list, clip_norm, use_norm)
        return [*tensors, total]

    arguments = {"t_list": present, "clip_norm": clip_norm, "use_norm": use_norm}
    groups = {"t_list": 0, "clip_norm": 0, "use_norm": 0}
    *tensors, total = construct(
        "clip_by_global_norm", "clip_by_global_norm", clipped, arguments, groups, {"t_list"}, name
    )
    found = iter(tensors)
    return [None if t is None else next(found) for t in t_list], total


name_functions(globals())
