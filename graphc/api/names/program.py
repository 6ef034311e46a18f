"""Names of what stands around operations: scopes, devices, settings, descriptions of tensors, choices, nests."""

from graphc import errors
from graphc.api import choices, machine, nest, scope, type_spec
from graphc.api.spec import TensorSpec, broadcast_static_shape

_AROUND = (
    "control_dependencies", "device", "executing_eagerly", "get_current_name_scope", "get_static_value", "group",
    "init_scope", "inside_function", "is_symbolic_tensor", "is_tensor", "name_scope", "no_op", "timestamp", "tuple",
)  # fmt: skip
_CONFIG = (
    "LogicalDevice", "PhysicalDevice", "get_soft_device_placement", "get_visible_devices", "list_logical_devices",
    "list_physical_devices", "set_soft_device_placement", "set_visible_devices",
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
       ("get_memory_growth", "list_logical_devices", "list_physical_devices", "set_memory_growth",
        "set_visible_devices", "get_visible_devices")},
    "config.optimizer.get_jit": machine.get_jit,
    "config.optimizer.set_jit": machine.set_jit,
    "config.optimizer.get_experimental_options": machine.get_optimizer_options,
    "config.optimizer.set_experimental_options": machine.set_optimizer_options,
    "debugging.get_log_device_placement": machine.get_log_device_placement,
    "debugging.set_log_device_placement": machine.set_log_device_placement,
    **{f"test.{name}": getattr(machine, name) for name in _TEST},
    **{f"nest.{name}": getattr(nest, name) for name in _NEST},
    **{f"errors.{name}": getattr(errors, name) for name in (*_ERRORS, *_CODES)},
    "get_logger": machine.get_logger,
    "type_spec_from_value": type_spec.type_spec_from_value,
}  # fmt: skip
