"""TensorFlow 1's interface: ``import graphc.v1 as tf``."""

import importlib as _importlib
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
from graphc.v1.catalogue import members_of as _members_of
from graphc.v1.config import ConfigProto, GPUOptions, RunMetadata, RunOptions
from graphc.v1.control import (
    add_to_collection, add_to_collections, control_dependencies, device, get_collection, get_collection_ref, group,
    name_scope, no_op, op_scope, set_random_seed,
)  # fmt: skip
from graphc.v1.control import tuple_of as tuple  # noqa: A004
from graphc.v1.control_flow import (
    TensorArray, case, cond, foldl, foldr, grad_pass_through, map_fn, recompute_grad, scan, switch_case, vectorized_map,
    while_loop,
)  # fmt: skip
from graphc.v1.default import get_default_session
from graphc.v1.freeze import freeze
from graphc.v1.gradients import gradients, hessians
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
from graphc.v1.ops import (
    constant, convert_to_tensor, placeholder, placeholder_with_default, to_bfloat16, to_complex64, to_complex128,
    to_double, to_float, to_int32, to_int64,
)  # fmt: skip
from graphc.v1.mode import (
    control_flow_v2_enabled, disable_control_flow_v2, disable_eager_execution, disable_resource_variables,
    disable_tensor_equality, disable_v2_behavior, disable_v2_tensorshape, enable_control_flow_v2,
    enable_eager_execution, enable_resource_variables, enable_tensor_equality, enable_v2_behavior,
    enable_v2_tensorshape, executing_eagerly, executing_eagerly_outside_functions, resource_variables_enabled,
)  # fmt: skip
from graphc.v1 import queues as queue
from graphc.v1.printing import Assert, Print, print  # noqa: A004
from graphc.v1.producers import count_up_to
from graphc.v1.queues import (
    ConditionalAccumulator, ConditionalAccumulatorBase, FIFOQueue, PaddingFIFOQueue, PriorityQueue, QueueBase,
    RandomShuffleQueue, SparseConditionalAccumulator, numpy_function, py_func, py_function,
)  # fmt: skip
from graphc.v1.readers import (
    FixedLengthRecordReader, IdentityReader, ReaderBase, TextLineReader, TFRecordReader, WholeFileReader,
)  # fmt: skip
from graphc.v1.scope import AUTO_REUSE, VariableScope, get_variable, get_variable_scope, variable_scope
from graphc.v1.session import InteractiveSession, Session
from graphc.api.shape import Dimension
from graphc.api.shape import DimensionShape as TensorShape
from graphc.v1.step_graph import freeze_initial, step_graph
from graphc.v1.tensor import Operation, Tensor
from graphc.v1.variables import (
    Variable, all_variables, assign, assign_add, assign_sub, global_variables, global_variables_initializer,
    initialize_all_variables, initialize_variables, local_variables, local_variables_initializer, model_variables,
    moving_average_variables, scatter_add,
    scatter_sub, scatter_update, trainable_variables, variables_initializer,
)  # fmt: skip

newaxis = None
config, trace = _SHARED.get("config"), _SHARED.get("trace")  # modules of this package have these names too
__version__ = VERSION = graphc.__version__


_MODULES = (errors, initializers, layers, logging, losses, math, nn, queue, random, train)
__all__ = sorted(
    {n for n, v in globals().items() if not n.startswith("_") and (not isinstance(v, _ModuleType) or v in _MODULES)}
    | set(_SHARED.below())
)
_member = _members_of("")


def __getattr__(name: str):
    """The catalogue's functions, and ``compat``, which is imported when it is first asked for."""
    return _importlib.import_module("graphc.compat") if name == "compat" else _member(name)


def __dir__() -> list[str]:
    return __all__
