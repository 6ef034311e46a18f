"""TensorFlow 1's interface: ``import graphc.v1 as tf``."""

from types import ModuleType as _ModuleType

import graphc
from graphc.ir.dtype import DType, as_dtype
from graphc.ir.dtype import b1 as bool  # noqa: A004  TensorFlow's names
from graphc.ir.dtype import bf16 as bfloat16
from graphc.ir.dtype import c64 as complex64
from graphc.ir.dtype import c128 as complex128
from graphc.ir.dtype import f16 as float16
from graphc.ir.dtype import f16 as half
from graphc.ir.dtype import f32 as float32
from graphc.ir.dtype import f64 as float64
from graphc.ir.dtype import f64 as double
from graphc.ir.dtype import i8 as int8
from graphc.ir.dtype import i16 as int16
from graphc.ir.dtype import i32 as int32
from graphc.ir.dtype import i64 as int64
from graphc.ir.dtype import string
from graphc.ir.dtype import u8 as uint8
from graphc.ir.dtype import u16 as uint16
from graphc.ir.dtype import u32 as uint32
from graphc.ir.dtype import u64 as uint64
from graphc.v1 import errors, initializers, layers, logging, losses, math, nn, random, train
from graphc.v1.catalogue import SHARED as _SHARED
from graphc.v1.config import ConfigProto, GPUOptions, RunMetadata, RunOptions
from graphc.v1.control import (
    add_to_collection, control_dependencies, device, get_collection, get_collection_ref, group, name_scope,
    no_op, op_scope, set_random_seed,
)  # fmt: skip
from graphc.v1.control import tuple_of as tuple  # noqa: A004
from graphc.v1.control_flow import (
    TensorArray, case, cond, foldl, foldr, grad_pass_through, map_fn, recompute_grad, scan, switch_case, vectorized_map,
    while_loop,
)  # fmt: skip
from graphc.v1.default import get_default_session
from graphc.v1.freeze import freeze
from graphc.v1.gradients import gradients
from graphc.v1.graph import Graph, GraphKeys, get_default_graph, reset_default_graph
from graphc.v1.initializers import Constant as constant_initializer
from graphc.v1.initializers import Ones as ones_initializer
from graphc.v1.initializers import Orthogonal as orthogonal_initializer
from graphc.v1.initializers import RandomNormal as random_normal_initializer
from graphc.v1.initializers import RandomUniform as random_uniform_initializer
from graphc.v1.initializers import TruncatedNormal as truncated_normal_initializer
from graphc.v1.initializers import UniformUnitScaling as uniform_unit_scaling_initializer
from graphc.v1.initializers import VarianceScaling as variance_scaling_initializer
from graphc.v1.initializers import Zeros as zeros_initializer
from graphc.v1.initializers import glorot_normal as glorot_normal_initializer
from graphc.v1.initializers import glorot_uniform as glorot_uniform_initializer
from graphc.v1.ops import (  # noqa: A004
    abs, accumulate_n, acos, acosh, add, add_n, arg_max, arg_min, argmax, argmin, argsort, asin, asinh, atan,
    atan2, atanh, bitcast, broadcast_to, cast, ceil, cholesky, clip_by_global_norm, clip_by_norm, clip_by_value,
    concat, constant, convert_to_tensor, cos, cosh, count_nonzero, cross, cumprod, cumsum, diag, diag_part,
    digamma, div, div_no_nan, divide, equal, erf, erfc, exp, expand_dims, expm1, eye, fill, floor, floor_div,
    floordiv, floormod, gather, gather_nd, global_norm, greater, greater_equal, identity, is_finite, is_inf,
    is_nan, less, less_equal, lgamma, lin_space, linspace, log, log1p, logical_and, logical_not, logical_or,
    logical_xor, matmul, matrix_determinant, matrix_inverse, matrix_solve, matrix_transpose, maximum, meshgrid,
    minimum, mod, multiply, negative, norm, not_equal, one_hot, ones, ones_like, pad, placeholder,
    placeholder_with_default, pow, range, rank, realdiv, reciprocal, reduce_all, reduce_any, reduce_logsumexp,
    reduce_max, reduce_mean, reduce_min, reduce_prod, reduce_sum, repeat, reshape, reverse, rint, round, rsqrt,
    saturate_cast, scalar_mul, self_adjoint_eig, sigmoid, sign, sin, sinh, size, slice, sort, split, sqrt,
    square, squared_difference, squeeze, stack, stop_gradient, subtract, tan, tanh, tensordot, tile, to_double,
    to_float, to_int32, to_int64, trace, transpose, truediv, truncatediv, truncatemod, unsorted_segment_sum,
    unstack, where, where_v2, zeros, zeros_like,
)  # fmt: skip
from graphc.v1.ops import shape_of as shape
from graphc.v1.random import (
    multinomial, random_gamma, random_normal, random_poisson, random_shuffle, random_uniform, truncated_normal,
)  # fmt: skip
from graphc.v1.scope import AUTO_REUSE, VariableScope, get_variable, get_variable_scope, variable_scope
from graphc.v1.session import InteractiveSession, Session
from graphc.api.shape import Dimension, TensorShape
from graphc.v1.step_graph import freeze_initial, step_graph
from graphc.v1.tensor import Operation, Tensor
from graphc.v1.variables import (
    Variable, all_variables, assign, assign_add, assign_sub, global_variables, global_variables_initializer,
    initialize_all_variables, initialize_variables, local_variables, local_variables_initializer, scatter_add,
    scatter_sub, scatter_update, trainable_variables, variables_initializer,
)  # fmt: skip

newaxis = None
__version__ = VERSION = graphc.__version__


def executing_eagerly() -> bool:
    """False: here operations build a graph."""
    return False


def disable_eager_execution() -> None:
    """Nothing: here operations build a graph anyway."""


def disable_v2_behavior() -> None:
    """Nothing: this is TensorFlow 1's interface."""


_MODULES = (errors, initializers, layers, logging, losses, math, nn, random, train)
__all__ = [
    _name for _name, _value in globals().items()
    if not _name.startswith("_") and (not isinstance(_value, _ModuleType) or _value in _MODULES)
]  # fmt: skip


def __getattr__(name: str):
    """What TensorFlow 2 has under the same name."""
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc.v1' has no attribute {name!r}")
    return _SHARED.get(name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_SHARED.below()})
