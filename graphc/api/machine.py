"""What programs ask about the machine, and settings of TensorFlow's runtime that they make."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from graphc.api.places import Seen, see_gpus, visible_gpus
from graphc.api.spelling import respelled
from graphc.errors import UsageError, explain
from graphc.runtime.gpus import found_gpus
from graphc.runtime.pool import default_threads
from graphc.runtime.support import load_support


@dataclass(frozen=True)
class PhysicalDevice:
    """A device that operations can run on: its name, such as ``/physical_device:CPU:0``, and its type."""

    name: str
    device_type: str


@dataclass(frozen=True)
class LogicalDevice:
    """The same, as operations name it: ``/device:CPU:0``."""

    name: str
    device_type: str


_SETTINGS = {"placement log": False, "jit": "", "inter": 0, "intra": 0, "optimizer": {}, "synchronous": True,
             "tensor float 32": True}  # fmt: skip
_CPU = PhysicalDevice("/physical_device:CPU:0", "CPU")


def list_physical_devices(device_type=None) -> list[PhysicalDevice]:
    """The CPU, and the GPUs that NVIDIA's driver shows to this process."""
    gpus = [PhysicalDevice(f"/physical_device:GPU:{k}", "GPU") for k in range(len(found_gpus()))]
    return [d for d in (_CPU, *gpus) if device_type in (None, d.device_type)]


class _Visible:
    """Whether the program wants to see the CPU."""

    cpu = True


def get_visible_devices(device_type=None) -> list[PhysicalDevice]:
    """The devices that operations may use; ``set_visible_devices`` chooses them."""
    gpus = [PhysicalDevice(f"/physical_device:GPU:{k}", "GPU") for k in visible_gpus()]
    cpus = [_CPU] if _Visible.cpu else []
    return [d for d in (*cpus, *gpus) if device_type in (None, d.device_type)]


def set_visible_devices(devices, device_type=None) -> None:
    """Let operations use these devices alone; the first GPU of them is ``GPU:0`` then. The CPU always serves.

    Args:
        devices: some of ``list_physical_devices()``.
        device_type: ``CPU`` or ``GPU`` to choose among these alone; all if None.

    Raises:
        UsageError: a device is not one of ``list_physical_devices()``, or of another type.
    """
    chosen = list(devices) if isinstance(devices, (list, tuple)) else [devices]
    for device in chosen:
        expect_known(device)
        if device_type not in (None, device.device_type):
            raise UsageError(explain(f"config: {device.name} is no {device_type}"))
    if device_type in (None, "GPU"):
        see_gpus(tuple([int(d.name.rpartition(":")[2]) for d in chosen if d.device_type == "GPU"]))
    if device_type in (None, "CPU"):
        _Visible.cpu = _CPU in chosen


def expect_known(device) -> None:
    """Refuse what is no device.

    Raises:
        UsageError: so it is.
    """
    if device not in list_physical_devices():
        raise UsageError(explain(f"config: {device!r} is no device here; list_physical_devices() has them"))


def set_memory_growth(device, enable) -> None:
    """Nothing: memory is always taken as it is needed, also of GPUs.

    Raises:
        UsageError: there is no such device.
    """
    expect_known(device)


def get_memory_growth(device) -> bool:
    """True: memory is always taken as it is needed."""
    expect_known(device)
    return True


def setting(key: str, argument: str, doc: str, kind: Callable | None = None) -> tuple[Callable, Callable]:
    """Functions that get and set what is remembered of a program's wishes.

    Args:
        argument: of the one that sets; doc: what it is, a sentence without its end; kind: what values are made.
    """

    def get():
        return _SETTINGS[key]

    def put(value) -> None:
        _SETTINGS[key] = value if kind is None else kind(value)

    get.__doc__ = f"{doc}, as it was set last."
    put.__doc__ = f"Remember {doc[0].lower()}{doc[1:]}; it has no effect here."
    return get, respelled(put, f"{argument}=value")


def get_soft_device_placement() -> bool:
    """Whether operations run on the default device where the GPU that they are marked with is not there; True at first."""
    return Seen.soft


def set_soft_device_placement(enabled) -> None:
    """Let operations run on the default device where the GPU that they are marked with is not there; else that is refused."""
    Seen.soft = bool(enabled)


get_log_device_placement, set_log_device_placement = setting(
    "placement log", "enabled", "Whether placements are reported"
)
get_inter_op_parallelism_threads, set_inter_op_parallelism_threads = setting(
    "inter", "num_threads", "The number of threads for operations beside each other"
)


def get_intra_op_parallelism_threads() -> int:
    """The number of threads for one operation, as it was set last; 0 for the default."""
    return _SETTINGS["intra"]


def set_intra_op_parallelism_threads(num_threads) -> None:
    """Use this many threads for one operation, at most those of the machine; 0 for the default.

    Raises:
        UsageError: it is no number from 0 on.
    """
    if not isinstance(num_threads, int) or num_threads < 0:
        raise UsageError(explain(f"config: num_threads must be an int from 0 on, got {num_threads!r}"))
    _SETTINGS["intra"] = num_threads
    use_threads(num_threads)


def use_threads(count: int) -> None:
    """Let operations of this process use ``count`` threads, at most those of the machine; 0 for all of them."""
    most = default_threads()
    load_support().set_threads(min(count, most) or most)


get_jit, set_jit = setting("jit", "enabled", "Whether XLA compiles; here everything is compiled")
get_optimizer_options, set_optimizer_options = setting("optimizer", "options", "Options of the graph optimizer")


def get_logger() -> logging.Logger:
    """Python's logger ``graphc``."""
    return logging.getLogger("graphc")


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None) -> bool:
    """Whether there is a GPU that operations may use.

    Args:
        cuda_only: there are no others.
        min_cuda_compute_capability: the least that will do, as (major, minor); None for any.
    """
    least = tuple(min_cuda_compute_capability or (0, 0))
    return any(found_gpus()[k].capability >= least for k in visible_gpus())


def gpu_device_name() -> str:
    """The name of the first GPU that operations may use, ``/device:GPU:0``; empty if there is none."""
    return "/device:GPU:0" if visible_gpus() else ""


def is_built_with_cuda() -> bool:
    """Whether there is a GPU of NVIDIA: support for them is always there, so programs that ask this ask whether to use it."""
    return bool(found_gpus())


def is_built_with_gpu_support() -> bool:
    """The same as ``is_built_with_cuda``."""
    return is_built_with_cuda()


def is_built_with_rocm() -> bool:
    """False."""
    return False


def is_built_with_xla() -> bool:
    """False: the compiler is graphc's own."""
    return False


def is_cpu_target_available(target) -> bool:
    """Whether code for such a CPU can be made: for this machine's."""
    return target in ("x86_64", "aarch64") and os.uname().machine.startswith(target[:5])
