"""TensorFlow 1's public names and the modules that hold them; a module is imported when a name of it is first asked for."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable

# Namespace ("" for ``tf`` itself) -> module below graphc.v1 (or with its whole name) -> names in it; ``name=attribute``
# where the module calls it otherwise. What is not listed is looked up in the catalogue.
EXPORTS: dict[str, dict[str, str]] = {
    "": {
        "graphc": "__version__ VERSION=__version__",
        "graphc.ir.dtype": """DType as_dtype bool=b1 bfloat16=bf16 complex64=c64 complex128=c128 float16=f16 half=f16 float32=f32
            float64=f64 double=f64 int8=i8 int16=i16 int32=i32 int64=i64 string uint8=u8 uint16=u16 uint32=u32 uint64=u64""",
        "graphc.api.shape": "Dimension TensorShape=DimensionShape",
        "config": "ConfigProto GPUOptions RunMetadata RunOptions",
        "control": """add_to_collection add_to_collections control_dependencies device get_collection get_collection_ref group
            name_scope no_op op_scope set_random_seed tuple=tuple_of""",
        "control_flow": """TensorArray case cond foldl foldr grad_pass_through map_fn recompute_grad scan switch_case
            vectorized_map while_loop""",
        "default": "get_default_session",
        "freeze": "freeze",
        "gradients": "gradients hessians",
        "graph": "Graph GraphKeys get_default_graph reset_default_graph",
        "initializers": """constant_initializer=Constant ones_initializer=Ones orthogonal_initializer=Orthogonal
            random_normal_initializer=RandomNormal random_uniform_initializer=RandomUniform
            truncated_normal_initializer=TruncatedNormal uniform_unit_scaling_initializer=UniformUnitScaling
            variance_scaling_initializer=VarianceScaling zeros_initializer=Zeros
            glorot_normal_initializer=glorot_normal glorot_uniform_initializer=glorot_uniform""",
        "mode": """control_flow_v2_enabled disable_control_flow_v2 disable_eager_execution disable_resource_variables
            disable_tensor_equality disable_v2_behavior disable_v2_tensorshape enable_control_flow_v2
            enable_eager_execution enable_resource_variables enable_tensor_equality enable_v2_behavior
            enable_v2_tensorshape executing_eagerly executing_eagerly_outside_functions resource_variables_enabled""",
        "ops": """constant convert_to_tensor placeholder placeholder_with_default to_bfloat16 to_complex64 to_complex128
            to_double to_float to_int32 to_int64""",
        "printing": "Assert Print print",
        "producers": "count_up_to",
        "queues": """ConditionalAccumulator ConditionalAccumulatorBase FIFOQueue PaddingFIFOQueue PriorityQueue QueueBase
            RandomShuffleQueue SparseConditionalAccumulator numpy_function py_func py_function""",
        "readers": """FixedLengthRecordReader IdentityReader ReaderBase TextLineReader TFRecordReader WholeFileReader""",
        "scope": "AUTO_REUSE VariableScope get_variable get_variable_scope variable_scope",
        "session": "InteractiveSession Session",
        "step_graph": "freeze_initial step_graph",
        "tensor": "Operation Tensor",
        "variables": """Variable all_variables assign assign_add assign_sub global_variables global_variables_initializer
            initialize_all_variables initialize_variables local_variables local_variables_initializer model_variables
            moving_average_variables scatter_add scatter_sub scatter_update trainable_variables variables_initializer""",
    },
    "train": {
        "average": "ExponentialMovingAverage",
        "batches": """batch batch_join maybe_batch maybe_batch_join maybe_shuffle_batch maybe_shuffle_batch_join shuffle_batch
            shuffle_batch_join""",
        "coordinator": "Coordinator LooperThread",
        "decay": """cosine_decay exponential_decay inverse_time_decay natural_exp_decay piecewise_constant
            polynomial_decay""",
        "global_step": "create_global_step get_global_step get_or_create_global_step global_step",
        "optimizers.optimizer": """AdadeltaOptimizer AdagradOptimizer AdamOptimizer FtrlOptimizer GradientDescentOptimizer
            MomentumOptimizer Optimizer RMSPropOptimizer""",
        "producers": """input_producer limit_epochs match_filenames_once range_input_producer slice_input_producer
            string_input_producer""",
        "queue_runner": "QueueRunner add_queue_runner start_queue_runners",
    },
}  # fmt: skip

# Namespaces of ``tf`` that are modules of this package; ``name=module`` where it is called otherwise.
MODULES = "errors initializers layers logging losses math nn queue=queues random train"


@functools.lru_cache(maxsize=None)
def homes(namespace: str) -> dict[str, tuple[str, str | None]]:
    """Name -> the module that has it and what it is called there; None for the module itself."""
    found: dict[str, tuple[str, str | None]] = {}
    for module, names in EXPORTS.get(namespace, {}).items():
        path = module if module.partition(".")[0] == "graphc" else f"graphc.v1.{module}"
        for entry in names.split():
            name, _, attribute = entry.partition("=")
            found[name] = path, attribute or name
    if not namespace:
        for entry in MODULES.split():
            name, _, module = entry.partition("=")
            found[name] = f"graphc.v1.{module or name}", None
    return found


def members(namespace: str = "") -> tuple[Callable, Callable]:
    """The ``__getattr__`` and ``__dir__`` of the module ``graphc.v1.<namespace>``."""
    where = f"graphc.v1.{namespace}" if namespace else "graphc.v1"

    def member(name: str):
        if name.startswith("__") and name not in homes(namespace):
            raise AttributeError(f"module {where!r} has no attribute {name!r}")
        if name in homes(namespace):
            path, attribute = homes(namespace)[name]
            value = importlib.import_module(path)
            value = value if attribute is None else getattr(value, attribute)
        else:
            value = _catalogue().get(f"{namespace}.{name}" if namespace else name)
        vars(sys.modules[where])[name] = value
        return value

    return member, lambda: sorted({*homes(namespace), *_catalogue().below(namespace)})


def _catalogue():
    return importlib.import_module("graphc.v1.catalogue").SHARED
