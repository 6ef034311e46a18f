"""``tf.config``: logical devices, their memory, and settings of TensorFlow's runtime that mean little here."""

from __future__ import annotations

import re
import resource
from dataclasses import dataclass

from graphc.api.machine import LogicalDevice, expect_known, get_visible_devices, setting
from graphc.api.places import HOST, can_emulate, device_at, place_of
from graphc.errors import UnavailableError, UsageError, explain
from graphc.runtime.device_memory import forget_peak, memory_held, scratch_held
from graphc.runtime.gpus import found_gpus


@dataclass(frozen=True)
class LogicalDeviceConfiguration:
    """A part of a physical device that operations name like a device of its own; all parts of a device are one here.

    Attributes:
        memory_limit, experimental_priority, experimental_device_ordinal: of GPUs; without effect, as memory is taken as it
            is needed.
    """

    memory_limit: int | None = None
    experimental_priority: int | None = None
    experimental_device_ordinal: int | None = None


class _Chosen:
    """What the program set; ``logical``: of each device."""

    logical: dict[object, tuple[LogicalDeviceConfiguration, ...]] = {}
    policy = "silent"


def list_logical_devices(device_type=None) -> list[LogicalDevice]:
    """The devices that operations may name: the CPU, or its parts of ``set_logical_device_configuration``, and visible GPUs.

    ``CUDA-EMULATED`` is listed where it is asked for and can be used: kernels for GPUs run on the CPU there, to be tested.
    """
    if device_type == "CUDA-EMULATED":
        return [LogicalDevice("/device:CUDA-EMULATED:0", device_type)] if can_emulate() else []
    found = []
    for kind in ("CPU", "GPU"):
        count = sum(len(_Chosen.logical.get(d, (None,))) for d in get_visible_devices(kind))
        found += [LogicalDevice(f"/device:{kind}:{k}", kind) for k in range(count) if device_type in (None, kind)]
    return found


def get_logical_device_configuration(device):
    """What ``set_logical_device_configuration`` was given for a device, as a list; None without that.

    Raises:
        UsageError: there is no such device.
    """
    expect_known(device)
    return list(_Chosen.logical[device]) if device in _Chosen.logical else None


def set_logical_device_configuration(device, logical_devices) -> None:
    """Let the CPU be seen as several devices. Operations run on all its cores whichever of them they name.

    Args:
        device: one of ``list_physical_devices()``.
        logical_devices: LogicalDeviceConfigurations, or None for one device.

    Raises:
        UsageError: there is no such device, a limit is given for the memory of the CPU, or several parts of a GPU.
    """
    expect_known(device)
    if device.device_type == "GPU" and len(logical_devices or ()) > 1:
        raise UsageError(explain(f"config: {device.name} is one device here; give one LogicalDeviceConfiguration"))
    for one in logical_devices or ():
        if not isinstance(one, LogicalDeviceConfiguration):
            raise UsageError(explain(f"config: logical_devices must be LogicalDeviceConfigurations, got {one!r}"))
        if one.memory_limit is not None and device.device_type == "CPU":
            raise UsageError(explain("config: the memory of the CPU cannot be limited; leave memory_limit out"))
    _Chosen.logical.pop(device, None)
    if logical_devices is not None:
        _Chosen.logical[device] = tuple(logical_devices)


_DEVICE = re.compile(
    r"(?:/?(?:job:\w+/replica:\d+/task:\d+/)?(?:physical_)?(?:device:)?)([\w-]+):(\d+)", re.IGNORECASE
)


def _named(device: str) -> str:
    """The device of a name such as ``GPU:0``, as ``cuda:0``.

    Raises:
        UsageError: it names none.
    """
    found = _DEVICE.fullmatch(device) if isinstance(device, str) else None
    if found is None:
        raise UsageError(explain(f"config: {device!r} names no device; names look like 'CPU:0'"))
    kind = found[1].upper()
    if kind == "CUDA-EMULATED" or f"/device:{kind}:{found[2]}" in [d.name for d in list_logical_devices()]:
        return place_of(f"/{kind}:{found[2]}", soft=False)
    raise UsageError(explain(f"config: there is no device {device!r}; list_logical_devices() has them"))


def get_memory_info(device) -> dict[str, int]:
    """Memory in bytes: what is in use now, as ``current``, and the most that was so far, as ``peak``.

    Of the CPU: of the process. Of a GPU: of variables, results and other arrays that lie there; what programs have beside these,
    for constants and intermediate results, is ``scratch``.

    Raises:
        UsageError: it names no device. DeviceUnavailable: it cannot be used; the message says what is missing.
    """
    place = _named(device)
    if place != HOST:
        current, peak = memory_held(device_at(place))
        return {"current": current, "peak": peak, "scratch": scratch_held(device_at(place))}
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
    """The bytes of memory in use now, as ``get_memory_info`` counts."""
    return get_memory_info(device)["current"]


def reset_memory_stats(device) -> None:
    """Count the peak of a GPU from now on. That of the CPU is counted by the system from the start of the process.

    Raises:
        UsageError: it names no device. DeviceUnavailable: it cannot be used.
    """
    place = _named(device)
    if place != HOST:
        forget_peak(device_at(place))


def get_device_details(device) -> dict:
    """What is known of a device beside its name: ``device_name`` and ``compute_capability`` of a GPU, nothing of the CPU.

    Raises:
        UsageError: there is no such device.
    """
    expect_known(device)
    if device.device_type == "CPU":
        return {}
    gpu = found_gpus()[int(device.name.rpartition(":")[2])]
    return {"device_name": gpu.name, "compute_capability": gpu.capability}


_POLICIES = ("explicit", "warn", "silent", "silent_for_int32")


def get_device_policy() -> str:
    """What ``set_device_policy`` set; ``silent`` at first."""
    return _Chosen.policy


def set_device_policy(device_policy) -> None:
    """Remember how copies between devices are to be told; they are made silently.

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
