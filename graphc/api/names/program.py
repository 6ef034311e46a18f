"""Names of what stands around operations: scopes, devices, settings, descriptions of tensors, choices, nests."""

import numpy as np

from graphc import errors
from graphc.api import at_once, build_info, choices, devices, machine, nest, scope, type_spec
from graphc.api.op import Late
from graphc.api.operators import Composed, Operators
from graphc.api.spec import TensorSpec, broadcast_static_shape
from graphc.runtime.progress import show_progress

_PYTHON = bool | int | float | complex | str | bytes | list | tuple
_TENSOR_LIKE = Operators | Composed | np.ndarray | np.generic | _PYTHON
_AROUND = (
    "control_dependencies", "device", "executing_eagerly", "get_current_name_scope", "get_static_value", "group",
    "init_scope", "inside_function", "is_symbolic_tensor", "is_tensor", "name_scope", "no_op", "timestamp", "tuple",
)  # fmt: skip
_CONFIG = (
    "LogicalDevice", "PhysicalDevice", "get_soft_device_placement", "get_visible_devices", "list_physical_devices",
    "set_soft_device_placement", "set_visible_devices",
)  # fmt: skip
_DEVICES = (
    "LogicalDeviceConfiguration", "experimental_connect_to_cluster", "experimental_connect_to_host",
    "get_logical_device_configuration", "list_logical_devices", "set_logical_device_configuration",
)  # fmt: skip
_VERSION = (
    "COMPILER_VERSION", "GIT_VERSION", "GRAPH_DEF_VERSION", "GRAPH_DEF_VERSION_MIN_CONSUMER",
    "GRAPH_DEF_VERSION_MIN_PRODUCER", "VERSION",
)  # fmt: skip
_BUILD = (
    "CXX11_ABI_FLAG", "CXX_VERSION", "MONOLITHIC_BUILD", "get_build_info", "get_compile_flags", "get_include",
    "get_lib", "get_link_flags",
)  # fmt: skip
_RUNTIME = (
    "ClusterDeviceFilters", "disable_mlir_bridge", "enable_mlir_bridge", "enable_op_determinism",
    "enable_tensor_float_32_execution", "get_device_details", "get_device_policy", "get_memory_info",
    "get_memory_usage", "get_synchronous_execution", "list_logical_devices", "reset_memory_stats", "set_device_policy",
    "set_synchronous_execution", "tensor_float_32_execution_enabled",
)  # fmt: skip
_THREADS = (
    "get_inter_op_parallelism_threads", "get_intra_op_parallelism_threads", "set_inter_op_parallelism_threads",
    "set_intra_op_parallelism_threads",
)  # fmt: skip
_TEST = (
    "gpu_device_name", "is_built_with_cuda", "is_built_with_gpu_support", "is_built_with_rocm", "is_built_with_xla",
    "is_cpu_target_available", "is_gpu_available",
)  # fmt: skip
_NEST = ("assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as")
_ERRORS = (
    "AbortedError", "AlreadyExistsError", "CancelledError", "DataLossError", "DeadlineExceededError",
    "FailedPreconditionError", "InternalError", "InvalidArgumentError", "NotFoundError", "OpError", "OutOfRangeError",
    "OperatorNotAllowedInGraphError", "PermissionDeniedError", "ResourceExhaustedError", "UnauthenticatedError",
    "UnavailableError", "UnimplementedError", "UnknownError",
)  # fmt: skip
_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip

FUNCTIONS = {
    "TensorSpec": TensorSpec,
    "AggregationMethod": choices.AggregationMethod,
    "VariableAggregation": choices.VariableAggregation,
    "VariableSynchronization": choices.VariableSynchronization,
    "broadcast_static_shape": broadcast_static_shape,
    **{name: getattr(scope, name) for name in _AROUND},
    **{f"config.{name}": getattr(machine, name) for name in _CONFIG},
    **{f"config.threading.{name}": getattr(machine, name) for name in _THREADS},
    **{f"config.experimental.{name}": getattr(machine, name) for name in
       ("get_memory_growth", "get_visible_devices", "list_physical_devices", "set_memory_growth",
        "set_visible_devices")},
    **{f"config.{name}": getattr(devices, name) for name in _DEVICES},
    **{f"config.experimental.{name}": getattr(devices, name) for name in _RUNTIME},
    "config.experimental.VirtualDeviceConfiguration": devices.LogicalDeviceConfiguration,
    "config.experimental.get_virtual_device_configuration": devices.get_logical_device_configuration,
    "config.experimental.set_virtual_device_configuration": devices.set_logical_device_configuration,
    "config.show_compile_progress": show_progress,
    "config.run_eagerly": at_once.run_eagerly,
    "config.runs_eagerly": at_once.runs_eagerly,
    "config.optimizer.get_jit": machine.get_jit,
    "config.optimizer.set_jit": machine.set_jit,
    "config.optimizer.get_experimental_options": machine.get_optimizer_options,
    "config.optimizer.set_experimental_options": machine.set_optimizer_options,
    **{f"test.{name}": getattr(machine, name) for name in _TEST},
    **{f"version.{name}": getattr(build_info, name) for name in _VERSION},
    **{f"sysconfig.{name}": getattr(build_info, name) for name in _BUILD},
    **{f"test.{name}": Late("graphc.api.test_case", name) for name in
       ("TestCase", "assert_equal_graph_def", "disable_with_predicate", "get_temp_dir", "main", "mock")},
    "test.experimental.sync_devices": Late("graphc.api.test_case", "sync_devices"),
    "types.experimental.ConcreteFunction": Late("graphc.api.function.concrete", "ConcreteFunction"),
    **{f"types.experimental.{name}": Late("graphc.api.function.function", "Function") for name in
       ("Callable", "GenericFunction", "PolymorphicFunction")},
    "types.experimental.TensorLike": _TENSOR_LIKE,
    **{f"nest.{name}": getattr(nest, name) for name in _NEST},
    **{f"errors.{name}": getattr(errors, name) for name in (*_ERRORS, *_CODES)},
    "get_logger": machine.get_logger,
    "type_spec_from_value": type_spec.type_spec_from_value,
}  # fmt: skip
