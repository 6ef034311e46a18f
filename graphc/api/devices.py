"""``tf.config``: logical devices, and settings of TensorFlow's runtime that mean little on one CPU."""

from __future__ import annotations

import re
import resource
from dataclasses import dataclass

from graphc.api.machine import LogicalDevice, expect_known, setting
from graphc.errors import UnavailableError, UsageError, explain


@dataclass(frozen=True)
class LogicalDeviceConfiguration:
    """A part of a physical device that operations name like a device of its own; all parts of the CPU are one here.

    Attributes:
        memory_limit, experimental_priority, experimental_device_ordinal: of GPUs; without effect.
    """

    memory_limit: int | None = None
    experimental_priority: int | None = None
    experimental_device_ordinal: int | None = None


class _Chosen:
    """What the program set."""

    logical: tuple[LogicalDeviceConfiguration, ...] | None = None
    policy = "silent"


def list_logical_devices(device_type=None) -> list[LogicalDevice]:
    """The CPU, or the parts of it that ``set_logical_device_configuration`` made."""
    count = len(_Chosen.logical or (None,))
    return [LogicalDevice(f"/device:CPU:{k}", "CPU") for k in range(count)] if device_type in (None, "CPU") else []


def get_logical_device_configuration(device):
    """What ``set_logical_device_configuration`` was given for a device, as a list; None without that.

    Raises:
        UsageError: there is no such device.
    """
    expect_known(device)
    return None if _Chosen.logical is None else list(_Chosen.logical)


def set_logical_device_configuration(device, logical_devices) -> None:
    """Let a device be seen as several ones. Operations run on all cores of the CPU whichever of them they name.

    Args:
        device: one of ``list_physical_devices()``.
        logical_devices: LogicalDeviceConfigurations, or None for one device.

    Raises:
        UsageError: there is no such device, or a limit is given for the memory of the CPU.
    """
    expect_known(device)
    for one in logical_devices or ():
        if not isinstance(one, LogicalDeviceConfiguration):
            raise UsageError(explain(f"config: logical_devices must be LogicalDeviceConfigurations, got {one!r}"))
        if one.memory_limit is not None:
            raise UsageError(explain("config: the memory of the CPU cannot be limited; leave memory_limit out"))
    _Chosen.logical = None if logical_devices is None else tuple(logical_devices)


_DEVICE = re.compile(r"(?:/?(?:job:\w+/replica:\d+/task:\d+/)?(?:physical_)?(?:device:)?)(\w+):(\d+)", re.IGNORECASE)


def _is_cpu(device: str) -> None:
    """Refuse what names no device here."""
    found = _DEVICE.fullmatch(device) if isinstance(device, str) else None
    if found is None:
        raise UsageError(explain(f"config: {device!r} names no device; names look like 'CPU:0'"))
    if found[1].upper() != "CPU" or int(found[2]) >= len(list_logical_devices()):
        raise UsageError(explain(f"config: there is no device {device!r}; list_logical_devices() has them"))


def get_memory_info(device) -> dict[str, int]:
    """The memory of the process in bytes: what it has now, as ``current``, and the most it had so far, as ``peak``.

    Raises:
        UsageError: it names no device.
    """
    _is_cpu(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    current = _resident() or peak
    return {"current": current, "peak": max(current, peak)}


def _resident() -> int:
    """The memory that the process has now; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def get_memory_usage(device) -> int:
    """The bytes of memory that the process has now."""
    return get_memory_info(device)["current"]


def reset_memory_stats(device) -> None:
    """Nothing: the system counts the peak from the start of the process.

    Raises:
        UsageError: it names no device.
    """
    _is_cpu(device)


def get_device_details(device) -> dict:
    """What is known of a device beside its name: nothing of the CPU.

    Raises:
        UsageError: there is no such device.
    """
    expect_known(device)
    return {}


_POLICIES = ("explicit", "warn", "silent", "silent_for_int32")


def get_device_policy() -> str:
    """What ``set_device_policy`` set; ``silent`` at first."""
    return _Chosen.policy


def set_device_policy(device_policy) -> None:
    """Remember how copies between devices are to be told; there are none.

    Raises:
        UsageError: it is none of ``explicit``, ``warn``, ``silent``, ``silent_for_int32`` and None.
    """
    if device_policy not in (None, *_POLICIES):
        raise UsageError(explain(f"config: device_policy must be one of {', '.join(_POLICIES)}, got {device_policy!r}"))
    _Chosen.policy = device_policy or "silent"


get_synchronous_execution, set_synchronous_execution = setting(
    "synchronous", "enable", "Whether eager operations are waited for", bool
)
tensor_float_32_execution_enabled, enable_tensor_float_32_execution = setting(
    "tensor float 32", "enabled", "Whether GPUs may multiply with fewer bits", bool
)


def enable_op_determinism() -> None:
    """Nothing: equal programs give equal bits here, for any number of threads."""


def enable_mlir_bridge() -> None:
    """Nothing: the compiler is graphc's own."""


def disable_mlir_bridge() -> None:
    """Nothing: the compiler is graphc's own."""


def _refuse(name: str):
    raise UnavailableError(explain(f"config.{name}: programs run on this machine alone; there are no clusters"))


def experimental_connect_to_cluster(cluster_spec_or_resolver, job_name="localhost", task_index=0, protocol=None,
                                    make_master_device_default=True, cluster_device_filters=None):  # fmt: skip
    """Not available.

    Raises:
        UnavailableError: always.
    """
    _refuse("experimental_connect_to_cluster")


def experimental_connect_to_host(remote_host=None, job_name="worker"):
    """Not available.

    Raises:
        UnavailableError: always.
    """
    _refuse("experimental_connect_to_host")


class ClusterDeviceFilters:
    """Not available.

    Raises:
        UnavailableError: always.
    """

    def __init__(self):
        _refuse("experimental.ClusterDeviceFilters")
